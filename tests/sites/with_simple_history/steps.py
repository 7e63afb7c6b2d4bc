"""What users do whose work is kept as a history."""

from __future__ import annotations

from typing import Any

from django.contrib.auth.models import User
from django.test import Client

from tests.sites.with_simple_history.polls.models import Choice, Place, Poll, Quiet, Survey


def main_begins() -> None:
    """Two polls, and several people who may change them."""
    for name in ("ann", "bob", "cem"):
        User.objects.create_superuser(name, f"{name}@example.com", "secret")
    place = Place.objects.create(name="Hall")
    for question in ("Old?", "Older?"):
        poll = Poll.objects.create(question=question, place=place)
        poll.places.add(place)


def main_goes_on(name: str) -> None:
    """Main's users work too, so that both sides give out the same numbers."""
    User.objects.create_user(f"of main {name}")
    page(_client("cem"), Poll, None, question=f"Of main {name}?")
    Place.objects.create(name=name)
    Choice.objects.create(poll=Poll.objects.latest("pk"), text=name)


def add_polls() -> None:
    """Bob makes a user, who makes and changes polls; some is done in bulk or by nobody."""
    bob = _client("bob")
    dora = User.objects.create_superuser("dora", "dora@example.com", "secret")
    page(bob, Poll, None, question="New?", places=[Place.objects.get(name="Hall").pk])
    new = Poll.objects.get(question="New?")
    page(_client("dora"), Poll, new, question="New, changed?")
    choice = Choice.objects.create(poll=new, text="yes")
    choice.text = "yes, changed"
    choice._history_user = dora
    choice.save()
    survey = Survey.objects.create(question="Survey?", sponsor="Ministry")
    survey.sponsor = "University"
    survey.save()
    Quiet.objects.create(text="one")


def change_polls() -> None:
    """Ann changes and deletes what was there before, and what the office has made."""
    ann = _client("ann")
    page(ann, Poll, Poll.objects.get(question="Old?"), question="Old, changed?")
    hall, tent = Place.objects.get(name="Hall"), Place.objects.create(name="Tent")
    page(ann, Poll, Poll.objects.get(question="New, changed?"), question="Newest?", places=[hall.pk, tent.pk])
    Poll.objects.get(question="Older?").delete()
    Choice.objects.get(text="yes, changed").delete()
    Survey.objects.get().delete()
    quiet = Quiet.objects.get()
    quiet.text = "two"
    quiet.save()


def _client(username: str) -> Client:
    client = Client()
    client.force_login(User.objects.get(username=username))
    return client


def page(client: Client, model: Any, instance: Any, **values: Any) -> None:
    """Make or change an object in the admin, whose history then says who did it."""
    address = f"/admin/polls/{model._meta.model_name}/" + (f"{instance.pk}/change/" if instance else "add/")
    answer = client.post(address, values)
    assert answer.status_code == 302, answer.context["errors"]


def histories() -> dict[str, Any]:
    """Return of each poll, of each choice, and of what is gone, what its history says."""
    told = {}
    for model in (Poll, Choice, Survey):
        for each in model.objects.all():
            told[getattr(each, "question", "") or each.text] = [
                _told(row) for row in each.history.order_by("history_date")
            ]
        # What was deleted has a history alone, under the key that the object had.
        told[f"{model._meta.label} as it was"] = sorted(_told(row) for row in model.history.all())
    return told


def _told(row: Any) -> list[str]:
    user = row.history_user.username if row.history_user else ""
    current = type(row).instance_type._base_manager.filter(pk=getattr(row, row.instance_type._meta.pk.attname)).first()
    now = getattr(current, "question", getattr(current, "text", "gone"))
    shown = getattr(row, "question", "") or getattr(row, "text", "")
    places = sorted(link.place.name for link in row.places.all()) if hasattr(row, "places") else []
    return [str(row.history_date), row.history_type, user, shown, now, *places]


def quiet_history() -> int:
    """Return how many rows the history has that is not synchronised."""
    return Quiet.history.count()
