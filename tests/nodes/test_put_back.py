"""A database that was put back to an older state, and from which others have fetched: nothing is sent there unasked."""

from __future__ import annotations

import pytest
from django.db import connection

from synchro_triggers import Refused, synchro_paused, synchronize
from synchro_triggers.models import ChangeLog
from synchro_triggers.replay.choices import Choices
from synchro_triggers.replay.log.window import open_window
from synchro_triggers.replay.run import Run
from synchro_triggers.replay.state.checkpoint import load_checkpoint
from tests.nodes.nodes import STAR
from tests.replay.hearing import later
from tests.testapp.models import Keyed


@pytest.fixture
def put_back(nodes):
    """B has made an object that A has fetched, and C; then B is put back to what it was before."""
    nodes.rows("b", Keyed).create(code="old", cash=1)
    nodes.rounds(STAR)
    with nodes.turn_of("b", "a"):
        last = ChangeLog.objects.order_by("pk").last().pk
    nodes.rows("b", Keyed).create(code="lost", cash=2)
    nodes.rounds(STAR)
    later()
    with nodes.turn_of("b", "a"):
        with synchro_paused():
            Keyed.objects.filter(code="lost").delete()
        ChangeLog.objects.filter(pk__gt=last).delete()
        for table, number in ((ChangeLog._meta.db_table, last), (Keyed._meta.db_table, Keyed.objects.get().pk)):
            give_out_again_after(table, number)


def give_out_again_after(table, number):
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute("SELECT setval(pg_get_serial_sequence(%s, 'id'), %s)", [table, number])
        else:
            cursor.execute("UPDATE sqlite_sequence SET seq = %s WHERE name = %s", [number, table])


def test_nothing_is_sent_to_a_database_that_was_put_back_and_there_is_a_way_on(nodes, put_back):
    nodes.rows("a", Keyed).create(code="new", cash=3)

    with nodes.turn_of("a", "b"), pytest.raises(Refused, match="'b' was put back to an older state") as refused:
        synchronize()
    told = nodes.command("a", "b", "synchro_status", "--check")

    assert told.returncode == 3 and "a run would be refused: The database 'b' was put back" in told.stdout
    assert list(nodes.rows("b", Keyed).values_list("code", flat=True)) == ["old"]
    assert "synchro_reset --keep-identity --database b" in str(refused.value)
    for office, *arguments in (
        ("a", "synchro_reset", "--new-identity", "--database", "b"),
        ("a", "synchro_link"),
        ("c", "synchro_link"),
        ("a", "synchronize", "--both"),
        ("c", "synchronize", "--both"),
        ("a", "synchronize", "--full", "--both"),
        ("c", "synchronize", "--full", "--both"),
    ):
        done = nodes.command(office, "b", *arguments)
        assert done.returncode == 0, done.stderr
    nodes.rounds(STAR)
    assert nodes.all(Keyed, "code", "cash") == [[("lost", 2), ("new", 3), ("old", 1)]] * 3
    nodes.assert_at_rest(STAR)


def test_follower_leaves_a_small_window_for_a_database_that_was_put_back_to_a_run(nodes, put_back):
    with nodes.turn_of("a", "b"):
        follower = Run("b", Choices())
        checkpoint = load_checkpoint("b", follower.source)
        Keyed._base_manager.using("default").create(code="new", cash=3)
        known = {"without_origin": follower.node, "known_row": checkpoint.last_row}
        window = open_window("default", checkpoint.position, **known)

        assert window.rows == 1 and follower.perform_at_once(checkpoint, window) is None
        with pytest.raises(Refused, match="'b' was put back"):
            follower.perform()

    assert list(nodes.rows("b", Keyed).values_list("code", flat=True)) == ["old"]


def test_follower_applies_a_small_window_for_a_database_that_it_fetches_from(nodes):
    """The same, where nothing was put back."""
    nodes.rows("b", Keyed).create(code="old", cash=1)
    nodes.rounds(STAR)
    with nodes.turn_of("a", "b"):
        follower = Run("b", Choices())
        checkpoint = load_checkpoint("b", follower.source)
        Keyed._base_manager.using("default").create(code="new", cash=3)
        known = {"without_origin": follower.node, "known_row": checkpoint.last_row}

        report = follower.perform_at_once(checkpoint, open_window("default", checkpoint.position, **known))

    assert report is not None and report.created == 1


def test_loss_is_noticed_where_the_last_window_held_only_what_the_remote_had_sent(nodes, backups):
    """The backup is of before A received it, and A's log has grown up to where B had received it."""
    for code in "xy":
        nodes.rows("a", Keyed).create(code=code)
    nodes.run("a", "b")
    backups.take("a")
    nodes.rows("b", Keyed).get(code="x").delete()
    nodes.run("b", "a")
    nodes.run("a", "b")
    backups.put_back("a")
    nodes.rows("a", Keyed).filter(code="y").update(cash=1)

    told = nodes.command("a", "b", "synchro_reset", "--keep-identity", "--noinput")

    assert "the successor of the one that it was" in told.stdout
    nodes.rounds((("a", "b"), ("b", "a")))
    assert nodes.all(Keyed, "code", "cash")[:2] == [[("y", 1)]] * 2
