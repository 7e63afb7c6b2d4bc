"""Moved is not copied: what was received stays received, what waits is sent; and what was lost is noticed."""

from __future__ import annotations

import shutil
from pathlib import Path

import psycopg
import pytest
from django.core.management import CommandError, call_command
from django.core.management.sql import emit_post_migrate_signal
from django.db import connection, connections
from django.test import runner

from synchro_triggers import synchro_paused, synchronize
from synchro_triggers.exceptions import Refused
from synchro_triggers.models import ChangeLog, Checkpoint, Failure, Node, Reference
from synchro_triggers.replay.log.window import current_position, delete_received
from synchro_triggers.replay.state.checkpoint import load_checkpoint
from synchro_triggers.replay.state.node import node_id
from tests.databases import both, both_committed
from tests.postgres_server import StoppableServer
from tests.safety.story import LOCAL, SECRETS, elsewhere, new_database, one_line_of, run_once, start_run
from tests.safety.test_copies import Dump, file_of, manage, names, pretend_copied, put_back_to
from tests.testapp.models import Item, Numbered

REMOTE = "remote"


def as_if_moved() -> None:
    """What another cluster does to LOCAL: another place, and transactions whose ids begin anew."""
    pretend_copied()
    if connection.vendor == "postgresql":
        ChangeLog.objects.update(txid=10**12)
        for checkpoint in Checkpoint.objects.using(REMOTE).all():
            position = checkpoint.position.partition("#")[2]
            snapshot = f"{10**12 + 1}:{10**12 + 1}:#{position}"
            Checkpoint.objects.using(REMOTE).filter(pk=checkpoint.pk).update(position=snapshot, last_window="")


def migrate(*aliases: str) -> None:
    """Give databases their identity: those of the tests are copies, which have been made to forget it."""
    for alias in aliases:
        emit_post_migrate_signal(verbosity=0, interactive=False, db=alias)


def cash(alias):
    return sorted(Item.objects.using(alias).values_list("name", "cash"))


# Identity -----------------------------------------------------------------------------------------


@both_committed
def test_database_has_its_identity_from_migrate_on():
    migrate(LOCAL, REMOTE)
    assert Node.objects.filter(fingerprint__gt="").exists() and Node.objects.using(REMOTE).exists()

    for alias in (LOCAL, REMOTE):
        call_command("flush", database=alias, interactive=False, verbosity=0)

    assert Node.objects.filter(fingerprint__gt="").exists() and Node.objects.using(REMOTE).exists()


@both_committed
@pytest.mark.vendor("sqlite")
def test_copy_of_the_remote_that_was_made_before_any_run_is_refused(process_env, tmp_path):
    """``cp main office``: the office must not send main its own objects."""
    migrate(REMOTE)
    Item.objects.using(REMOTE).create(name="of main")
    copy = tmp_path / "office.sqlite3"
    shutil.copy(file_of(REMOTE), copy)

    line = one_line_of(start_run(elsewhere(process_env, **{LOCAL: {"NAME": str(copy)}})), code=3)

    assert "'default' is a copy" in line and "--new-identity" in line
    assert names(REMOTE) == ["of main"]


@both_committed
@pytest.mark.vendor("postgres")
def test_dump_of_the_remote_that_was_made_before_any_run_is_refused(process_env, own_server, tmp_path):
    migrate(REMOTE)
    Item.objects.using(REMOTE).create(name="of main")
    place = new_database(own_server.server, "office")
    Dump(own_server, tmp_path / "dump.sql", of=REMOTE).restore(place)

    line = one_line_of(start_run(elsewhere(process_env, **{LOCAL: place})), *SECRETS, code=3)

    assert "'default' is a copy" in line and "--new-identity" in line
    assert names(REMOTE) == ["of main"]


