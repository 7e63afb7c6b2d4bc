"""``synchronize --jobs``: several remotes at the same time, each in a process of its own."""

from __future__ import annotations

import json
import os
import signal
import sys
from io import StringIO
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command
from django.db import connections

from synchro_triggers.management.jobs import run_jobs
from synchro_triggers.models import Outcome, Run
from tests.databases import both, both_committed
from tests.followers import WITHIN, started, until, way_to, with_databases
from tests.processes import run
from tests.testapp.models import Item, Numbered

LOCAL, REMOTE = "default", "remote"


@pytest.fixture
def other(databases, monkeypatch, transactional_db, vendor):
    """One more remote, of the same vendor."""
    name = databases.copy(vendor.remote, "third")
    added = connections.configure_settings({LOCAL: {}, "third": databases.settings(vendor.remote, name)})
    monkeypatch.setitem(connections.settings, "third", added["third"])
    connections["third"].connect()
    yield "third"
    connections["third"].close()
    del connections["third"]
    databases.remove(vendor.remote, name)


@pytest.fixture
def env(process_env, other):
    """Environment of a process that has two remotes."""
    settings = {"SYNCHRO_REMOTE": [REMOTE, other]}
    databases = json.dumps(connections.settings, default=str)
    return {**process_env, "SYNCHRO_TEST_DATABASES": databases, "SYNCHRO_TEST_SETTINGS": json.dumps(settings)}


def nowhere(vendor, tmp_path):
    lost = {
        "sqlite": {"NAME": str(tmp_path / "no-such-folder" / "database.sqlite3")},
        "postgres": {"HOST": "127.0.0.1", "PORT": "1"},
    }[vendor.remote]
    return lambda before: {**before, **lost}


def synchronized(env, *options):
    return run("-m", "django", "synchronize", *options, env=env, timeout=600)


def names_on(alias):
    return sorted(Item.objects.using(alias).values_list("name", flat=True))


def children_of(pid):
    """Return the processes that a process has started."""
    found = []
    for each in Path("/proc").glob("[0-9]*/stat"):
        try:
            state, parent, *_ = each.read_text().rpartition(")")[2].split()
        except OSError:
            continue
        if int(parent) == pid and state != "Z":
            found.append(int(each.parent.name))
    return found


def is_there(pid):
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


# All is well ---------------------------------------------------------------------------------------


@both_committed
@pytest.mark.parametrize("jobs", ["1", "7"])
def test_each_remote_is_brought_up_to_date_and_says_so_by_itself(env, other, jobs):
    Item.objects.create(name="a")

    done = synchronized(env, "--jobs", jobs)

    assert (done.returncode, done.stderr) == (0, "")
    lines = done.stdout.splitlines()
    for remote in (REMOTE, other):
        assert f"{remote}: Synchronization performed successfully." in lines
        assert any(line.startswith(f"{remote}: testapp.Item ") for line in lines)
        assert names_on(remote) == ["a"]
    assert all(line.startswith((f"{REMOTE}: ", f"{other}: ")) for line in lines)
    assert synchronized(env, "--jobs", jobs).stdout.count("No changes since last") == 2


@both_committed
def test_one_at_a_time_is_one_at_a_time(env, other):
    Item.objects.create(name="a")

    synchronized(env, "--jobs", "1")

    first, second = Run.objects.order_by("begun_at")
    assert (first.outcome, second.outcome) == (Outcome.DONE, Outcome.DONE)
    assert {first.remote, second.remote} == {REMOTE, other} and first.ended_at <= second.begun_at
    assert first.pid != second.pid


@both_committed
def test_json_is_a_line_for_each_remote(env, other, vendor, tmp_path):
    Item.objects.create(name="a")
    env = with_databases(env, third=nowhere(vendor, tmp_path))

    done = synchronized(env, "--jobs", "2", "--json")

    told = {each["remote"]: each for each in map(json.loads, done.stdout.splitlines())}
    assert told.keys() == {REMOTE, other} and done.returncode == 5
    assert (told[REMOTE]["exit_code"], told[REMOTE]["error"]) == (0, None)
    assert told[REMOTE]["report"]["created"] == 1 and told[REMOTE]["report"]["remotes"] == [REMOTE]
    assert (told[other]["exit_code"], told[other]["report"]) == (5, None) and repr(other) in told[other]["error"]


@both_committed
def test_options_are_those_of_each_process(env, other):
    Item.objects.create(name="a")
    Numbered.objects.create(number=1)

    dry = synchronized(env, "--jobs", "2", "--dry-run", "-v", "2")
    assert dry.stdout.count("Dry run: nothing was written.") == 2 and names_on(REMOTE) == []

    synchronized(env, "--jobs", "2", "--full", "--model", "testapp.Numbered", "--on-error", "stop")
    assert names_on(REMOTE) == [] and Numbered.objects.using(other).exists()


@both_committed
def test_only_remote_is_no_trouble(process_env):
    Item.objects.create(name="a")

    done = synchronized(process_env, "--jobs", "3")

    assert done.returncode == 0 and names_on(REMOTE) == ["a"]


# In trouble ----------------------------------------------------------------------------------------


