"""The README's "Day to day": what its commands print is what they print."""

from __future__ import annotations

import datetime
import json
import re
from io import StringIO

from django.core.management import CommandError, call_command
from django.db.models.signals import pre_save

from synchro_triggers.models import ChangeLog
from tests.databases import ALIASES, both_committed
from tests.followers import started, stop, until
from tests.processes import run
from tests.test_readme import section
from tests.testapp.models import Item

LOCAL, REMOTE = ALIASES

BLOCKS = re.findall(r"```text\n\$ ./manage.py ([^\n]*)\n(.*?)```", section("Day to day"), re.DOTALL | re.MULTILINE)

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
def test_what_the_readme_prints_is_what_is_printed():
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

    told = [(command, expected) for command, expected in BLOCKS if not command.startswith("synchronize")]

    assert [command.split()[0] for command, _ in told] == ["synchro_status", "synchro_status", "synchro_explain"]
    for command, expected in told:
        done = printed(command.replace("shop.Item 2", f"testapp.Item {two.pk}"))
        assert alike(done) == alike(expected), command


def processes():
    """Return what the README shows of ``synchronize``: with several remotes, and as a follower."""
    jobs, follow = [(command, expected) for command, expected in BLOCKS if command.startswith("synchronize")]
    assert "--jobs" in jobs[0] and "--follow" in follow[0]
    return jobs, follow


@both_committed
def test_what_the_readme_prints_of_several_remotes_is_what_is_printed(process_env, vendor, tmp_path):
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

    done = run("-m", "django", *command.split(), env=env, timeout=60)

    assert done.returncode == 5
    assert lines_of(done.stdout + done.stderr) == lines_of(expected)


def lines_of(text):
    """Return lines in an order that does not tell who was first, without what a driver says, and with one space."""
    text = re.sub(r"(working on 'branch': ).*( What was)", r"\1WHY.\2", alike(text))
    return sorted(" ".join(line.split()) for line in text.splitlines())


@both_committed
def test_what_the_readme_prints_of_a_follower_is_what_is_printed(process_env, tmp_path):
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
