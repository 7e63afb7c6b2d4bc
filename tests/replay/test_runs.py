"""Runs are on record on LOCAL: when, how they have ended, what they did, and who began them."""

from __future__ import annotations

import datetime
import logging
import os
import subprocess
import sys
import threading
import time

import pytest
from django.contrib.auth.models import User
from django.core.management import call_command
from django.db import connections
from django.db.models.signals import pre_save

from synchro_triggers import Refused, SynchroError, synchronize
from synchro_triggers.capture import install
from synchro_triggers.models import Run
from synchro_triggers.replay.choices import Choices
from synchro_triggers.replay.follow import Follower
from synchro_triggers.replay.log.window import open_window
from synchro_triggers.replay.pruning import prune
from synchro_triggers.replay.run import Run as ReplayRun
from synchro_triggers.replay.state.checkpoint import load_checkpoint
from synchro_triggers.replay.state.lease import Lease
from synchro_triggers.replay.state.node import node_id
from synchro_triggers.replay.state.runs import FollowersRecord
from synchro_triggers.replay.status.runs import how_it_ended, last_runs
from tests.databases import ALIASES, both, both_committed
from tests.managing import in_process
from tests.testapp.models import Item, Tag, Tagged

LOCAL, REMOTE = ALIASES


def runs():
    return list(Run.objects.using(LOCAL).order_by("id"))


def only():
    [run] = runs()
    return run


def execute(alias, sql):
    with connections[alias].cursor() as cursor:
        cursor.execute(sql)


# What is put on record ----------------------------------------------------------------------------


@both
@pytest.mark.all_pairs
def test_run_is_on_record_with_what_it_did():
    before = datetime.datetime.now(datetime.UTC)
    gone, _ = Item.objects.create(name="a"), Item.objects.create(name="b")
    synchronize()
    Run.objects.all().delete()
    gone.delete()
    Item.objects.update(cash=1)
    tagged = Tagged.objects.create()
    tagged.tags.add(Tag.objects.create(label="x"), Tag.objects.create(label="y"))

    report = synchronize()

    run = only()
    assert (run.remote, run.remote_node, run.direction) == (REMOTE, node_id(REMOTE), "push")
    assert (run.outcome, run.error, run.begun_by, run.pid) == ("done", "", "API", os.getpid())
    assert (run.written, run.deleted, run.links, run.kept, run.conflicts) == (4, 1, 2, 0, 0)
    assert report.created + report.updated + report.deleted == run.written + run.deleted + run.links
    assert before <= run.begun_at <= run.ended_at
    assert not Run.objects.using(REMOTE).exists()


@both
def test_run_with_nothing_to_do_costs_one_statement():
    Item.objects.create(name="a")
    synchronize()
    synchronize()
    sent = []

    def watch(execute, sql, *arguments):
        sent.append(sql)
        return execute(sql, *arguments)

    with connections[LOCAL].execute_wrapper(watch):
        synchronize()

    assert [run.outcome for run in runs()] == ["done", "nothing to do"]
    assert len([sql for sql in sent if "synchro_triggers_run" in sql]) == 1


@both
def test_runs_with_nothing_to_do_are_one_row():
    """A run each minute would write half a million rows a year."""
    Item.objects.create(name="a")
    synchronize()
    synchronize(by="first")
    before = runs()[-1]
    synchronize(both=True, by="second")

    idle = [run for run in runs() if run.outcome == "nothing to do"]

    assert [(run.direction, run.begun_by) for run in idle] == [("push", "second"), ("pull", "second")]
    assert idle[0].pk == before.pk and idle[0].begun_at > before.ended_at
    Item.objects.create(name="b")
    synchronize()
    synchronize()
    assert [run.outcome for run in runs() if run.direction == "push"] == ["done", "nothing to do"] * 2
    assert [run.outcome for run in last_runs(REMOTE, 2)] == ["nothing to do", "done"]


@both
def test_dry_run_is_not_on_record():
    Item.objects.create(name="a")

    synchronize(dry_run=True)

    assert runs() == []


@both
@pytest.mark.all_pairs
def test_both_ways_are_two_runs():
    Item.objects.using(REMOTE).create(pk=50_000, name="theirs")

    synchronize(both=True)

    assert [(run.remote, run.remote_node, run.direction, run.written) for run in runs()] == [
        (REMOTE, node_id(REMOTE), "push", 0),
        (REMOTE, node_id(REMOTE), "pull", 1),
    ]
    assert not Run.objects.using(REMOTE).exists()


