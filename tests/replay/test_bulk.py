"""What nobody observes is written many objects at a time; whoever observes sees what the ORM would show."""

from __future__ import annotations

from contextlib import ExitStack, contextmanager

import pytest
from django.db import connections
from django.db.models import F
from django.db.models.signals import m2m_changed, post_delete, post_save, pre_delete, pre_save

from synchro_triggers import synchro_paused, synchronize
from synchro_triggers.exceptions import SynchroConfigurationError
from synchro_triggers.models import Reference
from synchro_triggers.replay.log import users_changes
from tests.comparing import assert_same
from tests.counting import count_queries, count_queries_of_story
from tests.databases import both
from tests.replay.hearing import later, receiving
from tests.testapp.models import (
    Account,
    Document,
    Entry,
    Item,
    Keyed,
    KeyedChild,
    Numbered,
    Person,
    Stamped,
    Tag,
    Tagged,
)

pytestmark = [both, pytest.mark.mariadb]

LOCAL, REMOTE = "default", "remote"


# The number of queries ------------------------------------------------------------------------------


def make_many(number):
    Item.objects.bulk_create(Item(name=str(each)) for each in range(number))
    Document.objects.bulk_create(Document(title=str(each)) for each in range(number))
    accounts = Account.objects.bulk_create(Account(name=str(each)) for each in range(number))
    Entry.objects.bulk_create(Entry(name=str(account.pk), account=account) for account in accounts)
    keyed = Keyed.objects.bulk_create(Keyed(code=str(each)) for each in range(number))
    KeyedChild.objects.bulk_create(KeyedChild(name=str(one.pk), parent=one) for one in keyed)
    Person.objects.bulk_create(Person(first_name=str(each), last_name=str(each % 7)) for each in range(number))
    Stamped.objects.bulk_create(Stamped(name=str(each)) for each in range(number))
    tags = Tag.objects.bulk_create(Tag(label=str(each)) for each in range(3))
    tagged = Tagged.objects.bulk_create(Tagged(title=str(each)) for each in range(number))
    links = Tagged.tags.through
    links.objects.bulk_create(links(tagged=one, tag=tag) for one in tagged for tag in tags)


def change_many():
    Item.objects.update(cash=F("cash") + 1)
    Document.objects.update(title="changed")
    Account.objects.update(cash=F("cash") + 1)
    Keyed.objects.update(cash=F("cash") + 1)
    KeyedChild.objects.update(name="changed")
    Person.objects.update(city="changed")
    Stamped.objects.update(name="changed")


def delete_many():
    for model in (KeyedChild, Keyed, Entry, Account, Item, Document, Person, Stamped, Tagged, Tag):
        model.objects.all().delete()


#: How many objects shall need no more queries than ten of them.
FEW_AND_MANY = pytest.mark.parametrize("size", [30, pytest.param(1000, marks=pytest.mark.whole)])


def assert_without_a_query_each(few, many):
    """One more or less may be the lease, which is renewed now and then."""
    assert all(abs(one - other) <= 1 for one, other in zip(few, many, strict=True)), (few, many)


@pytest.mark.all_pairs
@FEW_AND_MANY
def test_number_of_queries_does_not_depend_on_the_number_of_objects(settings, size):
    settings.SYNCHRO_BATCH_SIZE = 100_000
    ten, many = count_queries_of_story(make_many, change_many, delete_many, "testapp", sizes=(1, 10, size))

    assert ten == many


@pytest.mark.all_pairs
@FEW_AND_MANY
def test_rows_that_both_sides_have_already_are_found_without_a_query_each(settings, size):
    settings.SYNCHRO_BATCH_SIZE = 100_000
    numbers = {}
    for number in (1, 10, size):
        with synchro_paused():
            make_many(number)
        synchronize(full=True)
        Reference.objects.using(REMOTE).filter(model_label="testapp.Keyed").delete()
        change_many()
        numbers[number] = count_queries("testapp")
        delete_many()
        synchronize()
    assert_without_a_query_each(numbers[10], numbers[size])


