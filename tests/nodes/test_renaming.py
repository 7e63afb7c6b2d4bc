"""``synchro_conflicts --rename``: of two objects that want the same unique values one gets another, and both go on."""

from __future__ import annotations

import json

import pytest

from synchro_triggers.models import ChangeLog, Conflict, Failure
from tests.nodes.nodes import NAMES, STAR, as_json
from tests.nodes.test_conflicts import PAIR
from tests.nodes.test_unique_values import LABEL, clash, next_number, numbers, records
from tests.replay.hearing import hearing, later
from tests.testapp.models import Item, Numbered

__all__ = ["next_number"]


def met(nodes, first="a", second="b", times=1):
    """Let A and B make an object each with the same number, and meet; return the record, which B has."""
    nodes.rounds(PAIR, 1)
    clash(nodes, first, second)
    assert nodes.run("a", "b").failures
    for _ in range(1, times):
        nodes.run("a", "b")
    [record] = records(nodes)
    return record


def rename(nodes, record, *arguments, local="a", remote="b"):
    return nodes.command(local, remote, "synchro_conflicts", "--rename", str(record.pk), *arguments)


def held(nodes):
    """What no refusal may change."""
    return (
        numbers(nodes),
        [nodes.logged(name) for name in NAMES],
        [list(Conflict.objects.using(n).values()) for n in NAMES],
    )


@pytest.mark.parametrize("runs", [1, 4])
def test_object_of_the_database_that_has_the_record_gets_the_value_and_both_go_on(nodes, runs):
    """However often it was tried in vain: a failure that pauses is tried by the next run."""
    record = met(nodes, times=runs)

    with hearing(Numbered) as heard:
        done = rename(nodes, record, "--field", "number", "--value", "105")

    assert done.returncode == 0, done.stderr
    assert "testapp.Numbered 1 on 'b': number is '105' now, and was '5'." in done.stdout
    assert [each.name for each in heard] == ["pre_save", "post_save"] and heard[0].instance._state.db == "b"
    assert ChangeLog.objects.using("b").latest("id").origin == ""
    nodes.rounds(PAIR)
    assert numbers(nodes)[:2] == [[("of a", 5), ("of b", 105)]] * 2
    assert not any(Failure.objects.using(name).exists() for name in NAMES)
    record.refresh_from_db()
    assert record.taken == "renamed" and record.taken_at
    assert nodes.command("a", "b", "synchro_conflicts").returncode == 0
    nodes.assert_at_rest(PAIR)


def test_object_of_the_sender_gets_the_value(nodes):
    record = met(nodes)

    done = rename(nodes, record, "--side", "local", "--field", "number", "--value", "105", "--json")

    assert as_json(done) == {
        "id": record.pk,
        "database": "default",
        "model": LABEL,
        "key": "1",
        "before": {"number": "5"},
        "after": {"number": "105"},
        "advice": "`manage.py synchronize` brings it to the others.",
    }
    nodes.rounds(PAIR)
    assert numbers(nodes)[:2] == [[("of a", 105), ("of b", 5)]] * 2
    assert {each.taken for each in records(nodes)} == {"renamed"}


@pytest.mark.parametrize("met_by", [("a", "b"), ("b", "c")])
def test_all_three_of_a_star_have_both_and_all_records_are_closed(nodes, met_by):
    nodes.rounds(STAR, 1)
    clash(nodes, "a", "c")
    for pair in STAR * 4:
        nodes.run(*pair)
    at = {name: list(Conflict.objects.using(name)) for name in NAMES}
    [record] = [each for each in at["b"] if each.kind == "unique"][:1]

    done = rename(nodes, record, "--here", "--field", "number", "--value", "7", local="b", remote="c")

    assert done.returncode == 0, done.stderr
    nodes.rounds(STAR)
    assert [sorted(number for _, number in each) for each in numbers(nodes)] == [[5, 7]] * 3
    assert numbers(nodes)[0] == numbers(nodes)[1] == numbers(nodes)[2]
    assert {each.taken for each in records(nodes)} <= {"renamed", "settled"}
    nodes.assert_at_rest(STAR)


def test_record_is_closed_when_a_user_has_changed_one_of_both(nodes):
    record = met(nodes)
    nodes.rows("a", Numbered).update(number=6)

    nodes.rounds(PAIR)

    record.refresh_from_db()
    assert record.taken == "settled"
    assert nodes.command("a", "b", "synchro_conflicts").returncode == 0


@pytest.mark.parametrize(("order", "renamed"), [(("a", "b"), "of b"), (("b", "a"), "of a")])
def test_option_says_the_value_and_whose(nodes, settings, order, renamed):
    record = met(nodes, *order)
    settings.SYNCHRO_OPTIONS = {LABEL: {"unique": f"{__name__}.next_number"}}

    done = rename(nodes, record)

    assert done.returncode == 0, done.stderr
    nodes.rounds(PAIR)
    kept = "of a" if renamed == "of b" else "of b"
    assert numbers(nodes)[:2] == [sorted([(kept, 5), (renamed, 105)])] * 2


