"""Copies and restored databases are noticed and refused, with the way out."""

from __future__ import annotations

import json
import os
import shutil
import sqlite3
import subprocess
import sys
from contextlib import closing
from functools import partial
from io import StringIO
from pathlib import Path

import psycopg
import pytest
from django.core.management import CommandError, call_command
from django.db import connection, connections
from psycopg.conninfo import make_conninfo

from synchro_triggers import synchro_paused, synchronize
from synchro_triggers.exceptions import Refused
from synchro_triggers.models import ChangeLog, Node, Reference
from tests.databases import both, both_committed
from tests.postgres_server import StoppableServer
from tests.safety.effort import times
from tests.safety.story import LOCAL, SECRETS, elsewhere, new_database, one_line_of, run_once, start_run
from tests.testapp.models import Item, Keyed, Tag

REMOTE = "remote"


def pretend_copied() -> None:
    """What a copied database looks like: it carries the identity of the other place."""
    Node.objects.update(fingerprint="somewhere else")


def put_back_to(rows: int) -> None:
    """Take LOCAL back to an older state: the changelog, and the ids that were given out."""
    keep = list(ChangeLog.objects.order_by("id").values_list("id", flat=True)[:rows])
    ChangeLog.objects.exclude(pk__in=keep).delete()
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute(
                "SELECT setval(pg_get_serial_sequence('synchro_triggers_changelog', 'id'), %s)", [max(keep, default=1)]
            )
        else:
            cursor.execute(
                "UPDATE sqlite_sequence SET seq = %s WHERE name = 'synchro_triggers_changelog'", [max(keep, default=0)]
            )


@both
def test_copy_is_refused_with_the_way_out():
    Item.objects.create(name="a")
    synchronize()
    pretend_copied()
    Item.objects.create(name="b")

    with pytest.raises(CommandError, match=r"is a copy.*--new-identity.*--keep-identity"):
        call_command("synchronize")

    assert Item.objects.using(REMOTE).count() == 1


def make_alike() -> None:
    """What a copy of LOCAL, put in the remote's place, looks like."""
    Node.objects.using(REMOTE).update(node_id=Node.objects.get().node_id)


@pytest.fixture(params=[pretend_copied, make_alike, partial(put_back_to, 0)], ids=["copy", "alike", "put back"])
def other_state(request, db):
    return request.param


def status(*arguments: str) -> str:
    call_command("synchro_status", *arguments, stdout=(output := StringIO()))
    return output.getvalue()


@both
def test_status_says_that_a_run_would_be_refused_and_why(other_state):
    Item.objects.create(name="a")
    synchronize()
    assert "refuse" not in status() and json.loads(status("--json"))["remotes"][REMOTE]["refused"] == ""
    other_state()

    with pytest.raises(Refused) as refusal:
        synchronize()

    [line] = [line for line in status().splitlines() if "would refuse" in line]
    assert line == f"  synchronize would refuse to run: {refusal.value}"
    assert json.loads(status("--json"))["remotes"][REMOTE]["refused"] == str(refusal.value)


@both
def test_copy_cannot_be_reset_without_saying_what_it_is():
    Item.objects.create(name="a")
    synchronize()
    pretend_copied()

    with pytest.raises(CommandError, match="is a copy"):
        call_command("synchro_reset")

    assert Reference.objects.using(REMOTE).exists()


@both
def test_copy_with_a_new_identity_leaves_the_references_of_the_original_alone():
    Tag.objects.create(label="a")
    synchronize()
    pretend_copied()

    call_command("synchro_reset", "--new-identity", verbosity=0)
    call_command("synchro_link", verbosity=0)
    Tag.objects.filter(label="a").update(label="c")
    report = synchronize()

    assert report.updated == 1 and report.created == 0
    assert Reference.objects.using(REMOTE).values("source").distinct().count() == 2


@both
def test_copy_with_a_new_identity_finds_its_objects_under_the_numbers_that_the_original_had_for_them():
    Item.objects.create(name="a")
    Item.objects.create(name="b")
    Item.objects.using(REMOTE).create(name="theirs")
    synchronize()
    pretend_copied()
    Item.objects.filter(name="a").update(cash=5)

    call_command("synchro_reset", "--new-identity", "--no-input", verbosity=0)
    call_command("synchro_link", verbosity=0)  # the reset has forgotten what had been changed
    Item.objects.filter(name="b").update(cash=7)
    synchronize()

    assert sorted(Item.objects.using(REMOTE).values_list("name", "cash")) == [("a", 0), ("b", 7), ("theirs", 0)]


