"""The order of a batch: targets first, what hangs on a deleted object before it, links last. Needs no database."""

from __future__ import annotations

import datetime
from collections.abc import Mapping, Sequence
from types import SimpleNamespace
from typing import Any

import pytest

from synchro_triggers.replay.log.changes import Change
from synchro_triggers.replay.plan.order import in_order
from synchro_triggers.replay.schema.relations import models_in_order
from synchro_triggers.replay.schema.shape import shape_of
from synchro_triggers.replay.tasks import LinkTask, ObjectTask
from tests.testapp.models import Account, Egg, Entry, Hen, Item, Keyed, KeyedChild, Node

NOON = datetime.datetime(2024, 5, 5, 12, tzinfo=datetime.UTC)


def change(position: int) -> Change:
    return Change("shop.Thing", str(position), position, position, created=False, logged_at=NOON)


def thing(key: str, *, gone: bool = False, root: Any = Item, keep_parents: bool = False) -> ObjectTask:
    shape: Any = SimpleNamespace(root=root, model=root)
    instance: Any = None if gone else object()
    return ObjectTask(shape, key, change(1), instance, keep_parents)


def link(owner: str, *targets: str, removed: Sequence[str] = ()) -> LinkTask:
    shape: Any = SimpleNamespace(source_model=Item, target_model=Account)
    ends = {**{key: (True, change(1)) for key in targets}, **{key: (False, change(1)) for key in removed}}
    return LinkTask(shape, owner, ends)


def at(key: str, root: Any = Item) -> tuple[Any, Any]:
    return root, key


def ordered(
    tasks: Sequence[Any],
    points: Mapping[str, Sequence[str]] | None = None,
    *,
    brought: Sequence[Any] = (),
    hang: Mapping[str, Sequence[str]] | None = None,
) -> tuple[list[Any], set[Any]]:
    """Order; ``points`` and ``hang`` name keys of the same model."""
    found, cut = in_order(
        tasks,
        brought,
        lambda task: [at(key) for key in (points or {}).get(task.key, ())],
        lambda task: [at(key) for key in (hang or {}).get(task.key, ())],
    )
    assert len({id(task) for task in found}) == len(found), "a task came twice"
    assert {id(task) for task in (*tasks, *brought)} == {id(task) for task in found}, "a task was lost"
    return found, cut


def keys(tasks: Sequence[Any]) -> list[str]:
    return [task.owner if isinstance(task, LinkTask) else task.key for task in tasks]


def test_what_points_to_nothing_stays_in_the_order_of_the_log():
    found, cut = ordered([thing("b"), thing("a"), thing("c")])

    assert keys(found) == ["b", "a", "c"] and cut == set()


def test_nothing_is_ordered_as_nothing():
    assert ordered([]) == ([], set())


def test_target_comes_before_what_points_to_it():
    found, cut = ordered([thing("child"), thing("other"), thing("parent")], {"child": ["parent"]})

    assert keys(found) == ["parent", "child", "other"] and cut == set()


def test_chain_comes_deepest_first():
    points = {"a": ["b"], "b": ["c"], "c": ["d"]}

    found, cut = ordered([thing("a"), thing("b"), thing("c"), thing("d")], points)

    assert keys(found) == ["d", "c", "b", "a"] and cut == set()


def test_several_targets_come_in_the_order_in_which_they_are_named():
    found, _ = ordered([thing("a"), thing("b"), thing("c")], {"a": ["c", "b"]})

    assert keys(found) == ["c", "b", "a"]


def test_target_of_two_objects_comes_once():
    found, cut = ordered([thing("a"), thing("b"), thing("t")], {"a": ["t"], "b": ["t"]})

    assert keys(found) == ["t", "a", "b"] and cut == set()


def test_target_reached_by_two_ways_is_no_cycle():
    points = {"top": ["left", "right"], "left": ["bottom"], "right": ["bottom"]}

    found, cut = ordered([thing("top"), thing("left"), thing("right"), thing("bottom")], points)

    assert keys(found) == ["bottom", "left", "right", "top"] and cut == set()


def test_target_that_is_not_in_the_batch_is_passed_over():
    found, cut = ordered([thing("a"), thing("b")], {"a": ["elsewhere", "b"]})

    assert keys(found) == ["b", "a"] and cut == set()


def test_target_under_the_same_key_of_another_model_is_another_one():
    one, other = thing("1"), thing("1", root=Account)
    found, _ = in_order([one, other], (), lambda task: [at("1", Account)] if task is one else [], lambda task: [])

    assert found == [other, one]


def test_chain_of_thousands_is_ordered():
    points = {str(number): [str(number + 1)] for number in range(5_000)}

    found, cut = ordered([thing(str(number)) for number in range(5_000)], points)

    assert keys(found) == [str(number) for number in reversed(range(5_000))] and cut == set()


@pytest.mark.parametrize(
    ("points", "expected", "cut"),
    [
        ({"a": ["a"]}, ["a"], {("a", "a")}),
        ({"a": ["b"], "b": ["a"]}, ["b", "a"], {("b", "a")}),
        ({"a": ["b"], "b": ["c"], "c": ["a"]}, ["c", "b", "a"], {("c", "a")}),
        ({"a": ["b", "c"], "b": ["a"], "c": ["a"]}, ["b", "c", "a"], {("b", "a"), ("c", "a")}),
    ],
    ids=["itself", "two", "three", "two cycles"],
)
def test_cycle_is_cut_where_it_closes(points, expected, cut):
    tasks = [thing(key) for key in sorted({*points, *(key for those in points.values() for key in those)})]

    found, found_cut = ordered(tasks, points)

    assert keys(found) == expected
    assert found_cut == {(at(here), at(there)) for here, there in cut}


