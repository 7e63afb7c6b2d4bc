"""Hands of strangers: files that are restored and moved, sequences, what no ORM would write, a role that sees half."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from random import Random

from django.db import IntegrityError, connections, transaction
from django.db.models import Model

from tests.shapefuzz.content import read_table
from tests.shapefuzz.hands import NOTHING, is_automatic, new_values, pick
from tests.shapefuzz.world import World
from tests.shapefuzz.writing import Raw, delete, execute, insert, update

LOCAL = "default"


# Files and databases ------------------------------------------------------------------------------


def back_up(world: World, random: Random) -> str:
    """Keep a copy of LOCAL as it is now."""
    connections[LOCAL].close()
    name = world.databases.duplicate(world.vendors[LOCAL], world.names[LOCAL], f"backup{len(world.backups)}")
    world.backups.append(name)
    return "a backup of LOCAL is made"


def restore(world: World, random: Random) -> str:
    """Put LOCAL back."""
    if not world.backups:
        return NOTHING
    connections[LOCAL].close()
    backup = random.choice(world.backups)
    world.databases.overwrite(world.vendors[LOCAL], world.names[LOCAL], backup)
    world.reconnect(LOCAL)
    world.refusal.add("LOCAL was put back")
    world.troubled.add("LOCAL was put back")
    return f"LOCAL is put back to the backup {backup}"


def move(world: World, random: Random) -> str:
    """Put LOCAL somewhere else."""
    connections[LOCAL].close()
    world.names[LOCAL] = world.databases.rename(
        world.vendors[LOCAL], world.names[LOCAL], f"moved{random.randint(0, 99)}"
    )
    world.reconnect(LOCAL)
    world.refusal.add("LOCAL was moved")
    return "LOCAL is moved"


def copy_from_remote(world: World, random: Random) -> str:
    """Make LOCAL a copy of the remote: ``cp main office``."""
    if world.vendors[LOCAL] != world.vendors["remote"] or not world.logs("remote"):
        return NOTHING
    if len({world.settings_of(alias).get("TIME_ZONE", "UTC") for alias in (LOCAL, "remote")}) > 1:
        return NOTHING  # SQLite stores the time of a zone: a copy would hold other values
    for alias in (LOCAL, "remote"):
        connections[alias].close()
    world.databases.overwrite(world.vendors[LOCAL], world.names[LOCAL], world.names["remote"])
    world.reconnect()
    for trigger in world.project.triggers:
        _drop_trigger(trigger.model)
    world.refusal.add("LOCAL is a copy of the remote")
    world.troubled.add("LOCAL is a copy of the remote")
    return "LOCAL becomes a copy of the remote"


def _drop_trigger(model: str) -> None:
    connection = connections[LOCAL]
    if connection.vendor == "postgresql":
        execute(LOCAL, f"DROP FUNCTION IF EXISTS strange_{model.lower()} CASCADE")
        return
    for ending in ("", "_INSERT", "_UPDATE"):
        execute(LOCAL, f"DROP TRIGGER IF EXISTS strange_{model}{ending}")


# Sequences and whole tables -----------------------------------------------------------------------


def restart_sequence(world: World, random: Random) -> str:
    """Let LOCAL give out numbers anew, behind those that are there."""
    model = _numbered(world, random)
    if model is None:
        return NOTHING
    highest = max((row.key for row in read_table(LOCAL, model) if isinstance(row.key, int)), default=0)
    _set_sequence(LOCAL, model, highest)
    return f"LOCAL's sequence of {model.__name__} goes on after {highest}"


def push_sequence(world: World, random: Random) -> str:
    """Let the remote's sequence jump ahead."""
    model = _numbered(world, random)
    if model is None:
        return NOTHING
    _set_sequence("remote", model, 500 + random.randint(0, 400))
    return f"the remote's sequence of {model.__name__} jumps ahead"


def _numbered(world: World, random: Random) -> type[Model] | None:
    found = [each for each in world.written if is_automatic(each._meta.pk)]
    return random.choice(found) if found else None