@both
def test_copy_that_serves_as_remote_becomes_a_database_of_its_own():
    migrate(LOCAL, REMOTE)
    Node.objects.using(REMOTE).update(node_id=node_id(LOCAL), fingerprint="somewhere else")
    Item.objects.create(name="a")
    with pytest.raises(Refused, match="--new-identity --database remote"):
        synchronize()

    call_command("synchro_reset", "--new-identity", "--database", REMOTE, verbosity=0)

    assert synchronize().created == 1 and not synchronize().warnings


@both
def test_remote_whose_identity_was_made_elsewhere_is_told():
    migrate(REMOTE)
    Node.objects.using(REMOTE).update(fingerprint="somewhere else")

    [warning] = synchronize().warnings

    assert "'remote' was made in another place" in warning
    call_command("synchro_reset", "--keep-identity", "--database", REMOTE, verbosity=0)
    assert synchronize().warnings == []


@both_committed
@pytest.mark.parametrize(
    "command",
    ["synchronize", "synchronize --dry-run", "synchronize --follow", "synchro_status", "synchro_link", "synchro_reset"],
)
def test_one_database_under_two_names_is_called_so(process_env, command):
    Item.objects.create(name="a")
    connections[REMOTE].close()
    env = elsewhere(process_env, **{REMOTE: {"NAME": str(connections[LOCAL].settings_dict["NAME"])}})

    line = one_line_of(start_run(env, command), code=3, shows_others=command == "synchro_status")

    assert "one and the same database" in line and "--new-identity" not in line
    assert names(LOCAL) == ["a"]


@both
def test_copies_that_the_parallel_test_runner_makes_for_its_workers_are_no_copies(monkeypatch):
    migrate(LOCAL)
    pretend_copied()
    with pytest.raises(Refused):
        synchronize()

    monkeypatch.setattr(runner, "_worker_id", 1)

    assert not synchronize().failures


# Moved --------------------------------------------------------------------------------------------


@pytest.mark.all_pairs
@both
def test_moved_database_goes_on_with_what_waits_and_what_was_received():
    for name in ("a", "b", "c"):
        Item.objects.create(name=name)
    synchronize()
    Item.objects.create(name="new")
    Item.objects.filter(name="a").update(cash=1)
    Item.objects.filter(name="b").delete()
    known = Reference.objects.using(REMOTE).count()
    as_if_moved()

    call_command("synchro_reset", "--keep-identity", verbosity=0)
    Item.objects.create(name="later")
    report = synchronize()

    assert (report.created, report.updated, report.deleted) == (2, 1, 1)
    assert cash(REMOTE) == cash(LOCAL) == [("a", 1), ("c", 0), ("later", 0), ("new", 0)]
    assert known == 3 and not synchronize().changed
    Item.objects.filter(name="later").update(cash=2)
    assert synchronize().updated == 1


@both
def test_moved_database_keeps_its_failures_and_sends_nothing_twice():
    Numbered.objects.using(REMOTE).create(number=1, name="theirs")
    Numbered.objects.create(number=1, name="ours")
    Item.objects.create(name="a")
    assert len(synchronize().failures) == 1
    Item.objects.using(REMOTE).update(cash=99)
    as_if_moved()

    call_command("synchro_reset", "--keep-identity", verbosity=0)
    assert Failure.objects.using(REMOTE).count() == 1
    Numbered.objects.using(REMOTE).update(number=2)
    report = synchronize()

    assert report.created == 1 and cash(REMOTE) == [("a", 99)]


@both
def test_run_that_was_cut_off_before_the_move_goes_on_after_it():
    for number in range(6):
        Item.objects.create(name=str(number))
    end = current_position(LOCAL)
    half = ChangeLog.objects.order_by("id")[3].pk
    synchronize()
    Item.objects.using(REMOTE).filter(name__gt="3").delete()
    kept = [str(key) for key in Item.objects.using(REMOTE).values_list("pk", flat=True)]
    Reference.objects.using(REMOTE).exclude(remote_pk__in=kept).delete()
    ChangeLog.objects.using(REMOTE).all().delete()
    Checkpoint.objects.using(REMOTE).update(position="", window_end=end, window_after=half)
    pretend_copied()

    call_command("synchro_reset", "--keep-identity", verbosity=0)
    report = synchronize()

    assert report.created == 2 and report.unchanged == 0
    assert names(REMOTE) == names(LOCAL)


