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
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from django.db.backends.base.base import BaseDatabaseWrapper

from ..exceptions import Refused, SynchroConfigurationError, SynchroError
from .sight import Sight
from .tables import CapturedColumn, CapturedTable
from .trigger import LEADING_COMMENTS, PREFIX, InstalledTrigger, Trigger, grouped, quote_literal, trigger_name

EVENTS = ("ins", "upd", "del", "repl", "updrepl")

_TRIGGER = """CREATE TRIGGER {name} {timing} ON {table} WHEN {condition}
BEGIN /* {mode} {label} */
{body}
END"""

_LOG = """  INSERT INTO synchro_triggers_changelog
    (model_label, object_pk, operation, changed_fields, old_values, origin, logged_at, txid)
  SELECT {label}, {key}, '{operation}', {changed_fields}, {old_values},
    coalesce((SELECT value FROM synchro_triggers_sessionvalue WHERE key = 'origin'), ''),
    strftime('%Y-%m-%d %H:%M:%f', 'now'), 0{source};"""

#: SQLite itself writes 15 digits, as text and as JSON; two numbers may share them.
_EXACT_REAL = "printf('%!.17g', {})"

#: Kinds of which SQLite keeps only whole numbers where they are a primary key.
_NEVER_BLOBS = frozenset({"AutoField", "BigAutoField", "SmallAutoField"})

_NOT_PAUSED = "NOT EXISTS (SELECT 1 FROM synchro_triggers_sessionvalue WHERE key = 'paused')"


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
        if (layout := _layout_of(connection, table.table)).stored
        for trigger in _triggers_of(connection, table, layout)
    ]


def _triggers_of(connection: BaseDatabaseWrapper, table: CapturedTable, layout: _Layout) -> list[Trigger]:
    if not all(layout.has(key.column) for key in table.key):
        raise Refused(
            f"{table.label}: the table {table.table!r} on {connection.alias!r} has no column "
            f"{', '.join(repr(key.column) for key in table.key)} for its primary key; run migrate first."
        )
    columns = [column for column in table.columns if layout.has(column.column)]
    watched = [column for column in columns if not column.skipped and column not in table.key]
    kept = [column for column in columns if column.kept]

    def differs(column: CapturedColumn) -> str:
        return _differs(layout, column)

    key_differs = " OR ".join(map(differs, table.key))
    anything = _joined("OR", [differs(column) for column in (*table.key, *watched)])
    names = _joined(
        "||",
        [f"CASE WHEN {differs(column)} THEN {quote_literal(',' + column.name)} ELSE '' END" for column in watched],
    )
    kept_differs = _joined("OR", [differs(column) for column in kept if column not in table.key])
    old_values = _old_values(kept, "OLD")
    kept_if_changed = f"CASE WHEN {kept_differs} THEN {old_values} END" if kept_differs else "NULL"

    def log(operation: str, key: str, changed: str = "''", old: str = "NULL", source: str = "") -> str:
        return _LOG.format(
            label=quote_literal(table.label),
            key=key,
            operation=operation,
            changed_fields=changed,
            old_values=old,
            source=source,
        )

    old_key, new_key = key_text(table.key, "OLD"), key_text(table.key, "NEW")
    changed = f"substr({names}, 2)" if names else "''"
    update = "\n".join(
        (
            log("U", new_key, changed, kept_if_changed, f"\n  WHERE NOT ({key_differs})"),
            log("D", old_key, old=old_values, source=f"\n  WHERE {key_differs}"),
            log("I", new_key, source=f"\n  WHERE {key_differs}"),
        )
    )
    bodies = {
        "ins": ("AFTER INSERT", _NOT_PAUSED, log("I", new_key)),
        "upd": ("AFTER UPDATE", f"{_NOT_PAUSED} AND ({anything})", update),
        "del": ("AFTER DELETE", _NOT_PAUSED, log("D", old_key, old=old_values)),
    }
    replaced_key, replaced_values = key_text(table.key, "r"), _old_values(kept, "r")
    for event, timing, rows in _replaced_rows(connection, table.table, table.key):
        body = "\n".join(log(operation, replaced_key, mark, replaced_values, of) for operation, mark, of in rows)
        bodies[event] = (timing, _NOT_PAUSED, body)
    return [
        _make(connection, table.label, table.table, event, "full", timing, condition, body)
        for event, (timing, condition, body) in bodies.items()
    ]


