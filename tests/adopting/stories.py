"""What the stories of an adoption have in common: the command, and how they begin."""

from __future__ import annotations

import json
from io import StringIO

from django.core.management import CommandError, call_command

LOCAL, REMOTE = "default", "remote"


def adopt(*options):
    """Run the command; return its exit code, and what it says, the error's line too."""
    out, code, error = StringIO(), 0, ""
    try:
        call_command("synchro_adopt", *options, stdout=out, stderr=StringIO())
    except CommandError as raised:
        code, error = raised.returncode, str(raised)
    return code, out.getvalue() + error


def adopted(*options):
    """Return the exit code, and what the command says as JSON."""
    code, said = adopt("--json", *options)
    assert said.startswith("{"), said
    told, _ = json.JSONDecoder().raw_decode(said)
    return code, told[REMOTE]


def remote(model):
    return model._base_manager.using(REMOTE)


def counts(**given):
    return {"references": 0, "known": 0, "outdated": 0, "pending": 0, "done": 0, **given}


#: What is logged within the second of the last run counts as not sent: it was longer ago.
SENT = """
assert "success" in str(call_synchronize())
ChangeLog.objects.update(date=timezone.now() - timezone.timedelta(minutes=2))
options.last_check = timezone.now() - timezone.timedelta(minutes=1)
"""

#: What was there before, so that keys differ on both sides, and what was sent.
BEGIN = (
    """
Item.objects.using("remote").create(name="of the remote")
first, second, third = (Item.objects.create(name=name) for name in ("first", "second", "third"))
account = Account.objects.create(name="account", cash=5, visits=3)
Entry.objects.create(name="entry", account=account)
Keyed.objects.using("remote").create(code="there before")
Keyed.objects.create(code="b", cash=1)
Keyed.objects.create(code="c", cash=1)
"""
    + SENT
)