@pytest.mark.parametrize("at_most", [10_000, 0], ids=["few", "too many"])
@FEW_AND_MANY
def test_changes_of_the_remotes_users_are_looked_up_without_a_query_each(settings, monkeypatch, at_most, size):
    monkeypatch.setattr(users_changes, "AT_MOST", at_most)
    settings.SYNCHRO_BATCH_SIZE = 100_000
    numbers = {}
    for number in (1, 10, size):
        make_many(number)
        synchronize()
        Item.objects.using(REMOTE).update(cash=F("cash") + 2)
        Keyed.objects.using(REMOTE).update(cash=F("cash") + 2)
        later()
        change_many()
        numbers[number] = count_queries("testapp")
        delete_many()
        synchronize()
    assert_without_a_query_each(numbers[10], numbers[size])


def test_fields_that_need_sql_of_their_own_are_written_by_django_many_at_a_time(settings, monkeypatch):
    settings.SYNCHRO_BATCH_SIZE = 100_000
    for model in (Item, Document, Account, Entry, Keyed, KeyedChild, Person, Stamped, Tag, Tagged):
        for field in model._meta.local_fields:
            monkeypatch.setattr(field, "get_placeholder", lambda *which: "(%s)", raising=False)
    ten, thirty = count_queries_of_story(make_many, change_many, delete_many, "testapp", sizes=(1, 10, 30))

    assert ten == thirty


# Observers ------------------------------------------------------------------------------------------


@contextmanager
def told(*senders):
    """Collect what receivers of every signal are told on the remote."""
    calls = []

    def listener(name):
        def listen(using, **values):
            if using == REMOTE:
                calls.append((name, values))

        return listen

    with ExitStack() as stack:
        for name in ("pre_save", "post_save", "pre_delete", "post_delete"):
            for sender in senders:
                stack.enter_context(receiving(name, sender, listener(name)))
        yield calls


def names(calls):
    return [(name, values["instance"].name) for name, values in calls]


def test_observed_objects_are_written_one_by_one():
    with told(Item) as calls:
        Item.objects.bulk_create([Item(name="a"), Item(name="b")])
        synchronize()
        assert names(calls) == [("pre_save", "a"), ("post_save", "a"), ("pre_save", "b"), ("post_save", "b")]


def test_receiver_finds_what_was_logged_before_its_object_and_not_what_came_after():
    seen = []

    def look(using, instance, **values):
        if using == REMOTE:
            seen.append(sorted(Numbered.objects.using(REMOTE).values_list("number", flat=True)))

    with receiving("post_save", Item, look):
        Numbered.objects.create(number=1)
        Numbered.objects.create(number=2)
        Item.objects.create(name="a")
        Numbered.objects.create(number=3)
        Item.objects.create(name="b")
        Numbered.objects.filter(number=1).delete()
        synchronize()

    assert seen == [[2], [2, 3]], "the first number came and went between two runs: it was never there"
    assert_same(Numbered, Item)


@pytest.mark.all_pairs
def test_signals_of_a_batch_surround_one_write(settings):
    settings.SYNCHRO_BATCH_SIGNALS = True
    Item.objects.bulk_create([Item(name="a"), Item(name="b")])
    with told(Item) as calls:
        synchronize()
        assert names(calls) == [("pre_save", "a"), ("pre_save", "b"), ("post_save", "a"), ("post_save", "b")]
        for _, values in calls:
            assert values["raw"] is False and values["update_fields"] is None
            assert values.get("created", True) is True
            assert values["instance"]._state.db == REMOTE
        assert all(values["instance"].pk for name, values in calls)
        calls.clear()

        Item.objects.update(cash=5)
        synchronize()
        assert [name for name, _ in calls] == ["pre_save"] * 2 + ["post_save"] * 2
        assert {values["created"] for name, values in calls if name == "post_save"} == {False}
        assert {values["instance"].cash for _, values in calls} == {5}
        calls.clear()

        Item.objects.all().delete()
        synchronize()
        assert names(calls) == [("pre_delete", "a"), ("pre_delete", "b"), ("post_delete", "a"), ("post_delete", "b")]
    assert_same(Item)


def test_what_a_receiver_changes_before_the_write_of_a_batch_is_written(settings):
    settings.SYNCHRO_BATCH_SIGNALS = ["testapp.Account"]

    def visit(using, instance, **values):
        if using == REMOTE:
            instance.visits += 1

    with receiving("pre_save", Account, visit):
        account = Account.objects.create(name="a")
        synchronize()
        account.cash = 3
        account.save()
        synchronize()

    there = Account.objects.using(REMOTE).get()
    assert (there.visits, there.cash) == (2, 3)


