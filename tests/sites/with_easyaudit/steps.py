"""What users do while all that they do is written down."""

from __future__ import annotations

from typing import Any

from django.contrib.auth.models import User
from django.test import Client
from easyaudit.models import CRUDEvent

from tests.sites.with_easyaudit.models import Label, Ticket

OTHER = {"office": "main", "main": "office"}


def main_begins() -> None:
    """A user, a ticket."""
    User.objects.create_superuser("boss", "boss@example.com", "secret")
    Ticket.objects.create(title="old").labels.add(Label.objects.create(text="old"))


def create(who: str) -> None:
    """Tickets with labels, by code and in the admin."""
    first = Ticket.objects.create(title=f"first of {who}")
    second = Ticket.objects.create(title=f"second of {who}", after=first)
    second.labels.add(Label.objects.create(text=who), Label.objects.get(text="old"))
    _post(who, "/admin/auth/group/add/", {"name": f"group of {who}"})


def change(who: str) -> None:
    """A ticket of the other side is edited."""
    ticket = Ticket.objects.get(title=f"second of {OTHER[who]}")
    ticket.title += ", edited"
    ticket.save()
    ticket.labels.remove(Label.objects.get(text="old"))


def remove(who: str) -> None:
    """A ticket of the other side is deleted."""
    Ticket.objects.get(title=f"first of {OTHER[who]}").delete()


def told() -> list[str]:
    """Return what was written down; the key is that of the object, where it is there."""
    return sorted(map(_words, CRUDEvent.objects.all()))


def _words(event: CRUDEvent) -> str:
    ticket = Ticket.objects.filter(pk=event.object_id).first() if event.content_type.model == "ticket" else None
    about = ticket.title if ticket else None
    return f"{event.datetime} {event.user} {event.get_event_type_display()} {about} {event.changed_fields}"


def _post(who: str, address: str, values: dict[str, Any]) -> None:
    client = Client()
    client.force_login(User.objects.get(username="boss"))
    answer = client.post(address, values)
    assert answer.status_code == 302, answer.status_code
