"""Two objects that want the same unique values, whichever way the model says that these are unique."""

from __future__ import annotations

import datetime
from dataclasses import dataclass
from typing import Any

import pytest
from django.db import connections
from django.db.models import Model

from synchro_triggers.models import Conflict, Failure
from tests.nodes.nodes import NAMES, STAR
from tests.nodes.test_conflicts import PAIR
from tests.replay.hearing import later
from tests.shapeapp.models import Champion, Handle
from tests.testapp.models import Badge, Booked, Coach, Lorry, Nicknamed, Placed, Plated, Queued, Rooted, Wearer

DAY = datetime.date(2026, 3, 1)


@dataclass(frozen=True)
class Way:
    """A model that says so in one way.

    Attributes:
        model, other: of both objects; the latter by default the same.
        same: what both want; the second one by default the same.
        apart: what either has before, where both are there already.
        field, text, value: what gives one of them another value.
        needs: the vendor that alone has such a constraint.
    """

    model: type[Model]
    same: dict[str, Any]
    apart: tuple[dict[str, Any], dict[str, Any]]
    field: str
    text: str
    value: Any
    same_there: dict[str, Any] | None = None
    other: type[Model] | None = None
    needs: str = ""

    @property
    def label(self) -> str:
        return self.model._meta.label


WAYS = {
    "unique_together": Way(
        Placed, {"row": 1, "seat": 2}, ({"row": 8, "seat": 8}, {"row": 9, "seat": 9}), "seat", "3", 3
    ),
    "several fields": Way(
        Booked,
        {"room": "red", "day": DAY},
        ({"room": "blue", "day": DAY}, {"room": "grey", "day": DAY}),
        "day",
        "2026-03-02",
        datetime.date(2026, 3, 2),
    ),
    "condition": Way(
        Champion,
        {"league": "L", "first": True},
        ({"league": "K", "first": True}, {"league": "M", "first": True}),
        "league",
        "N",
        "N",
    ),
    "deferred": Way(Queued, {"turn": 1}, ({"turn": 8}, {"turn": 9}), "turn", "3", 3, needs="postgresql"),
    "expression": Way(
        Handle, {"handle": "Ann"}, ({"handle": "x"}, {"handle": "y"}), "handle", "Zoe", "Zoe", {"handle": "aNN"}
    ),
    "nulls": Way(Rooted, {"place": None}, ({"place": 8}, {"place": 9}), "place", "3", 3, needs="postgresql"),
    "letter case": Way(
        Nicknamed, {"nick": "Ann"}, ({"nick": "x"}, {"nick": "y"}), "nick", "Zoe", "Zoe", {"nick": "aNN"}
    ),
    "one to one": Way(Badge, {"wearer_id": 1}, ({"wearer_id": 2}, {"wearer_id": 3}), "wearer", "4", 4),
    "parent's column": Way(Lorry, {"plate": "P"}, ({"plate": "x"}, {"plate": "y"}), "plate", "Z", "Z"),
    "parent's column, another child": Way(
        Lorry, {"plate": "P"}, ({"plate": "x"}, {"plate": "y"}), "plate", "Z", "Z", other=Coach
    ),
    "parent's column, the parent itself": Way(
        Lorry, {"plate": "P"}, ({"plate": "x"}, {"plate": "y"}), "plate", "Z", "Z", other=Plated
    ),
}


def other_value(clash):
    """The same on all nodes."""
    return next({each.field: each.value} for each in WAYS.values() if set(clash.fields) == set(_columns(each)))


def _columns(way):
    return [name.removesuffix("_id") for name in way.same if way.model is not Champion or name == "league"]


@pytest.fixture
def ready(nodes):
    """There are wearers for the one-to-one."""
    for number in range(1, 5):
        nodes.rows("a", Wearer).create(pk=number, name=str(number))
    nodes.rounds(STAR, 1)
    assert nodes.all(Wearer, "pk", "name") == [[(number, str(number)) for number in range(1, 5)]] * 3