def _make(
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
        name=_quote(name),
        timing=timing,
        table=connection.ops.quote_name(table),
        condition=condition,
        mode=mode,
        label=label,
        body=body,
    )
    return Trigger(name, table, label, signature_of(sql), (f"DROP TRIGGER IF EXISTS {_quote(name)}", sql))


def _joined(operator: str, parts: list[str]) -> str:
    """Join expressions, many of them in groups: each operator is a level of the tree, which has at most 1,000."""
    if len(parts) > 50:
        parts = [f"({_joined(operator, parts[start : start + 50])})" for start in range(0, len(parts), 50)]
    return f" {operator} ".join(parts)


def _differs(layout: _Layout, column: CapturedColumn) -> str:
    name = _quote(column.column)
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
    column = f"{row}.{_quote(part.column)}"
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


def _old_values(kept: Iterable[CapturedColumn], row: str) -> str:
    pairs = []
    for column in kept:
        value = f"{row}.{_quote(column.column)}"
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


@dataclass(frozen=True)
class _UniqueIndex:
    """What a row must not share with another one.

    Attributes:
        columns: names and collations; an index may have another collation than its column.
        expressions: the text of all its parts when one of them is an expression, and no ``columns`` then.
        partial: it has a condition. The condition is not looked at: more rows are logged than are replaced.
    """

    columns: tuple[tuple[str, str], ...] = ()
    expressions: str = ""
    partial: bool = False


def _replaced_rows(
    connection: BaseDatabaseWrapper, table: str, key: tuple[CapturedColumn, ...]
) -> Iterator[tuple[str, str, list[tuple[str, str, str]]]]:
    """Yield when a trigger must look for rows ``r`` that are about to be replaced, and what to log of which of them.

    Yields:
        The event, the trigger's timing, and for each statement the operation, ``changed_fields`` and the rows.
    """
    indexes = _unique_indexes(connection, table)
    if not indexes:
        return
    layout = _layout_of(connection, table)
    quoted = connection.ops.quote_name(table)
    conflicts = " OR ".join(f"({_conflicts(index, key, quoted, layout)})" for index in indexes)
    not_itself = " AND ".join(f"r.{_quote(part.column)} = OLD.{_quote(part.column)}" for part in key)
    source = f"\n  FROM {quoted} AS r\n  WHERE ({conflicts})"
    same = " AND ".join(f"r.{_quote(part.column)} IS NEW.{_quote(part.column)}" for part in key)
    replaced = [("U", "''", f"{source} AND ({same})"), ("D", "'?'", f"{source} AND NOT ({same})")]
    key_alone = _UniqueIndex(tuple((part.column, "BINARY") for part in key))
    yield "repl", "BEFORE INSERT", replaced[:1] if indexes == [key_alone] else replaced
    # By a row that has had another key so far.
    timing = f"BEFORE UPDATE{_of_indexed_columns(indexes, layout)}"
    yield "updrepl", timing, [("D", "'?'", f"{source} AND NOT ({not_itself})")]


def _unique_indexes(connection: BaseDatabaseWrapper, table: str) -> list[_UniqueIndex]:
    """Return the unique indexes of a table, the primary key's too."""
    found = []
    quoted = connection.ops.quote_name(table)
    with connection.cursor() as cursor:
        cursor.execute(f"PRAGMA table_info({quoted})")
        key = [row[1] for row in cursor.fetchall() if row[5]]
        cursor.execute(f"PRAGMA index_list({quoted})")
        indexes = sorted(row[1:5] for row in cursor.fetchall() if row[2])
        if key and all(origin != "pk" for _, _, origin, _ in indexes):  # INTEGER PRIMARY KEY has no index of its own
            found.append(_UniqueIndex(tuple((name, "BINARY") for name in key)))
        for name, _, _, partial in indexes:
            cursor.execute(f"PRAGMA index_xinfo({_quote(name)})")
            parts = [(row[2], row[4]) for row in cursor.fetchall() if row[5]]
            if all(column is not None for column, _ in parts):
                found.append(_UniqueIndex(columns=tuple(parts), partial=bool(partial)))
            else:
                cursor.execute("SELECT sql FROM sqlite_master WHERE type = 'index' AND name = %s", [name])
                expressions = _indexed_expressions(cursor.fetchone()[0])
                found.append(_UniqueIndex(expressions=expressions, partial=bool(partial)))
    return list(dict.fromkeys(found))


