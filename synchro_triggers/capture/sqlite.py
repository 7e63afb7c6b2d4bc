"""Trigger SQL for SQLite: row-level, with plain SQL only, so that any client may write the database.

* ``paused`` and ``origin`` are rows of ``synchro_triggers_sessionvalue``, which live inside one write transaction.
* ``INSERT OR REPLACE`` deletes rows without firing a delete trigger (unless ``recursive_triggers`` is on):
  BEFORE triggers log the rows that a unique conflict would replace: as an update where it is the row of the same key
  (a replaced row is the same object), else as a delete, with ``changed_fields`` = ``?``. They also fire for
  ``OR IGNORE`` and upserts, and log too much then: where ``?`` stands, the row tells whether it is gone.
* Values are compared with ``COLLATE BINARY``: a column's own collation may call 'a' and 'A' the same.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from django.db.backends.base.base import BaseDatabaseWrapper

from ..exceptions import Refused, SynchroConfigurationError
from .sight import Listener
from .sqlite_catalog import NAME, Layout, layout_of, quoted_name, require_changelog, unquote
from .sqlite_catalog import columns_of as columns_of
from .sqlite_catalog import existing_tables as existing_tables
from .sqlite_catalog import lacking_columns as lacking_columns
from .sqlite_catalog import look as look
from .sqlite_catalog import not_surely_empty as not_surely_empty
from .sqlite_catalog import obliging_columns as obliging_columns
from .sqlite_catalog import partitions as partitions
from .sqlite_catalog import sight_of as sight_of
from .sqlite_catalog import tables_there as tables_there
from .sqlite_catalog import times_as_logged as times_as_logged
from .sqlite_catalog import unseen as unseen
from .sqlite_catalog import views as views
from .sqlite_unique import replaced_rows
from .tables import CapturedColumn, CapturedTable
from .trigger import LEADING_COMMENTS, PREFIX, InstalledTrigger, Trigger, quote_literal, trigger_name

_TRIGGER = """CREATE TRIGGER {name} {timing} ON {table} WHEN {condition}
BEGIN /* {mode} {label} */
{body}
END"""

LOG = """  INSERT INTO synchro_triggers_changelog
    (model_label, object_pk, operation, changed_fields, old_values, origin, logged_at, txid)
  SELECT {label}, {key}, '{operation}', {changed_fields}, {old_values},
    coalesce((SELECT value FROM synchro_triggers_sessionvalue WHERE key = 'origin'), ''),
    strftime('%Y-%m-%d %H:%M:%f', 'now'), 0{source};"""

#: SQLite itself writes 15 digits, as text and as JSON; two numbers may share them.
_EXACT_REAL = "printf('%!.17g', {})"

#: Kinds of which SQLite keeps only whole numbers where they are a primary key.
_NEVER_BLOBS = frozenset({"AutoField", "BigAutoField", "SmallAutoField"})

NOT_PAUSED = "NOT EXISTS (SELECT 1 FROM synchro_triggers_sessionvalue WHERE key = 'paused')"


def full_triggers(
    connection: BaseDatabaseWrapper, tables: list[CapturedTable], replicated: bool = False
) -> list[Trigger]:
    """Return the triggers that ``tables`` should have; columns that are not in the database are left out.

    Raises:
        SynchroConfigurationError: those of logical replication are wanted, too.
    """
    if replicated:
        raise SynchroConfigurationError(f"--replicated needs PostgreSQL, and {connection.alias!r} is SQLite.")
    require_changelog(connection)
    return [
        trigger
        for table in tables
        if (layout := layout_of(connection, table.table)).stored
        for trigger in _triggers_of(connection, table, layout)
    ]


def _triggers_of(connection: BaseDatabaseWrapper, table: CapturedTable, layout: Layout) -> list[Trigger]:
    if not all(layout.has(key.column) for key in table.key):
        raise Refused(
            f"{table.label}: the table {table.table!r} on {connection.alias!r} has no column "
            f"{', '.join(repr(key.column) for key in table.key)} for its primary key; run migrate first."
        )
    columns = [column for column in table.columns if layout.has(column.column)]
    watched = [column for column in columns if not column.skipped and column not in table.key]
    kept = [column for column in columns if column.kept]

    def differs(column: CapturedColumn) -> str:
        return is_another(layout, column)

    anything = _joined("OR", [differs(column) for column in (*table.key, *watched)])
    names = _joined(
        "||",
        [f"CASE WHEN {differs(column)} THEN {quote_literal(',' + column.name)} ELSE '' END" for column in watched],
    )
    kept_differs = _joined("OR", [differs(column) for column in kept if column not in table.key])
    old_values = old_values_of(kept, "OLD")
    return _logging(
        connection,
        _Logged(table.label, table.table, table.key, layout, kept),
        "full",
        changed=f"substr({names}, 2)" if names else "''",
        old_if_changed=f"CASE WHEN {kept_differs} THEN {old_values} END" if kept_differs else "NULL",
        if_changed=f"{NOT_PAUSED} AND ({anything})",
    )


@dataclass(frozen=True)
class _Logged:
    """A table whose writes are logged: its label, name, key and layout, and the columns whose old values are kept."""

    label: str
    table: str
    key: tuple[CapturedColumn, ...]
    layout: Layout
    kept: list[CapturedColumn]


def _logging(
    connection: BaseDatabaseWrapper, logged: _Logged, mode: str, *, changed: str, old_if_changed: str, if_changed: str
) -> list[Trigger]:
    """Return the triggers that log what is written to a table.

    Args:
        connection, logged: the table.
        mode: what the triggers say of themselves: ``full`` or ``transitional``.
        changed: the expression for the names of the fields that an update changes.
        old_if_changed: the expression for the old values that an update logs.
        if_changed: the condition under which an update is logged.
    """

    def log(operation: str, row: str, changed: str = "''", old: str = "NULL", source: str = "") -> str:
        key, label = key_text(logged.key, row), quote_literal(logged.label)
        return LOG.format(
            label=label, key=key, operation=operation, changed_fields=changed, old_values=old, source=source
        )

    moved = " OR ".join(is_another(logged.layout, part) for part in logged.key)
    old_values = old_values_of(logged.kept, "OLD")
    update = (
        log("U", "NEW", changed, old_if_changed, f"\n  WHERE NOT ({moved})"),
        log("D", "OLD", old=old_values, source=f"\n  WHERE {moved}"),
        log("I", "NEW", source=f"\n  WHERE {moved}"),
    )
    bodies = {
        "ins": ("AFTER INSERT", NOT_PAUSED, log("I", "NEW")),
        "upd": ("AFTER UPDATE", if_changed, "\n".join(update)),
        "del": ("AFTER DELETE", NOT_PAUSED, log("D", "OLD", old=old_values)),
    }
    replaced_values = old_values_of(logged.kept, "r")
    for event, timing, rows in replaced_rows(connection, logged.table, logged.key, logged.layout):
        body = "\n".join(log(operation, "r", mark, replaced_values, of) for operation, mark, of in rows)
        bodies[event] = (timing, NOT_PAUSED, body)
    return [
        make(connection, logged.label, logged.table, event, mode, timing, condition, body)
        for event, (timing, condition, body) in bodies.items()
    ]


def make(
    connection: BaseDatabaseWrapper,
    label: str,
    table: str,
    event: str,
    mode: str,
    timing: str,
    condition: str,
    body: str,
) -> Trigger:
    name = trigger_name(label, event)
    sql = _TRIGGER.format(
        name=quoted_name(name),
        timing=timing,
        table=connection.ops.quote_name(table),
        condition=condition,
        mode=mode,
        label=label,
        body=body,
    )
    return Trigger(name, table, label, signature_of(sql), (f"DROP TRIGGER IF EXISTS {quoted_name(name)}", sql))


def _joined(operator: str, parts: list[str]) -> str:
    """Join expressions, many of them in groups: each operator is a level of the tree, which has at most 1,000."""
    if len(parts) > 50:
        parts = [f"({_joined(operator, parts[start : start + 50])})" for start in range(0, len(parts), 50)]
    return f" {operator} ".join(parts)


def is_another(layout: Layout, column: CapturedColumn) -> str:
    name = quoted_name(column.column)
    values = f"OLD.{name} IS NOT NEW.{name} COLLATE BINARY"
    # Every connection reads all of this when it is opened: what can tell nothing is left out.
    return f"{values} OR typeof(OLD.{name}) <> typeof(NEW.{name})" if layout.is_loose(column.column) else values


def key_text(key: tuple[CapturedColumn, ...], row: str) -> str:
    """Return the SQL of a row's key as the changelog has it."""
    parts = [_key_part(part, row) for part in key]
    if len(parts) > 1:
        return f"json_array({', '.join(parts)})"
    return f"CAST({parts[0]} AS TEXT)"