def _set_sequence(alias: str, model: type[Model], last: int) -> None:
    table, column = model._meta.db_table, model._meta.pk.column
    if connections[alias].vendor == "sqlite":
        execute(alias, "UPDATE sqlite_sequence SET seq = %s WHERE name = %s", [last, table])
        return
    quoted = connections[alias].ops.quote_name(table)
    execute(alias, "SELECT setval(pg_get_serial_sequence(%s, %s), %s, %s)", [quoted, column, max(last, 1), last > 0])


def sequence_of(alias: str, model: type[Model]) -> int:
    """Return the last number that a table has given out."""
    table, column = model._meta.db_table, model._meta.pk.column
    with connections[alias].cursor() as cursor:
        if connections[alias].vendor == "sqlite":
            cursor.execute("SELECT seq FROM sqlite_sequence WHERE name = %s", [table])
        else:
            cursor.execute("SELECT pg_get_serial_sequence(%s, %s)", [connections[alias].ops.quote_name(table), column])
            cursor.execute(f"SELECT last_value FROM {cursor.fetchone()[0]}")
        found = cursor.fetchone()
    return int(found[0]) if found else 0


def empty_table(world: World, random: Random) -> str:
    """Empty a table and begin its numbers anew, and load some of its rows again."""
    model = random.choice([each for each in world.written if not each._meta.parents] or world.written)
    quote = connections[LOCAL].ops.quote_name
    if model._meta.parents:
        return NOTHING
    if connections[LOCAL].vendor == "postgresql" and random.random() < 0.5:
        execute(LOCAL, f"TRUNCATE {quote(model._meta.db_table)} RESTART IDENTITY CASCADE")
    else:
        with transaction.atomic(using=LOCAL):
            execute(LOCAL, f"DELETE FROM {quote(model._meta.db_table)}")
            _refuse_orphans(world, model)
        if is_automatic(model._meta.pk):
            _set_sequence(LOCAL, model, 0)
    for _ in range(random.randint(0, 2)):
        values = new_values(world, random, LOCAL, model, world.new_mark(LOCAL))
        if values is not None:
            model(**values).save(using=LOCAL, force_insert=True)
    return f"{model.__name__} is emptied and loaded anew"


def _refuse_orphans(world: World, model: type[Model]) -> None:
    """Raise an ``IntegrityError`` if rows of children are there without their parent's: no objects of Django's.

    SQLite counts what a transaction has broken, less what it has mended: rows that led nowhere before, and are deleted
    now, let it overlook as many children (seen on 3.40).
    """
    quote = connections[LOCAL].ops.quote_name
    for child in world.written:
        link = child._meta.parents.get(model)
        if link is None or link.model is not child:
            continue
        table, column, key = (quote(each) for each in (model._meta.db_table, link.column, model._meta.pk.column))
        orphans = f"{column} IS NOT NULL AND {column} NOT IN (SELECT {key} FROM {table})"
        with connections[LOCAL].cursor() as cursor:
            cursor.execute(f"SELECT 1 FROM {quote(child._meta.db_table)} WHERE {orphans} LIMIT 1")
            if cursor.fetchone():
                raise IntegrityError(f"rows of {child.__name__} would be left without theirs of {model.__name__}")


# What no ORM would write --------------------------------------------------------------------------

_SQLITE_GARBAGE = {
    "UUIDField": "no uuid",
    "IntegerField": "many",
    "DateTimeField": "yesterday",
    "DateField": "0000-00-00",
    "DecimalField": "a few",
    "TimeField": "noon",
    "DurationField": "long",
    "JSONField": None,
}
_POSTGRES_GARBAGE = {"DateTimeField": "infinity", "DateField": "0044-03-15 BC", "DecimalField": "NaN"}


