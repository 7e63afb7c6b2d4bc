"""What wins a conflict over an object that a third has made is newer for that one, too."""

from __future__ import annotations

import pytest

from synchro_triggers.models import Conflict
from tests.nodes.nodes import NAMES, TOPOLOGIES
from tests.replay.hearing import later
from tests.testapp.models import Account, Item


@pytest.mark.parametrize("changed", ["deleted", "changed"])
@pytest.mark.parametrize("model", [Item, Account], ids=["automatic keys", "kept keys"])
def test_maker_gets_what_has_won_where_it_had_come_to_the_remote_before(nodes, model, changed):
    rows = nodes.rows("c", model)
    rows.create(**{"name": "made", "cash": 1})
    later()
    nodes.run("c", "a")
    nodes.run("a", "b")
    there = nodes.rows("b", model)
    there.all().delete() if changed == "deleted" else there.update(cash=2)
    later()
    nodes.rows("a", model).update(cash=3)
    later()
    nodes.run("a", "b")
    nodes.run("b", "c")

    assert nodes.all(model, "name", "cash") == [[("made", 3)]] * 3
    nodes.rounds(TOPOLOGIES["ring"])
    assert nodes.all(model, "name", "cash") == [[("made", 3)]] * 3
    assert [Conflict.objects.using(name).count() for name in NAMES] == [0, 1, 0]
    nodes.assert_at_rest(TOPOLOGIES["ring"])
