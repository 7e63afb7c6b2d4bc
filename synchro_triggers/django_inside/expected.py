"""Whether Django is inside what this package relies on; where it is not, plain Django is used.

Each part is looked at once a process, when it is needed first; the system checks look at all of them.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

from django.db import DEFAULT_DB_ALIAS, connections
from django.db.models import Model
from django.db.models.base import ModelState
from django.db.models.deletion import Collector
from django.db.models.signals import ModelSignal
from django.db.models.sql import InsertQuery, UpdateQuery
from django.db.models.sql.compiler import SQLCompiler


@dataclass(frozen=True)
class Part:
    """Something inside Django.

    Attributes:
        relies_on: what is expected.
        otherwise: what is done where it is not so.
        holds: tells whether it is so; it asks no database.
    """

    relies_on: str
    otherwise: str
    holds: Callable[[], bool]


def _takes(method: Any, names: Sequence[str]) -> bool:
    """Tell whether a method's first parameters, after ``self``, have these names."""
    parameters = list(inspect.signature(method).parameters)
    return parameters[1 : 1 + len(names)] == list(names)


def _instances_are_bare() -> bool:
    from ..models import Checkpoint  # not before models are there

    names = [field.attname for field in Checkpoint._meta.concrete_fields]
    made = Checkpoint.from_db(DEFAULT_DB_ALIAS, names, [None] * len(names))
    state = vars(made._state)
    others = {name: value for name, value in state.items() if name not in {"db", "adding"}}
    return (
        vars(made).keys() == {"_state", *names}
        and type(made._state) is ModelState
        and (made._state.db, made._state.adding) == (DEFAULT_DB_ALIAS, False)
        and all(getattr(ModelState, name, None) == value for name, value in others.items())
    )


def _saving_is_divided() -> bool:
    model: Any = Model
    return (
        _takes(model._save_table, ("raw", "cls", "force_insert", "force_update", "using", "update_fields"))
        and _takes(model._do_insert, ("manager", "using", "fields", "returning_fields", "raw"))
        and _takes(model._do_update, ("base_qs", "using", "pk_val", "values", "update_fields", "forced_update"))
    )


def _transactions_are_noted() -> bool:
    connection: Any = connections[DEFAULT_DB_ALIAS]
    noted = {"savepoint_ids": list, "run_on_commit": list, "needs_rollback": bool, "closed_in_transaction": bool}
    return all(isinstance(getattr(connection, name, None), kind) for name, kind in noted.items()) and all(
        hasattr(connection, name) for name in ("create_cursor", "wrap_database_errors", "execute_wrapper")
    )


def _deletes_are_collected() -> bool:
    collector: Any = Collector(using=DEFAULT_DB_ALIAS)
    return (
        isinstance(getattr(collector, "data", None), dict)
        and isinstance(getattr(collector, "fast_deletes", None), list)
        and isinstance(getattr(collector, "field_updates", None), dict)
        and _takes(Collector.can_fast_delete, ("objs",))
        and _takes(Collector.related_objects, ("related_model", "related_fields", "objs"))
    )


def _receivers_are_found_when_sending() -> bool:
    signal: Any = ModelSignal(use_caching=True)
    heard: list[str] = []

    def hear(**told: Any) -> None:
        heard.append("called")

    async def hear_later(**told: Any) -> None:
        heard.append("called")  # pragma: no cover  # it is never sent

    signal.connect(hear)
    signal.connect(hear_later)
    found = signal._live_receivers(Model)
    signal._live_receivers = lambda sender: ([], [])
    return (
        found == ([hear], [hear_later])
        and signal.send(Model) == []
        and signal.send_robust(Model) == []
        and not signal.has_listeners(Model)
        and not heard
    )


def _statements_are_compiled() -> bool:
    connection = connections[DEFAULT_DB_ALIAS]
    inserting: Any = connection.ops.compiler("SQLInsertCompiler")
    updating: Any = connection.ops.compiler("SQLUpdateCompiler")
    return (
        _takes(SQLCompiler.compile, ("node",))
        and _takes(SQLCompiler.get_from_clause, ())
        and issubclass(inserting, SQLCompiler)
        and _takes(inserting.execute_sql, ("returning_fields",))
        and isinstance(InsertQuery(None).fields, list)
        and issubclass(updating, SQLCompiler)
        and hasattr(UpdateQuery, "add_update_fields")
    )


PARTS: dict[str, Part] = {
    "instances": Part(
        "an instance is its class, the values in its __dict__, and a ModelState with db and adding",
        "each row is made by Model.from_db() or Model(), which is slower",
        _instances_are_bare,
    ),
    "saving": Part(
        "Model.save() writes by _save_table(), _do_insert() and _do_update()",
        "save() is called as it is: rows that a base manager hides, and inserts without answers, become failures",
        _saving_is_divided,
    ),
    "savepoints": Part(
        "a connection notes its savepoints in savepoint_ids and run_on_commit",
        "each object is written in an atomic() block of its own, which is slower",
        _transactions_are_noted,
    ),
    "collecting": Part(
        "a Collector says what a delete does in data, fast_deletes and field_updates, and asks related_objects()",
        "nobody can tell what a delete would take along: what others may hang on is kept as a failure",
        _deletes_are_collected,
    ),
    "compilers": Part(
        "a statement is compiled by what connection.ops.compiler() returns, from query.fields and query.values",
        "no column or table can be left out: where a schema is behind, a run is refused before it begins",
        _statements_are_compiled,
    ),
    "receivers": Part(
        "a signal calls what its _live_receivers(sender) returns",
        "receivers cannot be left out: with the options mute, or write 'rows', a run is refused before it begins",
        _receivers_are_found_when_sending,
    ),
}


@cache
def is_as_expected(part: str) -> bool:
    """Tell whether a part of Django is as this package relies on.

    Args:
        part: a key of ``PARTS``.
    """
    try:
        return PARTS[part].holds()
    except (AttributeError, TypeError, ValueError):  # what was looked at is not there, or is something else
        return False
