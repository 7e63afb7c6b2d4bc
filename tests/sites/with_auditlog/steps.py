"""What users do while all that they do is written down."""

from __future__ import annotations

from typing import Any

from auditlog.context import disable_auditlog, set_actor
from auditlog.models import LogEntry
from django.contrib.auth.models import User
from django.core.management import call_command
from django.test import Client

from tests.sites.with_auditlog.models import Device, Label, Ticket

OTHER = {"office": "main", "main": "office"}


def main_begins() -> None:
    """A user, a ticket."""
    boss = User.objects.create_superuser("boss", "boss@example.com", "secret")
    with set_actor(boss):
        Ticket.objects.create(title="old").labels.add(Label.objects.create(text="old"))


def load(dump: str) -> None:
    """Load a dump, of which nothing is written down."""
    with disable_auditlog():
        call_command("loaddata", dump, verbosity=0)


def create(who: str) -> None:
    """Tickets with labels, one after the other, and a device."""
    user = User.objects.create_user(who)
    with set_actor(user):
        first = Ticket.objects.create(title=f"first of {who}")
        second = Ticket.objects.create(title=f"second of {who}", after=first)
        second.labels.add(Label.objects.create(text=who), Label.objects.get(text="old"))
        Device.objects.create(name=f"of {who}")


def change(who: str) -> None:
    """Tickets and the device of the other side are edited."""
    with set_actor(User.objects.get(username=who)):
        ticket = Ticket.objects.get(title=f"second of {OTHER[who]}")
        ticket.title += ", edited"
        ticket.save()
        ticket.labels.remove(Label.objects.get(text="old"))
        device = Device.objects.get(name=f"of {OTHER[who]}")
        device.name += ", edited"
        device.save()


def remove(who: str) -> None:
    """A ticket of the other side is deleted, and its device with all that is known of it."""
    with set_actor(User.objects.get(username=who)):
        Ticket.objects.get(title=f"first of {OTHER[who]}").delete()
        Device.objects.get(name=f"of {OTHER[who]}, edited").delete()


def told() -> dict[str, Any]:
    """Return the history of each ticket and device; the admin shows it."""
    client = Client()
    client.force_login(User.objects.get(username="boss"))
    entries = LogEntry.objects.all()
    for entry in entries:
        answer = client.get(f"/admin/auditlog/logentry/{entry.pk}/change/")
        assert answer.status_code == 200, answer.status_code
    histories = {ticket.title: sorted(map(_words, ticket.history.all())) for ticket in Ticket.objects.all()}
    devices = {device.name: sorted(map(_words, device.history.all())) for device in Device.objects.all()}
    return {**histories, **devices, "all": sorted(map(_words, entries))}


def _words(entry: LogEntry) -> str:
    return f"{entry.timestamp} {entry.actor} {entry.get_action_display()} {entry.object_repr} {sorted(entry.changes)}"