REFUSED = {
    "no such conflict": (("99", "--field", "number", "--value", "7"), 2, "There is no conflict 99 on record"),
    "no number": (("x", "--field", "number", "--value", "7"), 2, "invalid int value"),
    "half of it": (("1", "--field", "number"), 2, "both --field NAME and --value TEXT"),
    "no field of the clash": (
        ("1", "--field", "name", "--value", "7"),
        2,
        "'name' is not among what both objects want",
    ),
    "no field": (("1", "--field", "colour", "--value", "7"), 2, "'colour' is not among what both objects want"),
    "no value of the field": (
        ("1", "--field", "number", "--value", "seven"),
        2,
        "'seven' is no value of testapp.Number",
    ),
    "too large": (("1", "--field", "number", "--value", str(10**20)), 2, "is no value of testapp.Numbered.number"),
    "taken there": (
        ("1", "--field", "number", "--value", "6"),
        3,
        "number=6 is taken as well, on 'b' by testapp.Number",
    ),
    "taken here": (
        ("1", "--field", "number", "--value", "8"),
        3,
        "number=8 is taken as well, on 'default' by testapp.",
    ),
    "taken there by the sender's": (
        ("1", "--side", "local", "--field", "number", "--value", "6"),
        3,
        "number=6 is taken as well, on 'b' by testapp.Number",
    ),
    "the same": (("1", "--field", "number", "--value", "5"), 3, "number=5"),
    "nothing said": (("1",), 2, "--field number --value TEXT"),
    "two things": (("1", "--show", "1"), 2, "--show and --rename"),
}


@pytest.mark.parametrize("kind", REFUSED)
def test_what_cannot_be_is_said_in_one_sentence_and_nothing_is_changed(nodes, kind):
    record = met(nodes)
    nodes.rows("b", Numbered).create(name="six", number=6)
    nodes.rows("a", Numbered).create(name="eight", number=8)
    (number, *arguments), code, said = REFUSED[kind]
    before = held(nodes)

    done = nodes.command("a", "b", "synchro_conflicts", "--rename", number.replace("1", str(record.pk)), *arguments)

    assert (done.returncode, said in done.stderr) == (code, True), done.stderr
    assert kind == "no number" or done.stderr.count("\n") <= 1
    assert held(nodes) == before


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda nodes: nodes.rows("b", Numbered).all().delete(), "it is gone"),
        (lambda nodes: nodes.rows("a", Numbered).all().delete(), "which wanted its values, is gone"),
        (lambda nodes: nodes.rows("b", Numbered).update(number=9), "want the same unique values no more"),
        (lambda nodes: nodes.rows("a", Numbered).update(number=9), "want the same unique values no more"),
    ],
)
def test_object_that_is_gone_or_wants_them_no_more_is_refused(nodes, change, said):
    record = met(nodes)
    change(nodes)
    before = held(nodes)

    done = rename(nodes, record, "--field", "number", "--value", "7")

    assert done.returncode == 3 and said in done.stderr, done.stderr
    assert "Nothing was changed" in done.stderr and held(nodes) == before


def test_record_that_is_closed_or_of_another_kind_is_refused(nodes, settings):
    record = met(nodes)
    assert rename(nodes, record, "--field", "number", "--value", "7").returncode == 0
    again = rename(nodes, record, "--field", "number", "--value", "8")
    assert again.returncode == 3 and "has other values already" in again.stderr
    nodes.rows("a", Item).create(name="x")
    nodes.rounds(PAIR)
    for name in "ab":
        nodes.rows(name, Item).update(name=name)
        later()
    nodes.run("a", "b")
    [other] = [each for each in Conflict.objects.using("b") if each.kind == "update/update"]

    done = rename(nodes, other, "--field", "name", "--value", "7")

    assert done.returncode == 3 and "--take local" in done.stderr


def test_receiver_that_raises_undoes_all_of_it(nodes):
    from tests.replay.hearing import receiving

    record = met(nodes)
    before = held(nodes)

    def refuse(**told):
        from django.db import IntegrityError

        raise IntegrityError("not on a Sunday")

    with receiving("post_save", Numbered, refuse):
        done = rename(nodes, record, "--field", "number", "--value", "7")

    assert done.returncode == 1 and "not on a Sunday" in done.stderr and held(nodes) == before


def test_remote_that_is_down_is_named(nodes, monkeypatch):
    record = met(nodes)
    before = held(nodes)
    with nodes.turn_of("a", "b"):
        from django.db import connections

        from tests.managing import in_process

        def down(*arguments, **options):
            from django.db import OperationalError

            raise OperationalError("connection refused")

        connections["b"].close()
        monkeypatch.setattr(connections["b"], "connect", down)
        done = in_process("synchro_conflicts", "--rename", str(record.pk), "--field", "number", "--value", "7")
        monkeypatch.undo()

    assert done.returncode in {1, 5} and "'b'" in done.stderr and done.stderr.count("\n") <= 1, done.stderr
    assert held(nodes) == before


def test_refusal_of_a_side_says_what_to_type(nodes):
    record = met(nodes)

    done = nodes.command("a", "b", "synchro_conflicts", "--take", "local", str(record.pk))

    assert done.returncode == 3
    assert f"synchro_conflicts --rename {record.pk} --field NAME --value TEXT" in done.stderr


def test_json_of_the_list_says_that_it_was_renamed(nodes):
    record = met(nodes)
    rename(nodes, record, "--field", "number", "--value", "105")

    [told] = json.loads(nodes.command("a", "b", "synchro_conflicts", "--json").stdout)

    assert told["taken"] == "renamed" and told["taken_at"]
    assert "; renamed 20" in nodes.command("a", "b", "synchro_conflicts").stdout