@both
def test_kept_failures_are_counted():
    def refuse(sender, using, **kwargs):
        if using == REMOTE:
            raise ValueError("no")

    Item.objects.create(name="a")
    pre_save.connect(refuse, sender=Item)
    try:
        synchronize()
        synchronize()
        synchronize()
    finally:
        pre_save.disconnect(refuse, sender=Item)

    assert [(run.outcome, run.kept) for run in runs()][-1][1] == 1
    assert all(run.kept == 1 for run in runs())


# By whom ------------------------------------------------------------------------------------------


@both
def test_command_and_page_and_callers_are_told_apart(client):
    client.force_login(User.objects.create_superuser("alice", password="secret"))

    for run in (
        lambda: call_command("synchronize", verbosity=0),
        lambda: client.post("/synchro/", {"synchro": ""}),
        lambda: synchronize(by="a task"),
        lambda: call_command("synchro_failures", "--retry"),
    ):
        Item.objects.create(name="a")
        run()

    assert [run.begun_by for run in runs()] == ["command", "page: alice", "a task", "command"]


def follow(until, times=1):
    """Let a follower work until that many passes had something to tell of."""
    told, follower = [], Follower(interval=0.01)

    def tell(alias, report):
        told.append(report)
        until(len(told))
        if len(told) == times:
            follower.stop()

    follower.on_run = tell
    follower.run()


def by_another(do):
    """Do what a user does, over a connection of its own: SQLite tells nobody of what it has committed itself."""

    def work():
        try:
            do()
        finally:
            connections.close_all()

    user = threading.Thread(target=work)
    user.start()
    user.join()


@both_committed
@pytest.mark.parametrize("observed", [False, True])
def test_follower_puts_on_record_at_its_end_what_did_something(observed):
    seen = []

    def create(number):
        seen.append(runs())
        by_another(lambda: Item.objects.create(name=str(number)))

    def hear(sender, **kwargs):
        """Hear of it, so that it is not applied at once."""

    create(0)
    if observed:
        pre_save.connect(hear, sender=Item)
    try:
        follow(create, times=4)
    finally:
        pre_save.disconnect(hear, sender=Item)

    assert seen == [[]] * 5, "users on SQLite are disturbed by each row"
    assert [(run.begun_by, run.outcome, run.written) for run in runs()] == [("follower", "done", 4)]
    assert only().remote_node == node_id(REMOTE) and only().begun_at < only().ended_at


@both_committed
def test_follower_puts_on_record_each_minute_what_it_did(monkeypatch):
    monkeypatch.setattr("synchro_triggers.replay.state.runs._FOLLOWERS_ROW", 0.05)
    Item.objects.create(name="a")
    seen = []

    def create(number):
        time.sleep(0.06)
        seen.append(sum(run.written for run in runs()))
        by_another(lambda: Item.objects.create(name=str(number)))

    follow(create, times=4)

    assert seen == [0, 1, 2, 3] and [run.written for run in runs()] == [1, 1, 1, 1]
    assert [run.begun_at for run in last_runs(REMOTE, 9)] == [run.begun_at for run in runs()][::-1]


@both_committed
def test_large_run_of_a_follower_is_on_record_before_it_begins(monkeypatch):
    monkeypatch.setattr("synchro_triggers.replay.state.runs._LARGE", 1)
    seen = []

    def look(sender, using, **kwargs):
        if using == REMOTE:
            seen.append([run.outcome for run in runs()])

    def create(number):
        if number == 1:
            by_another(lambda: Item.objects.bulk_create([Item(name="b"), Item(name="c")]))

    Item.objects.create(name="a")
    pre_save.connect(look, sender=Item)
    try:
        follow(create, times=2)
    finally:
        pre_save.disconnect(look, sender=Item)

    assert seen == [[], ["done", ""], ["done", ""]]
    assert [(run.outcome, run.written) for run in runs()] == [("done", 1), ("done", 2)]


