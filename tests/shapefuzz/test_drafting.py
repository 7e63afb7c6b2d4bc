"""What random projects must not be: such that nobody could run them."""

from __future__ import annotations

import re
from graphlib import TopologicalSorter

from tests.shapefuzz.drafting import draft_project

SAVED = re.compile(r"add_journal\(instance, (\w+),|touch\(instance, (\w+), using, by_save=True")


def test_receivers_of_saves_do_not_save_in_a_ring():
    by_save = 0
    for seed in [*range(500), 160436]:
        saves: dict[str, set[str]] = {}
        for each in draft_project(seed, "sqlite", ("sqlite",)).receivers:
            found, sender = SAVED.search(each), re.search(r"_save, sender=(\w+)", each)
            if found is not None and sender is not None:
                saves.setdefault(sender[1], set()).add(found[1] or found[2])
                by_save += found[2] is not None
        TopologicalSorter(saves).prepare()  # raises where there is a ring

    assert by_save > 8
