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
import json
import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any

import pgtrigger
from django.db.backends.base.base import BaseDatabaseWrapper

from ..exceptions import Refused
from .sight import Sight
from .tables import CapturedColumn, CapturedTable
from .trigger import InstalledTrigger, Trigger, grouped, quote_literal, trigger_name

#: Of these types, ``IS DISTINCT FROM`` tells every visible difference. Others are compared by their
#: stored image: some have no equality (json, point), some call different values equal (citext).
_EXACT_TYPES = frozenset(
    [
        "bigint",
        "boolean",
        "date",
        "integer",
        "smallint",
        "bytea",
        "uuid",
        "inet",
        "cidr",
        "oid",
        "timestamp with time zone",
        "timestamp without time zone",
        "time without time zone",
    ]
)
_EXACT_TEXT_OR_NUMBER = re.compile(r"((character varying|character|text)(\(\d+\))?|numeric\(\d+,\d+\))(\[\])?")

_NOT_PAUSED = "pg_catalog.current_setting('synchro.paused', true) IS DISTINCT FROM 'on'"

_INSERT_INTO_LOG = """
    INSERT INTO {changelog}
        (model_label, object_pk, operation, changed_fields, old_values, origin, logged_at, txid)
"""
_CONTEXT = "coalesce(current_setting('synchro.origin', true), ''), clock_timestamp(), txid_current()"

_ON_INSERT = (
    _INSERT_INTO_LOG
    + """
    SELECT {label}, {new_key}, 'I', '', NULL, {context} FROM synchro_new AS n;
    RETURN NULL;
"""
)
_ON_DELETE = (
    _INSERT_INTO_LOG
    + """
    SELECT {label}, {old_key}, 'D', '', {old_values}, {context} FROM {rows} AS o;
    RETURN NULL;
"""
)
#: Somebody may drop or rename a column by hand, and a statement that names it would fail every write. The block costs
#: 1 to 2.5 % of a single save, as it writes nothing: an exception handler around the log's INSERT would take a
#: transaction number of its own each time.
_UNLESS_COLUMNS_ARE_GONE = """
    BEGIN
        PERFORM {columns} FROM {rows} AS o WHERE false;
    EXCEPTION WHEN undefined_column THEN
        {without_columns}
    END;
"""
#: Row-level security is no matter to TRUNCATE, but it may hide rows from the function that is to log them: those are
#: known by the log, as what it has not said to be deleted. (A log that was pruned knows no more than it has.)
_HIDDEN_FROM_TRUNCATE = (
    """
    IF row_security_active(TG_RELID) THEN
"""
    + _INSERT_INTO_LOG
    + """
        SELECT {label}, object_pk, 'D', '', NULL, {context} FROM {changelog}
         WHERE model_label = {label}
         GROUP BY object_pk
        HAVING max(id) IS DISTINCT FROM max(id) FILTER (WHERE operation = 'D');
    END IF;
    RETURN NULL;
"""
)
_ON_TRUNCATE = _ON_DELETE.removesuffix("    RETURN NULL;\n") + _HIDDEN_FROM_TRUNCATE
#: Of a table with partitions. TRUNCATE fires the triggers of the parent and of each partition: a parent logs the rows
#: of those that have none. It has no table of its own to name: the partitions use the function too.
_TRUNCATE_PARTS = (
    """
    EXECUTE {before_table} || TG_RELID::regclass || {after_table} USING TG_RELID, TG_NAME;
"""
    + _HIDDEN_FROM_TRUNCATE
)
_OF_PARTS_WITHOUT_TRIGGER = """ AS o
     WHERE o.tableoid = $1
        OR o.tableoid NOT IN (SELECT tgrelid FROM pg_trigger WHERE tgname = $2 AND tgenabled IN ('O', 'A'))
"""
#: A partition that was detached is no part of the model any more, but keeps its triggers until the next installation.
_NOT_IF_DETACHED = """
    IF TG_NARGS > 1 THEN
        IF NOT EXISTS (SELECT FROM pg_inherits WHERE inhrelid = TG_RELID) THEN
            RETURN NULL;
        END IF;
    END IF;
"""
_ON_UPDATE = (
    _INSERT_INTO_LOG
    + """
    SELECT {label},
           CASE WHEN {no_new} THEN {old_key} ELSE {new_key} END,
           CASE WHEN {no_new} THEN 'D' WHEN {no_old} THEN 'I' ELSE 'U' END,
           CASE WHEN {no_new} OR {no_old} THEN '' ELSE substr({changed_names}, 2) END,
           CASE WHEN {no_new} OR {kept_differs} THEN {old_values} END,
           {context}
      FROM synchro_old AS o FULL JOIN synchro_new AS n ON {same_key}
     WHERE {no_new} OR {no_old} OR {differs};
    RETURN NULL;
"""
)


