"""The README's "Day to day": what its commands print is what they print."""

from __future__ import annotations

import datetime
import re
from io import StringIO

from django.core.management import CommandError, call_command
from django.db.models.signals import pre_save

from synchro_triggers.models import ChangeLog
from tests.databases import ALIASES, both_committed
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

    commands = [command for command, _ in BLOCKS]

    assert [command.split()[0] for command in commands] == ["synchro_status", "synchro_status", "synchro_explain"]
    for command, expected in BLOCKS:
        done = printed(command.replace("shop.Item 2", f"testapp.Item {two.pk}"))
        assert alike(done) == alike(expected), command
