"""Natural keys that one side has changed, and that another object has taken meanwhile."""

from __future__ import annotations

import pytest

from synchro_triggers.capture.install import install
from synchro_triggers.models import Conflict
from synchro_triggers.replay.report import Told
from tests.nodes.nodes import NAMES, STAR
from tests.nodes.test_conflicts import PAIR
from tests.replay.hearing import later
from tests.testapp.models import Item, Keyed, KeyedChild


@pytest.mark.parametrize("rename_first", [True, False])
@pytest.mark.parametrize("way", ["ab", "ba", "ac", "ca"])
def test_object_that_takes_the_natural_key_of_a_renamed_one_is_another_object(nodes, way, rename_first):
    """Neither is written over the other, and the child stays with its parent."""
    renames, makes = way
    pairs = STAR if "c" in way else PAIR
    parent = nodes.rows("a", Keyed).create(code="x", cash=1)
    nodes.rows("a", KeyedChild).create(name="child", parent=parent)
    nodes.rounds(pairs)
    later()
    steps = [
        lambda: nodes.rows(renames, Keyed).update(code="y"),
        lambda: nodes.rows(makes, Keyed).create(code="y", cash=7),
    ]
    for step in steps if rename_first else reversed(steps):
        step()
        later()

    told = nodes.rounds(pairs)

    assert [each for each in told if each.kind == Told.DOUBLE and "has the same natural key (code='y')" in each.reason]
    for name in {name for pair in pairs for name in pair}:
        assert sorted(nodes.rows(name, Keyed).values_list("code", "cash")) == [("y", 1), ("y", 7)]
        assert nodes.rows(name, KeyedChild).get().parent.cash == 1
    nodes.assert_at_rest(pairs)


def open_records(nodes):
    return [(name, each) for name in NAMES for each in Conflict.objects.using(name) if not each.taken]


def let_two_have_one_key(nodes, renames, makes, pairs):
    nodes.rows("a", Keyed).create(code="x", cash=1)
    nodes.rounds(pairs)
    later()
    nodes.rows(renames, Keyed).update(code="y")
    later()
    nodes.rows(makes, Keyed).create(code="y", cash=7)
    later()
    return nodes.rounds(pairs)


@pytest.mark.parametrize("way", ["ab", "ba", "ac", "ca"])
def test_both_are_on_record_once_and_renaming_one_closes_all_of_it(nodes, way):
    pairs = STAR if "c" in way else PAIR
    let_two_have_one_key(nodes, *way, pairs)

    records = open_records(nodes)
    assert records and len({name for name, _ in records}) == len(records)
    for _, each in records:
        assert (each.kind, each.rule) == ("unique", "natural key")
        assert {'"cash": 1' in each.local_values, '"cash": 1' in each.remote_values} == {True, False}
    nodes.rounds(pairs)
    assert len(open_records(nodes)) == len(records)
    name, record = records[0]
    other = next(there for here, there in pairs if here == name)
    done = nodes.command(
        name, other, "synchro_conflicts", "--here", "--rename", str(record.pk), "--field", "code", "--value", "z"
    )
    assert done.returncode == 0, done.stderr
    nodes.rounds(pairs)
    involved = sorted({name for pair in pairs for name in pair})
    assert {tuple(sorted(nodes.rows(each, Keyed).values_list("code", flat=True))) for each in involved} == {("y", "z")}
    assert open_records(nodes) == []
    nodes.assert_at_rest(pairs)


def test_natural_key_of_the_options_is_told_too(nodes, settings):
    settings.SYNCHRO_OPTIONS = {"testapp.Item": {"natural_key": ("name",)}}
    for name in NAMES:
        with nodes.turn_of(name):
            install("default")
    nodes.rows("a", Item).create(name="x", cash=1)
    nodes.rounds(PAIR)
    later()
    nodes.rows("a", Item).update(name="y")
    nodes.rows("b", Item).create(name="y", cash=7)

    told = nodes.rounds(PAIR)

    assert Told.DOUBLE in {each.kind for each in told}
    assert open_records(nodes)
    assert [sorted(nodes.rows(name, Item).values_list("name", "cash")) for name in "ab"] == [[("y", 1), ("y", 7)]] * 2


def test_command_says_so(nodes):
    nodes.rows("a", Keyed).create(code="x", cash=1)
    nodes.rounds(PAIR)
    nodes.rows("b", Keyed).create(code="y", cash=7)
    nodes.rows("a", Keyed).update(code="y")

    done = nodes.command("a", "b", "synchronize")

    assert done.returncode == 0, done.stderr
    assert "1 object with the natural key of another one on the remote: both stay, and are on record" in done.stdout