_referencing: Any = pgtrigger.Referencing  # which has no types

_EVENTS: dict[str, tuple[Any, Any, Any]] = {
    "ins": (pgtrigger.After, pgtrigger.Insert, _referencing(new="synchro_new")),
    "upd": (pgtrigger.After, pgtrigger.Update, _referencing(old="synchro_old", new="synchro_new")),
    "del": (pgtrigger.After, pgtrigger.Delete, _referencing(old="synchro_old")),
    "trunc": (pgtrigger.Before, pgtrigger.Truncate, None),
}
EVENTS = tuple(_EVENTS)

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
_FIRES = {"": "OA", "always": "A", "replica": "RA"}


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
    layouts = _layouts(connection, tables)
    return [
        trigger
        for table in tables
        if (layout := layouts.get(table.table)) is not None
        for trigger in _triggers_of(connection, table, layout, schema, replicated)
    ]


def _triggers_of(
    connection: BaseDatabaseWrapper, table: CapturedTable, layout: _Layout, schema: str, replicated: bool
) -> list[Trigger]:
    columns = [column for column in table.columns if column.column in layout.exact]
    if any(key.column not in layout.exact for key in table.key):
        raise Refused(
            f"{table.label}: the table {table.table!r} on {connection.alias!r} has no column "
            f"{', '.join(repr(key.column) for key in table.key)} for its primary key; run migrate first."
        )
    bodies = _bodies(table, columns, layout, f"{schema}.synchro_triggers_changelog")
    if replicated:
        bodies |= {
            f"r{event}": bodies[event].replace("synchro_old AS o", _OLD_ROW).replace("synchro_new AS", _NEW_ROW_AS)
            for event in ("ins", "upd", "del")
        }
    triggers = []
    for event, function in bodies.items():
        of_row = event.removeprefix("r") in _EVENTS and event not in _EVENTS
        when, operation, referencing = _EVENTS[event.removeprefix("r")]
        trigger = pgtrigger.Trigger(
            name=trigger_name(table.label, event),  # not pgtrigger's prefix: ``pgtrigger prune`` leaves it alone
            level=pgtrigger.Row if of_row else pgtrigger.Statement,
            when=when,
            operation=operation,
            referencing=None if of_row else referencing,
            condition=pgtrigger.Condition(_NOT_PAUSED),
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
    layout: _Layout,
    fires: str,
    part: _Part | None = None,
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
        "condition": _NOT_PAUSED,
        "arguments": quote_literal(table.label) + (", 'partition'" if part else ""),
    }
    template = _FULL_TRIGGER if part and fires != "replica" else _FULL_FUNCTION + _FULL_TRIGGER
    if fires:
        template += f"ALTER TABLE {{table}} ENABLE {fires.upper()} TRIGGER {{name}};\n"
    signed = parts | {"table": "", "signature": ""} if part else parts | {"signature": ""}  # it may be renamed
    signature = f"{hashlib.sha1(template.format(**signed).encode()).hexdigest()} {fires}".rstrip()
    sql = template.format(**parts, signature=signature)
    if part:
        catch_up = _catch_up(table, layout, part, schema) if trigger.name == trigger_name(table.label, "ins") else ()
        return Trigger(
            trigger.name,
            part.name,
            table.label,
            signature,
            (sql,),
            part.qualified,
            of_partition=True,
            catch_up=catch_up,
        )
    return Trigger(trigger.name, table.table, table.label, signature, (sql,), layout.qualified)


_IN_UTC = """
DO $synchro$
DECLARE
    zone text := current_setting('timezone');
BEGIN
    PERFORM set_config('timezone', 'UTC', true);
    {statement};
    PERFORM set_config('timezone', zone, true);
END;
$synchro$
"""


def _catch_up(table: CapturedTable, layout: _Layout, part: _Part, schema: str) -> tuple[str, ...]:
    """Return what logs every row of a partition that has had no triggers so far: any of them may be new, or changed."""
    if not part.is_leaf or any(key.column not in layout.exact for key in table.key):
        return ()
    insert = _INSERT_INTO_LOG.format(changelog=f"{schema}.synchro_triggers_changelog")
    values = f"{quote_literal(table.label)}, {key_text(table.key, 'n')}, 'U', '', NULL, {_CONTEXT}"
    return (_IN_UTC.format(statement=f"{insert} SELECT {values} FROM {part.qualified} AS n"),)


