"""No value that cannot be read stops a comparison, wherever it stands: it names the row, and sees the others."""

from __future__ import annotations

import datetime
import uuid
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import Any

import pytest
from django.db import connections, transaction

from synchro_triggers import compare, synchro_paused, synchronize
from tests.shapefuzz.test_found import marked
from tests.shapefuzz.writing import execute

#: Of each type of column: what it takes, three values, and what no Python reads, on SQLite and on PostgreSQL.
KINDS = {
    "DateTimeField": ("", [datetime.datetime(2024, 1, day) for day in (1, 2, 3)]),
    "DateField": ("", [datetime.date(2024, 1, day) for day in (1, 2, 3)]),
    "TimeField": ("", [datetime.time(hour) for hour in (1, 2, 3)]),
    "DurationField": ("", [datetime.timedelta(hours=hours) for hours in (1, 2, 3)]),
    "DecimalField": ("max_digits=8, decimal_places=2", [Decimal(1), Decimal(2), Decimal(3)]),
    "UUIDField": ("", [uuid.UUID(int=number) for number in (1, 2, 3)]),
    "IntegerField": ("", [1, 2, 3]),
    "CharField": ("max_length=40", ["a", "b", "c"]),
    "BinaryField": ("", [b"a", b"b", b"c"]),
    "JSONField": ("", [{"a": 1}, {"a": 2}, {"a": 3}]),
}
GARBLED = {
    "sqlite": {
        "DateTimeField": ("'0000-00-00'", "'yesterday'"),
        "DateField": ("'0000-00-00'", "'soon'"),
        "TimeField": ("'25:00'", "'noon'"),
        "DurationField": ("'long'", "9e99"),
        "DecimalField": ("''", "'a lot'"),
        "UUIDField": ("'no uuid'", "7"),
        "IntegerField": ("'many'", "x'ff'"),
        "CharField": ("CAST(x'61ff' AS TEXT)", "x'ff'"),
        "BinaryField": ("CAST(x'61ff' AS TEXT)", "'a text'"),
        "JSONField": ("'{'", "CAST(x'22ff22' AS TEXT)"),
    },
    "postgres": {
        "DateTimeField": ("'infinity'", "'0044-03-15 BC'"),
        "DateField": ("'-infinity'", "'12000-01-01'"),
        "TimeField": ("'24:00'",),
        "DurationField": ("'1000000000 days'",),
        "DecimalField": ("'NaN'",),
        "JSONField": ("('[1' || repeat('0', 5000) || ']')::jsonb",),
    },
}


def cases(without=()):
    return [
        pytest.param(vendor, kind, text, id=f"{vendor} {kind} {text[:24]}")
        for vendor, kinds in GARBLED.items()
        for kind, texts in kinds.items()
        for text in texts
        if kind not in without
    ]


def column(name, kind, more):
    return f"{name} = models.{kind}({', '.join(filter(None, (KINDS[kind][0], more)))})"


# Where it stands ----------------------------------------------------------------------------------

N_A = "n_a = models.IntegerField(unique=True)"
BY_N = {"shapefuzz.A": {"natural_key": ("n_a",)}}
BY_U = {"shapefuzz.A": {"natural_key": ("u_a",)}}
TO_A = "to_a = models.ForeignKey('A', models.CASCADE, related_name='+')"
OWN_LINK = "a_ptr = models.OneToOneField(A, models.CASCADE, parent_link=True)"


def by_hand(name):
    return f"BY_HAND = ('{name}',)", "objects = KeyedByHand()", f"def natural_key(self): return (self.{name},)"


@dataclass(frozen=True)
class Place:
    """Models with a column of some type, of which one value is garbled.

    Attributes:
        models: their names, bases and lines; ``...`` stands for the column.
        column: its table and name, and what else is to be garbled: what points to it.
        more: what else it takes.
        options: of ``SYNCHRO_OPTIONS``.
        own: whether the remote's rows are its own; else LOCAL's were replayed.
    """

    models: list[tuple[Any, ...]]
    column: tuple[tuple[str, str], ...]
    more: str = "null=True"
    options: dict[str, Any] = field(default_factory=dict)
    own: bool = False


