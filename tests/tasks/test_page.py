"""``docs/how-to/tasks.md`` names what there is, and its examples do what it says."""

from __future__ import annotations

import inspect
import re
import shlex
import subprocess
import sys
from dataclasses import fields
from pathlib import Path

import pytest
from celery import Celery

from synchro_triggers.contrib import celery, running, tasks
from synchro_triggers.replay.state.lease import EXPIRES
from tests.databases import ALIASES, both
from tests.redis_server import reason_for_none
from tests.tasks.test_django_tasks import TASKS
from tests.testapp.models import Item

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "how-to" / "tasks.md").read_text(encoding="utf-8")
APP, BY_CELERY, BY_DJANGO = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)

_, REMOTE = ALIASES


def test_numbers_are_those_of_the_code():
    task = celery.synchronize_remote

    assert f"after {EXPIRES} seconds, when the place of the lost one" in PAGE
    assert f"(`seconds`, {running.SECONDS:g})" in PAGE
    assert f"`time_limit` is {celery.TIME_LIMIT}" in PAGE and task.time_limit == celery.TIME_LIMIT
    assert task.max_retries == 6 and "tried again six times, after 5, 10, 20, … seconds, up to 120" in PAGE
    assert (task.retry_backoff, task.retry_backoff_max, task.retry_jitter) == (5, 120, True)
    assert f"queues another one in {tasks.PAUSE} seconds" in PAGE
    attempts = inspect.signature(tasks.synchronize_remote.func).parameters["attempts"]
    assert f"`attempts={attempts.default}`" in PAGE


def test_result_has_what_the_page_names():
    [named] = re.findall(r"can be kept by any queue: (.*?): its time was over", PAGE, re.DOTALL)

    assert re.findall(r"`(\w+)`", named) == [field.name for field in fields(running.Done)]


def test_schedule_names_a_task_and_arguments_that_there_are():
    names = {"Celery": lambda name: Celery(name, set_as_current=False)}
    exec(APP, names)
    app = names["app"]
    [entry] = app.conf.beat_schedule.values()

    assert entry["task"] == celery.synchronize_all.name and [*app.conf.imports] == [celery.__name__]
    inspect.signature(celery.synchronize_remote.run).bind("main", both=entry["kwargs"]["both"])
    assert entry["kwargs"]["expires"] == entry["schedule"]


def test_calls_by_celery_are_understood(monkeypatch):
    sent = []
    monkeypatch.setattr(
        celery.synchronize_remote, "apply_async", lambda *given, **options: sent.append((given, options))
    )

    exec(BY_CELERY, {})

    assert sent == [((("main",), {}), {}), ((("main",), {"full": True}), {"time_limit": 4 * 3600})]


@both
def test_calls_of_django_s_tasks_bring_changes(settings):
    settings.TASKS = {"default": {"BACKEND": f"{TASKS}.backends.immediate.ImmediateBackend"}}
    Item.objects.create(name="a")

    exec(BY_DJANGO.replace('"main"', f'"{REMOTE}"'), {})

    assert Item.objects.using(REMOTE).get().name == "a"


@pytest.mark.whole
@pytest.mark.skipif(bool(reason_for_none()), reason=reason_for_none() or "-")
def test_benchmark_of_the_page_prints_a_line_for_each_number_of_workers():
    [command] = re.findall(r"^\$ (python -m benchmarks.workers.*)$", PAGE, re.MULTILINE)
    sizes = ["--remotes", "3", "--objects", "20", "--workers", "1,2"]

    done = subprocess.run(
        [sys.executable, *shlex.split(command)[1:], *sizes], cwd=ROOT, capture_output=True, text=True, timeout=120
    )

    assert done.returncode == 0, done.stderr
    first, head, *lines = done.stdout.splitlines()
    assert first.startswith("3 remotes, 20 new objects for each") and head in PAGE
    assert [int(line.split()[0]) for line in lines] == [1, 2]


@pytest.mark.parametrize("name", ["synchronize_remote", "synchronize_all"])
def test_both_modules_have_both_tasks(name):
    assert f"`{name}(" in PAGE and hasattr(celery, name) and hasattr(tasks, name)