def _key_part(part: CapturedColumn, row: str) -> str:
    column = f"{row}.{quoted_name(part.column)}"
    if part.kind == "UUIDField":  # stored as 32 hexadecimal digits; logged as everybody writes it
        cuts = ((1, 8), (9, 4), (13, 4), (17, 4), (21, 12))
        dashed = " || '-' || ".join(f"substr({column}, {start}, {length})" for start, length in cuts)
        return f"CASE WHEN length({column}) = 32 AND {column} NOT GLOB '*[^0-9a-f]*' THEN {dashed} ELSE {column} END"
    if part.kind == "BinaryField":  # which is neither text nor JSON
        return f"lower(hex({column}))"
    if part.kind == "FloatField":
        return f"CASE typeof({column}) WHEN 'real' THEN {_EXACT_REAL.format(column)} ELSE {column} END"
    if part.kind in _NEVER_BLOBS:
        return column
    return f"CASE typeof({column}) WHEN 'blob' THEN quote({column}) ELSE {column} END"  # JSON holds no blob


def old_values_of(kept: Iterable[CapturedColumn], row: str) -> str:
    pairs = []
    for column in kept:
        value = f"{row}.{quoted_name(column.column)}"
        real = f" WHEN 'real' THEN {_EXACT_REAL.format(value)}" if column.kind == "FloatField" else ""
        # JSON holds no blob.
        pairs.append(
            f"{quote_literal(column.column)}, CASE typeof({value}) WHEN 'blob' THEN hex({value}){real} ELSE {value} END"
        )
    if not pairs:
        return "NULL"
    # A function takes at most 127 arguments; objects are joined as patches of one another, and
    # json_patch() drops nulls, so that a key which is missing when it is read means null.
    chunks = [f"json_object({', '.join(pairs[start : start + 50])})" for start in range(0, len(pairs), 50)]
    while len(chunks) > 1:  # in pairs: the parser takes no more than some 30 calls within one another
        couples = [chunks[start : start + 2] for start in range(0, len(chunks), 2)]
        chunks = [f"json_patch({', '.join(pair)})" if len(pair) == 2 else pair[0] for pair in couples]
    return chunks[0]