def _bodies(
    table: CapturedTable,
    columns: list[CapturedColumn],
    layout: _Layout,
    changelog: str,
) -> dict[str, str]:
    watched = [column for column in columns if not column.skipped and column not in table.key]
    kept = [column for column in columns if column.kept]
    first_key = _quote(table.key[0].column)

    def differs(column: CapturedColumn) -> str:
        name = _quote(column.column)
        if layout.exact[column.column]:
            return f"o.{name} IS DISTINCT FROM n.{name}"
        # Without the casts, the parser takes two ROWs apart and looks for an operator *<> of the values.
        return f"ROW(o.{name})::record OPERATOR(pg_catalog.*<>) ROW(n.{name})::record"

    def same(key: CapturedColumn) -> str:
        name = _quote(key.column)
        if layout.exact[key.column]:
            return f"o.{name} = n.{name}"
        return f'o.{name}::text COLLATE "C" = n.{name}::text COLLATE "C"'

    names = [f"CASE WHEN {differs(column)} THEN {quote_literal(',' + column.name)} ELSE '' END" for column in watched]
    parts = {
        "changelog": changelog,
        "label": quote_literal(table.label),
        "new_key": key_text(table.key, "n"),
        "old_key": key_text(table.key, "o"),
        "no_new": f"n.{first_key} IS NULL",
        "no_old": f"o.{first_key} IS NULL",
        "same_key": " AND ".join(map(same, table.key)),
        "changed_names": " || ".join(names) or "''",
        "differs": " OR ".join(differs(column) for column in watched) or "false",
        "kept_differs": " OR ".join(differs(column) for column in kept if column not in table.key) or "false",
        "old_values": _old_values(kept),
        "context": _CONTEXT,
    }
    bodies = {
        "ins": _ON_INSERT.format(**parts),
        "upd": _ON_UPDATE.format(**parts),
        "del": _ON_DELETE.format(**parts, rows="synchro_old"),
        "trunc": _truncate_body(parts, layout),
    }
    # What is left when columns are gone: any may have changed, and the whole row tells the object.
    unknown = parts | {
        "changed_names": "''",
        "differs": "true",
        "kept_differs": "true",
        "old_values": "to_jsonb(o)::text",
    }
    if watched or kept:
        named = ", ".join(f"o.{_quote(column.column)}" for column in columns)
        bodies["upd"] = (
            _UNLESS_COLUMNS_ARE_GONE.format(
                columns=named, rows="synchro_new", without_columns=_ON_UPDATE.format(**unknown)
            )
            + bodies["upd"]
        )
    if kept:
        named = ", ".join(f"o.{_quote(column.column)}" for column in kept)
        for event, rows, without_columns in (
            ("del", "synchro_old", _ON_DELETE.format(**unknown, rows="synchro_old")),
            ("trunc", layout.qualified, _truncate_body(unknown, layout)),
        ):
            bodies[event] = (
                _UNLESS_COLUMNS_ARE_GONE.format(columns=named, rows=rows, without_columns=without_columns)
                + bodies[event]
            )
    if layout.is_partitioned:
        bodies = {event: _NOT_IF_DETACHED + body for event, body in bodies.items()}
    return bodies


def _truncate_body(parts: dict[str, str], layout: _Layout) -> str:
    if not layout.is_partitioned:
        return _ON_TRUNCATE.format(**parts, rows=layout.qualified)
    head = _ON_DELETE.format(**parts, rows="").partition(" AS o;")[0]
    return _TRUNCATE_PARTS.format(
        **parts, before_table=quote_literal(head), after_table=quote_literal(_OF_PARTS_WITHOUT_TRIGGER)
    )


def key_text(key: tuple[CapturedColumn, ...], row: str) -> str:
    """Return the SQL of a row's key as the changelog has it."""
    if len(key) > 1:
        return "jsonb_build_array(" + ", ".join(f"{row}.{_quote(part.column)}" for part in key) + ")::text"
    column = f"{row}.{_quote(key[0].column)}"
    # JSON writes dates in ISO form whatever DateStyle the session has.
    if key[0].kind in {"DateField", "DateTimeField", "TimeField", "DurationField"}:
        return f"to_jsonb({column}) #>> '{{}}'"
    if key[0].kind == "BinaryField":  # whatever bytea_output it has
        return f"encode({column}, 'hex')"
    if key[0].kind == "GenericIPAddressField":  # without the net mask that text gets
        return f"host({column}::inet)"
    return f"{column}::text"


