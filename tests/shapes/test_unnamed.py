"""As on the remote: while a replay writes, queries that name no database go there, and answers come from there."""

from __future__ import annotations

import asyncio
import contextlib
import threading

import pytest
from asgiref.sync import async_to_sync, sync_to_async
from django.contrib.contenttypes.models import ContentType
from django.core.exceptions import ImproperlyConfigured
from django.db import IntegrityError, connection, router, transaction

from synchro_triggers import synchronize
from synchro_triggers.unnamed import ReplayRouter, meant_alias, unnamed_on
from tests.databases import ALIASES, both
from tests.fieldapp.models import unnamed
from tests.fieldapp.models.unnamed import (
    Asking,
    Forgetting,
    Note,
    OnlyForcing,
    Stubborn,
    Validating,
    WithoutParameters,
    count_by_cursor,
    note,
    note_and_fail,
)
from tests.replay.hearing import receiving
from tests.shapes.sides import LOCAL, REMOTE
from tests.testapp.models import Item, Tag

pytestmark = both


def rows(model, alias, *names):
    return sorted(unnamed.models.QuerySet(model, using=alias).values_list(*names))


def texts(alias):
    return sorted(Note.objects.using(alias).values_list("text", flat=True))


def synchronize_quietly():
    report = synchronize()
    assert report.failures == []
    assert not synchronize().changed
    return report


@pytest.fixture(params=["one by one", "batch signals"])
def heard(request, settings):
    """Receivers are called for each object, or for a batch."""
    settings.SYNCHRO_BATCH_SIGNALS = request.param == "batch signals"


# Methods of the model -----------------------------------------------------------------------------


def test_object_that_validates_itself_is_asked_whether_it_is_unique_where_it_is_written(capture_only):
    capture_only(Validating)
    above = Validating.objects.create(code="above")
    Validating.objects.create(code="below", above=above)

    synchronize_quietly()

    assert rows(Validating, REMOTE, "code", "above__code") == [("above", None), ("below", "above")]


def test_value_that_the_remote_has_already_is_no_longer_said_to_be_free(capture_only):
    capture_only(Validating)
    Validating.objects.using(REMOTE).bulk_create([Validating(code="taken")])
    Validating.objects.create(code="taken")

    [failure] = synchronize().failures

    assert "already exists" in failure.error


@pytest.mark.parametrize("unnamed_to", ["remote", "local"])
@pytest.mark.parametrize("model", [WithoutParameters, OnlyForcing])
def test_methods_get_the_parameters_that_they_take(capture_only, settings, model, unnamed_to):
    settings.SYNCHRO_UNNAMED = unnamed_to
    capture_only(model)
    made = model(name="a")
    made.save()
    synchronize_quietly()
    assert rows(model, REMOTE, "name") == [("a",)]

    model.objects.filter(name="a").update(name="b")
    synchronize_quietly()
    assert rows(model, REMOTE, "name") == [("b",)]

    made.delete()
    synchronize_quietly()
    assert rows(model, REMOTE, "name") == rows(model, LOCAL, "name") == []


# Receivers ----------------------------------------------------------------------------------------


def write_everywhere(instance, **told):
    """What receivers of others do: related objects, atomic blocks, cursors, what is done at the commit."""
    tag, _ = Tag.objects.get_or_create(label=f"of {instance.name}")
    note(f"{count_by_cursor()} before, of {tag.label}, {connection.alias}")
    with contextlib.suppress(LookupError):
        note_and_fail("rolled back")
    with transaction.atomic():
        note("in a block")
        transaction.on_commit(lambda: note(f"at the commit, {connection.alias}"))
    Note.objects.using(LOCAL).create(text="named")
    named_kind = ContentType.objects.db_manager(LOCAL).get_for_model(Item)
    assert named_kind._state.db == LOCAL


def test_receivers_work_on_the_remote(heard, django_capture_on_commit_callbacks):
    Item.objects.create(name="one")

    with (
        receiving("post_save", Item, write_everywhere),
        django_capture_on_commit_callbacks(using=REMOTE, execute=False) as callbacks,
        django_capture_on_commit_callbacks(using=LOCAL, execute=False) as of_local,
    ):
        report = synchronize()

    assert report.failures == []
    assert texts(REMOTE) == ["0 before, of of one, remote", "in a block"]
    assert texts(LOCAL) == ["named"]
    assert Tag.objects.using(REMOTE).filter(label="of one").exists()
    assert not Tag.objects.using(LOCAL).filter(label="of one").exists()
    assert (len(callbacks), of_local) == (1, [])


@pytest.mark.django_db(databases=ALIASES, transaction=True)
def test_what_is_done_at_the_commit_is_done_on_the_remote():
    Item.objects.create(name="one")

    with receiving("post_save", Item, write_everywhere):
        assert synchronize().failures == []

    assert texts(REMOTE) == ["0 before, of of one, remote", "at the commit, remote", "in a block"]
    assert texts(LOCAL) == ["named"]


def test_with_the_old_setting_they_work_on_local(settings):
    """As django-synchro's README says of plain objects."""
    settings.SYNCHRO_UNNAMED = "local"
    Item.objects.create(name="one")

    with receiving("post_save", Item, lambda **told: note(connection.alias)):
        assert synchronize().failures == []

    assert (texts(LOCAL), texts(REMOTE)) == (["default"], [])


