"""A remote that was moved, and from which LOCAL fetches: what waited there arrives, once."""

from __future__ import annotations

from django.core.management import call_command
from django.db import connections

from synchro_triggers import synchronize
from synchro_triggers.models import ChangeLog, Checkpoint, Node
from synchro_triggers.replay.state.node import node_id
from tests.databases import both
from tests.safety.story import LOCAL
from tests.testapp.models import Item

REMOTE = "remote"


def move_the_remote() -> None:
    """What another cluster does to the remote: another place, and transactions whose ids begin anew, far below."""
    Node.objects.using(REMOTE).update(fingerprint="somewhere else")
    if connections[REMOTE].vendor != "postgresql":
        return
    ChangeLog.objects.using(REMOTE).update(txid=10**12)
    for checkpoint in Checkpoint.objects.filter(source=node_id(REMOTE)):
        snapshot = f"{10**12 + 1}:{10**12 + 1}:#{checkpoint.position.partition('#')[2]}"
        Checkpoint.objects.filter(pk=checkpoint.pk).update(position=snapshot, last_window="")


def make_waiting() -> None:
    """Let LOCAL have fetched something, and something else wait on the remote."""
    Item.objects.using(REMOTE).create(name="fetched")
    Item.objects.using(REMOTE).create(name="gone")
    assert synchronize(both=True).created == 2
    Item.objects.using(REMOTE).create(name="new")
    Item.objects.using(REMOTE).filter(name="fetched").update(cash=1)
    Item.objects.using(REMOTE).filter(name="gone").delete()


def say_that_it_was_moved() -> None:
    call_command("synchro_reset", "--keep-identity", "--database", REMOTE, verbosity=0)


@both
def test_what_waits_on_a_moved_remote_is_fetched_once():
    make_waiting()
    move_the_remote()

    say_that_it_was_moved()
    Item.objects.using(REMOTE).create(name="later")
    report = synchronize(both=True)

    assert (report.created, report.updated, report.deleted, report.warnings) == (2, 1, 1, [])
    assert sorted(Item.objects.values_list("name", "cash")) == [("fetched", 1), ("later", 0), ("new", 0)]
    assert not synchronize(both=True).changed
    Item.objects.using(REMOTE).filter(name="new").update(cash=2)
    assert synchronize(both=True).updated == 1


@both
def test_who_did_not_say_it_fetches_what_waits_too():
    """One says it for all who fetch from there: what others know of the place before stays as it was."""
    make_waiting()
    move_the_remote()
    before = list(Checkpoint.objects.filter(source=node_id(REMOTE)).values("position", "place", "last_window"))
    say_that_it_was_moved()
    Checkpoint.objects.filter(source=node_id(REMOTE)).update(**before[0])

    report = synchronize(both=True)

    assert (report.created, report.updated, report.deleted) == (1, 1, 1)
    assert sorted(Item.objects.values_list("name", "cash")) == [("fetched", 1), ("new", 0)]
    assert not synchronize(both=True).changed


@both
def test_moved_remote_from_which_nothing_was_fetched_is_as_it_was():
    Item.objects.create(name="a")
    synchronize()
    move_the_remote()

    say_that_it_was_moved()

    assert not Checkpoint.objects.using(LOCAL).exists()
    assert not synchronize().changed