class Killed(BaseException):
    """Stands for what ends a process at once."""


@both
@pytest.mark.parametrize("step", ["_set", "delete_received"])
def test_new_identity_that_was_cut_off_is_taken_again_as_if_nothing_had_happened(monkeypatch, step):
    """It is not forgotten what the database is a copy of: `synchro_link` finds objects by what they were there."""
    Item.objects.create(name="a")
    Item.objects.using(REMOTE).create(name="theirs")
    Item.objects.create(name="b")
    synchronize()
    original = Node.objects.get().node_id
    pretend_copied()

    def killed(*args, **options):
        raise Killed

    with monkeypatch.context() as patch, pytest.raises(Killed):
        patch.setattr(f"synchro_triggers.replay.state.starting_over.{step}", killed)
        call_command("synchro_reset", "--new-identity", "--no-input", verbosity=0)
    with pytest.raises(CommandError, match="is a copy"):
        call_command("synchronize")
    for _ in range(2):  # nobody has seen the first one's answer
        call_command("synchro_reset", "--new-identity", "--no-input", verbosity=0)
    call_command("synchro_link", verbosity=0)
    Item.objects.filter(name="b").update(cash=7)
    report = synchronize()

    assert Node.objects.get().copied_from.endswith(original)
    assert (report.updated, report.created) == (1, 0)
    assert sorted(Item.objects.using(REMOTE).values_list("name", "cash")) == [("a", 0), ("b", 7), ("theirs", 0)]


@both
def test_restored_original_may_keep_its_identity():
    Tag.objects.create(label="a")
    synchronize()
    pretend_copied()
    node = Node.objects.get().node_id

    call_command("synchro_reset", "--keep-identity", verbosity=0)
    call_command("synchro_link", verbosity=0)
    Tag.objects.filter(label="a").update(label="c")

    assert synchronize().updated == 1
    assert Node.objects.get().node_id == node


@both
def test_older_backup_put_back_is_refused():
    Item.objects.create(name="a")
    synchronize()
    Item.objects.create(name="b")
    synchronize()
    put_back_to(rows=1)

    with pytest.raises(CommandError, match="put back to an older state"):
        call_command("synchronize")


@both
def test_older_backup_is_noticed_after_new_changes_reuse_its_ids():
    Item.objects.create(name="a")
    synchronize()
    Item.objects.create(name="b")
    synchronize()
    put_back_to(rows=1)
    for number in range(5):
        Tag.objects.create(label=str(number))

    with pytest.raises(CommandError, match="put back to an older state"):
        call_command("synchronize")


@both
def test_older_backup_is_noticed_although_the_same_numbers_are_given_out_again_for_the_same_object():
    Item.objects.create(name="a")
    synchronize()
    lost = Item.objects.create(name="b")
    synchronize()
    put_back_to(rows=1)
    with synchro_paused():
        Item.objects.filter(pk=lost.pk).delete()
    Item.objects.create(pk=lost.pk, name="c")

    with pytest.raises(CommandError, match="put back to an older state"):
        call_command("synchronize")


@both
def test_pruned_changelog_is_no_older_backup():
    Item.objects.create(name="a")
    synchronize()
    ChangeLog.objects.all().delete()
    Item.objects.create(name="b")

    assert synchronize().created == 1


@both
def test_local_and_remote_with_one_identity_are_refused():
    node = Node.objects.using(REMOTE).first()
    synchronize()
    node = Node.objects.using(REMOTE).get()
    Node.objects.update(node_id=node.node_id)

    with pytest.raises(CommandError, match="copy of the other"):
        call_command("synchronize")


@both
def test_link_stores_references_for_equal_objects_only():
    Item.objects.using(REMOTE).create(pk=1, name="same")
    Item.objects.using(REMOTE).create(pk=2, name="theirs")
    Item.objects.bulk_create([Item(pk=1, name="same"), Item(pk=2, name="ours")])
    call_command("synchro_reset", "--no-input", verbosity=0)

    call_command("synchro_link", verbosity=0)
    Item.objects.update(cash=1)
    report = synchronize()

    assert report.updated == 1 and report.created == 1
    assert sorted(Item.objects.using(REMOTE).values_list("name", "cash")) == [("ours", 1), ("same", 1), ("theirs", 0)]


# For real -----------------------------------------------------------------------------------------


def manage(env: dict[str, str], *arguments: str) -> None:
    command = [sys.executable, "-m", "django", *arguments, "--verbosity", "0"]
    subprocess.run(command, env=env, check=True, stdout=subprocess.PIPE)


def names(alias: str) -> list[str]:
    return sorted(Item.objects.using(alias).values_list("name", flat=True))


