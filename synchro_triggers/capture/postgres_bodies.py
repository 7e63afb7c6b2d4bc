"""What triggers do on PostgreSQL: the bodies of their functions, which write the log."""

from __future__ import annotations

from typing import Any

import pgtrigger

from .postgres_catalog import Layout, Part, quote
from .tables import CapturedColumn, CapturedTable
from .trigger import quote_literal

NOT_PAUSED = "pg_catalog.current_setting('synchro.paused', true) IS DISTINCT FROM 'on'"


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


TIMINGS: dict[str, tuple[Any, Any, Any]] = {
    "ins": (pgtrigger.After, pgtrigger.Insert, _referencing(new="synchro_new")),
    "upd": (pgtrigger.After, pgtrigger.Update, _referencing(old="synchro_old", new="synchro_new")),
    "del": (pgtrigger.After, pgtrigger.Delete, _referencing(old="synchro_old")),
    "trunc": (pgtrigger.Before, pgtrigger.Truncate, None),
}


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


def caught_up(table: CapturedTable, layout: Layout, part: Part, schema: str) -> tuple[str, ...]:
    """Return what logs every row of a partition that has had no triggers so far: any of them may be new, or changed."""
    if not part.is_leaf or any(key.column not in layout.exact for key in table.key):
        return ()
    insert = _INSERT_INTO_LOG.format(changelog=f"{schema}.synchro_triggers_changelog")
    values = f"{quote_literal(table.label)}, {key_text(table.key, 'n')}, 'U', '', NULL, {_CONTEXT}"
    return (_IN_UTC.format(statement=f"{insert} SELECT {values} FROM {part.qualified} AS n"),)


def bodies_of(table: CapturedTable, columns: list[CapturedColumn], layout: Layout, changelog: str) -> dict[str, str]:
    """Return what the functions of a table's triggers do, by their events.

    Args:
        table, layout: the table.
        columns: those of its columns that there are.
        changelog: the qualified name of the changelog.
    """
    watched = [column for column in columns if not column.skipped and column not in table.key]
    kept = [column for column in columns if column.kept]
    parts = _expressions(table, watched, kept, layout) | {"changelog": changelog}
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
    without = {
        "upd": (columns if watched or kept else [], "synchro_new", _ON_UPDATE.format(**unknown)),
        "del": (kept, "synchro_old", _ON_DELETE.format(**unknown, rows="synchro_old")),
        "trunc": (kept, layout.qualified, _truncate_body(unknown, layout)),
    }
    for event, (needed, rows, body) in without.items():
        if needed:
            named = ", ".join(f"o.{quote(column.column)}" for column in needed)
            unless = _UNLESS_COLUMNS_ARE_GONE.format(columns=named, rows=rows, without_columns=body)
            bodies[event] = unless + bodies[event]
    if layout.is_partitioned:
        bodies = {event: _NOT_IF_DETACHED + body for event, body in bodies.items()}
    return bodies


def _expressions(
    table: CapturedTable, watched: list[CapturedColumn], kept: list[CapturedColumn], layout: Layout
) -> dict[str, str]:
    """Return what the bodies say of old rows ``o`` and new rows ``n``."""
    first_key = quote(table.key[0].column)

    def differs(column: CapturedColumn) -> str:
        name = quote(column.column)
        if layout.exact[column.column]:
            return f"o.{name} IS DISTINCT FROM n.{name}"
        # Without the casts, the parser takes two ROWs apart and looks for an operator *<> of the values.
        return f"ROW(o.{name})::record OPERATOR(pg_catalog.*<>) ROW(n.{name})::record"

    def same(key: CapturedColumn) -> str:
        name = quote(key.column)
        if layout.exact[key.column]:
            return f"o.{name} = n.{name}"
        return f'o.{name}::text COLLATE "C" = n.{name}::text COLLATE "C"'

    names = [f"CASE WHEN {differs(column)} THEN {quote_literal(',' + column.name)} ELSE '' END" for column in watched]
    return {
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


def _truncate_body(parts: dict[str, str], layout: Layout) -> str:
    if not layout.is_partitioned:
        return _ON_TRUNCATE.format(**parts, rows=layout.qualified)
    head = _ON_DELETE.format(**parts, rows="").partition(" AS o;")[0]
    return _TRUNCATE_PARTS.format(
        **parts, before_table=quote_literal(head), after_table=quote_literal(_OF_PARTS_WITHOUT_TRIGGER)
    )


def key_text(key: tuple[CapturedColumn, ...], row: str) -> str:
    """Return the SQL of a row's key as the changelog has it."""
    if len(key) != 1:
        return "jsonb_build_array(" + ", ".join(f"{row}.{quote(part.column)}" for part in key) + ")::text"
    column = f"{row}.{quote(key[0].column)}"
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
    pairs = [f"{quote_literal(column.column)}, o.{quote(column.column)}" for column in kept]
    # A function takes at most 100 arguments.
    chunks = [pairs[start : start + 40] for start in range(0, len(pairs), 40)]
    return "(" + " || ".join(f"jsonb_build_object({', '.join(chunk)})" for chunk in chunks) + ")::text"
