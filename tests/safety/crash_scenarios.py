"""What a run is doing when it is killed: a scenario for each way in which it writes, and for each command that does."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from django.db import connections, transaction
from django.db.models import F, Model
from django.db.models.signals import m2m_changed, post_delete, post_save

from synchro_triggers import synchro_paused, synchronize
from synchro_triggers.models import Failure, Node
from synchro_triggers.replay.follow import Follower
from tests.safety.killing import Watch
from tests.safety.story import LOCAL, REMOTE
from tests.testapp.models import (
    Account,
    Club,
    Entry,
    Friend,
    Item,
    Membership,
    Numbered,
    Restaurant,
    Stamped,
    Tag,
    Tagged,
    Unlisted,
)
from tests.testapp.models import Node as Tree


def _nothing() -> None:
    pass


@dataclass(frozen=True)
class Scenario:
    """What is killed, and what is to come of it.

    Attributes:
        name: of the scenario.
        models: what is synchronised, of ``testapp``; looking at few tables takes few statements.
        prepare: makes the databases what they are at the beginning.
        commands: what is run, and killed, and run again.
        then: what is run after it, so that it shows what has come of it.
        connect: connects the receivers of the run's process.
        work: what is done, and killed, instead of the commands; they come afterwards.
        before_again: makes good, before the commands, what was not the killed process' own work.
        settings: others than those of the tests.
    """

    name: str
    models: tuple[str, ...]
    prepare: Callable[[], None]
    commands: tuple[str, ...] = ("synchronize",)
    then: tuple[str, ...] = ()
    connect: Callable[[], None] = _nothing
    work: Callable[[Watch], None] | None = None
    before_again: Callable[[], None] = _nothing
    settings: dict[str, Any] = field(default_factory=dict)


def remote(model: type[Model]) -> Any:
    return model._base_manager.using(REMOTE)


# Objects ----------------------------------------------------------------------------------------------


def insert() -> None:
    """The first run of all: nothing is there, not even a checkpoint."""
    Item.objects.bulk_create(Item(name=f"item {number}") for number in range(4))
    Entry.objects.create(name="first", account=Account.objects.create(name="Ann"))
    Tree.objects.create(name="leaf", parent=Tree.objects.create(name="root"))
    Restaurant.objects.create(name="Chez", stars=2)
    Stamped.objects.create(name="stamped")


def update() -> None:
    insert()
    synchronize()
    Item.objects.update(cash=5)
    Account.objects.update(cash=7)
    Tree.objects.filter(name="leaf").update(parent=None)
    Restaurant.objects.get().delete()
    Stamped.objects.get().save()
    # A kept key that changes is another object.
    with transaction.atomic():
        Account.objects.create(name="Anne")
        Entry.objects.update(account="Anne")
        Account.objects.filter(name="Ann").delete()


def delete() -> None:
    insert()
    Item.objects.create(name="stays")
    synchronize()
    Item.objects.exclude(name="stays").delete()
    Account.objects.all().delete()
    Tree.objects.filter(name="root").delete()
    Restaurant.objects.all().delete()


def links() -> None:
    red, green, blue = (Tag.objects.create(label=label) for label in ("red", "green", "blue"))
    first, second = (Tagged.objects.create(title=title) for title in ("first", "second"))
    first.tags.add(red, green)
    ann, bob = (Friend.objects.create(name=name) for name in ("Ann", "Bob"))
    ann.friends.add(bob)
    club = Club.objects.create(name="club")
    Membership.objects.create(club=club, member=red, extra=Unlisted.objects.create(name="extra"))
    synchronize()
    first.tags.set([green, blue])
    second.tags.add(red)
    ann.friends.clear()
    bob.follows.add(ann)
    Membership.objects.update(member=blue, cash=3)


def swap() -> None:
    """Unique values are swapped, rotated and handed on; a key is given out again."""
    numbers = [Numbered.objects.create(number=number, name=f"number {number}") for number in range(1, 8)]
    synchronize()
    with transaction.atomic():
        Numbered.objects.filter(number__lte=6).update(number=-F("number"))
        for one, new in zip(numbers, (2, 1, 4, 5, 3, 7), strict=False):
            if new == 7:
                Numbered.objects.filter(pk=numbers[6].pk).delete()
            Numbered.objects.filter(pk=one.pk).update(number=new)
    Numbered.objects.create(pk=numbers[6].pk, number=6, name="under the key of another")


# What fails -------------------------------------------------------------------------------------------


def failure() -> None:
    """Of three objects that were kept one is cured there, one here, and one fails again; another one is new."""
    for number in (1, 2, 3, 4):
        remote(Numbered).create(number=number, name="theirs")
    ours = [Numbered.objects.create(number=number, name="ours") for number in (1, 2, 3)]
    synchronize()
    assert Failure.objects.using(REMOTE).count() == 3
    remote(Numbered).filter(number=1).delete()
    Numbered.objects.filter(pk=ours[1].pk).update(number=20)
    Numbered.objects.create(number=4, name="ours")
    Numbered.objects.create(number=5, name="fits")


def retry() -> None:
    failure()
    Failure.objects.using(REMOTE).update(next_at="2999-01-01T00:00Z", runs=9)


# Who listens ------------------------------------------------------------------------------------------


def mixed() -> None:
    for number in range(5):
        Item.objects.create(name=f"old {number}")
    tags = [Tag.objects.create(label=label) for label in ("red", "green")]
    tagged = Tagged.objects.create(title="tagged")
    tagged.tags.add(tags[0])
    synchronize()
    remote(Unlisted).all().delete()
    Item.objects.filter(name="old 0").delete()
    Item.objects.filter(name__in=("old 1", "old 2")).update(cash=9)
    for number in range(3):
        Item.objects.create(name=f"new {number}")
    tagged.tags.set(tags[1:])


def listen() -> None:
    """Write down on the remote, in the run's transaction, what was heard."""

    def note(what: str, name: str, using: str) -> None:
        Unlisted.objects.using(using).create(name=f"{what} {name}"[:50])

    def saved(sender: Any, instance: Any, created: bool, using: str, **told: Any) -> None:
        note("created" if created else "saved", instance.name, using)

    def deleted(sender: Any, instance: Any, using: str, **told: Any) -> None:
        note("deleted", instance.name, using)

    def linked(sender: Any, instance: Any, action: str, pk_set: set[int], using: str, **told: Any) -> None:
        note(action, f"{instance.title} {len(pk_set)}", using)

    post_save.connect(saved, sender=Item, weak=False)
    post_delete.connect(deleted, sender=Item, weak=False)
    m2m_changed.connect(linked, sender=Tagged.tags.through, weak=False)


