"""``docs/how-to/day-to-day.md``: what its commands print is what they print."""

from __future__ import annotations

import datetime
import json
import re
from importlib.util import find_spec
from io import StringIO

import pytest
from django.core.management import CommandError, call_command
from django.db.models.signals import pre_save
from django.test import Client

from synchro_triggers import synchro_paused
from synchro_triggers.models import ChangeLog
from tests.databases import ALIASES, both_committed
from tests.followers import started, stop, until
from tests.pages import page
from tests.processes import run
from tests.testapp.models import Item

LOCAL, REMOTE = ALIASES
PAGE = page("docs/how-to/day-to-day.md")
LINK = "synchro_link"

#: Where Django has no tasks of its own, the backport has the same.
TASKS = "django.tasks" if find_spec("django.tasks") else "django_tasks"

#: What is typed and what is printed then; a block may show several commands.
BLOCKS = [
    (command, expected)
    for block in re.findall(r"^```text\n(\$ ./manage.py .*?)```", PAGE, re.DOTALL | re.MULTILINE)
    for command, expected in re.findall(r"^\$ ./manage.py ([^\n]*)\n(.*?)(?=^\$ |\Z)", block, re.DOTALL | re.MULTILINE)
]

#: What is typed at Python's prompt, and asked of the site, and what comes back.
PROMPTS = re.findall(r"^```text\n((?:>>> [^\n]*\n)+)(.*?)```", PAGE, re.DOTALL | re.MULTILINE)
ASKED = re.findall(r"^\$ curl https://www.example.com(\S+)\n([^\n]*)$", PAGE, re.MULTILINE)

#: What differs from run to run.
CHANGES = {
    r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d": "TIME",
    r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}": "NODE",
    r"[\d.,]+ [kM]B": "SIZE",
    r"\b[\d.]+ s\b": "SECONDS",
    r"SQLite": "PostgreSQL",
    r"testapp\.": "shop.",
    r"^    \d+: insert of \w[\w, ]*": "    ROW: insert",
    r"^    \d+: insert": "    ROW: insert",
    r"Item \d+": "Item KEY",
    r"^  \d+: shop": "  ID: shop",
    r"^remote \d+: ": "remote ID: ",
    r"[ ]+$": "",
}


def alike(text):
    for pattern, instead in CHANGES.items():
        text = re.sub(pattern, instead, text, flags=re.MULTILINE)
    return text.strip()


def printed(command):
    output = StringIO()
    try:
        call_command(*command.split(), stdout=output)
    except CommandError as error:
        assert error.returncode == 1
    return output.getvalue()


@both_committed
def test_what_the_page_prints_is_what_is_printed():
    def refuse(sender, instance, using, **kwargs):
        if using == REMOTE and instance.name == "two":
            raise ValueError("no price")

    ChangeLog.objects.all().delete()
    Item.objects.create(name="one")
    two = Item.objects.create(name="two")
    pre_save.connect(refuse, sender=Item)
    try:
        printed("synchronize")
    finally:
        pre_save.disconnect(refuse, sender=Item)
    three = Item.objects.create(name="three")
    since = datetime.datetime.now(datetime.UTC) - datetime.timedelta(seconds=95)
    ChangeLog.objects.filter(object_pk=three.pk).update(logged_at=since)

    told = [(command, expected) for command, expected in BLOCKS if command.split()[0] not in {"synchronize", LINK}]

    names = [command.split()[0].removeprefix("synchro_") for command, _ in told]
    assert names == ["status", "status", "explain", "failures", "failures", "failures", "compare", "prune"]
    for command, expected in told:
        of_two = command.replace("shop.Item 2", f"testapp.Item {two.pk}").replace("--key 2", f"--key {two.pk}")
        done = printed(of_two.replace("shop.", "testapp."))
        assert alike(done) == alike(expected), command