# Unique conflicts ---------------------------------------------------------------------------------


# Transitional triggers ----------------------------------------------------------------------------


#: The kinds that matter to keys, by the types that Django gives their columns.
_KINDS = {"char(32)": "UUIDField", "blob": "BinaryField", "real": "FloatField"}


def transitional_setup(connection: BaseDatabaseWrapper) -> list[str]:
    """Return what must run once before transitional triggers are made: nothing here."""
    require_changelog(connection)
    return []


def transitional_triggers(
    connection: BaseDatabaseWrapper, label: str, qualified_table: str, key: tuple[CapturedColumn, ...] = ()
) -> list[Trigger]:
    """Return triggers for one table as it is now: log every row that is written, with all its old values.

    They hold until the next schema statement on the table, which takes them away (``before_ddl``).
    """
    table = unquote(qualified_table)
    with connection.cursor() as cursor:
        cursor.execute(f"PRAGMA table_info({quoted_name(table)})")
        rows = cursor.fetchall()
    columns = [CapturedColumn(row[1], row[1], _KINDS.get(row[2].lower(), "")) for row in rows]
    ranks = {row[1]: row[5] for row in rows}
    keys = tuple(sorted((column for column in columns if ranks[column.name]), key=lambda part: ranks[part.name])) or key
    logged = _Logged(label, table, keys, layout_of(connection, table), columns)
    old_values = old_values_of(columns, "OLD")
    return _logging(connection, logged, "transitional", changed="''", old_if_changed=old_values, if_changed=NOT_PAUSED)