A = ("A", "models.Model", marked("a"), N_A)
B = ("B", "models.Model", marked("b"))
CHILD = ("B", "A", marked("b"))
CHILD_WITH_KEY = (*CHILD, "b_no = models.AutoField(primary_key=True)", OWN_LINK)
LINKED = (*B, "m_b = models.ManyToManyField('A', related_name='+')")
HELD = (*B, "oid_b = models.CharField(max_length=40)")
PLACES = {
    "column": Place([(*A, ...)], (("a", "v"),)),
    "natural key beside it": Place([(*A, ...)], (("a", "v"),), options=BY_N, own=True),
    "natural key by hand beside it": Place([(*A, ..., *by_hand("n_a"))], (("a", "v"),), own=True),
    "of a target": Place([(*A, ...), (*B, TO_A)], (("a", "v"),), options=BY_N),
    "of a target in a natural key": Place(
        [(*A, ...), (*B, TO_A)],
        (("a", "v"),),
        options={**BY_N, "shapefuzz.B": {"natural_key": ("to_a",)}},
        own=True,
    ),
    "of a target in a natural key by hand": Place(
        [(*A, ..., *by_hand("n_a")), (*B, TO_A, *by_hand("to_a_id"))], (("a", "v"),), own=True
    ),
    "of a parent": Place([(*A, ...), CHILD], (("a", "v"),), options=BY_N, own=True),
    "of a child": Place([A, (*CHILD, ...)], (("b", "v"),), options=BY_N, own=True),
    "of a child with a key of its own": Place([A, (*CHILD_WITH_KEY, ...)], (("b", "v"),)),
    "of a child with a key of its own, by natural key": Place(
        [A, (*CHILD_WITH_KEY, ...)], (("b", "v"),), options=BY_N, own=True
    ),
    "of what is linked": Place([(*A, ...), LINKED], (("a", "v"),), options=BY_N),
    "of what a key leads to": Place(
        [(*A, ...), HELD], (("a", "v"),), options={**BY_N, "shapefuzz.B": {"references": {"oid_b": "shapefuzz.A"}}}
    ),
}
NATURAL_KEYS = {
    "natural key": Place([(*A, ...)], (("a", "v"),), "unique=True", {"shapefuzz.A": {"natural_key": ("v",)}}, own=True),
    "natural key by hand": Place([(*A, ..., *by_hand("v"))], (("a", "v"),), "unique=True", own=True),
    "natural key of a target": Place(
        [(*A, ...), (*B, TO_A)],
        (("a", "v"),),
        "unique=True",
        {"shapefuzz.A": {"natural_key": ("v",)}, "shapefuzz.B": {"natural_key": ("to_a",)}},
        own=True,
    ),
    "natural key along a foreign key": Place(
        [(*A, ...), (*B, TO_A)],
        (("a", "v"),),
        "unique=True",
        {"shapefuzz.A": {"natural_key": ("v",)}, "shapefuzz.B": {"natural_key": ("to_a__v",)}},
        own=True,
    ),
    "to_field": Place(
        [(*A, ...), (*B, TO_A.replace("related", "to_field='v', related"))],
        (("a", "v"), ("b", "to_a_id")),
        "unique=True",
    ),
}
KEYS = {
    "key": Place([(*A, ...)], (("a", "v"),)),
    "key beside a natural key": Place([(*A, ...)], (("a", "v"),), options=BY_N, own=True),
    "key beside a natural key by hand": Place([(*A, ..., *by_hand("n_a"))], (("a", "v"),), own=True),
    "foreign key": Place([(*A, ...), (*B, TO_A)], (("a", "v"), ("b", "to_a_id"))),
    "foreign key alone": Place([(*A, ...), (*B, TO_A)], (("b", "to_a_id"),)),
    "foreign key in a natural key": Place(
        [(*A, ...), (*B, TO_A)],
        (("a", "v"), ("b", "to_a_id")),
        options={**BY_N, "shapefuzz.B": {"natural_key": ("to_a",)}},
        own=True,
    ),
    "link": Place([(*A, ...), LINKED], (("a", "v"), ("b_m_b", "a_id"))),
    "end of a link alone": Place([(*A, ...), LINKED], (("b_m_b", "a_id"),)),
    "of a child": Place([A, (*CHILD, OWN_LINK, ...)], (("b", "v"),)),
    "of a parent": Place([(*A, ...), CHILD], (("a", "v"), ("b", "a_ptr_id"))),
    "of what a key leads to": Place(
        [(*A, ...), HELD], (("a", "v"),), options={"shapefuzz.B": {"references": {"oid_b": "shapefuzz.A"}}}
    ),
}
SIDES = {"local": ["default"], "remote": ["remote"], "both": ["default", "remote"]}


@pytest.mark.thinned("*")
@pytest.mark.parametrize("sides", SIDES)
@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize(("local", "kind", "text"), cases())
def test_value(project, local, kind, text, place, sides):
    compared_with_a_garbled_row(project, local, kind, text, PLACES[place], SIDES[sides])