def codes(alias):
    return sorted(Keyed.objects.using(alias).values_list("code", flat=True))


def file_of(alias: str) -> Path:
    connections[alias].close()
    return Path(str(connections[alias].settings_dict["NAME"]))


@both_committed
@pytest.mark.vendor("sqlite")
def test_copied_file_is_refused_until_it_is_said_what_it_is(process_env, tmp_path):
    Keyed.objects.create(code="known")
    synchronize()
    copy = tmp_path / "copy.sqlite3"
    shutil.copy(file_of(LOCAL), copy)
    env = elsewhere(process_env, **{LOCAL: {"NAME": str(copy)}})
    with closing(sqlite3.connect(copy)) as client, client:
        client.execute("INSERT INTO testapp_keyed (code, cash, visits) VALUES ('of the copy', 0, 0)")

    line = one_line_of(start_run(env), code=3)

    assert "'default' is a copy" in line and "--new-identity" in line and "--keep-identity" in line
    assert codes(REMOTE) == ["known"]

    manage(env, "synchro_reset", "--new-identity", "--no-input")
    manage(env, "synchro_link")
    with closing(sqlite3.connect(copy)) as client, client:
        client.execute("UPDATE testapp_keyed SET cash = 5")
        client.execute("INSERT INTO testapp_keyed (code, cash, visits) VALUES ('later', 0, 0)")
    run_once(env)
    Keyed.objects.create(code="of the original")
    assert synchronize().failures == []
    assert codes(REMOTE) == ["known", "later", "of the copy", "of the original"]


@both_committed
@pytest.mark.vendor("sqlite")
@pytest.mark.parametrize(
    ("put_back", "said"),
    [(shutil.copyfile, "was put back to an older state"), (os.replace, "is a copy")],
    ids=["written over", "moved into its place"],
)
def test_older_file_put_back_is_refused(process_env, put_back, said):
    Item.objects.create(name="known")
    synchronize()
    backup = Path(file_of(LOCAL)).with_name("backup.sqlite3")  # os.replace() moves within a disk
    shutil.copy(file_of(LOCAL), backup)
    Item.objects.create(name="lost with the newer state")
    synchronize()
    put_back(backup, file_of(LOCAL))
    for number in range(5):  # the ids that were given out before are given out again
        Item.objects.create(name=f"new {number}")

    line = one_line_of(start_run(process_env), code=3)

    assert said in line and "--keep-identity" in line
    assert names(REMOTE) == ["known", "lost with the newer state"]


@both_committed
@pytest.mark.vendor("sqlite")
def test_file_put_back_in_the_state_of_the_last_run_goes_on(process_env, tmp_path):
    Item.objects.create(name="known")
    synchronize()
    backup = tmp_path / "backup.sqlite3"
    shutil.copy(file_of(LOCAL), backup)
    Item.objects.create(name="never synchronised")
    shutil.copyfile(backup, file_of(LOCAL))
    Item.objects.create(name="new")

    run_once(process_env)

    assert names(REMOTE) == names(LOCAL) == ["known", "new"]


class Dump:
    """A database as ``pg_dump`` writes it."""

    def __init__(self, server: StoppableServer, path: Path, *options: str, of: str = LOCAL) -> None:
        self._server, self._path = server, path
        path.write_text(server.run("pg_dump", "--no-owner", *options, *where(connections[of].settings_dict)))

    def restore(self, settings: dict[str, object]) -> None:
        with self._path.open() as dump:
            self._server.run("psql", "-q", "-v", "ON_ERROR_STOP=1", *where(settings), stdin=dump)


def where(settings: dict[str, object]) -> list[str]:
    keywords = {"host": "HOST", "port": "PORT", "user": "USER", "password": "PASSWORD", "dbname": "NAME"}
    return ["-d", make_conninfo(**{keyword: settings[name] or None for keyword, name in keywords.items()})]


@both_committed
@pytest.mark.vendor("postgres")
def test_dump_restored_into_another_cluster_is_refused_until_it_is_said_what_it_is(process_env, own_server, tmp_path):
    Keyed.objects.create(code="known")
    synchronize()
    place = new_database(own_server.server, "restored")
    Dump(own_server, tmp_path / "dump.sql").restore(place)
    env = elsewhere(process_env, **{LOCAL: place})
    write_there(own_server, "restored", "INSERT INTO testapp_keyed (code, cash, visits) VALUES ('made there', 0, 0)")

    line = one_line_of(start_run(env), *SECRETS, code=3)

    assert "'default' is a copy" in line and "--new-identity" in line and "--keep-identity" in line
    assert codes(REMOTE) == ["known"]

    manage(env, "synchro_reset", "--keep-identity")  # the old cluster is gone, and this is its successor
    write_there(own_server, "restored", "UPDATE testapp_keyed SET cash = 5 WHERE code = 'known'")
    run_once(env)
    assert sorted(Keyed.objects.using(REMOTE).values_list("code", "cash")) == [("known", 5), ("made there", 0)]


