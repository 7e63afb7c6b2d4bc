"""What came past the log after a word was given may be on the remote already: it is refused like a first meeting."""

from __future__ import annotations

import pytest
from django.core.management import CommandError, call_command
from django.db import connections

from synchro_triggers import synchro_paused, synchronize
from synchro_triggers.exceptions import Refused
from synchro_triggers.models import Introduction
from tests.databases import both
from tests.replay.routes import batches, route  # noqa: F401  (fixtures)
from tests.shapes.sides import move_remote_keys_on
from tests.testapp.models import Club, Entry, Friend, Item, Membership, Tag, Unlisted

LOCAL, REMOTE = "default", "remote"

pytestmark = [both, pytest.mark.usefixtures("route", "batches"), pytest.mark.thinned("route", "batches", "word")]


def there(model, field="name"):
    return sorted(model._base_manager.using(REMOTE).values_list(field, flat=True))


def imported(model, **values):
    """Both sides get the same row, and no log sees it being made."""
    for alias in (LOCAL, REMOTE):
        with synchro_paused(using=alias):
            made = model._base_manager.using(alias).create(**values)
    return model._base_manager.get(pk=made.pk)


def words():
    return dict(Introduction.objects.using(REMOTE).values_list("model_label", "word"))


@pytest.fixture(params=["logged", "unclaimed", "linked", "strangers"])
def word(request):
    """A word about items, friends and clubs; the highest key that it speaks of is 900."""
    models = (Item, Friend, Club)
    move_remote_keys_on("testapp")  # the tests choose keys below
    if request.param == "logged":
        for model in models:
            model.objects.using(REMOTE).create(pk=5, name="theirs")
            model.objects.create(pk=900, name="old")
        synchronize()
    elif request.param == "unclaimed":
        with synchro_paused():
            for model in models:
                model.objects.create(pk=900, name="old")
        for model in models:
            model.objects.update(name="older")
        synchronize()
    else:
        for model in models:
            imported(model, pk=900, name="old")
        call_command("synchro_link", strangers=request.param == "strangers", verbosity=0)
    assert {words().get(model._meta.label) for model in models} == {request.param}
    return request.param


@pytest.mark.parametrize("key", [30, 950])
def test_changed_object_is_refused(word, key):
    item = imported(Item, pk=key, name="imported")
    Item.objects.create(pk=40, name="new")
    before = there(Item)
    Item.objects.filter(pk=item.pk).update(cash=1)

    for dry_run in (True, False):
        with pytest.raises(Refused, match=r"testapp\.Item \(1 to be created"):
            synchronize(dry_run=dry_run)
    with pytest.raises(CommandError) as error:
        call_command("synchronize")

    assert error.value.returncode == 3
    assert there(Item).count("imported") == 1 and set(before) <= set(there(Item))

    call_command("synchro_link", verbosity=0)
    assert synchronize().failures == []
    assert there(Item).count("imported") == 1 and "new" in there(Item)


@pytest.mark.parametrize("key", [30, 950])
def test_target_is_refused(word, key):
    club = imported(Club, pk=key, name="imported")
    Membership.objects.create(
        club=club, member=Tag.objects.create(label="t"), extra=Unlisted.objects.create(name="extra")
    )

    with pytest.raises(Refused, match=r"testapp\.Club \(1 to be created"):
        synchronize()

    assert there(Club).count("imported") == 1
    call_command("synchro_link", verbosity=0)
    assert synchronize().failures == []
    assert there(Club).count("imported") == 1
    assert Membership.objects.using(REMOTE).get().club.name == "imported"


@pytest.mark.parametrize("key", [30, 950])
def test_end_of_a_link_is_refused(word, key):
    friend = imported(Friend, pk=key, name="imported")
    Friend.objects.create(pk=40, name="new").follows.add(friend)

    with pytest.raises(Refused, match=r"testapp\.Friend \(1 to be created"):
        synchronize()

    assert there(Friend).count("imported") == 1


def test_what_the_word_spoke_of_is_not_asked_again(word):
    """Also after the log was pruned: it was there."""
    Item.objects.filter(pk=900).update(cash=1)
    Club.objects.filter(pk=900).update(name="x")
    Membership.objects.create(
        club_id=900, member=Tag.objects.create(label="t"), extra=Unlisted.objects.create(name="extra")
    )

    assert synchronize().failures == []
    assert not synchronize().changed


def test_strangers_may_say_it_of_what_came_later_too(word):
    item = imported(Item, pk=30, name="imported")
    Item.objects.filter(pk=item.pk).update(cash=1)

    call_command("synchro_link", "--strangers", verbosity=0)
    synchronize()

    assert there(Item).count("imported") == 2


def test_number_whose_object_was_deleted_and_that_came_again_past_the_log_is_refused():
    gone = Item.objects.create(pk=30, name="gone")
    Item.objects.create(pk=900, name="old")
    synchronize()
    gone.delete()
    synchronize()
    call_command("synchro_link", verbosity=0)  # the word does not speak of the number
    imported(Item, pk=30, name="imported")
    Item.objects.filter(pk=30).update(cash=1)

    with pytest.raises(Refused, match=r"testapp\.Item"):
        synchronize()
    assert there(Item) == ["imported", "old"]


def test_models_that_are_not_captured_are_spoken_of_once():
    """The log cannot see them being made: whoever said that there are strangers has said so for later ones."""
    imported(Unlisted, pk=900, name="old")
    call_command("synchro_link", "--strangers", verbosity=0)
    club, tag = Club.objects.create(name="c"), Tag.objects.create(label="t")
    for key in (30, 950):
        extra = Unlisted.objects.create(pk=key, name=str(key))
        Membership.objects.create(club=club, member=tag, extra=extra)

        assert synchronize().failures == []

    assert there(Unlisted) == ["30", "950", "old"]


def test_object_whose_row_was_deleted_there_is_no_newcomer():
    Item.objects.create(pk=900, name="a")
    synchronize()
    Item.objects.using(REMOTE).create(name="theirs")
    Item.objects.using(REMOTE).filter(name="a").delete()
    for alias in (LOCAL, REMOTE):
        with connections[alias].cursor() as cursor:
            cursor.execute("DELETE FROM synchro_triggers_changelog")
    Introduction.objects.using(REMOTE).update(keys="")

    Item.objects.update(cash=1)
    synchronize()

    assert there(Item) == ["a", "theirs"]


def test_full_run_refuses_what_came_later(word):
    imported(Item, pk=30, name="imported")

    with pytest.raises(Refused, match=r"testapp\.Item"):
        synchronize(full=True)

    assert there(Item).count("imported") == 1


def test_batches_that_are_told_ask_the_log_nothing():
    with synchro_paused():
        Item.objects.bulk_create(Item(name=str(number)) for number in range(5))
    Entry.objects.all().delete()
    Item.objects.update(cash=1)
    asked = []

    def note(execute, sql, params, many, context):
        asked.append(sql)
        return execute(sql, params, many, context)

    with connections[LOCAL].execute_wrapper(note):
        assert synchronize().created == 5

    assert not [sql for sql in asked if '"synchro_triggers_changelog"."object_pk"' in sql]
