"""``synchronize --follow`` as a process of its own, and ``--full``."""

from __future__ import annotations

import json
import signal
import time
from contextlib import contextmanager
from io import StringIO
from threading import Timer

import pytest
from django.core.management import CommandError, call_command
from django.db import connections

from synchro_triggers import synchro_paused, synchronize
from synchro_triggers.capture import install
from synchro_triggers.management.commands.synchronize import Command
from synchro_triggers.models import Checkpoint, Failure
from synchro_triggers.replay import follow
from synchro_triggers.replay.follow import Follower
from synchro_triggers.replay.report import Told
from tests.comparing import assert_same
from tests.databases import both, both_committed
from tests.processes import start
from tests.testapp.models import Account, Entry, Item, Numbered, Tag, Tagged

LOCAL, REMOTE = "default", "remote"

#: Seconds after which something that should happen has not happened.
PATIENCE = 120


@contextmanager
def following(process_env, *options):
    """A follower; stopped at the end in order, which must take less than ``PATIENCE``."""
    process = start("-m", "django", "synchronize", "--follow", "--json", *options, env=process_env)
    try:
        yield process
        process.send_signal(signal.SIGTERM)
        process.said, process.complained = process.communicate(timeout=PATIENCE)
    finally:
        process.kill()
        process.wait()


def until(condition):
    """Wait for a condition."""
    deadline = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < deadline, "it did not happen"
        time.sleep(0.02)


def names_there():
    return sorted(Item.objects.using(REMOTE).values_list("name", flat=True))


@both_committed
@pytest.mark.parametrize("stop", [signal.SIGTERM, signal.SIGINT])
def test_follower_takes_every_commit_and_stops_in_order(process_env, stop):
    Item.objects.create(name="before")
    with following(process_env) as process:
        until(lambda: names_there() == ["before"])
        for number in range(3):
            Item.objects.create(name=f"while {number}")
            until(lambda: len(names_there()) == number + 2)  # noqa: B023
        Item.objects.filter(name="before").delete()
        until(lambda: len(names_there()) == 3)
        process.send_signal(stop)
        process.wait(PATIENCE)

    assert process.returncode == 0 and process.complained == ""
    reports = [json.loads(line) for line in process.said.splitlines()]
    assert sum(report["created"] for report in reports) == 4
    assert {report["remote"] for report in reports} == {REMOTE}
    assert Checkpoint.objects.using(REMOTE).get().run_id == ""
    assert not synchronize().changed


@both_committed
@pytest.mark.vendor("postgres")
def test_follower_is_woken_by_postgresql(process_env):
    with following(process_env, "--notify", "--interval", "3600"):
        Item.objects.create(name="first")
        until(lambda: names_there() == ["first"])
        Item.objects.create(name="second")
        until(lambda: len(names_there()) == 2)
    call_command("synchro_install_triggers", "--check", verbosity=0)

    call_command("synchro_install_triggers", "--uninstall", verbosity=0)
    with connections[LOCAL].cursor() as cursor:
        cursor.execute("SELECT count(*) FROM pg_trigger WHERE tgname LIKE '%%synchro%%'", ())
        assert cursor.fetchone() == (0,)
    call_command("synchro_install_triggers", verbosity=0)


@both
@pytest.mark.vendor("sqlite")
def test_sqlite_cannot_wake_a_follower():
    with pytest.raises(CommandError, match="--notify needs PostgreSQL"):
        call_command("synchronize", "--follow", "--notify")


@both_committed
def test_follower_goes_on_after_another_run(process_env):
    """While somebody else has the lease, it says so and waits."""
    Item.objects.create(name="a")
    synchronize()
    Checkpoint.objects.using(REMOTE).update(run_id="somebody", run_host="elsewhere", run_pid=1)
    Checkpoint.objects.using(REMOTE).update(run_started="2026-01-01T00:00Z", run_seen="2999-01-01T00:00Z")
    with following(process_env) as process:
        Item.objects.create(name="b")
        assert "under way" in process.stderr.readline()
        assert names_there() == ["a"]
        Checkpoint.objects.using(REMOTE).update(run_id="")
        until(lambda: names_there() == ["a", "b"])
    assert process.returncode == 0


@both_committed
def test_follower_keeps_what_fails_and_goes_on(process_env):
    Numbered.objects.using(REMOTE).create(number=1, name="theirs")
    with following(process_env) as process:
        Numbered.objects.create(number=1, name="ours")
        until(Failure.objects.using(REMOTE).exists)
        Item.objects.create(name="after")
        until(lambda: names_there() == ["after"])
    assert "testapp.Numbered" in process.complained


@both
@pytest.mark.parametrize("wrong", [("--dry-run",), ("--model", "testapp.Item"), ("--interval", "0")])
def test_options_that_make_no_sense_together_are_refused(wrong):
    with pytest.raises(CommandError, match=r"cannot be combined|interval"):
        call_command("synchronize", "--follow", *wrong)


# The initial load ---------------------------------------------------------------------------------


