"""Leaves out most of a product of parameters and vendor pairs, by a rule; ``--whole`` runs all of it.

``@pytest.mark.thinned("batch_size")`` says that a test need not run with each batch size on each vendor pair. Each
combination of its other parameters, each batch size and each vendor pair has its turn; which ones belong together
differs from test to test. What is left out is marked ``whole``. Parameters that are given together are named together:
``thinned("page_rows,batch_size")``.

``thinned("*")`` says so of all parameters of a test.

With ``kind="long chain"`` all tests of a module that say so are thinned as if they were one test with one more
parameter: each of them runs once, and each vendor pair sees one of them.

A test without the mark that has parameters runs each combination of them on one vendor pair, in turn, and each pair
with some combination. One that opens a project of its own on a vendor has that vendor as its parameter ``local``.

A test that has no parameters, and the mark ``all_pairs``, runs on two of the four pairs that have triggers on both
sides: on those of one vendor or on those of two, so that each vendor is once LOCAL's and once the remote's.

A test of three nodes runs as if it were ``thinned("*")``, its trio of vendors being the pair; one without parameters
runs on the mixed trio, in which each vendor is LOCAL's and the remote's, and the others are left out.
"""

from __future__ import annotations

import hashlib
import re
from collections import Counter, defaultdict
from collections.abc import Collection, Sequence

import pytest

from tests.databases import CAPTURING_PAIRS, DEFAULT_PAIRS, PAIRS, RECEIVING_PAIRS

Cell = tuple[str, ...]


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    products: dict[str, list[tuple[Cell, pytest.Item]]] = defaultdict(list)
    others: dict[str, list[tuple[Cell, pytest.Item]]] = defaultdict(list)
    alone: dict[str, list[tuple[Cell, pytest.Item]]] = defaultdict(list)
    for item in items:
        mark = item.get_closest_marker("thinned")
        # What must run on the other pairs does not become less by those on a remote that only receives.
        receiving = " receiving" if pair_of(item) in RECEIVING_PAIRS else ""
        if mark is not None:
            where, cell = place_of(item, mark.args, mark.kwargs.get("kind", ""))
            products[where + receiving].append((cell, item))
        elif trio := _params_of(item).get("nodes"):
            if len(_params_of(item)) == 1:
                alone[item.nodeid.partition("[")[0]].append(((str(trio),), item))
            else:
                where, cell = place_of(item, ("*",), "")
                products[where].append((cell, item))
        elif cell := combination_and_pair(item):
            others[item.nodeid.partition("[")[0] + receiving].append((cell, item))
        elif pair_of(item):
            alone[item.nodeid.partition("[")[0] + receiving].append(((pair_of(item),), item))
    for groups, choose in ((products, covering), (others, spread), (alone, opposite)):
        for where, members in groups.items():
            shift = int.from_bytes(hashlib.sha256(where.encode()).digest()[:8])
            kept = choose([cell for cell, _ in members], shift)
            for cell, item in members:
                if cell not in kept:
                    item.add_marker(pytest.mark.whole)
    _thin_combinations(products)


def _thin_combinations(products: dict[str, list[tuple[Cell, pytest.Item]]]) -> None:
    """Mark what is left of each test's products, so far as each of its parameters' values still has its turn."""
    tests: dict[str, list[tuple[Cell, pytest.Item]]] = defaultdict(list)
    for where, members in products.items():
        for cell, item in members:
            if not item.get_closest_marker("whole"):
                receiving = pair_of(item) in RECEIVING_PAIRS
                tests[f"{item.nodeid.partition('[')[0]} {len(cell)} {receiving}"].append(((where, *cell), item))
    for members in tests.values():
        kept = balanced([cell for cell, _ in members])
        for cell, item in members:
            if cell not in kept:
                item.add_marker(pytest.mark.whole)


def pair_of(item: pytest.Item) -> str:
    """Return the name of the vendor pair that an item runs on, or ``''``."""
    return str(_params_of(item).get("vendor", ""))


def vendor_of_project(item: pytest.Item) -> str:
    """Return the vendor on which an item opens a project of its own, or ``''``."""
    params = _params_of(item)
    local = str(params.get("local", ""))
    return local if "vendor" not in params and local in PAIRS else ""


def combination_and_pair(item: pytest.Item) -> Cell:
    """Return an item's parameters as one, and its vendor pair; nothing for a test that has no others."""
    params = _params_of(item)
    where = "vendor" if "vendor" in params else "local"
    if where not in params or len(params) == 1:
        return ()
    others = sorted((name, _spelt(value)) for name, value in params.items() if name != where)
    return repr(others), _spelt(params[where])


