"""Triggers that a stranger has put on tables of the remote."""

from __future__ import annotations

from typing import Any

from django.apps import apps
from django.db import connections
from django.db.models import Model

from tests.shapefuzz.plans import TriggerPlan

#: Objects whose mark ends so are cancelled or redirected.
CANCELLED = "4"


def create_trigger(world: Any, plan: TriggerPlan) -> None:
    """Make a trigger on the remote."""
    model = apps.get_model("shapefuzz", plan.model)
    other = apps.get_model("shapefuzz", plan.other or plan.model)
    connection = connections["remote"]
    statements = (_of_sqlite if connection.vendor == "sqlite" else _of_postgres)(plan, model, other)
    with connection.cursor() as cursor:
        for statement in statements:
            cursor.execute(statement)


def _names(model: type[Model]) -> tuple[str, str, str, str]:
    letter, connection = model.__name__.lower(), connections["remote"]
    key = model._meta.pk_fields[0].column
    table = connection.ops.quote_name(model._meta.db_table)
    return table, f'"mark_{letter}"', f'"note_{letter}"', connection.ops.quote_name(key)


def _of_sqlite(plan: TriggerPlan, model: type[Model], other: type[Model]) -> list[str]:
    table, mark, note, _ = _names(model)
    other_table, _, other_note, other_key = _names(other)
    only = f"NEW.{mark} LIKE '%{CANCELLED}'"
    if plan.kind == "cancel":
        return [
            f"CREATE TRIGGER strange_{plan.model} BEFORE INSERT ON {table} WHEN {only} BEGIN SELECT RAISE(IGNORE); END"
        ]
    if plan.kind == "redirect":
        return [
            "CREATE TABLE IF NOT EXISTS elsewhere (mark text)",
            f"CREATE TRIGGER strange_{plan.model} BEFORE INSERT ON {table} WHEN {only} "
            f"BEGIN INSERT INTO elsewhere VALUES (NEW.{mark}); SELECT RAISE(IGNORE); END",
        ]
    if plan.kind == "change":
        return [
            f"CREATE TRIGGER strange_{plan.model}_{event} AFTER {event} ON {table} "
            f"WHEN NEW.{note} IS NOT 't:' || NEW.{mark} "
            f"BEGIN UPDATE {table} SET {note} = 't:' || NEW.{mark} WHERE rowid = NEW.rowid; END"
            for event in ("INSERT", "UPDATE")
        ]
    return [
        f"CREATE TRIGGER strange_{plan.model} AFTER INSERT ON {table} "
        f"BEGIN UPDATE {other_table} SET {other_note} = 't:' || NEW.{mark} "
        f"WHERE {other_key} = (SELECT min({other_key}) FROM {other_table}); END"
    ]


def _of_postgres(plan: TriggerPlan, model: type[Model], other: type[Model]) -> list[str]:
    table, mark, note, _ = _names(model)
    other_table, _, other_note, other_key = _names(other)
    only = f"NEW.{mark} LIKE '%{CANCELLED}'"
    before, event = True, "INSERT"
    more = []
    if plan.kind == "cancel":
        body = f"IF {only} THEN RETURN NULL; END IF;"
    elif plan.kind == "redirect":
        more = ["CREATE TABLE IF NOT EXISTS elsewhere (mark text)"]
        body = f"IF {only} THEN INSERT INTO elsewhere VALUES (NEW.{mark}); RETURN NULL; END IF;"
    elif plan.kind == "change":
        event = "INSERT OR UPDATE"
        body = f"NEW.{note} := 't:' || NEW.{mark};"
    else:
        before = False
        body = (
            f"UPDATE {other_table} SET {other_note} = 't:' || NEW.{mark} WHERE {other_key} = "
            f"(SELECT {other_key} FROM {other_table} ORDER BY {other_key} LIMIT 1);"
        )
    name = f"strange_{plan.model.lower()}"
    return [
        *more,
        f"CREATE FUNCTION {name}() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN {body} RETURN NEW; END $$",
        f"CREATE TRIGGER {name} {'BEFORE' if before else 'AFTER'} {event} ON {table} "
        f"FOR EACH ROW EXECUTE FUNCTION {name}()",
    ]
