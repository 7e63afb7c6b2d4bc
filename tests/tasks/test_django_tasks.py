"""``synchro_triggers.contrib.tasks``, with workers of django-tasks-db that are killed."""

from __future__ import annotations

import datetime
import json
import signal
from importlib.util import find_spec

import pytest
from django.conf import settings as project
from django.utils import timezone

from synchro_triggers import DatabaseUnreachable, Refused, RunUnderWay, synchronize
from synchro_triggers.contrib import tasks
from synchro_triggers.models import Failure, Run
from tests.databases import ALIASES, both, both_committed
from tests.followers import started, until
from tests.processes import run
from tests.testapp.models import Item

_, REMOTE = ALIASES

#: Where Django has no tasks of its own, the backport has the same.
TASKS = "django.tasks" if find_spec("django.tasks") else "django_tasks"

#: What a process does with these tasks.
ENQUEUE = "import django; django.setup(); from synchro_triggers.contrib.tasks import *; print({call}.id)"

#: A worker whose receivers take so many seconds for each object.
SLOW = """
import time
import django
django.setup()
from django.core.management import execute_from_command_line
from django.db.models.signals import pre_save
from tests.testapp.models import Item

def take_time(sender, instance, using, **kwargs):
    if using == "remote":
        time.sleep({seconds})

pre_save.connect(take_time, sender=Item)
worker = ["manage.py", "db_worker", "--no-startup-delay", "--interval", "0.1", "--skip-checks"]
execute_from_command_line([*worker, *{options}])
"""


@pytest.fixture
def env(process_env):
    """Environment of processes with a queue in LOCAL's database."""
    changed = {
        "INSTALLED_APPS": [*project.INSTALLED_APPS, "django_tasks_db"],
        "TASKS": {"default": {"BACKEND": "django_tasks_db.DatabaseBackend"}},
    }
    env = {**process_env, "SYNCHRO_TEST_SETTINGS": json.dumps(changed)}
    run(
        "-m",
        "django",
        "migrate",
        "django_tasks_database",
        "--verbosity",
        "0",
        "--skip-checks",
        env=env,
        check=True,
        timeout=600,
    )
    return env


def enqueue(env, call):
    return run("-c", ENQUEUE.format(call=call), env=env, check=True, timeout=600).stdout.strip()


def work(env):
    """Let a worker do all that waits."""
    options = ("--batch", "--no-startup-delay", "--interval", "0", "--skip-checks")
    return run("-m", "django", "db_worker", *options, env=env, check=True, timeout=600)


def slow_worker(env, seconds, *options):
    return started("-c", SLOW.format(seconds=seconds, options=options), env=env)


def names_there():
    return sorted(Item.objects.using(REMOTE).values_list("name", flat=True))


def create(number):
    names = [f"{each:03}" for each in range(number)]
    Item.objects.bulk_create([Item(name=name) for name in names])
    return names


@both_committed
def test_worker_brings_changes_to_all_remotes(env):
    names = create(3)
    enqueue(env, "synchronize_all.enqueue()")

    work(env)

    assert names_there() == names
    assert [(each.begun_by, each.outcome) for each in Run.objects.all()] == [("task", "done")]


@both_committed
@pytest.mark.whole
def test_worker_that_is_killed_in_the_middle_has_lost_and_doubled_nothing(env):
    names = create(40)
    enqueue(env, "synchronize_remote.enqueue('remote')")
    with slow_worker({**env, "SYNCHRO_TEST_BATCH_SIZE": "5"}, 0.1) as worker:
        until(lambda: len(names_there()) >= 5)
        worker.send_signal(signal.SIGKILL)
        worker.wait()
    there = len(names_there())
    assert 5 <= there < 40

    enqueue(env, "synchronize_remote.enqueue('remote')")
    work(env)

    assert names_there() == names
    assert [each.outcome for each in Run.objects.order_by("id")] == ["", "done"]
    assert Run.objects.get(outcome="done").written == 40 - there


