"""What ``make test`` leaves out of a product of parameters follows its rule."""

from __future__ import annotations

from itertools import product

import pytest

from tests.thinning import covering


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


def test_test_that_is_run_alone_is_not_left_out():
    assert covering([("b", "x")], 4711) == {("b", "x")}
