"""All pages of this package, with records of every kind on them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from django.test import override_settings

from synchro_triggers import synchro_paused, synchronize
from synchro_triggers.models import Conflict, Failure
from synchro_triggers.replay.state.lease import Lease
from synchro_triggers.replay.state.node import node_id
from tests.admin_pages import list_of, page_of
from tests.browser.person import Person
from tests.databases import ALIASES
from tests.testapp.models import Ambiguous, Item, Keyed

LOCAL, REMOTE = ALIASES

Visit = Callable[[], object]


@contextmanager
def pages_of(person: Person) -> Iterator[dict[str, Visit]]:
    """Yield functions that bring somebody to each page, by its name."""
    item = make_records()
    found = {f"list of {table}s": list_of(table) for table in ("changelog", "failure", "conflict", "run", "reference")}
    found["conflict"] = page_of("conflict", REMOTE, Conflict.objects.using(REMOTE).get().pk)
    found["failure"] = page_of("failure", REMOTE, Failure.objects.using(REMOTE).get().pk)
    found["explanation"] = f"/admin/synchro_triggers/changelog/explain/?model=testapp.Item&key={item.pk}"
    found["history"] = f"/office/testapp/item/{item.pk}/history/"
    found["index"] = "/admin/synchro_triggers/"
    found["page"] = "/synchro/"
    visits: dict[str, Visit] = {name: _opening(person, address) for name, address in found.items()}

    def press(name: str) -> None:
        person.open("/synchro/").follow(f"#content button[name={name}]")

    def compare() -> None:
        with override_settings(SYNCHRO_MODELS=("testapp.Item", "testapp.Keyed", "testapp.Ambiguous")):  # sooner done
            press("compare")
            person.finds(".synchro-differences")

    visits["dry run"] = lambda: press("dry_run")
    visits["comparison"] = compare
    visits["reset"] = lambda: press("reset")
    visits["run"] = lambda: press("synchro")
    with Lease(REMOTE, node_id(LOCAL)).held():  # so that it is seen for as long as one wants
        yield visits
        person.leave()


def _opening(person: Person, address: str) -> Visit:
    return lambda: person.open(address)


def make_records() -> Item:
    """Make a conflict, which LOCAL has won, a failure, and some changes that wait; return what they differ over."""
    item = Item.objects.create(name="a")
    synchronize()
    Item.objects.using(REMOTE).update(name="theirs", cash=5)
    item.name = "ours"
    item.save()
    with synchro_paused(using=REMOTE):
        Ambiguous.objects.using(REMOTE).bulk_create([Ambiguous(name="x"), Ambiguous(name="x")])
    Ambiguous.objects.create(name="x")
    synchronize()
    Item.objects.bulk_create([Item(name=name) for name in "bcd"])
    Keyed.objects.create(code="k")
    return item
