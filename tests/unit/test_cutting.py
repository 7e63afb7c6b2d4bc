"""Where cycles are cut for a database that checks foreign keys at once: only where a reference may be NULL. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pytest

from synchro_triggers.replay.plan.order import in_order
from tests.unit.test_ordering import at, keys, thing


def ordered(
    names: str, points: Mapping[str, str], soft: Sequence[str], hard: Sequence[str] = ()
) -> tuple[list[str], set[str]]:
    """Order things that are named by a letter each.

    References are named by two letters: ``soft`` are those that may be NULL, ``hard`` those that are primary keys.
    """

    def reluctance(task: Any, target: Any) -> int:
        reference = task.key + target[1]
        return 0 if reference in soft else 2 if reference in hard else 1

    found, cut = in_order(
        [thing(name) for name in names],
        [],
        lambda task: [at(key) for key in points.get(task.key, "")],
        lambda task: [],
        reluctance,
    )
    assert sorted(keys(found)) == sorted(names)
    return keys(found), {here[1] + there[1] for here, there in cut}


@pytest.mark.parametrize("names", ["ab", "ba"])
def test_cycle_of_two_is_cut_at_the_reference_that_may_be_null_wherever_it_begins(names):
    assert ordered(names, {"a": "b", "b": "a"}, ["ba"]) == (["b", "a"], {"ba"})


@pytest.mark.parametrize("names", ["abc", "bca", "cab", "cba"])
def test_longer_cycle_too(names):
    assert ordered(names, {"a": "b", "b": "c", "c": "a"}, ["bc"]) == (["b", "a", "c"], {"bc"})


def test_reference_that_may_be_null_and_is_in_no_cycle_is_not_cut():
    assert ordered("abc", {"a": "b", "b": "c"}, ["ab", "bc"]) == (["c", "b", "a"], set())


def test_two_cycles_through_one_object_are_both_cut():
    found, cut = ordered("abc", {"a": "bc", "b": "a", "c": "a"}, ["ba", "ca"])

    assert cut == {"ba", "ca"}
    assert found == ["b", "c", "a"]


def test_what_leads_into_a_cycle_is_left_alone():
    found, cut = ordered("xab", {"x": "a", "a": "b", "b": "a"}, ["xa", "ab"])

    assert cut == {"ab"}
    assert found == ["a", "x", "b"]


def test_cycle_without_such_a_reference_is_cut_where_it_closes():
    assert ordered("ab", {"a": "b", "b": "a"}, []) == (["b", "a"], {"ba"})


@pytest.mark.parametrize("names", ["abc", "bca", "cab", "cba"])
def test_cycle_is_not_cut_at_a_primary_key(names):
    assert ordered(names, {"a": "b", "b": "c", "c": "a"}, [], ["ab", "ca"]) == (["b", "a", "c"], {"bc"})
    assert ordered(names, {"a": "b", "b": "c", "c": "a"}, ["ca"], ["ab"]) == (["c", "b", "a"], {"ca"})


def test_what_points_to_itself_and_to_nothing_else_is_no_cycle_to_be_looked_for():
    assert ordered("a", {"a": "a"}, ["aa"]) == (["a"], {"aa"})


def test_target_elsewhere_does_not_matter():
    assert ordered("ab", {"a": "zb", "b": "a"}, ["ab"]) == (["a", "b"], {"ab"})


def test_long_ring_needs_no_deep_stack():
    names = [chr(0x4E00 + number) for number in range(5_000)]
    points = dict(zip(names, [*names[1:], names[0]], strict=True))

    found, cut = ordered("".join(names), points, [names[-1] + names[0]])

    assert cut == {names[-1] + names[0]}
    assert found == names[::-1]