def tell_no_case():
    """Let PostgreSQL's columns tell no letter case, as those of SQLite do."""
    for name in NAMES:
        if connections[name].vendor == "postgresql":
            with connections[name].cursor() as cursor:
                cursor.execute("SELECT FROM pg_available_extensions WHERE name = 'citext'")
                if not cursor.fetchall():
                    pytest.skip("this PostgreSQL server comes without the extension citext; --postgres=docker has it")
                cursor.execute("CREATE EXTENSION citext")
                cursor.execute("ALTER TABLE testapp_nicknamed ALTER nick TYPE citext")


def want_the_same(nodes, way, first, second, *, new):
    """Let two nodes want the same for an object each, of which the second one does so later."""
    if way.model is Nicknamed:
        tell_no_case()
    other = way.other or way.model
    of = {first: (way.model, way.same, way.apart[0]), second: (other, way.same_there or way.same, way.apart[1])}
    if not new:
        for name, (model, _, apart) in of.items():
            model(name=f"of {name}", **apart).save(using=first, force_insert=True)
        nodes.rounds(STAR, 2)
        later()
    for name, (model, same, _) in of.items():
        if new:
            model(name=f"of {name}", **same).save(using=name, force_insert=True)
        else:
            row = nodes.rows(name, model).get(name=f"of {name}")
            for field, value in same.items():
                setattr(row, field, value)
            row.save(using=name)
        later()


def held(nodes, way):
    other = way.other or way.model
    models = [other] if issubclass(way.model, other) else [way.model, other]
    fields = way.same
    return [
        sorted(
            (row.name, *(getattr(row, field) for field in fields))
            for model in models
            for row in nodes.rows(name, model)
        )
        for name in NAMES
    ]


def records(nodes):
    return [each for name in NAMES for each in Conflict.objects.using(name) if each.kind == "unique"]


def clashes_at(way, name):
    return way.needs in {"", connections[name].vendor}


@pytest.mark.parametrize("new", [True, False], ids=["new", "changed"])
@pytest.mark.parametrize("kind", WAYS)
def test_both_stay_it_is_on_record_once_and_renaming_one_lets_both_go_on(nodes, ready, kind, new):
    way = WAYS[kind]
    want_the_same(nodes, way, "a", "b", new=new)
    before = held(nodes, way)

    reports = [nodes.run("a", "b") for _ in range(3)]

    if not clashes_at(way, "b"):
        assert not any(report.failures for report in reports)
        return
    assert [len(report.failures) for report in reports[:2]] == [1, 1], reports[0]
    assert held(nodes, way)[:2] == before[:2]
    [record] = records(nodes)
    assert (record.kind, record.result, record.taken, record.model_label) == ("unique", "remote", "", way.label)
    assert '"of a"' in record.local_values and '"of b"' in record.remote_values
    done = nodes.command(
        "a", "b", "synchro_conflicts", "--rename", str(record.pk), "--field", way.field, "--value", way.text
    )
    assert done.returncode == 0, done.stderr
    nodes.rounds(PAIR)
    after = held(nodes, way)
    assert after[0] == after[1] and len(after[0]) == 2
    assert not any(Failure.objects.using(name).exists() for name in NAMES)
    nodes.assert_at_rest(PAIR)


@pytest.mark.parametrize("new", [True, False], ids=["new", "changed"])
@pytest.mark.parametrize("kind", WAYS)
@pytest.mark.parametrize("order", ["ac", "ca"])
def test_callable_lets_all_nodes_end_equal(nodes, ready, settings, kind, new, order):
    way = WAYS[kind]
    models = {way.model, way.other or way.model}
    settings.SYNCHRO_OPTIONS = {model._meta.label: {"unique": f"{__name__}.other_value"} for model in models}
    want_the_same(nodes, way, *order, new=new)

    nodes.rounds(STAR)

    after = held(nodes, way)
    assert after[0] == after[1] == after[2] and len(after[0]) == 2, after
    assert not any(Failure.objects.using(name).exists() for name in NAMES)
    if any(clashes_at(way, name) for name in NAMES):
        assert records(nodes)
        [renamed] = [row for row in after[0] if way.value in row]
        assert renamed[0] == f"of {order[1]}"
    nodes.assert_at_rest(STAR)