def place_of(item: pytest.Item, names: tuple[str, ...], kind: str) -> tuple[str, Cell]:
    """Return the product that an item belongs to, and its place in it: the same in each process and in any order."""
    values = {name: _spelt(value) for name, value in _params_of(item).items()}
    where = next(name for name in ("vendor", "nodes", "local") if name in values)
    # A mark of a whole module names what some of its tests do not have.
    axes = [given.split(",") for given in names if set(given.split(",")) <= values.keys()]
    if names == ("*",):
        axes = _axes_of(item, values.keys() - {where})
    cell = tuple(" ".join(values.pop(name) for name in axis) for axis in (*axes, [where]))
    test = item.nodeid.partition("[")[0]
    if kind:
        return f"{test.partition('::')[0]} {kind}", (test, *cell)
    return f"{test} {sorted(values.items())}", cell


def _axes_of(item: pytest.Item, names: Collection[str]) -> list[list[str]]:
    """Return the names of parameters; those that are given together are together."""
    together = [_names_in(mark.args[0]) for mark in item.iter_markers("parametrize")]
    axes = [sorted(set(each) & set(names)) for each in together]
    axes += [[name] for name in names if not any(name in each for each in together)]
    return sorted(axis for axis in axes if axis)


def _names_in(given: str | Sequence[str]) -> list[str]:
    return [name.strip() for name in given.split(",")] if isinstance(given, str) else list(given)


def _params_of(item: pytest.Item) -> dict[str, object]:
    """Return the parameters of an item by name; none for a test that has none."""
    params: dict[str, object] = getattr(getattr(item, "callspec", None), "params", {})
    return params


def _spelt(value: object) -> str:
    return getattr(value, "__qualname__", None) or re.sub(r" at 0x[0-9a-f]+", "", repr(value))


def spread(cells: list[Cell], shift: int) -> set[Cell]:
    """Return cells so that each combination has one pair, and each pair some combination.

    Args:
        cells: combination and pair; not every combination need be there with every pair.
        shift: turns them against each other, so that the first combination is not always the first pair's.
    """
    pairs_of: dict[str, list[str]] = defaultdict(list)
    combinations_of: dict[str, list[str]] = defaultdict(list)
    for combination, pair in sorted(set(cells)):
        pairs_of[combination].append(pair)
        combinations_of[pair].append(combination)
    kept = {
        (combination, pairs[(number + shift) % len(pairs)])
        for number, (combination, pairs) in enumerate(pairs_of.items())
    }
    seen = {pair for _, pair in kept}
    return kept | {(some[shift % len(some)], pair) for pair, some in combinations_of.items() if pair not in seen}


def opposite(cells: list[Cell], shift: int) -> set[Cell]:
    """Return two of the four pairs that have triggers on both sides: each vendor on each side. Fewer pairs stay.

    Of the trios: the mixed one, where both directions between the vendors are run.

    Args:
        cells: pairs, and nothing else.
        shift: decides between the pairs of one vendor and those of two.
    """
    pairs = {pair for (pair,) in cells}
    if pairs == {*DEFAULT_PAIRS, "mixed"}:
        return {("mixed",)}
    if pairs != set(CAPTURING_PAIRS):
        return set(cells)
    of_one = set(DEFAULT_PAIRS)
    return {(pair,) for pair in (of_one if shift % 2 else pairs - of_one)}


def balanced(cells: list[Cell]) -> set[Cell]:
    """Return few cells that hold each value of each axis, and each of the first one once if that can be.

    Args:
        cells: a value on each axis; which values come together is given.
    """
    kept: set[Cell] = set()
    used: Counter[tuple[int, str]] = Counter()
    of_first: dict[str, list[Cell]] = defaultdict(list)
    for cell in sorted(set(cells)):
        of_first[cell[0]].append(cell)
    for some in of_first.values():
        # Values come with it that have had the fewest turns.
        cell = min(some, key=lambda cell: sorted((used[at] for at in enumerate(cell[1:])), reverse=True))
        used.update(enumerate(cell[1:]))
        kept.add(cell)
    for cell in sorted(set(cells)):
        if any(not used[at] for at in enumerate(cell[1:])):
            used.update(enumerate(cell[1:]))
            kept.add(cell)
    return kept


def covering(cells: list[Cell], shift: int) -> set[Cell]:
    """Return as few cells of a product as hold each value of each of its axes.

    Args:
        cells: the whole product: a value on each axis.
        shift: turns the axes against each other, so that many products keep different cells.
    """
    axes = [sorted(set(axis)) for axis in zip(*cells, strict=True)]
    turns = []
    for axis in axes:
        shift, turn = divmod(shift, len(axis))
        turns.append(turn)
    return {
        tuple(axis[(step + turn) % len(axis)] for axis, turn in zip(axes, turns, strict=True))
        for step in range(max(map(len, axes)))
    }
