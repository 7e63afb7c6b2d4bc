"""Random histories of three nodes that merge by field, and count: nothing is lost to anybody in silence.

Each write gives one field of one object a new number, so that the number tells which write a node has, and what the
next one was written upon. In the end all nodes are equal, each field holds a write that nobody has written upon, and
where there are several such writes a conflict was told; where there are none, none was. Counters hold the sum of all
that users have added. Some runs are cut off in the middle, as by a kill. ``make fuzz-nodes`` plays new histories, as it
does for whole objects.
"""

from __future__ import annotations

import itertools
import random

import pytest
from django.db import connections
from django.db.models import F

from synchro_triggers import Told
from synchro_triggers.models import Conflict
from tests.nodes.hunting import seeds
from tests.nodes.nodes import NAMES
from tests.nodes.nodes import TOPOLOGIES as OF_THREE
from tests.replay.hearing import later, receiving
from tests.testapp.models import Account, Entry

FIELDS = ("name", "visits")
TOPOLOGIES = {"pair": (("a", "b"), ("b", "a")), **OF_THREE}


def play(nodes, pairs, seed):
    """Play one history of two objects; raise ``AssertionError`` where something was lost, doubled or not told."""
    chance = random.Random(seed)
    names = [name for name in NAMES if any(name in pair for pair in pairs)]
    things = [f"{seed} {number}" for number in range(2)]
    for thing in things:
        nodes.rows("a", Account).create(name=thing)
        nodes.rows("a", Entry).create(name="0", visits=0, account_id=thing)
    nodes.rounds(pairs)
    later()
    upon: dict[tuple[str, str, int], int] = {}  # object, field and write to what it was written upon
    told = 0
    steps = []
    due = dict.fromkeys(things, 0)
    for number in range(1, 25):
        kind = chance.random()
        if kind < 0.4:
            at, thing, field = chance.choice(names), chance.choice(things), chance.choice(FIELDS)
            rows = nodes.rows(at, Entry).filter(account_id=thing)
            upon[thing, field, number] = int(rows.values_list(field, flat=True).get())
            rows.update(**{field: number})
            steps.append(f"{at} writes {number} to {field} of {thing}")
            later()
        elif kind < 0.6:
            at, thing, more = chance.choice(names), chance.choice(things), chance.choice((-3, 1, 10**number % 997))
            ADDING[chance.randrange(len(ADDING))](nodes.rows(at, Account).filter(name=thing), more)
            due[thing] += more
            steps.append(f"{at} adds {more} to {thing}")
            later()
        elif kind < 0.7:
            pair, calls = chance.choice(pairs), chance.randrange(1, 4)
            told += _cut_off(nodes, pair, calls)
            steps.append(f"{' to '.join(pair)}: cut off at the call {calls} of a receiver")
        else:
            pair = chance.choice(pairs)
            report = nodes.run(*pair)
            assert not report.failures, (steps, pair, report.failures)
            told += _conflicts(report.remarks)
            steps.append(f"{' to '.join(pair)}: {_conflicts(report.remarks)} told")
    told += _conflicts(nodes.rounds(pairs, 4))

    held = [
        sorted(nodes.rows(at, Entry).filter(account_id__in=things).values_list("account_id", *FIELDS)) for at in names
    ]
    assert held == [held[0]] * len(names), "\n".join([*steps, str(held)])
    sums = [dict(nodes.rows(at, Account).filter(name__in=things).values_list("name", "cash")) for at in names]
    assert sums == [due] * len(names), "\n".join([*steps, str(sums), str(due)])
    several = 0
    for thing, *values in held[0]:
        for field, value in zip(FIELDS, values, strict=True):
            writes = {0} | {write for (of, in_, write) in upon if (of, in_) == (thing, field)}
            leaves = writes - {base for (of, in_, _), base in upon.items() if (of, in_) == (thing, field)}
            several += len(leaves) > 1
            lost = int(value) not in leaves
            assert not lost, "\n".join([*steps, str((thing, field, value, leaves))])
    assert bool(told) is bool(several), "\n".join([*steps, str((told, several))])
    nodes.assert_at_rest(pairs)


def _add_by_sql(rows, more):
    with connections[rows.db].cursor() as cursor:
        name = rows.values_list("name", flat=True).get()
        cursor.execute("UPDATE testapp_account SET cash = cash + %s WHERE name = %s", [more, name])


def _add_by_save(rows, more):
    made = rows.get()
    made.cash += more
    made.save()


ADDING = (lambda rows, more: rows.update(cash=F("cash") + more), _add_by_sql, _add_by_save)


def _cut_off(nodes, pair, calls):
    """Let a run end as by a kill when a receiver is called for so many a time, if it is; return the conflicts told."""
    left = itertools.count(calls, -1)

    def kill(**_):
        if next(left) == 1:
            raise KeyboardInterrupt

    before = Conflict.objects.using(pair[1]).count()
    with receiving("post_save", Entry, kill), receiving("post_save", Account, kill):
        try:
            nodes.run(*pair)
        except KeyboardInterrupt:
            connections[pair[1]].close()
    return Conflict.objects.using(pair[1]).count() - before  # what was told is on record, if it was committed


def _conflicts(remarks):
    return sum(each.kind in {Told.LOCAL_WON, Told.REMOTE_WON, Told.MERGED} for each in remarks)


@pytest.mark.parametrize("topology", ["pair", "star", "mesh", "ring"])
def test_nothing_is_lost_in_silence(nodes, settings, topology):
    settings.SYNCHRO_MERGE = "fields"
    settings.SYNCHRO_OPTIONS = {"testapp.Account": {"counters": ("cash",)}}
    settings.SYNCHRO_BATCH_SIZE = 2
    for seed in seeds():
        play(nodes, TOPOLOGIES[topology], seed)