@both_committed
def test_what_a_follower_did_before_a_trouble_is_on_record_before_it():
    Item.objects.create(name="a")
    record = FollowersRecord(LOCAL, REMOTE)
    run = ReplayRun(REMOTE, Choices())

    record.begin_pass()
    run.perform(record)
    record.begin_pass()
    record.fail(ZeroDivisionError("no"))

    assert [(each.outcome, each.written, each.error) for each in runs()] == [("done", 1, ""), ("failed", 0, "no")]


@both_committed
def test_follower_s_record_and_a_user_s_transaction_are_not_in_each_other_s_way():
    """On SQLite, who has read holds up others who write, and may be refused once another has written."""
    record, run = FollowersRecord(LOCAL, REMOTE), ReplayRun(REMOTE, Choices())
    run.perform(record)
    Item.objects.create(name="a")
    user = connections[LOCAL].copy()
    try:
        with user.cursor() as cursor:
            cursor.execute("BEGIN")
            cursor.execute("SELECT * FROM testapp_tag")
            cursor.fetchall()
            record.begin_pass()
            report = run.perform(record)
            cursor.execute("INSERT INTO testapp_tag (label) VALUES ('b')")
            cursor.execute("COMMIT")
    finally:
        user.close()

    assert report.created == 1 and not report.warnings
    assert run.perform(record).created == 1


@both_committed
def test_small_window_of_a_follower_is_on_record():
    synchronize()
    run, record = ReplayRun(REMOTE, Choices()), FollowersRecord(LOCAL, REMOTE)
    checkpoint = load_checkpoint(REMOTE, run.source)
    Run.objects.all().delete()
    Item.objects.create(name="a")
    window = open_window(LOCAL, checkpoint.position, without_origin=run.node, known_row=checkpoint.last_row)

    assert run.perform_at_once(checkpoint, window, record).created == 1
    record.write()

    assert (only().begun_by, only().outcome, only().written, only().remote_node) == ("follower", "done", 1, run.node)


@both_committed
def test_idle_passes_of_a_follower_are_not_on_record():
    Item.objects.create(name="a")
    synchronize()
    Run.objects.all().delete()
    follower = Follower(interval=0.01)
    looks = []
    follower._look = lambda followed, look=follower._look: (
        look(followed),
        looks.append(1),
        len(looks) > 5 and follower.stop(),
    )

    follower.run()

    assert runs() == []


@both_committed
def test_follower_puts_a_trouble_on_record_once(monkeypatch):
    Item.objects.create(name="a")
    Lease(REMOTE, node_id(LOCAL)).acquire()
    follower, looks = Follower(interval=0.01), []
    follower._look = lambda followed, look=follower._look: (
        look(followed),
        looks.append(1),
        len(looks) > 30 and follower.stop(),
    )

    follower.run()

    assert [(run.begun_by, run.outcome) for run in runs()] == [("follower", "busy")]


# How they end -------------------------------------------------------------------------------------


@both
def test_refused_run_is_on_record():
    install.uninstall(LOCAL)

    with pytest.raises(Refused) as error:
        synchronize()

    assert (only().outcome, only().remote_node) == ("refused", "")
    assert str(error.value).startswith(only().error.removesuffix(" …"))


@both
def test_run_beside_another_is_on_record():
    Lease(REMOTE, node_id(LOCAL)).acquire()

    with pytest.raises(SynchroError):
        synchronize()

    assert only().outcome == "busy"


@both
def test_receiver_that_ends_the_run_is_on_record(monkeypatch):
    Item.objects.create(name="a")
    monkeypatch.setattr("synchro_triggers.replay.run.Backlog.apply", lambda *args: 1 / 0)

    with pytest.raises(ZeroDivisionError):
        synchronize()

    assert (only().outcome, only().error) == ("failed", "division by zero") and only().ended_at is not None


@both_committed
def test_remote_that_is_down_is_on_record(tmp_path, vendor):
    connection = connections[REMOTE]
    connection.close()
    change = {"sqlite": {"NAME": str(tmp_path / "no" / "db")}, "postgres": {"HOST": "127.0.0.1", "PORT": "1"}}
    before = dict(connection.settings_dict)
    connection.settings_dict.update(change[vendor.remote])
    try:
        with pytest.raises(SynchroError):
            synchronize()
    finally:
        connection.close()
        connection.settings_dict.update(before)

    assert only().outcome == "unreachable" and only().error