@pytest.mark.parametrize(
    ("batch", "options"),
    [
        (False, {"testapp.Item": {"batch_signals": True}}),
        (True, {"testapp.Numbered": {"batch_signals": False}}),
        (["testapp.Item", "testapp.Numbered"], {"testapp.numbered": {"batch_signals": False}}),
        (False, {"testapp": {"batch_signals": True}, "testapp.Numbered": {"batch_signals": False}}),
    ],
    ids=["on", "off", "off a list", "off an app"],
)
def test_batch_signals_of_one_model_leave_the_others(settings, batch, options):
    settings.SYNCHRO_BATCH_SIGNALS = batch
    settings.SYNCHRO_OPTIONS = options
    with told(Item, Numbered) as calls:
        Item.objects.bulk_create([Item(name="a"), Item(name="b")])
        Numbered.objects.bulk_create([Numbered(name="c", number=1), Numbered(name="d", number=2)])
        synchronize()

    assert [name for name, _ in calls] == ["pre_save"] * 2 + ["post_save"] * 2 + ["pre_save", "post_save"] * 2


@pytest.mark.parametrize("batch", [False, True])
def test_links_are_announced(settings, batch):
    settings.SYNCHRO_BATCH_SIGNALS = batch
    calls = []

    def listen(using, action, instance, pk_set, **values):
        if using == REMOTE:
            calls.append((action, instance.title, len(pk_set)))

    tags = Tag.objects.bulk_create([Tag(label="x"), Tag(label="y")])
    ones = Tagged.objects.bulk_create([Tagged(title="a"), Tagged(title="b")])
    synchronize()
    m2m_changed.connect(listen, sender=Tagged.tags.through)
    try:
        for one in ones:
            one.tags.set(tags)
        synchronize()
        expected = [("pre_add", "a", 2), ("post_add", "a", 2), ("pre_add", "b", 2), ("post_add", "b", 2)]
        assert calls == (sorted(expected, key=lambda call: call[0], reverse=True) if batch else expected)
        calls.clear()
        for one in ones:
            one.tags.clear()
        synchronize()
        assert sorted(calls) == sorted(
            [("pre_remove", "a", 2), ("post_remove", "a", 2), ("pre_remove", "b", 2), ("post_remove", "b", 2)]
        )
    finally:
        m2m_changed.disconnect(listen, sender=Tagged.tags.through)
    assert_same(Tagged, Tag)


@pytest.mark.parametrize(
    "wrong",
    ["testapp.Item", {"testapp.Item": True}, ["testapp.Nothing"], 5],
    ids=["text", "by model", "unknown", "five"],
)
def test_wrong_batch_signals_are_refused(settings, wrong):
    settings.SYNCHRO_BATCH_SIGNALS = wrong
    with pytest.raises(SynchroConfigurationError, match="SYNCHRO_BATCH_SIGNALS"):
        synchronize()


def test_signals_have_no_listeners_left():
    """The counts above would mean nothing if somebody listened to everything."""
    for signal in (pre_save, post_save, pre_delete, post_delete):
        assert not signal.has_listeners(Item)


# What does not go in bulk ---------------------------------------------------------------------------


@pytest.mark.all_pairs
def test_one_row_that_the_remote_cannot_take_does_not_hold_up_the_others():
    Numbered.objects.using(REMOTE).create(number=57, name="theirs")
    Numbered.objects.bulk_create(Numbered(number=each) for each in range(100))

    report = synchronize()

    assert [failure.model for failure in report.failures] == ["testapp.Numbered"]
    assert report.models["testapp.Numbered"].created == 99
    assert Numbered.objects.using(REMOTE).count() == 100


@pytest.mark.all_pairs
def test_unique_values_are_rotated_among_many():
    Numbered.objects.bulk_create(Numbered(number=each, name=str(each)) for each in range(60))
    synchronize()
    with connections[LOCAL].cursor() as cursor:
        cursor.execute("UPDATE testapp_numbered SET number = -1 - number")
        cursor.execute("UPDATE testapp_numbered SET number = (-number) %% 60", [])

    assert synchronize().failures == []
    assert_same(Numbered)


@pytest.mark.all_pairs
def test_values_move_from_deleted_rows_to_new_ones():
    Numbered.objects.bulk_create(Numbered(number=each) for each in range(50))
    synchronize()
    Numbered.objects.all().delete()
    Numbered.objects.bulk_create(Numbered(number=each, name="new") for each in range(50))

    assert synchronize().failures == []
    assert_same(Numbered)