_TABLE_STATEMENT = re.compile(
    rf"{LEADING_COMMENTS}(?:ALTER\s+TABLE|DROP\s+TABLE(?:\s+IF\s+EXISTS)?)\s+{NAME}", re.IGNORECASE | re.DOTALL
)
_UNIQUE_INDEX_STATEMENT = re.compile(
    rf"{LEADING_COMMENTS}CREATE\s+UNIQUE\s+INDEX\s+(?:IF\s+NOT\s+EXISTS\s+)?{NAME}\s+ON\s+{NAME}",
    re.IGNORECASE | re.DOTALL,
)


def before_ddl(connection: BaseDatabaseWrapper, sql: str, installed: list[InstalledTrigger]) -> list[str]:
    """Return what must run before a schema statement: remove the table's triggers, which do not fit afterwards.

    One that names a column would even stop its removal.
    """
    match = _TABLE_STATEMENT.match(sql)
    if match is not None and re.match(r"\s+RENAME\s+TO\b", sql[match.end() :], re.IGNORECASE):
        return []  # SQLite carries triggers along when a table gets another name
    match = match or _UNIQUE_INDEX_STATEMENT.match(sql)
    if match is None:
        return []
    table = unquote(match[match.re.groups])
    return [
        statement
        for trigger in installed
        if trigger.table.lower() == table.lower()
        for statement in drop_sql(connection, trigger)
    ]


# What is installed --------------------------------------------------------------------------------

_MODE = re.compile(r"BEGIN /\* (full|transitional) (.*?) \*/\n")


_OURS = "SELECT {} FROM sqlite_master WHERE type = 'trigger' AND substr(name, 1, 8) = %s"


def installed_triggers(connection: BaseDatabaseWrapper) -> list[InstalledTrigger]:
    """Return this package's triggers."""
    installed = []
    for name, table, sql in _rows(
        connection, f"{_OURS.format('name, tbl_name, sql')} ORDER BY tbl_name, name", [PREFIX]
    ):
        match = _MODE.search(sql)
        if match is not None:  # otherwise somebody else's trigger with a name like ours
            mode, label = match.groups()
            installed.append(
                InstalledTrigger(name, table, quoted_name(table), label, signature_of(sql), mode == "transitional")
            )
    return installed


def has_triggers(connection: BaseDatabaseWrapper) -> bool:
    """Tell whether there are triggers of this package."""
    with connection.cursor() as cursor:
        cursor.execute(_OURS.format("sql"), [PREFIX])
        return any(_MODE.search(sql) for (sql,) in cursor)  # nearly always the first one tells


def _rows(connection: BaseDatabaseWrapper, sql: str, params: list[Any]) -> list[Any]:
    with connection.cursor() as cursor:
        cursor.execute(sql, params)
        rows: list[Any] = cursor.fetchall()
        return rows


def drop_sql(connection: BaseDatabaseWrapper, trigger: InstalledTrigger) -> list[str]:
    """Return what removes one trigger."""
    return [f"DROP TRIGGER IF EXISTS {quoted_name(trigger.name)}"]


def drop_leftovers(connection: BaseDatabaseWrapper) -> list[str]:
    """Return what removes leftovers of dropped tables: SQLite drops triggers with their table."""
    return []


def notice_statements(connection: BaseDatabaseWrapper) -> list[str]:
    """Raise: SQLite cannot wake another process.

    Raises:
        SynchroConfigurationError: always.
    """
    raise _no_notices(connection)


def listen(connection: BaseDatabaseWrapper, stopped: Callable[[], bool] = lambda: False) -> Listener:
    """Raise, as ``notice_statements`` does."""
    raise _no_notices(connection)


def _no_notices(connection: BaseDatabaseWrapper) -> SynchroConfigurationError:
    return SynchroConfigurationError(
        f"--notify needs PostgreSQL, and {connection.alias!r} is SQLite. Leave it out: looking costs next to nothing."
    )


def drop_notice_statements(connection: BaseDatabaseWrapper) -> list[str]:
    """Return what ends the notices: there are none."""
    return []


def signature_of(sql: str) -> str:
    """Return the signature of a trigger: the hash of its SQL, which SQLite keeps verbatim."""
    return hashlib.sha1(sql.encode()).hexdigest()