def _indexed_expressions(sql: str) -> str:
    """Cut the list of expressions out of ``CREATE UNIQUE INDEX … ON t (…) WHERE …`` (balanced parentheses)."""
    match = re.search(rf"\bON\s+{_NAME}\s*\(", sql, re.IGNORECASE)
    assert match is not None, sql
    depth, quote, start = 1, "", match.end()
    for at in range(start, len(sql)):
        character = sql[at]
        if quote:
            quote = "" if character == quote else quote
        elif character in "\"'":
            quote = character
        elif character in "()":
            depth += 1 if character == "(" else -1
            if depth == 0:
                return sql[start:at]
    raise SynchroError(f"Cannot read the index {sql!r}.")


def _conflicts(index: _UniqueIndex, key: tuple[CapturedColumn, ...], quoted: str, layout: _Layout) -> str:
    """Return the condition under which a row ``r`` of the table conflicts with NEW."""
    if index.columns:
        return " AND ".join(
            f"r.{_quote(name)} = NEW.{_quote(name)} COLLATE {_quote(collation)}" for name, collation in index.columns
        )
    expressions = re.sub(r"\s+(ASC|DESC)\b", "", index.expressions, flags=re.IGNORECASE)
    new_row = ", ".join(f"NEW.{_quote(name)} AS {_quote(name)}" for name in (*layout.stored, *layout.generated))
    of_r, of_x = (", ".join(f"{row}.{_quote(part.column)}" for part in key) for row in "rx")
    return (
        f"({of_r}) IN (SELECT {of_x} FROM {quoted} AS x"
        f" WHERE ({expressions}) = (SELECT {expressions} FROM (SELECT {new_row})))"
    )


def _of_indexed_columns(indexes: list[_UniqueIndex], layout: _Layout) -> str:
    """Return which columns an update must set to run into a unique conflict; nothing means any column."""
    names = [name for index in indexes for name, _ in index.columns]
    computed = any(index.expressions or index.partial for index in indexes)
    if computed or any(_fold(name) in map(_fold, layout.generated) for name in names):
        return ""
    return f" OF {', '.join(_quote(name) for name in dict.fromkeys(names))}"


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
    table = _unquote(qualified_table)
    with connection.cursor() as cursor:
        cursor.execute(f"PRAGMA table_info({_quote(table)})")
        rows = cursor.fetchall()
    columns = [CapturedColumn(row[1], row[1], _KINDS.get(row[2].lower(), "")) for row in rows]
    ranks = {row[1]: row[5] for row in rows}
    keys = tuple(sorted((column for column in columns if ranks[column.name]), key=lambda part: ranks[part.name])) or key
    old_key, new_key = key_text(keys, "OLD"), key_text(keys, "NEW")
    moved = " OR ".join(_differs(_layout_of(connection, table), part) for part in keys)
    old_values = _old_values(columns, "OLD")

    def log(operation: str, key_text: str, old: str = "NULL", source: str = "", changed: str = "''") -> str:
        return _LOG.format(
            label=quote_literal(label),
            key=key_text,
            operation=operation,
            changed_fields=changed,
            old_values=old,
            source=source,
        )

    update = "\n".join(
        (
            log("U", new_key, old_values, f"\n  WHERE NOT ({moved})"),
            log("D", old_key, old_values, f"\n  WHERE {moved}"),
            log("I", new_key, source=f"\n  WHERE {moved}"),
        )
    )
    bodies = {
        "ins": ("AFTER INSERT", log("I", new_key)),
        "upd": ("AFTER UPDATE", update),
        "del": ("AFTER DELETE", log("D", old_key, old_values)),
    }
    replaced_key, replaced_values = key_text(keys, "r"), _old_values(columns, "r")
    for event, timing, replaced in _replaced_rows(connection, table, keys):
        body = "\n".join(log(operation, replaced_key, replaced_values, of, mark) for operation, mark, of in replaced)
        bodies[event] = (timing, body)
    return [
        _make(connection, label, table, event, "transitional", timing, _NOT_PAUSED, body)
        for event, (timing, body) in bodies.items()
    ]


