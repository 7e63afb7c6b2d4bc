"""Automatic many-to-many tables that hold more than two keys: their rows are objects, and arrive as a whole."""

from __future__ import annotations

import pytest

from synchro_triggers import synchronize
from tests.databases import both
from tests.replay.hearing import later
from tests.shapeapp.models import Anthology, Paper
from tests.shapes.sides import LOCAL, REMOTE, on_remote, synchronize_and_compare

pytestmark = [both, pytest.mark.mariadb]

POEMS = ("one", "two", "three")


@pytest.fixture
def poems(vendor: str) -> Anthology:
    for name in POEMS:
        Paper.objects.create(name=name)
    return Anthology.objects.create(name="poems")


def arrange(anthology: Anthology, *names: str) -> None:
    alias = str(anthology._state.db)
    anthology.arrange(*(Paper.objects.using(alias).get(name=name) for name in names))


def test_place_of_each_link_arrives(poems: Anthology, way: str) -> None:
    arrange(poems, *POEMS)
    synchronize_and_compare()
    assert on_remote(Anthology, name="poems").in_order() == ["one", "two", "three"]

    arrange(poems, "three", "one")
    synchronize_and_compare()
    assert on_remote(Anthology, name="poems").in_order() == ["three", "one"]

    Anthology.papers.through.objects.filter(paper__name="one").update(place=-1)
    synchronize_and_compare()
    assert on_remote(Anthology, name="poems").in_order() == ["one", "three"]

    poems.delete()
    synchronize_and_compare()
    assert not Anthology.papers.through.objects.using(REMOTE).exists()


def test_same_link_of_both_sides_is_one_link(poems: Anthology) -> None:
    synchronize_and_compare()
    arrange(on_remote(Anthology, name="poems"), "two", "one")
    later()

    arrange(poems, "one", "two")
    synchronize_and_compare()

    assert on_remote(Anthology, name="poems").in_order() == ["one", "two"]


def test_every_object_brings_the_places_along(poems: Anthology) -> None:
    arrange(poems, *POEMS)
    synchronize_and_compare()
    Anthology.papers.through.objects.using(REMOTE).update(place=7)

    report = synchronize(full=True)

    assert report.changed
    assert on_remote(Anthology, name="poems").in_order() == Anthology.objects.using(LOCAL).get().in_order()