@both
def test_keys_that_a_loss_has_freed_mean_other_objects_afterwards():
    Item.objects.create(name="a")
    synchronize()
    lost = Item.objects.create(name="lost")
    synchronize()
    put_back_to(rows=1)
    with synchro_paused():
        Item.objects.filter(pk=lost.pk).delete()
    Item.objects.create(pk=lost.pk, name="new")
    with pytest.raises(CommandError, match="put back to an older state"):
        call_command("synchronize")

    call_command("synchro_reset", "--keep-identity", verbosity=0)
    synchronize()

    assert names(REMOTE) == ["a", "lost", "new"]
    Item.objects.filter(name="a").update(cash=1)
    assert synchronize().updated == 1


@both
def test_reset_says_what_it_forgets_and_asks(monkeypatch, capsys):
    Item.objects.create(name="a")
    answers = iter(["no", "yes"])
    monkeypatch.setattr("builtins.input", lambda prompt: next(answers))

    with pytest.raises(CommandError, match="Nothing was changed"):
        call_command("synchro_reset")
    assert ChangeLog.objects.exists()
    call_command("synchro_reset")

    assert not ChangeLog.objects.exists()
    assert "remote: 1 pending changes will be forgotten" in capsys.readouterr().out


@both
def test_reset_that_nobody_can_be_asked_about_changes_nothing(monkeypatch):
    def nobody(prompt: str) -> str:
        raise EOFError

    Item.objects.create(name="a")
    monkeypatch.setattr("builtins.input", nobody)

    with pytest.raises(CommandError, match="--no-input") as error:
        call_command("synchro_reset")

    assert error.value.returncode == 3 and synchronize().created == 1


# Lost ---------------------------------------------------------------------------------------------


@both
def test_rows_that_were_pruned_are_told_from_lost_ones():
    Item.objects.create(name="a")
    synchronize()
    delete_received(LOCAL, load_checkpoint(REMOTE, node_id(LOCAL)).position)
    Checkpoint.objects.using(REMOTE).update(position=without_era(Checkpoint.objects.using(REMOTE).get().position))
    Item.objects.create(name="b")

    assert synchronize().created == 1


@both
@pytest.mark.vendor("postgres")
def test_row_that_was_lost_is_not_taken_for_a_pruned_one_after_a_recovery():
    """The ids go on 32 further, and the transactions of the lost rows are given out again."""
    Item.objects.create(name="a")
    synchronize()
    ChangeLog.objects.all().delete()
    Checkpoint.objects.using(REMOTE).update(position=without_era(Checkpoint.objects.using(REMOTE).get().position))

    with pytest.raises(Refused, match="put back to an older state"):
        synchronize()


@both
@pytest.mark.vendor("postgres")
def test_lost_row_that_is_not_the_last_one_is_missed_after_a_recovery():
    """Ids are not in the order of commits: the last commit is what is lost, whatever its ids."""
    for name in ("a", "b", "c"):
        Item.objects.create(name=name)
    synchronize()
    ChangeLog.objects.filter(pk=ChangeLog.objects.order_by("id")[1].pk).delete()
    Checkpoint.objects.using(REMOTE).update(position=without_era(Checkpoint.objects.using(REMOTE).get().position))

    with pytest.raises(Refused, match="put back to an older state"):
        synchronize()


@both
@pytest.mark.vendor("postgres")
def test_new_row_with_a_transaction_that_was_given_out_before_arrives():
    Item.objects.create(name="a")
    synchronize()
    Item.objects.create(name="b")
    ChangeLog.objects.filter(pk=ChangeLog.objects.latest("id").pk).update(txid=1)

    assert synchronize().created == 1