# All, and always --------------------------------------------------------------------------------------


def full() -> None:
    with synchro_paused():
        insert()
    Item.objects.create(name="logged")


def followed() -> None:
    Item.objects.create(name="first")
    synchronize()
    Item.objects.create(name="second")


def follow(watch: Watch) -> None:
    """Follow until two commits have arrived: the second by a run that is a single transaction."""
    written: list[str] = []

    def on_run(alias: str, report: Any) -> None:
        if written:
            follower.stop()
            return
        written.append(alias)
        with watch.looks_away():
            somebody = connections[LOCAL].copy()
            with somebody.cursor() as cursor:
                cursor.execute("INSERT INTO testapp_item (name, cash) VALUES ('third', 3)")
            somebody.close()

    def on_problem(problem: str) -> None:
        raise AssertionError(problem)

    follower = Follower(interval=0.001, on_run=on_run, on_problem=on_problem)
    follower.run()


def write_third() -> None:
    if not Item.objects.filter(name="third").exists():
        Item.objects.create(name="third", cash=3)


# First meetings, copies and moves ---------------------------------------------------------------------


def met() -> None:
    """Both sides have the same objects, from an import past the log, and each has one of its own."""
    for alias in (LOCAL, REMOTE):
        with synchro_paused(using=alias):
            Item.objects.using(alias).bulk_create(Item(pk=number, name=f"item {number}") for number in range(1, 5))
            Tag.objects.using(alias).create(pk=1 if alias == LOCAL else 7, label="red")
            account = Account.objects.using(alias).create(name="Ann")
            Entry.objects.using(alias).create(pk=1, name="first", account=account)
    remote(Item).filter(pk=4).update(name="theirs")
    Item.objects.filter(pk=1).update(cash=8)
    Item.objects.create(pk=9, name="ours")


def copied() -> None:
    """LOCAL is a copy; the numbers of its objects are others on the remote."""
    Item.objects.create(name="a")
    Item.objects.create(name="b")
    Tag.objects.create(label="red")
    synchronize()
    Item.objects.filter(name="a").update(cash=5)
    Node.objects.update(fingerprint="somewhere else")


def moved() -> None:
    copied()
    Item.objects.create(name="c")


def pending() -> None:
    Item.objects.create(name="a")
    synchronize()
    Item.objects.filter(name="a").update(cash=5)
    Item.objects.create(name="b")


_OBJECTS = ("Item", "Account", "Entry", "Node", "Place", "Restaurant", "Stamped")
_LINKED = ("Tag", "Tagged", "Friend", "Club")

SCENARIOS = (
    Scenario("insert", _OBJECTS, insert),
    Scenario("update", _OBJECTS, update),
    Scenario("delete", _OBJECTS, delete),
    Scenario("links", _LINKED, links),
    Scenario("swap", ("Numbered",), swap),
    Scenario("failure", ("Numbered",), failure),
    Scenario("retry", ("Numbered",), retry, ("synchro_failures --retry",)),
    Scenario("receivers", ("Item", "Tag", "Tagged"), mixed, connect=listen),
    Scenario(
        "batch-signals", ("Item", "Tag", "Tagged"), mixed, connect=listen, settings={"SYNCHRO_BATCH_SIGNALS": True}
    ),
    Scenario("full", _OBJECTS, full, ("synchronize --full",)),
    Scenario("follow", ("Item",), followed, work=follow, before_again=write_third),
    Scenario("link", ("Item", "Tag", "Account", "Entry"), met, ("synchro_link",), ("synchronize",)),
    Scenario("strangers", ("Item", "Tag", "Account", "Entry"), met, ("synchro_link --strangers",), ("synchronize",)),
    Scenario(
        "new-identity",
        ("Item", "Tag"),
        copied,
        ("synchro_reset --new-identity --no-input",),
        ("synchro_link", "synchronize"),
    ),
    Scenario("keep-identity", ("Item", "Tag"), moved, ("synchro_reset --keep-identity",), ("synchronize",)),
    Scenario("reset", ("Item",), pending, ("synchro_reset --no-input",), ("synchro_link", "synchronize")),
)
