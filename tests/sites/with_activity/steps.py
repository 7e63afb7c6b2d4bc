"""What users do who follow each other, on either side."""

from __future__ import annotations

from typing import Any

from actstream import action
from actstream.actions import follow, unfollow
from actstream.models import Action, Follow, user_stream
from django.contrib.auth.models import User

from tests.sites.with_activity.models import Note

OTHER = {"office": "main", "main": "office"}


def main_begins() -> None:
    """Two users, one of whom follows the other, and a note."""
    ann, bob = (User.objects.create_user(name) for name in ("ann", "bob"))
    note = Note.objects.create(title="old")
    action.send(ann, verb="wrote", target=note)
    follow(bob, ann)


def create(who: str) -> None:
    """A user of this side writes two notes, tells of it, and follows a user and a note."""
    user = User.objects.create_user(who)
    for title in (f"first of {who}", f"second of {who}"):
        note = Note.objects.create(title=title)
        action.send(user, verb="wrote", action_object=note, target=Note.objects.get(title="old"), description=who)
    follow(user, User.objects.get(username="ann"))
    follow(user, note, actor_only=False)
    follow(User.objects.get(username="ann"), note, actor_only=False, flag="liking")


def change(who: str) -> None:
    """Users of the other side are followed, and their note is edited."""
    note = Note.objects.get(title=f"first of {OTHER[who]}")
    note.title = f"{note.title}, edited"
    note.save()
    user, other = User.objects.get(username=who), User.objects.get(username=OTHER[who])
    action.send(user, verb="edited", target=note)
    follow(user, other)
    Action.objects.filter(verb="wrote", description=OTHER[who]).update(public=False)


def remove(who: str) -> None:
    """What the other side follows is deleted, with what is told of it; somebody is followed no more."""
    Note.objects.get(title=f"second of {OTHER[who]}").delete()
    unfollow(User.objects.get(username=who), User.objects.get(username="ann"))


def told() -> dict[str, Any]:
    """Return each user's stream, and whom and what each follows."""
    return {
        user.username: [
            sorted(map(_words, user_stream(user, with_user_activity=True))),
            sorted(f"{_name(each.follow_object)} {each.flag}" for each in Follow.objects.filter(user=user)),
        ]
        for user in User.objects.all()
    }


def _name(thing: Any) -> str:
    return str(getattr(thing, "title", None) or getattr(thing, "username", None))


def _words(each: Action) -> str:
    return f"{_name(each.actor)} {each.verb} {_name(each.action_object)} {_name(each.target)} {each.timestamp}"