def without_era(position: str) -> str:
    """Return a position as one of a server that has recovered since."""
    return f"{position.partition('@')[0]}@1:0:0:0" if "#" in position else position


class Site:
    """LOCAL on a server of its own, whose commits wait for nothing: what a crash takes is what had been promised."""

    def __init__(self, server: StoppableServer, env: dict[str, str], folder: Path) -> None:
        self.server = server
        place = new_database(server.server, "local")
        self.env = elsewhere(env, **{LOCAL: place})
        Dump(server, folder / "local.sql").restore(place)  # has been migrated, and has no identity yet

    def write(self, *names: str, durable: bool = True) -> None:
        mode = "on" if durable else "off"
        with self.connect() as client:
            client.execute(f"SET synchronous_commit = {mode}")
            for name in names:
                client.execute("INSERT INTO testapp_item (name, cash) VALUES (%s, 0)", [name])

    def connect(self) -> psycopg.Connection:
        where = self.server.server
        return psycopg.connect(host=where.host, port=where.port, user=where.user, dbname="local", autocommit=True)

    def names(self) -> list[str]:
        with self.connect() as client:
            return [name for (name,) in client.execute("SELECT name FROM testapp_item ORDER BY name")]


@both_committed
@pytest.mark.vendor("postgres")
def test_crash_that_loses_what_was_received_is_noticed(process_env, own_server, tmp_path):
    site = Site(own_server, process_env, tmp_path)
    with site.connect() as client:
        client.execute("ALTER SYSTEM SET wal_writer_delay = '10s'")
        client.execute("SELECT pg_reload_conf()")
    site.write("known")
    run_once(site.env)
    for attempt in range(5):  # PostgreSQL takes to the disk what nobody waits for every ten seconds: often enough
        site.write(*(f"lost {attempt} {number}" for number in range(3)), durable=False)
        # A run writes on LOCAL, too: a commit that waits for the disk would take the rest there.
        run_once({**site.env, "PGOPTIONS": "-c synchronous_commit=off"})
        received = names(REMOTE)
        own_server.crash()
        own_server.start()
        if len(site.names()) < len(received):
            break
    assert len(site.names()) < len(received) == 4 + 3 * attempt, "no crash has lost anything"

    at_once = one_line_of(start_run(site.env), *SECRETS, code=3)
    site.write(*(f"new {number}" for number in range(50)))
    later = one_line_of(start_run(site.env), *SECRETS, code=3)

    assert "put back to an older state" in at_once and "put back to an older state" in later
    manage(site.env, "synchro_reset", "--keep-identity")
    run_once(site.env)
    assert names(REMOTE) == sorted({*received, *site.names()})


@both_committed
@pytest.mark.vendor("postgres")
def test_crash_that_loses_nothing_is_none_of_our_business(process_env, own_server, tmp_path):
    site = Site(own_server, process_env, tmp_path)
    site.write("known")
    run_once(site.env)
    own_server.crash()
    own_server.start()
    site.write("new")

    run_once(site.env)

    assert names(REMOTE) == ["known", "new"]


@both_committed
@pytest.mark.vendor("postgres")
@pytest.mark.parametrize("lost", [0, 3], ids=["in time", "that lagged"])
def test_standby_takes_over(process_env, own_server, tmp_path, lost):
    site = Site(own_server, process_env, tmp_path)
    site.write("known")
    run_once(site.env)
    standby = own_server.copy_as_standby()
    if lost:
        site.write(*(f"lost {number}" for number in range(lost)))
        run_once(site.env)
    received = names(REMOTE)
    with own_server.replaced_by(standby):
        site.write(*(f"new {number}" for number in range(60)))
        if lost:
            line = one_line_of(start_run(site.env), *SECRETS, code=3)
            assert "put back to an older state" in line and "--keep-identity" in line
            manage(site.env, "synchro_reset", "--keep-identity")
        run_once(site.env)
        assert names(REMOTE) == sorted({*received, *site.names()})
