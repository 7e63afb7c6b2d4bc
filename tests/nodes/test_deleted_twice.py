"""Objects that users of several nodes delete, who have not seen one another's deletion: the newest one stands."""

from __future__ import annotations

import pytest

from tests.nodes.histories import Player, Step
from tests.nodes.nodes import MESH, STAR
from tests.testapp.models import Account, Item

#: C has made the object, and all have it; C's clock is an hour behind B's, and that of A an hour ahead.
FIRST = (Step("make", "c"), Step("run", "c", "a"), Step("run", "a", "b"))

STORIES = {
    "the write is the newest": (
        Step("write", "a", road="update"),
        Step("delete", "b", road="sql"),
        Step("delete", "c", road="sql"),
        Step("run", "b", "c"),
    ),
    "a deletion that has met its maker's is the newest": (
        Step("write", "b", road="update"),
        Step("delete", "a", road="sql"),
        Step("delete", "c", road="sql"),
        Step("run", "a", "c"),
        Step("run", "b", "c"),
        Step("run", "c", "a"),
    ),
}


@pytest.mark.parametrize("model", [Item, Account], ids=["automatic keys", "kept keys"])
@pytest.mark.parametrize("story", STORIES)
def test_newest_of_two_deletions_stands_at_the_maker_too(nodes, story, model):
    Player(nodes, MESH, model).play([*FIRST, *STORIES[story]])


HUB = {
    "it is made again by a slow clock": (
        Step("make", "c"),
        Step("run", "c", "b"),
        Step("delete", "b", road="sql"),
        Step("delete", "c", road="sql"),
        Step("run", "c", "b"),
        Step("again", "c"),
        Step("run", "b", "c"),
        Step("run", "c", "b"),
    ),
    "who wrote meets the older deletion first": (
        Step("make", "c"),
        Step("run", "c", "b"),
        Step("run", "b", "a"),
        Step("delete", "b", road="sql"),
        Step("write", "a", road="update"),
        Step("delete", "c", road="sql"),
        Step("run", "b", "a"),
        Step("run", "c", "b"),
        Step("run", "a", "b"),
        Step("run", "b", "c"),
    ),
}


@pytest.mark.parametrize("model", [Item, Account], ids=["automatic keys", "kept keys"])
@pytest.mark.parametrize("story", HUB)
def test_hub_that_has_deleted_it_itself_hands_on_what_stands(nodes, story, model):
    Player(nodes, STAR, model).play(HUB[story])