def _old_values(kept: list[CapturedColumn]) -> str:
    if not kept:
        return "NULL"
    pairs = [f"{quote_literal(column.column)}, o.{_quote(column.column)}" for column in kept]
    # A function takes at most 100 arguments.
    chunks = [pairs[start : start + 40] for start in range(0, len(pairs), 40)]
    return "(" + " || ".join(f"jsonb_build_object({', '.join(chunk)})" for chunk in chunks) + ")::text"


# Transitional triggers ----------------------------------------------------------------------------

_TRANSITIONAL_FUNCTION = """
CREATE OR REPLACE FUNCTION {schema}.synchro_transitional() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
SET jit = off
SET enable_nestloop = off
SET timezone = 'UTC'
AS $synchro$
-- For the time of a migration: finds the key in the catalog at each call, so that no change of the
-- table can break it, and logs every updated row with all its old values.
DECLARE
    label text := TG_ARGV[0];
    key_columns text[];
    old_key text;
    new_key text;
    same_key text;
    first_key text;
    log_head text := 'INSERT INTO {schema}.synchro_triggers_changelog
        (model_label, object_pk, operation, changed_fields, old_values, origin, logged_at, txid) ';
    context text := 'coalesce(current_setting(''synchro.origin'', true), ''''), clock_timestamp(), txid_current()';
BEGIN
    SELECT array_agg(a.attname ORDER BY array_position(i.indkey::int2[], a.attnum)) INTO key_columns
      FROM pg_index i JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = ANY (i.indkey::int2[])
     WHERE i.indrelid = TG_RELID AND i.indisprimary;
    IF key_columns IS NULL THEN
        key_columns := ARRAY(SELECT json_array_elements_text(TG_ARGV[1]::json));
    END IF;
    IF cardinality(key_columns) = 1 THEN
        old_key := format('to_jsonb(o.%I) #>> ''{{}}''', key_columns[1]);
        new_key := format('to_jsonb(n.%I) #>> ''{{}}''', key_columns[1]);
    ELSE
        SELECT 'jsonb_build_array(' || string_agg(format('o.%I', k), ', ') || ')::text',
               'jsonb_build_array(' || string_agg(format('n.%I', k), ', ') || ')::text'
          INTO old_key, new_key FROM unnest(key_columns) AS k;
    END IF;
    -- Keys are compared as they are logged: their own equality may be blind to case, or out of the search_path.
    SELECT string_agg(format('to_jsonb(o.%1$I) = to_jsonb(n.%1$I)', k), ' AND ')
      INTO same_key FROM unnest(key_columns) AS k;
    first_key := quote_ident(key_columns[1]);
    IF TG_OP = 'INSERT' THEN
        EXECUTE log_head || format('SELECT %L, %s, ''I'', '''', NULL, %s FROM synchro_new AS n',
            label, new_key, context);
    ELSIF TG_OP = 'UPDATE' THEN
        EXECUTE log_head || format('SELECT %L, %s, CASE WHEN o.%s IS NULL THEN ''I'' ELSE ''U'' END, '''',
            CASE WHEN o.%s IS NOT NULL THEN to_jsonb(o)::text END, %s
            FROM synchro_old AS o RIGHT JOIN synchro_new AS n ON %s',
            label, new_key, first_key, first_key, context, same_key);
        EXECUTE log_head || format('SELECT %L, %s, ''D'', '''', to_jsonb(o)::text, %s
            FROM synchro_old AS o LEFT JOIN synchro_new AS n ON %s WHERE n.%s IS NULL',
            label, old_key, context, same_key, first_key);
    ELSIF TG_OP = 'DELETE' THEN
        EXECUTE log_head || format('SELECT %L, %s, ''D'', '''', to_jsonb(o)::text, %s FROM synchro_old AS o',
            label, old_key, context);
    ELSE
        EXECUTE log_head || format('SELECT %L, %s, ''D'', '''', to_jsonb(o)::text, %s FROM %s AS o',
            label, old_key, context, format('%I.%I', TG_TABLE_SCHEMA, TG_TABLE_NAME));
    END IF;
    RETURN NULL;
END;
$synchro$;
REVOKE ALL ON FUNCTION {schema}.synchro_transitional() FROM PUBLIC;
"""

