"""Databases that have never met: what two have made, or changed, is a conflict where the two meet first."""

from __future__ import annotations

import pytest

from synchro_triggers.models import Conflict, MetNode
from tests.nodes.nodes import NAMES
from tests.replay.hearing import later
from tests.testapp.models import Account, Keyed


@pytest.mark.parametrize("newest", ["a", "c"])
@pytest.mark.parametrize("model", [Keyed, Account], ids=["natural key", "kept key"])
def test_what_two_offices_have_made_is_a_conflict_at_a_hub_that_has_never_sent(nodes, model, newest):
    """Each office sends and fetches in one run; nothing runs at the hub."""
    name = "code" if model is Keyed else "name"
    for number, office in enumerate(("c", "a") if newest == "a" else ("a", "c"), 1):
        nodes.rows(office, model).create(**{name: "x", "cash": number})
        later()

    for office in ("a", "c", "a", "c"):
        nodes.run(office, "b", both=True)

    assert nodes.all(model, "cash") == [[2]] * 3
    assert [name for name in NAMES if Conflict.objects.using(name).exists()] != []


def test_hub_that_only_receives_notes_versions_as_soon_as_there_are_two_who_send(nodes):
    nodes.rows("a", Keyed).create(code="x", cash=1)
    later()
    nodes.rows("c", Keyed).create(code="x", cash=2)
    later()

    first, second = nodes.run("a", "b"), nodes.run("c", "b")

    assert first.warnings == []
    [warning] = second.warnings
    assert "without noting who had changed them when" in warning and "no conflict is on record" in warning
    assert not Conflict.objects.using("b").exists()

    nodes.rows("a", Keyed).update(cash=3)
    later()
    nodes.rows("c", Keyed).update(cash=4)
    later()
    nodes.run("c", "b")
    third = nodes.run("a", "b")

    assert third.warnings == []
    assert nodes.rows("b", Keyed).get().cash == 4
    assert [each.kind for each in Conflict.objects.using("b")] == ["update/update"]


def test_each_side_notes_the_other_one_once(nodes):
    nodes.rows("a", Keyed).create(code="x", cash=1)

    nodes.run("a", "b", both=True)

    assert list(MetNode.objects.using("a").values_list("alias", "node_id")) == [("b", nodes.identity("b"))]
    assert list(MetNode.objects.using("b").values_list("alias", "node_id")) == [("default", nodes.identity("a"))]
