"""What the remote's own users have changed is read once, and then only what is new; nothing of it is missed."""

from __future__ import annotations

from contextlib import closing, contextmanager

import pytest
from django.db import connections
from django.test.utils import CaptureQueriesContext

from synchro_triggers import synchronize
from synchro_triggers.models import ChangeLog
from synchro_triggers.replay.log import users_changes
from synchro_triggers.replay.log.users_changes import UsersChanges
from tests.databases import both, both_committed
from tests.replay.hearing import LOCAL, REMOTE, later
from tests.testapp.models import Item, Keyed

pytestmark = both


def change(name, alias=REMOTE):
    later()
    Item.objects.using(alias).filter(name=name).update(cash=99)


@pytest.fixture
def items():
    items = Item.objects.bulk_create(Item(name=name, cash=1) for name in "abc")
    synchronize()
    return items


def names_in(own):
    keys = [key for label, key in own.last if label == "testapp.Item"]
    return "".join(sorted(Item.objects.using(REMOTE).filter(pk__in=keys).values_list("name", flat=True)))


@pytest.mark.all_pairs
def test_later_looks_read_only_what_is_new(items):
    own = UsersChanges(REMOTE)
    own.look(None)
    assert names_in(own) == ""

    change("a")
    own.look(None)
    assert names_in(own) == "a"
    first = dict(own.last)

    change("b")
    change("c", LOCAL)
    synchronize()
    # Whoever read the rows of the first looks again would take the change of "a" for one of "c".
    a, c = (str(Item.objects.using(REMOTE).get(name=name).pk) for name in "ac")
    assert ChangeLog.objects.using(REMOTE).filter(object_pk=a, origin="").update(object_pk=c) == 1
    own.look(None)
    assert names_in(own) == "ab" and own.last.items() >= first.items()


@pytest.mark.all_pairs
def test_times_before_those_of_the_last_look_are_asked_for_anew(items):
    change("a")
    change("b")
    times = UsersChanges(REMOTE)
    times.look(None)
    since_b = max(last.time for last in times.last.values())

    own = UsersChanges(REMOTE)
    own.look(since_b)
    assert names_in(own) == "b"
    own.look(min(last.time for last in times.last.values()))
    assert names_in(own) == "ab"
    own.look(since_b)
    assert names_in(own) == "ab"


@pytest.mark.all_pairs
def test_no_more_is_kept_in_memory_than_fits(items, monkeypatch):
    monkeypatch.setattr(users_changes, "AT_MOST", 1)
    change("a")
    own = UsersChanges(REMOTE)
    own.look(None)
    assert own.complete and names_in(own) == "a"

    change("b")
    own.look(None)

    assert not own.complete and own.last == {}


@pytest.mark.all_pairs
def test_what_is_too_old_makes_room(items, monkeypatch):
    monkeypatch.setattr(users_changes, "AT_MOST", 1)
    change("a")
    own = UsersChanges(REMOTE)
    own.look(min(last.time for last in read_all().values()))

    change("b")
    own.look(max(last.time for last in read_all().values()))

    assert own.complete and names_in(own) == "b"


def read_all():
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(users_changes, "AT_MOST", 100)
        own = UsersChanges(REMOTE)
        own.look(None)
    return own.last


@contextmanager
def another_session():
    with closing(connections[REMOTE].copy(REMOTE)) as session:
        yield session


@both_committed
@pytest.mark.vendor("postgres")
def test_what_was_logged_early_and_committed_late_is_seen(items):
    with another_session() as session:
        session.set_autocommit(False)
        with session.cursor() as cursor:
            cursor.execute("UPDATE testapp_item SET cash = 5 WHERE name = 'a'")
        own = UsersChanges(REMOTE)
        change("b")
        own.look(None)
        assert names_in(own) == "b"

        session.commit()
        own.look(None)

    assert names_in(own) == "ab"


@both_committed
@pytest.mark.vendor("postgres")
def test_transactions_that_end_meanwhile_ask_no_more(items):
    """PostgreSQL counts the transactions of all databases of a server: how many end meanwhile is chance."""
    own = UsersChanges(REMOTE)
    with another_session() as session:
        session.set_autocommit(False)
        with session.cursor() as cursor:
            cursor.execute("SELECT txid_current()")
        change("a")  # a later one has ended
        own.look(None)
        with CaptureQueriesContext(connections[REMOTE]) as while_it_is_under_way:
            own.look(None)
        session.commit()

        with CaptureQueriesContext(connections[REMOTE]) as when_it_has_ended:
            own.look(None)

    assert len(when_it_has_ended) == len(while_it_is_under_way) == 2


def test_models_that_are_gone_from_the_project_do_not_matter(items):
    Keyed.objects.using(REMOTE).create(code="a")
    with connections[REMOTE].cursor() as cursor:
        cursor.execute(
            "UPDATE synchro_triggers_changelog SET model_label = 'gone.Model' WHERE model_label = 'testapp.Keyed'"
        )

    own = UsersChanges(REMOTE)
    own.look(None)

    assert own.complete and own.last == {}
