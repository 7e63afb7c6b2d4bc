"""Trigger SQL for PostgreSQL, on django-pgtrigger.

Four triggers a table, all statement-level: AFTER INSERT, UPDATE and DELETE with transition tables
(PostgreSQL allows one event for such a trigger), and BEFORE TRUNCATE. Their functions

* run with their owner's rights and a fixed search_path, so that a role that may write the table needs
  no rights on the changelog and cannot redirect it;
* switch off JIT and nested loops: the join of the transition tables is planned once per session, and
  a plan made for one row is quadratic for many, while one made for many rows costs a compilation each
  time (both measured on PostgreSQL 15);
* write times in UTC, whatever time zone the session has: a key is one text;
* join old and new rows with FULL JOIN: a change of the primary key is a delete and an insert.

A statement-level trigger fires for the table that a statement names, and for no other: each partition has
triggers of its own, which call the functions of its table. A write through the parent fires the parent's alone, so
nothing is logged twice; TRUNCATE alone fires those of all (``_TRUNCATE_PARTS``).

The triggers are installed per alias and never registered: a registered trigger would make
``makemigrations`` write into the app of the model.
"""

from __future__ import annotations

import hashlib
from dataclasses import replace
from typing import Any

import pgtrigger
from django.db.backends.base.base import BaseDatabaseWrapper

from ..exceptions import Refused
from .postgres_bodies import NOT_PAUSED, TIMINGS, bodies_of, caught_up
from .postgres_bodies import key_text as key_text
from .postgres_catalog import Layout, Part, changelog_schema, layouts_of, quote, quote_table
from .postgres_catalog import columns_of as columns_of
from .postgres_catalog import existing_tables as existing_tables
from .postgres_catalog import lacking_columns as lacking_columns
from .postgres_catalog import look as look
from .postgres_catalog import not_surely_empty as not_surely_empty
from .postgres_catalog import obliging_columns as obliging_columns
from .postgres_catalog import sight_of as sight_of
from .postgres_catalog import tables_there as tables_there
from .postgres_catalog import times_as_logged as times_as_logged
from .postgres_catalog import unseen as unseen
from .postgres_catalog import views as views
from .postgres_notices import drop_notice_statements as drop_notice_statements
from .postgres_notices import listen as listen
from .postgres_notices import notice_statements as notice_statements
from .postgres_transitional import transitional_setup as transitional_setup
from .postgres_transitional import transitional_triggers as transitional_triggers
from .tables import CapturedTable
from .trigger import InstalledTrigger, Trigger, quote_literal, trigger_name

# pgtrigger's own template calls a PL/pgSQL function with an exception block before every run.
_FULL_FUNCTION = """
CREATE OR REPLACE FUNCTION {schema}.{name}() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
SET jit = off
SET enable_nestloop = off
SET timezone = 'UTC'
AS $synchro$
BEGIN
{function}
END;
$synchro$;
REVOKE ALL ON FUNCTION {schema}.{name}() FROM PUBLIC;
"""
_FULL_TRIGGER = """
DROP TRIGGER IF EXISTS {name} ON {table};
CREATE TRIGGER {name}
    {when} {operation} ON {table}
    {referencing}
    FOR EACH {level} WHEN ({condition})
    EXECUTE FUNCTION {schema}.{name}({arguments});
COMMENT ON TRIGGER {name} ON {table} IS '{signature}';
"""


#: A row that row-level functions have, as if it were a transition table. OFFSET keeps it from being taken apart: the
#: two are joined.
_OLD_ROW = "(SELECT (OLD).* OFFSET 0) AS o"
_NEW_ROW_AS = "(SELECT (NEW).* OFFSET 0) AS"

#: In which modes a trigger fires, by what its signature ends with; ``ALWAYS`` is no fault where it was not asked for.
FIRES = {"": "OA", "always": "A", "replica": "RA"}


# Full triggers ------------------------------------------------------------------------------------


def full_triggers(
    connection: BaseDatabaseWrapper, tables: list[CapturedTable], replicated: bool = False
) -> list[Trigger]:
    """Return the triggers that ``tables`` should have; columns that are not in the database are left out.

    Args:
        connection: the database.
        tables: what is captured, and exists there.
        replicated: log what logical replication applies, too. It fires no statement-level triggers but those of
            TRUNCATE, so that row-level ones come on top, for sessions with the role ``replica`` alone.
    """
    schema = changelog_schema(connection)
    layouts = layouts_of(connection, tables)
    return [
        trigger
        for table in tables
        if (layout := layouts.get(table.table)) is not None
        for trigger in _triggers_of(connection, table, layout, schema, replicated)
    ]


