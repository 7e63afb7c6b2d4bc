"""A parent and a child whose foreign key cascades: all short histories of three nodes end equal. Needs no database.

As in ``test_versions``, what is compared is compared by the package's functions. What becomes of a child that the
deleter of its parent has not seen is decided as ``plan.unseen`` decides it, where the newest wins: the parent comes
back, as a new version of the users of the node where the two meet, or the child goes, as one.
"""

from __future__ import annotations

import itertools
from dataclasses import replace

import pytest

from synchro_triggers.replay.log import versions
from synchro_triggers.replay.log.field_versions import order_of
from synchro_triggers.replay.log.versions import Version, handed_on, is_newer
from tests.unit.test_versions import CLOCKS, MESH, NODES, STAR, Node, Row, bring

PARENT, CHILD = 0, 1


def begin(*, with_child):
    nodes = {name: Node(name, {"a": 1}) for name in NODES}
    parent = Row(Version("a", 1, 0))
    child = replace(parent) if with_child else Row(None, alive=False)
    for node in nodes.values():
        node.rows = [replace(parent), replace(child)]
    nodes["a"].window = 1
    return nodes


def change(node, write, what):
    """Let a user write the child, or delete the parent with what he sees of it; tell whether he can."""
    parent, child = node.rows
    if not parent.alive:
        return False
    if what == "write":
        return node.write(write, CHILD, alive=True)
    if child.alive:
        node.write(write, CHILD, alive=False)
    return node.write(write, PARENT, alive=False)


def bring_family(local, remote):
    """Bring the child and the parent, and let no child stand without a parent: see ``plan.unseen``."""
    bring(local, remote, CHILD)
    bring(local, remote, PARENT)
    parent, child = remote.rows
    if parent.alive or not child.alive:
        return
    returns = is_newer(order_of(child.version), order_of(parent.version))
    changed, other = (parent, child) if returns else (child, parent)
    remote.window += 1
    newest = max(parent.version, child.version, key=order_of)
    version = Version(remote.name, remote.window, versions.time_after(CLOCKS[remote.name], newest))
    written = max(parent.written, child.written)
    seen = changed.seen | other.seen
    remote.rows[PARENT if returns else CHILD] = Row(version, alive=returns, seen=seen, written=written)


def synchronize(local, remote, how=""):
    local.close_window()
    remote.close_window()
    known = dict(local.known)
    bring_family(local, remote)
    if how == "cut off":
        return
    remote.known[local.name] = local.window
    remote.known.update(handed_on(known, remote.known, {local.name, remote.name}))


def state(nodes):
    return [(row.version, row.alive) for node in nodes.values() for row in node.rows]


def fault_of(history, pairs, *, with_child):
    nodes, writes = begin(with_child=with_child), {}
    for write, (what, *where) in enumerate(history, 1):
        if what in ("write", "delete"):
            if not change(nodes[where[0]], write, what):
                return ""
            node = nodes[where[0]]
            writes[write] = (
                what,
                (max(write * 1000 + CLOCKS[node.name], 1), node.name),
                *(row.seen for row in node.rows),
            )
        else:
            synchronize(nodes[where[0]], nodes[where[1]], what)
    for _ in range(8):
        before = state(nodes)
        for local, remote in pairs:
            synchronize(nodes[local], nodes[remote])
        if before == state(nodes):
            break
    else:
        return "does not come to rest"
    ends = {tuple((row.version, row.alive, row.written) for row in node.rows) for node in nodes.values()}
    if len(ends) > 1:
        return "nodes differ"
    parent, child = nodes["a"].rows
    if child.alive and not parent.alive:
        return "a child stands without its parent"
    if not any(what == "delete" for what, *_ in writes.values()) and not parent.alive:
        return "nobody has deleted it"
    if [what for what, *_ in writes.values()] in (["write", "delete"], ["delete", "write"]):
        (at, seen) = next((at, seen) for what, at, _, seen in writes.values() if what == "write")
        number, deleted = next((number, each) for number, each in writes.items() if each[0] == "delete")
        is_unseen = seen.isdisjoint([number]) and not deleted[3] & (writes.keys() - {number})
        if is_unseen and child.alive is not (at > deleted[1]):
            return "the older one stands"
    return None


def faults(pairs, depth, ways=("",), **how):
    steps = [(what, name) for what in ("write", "delete") for name in NODES]
    steps += [(way, *pair) for way in ways for pair in pairs]
    found = []
    for length in range(1, depth + 1):
        for history in itertools.product(steps, repeat=length):
            if history[-1][0] in ("write", "delete") and (fault := fault_of(history, pairs, **how)):
                found.append((fault, history))
                if len(found) > 2:
                    return found
    return found


@pytest.mark.parametrize("with_child", [True, False], ids=["all have it", "it is made"])
@pytest.mark.parametrize("pairs", [MESH, STAR], ids=["mesh", "star"])
def test_all_histories_of_a_parent_and_a_child_end_equal(pairs, with_child):
    assert faults(pairs, 4, with_child=with_child) == []
    assert faults(pairs, 3, ("", "cut off"), with_child=with_child) == []


def test_child_that_nobody_judges_stands_without_its_parent(monkeypatch):
    def bring_both(local, remote):
        bring(local, remote, CHILD)
        bring(local, remote, PARENT)

    monkeypatch.setattr(f"{__name__}.bring_family", bring_both)

    assert "a child stands without its parent" in [fault for fault, _ in faults(STAR, 3, with_child=False)]


@pytest.mark.parametrize("newest", [True, False])
def test_who_asks_another_rule_than_the_newest_is_noticed(monkeypatch, newest):
    monkeypatch.setattr(f"{__name__}.is_newer", is_newer if newest else lambda child, parent: child < parent)

    assert bool(faults(STAR, 4, with_child=False)) is not newest