@both_committed
@pytest.mark.all_pairs
def test_run_that_is_killed_has_begun_and_never_ended(process_env):
    Item.objects.create(name="a")
    code = (
        "import os, signal, django; django.setup()\n"
        "from synchro_triggers.replay.backlog import Backlog\n"
        "from django.core.management import call_command\n"
        "Backlog.apply = lambda *args: os.kill(os.getpid(), signal.SIGKILL)\n"
        "call_command('synchronize')"
    )
    done = subprocess.run([sys.executable, "-c", code], env=process_env, timeout=600, check=False)

    assert done.returncode == -9
    assert (only().outcome, only().ended_at, only().begun_by) == ("", None, "command")
    [past] = last_runs(REMOTE, 5)
    assert past.outcome == "killed" and past.went_wrong and past.seconds is None

    synchronize()

    assert [past.outcome for past in last_runs(REMOTE, 5)] == ["done", "killed"]


@pytest.mark.parametrize(
    ("outcome", "is_over", "runs_still", "ended"),
    [
        ("done", False, False, "done"),
        ("", False, True, "under way"),
        ("", False, False, "killed"),
        ("", True, True, "killed"),
    ],
)
def test_how_a_run_has_ended(outcome, is_over, runs_still, ended):
    assert how_it_ended(outcome, is_over=is_over, runs_still=runs_still) == ended


# Never breaks a run -------------------------------------------------------------------------------


@both
def test_what_cannot_be_put_on_record_is_told_and_breaks_nothing(monkeypatch, caplog):
    Item.objects.create(name="a")

    def refuse(execute, sql, *arguments):
        if 'INSERT INTO "synchro_triggers_run"' in sql:
            sql = "INSERT INTO no_such_table VALUES (1)"
            return execute(sql, (), *arguments[1:])
        return execute(sql, *arguments)

    with connections[LOCAL].execute_wrapper(refuse), caplog.at_level(logging.WARNING, "synchro_triggers"):
        report = synchronize()

    [warning] = report.warnings
    assert warning.startswith("This run could not be put on record on 'default'") and "no_such_table" in warning
    assert warning in caplog.text
    assert report.created == 1 and Item.objects.using(REMOTE).exists() and runs() == []


@both
def test_end_that_cannot_be_put_on_record_is_told():
    Item.objects.create(name="a")

    def refuse(execute, sql, *arguments):
        if sql.startswith('UPDATE "synchro_triggers_run"'):
            return execute("UPDATE no_such_table SET a = 1", (), *arguments[1:])
        return execute(sql, *arguments)

    with connections[LOCAL].execute_wrapper(refuse):
        report = synchronize()

    assert report.created == 1
    assert "seems to be killed in synchro_status" in report.warnings[0] and "no_such_table" in report.warnings[0]
    assert only().ended_at is None


@both
def test_secrets_of_an_error_are_not_put_on_record(monkeypatch):
    Item.objects.create(name="a")

    def fail(*args):
        raise SynchroError("postgres://joe:secret@host/db failed")

    monkeypatch.setattr("synchro_triggers.replay.run.Backlog.apply", fail)

    with pytest.raises(SynchroError):
        synchronize()

    assert "secret" not in only().error and only().outcome == "failed"


@both
def test_long_error_is_cut_where_one_sees_it(monkeypatch):
    def fail(*args):
        raise SynchroError("x" * 600)

    Item.objects.create(name="a")
    monkeypatch.setattr("synchro_triggers.replay.run.Backlog.apply", fail)

    with pytest.raises(SynchroError):
        synchronize()

    assert only().error == "x" * 498 + " …"


# Pruned -------------------------------------------------------------------------------------------


@both
@pytest.mark.all_pairs
def test_runs_are_pruned_with_the_log():
    Item.objects.create(name="a")
    synchronize()
    synchronize()
    Run.objects.filter(pk=runs()[0].pk).update(begun_at=datetime.datetime(2020, 1, 1, tzinfo=datetime.UTC))

    assert prune(datetime.timedelta(days=1), dry_run=True).runs == 0
    assert len(runs()) == 2
    pruned = prune(datetime.timedelta(days=1))

    assert pruned.runs == 1 and len(runs()) == 1


@both_committed
def test_prune_tells_of_runs():
    synchronize()
    Run.objects.update(begun_at=datetime.datetime(2020, 1, 1, tzinfo=datetime.UTC))

    assert "0 conflicts, 1 runs." in in_process("synchro_prune", "--keep", "1").stdout