def write_garbage(world: World, random: Random) -> str:
    """Write a value that Python cannot read."""
    vendor = connections[LOCAL].vendor
    garbage = _SQLITE_GARBAGE if vendor == "sqlite" else _POSTGRES_GARBAGE
    fields = [
        field
        for model in world.written
        for field in model._meta.local_concrete_fields
        if garbage.get(field.get_internal_type()) and not field.is_relation
    ]
    if not fields:
        return NOTHING
    field = random.choice(fields)
    text = Raw(str(garbage[field.get_internal_type()]))
    world.troubled.add("garbage")
    if field.primary_key and not field.model._meta.parents:
        values = new_values(world, random, LOCAL, field.model, world.new_mark(LOCAL))
        if values is None:
            return NOTHING
        insert(LOCAL, field.model, {**values, field.attname: text}, random)
        return f"{field.model.__name__} gets the key {text.text!r}"
    found = pick(world, random, LOCAL, field.model)
    if found is None or field in field.model._meta.pk_fields:
        return NOTHING
    update(LOCAL, field, text, found[1].key)
    return f"{field.model.__name__} {found[1].key!r}.{field.attname} = {text.text!r}"


def leave_dangling(world: World, random: Random) -> str:
    """Delete a row, whatever points to it, with the constraints off (SQLite) or where there are none."""
    found = pick(world, random, LOCAL)
    if found is None:
        return NOTHING
    model, row = found
    if any(model in each._meta.all_parents for each in world.models):
        return NOTHING  # the row of a child without its parent's is no object of Django's
    if connections[LOCAL].vendor == "sqlite":
        with constraints_off():
            delete(LOCAL, model, row.key)
    else:
        delete(LOCAL, model, row.key)
    world.troubled.add("keys that lead nowhere")
    world.freed.setdefault(model, []).append(row.key)
    return f"{model.__name__} {row.key!r} is deleted with constraints off"


@contextmanager
def constraints_off() -> Iterator[None]:
    execute(LOCAL, "PRAGMA foreign_keys = OFF")
    try:
        yield
    finally:
        execute(LOCAL, "PRAGMA foreign_keys = ON")


# A role that does not see everything --------------------------------------------------------------

ROLE = "shapefuzz_tenant"


@contextmanager
def as_tenant(world: World, random: Random, alias: str) -> Iterator[str]:
    """Hide rows of some table from a role, and connect as that role for a block."""
    table = connections[alias].ops.quote_name(random.choice(world.written)._meta.db_table)
    rule = random.choice(("false", "true", "random() < 2", "current_user = 'nobody'"))
    for statement in (
        f"DO $$ BEGIN CREATE ROLE {ROLE}; EXCEPTION WHEN duplicate_object THEN NULL; END $$",
        f"GRANT ALL ON ALL TABLES IN SCHEMA public TO {ROLE}",
        f"GRANT ALL ON ALL SEQUENCES IN SCHEMA public TO {ROLE}",
        f"GRANT EXECUTE ON FUNCTION pg_control_system() TO {ROLE}",
        f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY",
        f"CREATE POLICY fuzz ON {table} USING ({rule}) WITH CHECK (true)",
    ):
        execute(alias, statement)
    world.reconnect(alias, OPTIONS={"assume_role": ROLE})
    try:
        yield f"as a role that sees of {table} on {alias!r} what is {rule}"
    finally:
        world.reconnect(alias)
        execute(alias, f"DROP POLICY fuzz ON {table}")
        execute(alias, f"ALTER TABLE {table} DISABLE ROW LEVEL SECURITY")
        execute(alias, f"DROP OWNED BY {ROLE}")


Foreign = Callable[[World, Random], str]
FOREIGN: dict[str, tuple[Foreign, int]] = {
    "back up": (back_up, 3),
    "restore": (restore, 3),
    "move": (move, 1),
    "restart sequence": (restart_sequence, 4),
    "push sequence": (push_sequence, 2),
    "empty table": (empty_table, 3),
    "garbage": (write_garbage, 3),
    "dangling": (leave_dangling, 2),
}
