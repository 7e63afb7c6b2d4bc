"""``identity/contributions.py``: random histories of three accounts add up, whichever way they meet. No database."""

from __future__ import annotations

import random
from decimal import Decimal

import pytest

from synchro_triggers.replay.identity.contributions import Amount, difference, news, others_part

NODES = "abc"


class Node:
    """A value, and what others have added to it; its own part follows from both, as in a database."""

    def __init__(self, name, value=0, stored=None):
        self.name, self.value, self.stored, self.last = name, Decimal(value), dict(stored or {}), 0

    def add(self, number, row):
        self.value += number
        self.last = row

    def account(self):
        return {**self.stored, self.name: Amount(self.value - others_part(self.stored, self.name), 1, self.last)}

    def bring(self, remote, *, stale=False):
        """Let a run bring it all; ``stale``: by an account that was read before."""
        found = news(self.read if stale else self.account(), remote.stored, remote.name)
        remote.value += difference(found, remote.stored)
        remote.stored.update(found)


@pytest.mark.parametrize("seed", range(300))
def test_all_that_was_added_adds_up(seed):
    chance = random.Random(seed)
    a = Node("a", 10)
    a.read = a.account()
    nodes = [a, *(Node(name) for name in "bc")]
    for node in nodes[1:]:
        a.bring(node)
    due = Decimal(10)
    for node in nodes:
        node.read = node.account()
    for row in range(1, 40):
        node, other = chance.sample(nodes, 2)
        kind = chance.random()
        if kind < 0.4:
            number = chance.choice((-3, 1, 100))
            node.add(number, row)
            due += number
        elif kind < 0.5:
            node.read = node.account()
        else:
            node.bring(other, stale=kind < 0.6)
    for _ in range(3):
        for node in nodes:
            for other in nodes:
                if other is not node:
                    node.bring(other)

    assert [node.value for node in nodes] == [due] * 3


def test_what_is_older_or_the_remotes_own_is_no_news():
    one, two = Amount(Decimal(1), 1, 1), Amount(Decimal(2), 1, 2)

    assert news({"a": one, "b": two, "c": one, "d": two}, {"a": two, "c": one, "d": one}, "b") == {"d": two}
    assert difference({"d": two, "e": one}, {"d": one}) == 2
    assert Amount(Decimal(0), 2, 1).age > two.age