_TRANSITIONAL_TRIGGER = """
DROP TRIGGER IF EXISTS {name} ON {table};
CREATE TRIGGER {name} {when} {operation} ON {table} {referencing}
    FOR EACH STATEMENT WHEN ({not_paused})
    EXECUTE FUNCTION {schema}.synchro_transitional({label}, {key});
COMMENT ON TRIGGER {name} ON {table} IS 'transitional';
"""


def transitional_setup(connection: BaseDatabaseWrapper) -> list[str]:
    """Return what must run once before transitional triggers are made."""
    return [_TRANSITIONAL_FUNCTION.format(schema=changelog_schema(connection))]


def transitional_triggers(
    connection: BaseDatabaseWrapper, label: str, qualified_table: str, key: tuple[CapturedColumn, ...] = ()
) -> list[Trigger]:
    """Return triggers for one table that hold whatever a migration does to it."""
    schema = changelog_schema(connection)
    triggers = []
    for event, (when, operation, referencing) in _EVENTS.items():
        name = trigger_name(label, event)
        sql = _TRANSITIONAL_TRIGGER.format(
            name=name,
            table=qualified_table,
            when=when,
            operation=operation,
            referencing=referencing or "",
            not_paused=_NOT_PAUSED,
            schema=schema,
            label=quote_literal(label),
            key=quote_literal(json.dumps([part.column for part in key])),
        )
        triggers.append(Trigger(name, qualified_table, label, "transitional", (sql,)))
    return triggers


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
            signature=comment if enabled in _FIRES.get(comment.partition(" ")[2], "") else "",
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

#: What may have changed if its rows are others, or lie somewhere else: each table of such a name and its columns, types
#: of the project's own, schemas, partitions, our triggers and their comments. Numbers of transactions are given out
#: once for all databases of a cluster while it runs, so that copies of a database may share what was found out.
_CATALOG = """
WITH named AS MATERIALIZED (
    SELECT oid, xmin, ctid FROM pg_catalog.pg_class WHERE relname = ANY (%s::name[])
), fired AS MATERIALIZED (
    SELECT oid, xmin, ctid FROM pg_catalog.pg_trigger WHERE NOT tgisinternal AND starts_with(tgname, 'synchro_')
)
SELECT concat_ws('|', system_identifier, pg_postmaster_start_time(), current_schemas(true),
    (SELECT sum(hash_record_extended(named, 0)) FROM named),
    (SELECT sum(hash_record_extended(ROW (attrelid, attnum, xmin, ctid), 0)) FROM pg_catalog.pg_attribute
      WHERE attrelid = ANY (ARRAY (SELECT oid FROM named)) AND attnum > 0),
    (SELECT sum(hash_record_extended(fired, 0)) FROM fired),
    (SELECT sum(hash_record_extended(ROW (objoid, xmin, ctid), 0)) FROM pg_catalog.pg_description
      WHERE objoid = ANY (ARRAY (SELECT oid FROM fired)) AND classoid = 'pg_catalog.pg_trigger'::regclass),
    (SELECT sum(hash_record_extended(ROW (p.oid, p.xmin, p.ctid, i.inhparent, i.xmin, i.ctid), 0))
       FROM pg_catalog.pg_inherits i JOIN pg_catalog.pg_class p ON p.oid = i.inhrelid),
    (SELECT sum(hash_record_extended(ROW (oid, xmin, ctid), 0)) FROM pg_catalog.pg_namespace),
    (SELECT sum(hash_record_extended(ROW (oid, xmin, ctid), 0)) FROM pg_catalog.pg_type
      WHERE oid >= 16384 AND typrelid = 0 AND typelem = 0))
  FROM pg_control_system()
"""


def catalog_mark(connection: BaseDatabaseWrapper, tables: Collection[str]) -> str:
    """Return what is another one whenever these tables, their partitions or our triggers have changed; one query."""
    with connection.cursor() as cursor:
        cursor.execute(_CATALOG, [[_name_in_schema(connection, table) for table in tables]])
        mark: str = cursor.fetchone()[0]
        return mark


def drop_sql(connection: BaseDatabaseWrapper, trigger: InstalledTrigger) -> list[str]:
    """Return what removes one trigger; its function goes with ``drop_leftovers``."""
    return [f"DROP TRIGGER IF EXISTS {_quote(trigger.name)} ON {trigger.qualified_table}"]


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


def existing_tables(connection: BaseDatabaseWrapper, tables: list[CapturedTable]) -> list[CapturedTable]:
    """Return those of ``tables`` that exist and can carry triggers."""
    layouts = _layouts(connection, tables)
    return [table for table in tables if table.table in layouts]


