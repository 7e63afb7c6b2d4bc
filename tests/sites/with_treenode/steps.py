"""Places in places, on either side."""

from __future__ import annotations

from typing import Any

from tests.sites.with_treenode.models import Place

OTHER = {"office": "main", "main": "office"}


def main_begins() -> None:
    """A country with a town."""
    Place.objects.create(name="town", tn_parent=Place.objects.create(name="country"))


def create(who: str) -> None:
    """A country of its own with towns, and a town in main's."""
    country = Place.objects.create(name=f"country of {who}", tn_priority=1)
    for name in (f"first of {who}", f"second of {who}"):
        Place.objects.create(name=name, tn_parent=country)
    Place.objects.create(name=f"town of {who}", tn_parent=Place.objects.get(name="country"))


def change(who: str) -> None:
    """A town of the other side becomes part of another one, its country is renamed."""
    town = Place.objects.get(name=f"first of {OTHER[who]}")
    town.set_parent(Place.objects.get(name=f"second of {OTHER[who]}"))
    country = Place.objects.get(name=f"country of {OTHER[who]}")
    country.name += ", renamed"
    country.save()


def remove(who: str) -> None:
    """A town of the other side goes, with what is in it."""
    Place.objects.get(name=f"second of {OTHER[who]}").delete()


def told() -> dict[str, Any]:
    """Return where each place is."""
    return {
        place.name: [
            sorted(str(each.name) for each in place.get_descendants()),
            [each.name for each in place.get_ancestors()],
            sorted(each.name for each in place.get_siblings()),
            place.get_depth(),
            place.get_children_count(),
        ]
        for place in Place.objects.all()
    }
