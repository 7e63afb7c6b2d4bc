"""Two objects that want the same unique values: both stay, none is lost, and there is a way out."""

from __future__ import annotations

import pytest

from synchro_triggers.models import Conflict, Failure
from tests.nodes.nodes import MESH, NAMES, STAR
from tests.nodes.test_conflicts import PAIR
from tests.replay.hearing import later
from tests.testapp.models import Numbered

LABEL = "testapp.Numbered"
WAYS = {"ab": PAIR, "ba": PAIR, "ac": STAR, "ca": STAR, "mesh": MESH}


def next_number(clash):
    """The same on all nodes: it asks nothing but what clashes."""
    assert clash.kept["number"] == clash.renamed["number"] == 5 and clash.fields == ("number",)
    assert (clash.kept_at, clash.kept_author) < (clash.renamed_at, clash.renamed_author)
    return {"number": 100 + clash.renamed["number"]}


def raises(clash):
    raise ValueError("no idea")


def nothing(clash):
    return None


def no_field(clash):
    return {"colour": 7}


def the_same(clash):
    return {"number": clash.renamed["number"]}


def taken_too(clash):
    return {"number": 6}


def numbers(nodes):
    return nodes.all(Numbered, "name", "number")


def clash(nodes, first, second):
    """Let two nodes make an object each, one after the other, with the same number."""
    for name in (first, second):
        nodes.rows(name, Numbered).create(name=f"of {name}", number=5)
        later()


def records(nodes):
    return [each for name in NAMES for each in Conflict.objects.using(name) if each.kind == "unique"]


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("twice", [False, True])
def test_callable_gives_the_newer_object_another_value_everywhere(nodes, settings, way, twice):
    settings.SYNCHRO_OPTIONS = {LABEL: {"unique": f"{__name__}.next_number"}}
    first, second = ("a", "c") if way == "mesh" else way
    pairs = WAYS[way]
    nodes.rounds(pairs, 1)
    clash(nodes, first, second)

    nodes.rounds(pairs)
    if twice:
        nodes.rows(second, Numbered).filter(number=5).update(name="edited")
        later()
        nodes.rounds(pairs)

    kept = "edited" if twice else f"of {first}"
    involved = len({name for pair in pairs for name in pair})
    assert numbers(nodes)[:involved] == [sorted([(kept, 5), (f"of {second}", 105)])] * involved
    assert not any(Failure.objects.using(name).exists() for name in NAMES)
    assert records(nodes) and all(each.merged_values and each.rule.endswith("next_number") for each in records(nodes))
    nodes.assert_at_rest(pairs)


@pytest.mark.parametrize("way", ["ab", "ba"])
def test_without_a_callable_both_stay_and_it_is_on_record_once(nodes, way):
    nodes.rounds(PAIR, 1)
    clash(nodes, *way)

    for _ in range(3):
        report = nodes.run("a", "b")

    [failure] = report.failures
    assert "number=5" in str(failure.error)
    [record] = records(nodes)
    assert (record.kind, record.result, record.taken, record.merged_values) == ("unique", "remote", "", None)
    assert '"of a"' in record.local_values and '"of b"' in record.remote_values
    assert numbers(nodes)[:2] == [[("of a", 5)], [("of b", 5)]]
    done = nodes.command("a", "b", "synchro_conflicts", "--take", "local", str(record.pk))
    assert done.returncode == 3 and "two objects that want the same unique values" in done.stderr
    assert numbers(nodes)[:2] == [[("of a", 5)], [("of b", 5)]]


@pytest.mark.parametrize("kind", ["raises", "nothing", "no_field", "the_same", "taken_too"])
@pytest.mark.parametrize("way", ["ab", "ba"])
def test_callable_that_fails_keeps_the_object_and_is_named(nodes, settings, way, kind):
    settings.SYNCHRO_OPTIONS = {LABEL: {"unique": f"{__name__}.{kind}"}}
    nodes.rows("b", Numbered).create(name="six", number=6)
    nodes.rounds(PAIR, 1)
    clash(nodes, *way)

    report = nodes.run("a", "b")

    [failure] = report.failures
    assert failure.model == LABEL
    said = {"raises": "no idea", "nothing": "None", "no_field": "colour", "the_same": "as they are"}
    assert said.get(kind, "number=") in str(failure.error)
    assert kind == "taken_too" or "SYNCHRO_OPTIONS['testapp.Numbered']['unique']" in str(failure.error)
    assert numbers(nodes)[1] == [("of b", 5), ("six", 6)]
    assert len(records(nodes)) == 1


@pytest.mark.parametrize("value", [42, "nowhere.at_all", "no_path"])
def test_option_that_is_no_callable_is_refused(settings, value):
    from synchro_triggers.conf import get_settings
    from synchro_triggers.exceptions import SynchroConfigurationError

    settings.SYNCHRO_OPTIONS = {LABEL: {"unique": value}}

    with pytest.raises(SynchroConfigurationError, match=r"SYNCHRO_OPTIONS.*unique"):
        _ = get_settings().options


@pytest.mark.parametrize("change", ["update", "delete"])
def test_clash_that_pauses_is_tried_when_the_other_object_was_changed(nodes, change):
    nodes.rounds(PAIR, 1)
    clash(nodes, "a", "b")
    for _ in range(5):
        nodes.run("a", "b")
    assert nodes.run("a", "b").waiting
    later()
    holder = nodes.rows("b", Numbered).filter(name="of b")
    holder.update(number=105) if change == "update" else holder.delete()

    report = nodes.run("a", "b")

    assert report.created == 1 and not report.failures and not report.waiting
    nodes.rounds(PAIR)
    due = [("of a", 5), ("of b", 105)] if change == "update" else [("of a", 5)]
    assert numbers(nodes)[:2] == [due] * 2
    nodes.assert_at_rest(PAIR)


def test_clash_that_pauses_is_not_tried_for_what_was_changed_before(nodes):
    nodes.rounds(PAIR, 1)
    clash(nodes, "a", "b")
    later()
    nodes.rows("b", Numbered).filter(name="of b").update(name="of B")
    later()
    for _ in range(5):
        nodes.run("a", "b")

    assert not nodes.run("a", "b").failures and nodes.run("a", "b").waiting