def _triggers_of(
    connection: BaseDatabaseWrapper, table: CapturedTable, layout: Layout, schema: str, replicated: bool
) -> list[Trigger]:
    columns = [column for column in table.columns if column.column in layout.exact]
    if any(key.column not in layout.exact for key in table.key):
        raise Refused(
            f"{table.label}: the table {table.table!r} on {connection.alias!r} has no column "
            f"{', '.join(repr(key.column) for key in table.key)} for its primary key; run migrate first."
        )
    bodies = bodies_of(table, columns, layout, f"{schema}.synchro_triggers_changelog")
    if replicated:
        bodies |= {
            f"r{event}": bodies[event].replace("synchro_old AS o", _OLD_ROW).replace("synchro_new AS", _NEW_ROW_AS)
            for event in ("ins", "upd", "del")
        }
    triggers = []
    for event, function in bodies.items():
        of_row = event.removeprefix("r") in TIMINGS and event not in TIMINGS
        when, operation, referencing = TIMINGS[event.removeprefix("r")]
        trigger = pgtrigger.Trigger(
            name=trigger_name(table.label, event),  # not pgtrigger's prefix: ``pgtrigger prune`` leaves it alone
            level=pgtrigger.Row if of_row else pgtrigger.Statement,
            when=when,
            operation=operation,
            referencing=None if of_row else referencing,
            condition=pgtrigger.Condition(NOT_PAUSED),
            func=function,
        )
        fires = "replica" if of_row else "always" if replicated and event == "trunc" else ""
        quoted = quote_table(connection, table.table)
        if not (of_row and layout.is_partitioned):  # replication writes the partitions
            triggers.append(_compile(trigger, table, quoted, schema, layout, fires))
        for part in layout.parts:
            if part.is_leaf or not of_row:
                triggers.append(_compile(trigger, table, part.qualified, schema, layout, fires, part))
    return triggers


def _compile(
    trigger: pgtrigger.Trigger,
    table: CapturedTable,
    quoted_table: str,
    schema: str,
    layout: Layout,
    fires: str,
    part: Part | None = None,
) -> Trigger:
    """Write the SQL from what a pgtrigger.Trigger says of itself in public; its signature is the hash of the SQL."""
    assert trigger.name is not None
    parts = {
        "name": trigger.name,
        "schema": schema,
        "table": quoted_table,
        "function": trigger.func,
        "when": trigger.when,
        "operation": trigger.operation,
        "referencing": trigger.referencing or "",
        "level": trigger.level,
        "condition": NOT_PAUSED,
        "arguments": quote_literal(table.label) + (", 'partition'" if part else ""),
    }
    template = _FULL_TRIGGER if part and fires != "replica" else _FULL_FUNCTION + _FULL_TRIGGER
    if fires:
        template += f"ALTER TABLE {{table}} ENABLE {fires.upper()} TRIGGER {{name}};\n"
    signed = parts | {"table": "", "signature": ""} if part else parts | {"signature": ""}  # it may be renamed
    signature = f"{hashlib.sha1(template.format(**signed).encode()).hexdigest()} {fires}".rstrip()
    sql = (template.format(**parts, signature=signature),)
    if part is None:
        return Trigger(trigger.name, table.table, table.label, signature, sql, layout.qualified)
    found = Trigger(trigger.name, part.name, table.label, signature, sql, part.qualified, of_partition=True)
    if trigger.name == trigger_name(table.label, "ins"):
        found = replace(found, catch_up=caught_up(table, layout, part, schema))
    return found


# Transitional triggers ----------------------------------------------------------------------------


def before_ddl(connection: BaseDatabaseWrapper, sql: str, installed: list[InstalledTrigger]) -> list[str]:
    """Return what must run before a schema statement: nothing, transitional functions name no column."""
    return []


# What is installed --------------------------------------------------------------------------------

#: Functions beside the changelog; where it is gone, those of which none is left.
_OF_OURS = "quote_ident((SELECT nspname FROM pg_catalog.pg_namespace WHERE oid = p.pronamespace)) = %s"
_OF_OURS_WITHOUT_CHANGELOG = r"""p.proname ~ '^synchro_([a-z]+_[0-9a-f]{20}|transitional)$'
   AND NOT EXISTS (SELECT FROM pg_catalog.pg_class l
                    WHERE l.relname = 'synchro_triggers_changelog' AND l.relnamespace = p.pronamespace)"""

