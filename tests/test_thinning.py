"""What ``make test`` leaves out of a product of parameters follows its rule."""

from __future__ import annotations

from itertools import product
from types import SimpleNamespace

import pytest

from tests.databases import CAPTURING_PAIRS, DEFAULT_PAIRS, PAIRS
from tests.nodes.nodes import TRIOS
from tests.thinning import balanced, covering, opposite, place_of, spread, vendor_of_project


@pytest.mark.parametrize("sizes", [(1, 1), (3, 1), (3, 2), (2, 2), (2, 4), (3, 4), (2, 3, 2)])
@pytest.mark.parametrize("shift", [0, 1, 2, 3, 4, 5, 4711, 2**32 - 1])
def test_each_value_of_each_parameter_has_its_turn(sizes, shift):
    cells = list(product(*(map(str, range(size)) for size in sizes)))

    kept = covering(cells, shift)

    assert kept <= set(cells) and len(kept) == max(sizes)
    for axis, size in enumerate(sizes):
        assert {cell[axis] for cell in kept} == set(map(str, range(size)))


def test_every_combination_has_its_turn_in_some_test():
    cells = list(product("abc", "xy"))

    assert set().union(*(covering(cells, shift) for shift in range(6))) == set(cells)


@pytest.mark.parametrize("combinations", [1, 2, 3, 8])
def test_combinations_of_what_is_not_named_have_one_turn_and_each_value_some(combinations):
    cells = [(f"c{one}", *cell) for one in range(combinations) for cell in covering(list(product("123", "xy")), one)]

    kept = balanced(cells)

    assert kept <= set(cells) and len(kept) <= max(combinations, 4)
    assert all({cell[axis] for cell in kept} == {cell[axis] for cell in cells} for axis in range(3))


def test_combination_that_comes_with_one_value_only_keeps_it():
    cells = [("a", "1", "x"), ("b", "2", "y"), ("b", "3", "x")]

    assert balanced(cells) == set(cells)


def test_test_that_is_run_alone_is_not_left_out():
    assert covering([("b", "x")], 4711) == {("b", "x")}


@pytest.mark.parametrize("shift", range(5))
@pytest.mark.parametrize(("combinations", "pairs"), [(1, 2), (2, 2), (3, 2), (7, 4), (2, 4)])
def test_each_combination_has_one_pair_and_each_pair_some_combination(combinations, pairs, shift):
    cells = [(f"c{number}", f"p{pair}") for number in range(combinations) for pair in range(pairs)]

    kept = spread(cells, shift)

    assert {combination for combination, _ in kept} == {combination for combination, _ in cells}
    assert {pair for _, pair in kept} == {pair for _, pair in cells}
    assert len(kept) == max(combinations, pairs)


def test_combination_that_only_one_pair_has_is_kept():
    kept = spread([("a", "sqlite"), ("b", "postgres"), ("c", "sqlite"), ("c", "postgres")], 0)

    assert {("a", "sqlite"), ("b", "postgres")} <= kept
    assert len(kept & {("c", "sqlite"), ("c", "postgres")}) == 1


@pytest.mark.parametrize("shift", range(4))
def test_each_vendor_is_on_each_side_of_two_of_the_four_pairs(shift):
    kept = [PAIRS[pair] for (pair,) in opposite([(pair,) for pair in CAPTURING_PAIRS], shift)]

    assert len(kept) == 2
    assert {pair.local for pair in kept} == {pair.remote for pair in kept} == {"sqlite", "postgres"}


def test_each_of_the_four_pairs_has_its_turn_in_some_test():
    cells = [(pair,) for pair in CAPTURING_PAIRS]

    assert set().union(*(opposite(cells, shift) for shift in range(2))) == set(cells)


@pytest.mark.parametrize("shift", range(4))
def test_mixed_trio_is_kept_for_a_test_without_parameters(shift):
    assert opposite([(trio,) for trio in TRIOS], shift) == {("mixed",)}


def test_trio_of_three_nodes_is_what_a_pair_is_elsewhere():
    item = SimpleNamespace(
        nodeid="tests/nodes/test_x.py::test_x[mixed-star-3]",
        callspec=SimpleNamespace(params={"nodes": "mixed", "pairs": "star", "number": 3}),
        iter_markers=lambda name: [],
    )

    assert place_of(item, ("*",), "") == ("tests/nodes/test_x.py::test_x []", ("3", "'star'", "'mixed'"))


@pytest.mark.parametrize("pairs", [DEFAULT_PAIRS, ("postgres",), ("sqlite", "postgres-to-sqlite"), tuple(PAIRS)])
def test_other_pairs_of_a_test_without_parameters_stay(pairs):
    cells = [(pair,) for pair in pairs]

    assert opposite(cells, 0) == opposite(cells, 1) == set(cells)


@pytest.mark.parametrize(
    ("params", "expected"),
    [
        ({"local": "sqlite", "size": 3}, "sqlite"),
        ({"local": "sqlite", "vendor": "postgres"}, ""),
        ({"local": "someone"}, ""),
        ({"size": 3}, ""),
        (None, ""),
    ],
    ids=["project", "on a pair", "no vendor", "no local", "no parameters"],
)
def test_vendor_of_a_project_of_its_own_is_its_parameter_local(params, expected):
    item = SimpleNamespace() if params is None else SimpleNamespace(callspec=SimpleNamespace(params=params))

    assert vendor_of_project(item) == expected


def test_all_parameters_are_axes_and_those_that_are_given_together_are_one():
    marks = [pytest.mark.parametrize(("size", "length"), [(1, 2)]), pytest.mark.parametrize("local", ["sqlite"])]
    params = {"length": 2, "heard": "bulk", "local": "sqlite", "size": 1}
    item = SimpleNamespace(
        callspec=SimpleNamespace(params=params), nodeid="test_a.py::test_a[x]", iter_markers=lambda name: iter(marks)
    )

    assert place_of(item, ("*",), "") == ("test_a.py::test_a []", ("'bulk'", "2 1", "'sqlite'"))
