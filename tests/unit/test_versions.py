"""Versions and knowledge: all short histories of three nodes end equal, and lose nothing. Needs no database.

A history is a few steps: somebody writes or deletes an object at a node, or one node synchronises to another, as a
whole, or cut off after the first object, or with a second object that is kept as a failure. Clocks are far apart. Then
all pairs synchronise until nothing changes. What is decided is decided by the package's functions. Played so are
objects that all have at first, one that nobody has and that a natural key tells (two nodes may make it), two fields of
one object that are merged, and values that a rule merges.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass, field, replace
from typing import Any

import pytest

from synchro_triggers.replay.log import versions
from synchro_triggers.replay.log.field_versions import compare_fields, order_of
from synchro_triggers.replay.log.versions import Standing, Version, compare, had, handed_on, is_newer, knows

NODES = "abc"
CLOCKS = {"a": 0, "b": 100_000, "c": -100_000}
MESH = [(a, b) for a in NODES for b in NODES if a != b]
STAR = [pair for pair in MESH if "a" in pair]
ALL = 2**63


@dataclass
class Row:
    """An object at a node: its version, or the clock's time of an own change without one; and what was seen there."""

    version: Version | None
    received: Version | None = None
    alive: bool = True
    dirty: int | None = None
    seen: frozenset[int] = frozenset([0])
    written: int = 0


@dataclass
class Node:
    name: str
    known: dict[str, int]
    window: int = 0
    rows: list[Row] = field(default_factory=list)
    kept: set[tuple[str, int]] = field(default_factory=set)

    def write(self, write: int, number: int, *, alive: bool) -> bool:
        row = self.rows[number]
        if not (row.alive or alive):
            return False
        row.dirty, row.alive = write * 1000 + CLOCKS[self.name], alive
        row.seen, row.written = row.seen | {write}, write
        return True

    def close_window(self) -> None:
        changed = [row for row in self.rows if row.dirty is not None]
        self.window += bool(changed)
        for row in changed:
            assert row.dirty is not None
            row.version = Version(self.name, self.window, versions.time_after(row.dirty, row.version))
            row.dirty = None

    def knowledge_of(self, number: int) -> dict[str, int]:
        """What has come and is kept as a failure, the node does not know."""
        fails = any(kept == number for _, kept in self.kept)
        return {**({} if fails else self.known), self.name: ALL}


false_conflicts: list[tuple[Row, Row]] = []
"""Changes in sequence that were called a conflict."""


def begin(*, made: bool = True) -> dict[str, Node]:
    """Return the nodes; all have the two objects, or nobody has them."""
    row = Row(Version("a", 1, 0)) if made else Row(None, alive=False)
    nodes = {name: Node(name, {"a": 1}, rows=[replace(row), replace(row)]) for name in NODES}
    nodes["a"].window = 1
    return nodes


def has_seen(node: Node, number: int, version: Version | None) -> bool:
    """Tell whether a node has seen a version of an object: by what it knows, or by what the object's reference says."""
    if version is None or knows(node.knowledge_of(number), version):
        return True
    return had(node.rows[number].received, version)


def take(row: Row) -> Row:
    return replace(row, received=row.version)


def bring(local: Node, remote: Node, number: int) -> None:
    """Bring one object, as ``RemoteChanges`` and whoever writes would."""
    here, there = local.rows[number], remote.rows[number]
    standing = compare(
        here.version,
        there.version,
        local_knows=has_seen(local, number, there.version),
        remote_knows=has_seen(remote, number, here.version),
    )
    if standing is Standing.CONCURRENT and (here.written in there.seen or there.written in here.seen):
        false_conflicts.append((here, there))
    wins = standing is Standing.NEWER
    if standing is Standing.CONCURRENT:
        wins = is_newer(order_of(here.version), order_of(there.version))
    if wins:
        remote.rows[number] = take(here)
    remote.kept.discard((local.name, number))


def bring_fields(local: Node, remote: Node) -> None:
    """Bring one object of two fields, as ``ByField`` would: each row is a field."""
    here, there = ({str(number): row for number, row in enumerate(node.rows)} for node in (local, remote))
    apart = compare_fields(
        {name: row.version for name, row in here.items()},
        {name: row.version for name, row in there.items()},
        users=(),
        local_knows=lambda name: has_seen(local, int(name), there[name].version),
        remote_knows=lambda name: has_seen(remote, int(name), here[name].version),
    )
    assert apart.mine | apart.theirs | apart.both == set(here)
    false_conflicts.extend(
        (here[name], there[name])
        for name in apart.both
        if here[name].written in there[name].seen or there[name].written in here[name].seen
    )
    for name in apart.mine | apart.newest:
        remote.rows[int(name)] = take(here[name])


