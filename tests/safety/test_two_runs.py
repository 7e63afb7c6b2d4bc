"""One run at a time: the second one says who is at work, and touches nothing."""

from __future__ import annotations

import datetime
import os
import socket
import subprocess
import sys
import threading
from contextlib import contextmanager
from io import StringIO

import pytest
from django.apps import apps
from django.core.management import CommandError, call_command
from django.db import connections
from django.db.models.functions import Now
from django.db.models.signals import post_save
from django.utils import timezone

from synchro_triggers import synchro_paused, synchronize
from synchro_triggers.exceptions import RunUnderWay
from synchro_triggers.models import Checkpoint, Reference, Run, options
from synchro_triggers.replay.state.lease import Lease
from synchro_triggers.replay.state.node import node_id
from tests import processes
from tests.databases import both, both_committed
from tests.testapp.models import Item

pytestmark = both_committed

REMOTE = "remote"


@pytest.fixture
def waiting_run():
    """A run in another thread, which waits inside a receiver until it is released."""
    inside, release = threading.Event(), threading.Event()

    def wait(using, **kwargs):
        if using == REMOTE:
            inside.set()
            assert release.wait(60)

    def run():
        try:
            synchronize()
        finally:
            connections.close_all()

    post_save.connect(wait, sender=Item)
    Item.objects.create(name="slow")
    thread = threading.Thread(target=run)
    thread.start()
    assert inside.wait(60)
    yield
    release.set()
    thread.join()
    post_save.disconnect(wait, sender=Item)


def everything() -> dict[tuple[str, str], list[dict[str, object]]]:
    """Return every row that a run could touch, as others see it; without the records of runs that did nothing."""
    models = [Item, *apps.get_app_config("synchro_triggers").get_models()]
    models.remove(Run)
    return {
        (alias, model._meta.label): list(model._base_manager.using(alias).order_by("pk").values())
        for alias in connections
        for model in models
    }


def test_second_run_says_since_when_and_by_whom_and_touches_nothing(waiting_run, process_env):
    before = everything()
    started = Checkpoint.objects.using(REMOTE).get().run_started

    second = processes.run("-m", "django", "synchronize", env=process_env, timeout=600)

    assert second.returncode == 4 and second.stdout == ""
    assert second.stderr == (
        f"CommandError: A run to 'remote' is under way since {started:%Y-%m-%d %H:%M:%S}, by process {os.getpid()} "
        f"on {socket.gethostname()!r}. Nothing was done. If that process is gone, the next run after 60 seconds "
        "takes over.\n"
    )
    assert everything() == before
    assert not Item.objects.using(REMOTE).exists()


def test_status_says_that_a_run_is_under_way(waiting_run):
    output = StringIO()

    call_command("synchro_status", stdout=output)

    assert f"under way: process {os.getpid()} on {socket.gethostname()!r} since " in output.getvalue()


@contextmanager
def lease_given_back_before(statement: int):
    """Give the lease back before this statement of a run on the remote; yield a list of the statements."""
    statements = []

    def watch(execute, sql, *arguments):
        statements.append(sql)
        if len(statements) == statement:
            Checkpoint.objects.using(REMOTE).update(run_id="", run_host="", run_pid=None, run_started=None)
        return execute(sql, *arguments)

    with connections[REMOTE].execute_wrapper(watch):
        yield statements


@both
def test_second_run_works_if_the_lease_is_given_back_while_it_asks_whenever_that_is():
    take_lease(os.getpid(), socket.gethostname())
    outcomes: list[tuple[bool, object]] = [(True, "the first run")]
    while outcomes[-1][0]:
        Item.objects.create(name=f"{len(outcomes)}")
        hold_lease(os.getpid(), socket.gethostname())
        with lease_given_back_before(len(outcomes)) as statements:
            outcome = objects_of_a_run()
        outcomes.append((len(statements) >= len(outcomes), outcome))

    *given_back, too_late = outcomes[1:]
    assert set(given_back) == {(True, 1)} and len(given_back) > 2
    assert too_late == (False, "under way")


def objects_of_a_run() -> object:
    try:
        return synchronize().created
    except RunUnderWay:
        return "under way"


def take_lease(pid: int, host: str, **fields) -> None:
    Item.objects.create(name="first")
    synchronize()
    hold_lease(pid, host, **fields)


def hold_lease(pid: int, host: str, **fields) -> None:
    Checkpoint.objects.using(REMOTE).update(
        run_id="somebody", run_pid=pid, run_host=host, run_started=Now(), **{"run_seen": Now(), **fields}
    )


@both
def test_living_run_is_respected():
    take_lease(os.getpid(), socket.gethostname())
    Item.objects.create(name="second")

    with pytest.raises(CommandError, match=rf"process {os.getpid()} on '{socket.gethostname()}'"):
        call_command("synchronize")

    assert Item.objects.using(REMOTE).count() == 1


@both
def test_run_on_another_host_is_respected_until_it_is_silent_for_a_minute():
    take_lease(1, "elsewhere")

    with pytest.raises(CommandError, match="on 'elsewhere'"):
        call_command("synchronize")


@both
def test_run_whose_process_died_does_not_block_the_next_one():
    dead = subprocess.Popen([sys.executable, "-c", ""])
    dead.wait()
    take_lease(dead.pid, socket.gethostname())
    Item.objects.create(name="second")

    report = synchronize()

    assert report.created == 1
    assert Checkpoint.objects.using(REMOTE).get().run_id == ""