@both_committed
@pytest.mark.vendor("postgres")
def test_dump_restored_beside_the_original_is_refused(process_env, own_server, tmp_path):
    """In the same cluster, whose identifier is the same."""
    Item.objects.create(name="known")
    synchronize()
    settings = {**connections[LOCAL].settings_dict, "NAME": "test_synchro_beside"}
    with connections[LOCAL].cursor() as cursor:
        cursor.execute("DROP DATABASE IF EXISTS test_synchro_beside WITH (FORCE)")
        cursor.execute("CREATE DATABASE test_synchro_beside")
    try:
        Dump(own_server, tmp_path / "dump.sql").restore(settings)

        env = elsewhere(process_env, **{LOCAL: {"NAME": "test_synchro_beside"}})
        line = one_line_of(start_run(env), code=3)
    finally:
        with connections[LOCAL].cursor() as cursor:
            cursor.execute("DROP DATABASE test_synchro_beside WITH (FORCE)")

    assert "'default' is a copy" in line


@both_committed
@pytest.mark.vendor("postgres")
def test_older_dump_restored_in_its_place_is_refused(process_env, own_server, tmp_path):
    """The database is the same, and its transactions go on counting: only the changelog tells."""
    Item.objects.create(name="known")
    synchronize()
    dump = Dump(own_server, tmp_path / "dump.sql", "--clean", "--if-exists")
    Item.objects.create(name="lost with the newer state")
    synchronize()
    dump.restore(connections[LOCAL].settings_dict)
    for number in range(5):
        Item.objects.create(name=f"new {number}")

    line = one_line_of(start_run(process_env), code=3)

    assert "put back to an older state" in line and "--keep-identity" in line
    assert names(REMOTE) == ["known", "lost with the newer state"]


@both_committed
@pytest.mark.vendor("postgres")
def test_dump_in_the_state_of_the_last_run_restored_in_its_place_goes_on(process_env, own_server, tmp_path):
    Item.objects.create(name="known")
    synchronize()
    dump = Dump(own_server, tmp_path / "dump.sql", "--clean", "--if-exists")
    dump.restore(connections[LOCAL].settings_dict)
    Item.objects.create(name="new")
    Item.objects.filter(name="known").update(cash=5)

    run_once(process_env)

    assert sorted(Item.objects.using(REMOTE).values_list("name", "cash")) == [("known", 5), ("new", 0)]


@both_committed
@pytest.mark.vendor("postgres")
@pytest.mark.skipif(not times(short=False, long=True), reason="stops and starts a server twice: make torture")
def test_cluster_put_back_from_a_copy_of_its_files_is_refused(process_env, own_server, tmp_path):
    """A snapshot of a disk, or recovery to a point in time: even the numbers of transactions go back."""
    place = new_database(own_server.server, "local")
    env = elsewhere(process_env, **{LOCAL: place})
    manage(env, "migrate", "--run-syncdb")
    manage(env, "synchro_install_triggers")
    write_there(own_server, "local", "INSERT INTO testapp_item (name, cash) VALUES ('known', 0)")
    run_once(env)
    with own_server.stopped() as files:
        subprocess.run(["cp", "-a", str(files), f"{files}-backup"], check=True)
    write_there(own_server, "local", "INSERT INTO testapp_item (name, cash) VALUES ('lost', 0)")
    run_once(env)
    with own_server.stopped() as files:
        shutil.rmtree(files)
        os.rename(f"{files}-backup", files)

    at_once = one_line_of(start_run(env), *SECRETS, code=3)
    for number in range(20):  # the numbers of transactions are given out again, and more
        write_there(own_server, "local", f"INSERT INTO testapp_item (name, cash) VALUES ('new {number}', 0)")
    later = one_line_of(start_run(env), *SECRETS, code=3)

    assert "put back to an older state" in at_once and "put back to an older state" in later
    assert names(REMOTE) == ["known", "lost"]


def write_there(server: StoppableServer, database: str, sql: str) -> None:
    with psycopg.connect(
        host=server.server.host, port=server.server.port, user=server.server.user, dbname=database, autocommit=True
    ) as client:
        client.execute(sql)
