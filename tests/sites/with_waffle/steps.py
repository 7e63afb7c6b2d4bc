"""Switches that are turned on both sides."""

from __future__ import annotations

from typing import Any

from django.contrib.auth.models import Group, User
from django.core.management import call_command
from django.test import RequestFactory
from waffle import flag_is_active, switch_is_active
from waffle.models import Flag, Sample, Switch

OTHER = {"office": "main", "main": "office"}


def main_begins() -> None:
    """A user, a group, a switch, a flag."""
    User.objects.create_user("ann").groups.add(Group.objects.create(name="testers"))
    call_command("waffle_switch", "old", "off", "--create")
    call_command("waffle_flag", "old", "--create", "--user", "ann")


def create(who: str) -> None:
    """Switches of its own, and one that both sides make."""
    call_command("waffle_switch", f"switch of {who}", "on", "--create")
    call_command("waffle_flag", f"flag of {who}", "--create", "--group", "testers", "--percent", "50")
    call_command("waffle_sample", f"sample of {who}", "30", "--create")
    call_command("waffle_switch", "of both", "on", "--create")


def change(who: str) -> None:
    """The other side's are turned."""
    other = OTHER[who]
    call_command("waffle_switch", f"switch of {other}", "off")
    call_command("waffle_flag", f"flag of {other}", "--user", "ann", "--append")
    flag = Flag.objects.get(name=f"flag of {other}")
    flag.everyone, flag.note = True, f"by {who}"
    flag.save()
    call_command("waffle_sample", f"sample of {other}", "100")


def remove(who: str) -> None:
    """The other side's go."""
    Sample.objects.get(name=f"sample of {OTHER[who]}").delete()
    call_command("waffle_delete", "--flags", f"flag of {OTHER[who]}")


def told() -> dict[str, Any]:
    """Return what is switched on for whom."""
    request = RequestFactory().get("/")
    request.user = User.objects.get(username="ann")
    flags = {
        f"flag {flag.name}": [
            flag.everyone,
            flag.note,
            str(flag.percent),
            sorted(user.username for user in flag.users.all()),
            sorted(group.name for group in flag.groups.all()),
            flag_is_active(request, flag.name),
        ]
        for flag in Flag.objects.all()
    }
    switches = {f"switch {each.name}": switch_is_active(each.name) for each in Switch.objects.all()}
    return {**flags, **switches, "samples": sorted(f"{each.name} {each.percent}" for each in Sample.objects.all())}