def views(connection: BaseDatabaseWrapper, tables: list[CapturedTable]) -> list[CapturedTable]:
    """Return those of ``tables`` that are views, materialised ones too, or foreign tables."""
    names = [table.table for table in tables]
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT wanted.name FROM unnest(%s::text[], %s::text[]) AS wanted (name, quoted) "
            "JOIN pg_catalog.pg_class c ON c.oid = to_regclass(wanted.quoted) WHERE c.relkind IN ('v', 'm', 'f')",
            [names, [quote_table(connection, name) for name in names]],
        )
        found = {name for (name,) in cursor.fetchall()}
    return [table for table in tables if table.table in found]


_UNSEEN = """
SELECT format('%%s (%%s): unlogged: a crash of the server empties it, and no trigger fires', c.relname, wanted.label)
  FROM wanted JOIN pg_catalog.pg_class c ON c.oid = wanted.id AND c.relpersistence = 'u'
UNION ALL
SELECT format('%%s (%%s): inherited by %%s, whose own writes are not seen', c.relname, wanted.label, child.relname)
  FROM wanted
  JOIN pg_catalog.pg_class c ON c.oid = wanted.id AND c.relkind = 'r'
  JOIN pg_catalog.pg_inherits i ON i.inhparent = c.oid
  JOIN pg_catalog.pg_class child ON child.oid = i.inhrelid
UNION ALL
SELECT format('%%s (%%s): %%s is a foreign table: what is written by its name, or where it is, is not seen',
              c.relname, wanted.label, part.relname)
  FROM wanted
  JOIN pg_catalog.pg_class c ON c.oid = wanted.id AND c.relkind = 'p'
 CROSS JOIN LATERAL pg_partition_tree(c.oid) AS tree
  JOIN pg_catalog.pg_class part ON part.oid = tree.relid AND part.relkind = 'f'
UNION ALL
SELECT format('%%s (%%s): a part of %%s: what is written by the name of that is not seen under this label',
              c.relname, wanted.label, parent.relname)
  FROM wanted
  JOIN pg_catalog.pg_class c ON c.oid = wanted.id
  JOIN pg_catalog.pg_inherits i ON i.inhrelid = c.oid
  JOIN pg_catalog.pg_class parent ON parent.oid = i.inhparent
UNION ALL
SELECT format('session_replication_role is %%s for %%s: no trigger fires there for what it writes',
              split_part(setting, '=', 2),
              concat_ws(' in ', 'role ' || nullif(s.setrole, 0)::regrole, 'database ' || d.datname))
  FROM pg_catalog.pg_db_role_setting s
  LEFT JOIN pg_catalog.pg_database d ON d.oid = s.setdatabase
 CROSS JOIN unnest(s.setconfig) AS setting
 WHERE (s.setdatabase = 0 OR d.datname = current_database())
   AND setting LIKE 'session\\_replication\\_role=%%' AND setting NOT LIKE '%%=origin'
UNION ALL
SELECT 'session_replication_role is replica in this session: no trigger fires for what it writes'
 WHERE current_setting('session_replication_role') = 'replica'
UNION ALL
SELECT format('subscription %%s: what it applies is not seen without --replicated', subname)
  FROM pg_catalog.pg_subscription
 WHERE subdbid = (SELECT oid FROM pg_catalog.pg_database WHERE datname = current_database()) AND NOT %s
"""


def unseen(connection: BaseDatabaseWrapper, tables: list[CapturedTable], replicated: bool) -> list[str]:
    """Return a line for each thing that the triggers of these tables cannot see."""
    labels = [table.label for table in tables]
    with connection.cursor() as cursor:
        cursor.execute(
            "WITH wanted AS (SELECT label, to_regclass(quoted) AS id FROM unnest(%s::text[], %s::text[])"
            f" AS wanted (label, quoted)) {_UNSEEN}",
            [labels, [quote_table(connection, table.table) for table in tables], replicated],
        )
        return [line for (line,) in cursor.fetchall()]


# Notices ------------------------------------------------------------------------------------------

#: What ``synchronize --follow --notify`` listens to.
NOTICE_CHANNEL = "synchro_triggers_changelog"