def test_cycle_behind_a_finished_branch_is_seen():
    found, cut = ordered([thing("a"), thing("b"), thing("c")], {"a": ["b", "c"], "c": ["b", "a"]})

    assert keys(found) == ["b", "c", "a"] and cut == {(at("c"), at("a"))}


def test_brought_along_comes_before_what_needs_it_and_the_rest_at_the_end():
    found, cut = ordered(
        [thing("a"), thing("b")], {"b": ["needed"], "needed": ["deeper"]}, brought=[thing("deeper"), thing("needed")]
    )

    assert keys(found) == ["a", "deeper", "needed", "b"] and cut == set()


def test_brought_along_that_nobody_names_comes_last_with_its_targets():
    found, _ = ordered([thing("a")], {"late": ["later"]}, brought=[thing("late"), thing("later")])

    assert keys(found) == ["a", "later", "late"]


def test_what_hung_on_a_deleted_object_goes_first():
    gone = [thing(key, gone=True) for key in ("parent", "child", "grandchild")]

    found, cut = ordered(gone, hang={"parent": ["child"], "child": ["grandchild"]})

    assert keys(found) == ["grandchild", "child", "parent"] and cut == set()


def test_deleted_objects_that_hung_on_one_another_in_a_ring_come_and_no_key_is_cut():
    gone = [thing(key, gone=True) for key in ("a", "b")]

    found, cut = ordered(gone, hang={"a": ["b"], "b": ["a"]})

    assert sorted(keys(found)) == ["a", "b"] and cut == set()


def test_deleted_object_does_not_end_the_batch():
    found, _ = ordered([thing("gone", gone=True), thing("a"), thing("lost", gone=True)])

    assert keys(found) == ["gone", "a", "lost"]


def test_deleted_object_is_no_target_and_living_one_hangs_on_nobody():
    tasks = [thing("a"), thing("gone", gone=True), thing("b")]

    found, _ = ordered(tasks, {"a": ["gone", "b"]}, hang={"gone": ["b"], "a": ["gone"]})

    assert keys(found) == ["b", "a", "gone"]


def test_child_row_alone_that_goes_keeps_its_place():
    tasks = [thing("1", gone=True, keep_parents=True), thing("2", gone=True), thing("3", gone=True)]

    found, _ = ordered(tasks, hang={"1": ["3"], "2": ["3"]})

    assert keys(found) == ["1", "3", "2"]


def test_child_row_alone_does_not_stand_for_the_object_of_the_same_key():
    alone, whole = thing("1", gone=True, keep_parents=True), thing("1")

    found, _ = ordered([alone, whole])

    assert found == [alone, whole]


def test_link_comes_after_both_its_ends():
    owner, target = thing("owner"), thing("target", root=Account)
    linked = link("owner", "target")

    found, _ = ordered([linked, target, owner])

    assert found == [owner, target, linked]


def test_link_that_was_removed_waits_for_its_owner_only():
    owner, target = thing("owner"), thing("target", root=Account)
    linked = link("owner", removed=["target"])

    found, _ = ordered([linked, owner, target])

    assert found == [owner, linked, target]


def test_link_to_what_is_not_in_the_batch_keeps_its_place():
    linked = link("elsewhere", "nowhere")

    found, _ = ordered([thing("a"), linked, thing("b")])

    assert found[1] is linked


def test_ends_of_a_link_bring_their_targets_before_them():
    owner, deeper = thing("owner"), thing("deeper")
    linked = link("owner")

    found, _ = ordered([linked, owner, deeper], {"owner": ["deeper"]})

    assert found == [deeper, owner, linked]


def test_cycle_that_is_reached_by_a_link_is_cut_too():
    linked = link("a")

    found, cut = ordered([linked, thing("a"), thing("b")], {"a": ["b"], "b": ["a"]})

    assert keys(found) == ["b", "a", "a"] and found[-1] is linked
    assert cut == {(at("b"), at("a"))}


def test_cycle_of_what_is_brought_along_is_cut_too():
    found, cut = ordered([thing("x")], {"a": ["b"], "b": ["a"]}, brought=[thing("a"), thing("b")])

    assert keys(found) == ["x", "b", "a"] and cut == {(at("b"), at("a"))}


def test_cycle_that_does_not_lead_back_to_its_beginning_is_cut():
    found, cut = ordered([thing("start"), thing("a"), thing("b")], {"start": ["a"], "a": ["b"], "b": ["a"]})

    assert keys(found) == ["b", "a", "start"] and cut == {(at("b"), at("a"))}


def test_models_come_after_those_that_they_point_to():
    shapes = [shape_of(model) for model in (Entry, KeyedChild, Account, Keyed)]

    assert [shape.model for shape in models_in_order(shapes)] == [Account, Entry, Keyed, KeyedChild]


def test_models_that_do_not_point_to_one_another_keep_their_order():
    shapes = [shape_of(model) for model in (Keyed, Item, Account)]

    assert models_in_order(shapes) == shapes


def test_models_that_point_to_one_another_come_once_each():
    shapes = [shape_of(model) for model in (Hen, Egg, Node)]

    assert {shape.model for shape in models_in_order(shapes)} == {Hen, Egg, Node}
    assert len(models_in_order(shapes)) == 3