def bring_merged(local: Node, remote: Node) -> None:
    """Bring one object whose values a rule merges: all that was written into it, as ``Settling`` would.

    What is merged is a new version of the remote's users, unless it is what one side has already.
    """
    here, there = local.rows[0], remote.rows[0]
    standing = compare(
        here.version,
        there.version,
        local_knows=has_seen(local, 0, there.version),
        remote_knows=has_seen(remote, 0, here.version),
    )
    if standing is not Standing.CONCURRENT:
        if standing is Standing.NEWER:
            remote.rows[0] = take(here)
        return
    both = here.seen | there.seen
    if here.seen == both:
        remote.rows[0] = take(here)
    elif there.seen != both:
        remote.window += 1
        newest = max(here.version, there.version, key=order_of)
        version = Version(remote.name, remote.window, versions.time_after(CLOCKS[remote.name], newest))
        remote.rows[0] = Row(version, seen=both, written=max(both))


def synchronize(local: Node, remote: Node, how: str = "") -> None:
    local.close_window()
    remote.close_window()
    known = dict(local.known)
    if how in _BRINGING:
        _BRINGING[how](local, remote)
    else:
        bring(local, remote, 0)
        if how == "cut off":
            return
        if how == "fails" and local.rows[1].version != remote.rows[1].version:
            remote.kept.add((local.name, 1))
        else:
            bring(local, remote, 1)
    remote.known[local.name] = local.window
    if not local.kept:
        remote.known.update(handed_on(known, remote.known, {local.name, remote.name}))


_BRINGING = {"by field": bring_fields, "merged": bring_merged}


def fault_of(
    history: tuple[tuple[Any, ...], ...],
    pairs: list[tuple[str, str]],
    *,
    made: bool = True,
    how: str = "",
    names: str = NODES,
) -> str | None:
    """Return what is wrong at the end of a history; ``None``: nothing; ``""``: it is no history.

    Args:
        made: all have the objects at first.
        how: how runs bring them that let the nodes come to rest.
        names: of the nodes that must end equal.
    """
    nodes, writes = begin(made=made), {}
    for write, (what, *where) in enumerate(history, 1):
        if what in {"write", "delete"}:
            name, number = where
            if not nodes[name].write(write, number, alive=what == "write"):
                return ""
            writes[write] = (number, nodes[name].rows[number].seen)
        else:
            synchronize(nodes[where[0]], nodes[where[1]], what)
    for _ in range(6):
        before = [row.version for node in nodes.values() for row in node.rows]
        for local, remote in pairs:
            synchronize(nodes[local], nodes[remote], how)
        if before == [row.version for node in nodes.values() for row in node.rows]:
            break
    else:
        return "does not come to rest"
    for number in (0, 1):
        ends = {
            (nodes[name].rows[number].version, nodes[name].rows[number].alive, nodes[name].rows[number].written)
            for name in names
        }
        if len(ends) > 1:
            return "nodes differ"
        stands = nodes["a"].rows[number].written
        if any(of == number and write != stands and stands in seen for write, (of, seen) in writes.items()):
            return "a write stands that a later one had seen"
    if how == "merged" and nodes["a"].rows[0].seen != {0, *writes}:
        return "a write is not in what was merged"
    return None


def faults(pairs: list[tuple[str, str]], steps: list[tuple[Any, ...]], depth: int, **how: Any) -> list[tuple[str, Any]]:
    found = []
    for length in range(1, depth + 1):
        for history in itertools.product(steps, repeat=length):
            if history[-1][0] in {"write", "delete"} and (fault := fault_of(history, pairs, **how)):
                found.append((fault, history))
                if len(found) > 2:
                    return found
    return found


def steps(
    pairs: list[tuple[str, str]],
    numbers: tuple[int, ...],
    ways: tuple[str, ...],
    whats: tuple[str, ...] = ("write", "delete"),
) -> list[tuple[Any, ...]]:
    changes = [(what, name, number) for what in whats for name in NODES for number in numbers]
    return [*changes, *((way, *pair) for way in ways for pair in pairs)]


@pytest.mark.parametrize("pairs", [MESH, STAR], ids=["mesh", "star"])
def test_all_histories_of_one_object_end_equal_and_lose_nothing(pairs):
    false_conflicts.clear()

    assert faults(pairs, steps(pairs, (0,), ("",)), 4) == []
    assert false_conflicts == []


@pytest.mark.parametrize("pairs", [MESH, STAR], ids=["mesh", "star"])
def test_all_histories_of_two_objects_with_runs_that_are_cut_off_or_keep_one_end_equal(pairs):
    assert faults(pairs, steps(pairs, (1,), ("", "fails")), 4) == []
    assert faults(pairs, steps(pairs, (0, 1), ("", "cut off", "fails")), 3) == []


