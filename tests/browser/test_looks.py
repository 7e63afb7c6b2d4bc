"""What the pages look like, and to whom: light and dark, on a phone, by keyboard, read aloud, in other languages."""

from __future__ import annotations

import pytest
from django.test import override_settings

from synchro_triggers import synchro_paused, synchronize
from synchro_triggers.models import Conflict, Failure
from synchro_triggers.replay.state.lease import Lease
from synchro_triggers.replay.state.node import node_id
from tests.admin_pages import list_of, page_of
from tests.browser.axe import complaints
from tests.browser.chromium import needs_chromium
from tests.databases import ALIASES, both_committed
from tests.testapp.models import Ambiguous, Item, Keyed

LOCAL, REMOTE = ALIASES
CARD = "#card-remote"

pytestmark = [both_committed, needs_chromium, pytest.mark.urls("tests.admin_pages")]


@pytest.fixture
def pages(settings, boss):
    """Return functions that bring somebody to each page, by its name; of all kinds of records there are some."""
    settings.SYNCHRO_CONFLICT = "local"
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

    conflict, failure = Conflict.objects.using(REMOTE).get(), Failure.objects.using(REMOTE).get()
    found = {f"list of {table}s": list_of(table) for table in ("changelog", "failure", "conflict", "run", "reference")}
    found["conflict"] = page_of("conflict", REMOTE, conflict.pk)
    found["failure"] = page_of("failure", REMOTE, failure.pk)
    found["explanation"] = f"/admin/synchro_triggers/changelog/explain/?model=testapp.Item&key={item.pk}"
    found["history"] = f"/office/testapp/item/{item.pk}/history/"
    found["index"] = "/admin/synchro_triggers/"
    visits = {name: lambda address=address: boss.open(address) for name, address in found.items()}

    def press(name):
        boss.open("/synchro/").press(name, within="#content")

    def compare():
        with override_settings(
            SYNCHRO_MODELS=("testapp.Item", "testapp.Keyed", "testapp.Ambiguous")
        ):  # it is sooner done
            press("Compare")
            boss.sees("Objects that are not the same, for no known reason: 2")

    visits["page"] = lambda: boss.open("/synchro/")
    visits["dry run"] = lambda: press("Dry run")
    visits["comparison"] = compare
    visits["reset"] = lambda: press("Reset synchronization")
    visits["run"] = lambda: press("Synchronize")
    with Lease(REMOTE, node_id(LOCAL)).held():  # so that it is seen for as long as one wants
        yield visits
        boss.leave()


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_axe_finds_nothing(boss, pages, theme):
    boss.prefers(theme)

    found = {}
    for name, visit in pages.items():
        visit()
        found[name] = complaints(boss)

    assert "\n".join(f"{name}: {each}" for name, told in found.items() for each in told) == ""


def test_nothing_is_wider_than_a_phone(boss, pages):
    boss.holds_a_phone()

    found = {}
    for name, visit in pages.items():
        visit()
        found[name] = boss.too_wide()

    assert "\n".join(f"{name}: {each}" for name, told in found.items() for each in told) == ""