@pytest.mark.thinned("*")
@pytest.mark.parametrize("sides", SIDES)
@pytest.mark.parametrize("place", NATURAL_KEYS)
@pytest.mark.parametrize(("local", "kind", "text"), cases(without=["JSONField"]))
def test_natural_key(project, local, kind, text, place, sides):
    compared_with_a_garbled_row(project, local, kind, text, NATURAL_KEYS[place], SIDES[sides])


@pytest.mark.thinned("*")
@pytest.mark.parametrize("sides", SIDES)
@pytest.mark.parametrize("place", KEYS)
# A whole number that is a key is the number of its row on SQLite, which takes no other value.
@pytest.mark.parametrize(("local", "kind", "text"), cases(without=["JSONField", "BinaryField", "IntegerField"]))
def test_key(project, local, kind, text, place, sides):
    place = replace(KEYS[place], more="primary_key=True")
    compared_with_a_garbled_row(project, local, kind, text, place, SIDES[sides])


def compared_with_a_garbled_row(project, local, kind, text, place, aliases):
    """Garble the second of three rows: it is named, and the others are equal."""
    line = column("v", kind, place.more)
    plans = [[line if each is ... else each for each in model] for model in place.models]
    models = project(local, *plans, USE_TZ=False, SYNCHRO_OPTIONS=place.options)
    if place.own:
        for alias in ("default", "remote"):
            with synchro_paused(using=alias):
                fill(alias, models, kind)
    else:
        fill("default", models, kind)
        assert synchronize().failures == []
    assert compare().equal

    for alias in aliases:
        with unchecked(alias), synchro_paused(using=alias):
            for table, name in place.column:
                where = "b_id = 2" if table == "b_m_b" else f"mark_{table} = 'o2'"
                if table == "b" and name == "a_ptr_id":
                    where = "mark_b = 'o2'"
                assert execute(alias, f"UPDATE shapefuzz_{table} SET {name} = {text} WHERE {where}") == 1
    report = compare()

    garbled = {f"shapefuzz.{table.title().replace('_M_B', '_m_b')}" for table, _ in place.column}
    named = {each.model for each in report.differences}
    for label, counts in report.models["remote"].items():
        assert (counts.local, counts.remote) == (3, 3), label
        assert counts.equal == 2 or (counts.equal == 3 and label not in named), label
    assert len(aliases) == 2 or garbled & named
    assert {(str(each.state), each.reason) for each in report.differences if each.state != "differs"} == set()


def fill(alias, models, kind):
    """Make three objects of each model; those of the second lead to those of the first, the n-th to the n-th."""
    for number, value in enumerate(KINDS[kind][1], start=1):
        first, *others = models
        made = None if others and issubclass(others[0], first) else make(alias, first, number, value)
        for model in others:
            held = {"to_a": made, "oid_b": str(made.pk)} if made is not None else {}
            row = make(alias, model, number, value, **held)
            if hasattr(model, "m_b"):
                row.m_b.add(made)


def make(alias, model, number, value, **held):
    names = {each.name for each in model._meta.get_fields()}
    values = {"mark_a": f"o{number}", "mark_b": f"o{number}", "n_a": number, "v": value, **held}
    return model._base_manager.using(alias).create(**{name: each for name, each in values.items() if name in names})


@contextmanager
def unchecked(alias):
    """Let a database take values that its constraints forbid."""
    if connections[alias].vendor == "postgresql":
        with transaction.atomic(using=alias):
            execute(alias, "SET LOCAL session_replication_role = replica")
            yield
        return
    try:
        execute(alias, "PRAGMA foreign_keys = OFF")
        execute(alias, "PRAGMA ignore_check_constraints = ON")
        yield
    finally:
        execute(alias, "PRAGMA foreign_keys = ON")
        execute(alias, "PRAGMA ignore_check_constraints = OFF")


@pytest.mark.parametrize("local", ["sqlite"])
@pytest.mark.parametrize("sides", SIDES)
@pytest.mark.parametrize("column", [("b", "to_a_id"), ("b_m_b", "a_id")])
@pytest.mark.parametrize("text", GARBLED["sqlite"]["IntegerField"])
def test_whole_number(project, local, sides, column, text):
    """A foreign key is no number of a row: SQLite takes anything for it where its constraints are off."""
    place = Place([(*A, ...), (*LINKED, TO_A)], (column,))
    compared_with_a_garbled_row(project, local, "IntegerField", text, place, SIDES[sides])
