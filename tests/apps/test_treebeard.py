"""Trees of django-treebeard: paths, nested sets and positions that its managers rewrite for whole subtrees in bulk."""

from __future__ import annotations

import pytest

from tests.databases import both
from tests.shapes.sides import REMOTE, on_remote, synchronize_and_compare
from tests.usingapp.models import ListNode, PathNode, RangeNode

pytestmark = both

CAPTURED = (("usingapp", "PathNode", "RangeNode", "ListNode"),)
MODELS = [PathNode, RangeNode, ListNode]


def node(model, name: str):
    return model.objects.get(name=name)


def outline(model, alias: str) -> list[tuple[int, str]]:
    """Return depth and name of every node in the order of the tree, as treebeard reads it."""
    # Its managers ask ``default`` for the rest of the tree, so the tree is put together here.
    rows = list(model._base_manager.using(alias).all())
    if model is ListNode:
        return _below(rows, None, 1)
    order = {PathNode: lambda row: row.path, RangeNode: lambda row: (row.tree_id, row.lft)}[model]
    return [(row.depth, row.name) for row in sorted(rows, key=order)]


def _below(rows, parent, depth):
    children = sorted((row for row in rows if row.parent_id == parent), key=lambda row: row.sib_order)
    return [line for row in children for line in ((depth, row.name), *_below(rows, row.pk, depth + 1))]


@pytest.fixture(params=MODELS)
def model(request):
    """A model with the tree a(a1(a11), a2), b(b1), c on both sides."""
    model = request.param
    for name in "abc":
        model.objects.add_root({"name": name})
    for parent, name in (("a", "a1"), ("a1", "a11"), ("a", "a2"), ("b", "b1")):
        model.objects.add_child(node(model, parent), {"name": name})
    synchronize_and_compare(model)
    assert outline(model, REMOTE) == [(1, "a"), (2, "a1"), (3, "a11"), (2, "a2"), (1, "b"), (2, "b1"), (1, "c")]
    return model


def test_nodes_are_added_between_others(model):
    model.objects.add_sibling(node(model, "a1"), "left", {"name": "a0"})
    model.objects.add_sibling(node(model, "b"), "first-sibling", {"name": "first"})
    model.objects.add_child(node(model, "c"), {"name": "c1"})
    synchronize_and_compare(model)

    assert outline(model, REMOTE)[:4] == [(1, "first"), (1, "a"), (2, "a0"), (2, "a1")]
    assert outline(model, REMOTE)[-1] == (2, "c1")


def test_subtrees_are_moved(model):
    model.objects.move(node(model, "a1"), node(model, "b"), "first-child")
    synchronize_and_compare(model)
    assert outline(model, REMOTE)[2:6] == [(1, "b"), (2, "a1"), (3, "a11"), (2, "b1")]

    model.objects.move(node(model, "c"), node(model, "a"), "left")
    model.objects.move(node(model, "b"), node(model, "a2"), "last-child")
    synchronize_and_compare(model)
    assert outline(model, REMOTE) == [(1, "c"), (1, "a"), (2, "a2"), (3, "b"), (4, "a1"), (5, "a11"), (4, "b1")]


def test_leaf_is_deleted(model):
    node(model, "a2").delete()
    synchronize_and_compare(model)

    assert "a2" not in [name for _, name in outline(model, REMOTE)]


def test_subtrees_are_deleted(model):
    node(model, "a").delete()
    synchronize_and_compare(model)
    assert outline(model, REMOTE) == [(1, "b"), (2, "b1"), (1, "c")]

    model.objects.filter(name__in=["b", "c"]).delete()
    model.objects.add_root({"name": "new"})
    synchronize_and_compare(model)
    assert outline(model, REMOTE) == [(1, "new")]


def test_delete_leaves_the_local_node_alone_that_has_the_remote_ones_key(model):
    """Treebeard's own ``delete()`` would look for it on ``default``."""
    witness = model(**{field.attname: getattr(node(model, "c"), field.attname) for field in model._meta.fields})
    node(model, "c").delete()
    synchronize_and_compare(model)
    witness.pk = on_remote(model, name="b").pk
    witness.save(force_insert=True)

    node(model, "b").delete()
    synchronize_and_compare(model)

    assert outline(model, REMOTE) == [(1, "a"), (2, "a1"), (3, "a11"), (2, "a2"), (1, "c")]
    assert node(model, "c").pk == witness.pk


def test_everything_at_once(model):
    model.objects.add_sibling(node(model, "b"), "left", {"name": "between"})
    model.objects.move(node(model, "b1"), node(model, "a11"), "last-child")
    node(model, "a2").delete()
    model.objects.filter(name="a11").update(name="renamed")
    model.objects.move(node(model, "a1"), node(model, "c"), "right")
    synchronize_and_compare(model)

    assert outline(model, REMOTE) == [
        (1, "a"), (1, "between"), (1, "b"), (1, "c"), (1, "a1"), (2, "renamed"), (3, "b1"),
    ]  # fmt: skip


def test_path_of_a_tree_is_repaired():
    """``fix_tree(fix_paths=True)`` writes every path anew."""
    for name in "abc":
        root = PathNode.objects.add_root({"name": name})
        PathNode.objects.add_child(root, {"name": name * 2})
    synchronize_and_compare(PathNode)

    node(PathNode, "a").delete()
    PathNode.objects.filter(name="bb").update(depth=9)
    PathNode.objects.fix_tree(fix_paths=True)
    synchronize_and_compare(PathNode)

    assert outline(PathNode, REMOTE) == [(1, "b"), (2, "bb"), (1, "c"), (2, "cc")]
    assert on_remote(PathNode, name="b").path == PathNode.objects.get(name="b").path == "0001"
