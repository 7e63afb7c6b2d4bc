"""Natural keys that one side has changed, and that another object has taken meanwhile."""

from __future__ import annotations

import pytest

from tests.nodes.nodes import STAR
from tests.nodes.test_conflicts import PAIR
from tests.replay.hearing import later
from tests.testapp.models import Keyed, KeyedChild


@pytest.mark.parametrize("rename_first", [True, False])
@pytest.mark.parametrize("way", ["ab", "ba", "ac", "ca"])
def test_object_that_takes_the_natural_key_of_a_renamed_one_is_another_object(nodes, way, rename_first):
    """Neither is written over the other, and the child stays with its parent."""
    renames, makes = way
    pairs = STAR if "c" in way else PAIR
    parent = nodes.rows("a", Keyed).create(code="x", cash=1)
    nodes.rows("a", KeyedChild).create(name="child", parent=parent)
    nodes.rounds(pairs)
    later()
    steps = [
        lambda: nodes.rows(renames, Keyed).update(code="y"),
        lambda: nodes.rows(makes, Keyed).create(code="y", cash=7),
    ]
    for step in steps if rename_first else reversed(steps):
        step()
        later()

    nodes.rounds(pairs)

    for name in {name for pair in pairs for name in pair}:
        assert sorted(nodes.rows(name, Keyed).values_list("code", "cash")) == [("y", 1), ("y", 7)]
        assert nodes.rows(name, KeyedChild).get().parent.cash == 1
    nodes.assert_at_rest(pairs)