@both
def test_silent_run_on_another_host_is_taken_over():
    take_lease(1, "elsewhere", run_seen=timezone.now() - datetime.timedelta(minutes=2))
    Item.objects.create(name="second")

    assert synchronize().created == 1


def test_run_that_was_taken_over_cannot_go_on(settings):
    """It is fenced off at its next transaction, and what it had not committed is gone."""
    settings.SYNCHRO_BATCH_SIZE = 1
    Item.objects.create(name="one")
    Item.objects.create(name="two")

    def take_over(using, instance, **kwargs):
        if using == REMOTE and instance.name == "one":
            Checkpoint.objects.using(REMOTE).update(run_id="usurper", run_seen=Now())

    post_save.connect(take_over, sender=Item)
    try:
        with pytest.raises(CommandError, match="has taken over"):
            call_command("synchronize")
    finally:
        post_save.disconnect(take_over, sender=Item)

    assert Checkpoint.objects.using(REMOTE).get().run_id == "usurper"
    assert Item.objects.using(REMOTE).filter(name="two").count() == 0


# What else writes what a run writes -------------------------------------------------------------------

#: Commands that write what a run writes as it goes, and nobody else may meanwhile.
WAIT = [
    "synchro_link",
    "synchro_link --dry-run",
    "synchro_link --strangers",
    "synchro_reset --no-input",
    "synchro_reset --keep-identity",
    "synchro_failures --retry",
    "synchro_failures --model testapp.Item --drop",
]

#: Commands that change something as well, and get on with a run.
GO_ON = ["synchro_compare --repair", "synchro_prune --keep 0", "synchro_conflicts --here --forget --before 0"]


def test_what_writes_references_and_checkpoints_waits_for_the_end_of_a_run(waiting_run, process_env):
    before = everything()

    for command in WAIT:
        ended = processes.run("-m", "django", *command.split(), env=process_env, timeout=600)
        assert (ended.returncode, ended.stdout) == (4, ""), (command, ended.stdout, ended.stderr)
        assert ended.stderr.startswith("CommandError: A run to 'remote' is under way since "), command

    assert everything() == before


def test_what_else_is_done_every_day_gets_on_with_a_run(waiting_run, process_env):
    for command in GO_ON:
        ended = processes.run("-m", "django", *command.split(), env=process_env, timeout=600)
        assert (ended.returncode, ended.stderr) == (0, ""), (command, ended.stdout, ended.stderr)


def test_time_of_the_last_check_is_not_set_under_a_run_which_would_overwrite_it(waiting_run):
    with pytest.raises(RunUnderWay, match="A run to 'remote' is under way"):
        options.last_check = datetime.datetime.now() - datetime.timedelta(hours=1)


@contextmanager
def runs_meanwhile(env, *commands: str, at: str, alias: str):
    """Start commands as processes before the first statement on a database that has these words; yield their ends."""
    ends: list[tuple[int, str]] = []

    def watch(execute, sql, *arguments):
        if at in sql and not ends:
            for command in commands:
                ended = processes.run("-m", "django", *command.split(), env=env, timeout=600)
                ends.append((ended.returncode, ended.stderr))
        return execute(sql, *arguments)

    with connections[alias].execute_wrapper(watch):
        yield ends


@pytest.mark.parametrize("link", ["synchro_link --trust-keys", "synchro_link --strangers"])
def test_run_waits_while_objects_are_linked(process_env, link):
    for alias in ("default", REMOTE):
        with synchro_paused(using=alias):
            Item.objects.using(alias).create(pk=1, name="same")
    Item.objects.update(name="changed")
    at, alias = ("introduction", REMOTE) if "strangers" in link else ('FROM "testapp_item"', "default")

    with runs_meanwhile(process_env, "synchronize", link, at=at, alias=alias) as ends:
        ended = linked(link)

    assert [code for code, _ in ends] == [4, 4], ends
    assert ended == 0
    assert Checkpoint.objects.using(REMOTE).get().run_id == ""


def linked(command: str) -> int:
    try:
        call_command(*command.split(), stdout=StringIO(), stderr=StringIO())
    except CommandError as error:
        return error.returncode
    return 0


def test_link_that_was_taken_for_dead_writes_nothing_any_more():
    for alias in ("default", REMOTE):
        with synchro_paused(using=alias):
            Item.objects.using(alias).create(pk=1, name="same")
    taken = []

    def take_over(execute, sql, *arguments):
        if "testapp_item" in sql and not taken:
            taken.append(Checkpoint.objects.using(REMOTE).update(run_id="usurper", run_seen=Now()))
        return execute(sql, *arguments)

    with connections["default"].execute_wrapper(take_over):
        assert linked("synchro_link") == 4

    assert taken == [1] and not Reference.objects.using(REMOTE).exists()
    assert Checkpoint.objects.using(REMOTE).get().run_id == "usurper"


@both
def test_link_of_two_that_send_to_one_another_waits_for_the_run_back_too():
    for alias in ("default", REMOTE):
        with synchro_paused(using=alias):
            Item.objects.using(alias).create(pk=1, name="same")
    back = Lease("default", node_id(REMOTE))
    back.acquire()

    with pytest.raises(CommandError, match="A run to 'default' is under way") as caught:
        call_command("synchro_link", stdout=StringIO())

    assert caught.value.returncode == 4 and not Reference.objects.using(REMOTE).exists()
