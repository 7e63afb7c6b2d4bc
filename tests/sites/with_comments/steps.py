"""What readers and moderators do, on either side."""

from __future__ import annotations

from typing import Any

from django.contrib.auth.models import User
from django.contrib.sites.models import Site
from django.test import Client
from django_comments import get_form
from django_comments.models import Comment, CommentFlag

from tests.sites.with_comments.models import Entry

OTHER = {"office": "main", "main": "office"}


def main_begins() -> None:
    """A moderator, an entry with a comment."""
    User.objects.create_superuser("boss", "boss@example.com", "secret")
    Site.objects.update(domain="testserver")
    say(Entry.objects.create(title="old"), "the first")


def say(entry: Entry, text: str, name: str = "Ann") -> None:
    """Post the form below an entry."""
    form = get_form()(entry)
    values = {**form.initial, "name": name, "email": "ann@example.com", "comment": text}
    answer = Client().post("/comments/post/", values)
    assert answer.status_code == 302, answer.content.decode()[:500]


def create(who: str) -> None:
    """Two entries with comments, and one to an entry that both sides have."""
    for title in (f"first of {who}", f"second of {who}"):
        entry = Entry.objects.create(title=title)
        say(entry, f"good, {who}")
        say(entry, f"bad, {who}", name=who)
    say(Entry.objects.get(title="old"), f"still good, {who}")


def change(who: str) -> None:
    """A moderator flags and removes comments of the other side."""
    client = Client()
    client.force_login(User.objects.get(username="boss"))
    for text, deed in (("bad", "delete"), ("good", "flag"), ("still good", "approve")):
        for comment in Comment.objects.filter(comment=f"{text}, {OTHER[who]}"):
            answer = client.post(f"/comments/{deed}/{comment.pk}/")
            assert answer.status_code == 302, answer.status_code
    say(Entry.objects.get(title=f"first of {OTHER[who]}"), f"answer of {who}")


def remove(who: str) -> None:
    """A comment of the other side is deleted for good; of an entry that goes, comments stay behind."""
    Comment.objects.filter(comment=f"bad, {OTHER[who]}").delete()
    Entry.objects.get(title=f"second of {OTHER[who]}").delete()


def told() -> dict[str, Any]:
    """Return the comments of each entry, as its page would show them, and the flags."""
    shown = {
        entry.title: sorted(
            f"{each.submit_date} {each.name} {each.comment} {each.is_public} {each.is_removed}"
            for each in Comment.objects.for_model(entry)
        )
        for entry in Entry.objects.all()
    }
    flags = [f"{each.user} {each.flag} {each.comment.comment} {each.flag_date}" for each in CommentFlag.objects.all()]
    return {**shown, "flags": sorted(flags), "behind": Comment.objects.count()}