@both_committed
def test_what_the_page_prints_of_objects_that_are_the_same_is_what_is_printed():
    told = [each for each in BLOCKS if each[0].split()[0] == LINK]
    with synchro_paused():
        Item.objects.bulk_create([Item(pk=1, name="one"), Item(pk=2, name="two"), Item(pk=3, name="three")])
    there = [Item(pk=1, name="one"), Item(pk=2, name="two", cash=5), Item(pk=17, name="three")]
    with synchro_paused(using=REMOTE):
        Item.objects.using(REMOTE).bulk_create(there)

    assert len(told) == 2
    for command, expected in told:
        assert alike(printed(command.replace("shop.", "testapp."))) == alike(expected), command


@both_committed
@pytest.mark.parametrize("tasks", ["celery", "tasks"])
def test_what_the_page_prints_of_a_task_is_what_it_returns(settings, tasks):
    [(typed, expected)] = PROMPTS
    imported, call = [line.removeprefix(">>> ") for line in typed.splitlines()]
    Item.objects.create(name="one")
    names = {}
    if tasks == "celery":
        exec(imported, names)
        call = call.replace(".delay(", ".apply([").replace(").get", "]).get")  # at once: what a worker would do
    else:
        settings.TASKS = {"default": {"BACKEND": f"{TASKS}.backends.immediate.ImmediateBackend"}}
        exec(imported.replace("celery", "tasks"), names)
        call = 'synchronize_remote.enqueue("remote").return_value'
        assert 'synchronize_remote.enqueue("remote")' in PAGE

    returned = eval(call, names)

    assert {**returned, "seconds": 0} == {**eval(expected), "seconds": 0}


@both_committed
def test_what_the_page_says_of_the_probes_is_what_they_say():
    assert [path for path, _ in ASKED] == ["/synchro/healthz", "/synchro/readyz"]
    for path, expected in ASKED:
        assert Client().get(path).content.decode() == expected


def processes():
    """Return what the page shows of ``synchronize``: with several remotes, and as a follower."""
    jobs, follow = [(command, expected) for command, expected in BLOCKS if command.startswith("synchronize")]
    assert "--jobs" in jobs[0] and "--follow" in follow[0]
    return jobs, follow


@both_committed
def test_what_the_page_prints_of_several_remotes_is_what_is_printed(process_env, vendor, tmp_path):
    (command, expected), _ = processes()
    Item.objects.bulk_create([Item(name="one"), Item(name="two")])
    databases = json.loads(process_env["SYNCHRO_TEST_DATABASES"])
    lost = {
        "sqlite": {"NAME": str(tmp_path / "no-such-folder" / "database.sqlite3")},
        "postgres": {"HOST": "127.0.0.1", "PORT": "1", "NAME": "branch"},
    }[vendor.remote]
    databases["branch"] = {**databases[REMOTE], **lost}
    env = {
        **process_env,
        "SYNCHRO_TEST_DATABASES": json.dumps(databases),
        "SYNCHRO_TEST_SETTINGS": json.dumps({"SYNCHRO_REMOTE": [REMOTE, "branch"]}),
    }

    done = run("-m", "django", *command.split(), env=env, timeout=600)

    assert done.returncode == 5
    assert lines_of(done.stdout + done.stderr) == lines_of(expected)


def lines_of(text):
    """Return lines in an order that does not tell who was first, without what a driver says, and with one space."""
    text = re.sub(r"(working on 'branch': ).*( What was)", r"\1WHY.\2", alike(text))
    return sorted(" ".join(line.split()) for line in text.splitlines())


@both_committed
def test_what_the_page_prints_of_a_follower_is_what_is_printed(process_env, tmp_path):
    _, (command, expected) = processes()
    file = tmp_path / "health.json"
    with started(
        "-m", "django", *command.replace("/run/synchro/health.json", str(file)).split(), env=process_env
    ) as it:
        Item.objects.create(name="one")
        until(Item.objects.using(REMOTE).exists)
        until(lambda: json.loads(file.read_text())["state"] == "following")

        said, complained = stop(it)

    assert alike(said) == alike(expected) and complained == ""