_INSTALLED = """
SELECT t.tgname, c.relname, format('%%I.%%I', n.nspname, c.relname), t.tgenabled::text, t.tgargs,
       coalesce(obj_description(t.oid, 'pg_trigger'), '')
  FROM pg_catalog.pg_trigger t
  JOIN pg_catalog.pg_class c ON c.oid = t.tgrelid
  JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
  JOIN pg_catalog.pg_proc p ON p.oid = t.tgfoid
 WHERE NOT t.tgisinternal
   AND starts_with(t.tgname, 'synchro_')
   AND {of_ours}
 ORDER BY c.relname, t.tgname
"""


def _of_ours(connection: BaseDatabaseWrapper, sql: str) -> list[Any]:
    """Run a query of triggers or functions for those in the schema that the connection sees."""
    schema = changelog_schema(connection, missing_ok=True)
    with connection.cursor() as cursor:
        if schema is None:
            cursor.execute(sql.replace("{of_ours}", _OF_OURS_WITHOUT_CHANGELOG), [])
        else:
            cursor.execute(sql.replace("{of_ours}", _OF_OURS), [schema])
        rows: list[Any] = cursor.fetchall()
        return rows


def installed_triggers(connection: BaseDatabaseWrapper) -> list[InstalledTrigger]:
    """Return this package's triggers in the schema that the connection sees; those of a changelog that is gone too."""
    rows = _of_ours(connection, _INSTALLED)
    return [
        InstalledTrigger(
            name=name,
            table=table,
            qualified_table=qualified,
            label=bytes(arguments).split(b"\0")[0].decode(),
            signature=comment if enabled in FIRES.get(comment.partition(" ")[2], "") else "",
            transitional=comment == "transitional",
            place=qualified,
            replicated=comment.endswith(" replica"),
        )
        for name, table, qualified, enabled, arguments, comment in rows
    ]


def has_triggers(connection: BaseDatabaseWrapper) -> bool:
    """Tell whether there are triggers of this package in the schema that the connection sees."""
    with connection.cursor() as cursor:
        cursor.execute(_ANY_INSTALLED)
        return bool(cursor.fetchone()[0])


_ANY_INSTALLED = """
SELECT EXISTS (
    SELECT FROM pg_catalog.pg_class l, pg_catalog.pg_trigger t
      JOIN pg_catalog.pg_proc p ON p.oid = t.tgfoid
     WHERE l.oid = to_regclass('synchro_triggers_changelog') AND p.pronamespace = l.relnamespace
       AND NOT t.tgisinternal AND starts_with(t.tgname, 'synchro_'))
"""


def drop_sql(connection: BaseDatabaseWrapper, trigger: InstalledTrigger) -> list[str]:
    """Return what removes one trigger; its function goes with ``drop_leftovers``."""
    return [f"DROP TRIGGER IF EXISTS {quote(trigger.name)} ON {trigger.qualified_table}"]


_LEFTOVERS = """
SELECT p.oid::regprocedure::text
  FROM pg_catalog.pg_proc p
 WHERE {of_ours}
   AND starts_with(p.proname, 'synchro_')
   AND p.prorettype = 'trigger'::regtype
   AND NOT EXISTS (SELECT FROM pg_catalog.pg_trigger t WHERE t.tgfoid = p.oid)
"""


def drop_leftovers(connection: BaseDatabaseWrapper) -> list[str]:
    """Return what removes trigger functions that no trigger uses (their table was dropped)."""
    return [f"DROP FUNCTION IF EXISTS {name}" for (name,) in _of_ours(connection, _LEFTOVERS)]


# The catalog --------------------------------------------------------------------------------------


def partitions(connection: BaseDatabaseWrapper, tables: list[CapturedTable]) -> list[tuple[str, str, tuple[str, ...]]]:
    """Return each partition of these tables: label, quoted name, and what logs the rows that it has."""
    layouts = layouts_of(connection, tables)
    schema = changelog_schema(connection)
    return [
        (table.label, part.qualified, caught_up(table, layouts[table.table], part, schema))
        for table in tables
        if table.table in layouts
        for part in layouts[table.table].parts
    ]
