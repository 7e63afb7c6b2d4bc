"""What random projects must not be: such that nobody could run them."""

from __future__ import annotations

import re
from graphlib import TopologicalSorter

from synchro_triggers import synchronize
from tests.shapefuzz.drafting import Draft, draft_project
from tests.shapefuzz.holding import give_column
from tests.shapefuzz.test_found import both_vendors, marked

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


class JsonAlways:
    """Draws what holds keys inside of JSON."""

    def choice(self, kinds):
        assert "JSON" in kinds
        return "JSON"


@both_vendors
def test_keys_in_data_of_a_child_lead_to_the_model_that_its_own_column_names(project, local):
    drafts = {letter: Draft(letter, "A" if letter == "B" else "models.Model") for letter in "ABC"}
    options = {
        f"shapefuzz.{letter}": {"references": give_column(drafts[letter], drafts[target], JsonAlways())}
        for letter, target in (("A", "A"), ("B", "C"))
    }
    parent, child, target = project(
        local,
        *((each.name, each.bases, marked(each.letter), *each.lines) for each in drafts.values()),
        SYNCHRO_OPTIONS=options,
    )
    for number in range(3):  # so that numbers are others there
        target.objects.using("remote").create(mark_c=f"R{number}")
    made = parent.objects.create(mark_a="o1")
    held = target.objects.create(mark_c="o2")
    child.objects.create(mark_a="o3", j_a_to_a={"key": made.pk}, j_b_to_c={"key": held.pk})

    assert synchronize().failures == []

    row = child.objects.using("remote").get()
    assert row.j_a_to_a == {"key": parent.objects.using("remote").get(mark_a="o1").pk}
    assert row.j_b_to_c == {"key": target.objects.using("remote").get(mark_c="o2").pk}