_NAME = r"""("(?:[^"]|"")*"|\[[^]]*\]|`[^`]*`|\w+)"""
_TABLE_STATEMENT = re.compile(
    rf"{LEADING_COMMENTS}(?:ALTER\s+TABLE|DROP\s+TABLE(?:\s+IF\s+EXISTS)?)\s+{_NAME}", re.IGNORECASE | re.DOTALL
)
_UNIQUE_INDEX_STATEMENT = re.compile(
    rf"{LEADING_COMMENTS}CREATE\s+UNIQUE\s+INDEX\s+(?:IF\s+NOT\s+EXISTS\s+)?{_NAME}\s+ON\s+{_NAME}",
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
    table = _unquote(match[match.re.groups])
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
                InstalledTrigger(name, table, _quote(table), label, signature_of(sql), mode == "transitional")
            )
    return installed


def has_triggers(connection: BaseDatabaseWrapper) -> bool:
    """Tell whether there are triggers of this package."""
    with connection.cursor() as cursor:
        cursor.execute(_OURS.format("sql"), [PREFIX])
        return any(_MODE.search(sql) for (sql,) in cursor)  # nearly always the first one tells


def catalog_mark(connection: BaseDatabaseWrapper, tables: Collection[str]) -> bytes:
    """Return what is another one whenever tables, indexes or triggers have changed; one query."""
    # All of them are made by an SQL text, which SQLite keeps. As bytes: nothing needs to be decoded.
    query = "SELECT CAST(group_concat(name || char(10) || coalesce(sql, ''), char(10)) AS BLOB) FROM sqlite_master"
    [[texts]] = _rows(connection, query, [])
    return texts or b""  # to digest them would take longer than to compare them


def _rows(connection: BaseDatabaseWrapper, sql: str, params: list[Any]) -> list[Any]:
    with connection.cursor() as cursor:
        cursor.execute(sql, params)
        rows: list[Any] = cursor.fetchall()
        return rows


def drop_sql(connection: BaseDatabaseWrapper, trigger: InstalledTrigger) -> list[str]:
    """Return what removes one trigger."""
    return [f"DROP TRIGGER IF EXISTS {_quote(trigger.name)}"]


def drop_leftovers(connection: BaseDatabaseWrapper) -> list[str]:
    """Return what removes leftovers of dropped tables: SQLite drops triggers with their table."""
    return []


def notice_statements(connection: BaseDatabaseWrapper) -> list[str]:
    """Raise: SQLite cannot wake another process.

    Raises:
        SynchroConfigurationError: always.
    """
    raise SynchroConfigurationError(
        f"--notify needs PostgreSQL, and {connection.alias!r} is SQLite. Leave it out: looking costs next to nothing."
    )


def drop_notice_statements(connection: BaseDatabaseWrapper) -> list[str]:
    """Return what ends the notices: there are none."""
    return []


def existing_tables(connection: BaseDatabaseWrapper, tables: list[CapturedTable]) -> list[CapturedTable]:
    """Return those of ``tables`` that exist and can carry triggers."""
    return _of_kind(connection, tables, f"type = 'table' AND NOT {_IS_VIRTUAL}")


def views(connection: BaseDatabaseWrapper, tables: list[CapturedTable]) -> list[CapturedTable]:
    """Return those of ``tables`` that are views or virtual tables."""
    return _of_kind(connection, tables, f"type = 'view' OR (type = 'table' AND {_IS_VIRTUAL})")


def unseen(connection: BaseDatabaseWrapper, tables: list[CapturedTable], replicated: bool) -> list[str]:
    """Return a line for each thing that the triggers of these tables cannot see: SQLite's see every write."""
    return []


_IS_VIRTUAL = "sql LIKE 'CREATE VIRTUAL %%'"


def _of_kind(connection: BaseDatabaseWrapper, tables: list[CapturedTable], condition: str) -> list[CapturedTable]:
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT name FROM sqlite_master WHERE {condition}", [])
        names = {_fold(name) for (name,) in cursor.fetchall()}
    return [table for table in tables if _fold(_unquote(connection.ops.quote_name(table.table))) in names]