@both_committed
@pytest.mark.parametrize("lost", [REMOTE, "third"])
def test_remote_that_is_down_stops_no_other_and_the_worst_exit_code_counts(env, other, vendor, tmp_path, lost):
    there = other if lost == REMOTE else REMOTE
    Item.objects.create(name="a")
    Numbered.objects.using(there).create(number=1, name="theirs")
    Numbered.objects.create(number=1, name="ours")
    env = with_databases(env, **{lost: nowhere(vendor, tmp_path)})

    done = synchronized(env, "--jobs", "2")

    assert names_on(there) == ["a"]
    assert done.returncode == 5 == synchronized(env).returncode
    lines = done.stderr.splitlines()
    [about_lost] = [line for line in lines if line.startswith(f"{lost}: ")]
    assert repr(lost) in about_lost and "CommandError" not in about_lost
    assert any(line.startswith(f"{there}: 1 object could not be applied") for line in lines)
    assert lines[-1].startswith("CommandError: 2 of 2 remotes had trouble, with these exit codes: ")
    assert f"{lost} (5)" in lines[-1] and f"{there} (1)" in lines[-1]


@both_committed
@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM])
def test_remote_that_hangs_stops_no_other_and_a_signal_ends_all(env, other, vendor, how):
    Item.objects.create(name="a")
    with way_to(REMOTE, env, vendor) as (env, gate):
        gate.freeze()
        with started("-m", "django", "synchronize", "--jobs", "2", env=env) as process:
            until(lambda: names_on(other) == ["a"])
            until(lambda: len(children_of(process.pid)) == 1)
            [hanging] = children_of(process.pid)

            process.send_signal(how)
            said, complained = process.communicate(timeout=WITHIN)

    assert process.returncode == 128 + how
    assert f"Ended by {how.name}" in complained and "Traceback" not in complained
    assert not is_there(hanging)
    assert f"{other}: Synchronization performed successfully." in said


@both_committed
def test_remote_that_hangs_is_ended_in_time_where_only_one_may_run(env, other, vendor):
    Item.objects.create(name="a")
    with way_to(REMOTE, env, vendor) as (env, gate):
        gate.freeze()
        for seconds in (4, 30, 200):
            done = synchronized(env, "--jobs", "1", "--timeout", str(seconds))
            if names_on(other):  # on a machine that is busy, the other one needs more, too
                break

    assert done.returncode == 5 and names_on(other) == ["a"]
    assert f"{REMOTE}: It had not ended after {seconds} seconds, and was ended." in done.stderr
    assert f"had trouble, with these exit codes: {REMOTE} (5)" in done.stderr


# Lines ---------------------------------------------------------------------------------------------

TALKS = """
import os, sys, time
for number in range(200):
    for part in (sys.argv[1] * 50, sys.argv[1] * 50, "\\n"):
        os.write(1 + number % 2, part.encode())
"""


def test_lines_of_processes_are_not_mixed(monkeypatch):
    monkeypatch.setenv("DJANGO_SETTINGS_MODULE", "tests.settings")
    told = []

    jobs = run_jobs(
        "abcd",
        lambda name: [sys.executable, "-c", TALKS, name],
        at_most=4,
        seconds=None,
        on_line=lambda name, line, is_error: told.append((name, line, is_error)),
        on_end=lambda job: told.append((job.remote, "ended", job.exit_code)),
        hears_signals=False,
    )

    assert [(job.remote, job.exit_code) for job in jobs] == [(name, 0) for name in "abcd"]
    for name in "abcd":
        assert told.count((name, name * 100, False)) == told.count((name, name * 100, True)) == 100
        assert [each for each in told if each[0] == name][-1] == (name, "ended", 0)
    assert len(told) == 4 * 201


def test_process_that_is_killed_is_told_by_its_signal(monkeypatch):
    monkeypatch.setenv("DJANGO_SETTINGS_MODULE", "tests.settings")
    code = "import os, signal; os.kill(os.getpid(), signal.SIGKILL)"

    [job] = run_jobs(
        ["main"],
        lambda name: [sys.executable, "-c", code],
        at_most=1,
        seconds=None,
        on_line=lambda *_: None,
        on_end=lambda job: None,
        hears_signals=False,
    )

    assert (job.exit_code, job.signal, job.is_cut_off) == (1, signal.SIGKILL, False)


# Wrong ---------------------------------------------------------------------------------------------


@both
@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--jobs", "0"], "--jobs must be a number from 1, not 0."),
        (["--jobs=-1"], "--jobs must be a number from 1, not -1."),
        (["--jobs", "2", "--follow"], "start one for each remote, with --remote"),
        (["--timeout", "5"], "--timeout ends a process of --jobs: give that, too."),
        (["--jobs", "2", "--timeout", "0"], "--timeout must be a number of more than 0 seconds"),
        (["--jobs", "2", "--timeout", "nan"], "--timeout must be a number of more than 0 seconds"),
        (["--jobs", "2", "--remote", "nope"], "there is no database 'nope'"),
    ],
    ids=" ".join,
)
def test_what_makes_no_sense_is_said_and_ends_with_2(options, said):
    with pytest.raises(CommandError) as caught:
        call_command("synchronize", *options, stdout=StringIO(), stderr=StringIO())

    assert caught.value.returncode == 2 and said in str(caught.value)


@both
def test_settings_that_no_process_could_read_are_said(monkeypatch):
    monkeypatch.delenv("DJANGO_SETTINGS_MODULE", raising=False)
    with pytest.raises(CommandError, match="set DJANGO_SETTINGS_MODULE") as caught:
        call_command("synchronize", "--jobs", "2", stdout=StringIO(), stderr=StringIO())

    assert caught.value.returncode == 2
    assert "DJANGO_SETTINGS_MODULE" not in os.environ
