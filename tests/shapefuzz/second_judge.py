"""``compare()`` as a second judge: it says that both sides are equal exactly when the oracle's own reading does."""

from __future__ import annotations

from collections.abc import Iterator

from synchro_triggers import ComparisonReport, SynchroError, compare
from synchro_triggers.replay.compare.report import State
from tests.shapefuzz.content import Content, Name
from tests.shapefuzz.oracle import Oracle, Sides


def judge_comparison(oracle: Oracle, sides: Sides) -> Iterator[str]:
    """Yield what is wrong with what a comparison says.

    What was written past LOCAL's log may be known by nothing: then only equality that is none is wrong.

    Args:
        sides: what both databases hold.
    """
    try:
        report = compare()
    except SynchroError as error:
        if not oracle.world.refusal:
            yield f"a comparison is refused for no reason: {error}"
        return
    unequal = sorted(_differing(sides.local, sides.remote))
    if report.equal and unequal:
        yield f"compare() says that both sides are equal; {_shown(sides, unequal[0])}"
    # By its mark an object is the same under its new key; for the package it is another one, until that is replayed.
    waits = oracle.waits_under_a_new_key(sides.local) and {each.state for each in report.differences} == {State.PENDING}
    if not report.equal and not unequal and not oracle.unlogged and not waits:
        yield f"compare() says that both sides differ, and they are equal: {_first(report)}"


def _differing(local: Content, remote: Content) -> Iterator[Name]:
    for name in local.rows.keys() | remote.rows.keys():
        here, there = ([row.values for row in each.rows.get(name, ())] for each in (local, remote))
        if len(here) != len(there) or any(here.count(values) != there.count(values) for values in here):
            yield name


def _shown(sides: Sides, name: Name) -> str:
    return f"{name[0]} {name[1]} is {sides.local.one(name)} on LOCAL, and {sides.remote.one(name)} on the remote"


def _first(report: ComparisonReport) -> str:
    return str(report.differences[0]) if report.differences else "it does not say in what"