_NOTICES = f"""
CREATE OR REPLACE FUNCTION {{schema}}.notify_synchro_changelog() RETURNS trigger LANGUAGE plpgsql
SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
  PERFORM pg_notify('{NOTICE_CHANNEL}', '');
  RETURN NULL;
END $$;
REVOKE ALL ON FUNCTION {{schema}}.notify_synchro_changelog() FROM PUBLIC;
CREATE TRIGGER notify_synchro_changelog AFTER INSERT ON {{schema}}.synchro_triggers_changelog
  FOR EACH STATEMENT EXECUTE FUNCTION {{schema}}.notify_synchro_changelog();
"""


def notice_statements(connection: BaseDatabaseWrapper) -> list[str]:
    """Return what makes each transaction that logs something send a notice; nothing if it does already."""
    schema = changelog_schema(connection)
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT 1 FROM pg_catalog.pg_trigger WHERE tgname = 'notify_synchro_changelog' AND tgrelid = %s::regclass",
            [f"{schema}.synchro_triggers_changelog"],
        )
        return [] if cursor.fetchone() else [_NOTICES.format(schema=schema)]


def drop_notice_statements(connection: BaseDatabaseWrapper) -> list[str]:
    """Return what ends the notices."""
    schema = changelog_schema(connection, missing_ok=True)
    if schema is None:
        return []
    return [
        f"DROP TRIGGER IF EXISTS notify_synchro_changelog ON {schema}.synchro_triggers_changelog",
        f"DROP FUNCTION IF EXISTS {schema}.notify_synchro_changelog()",
    ]


# The catalog --------------------------------------------------------------------------------------


def changelog_schema(connection: BaseDatabaseWrapper, missing_ok: bool = False) -> Any:
    """Return the quoted schema of the changelog that this connection sees.

    Raises:
        Refused: there is none, and ``missing_ok`` is off.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT quote_ident(n.nspname) FROM pg_catalog.pg_class c "
            "JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace "
            "WHERE c.oid = to_regclass('synchro_triggers_changelog')"
        )
        row = cursor.fetchone()
    if row is None and not missing_ok:
        raise Refused(
            f"The tables of synchro_triggers are missing on {connection.alias!r}: "
            f"run `manage.py migrate synchro_triggers --database {connection.alias}`."
        )
    return row[0] if row else None


_LAYOUTS = """
SELECT wanted.name, format('%%I.%%I', n.nspname, c.relname), c.relkind = 'p', a.attname,
       format_type(a.atttypid, a.atttypmod),
       coalesce(l.collisdeterministic, true)
  FROM unnest(%s::text[], %s::text[]) AS wanted (name, quoted)
  JOIN pg_catalog.pg_class c ON c.oid = to_regclass(wanted.quoted)
  JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
  JOIN pg_catalog.pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
  LEFT JOIN pg_catalog.pg_collation l ON l.oid = a.attcollation
 WHERE c.relkind IN ('r', 'p')
"""


@dataclass(frozen=True)
class _Layout:
    """A table as the database has it.

    Attributes:
        qualified: its quoted name with its schema.
        is_partitioned: its rows are in partitions.
        exact: per column, whether ``IS DISTINCT FROM`` tells every difference.
        parts: its partitions, those of partitions too.
    """

    qualified: str
    is_partitioned: bool
    exact: dict[str, bool]
    parts: list[_Part]


@dataclass(frozen=True)
class _Part:
    """A partition.

    Attributes:
        name: its bare name.
        qualified: its quoted name with its schema.
        is_leaf: it holds rows, and not partitions of its own.
    """

    name: str
    qualified: str
    is_leaf: bool


_PARTS = """
SELECT wanted.name, p.relname, format('%%I.%%I', n.nspname, p.relname), tree.isleaf
  FROM unnest(%s::text[], %s::text[]) AS wanted (name, quoted)
  JOIN pg_catalog.pg_class c ON c.oid = to_regclass(wanted.quoted) AND c.relkind = 'p'
 CROSS JOIN LATERAL pg_partition_tree(c.oid) AS tree
  JOIN pg_catalog.pg_class p ON p.oid = tree.relid AND p.relkind IN ('r', 'p')
  JOIN pg_catalog.pg_namespace n ON n.oid = p.relnamespace
 WHERE tree.level > 0
 ORDER BY 1, 3