@both_committed
@pytest.mark.whole
def test_task_whose_time_is_over_leaves_the_rest_to_another_one(env):
    names = create(20)
    enqueue(env, "synchronize_remote.enqueue('remote', seconds=0.5)")

    with slow_worker(env, 0.1, "--batch") as worker:
        worker.wait()

    assert names_there() == names
    assert len(Run.objects.all()) > 1 and sum(each.written for each in Run.objects.all()) == 20
    assert not Failure.objects.using(REMOTE).exists()


@both_committed
@pytest.mark.whole
def test_two_workers_are_not_in_each_other_s_way(env):
    names = create(20)
    for _ in range(2):
        enqueue(env, "synchronize_remote.enqueue('remote')")

    with slow_worker(env, 0.1, "--batch") as one, slow_worker(env, 0.1, "--batch") as other:
        one.wait()
        other.wait()

    assert names_there() == names
    assert sum(each.written for each in Run.objects.all()) == 20


# When it is tried again -----------------------------------------------------------------------------


@pytest.fixture
def queued(settings):
    """What is queued, and nobody does."""
    settings.TASKS = {"default": {"BACKEND": f"{TASKS}.backends.dummy.DummyBackend"}}
    backend = tasks.synchronize_remote.get_backend()
    backend.clear()
    return backend.results


def failing(monkeypatch, error):
    def fail(*arguments, **options):
        raise error

    monkeypatch.setattr("synchro_triggers.contrib.running.synchronize", fail)


@both
@pytest.mark.parametrize("error", [RunUnderWay, DatabaseUnreachable])
def test_what_passes_is_tried_again_later(queued, monkeypatch, error):
    failing(monkeypatch, error("it is"))

    with pytest.raises(error):
        tasks.synchronize_remote.call(REMOTE, both=True, attempts=3)

    [again] = queued
    assert again.args == [REMOTE] and again.kwargs["both"] is True and again.kwargs["attempts"] == 2
    pause = again.task.run_after - timezone.now()
    assert datetime.timedelta(0) < pause <= datetime.timedelta(seconds=60)


@both
@pytest.mark.parametrize(("error", "attempts"), [(Refused, 3), (RunUnderWay, 1), (ZeroDivisionError, 3)])
def test_what_does_not_pass_is_not_tried_again(queued, monkeypatch, error, attempts):
    failing(monkeypatch, error("it is"))

    with pytest.raises(error):
        tasks.synchronize_remote.call(REMOTE, attempts=attempts)

    assert queued == []


@both
def test_backend_that_cannot_wait_tries_once(settings, monkeypatch):
    settings.TASKS = {"default": {"BACKEND": f"{TASKS}.backends.immediate.ImmediateBackend"}}
    tried = []

    def fail(*arguments, **options):
        tried.append(arguments)
        raise RunUnderWay("it is")

    monkeypatch.setattr("synchro_triggers.contrib.running.synchronize", fail)

    result = tasks.synchronize_remote.enqueue(REMOTE)

    assert result.status == "FAILED" and len(tried) == 1


@both
def test_error_that_a_queue_keeps_has_no_secrets(queued, monkeypatch):
    failing(monkeypatch, DatabaseUnreachable("postgres://ann:s3cret@there refuses"))

    with pytest.raises(DatabaseUnreachable) as error:
        tasks.synchronize_remote.call(REMOTE)

    assert "s3cret" not in str(error.value) and error.value.__cause__ is None and error.value.__suppress_context__


@both
@pytest.mark.all_pairs
def test_immediate_backend_does_it_at_once(settings):
    settings.TASKS = {"default": {"BACKEND": f"{TASKS}.backends.immediate.ImmediateBackend"}}
    Item.objects.create(name="a")

    result = tasks.synchronize_all.enqueue()

    assert result.status == "SUCCESSFUL" and [*result.return_value] == [REMOTE]
    assert names_there() == ["a"] and not synchronize().changed
