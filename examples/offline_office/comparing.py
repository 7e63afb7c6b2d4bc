"""Compares two databases of the demo value by value; primary keys may differ, everything else may not."""

from __future__ import annotations

from world.models import Country, Currency, Note, Subdivision

_OBJECTS = {
    "world.Currency": (Currency, ("code", "name")),
    "world.Country": (Country, ("code", "name")),
    "world.Subdivision": (Subdivision, ("code", "name", "kind", "country__code", "parent__code")),
    "world.Note": (Note, ("country__code", "text", "written", "changed")),
    "links": (Country.currencies.through, ("country__code", "currency__code")),
}


def compare(one: str, other: str) -> tuple[int, int, list[str]]:
    """Compare two databases.

    Args:
        one, other: their aliases.

    Returns:
        How many objects and links were compared, and a line for each difference.
    """
    differences: list[str] = []
    counts = {}
    for name, (model, fields) in _OBJECTS.items():
        here, there = (sorted(model.objects.using(alias).values_list(*fields), key=repr) for alias in (one, other))
        counts[name] = len(here)
        differences += [f"{name} only in {one!r}: {row}" for row in here if row not in set(there)]
        differences += [f"{name} only in {other!r}: {row}" for row in there if row not in set(here)]
        if not differences and here != there:
            differences.append(f"{name}: the same rows in different numbers")
    links = counts.pop("links")
    return sum(counts.values()), links, differences
