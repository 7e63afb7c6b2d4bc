"""Random histories of three nodes, one of which is put back to a backup in the middle, judged by the same oracle."""

from __future__ import annotations

import copy
import datetime
import random

import pytest

from tests.managing import in_process
from tests.nodes import histories
from tests.nodes.histories import Player, Step, Wrong, random_history
from tests.nodes.hunting import play_or_fail, seeds
from tests.nodes.nodes import MESH, NAMES, STAR
from tests.testapp.models import Account, Item


class Restoring(Player):
    """Plays histories with the steps ``back_up``, ``restore`` and ``reset``, in this order, at one node."""

    def __init__(self, nodes, pairs, model, backups):
        super().__init__(nodes, pairs, model)
        self._backups = backups

    def play(self, history):
        if {step.what for step in history} >= {"back_up", "restore", "reset"}:  # others are no shorter form of it
            self._had = {name: set() for name in NAMES}
            super().play(history)

    def _back_up(self, step):
        self._backups.take(step.node)
        oracle = self._oracle
        self._kept = copy.deepcopy((oracle.at[step.node], oracle.received[step.node], oracle.known[step.node]))

    def _run(self, step):
        super()._run(step)
        for name in NAMES:
            self._had[name].update(self._oracle.present(name))

    def _restore(self, step):
        self._backups.put_back(step.node)
        oracle = self._oracle
        if self.model is Item and len({local for local, remote in self.pairs if remote == step.node}) == 1:
            self._forget_what_nobody_heard_of(step.node)
        oracle.at[step.node], oracle.received[step.node], oracle.known[step.node] = copy.deepcopy(self._kept)

    def _forget_what_nobody_heard_of(self, node):
        """What an office has made and deleted before its only neighbour had it, leaves no trace there."""
        oracle = self._oracle
        lost = {number for number, write in oracle.writes.items() if write.author == node} - self._kept[2]
        for name in set(NAMES) - {node}:
            for thing in [thing for thing, number in oracle.at[name].items() if number in lost]:
                if not oracle.writes[oracle.at[name][thing]].alive and thing not in self._had[name]:
                    oracle.known[name].discard(oracle.at[name].pop(thing))

    def _reset(self, step):
        around = tuple(remote for local, remote in self.pairs if local == step.node)
        if step.thing:  # the node itself says so
            with self.nodes.turn_of(step.node, *around):
                done = [in_process("synchro_reset", "--keep-identity")]
        else:
            of = ("synchro_reset", "--keep-identity", "--database", step.node)
            done = [self.nodes.command(each, step.node, *of) for each in around]
        if any(each.returncode for each in done):
            raise Wrong(f"{step}: {done}")
        self._oracle.identities[step.node] = self.nodes.identity(step.node)


def history_with_a_backup(seed, pairs):
    chance = random.Random(seed)
    node, itself = chance.choice(NAMES), chance.choice((True, False))
    [*others] = [pair for pair in pairs if node not in pair]

    def part(number, length, among):
        steps = random_history(chance.randrange(10**9), length, among or [("", "")])
        return [step for step in steps[2:] if number != 2 or step.what != "run" or step.node]

    lost = [step for pair in pairs if pair[0] == node for step in (Step("make", node), Step("run", *pair))]
    return [
        *random_history(seed, 15, pairs),
        Step("back_up", node),
        *part(1, 10, pairs),
        *lost,  # each that receives from the node notices it
        Step("restore", node),
        *part(2, 8, others),
        Step("reset", node, itself),
        *part(3, 12, pairs),
    ]


@pytest.fixture(autouse=True)
def one_clock(monkeypatch):
    """What is older is told by the time at which a node has logged it."""
    monkeypatch.setattr(histories, "CLOCKS", dict.fromkeys(NAMES, datetime.timedelta()))


@pytest.mark.parametrize("model", [Item, Account], ids=["automatic keys", "kept keys"])
@pytest.mark.parametrize("pairs", [STAR, MESH], ids=["star", "mesh"], indirect=False)
def test_random_histories_with_a_backup_end_as_the_oracle_says(nodes, backups, pairs, model):
    player = Restoring(nodes, pairs, model, backups)
    for seed in seeds():
        play_or_fail(seed, history_with_a_backup(seed, pairs), player.play, Wrong, settle=player.settle)