def lacking_columns(connection: BaseDatabaseWrapper, tables: list[CapturedTable]) -> list[tuple[CapturedTable, str]]:
    """Return the columns of ``tables`` that models have and the database has not."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT t.name, c.name FROM sqlite_master t, pragma_table_xinfo(t.name) c WHERE t.type = 'table'"
        )
        found = {(_fold(table), _fold(column)) for table, column in cursor.fetchall()}
    return [
        (table, column.column)
        for table in tables
        for column in table.columns
        if (_fold(_unquote(connection.ops.quote_name(table.table))), _fold(column.column)) not in found
    ]


def partitions(connection: BaseDatabaseWrapper, tables: list[CapturedTable]) -> list[tuple[str, str, tuple[str, ...]]]:
    """Return each partition of these tables: SQLite has none."""
    return []


def columns_of(connection: BaseDatabaseWrapper, tables: Collection[str]) -> dict[str, set[str]]:
    """Return the columns of those tables that exist, by table, in one query."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT t.name, c.name FROM sqlite_master AS t, pragma_table_xinfo(t.name) AS c "
            f"WHERE t.type IN ('table', 'view') AND t.name IN ({', '.join(['%s'] * len(tables))})",
            list(tables),
        )
        return grouped(cursor.fetchall())


def tables_there(connection: BaseDatabaseWrapper, tables: Collection[str]) -> set[str]:
    """Return those of the tables and views that exist."""
    names = ", ".join(["%s"] * len(tables))
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT name FROM sqlite_master WHERE type IN ('table', 'view') AND name IN ({names})", list(tables)
        )
        return {name for (name,) in cursor.fetchall()}


def not_surely_empty(connection: BaseDatabaseWrapper, tables: Sequence[str]) -> list[str]:
    """Return those of the quoted tables that may have rows: all, for to ask is as fast as anything."""
    return list(tables)


def require_changelog(connection: BaseDatabaseWrapper) -> None:
    """Raise ``Refused`` when this package's tables are missing."""
    if "synchro_triggers_changelog" not in connection.introspection.table_names():
        raise Refused(
            f"The tables of synchro_triggers are missing on {connection.alias!r}: "
            f"run `manage.py migrate synchro_triggers --database {connection.alias}`."
        )


def sight_of(connection: BaseDatabaseWrapper, tables: list[str]) -> Sight:
    """Return what a session sees of those tables: everything, as it is now."""
    return Sight()


@dataclass(frozen=True)
class _Layout:
    """The columns that a table has in the database, by their names there.

    Attributes:
        stored: those that have values of their own.
        generated: those that are computed.
        loose: which of the stored ones, folded, keep any value as it comes: ``1`` and ``1.0`` are equal, but two.
    """

    stored: tuple[str, ...]
    generated: tuple[str, ...]
    loose: frozenset[str]

    def has(self, column: str) -> bool:
        return _fold(column) in map(_fold, self.stored)

    def is_loose(self, column: str) -> bool:
        return _fold(column) in self.loose


def _layout_of(connection: BaseDatabaseWrapper, table: str) -> _Layout:
    with connection.cursor() as cursor:
        cursor.execute(f"PRAGMA table_xinfo({connection.ops.quote_name(table)})")
        rows = [(row[1], row[2], row[6]) for row in cursor.fetchall()]
    return _Layout(
        stored=tuple(name for name, _, hidden in rows if hidden == 0),
        generated=tuple(name for name, _, hidden in rows if hidden in (2, 3)),
        loose=frozenset(_fold(name) for name, declared, _ in rows if _is_loose(declared)),
    )


def _is_loose(declared: str) -> bool:
    """Tell whether a column of a declared type converts nothing: it has the affinity BLOB, or is ANY where strict.

    See "Determination Of Column Affinity" in SQLite's documentation. All others store equal values as one type.
    """
    declared = declared.upper()
    if declared == "ANY":
        return True
    is_typed = any(part in declared for part in ("INT", "CHAR", "CLOB", "TEXT"))
    return not is_typed and (not declared or "BLOB" in declared)


def _fold(name: str) -> str:
    """Fold a name as SQLite does, which ignores the case of ASCII letters and of no others."""
    return name.encode().lower().decode()


def _quote(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _unquote(name: str) -> str:
    if name[:1] in '"[`' and len(name) > 1:
        return name[1:-1].replace('""', '"')
    return name


def signature_of(sql: str) -> str:
    """Return the signature of a trigger: the hash of its SQL, which SQLite keeps verbatim."""
    return hashlib.sha1(sql.encode()).hexdigest()