"""


def _layouts(connection: BaseDatabaseWrapper, tables: list[CapturedTable]) -> dict[str, _Layout]:
    """Return the layouts of those tables that exist, by the name the model has."""
    names = [table.table for table in tables]
    with connection.cursor() as cursor:
        cursor.execute(_LAYOUTS, [names, [quote_table(connection, name) for name in names]])
        rows = cursor.fetchall()
    layouts: dict[str, _Layout] = {}
    for table, qualified, is_partitioned, column, type_name, deterministic in rows:
        exact = type_name in _EXACT_TYPES or _EXACT_TEXT_OR_NUMBER.fullmatch(type_name) is not None
        layout = layouts.setdefault(table, _Layout(qualified, is_partitioned, {}, []))
        layout.exact[column] = exact and deterministic
    if any(layout.is_partitioned for layout in layouts.values()):
        with connection.cursor() as cursor:
            cursor.execute(_PARTS, [names, [quote_table(connection, name) for name in names]])
            for table, *part in cursor.fetchall():
                layouts[table].parts.append(_Part(*part))
    return layouts


def lacking_columns(connection: BaseDatabaseWrapper, tables: list[CapturedTable]) -> list[tuple[CapturedTable, str]]:
    """Return the columns of ``tables`` that models have and the database has not."""
    layouts = _layouts(connection, tables)
    return [
        (table, column.column)
        for table in tables
        for column in table.columns
        if table.table in layouts and column.column not in layouts[table.table].exact
    ]


def partitions(connection: BaseDatabaseWrapper, tables: list[CapturedTable]) -> list[tuple[str, str, tuple[str, ...]]]:
    """Return each partition of these tables: label, quoted name, and what logs the rows that it has."""
    layouts = _layouts(connection, tables)
    schema = changelog_schema(connection)
    return [
        (table.label, part.qualified, _catch_up(table, layouts[table.table], part, schema))
        for table in tables
        if table.table in layouts
        for part in layouts[table.table].parts
    ]


def sight_of(connection: BaseDatabaseWrapper, tables: list[str]) -> Sight:
    """Return what this session sees of those tables."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT pg_is_in_recovery(),"
            " EXISTS (SELECT FROM pg_catalog.pg_class c WHERE c.relrowsecurity AND row_security_active(c.oid))"
        )
        standby, filtered = cursor.fetchone()
        if not filtered:
            return Sight(standby)  # as nearly everywhere
        cursor.execute(
            "SELECT current_user, array(SELECT c.relname::text"
            " FROM unnest(%s::text[]) AS wanted (quoted)"
            " JOIN pg_catalog.pg_class c ON c.oid = to_regclass(wanted.quoted)"
            " WHERE c.relrowsecurity AND row_security_active(c.oid) ORDER BY c.relname)",
            [[quote_table(connection, table) for table in tables]],
        )
        role, hidden = cursor.fetchone()
    return Sight(standby, tuple(hidden), role)


def columns_of(connection: BaseDatabaseWrapper, tables: Collection[str]) -> dict[str, set[str]]:
    """Return the columns of those tables that the connection sees, by table, in one query."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT wanted.name, a.attname FROM unnest(%s::text[]) AS wanted (name) "
            "JOIN pg_catalog.pg_attribute a ON a.attrelid = to_regclass(quote_ident(wanted.name)) "
            "AND a.attnum > 0 AND NOT a.attisdropped",
            [list(tables)],
        )
        return grouped(cursor.fetchall())


def tables_there(connection: BaseDatabaseWrapper, tables: Collection[str]) -> set[str]:
    """Return those of the tables and views that the connection sees."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT name FROM unnest(%s::text[]) AS wanted (name) WHERE to_regclass(quote_ident(name)) IS NOT NULL",
            [list(tables)],
        )
        return {name for (name,) in cursor.fetchall()}


def not_surely_empty(connection: BaseDatabaseWrapper, tables: Sequence[str]) -> list[str]:
    """Return those of the quoted tables that may have rows: an empty one is told by its file, ten times as fast.

    The rows of partitions, and of tables that inherit, are in other files.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT name FROM unnest(%s::text[]) WITH ORDINALITY AS asked (name, number) "
            "JOIN pg_catalog.pg_class c ON c.oid = to_regclass(name) "
            "WHERE c.relkind <> 'r' OR c.relhassubclass OR pg_relation_size(c.oid) > 0 ORDER BY number",
            [list(tables)],
        )
        return [name for (name,) in cursor.fetchall()]


def quote_table(connection: BaseDatabaseWrapper, table: str) -> str:
    """Quote a table name as Django does (``'schema"."table'`` reaches into another schema there)."""
    return connection.ops.quote_name(table)


def _name_in_schema(connection: BaseDatabaseWrapper, table: str) -> str:
    return quote_table(connection, table).rpartition('"."')[2].strip('"').replace('""', '"')


def _quote(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'