@pytest.mark.parametrize("pairs", [MESH, STAR], ids=["mesh", "star"])
def test_all_histories_of_what_two_make_under_one_natural_key_end_equal(pairs):
    false_conflicts.clear()

    assert faults(pairs, steps(pairs, (0,), ("",)), 4, made=False) == []
    assert false_conflicts == []
    assert faults(pairs, steps(pairs, (0,), ("", "cut off")), 4 if pairs is STAR else 3, made=False) == []


@pytest.mark.parametrize("pairs", [MESH, STAR], ids=["mesh", "star"])
def test_all_histories_of_two_fields_end_equal_and_lose_nothing(pairs):
    false_conflicts.clear()

    assert faults(pairs, steps(pairs, (0, 1), ("by field",), ("write",)), 4, how="by field") == []
    assert false_conflicts == []


@pytest.mark.parametrize("pairs", [MESH, STAR], ids=["mesh", "star"])
def test_all_histories_of_values_that_a_rule_merges_end_equal_and_lose_nothing(pairs):
    assert faults(pairs, steps(pairs, (0,), ("merged",), ("write",)), 5, how="merged") == []


def test_one_run_that_was_cut_off_leads_to_no_false_conflict_for_references_say_what_came(monkeypatch):
    pairs = [("a", "b"), ("b", "a")]
    false_conflicts.clear()

    histories = [each for each in steps(pairs, (0,), ("", "cut off")) if "c" not in each]
    assert faults(pairs, histories, 5, names="ab") == []
    assert false_conflicts == []
    monkeypatch.setattr("tests.unit.test_versions.had", lambda received, version: False)
    faults(pairs, histories, 4, names="ab")
    assert false_conflicts


def test_merged_values_that_are_no_new_version_are_lost(monkeypatch):
    monkeypatch.setattr(versions, "time_after", lambda logged, replaced: 0)
    monkeypatch.setitem(_BRINGING, "merged", lambda local, remote: bring(local, remote, 0))

    assert faults(STAR, steps(STAR, (0,), ("merged",), ("write",)), 4, how="merged") != []


def test_without_the_hybrid_clock_writes_are_lost(monkeypatch):
    monkeypatch.setattr(versions, "time_after", lambda logged, replaced: logged)

    assert faults(MESH, steps(MESH, (0,), ("",)), 5) != []


def test_without_knowledge_changes_in_sequence_are_called_conflicts(monkeypatch):
    monkeypatch.setattr("tests.unit.test_versions.knows", lambda known, version: False)
    monkeypatch.setattr("tests.unit.test_versions.had", lambda received, version: False)
    false_conflicts.clear()

    assert faults(MESH, steps(MESH, (0,), ("",)), 3) == []
    assert false_conflicts


# One by one ---------------------------------------------------------------------------------------


V1, V2, OTHER = Version("a", 1, 10), Version("a", 2, 20), Version("b", 1, 15)


@pytest.mark.parametrize(
    ("local", "remote", "local_knows", "remote_knows", "standing"),
    [
        (V1, V1, True, True, Standing.SAME),
        (None, None, True, True, Standing.SAME),
        (V2, V1, False, True, Standing.NEWER),  # of one author the number tells
        (V1, V2, True, False, Standing.OLDER),
        (V1._replace(time=11), V1, False, True, Standing.NEWER),  # retried before its window was closed
        (V1, OTHER, True, False, Standing.NEWER),
        (V1, OTHER, False, True, Standing.OLDER),
        (V1, OTHER, False, False, Standing.CONCURRENT),
        (V1, OTHER, True, True, Standing.NEWER),  # LOCAL's has replaced the other one
        (V1, None, False, True, Standing.NEWER),
        (None, OTHER, False, False, Standing.OLDER),
    ],
)
def test_standing(local, remote, local_knows, remote_knows, standing):
    assert compare(local, remote, local_knows=local_knows, remote_knows=remote_knows) is standing


def test_time_is_later_than_what_is_replaced():
    assert versions.time_after(5, None) == 5
    assert versions.time_after(5, V1) == 11
    assert versions.time_after(50, V1) == 50
    assert versions.time_after(5, V1, 3) == 13 and versions.time_after(50, V1, 3) == 50


def test_newest_is_the_same_from_both_sides():
    assert is_newer((10, "b"), (10, "a")) and not is_newer((10, "a"), (10, "b"))


def test_handed_on_is_what_the_other_side_lacks():
    assert handed_on({"a": 3, "b": 2, "c": 5, "d": 1}, {"a": 9, "b": 1, "c": 5}, {"c"}) == {"b": 2, "d": 1}
