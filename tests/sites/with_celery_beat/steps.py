"""What administrators and the scheduler do with periodic tasks."""

from __future__ import annotations

import datetime
import json
from typing import Any

from django.contrib.auth.models import User
from django.test import Client
from django.utils.timezone import now
from django_celery_beat.models import (
    ClockedSchedule,
    CrontabSchedule,
    IntervalSchedule,
    PeriodicTask,
    PeriodicTasks,
    SolarSchedule,
)


def main_begins() -> None:
    """Two tasks on one schedule; there is a superuser."""
    User.objects.create_superuser("boss", "boss@example.com", "secret")
    hourly = IntervalSchedule.objects.create(every=1, period=IntervalSchedule.HOURS)
    for name in ("import", "export"):
        PeriodicTask.objects.create(name=name, task=f"shop.tasks.{name}", interval=hourly)


def main_goes_on(name: str) -> None:
    """Main's administrators work too, so that both sides give out the same numbers."""
    schedule = CrontabSchedule.objects.create(minute="1", hour="4", day_of_month=str(1 + PeriodicTask.objects.count()))
    PeriodicTask.objects.create(name=f"of main {name}", task="shop.tasks.main", crontab=schedule)


def add_tasks() -> None:
    """A task of each kind of schedule, one of them on the schedule that was there."""
    boss = Client()
    boss.force_login(User.objects.get(username="boss"))
    values = {"name": "by the page", "task": "", "regtask": "", "enabled": "on", "args": "[]", "kwargs": "{}"}
    values |= {"interval": IntervalSchedule.objects.get().pk, "headers": "{}", "task": "shop.tasks.page"}
    answer = boss.post("/admin/django_celery_beat/periodictask/add/", values)
    assert answer.status_code == 302, answer.context["errors"]
    crontab = CrontabSchedule.objects.create(minute="30", hour="2", timezone="Europe/Berlin")
    solar = SolarSchedule.objects.create(event="dusk_civil", latitude=52.5, longitude=13.4)
    clocked = ClockedSchedule.objects.create(clocked_time=now() + datetime.timedelta(days=1))
    PeriodicTask.objects.create(name="nightly", task="shop.tasks.nightly", crontab=crontab, args=json.dumps([1]))
    PeriodicTask.objects.create(name="at dusk", task="shop.tasks.dusk", solar=solar, expires=now())
    PeriodicTask.objects.create(name="once", task="shop.tasks.once", clocked=clocked, one_off=True)


def change_tasks() -> None:
    """Change, disable and delete tasks, and change a schedule that several tasks have."""
    PeriodicTask.objects.filter(name="nightly").update(description="changed in bulk")
    export = PeriodicTask.objects.get(name="export")
    export.enabled = False
    export.save()
    PeriodicTask.objects.get(name="once").delete()
    dusk = PeriodicTask.objects.get(name="at dusk")
    dusk.solar, dusk.interval = None, IntervalSchedule.objects.create(every=10, period=IntervalSchedule.DAYS)
    dusk.save()
    hourly = IntervalSchedule.objects.get(period=IntervalSchedule.HOURS)
    hourly.every = 2
    hourly.save()


def scheduler_runs(name: str) -> None:
    """The site's own scheduler has sent a task: it notes when, as ``celery beat`` does."""
    task = PeriodicTask.objects.get(name=name)
    task.last_run_at, task.total_run_count, task.no_changes = now(), task.total_run_count + 1, True
    task.save()


def state_of_scheduler(name: str) -> list[Any]:
    """Return how often a task was sent here, and its description."""
    task = PeriodicTask.objects.get(name=name)
    return [task.total_run_count, task.last_run_at is not None, task.description]


def describe(name: str, description: str) -> None:
    """Change a task as its page does."""
    task = PeriodicTask.objects.get(name=name)
    task.description = description
    task.save()


def last_change() -> str:
    """Return when the site's scheduler was told last that something has changed."""
    return str(PeriodicTasks.last_change())


def tasks() -> dict[str, str]:
    """Return all tasks with their schedules, as the scheduler reads them."""
    return {task.name: f"{task.schedule} {task.enabled} {task.args}" for task in PeriodicTask.objects.all()}