def test_block_that_fails_on_the_remote_does_not_spoil_the_transaction(heard):
    """PostgreSQL takes no statement more after an error, unless it is rolled back to a savepoint."""
    Item.objects.create(name="one")

    @transaction.atomic
    def insert_twice():
        Tag.objects.create(pk=-7, label="x")
        Tag.objects.create(pk=-7, label="x")

    def refuse(**told):
        with pytest.raises(IntegrityError):
            insert_twice()
        note("goes on")

    with receiving("post_save", Item, refuse):
        assert synchronize().failures == []

    assert texts(REMOTE) == ["goes on"]
    assert not Tag.objects.using(REMOTE).filter(pk=-7).exists()


def test_objects_of_local_keep_local(heard):
    Item.objects.create(name="one")
    ours = Item.objects.get(name="one")

    def save_ours(instance, using, **told):
        if using == LOCAL:  # it has called itself
            return
        assert instance._state.db == REMOTE
        Item.objects.filter(pk=instance.pk).update(name="changed there")
        ours.refresh_from_db()
        assert (ours.name, ours._state.db) == ("one", LOCAL)
        ours.save()

    with receiving("post_save", Item, save_ours):
        assert synchronize().failures == []

    assert rows(Item, LOCAL, "name") == [("one",)]
    assert rows(Item, REMOTE, "name") == [("changed there",)]


# Managers and natural keys ------------------------------------------------------------------------


@pytest.mark.parametrize("unnamed_to", ["remote", "local"])
def test_manager_that_forgets_its_database_finds_what_the_remote_has(capture_only, settings, unnamed_to):
    settings.SYNCHRO_UNNAMED = unnamed_to
    capture_only(Forgetting)
    unnamed.models.QuerySet(Forgetting, using=REMOTE).bulk_create(
        [Forgetting(code="theirs", text="of main"), Forgetting(code="both", text="of main")]
    )
    Forgetting(code="ours", text="of the office").save(using=LOCAL)
    Forgetting(code="both", text="of the office").save(using=LOCAL)

    synchronize_quietly()

    assert rows(Forgetting, REMOTE, "code", "text") == [
        ("both", "of the office"),
        ("ours", "of the office"),
        ("theirs", "of main"),
    ]


def test_manager_that_answers_from_another_database_is_named_and_not_believed(capture_only):
    capture_only(Stubborn)
    Stubborn.objects.using(REMOTE).create(code="theirs", text="of main")
    Stubborn.objects.create(code="ours", text="of the office")

    [failure] = synchronize().failures

    assert "StubbornManager" in failure.error and "'default'" in failure.error
    assert rows(Stubborn, REMOTE, "code", "text") == [("theirs", "of main")]


def test_natural_key_of_a_local_object_is_asked_on_local(capture_only):
    capture_only(Asking)
    Asking.objects.using(REMOTE).bulk_create([Asking(code=code) for code in ("x", "y", "z")])
    Asking.objects.create(code="ours")

    synchronize_quietly()

    assert rows(Asking, REMOTE, "code") == [("ours",), ("x",), ("y",), ("z",)]


# Whom it concerns ---------------------------------------------------------------------------------


def test_other_threads_and_tasks_keep_what_they_had():
    """A thread of a receiver, one of another request, a task that outlives the replay."""
    found = {}

    def ask(name):
        found[name] = (meant_alias(), router.db_for_write(Item), connection.alias)

    async def outlive(begun, over):
        begun.set()
        await over.wait()
        found["task"] = (meant_alias(), router.db_for_write(Item), None)

    async def main():
        over, begun = asyncio.Event(), asyncio.Event()
        with unnamed_on(REMOTE):
            task = asyncio.get_running_loop().create_task(outlive(begun, over))
            await begun.wait()
        over.set()
        await task

    with unnamed_on(REMOTE):
        ask("inside")
        thread = threading.Thread(target=ask, args=["thread"])
        thread.start()
        thread.join()
        async_to_sync(sync_to_async(ask, thread_sensitive=False))("another thread")
        async_to_sync(sync_to_async(ask, thread_sensitive=True))("the same thread")
    ask("after")
    asyncio.run(main())

    assert found == {
        "inside": (REMOTE, REMOTE, REMOTE),
        "thread": (None, LOCAL, LOCAL),
        "another thread": (None, LOCAL, LOCAL),
        "the same thread": (REMOTE, REMOTE, REMOTE),
        "after": (None, LOCAL, LOCAL),
        "task": (None, LOCAL, None),
    }


def test_nothing_is_left_in_django():
    before = (router.routers, transaction.get_connection, dict(vars(transaction.Atomic)), dict(connection.__dict__))

    with pytest.raises(LookupError), unnamed_on(REMOTE), unnamed_on(LOCAL), unnamed_on(REMOTE):
        assert isinstance(router.routers[0], ReplayRouter)
        raise LookupError

    after = (router.routers, transaction.get_connection, dict(vars(transaction.Atomic)), dict(connection.__dict__))
    assert after == before


class Contrary:
    """Wants everything that nobody has named to go to ``default``."""

    def db_for_read(self, model, **hints):
        return LOCAL

    db_for_write = db_for_read


def test_routers_of_the_project_come_second_for_what_is_unnamed(settings):
    settings.DATABASE_ROUTERS = [Contrary()]
    Item.objects.create(name="one")

    with receiving("post_save", Item, lambda **told: note("unnamed")):
        assert synchronize().failures == []

    assert (texts(LOCAL), texts(REMOTE)) == ([], ["unnamed"])
    assert router.db_for_write(Item) == LOCAL
    assert [type(each) for each in router.routers] == [Contrary]


def test_wrong_setting_is_named(settings):
    settings.SYNCHRO_UNNAMED = "main"

    with pytest.raises(ImproperlyConfigured, match="SYNCHRO_UNNAMED must be 'remote' or 'local', not 'main'"):
        synchronize()
