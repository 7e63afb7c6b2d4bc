"""What users do with things, words, tags, permissions and the site's own settings."""

from __future__ import annotations

from typing import Any

from constance import config
from constance.models import Constance
from django.contrib.auth.models import Group, User
from guardian.shortcuts import assign_perm, get_objects_for_user, remove_perm

from tests.sites.with_others.things.models import PowerTool, Thing, Tool, Word


def main_begins() -> None:
    """Two users, a thing, a tool, a word in two languages, a setting."""
    ann, bob = (User.objects.create_superuser(name, f"{name}@example.com", "secret") for name in ("ann", "bob"))
    bob.is_superuser = False
    bob.save()
    Group.objects.create(name="readers")
    stone = Thing.objects.create(name="stone", owner=ann)
    stone.tags.add("hard")
    Tool.objects.create(name="hammer", owner=ann)
    _word(1, "one", "eins")
    assign_perm("change_thing", bob, stone)


def main_goes_on(name: str) -> None:
    """Main's users work too, so that both sides give out the same numbers, and make the same tags and settings."""
    user = User.objects.create_user(f"of {name}")
    thing = PowerTool.objects.create(name=f"of {name}", owner=user)
    thing.tags.add("new", f"of {name}")
    _word(100 + Word.objects.count(), name, name)
    assign_perm("view_powertool", user, thing)
    config.SIZE = 4
    bob, hammer = User.objects.get(username="bob"), Tool.objects.get(name="hammer")
    assign_perm("change_tool", bob, hammer)


def make_things() -> None:
    """Things of all kinds with tags and permissions, words, a setting that main has made, too."""
    ann, bob = User.objects.get(username="ann"), User.objects.get(username="bob")
    drill = PowerTool.objects.create(name="drill", owner=bob, watts=500)
    sand = Thing.objects.create(name="sand", owner=ann)
    drill.fits.add(sand, Thing.objects.get(name="stone"))
    drill.tags.add("new", "hard", "loud")
    _word(2, "two", "zwei")
    assign_perm("view_thing", Group.objects.get(name="readers"), sand)
    assign_perm("change_tool", bob, Tool.objects.get(name="hammer"))
    assign_perm("delete_powertool", bob, drill)
    config.SIZE = 5
    config.GREETING = "Hi"


def change_things() -> None:
    """Change, retag and delete."""
    drill, bob = PowerTool.objects.get(name="drill"), User.objects.get(username="bob")
    drill.watts, drill.weight, drill.name = 700, 2, "big drill"
    drill.save()
    drill.tags.remove("hard")
    word = Word.objects.get(number=2)
    word.set_current_language("de")
    word.text = "zwo"
    word.save()
    Word.objects.get(number=1).delete_translation("de")
    remove_perm("delete_powertool", bob, drill)
    Thing.objects.get(name="sand").delete()
    config.GREETING = "Good morning"


def _word(number: int, english: str, german: str) -> None:
    word = Word(number=number)
    for language, text in (("en", english), ("de", german)):
        word.set_current_language(language)
        word.text, word.thing = text, Thing.objects.first()
    word.save()


def things() -> dict[str, Any]:
    """Return each thing as what it is, with its tags and who may do what with it."""
    told = {}
    for thing in Thing.objects.all():
        users = [user for user in User.objects.exclude(username="ann") if user.has_perm("change_tool", thing)]
        told[thing.name] = [
            type(thing).__name__,
            thing.owner.username,
            getattr(thing, "watts", None),
            sorted(tag.name for tag in thing.tags.all()),
            sorted(each.name for each in thing.fits.all()) if isinstance(thing, Tool) else [],
            [user.username for user in users],
        ]
    return told


def words() -> dict[str, Any]:
    """Return each word in all its languages."""
    return {
        str(word.number): sorted(
            f"{each.language_code} {each.text} {each.thing.name}" for each in word.translations.all()
        )
        for word in Word.objects.all()
    }


def own_settings() -> list[Any]:
    """Return what the settings are, and how many of them are stored."""
    return [config.SIZE, config.GREETING, Constance.objects.count()]


def may_view() -> list[str]:
    """Return what the readers may see."""
    group = Group.objects.get(name="readers")
    user = User.objects.create_user("a reader")
    user.groups.add(group)
    found = sorted(thing.name for thing in get_objects_for_user(user, "things.view_thing", Thing))
    user.delete()
    return found
