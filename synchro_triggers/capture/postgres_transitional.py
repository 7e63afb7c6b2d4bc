"""Triggers on PostgreSQL that stand while a table is being altered: they look at columns when they fire."""

from __future__ import annotations

import json

from django.db.backends.base.base import BaseDatabaseWrapper

from .postgres_bodies import NOT_PAUSED, TIMINGS
from .postgres_catalog import changelog_schema
from .tables import CapturedColumn
from .trigger import Trigger, quote_literal, trigger_name

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
    for event, (when, operation, referencing) in TIMINGS.items():
        name = trigger_name(label, event)
        sql = _TRANSITIONAL_TRIGGER.format(
            name=name,
            table=qualified_table,
            when=when,
            operation=operation,
            referencing=referencing or "",
            not_paused=NOT_PAUSED,
            schema=schema,
            label=quote_literal(label),
            key=quote_literal(json.dumps([part.column for part in key])),
        )
        triggers.append(Trigger(name, qualified_table, label, "transitional", (sql,)))
    return triggers