@both
@pytest.mark.all_pairs
@pytest.mark.parametrize("batch_size", [2, 1000])
def test_full_run_takes_what_was_never_logged(settings, batch_size):
    settings.SYNCHRO_BATCH_SIZE = batch_size
    with synchro_paused():
        account = Account.objects.create(name="it's", cash=3)
        Entry.objects.create(name="entry", account=account)
        Item.objects.bulk_create(Item(name=str(number)) for number in range(5))
        tagged = Tagged.objects.create(title="t")
        tagged.tags.add(*Tag.objects.bulk_create(Tag(label=str(number)) for number in range(3)))
    assert not synchronize().changed

    report = synchronize(full=True)

    assert report.failures == []
    assert {label: counts.created for label, counts in report.models.items()} == {
        "testapp.Account": 1,
        "testapp.Entry": 1,
        "testapp.Item": 5,
        "testapp.Tagged": 1,
        "testapp.Tag": 3,
        "testapp.Tagged_tags": 3,
    }
    assert_same("testapp")
    assert not synchronize(full=True).changed
    assert not synchronize().changed


@both
def test_full_run_leaves_what_the_remote_has_changed_or_has_alone():
    item = Item.objects.create(name="a")
    synchronize()
    Item.objects.using(REMOTE).update(name="theirs")
    Item.objects.using(REMOTE).create(name="only theirs")

    report = synchronize(full=True)

    assert report.models["testapp.Item"].conflicts == 1
    assert names_there() == ["only theirs", "theirs"]
    assert Item.objects.get().name == item.name


@both
def test_full_run_of_one_model_leaves_the_others():
    with synchro_paused():
        Item.objects.create(name="a")
        Tag.objects.create(label="b")

    synchronize(full=True, models=["testapp.Tag"])

    assert Tag.objects.using(REMOTE).exists() and not Item.objects.using(REMOTE).exists()


@both_committed
def test_follower_looks_again_after_an_error_whatever_the_mark_of_its_new_connection(monkeypatch):
    from itertools import chain, repeat

    from django.db import OperationalError

    Item.objects.create(name="pending")
    marks, performed, problems = chain(["1", "2"], repeat("1")), [], []
    original = follow.Run.perform

    def perform(self, record):
        performed.append(1)
        if len(performed) == 2:
            raise OperationalError("database is locked")
        return original(self)

    monkeypatch.setattr(follow.Run, "perform", perform)
    monkeypatch.setattr(follow.Run, "perform_at_once", lambda self, checkpoint, window, record: None)
    monkeypatch.setattr(follow, "commit_mark", lambda alias: next(marks))
    monkeypatch.setattr(follow.Run, "end_of_window", lambda self, mark: "")
    monkeypatch.setattr(follow, "LONGEST_PAUSE", 0.01)

    def seen(remote, report):
        if len(performed) == 1:
            Item.objects.create(name="more")
        else:
            follower.stop()

    follower = follow.Follower("remote", interval=0.01, on_run=seen, on_problem=problems.append)
    guard = Timer(10, follower.stop)
    guard.start()
    follower.run()
    guard.cancel()

    assert len(performed) == 3 and len(problems) == 1


def followed(runs, change=lambda number: None, **options):
    """Follow in this process for so many looks that tell something; return the reports."""
    reports = []

    def seen(remote, report):
        reports.append(report)
        if len(reports) == runs:
            follower.stop()
        else:
            change(len(reports))

    follower = Follower(REMOTE, interval=0.01, on_run=seen, on_problem=pytest.fail, **options)
    guard = Timer(PATIENCE, follower.stop)
    guard.start()
    follower.run()
    guard.cancel()
    return reports


@both_committed
def test_follower_warns_once_whatever_there_is_to_do(monkeypatch):
    install.uninstall(REMOTE)
    monkeypatch.setattr(follow, "_REFRESH", 0)  # each look is a run of its own

    reports = followed(3, lambda number: Item.objects.create(name=str(number)))

    assert [report.created for report in reports] == [0, 1, 1]
    assert ["has no triggers" in " ".join(report.warnings) for report in reports] == [True, False, False]


@both_committed
def test_follower_tells_of_what_it_has_left_alone(monkeypatch):
    item = Item.objects.create(name="a")
    synchronize()
    Item.objects.update(name="b")
    with synchro_paused():
        item.delete()

    [report] = followed(1)

    assert not report.changed
    assert [each.kind for each in report.remarks] == [Told.VANISHED]


@both_committed
def test_text_of_a_follower_names_what_a_run_of_its_own_names(caplog):
    install.uninstall(REMOTE)
    item = Item.objects.create(name="a")
    key = item.pk
    synchronize()
    Item.objects.update(name="b")
    with synchro_paused():
        item.delete()
    out, err = StringIO(), StringIO()
    command = Command(stdout=out, stderr=err)

    for report in followed(1):
        command._tell_run(REMOTE, report, {"as_json": False, "verbosity": 2})

    assert f"testapp.Item {key}: " in out.getvalue()
    assert err.getvalue() == "" and "'remote' has no triggers" in caplog.text
