"""What PostgreSQL says of tables: their columns, keys and partitions, who sees their rows, and what no trigger sees."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from django.db.backends.base.base import BaseDatabaseWrapper

from ..exceptions import Refused
from ..vendors.postgres import PLACE
from .sight import Look, Sight
from .tables import CapturedTable
from .trigger import grouped

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
      WHERE oid >= 16384 AND typrelid = 0 AND typelem = 0)),
    {place}, pg_is_in_recovery(), {hides}
  FROM pg_control_system()
"""

#: Whether policies hide rows of any table from this session.
_HIDES = "EXISTS (SELECT FROM pg_catalog.pg_class c WHERE c.relrowsecurity AND row_security_active(c.oid))"


def look(connection: BaseDatabaseWrapper, tables: Collection[str]) -> Look:
    """Return what is another one whenever these tables, their partitions or our triggers have changed; one query.

    It tells where the database is, and what the session sees, too: each run asks for all of it.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            _CATALOG.format(place=PLACE, hides=_HIDES), [[_name_in_schema(connection, table) for table in tables]]
        )
        mark, database, server, standby, filtered = cursor.fetchone()
    return Look(mark, (database, server), None if filtered else Sight(standby))


def existing_tables(connection: BaseDatabaseWrapper, tables: list[CapturedTable]) -> list[CapturedTable]:
    """Return those of ``tables`` that exist and can carry triggers."""
    layouts = layouts_of(connection, tables)
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
class Layout:
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
    parts: list[Part]


@dataclass(frozen=True)
class Part:
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


def layouts_of(connection: BaseDatabaseWrapper, tables: list[CapturedTable]) -> dict[str, Layout]:
    """Return the layouts of those tables that exist, by the name the model has."""
    names = [table.table for table in tables]
    with connection.cursor() as cursor:
        cursor.execute(_LAYOUTS, [names, [quote_table(connection, name) for name in names]])
        rows = cursor.fetchall()
    layouts: dict[str, Layout] = {}
    for table, qualified, is_partitioned, column, type_name, deterministic in rows:
        exact = type_name in _EXACT_TYPES or _EXACT_TEXT_OR_NUMBER.fullmatch(type_name) is not None
        layout = layouts.setdefault(table, Layout(qualified, is_partitioned, {}, []))
        layout.exact[column] = exact and deterministic
    if any(layout.is_partitioned for layout in layouts.values()):
        with connection.cursor() as cursor:
            cursor.execute(_PARTS, [names, [quote_table(connection, name) for name in names]])
            for table, *part in cursor.fetchall():
                layouts[table].parts.append(Part(*part))
    return layouts


def lacking_columns(connection: BaseDatabaseWrapper, tables: list[CapturedTable]) -> list[tuple[CapturedTable, str]]:
    """Return the columns of ``tables`` that models have and the database has not."""
    layouts = layouts_of(connection, tables)
    return [
        (table, column.column)
        for table in tables
        for column in table.columns
        if table.table in layouts and column.column not in layouts[table.table].exact
    ]


def sight_of(connection: BaseDatabaseWrapper, tables: list[str]) -> Sight:
    """Return what this session sees of those tables."""
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT pg_is_in_recovery(), {_HIDES}")
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


def obliging_columns(connection: BaseDatabaseWrapper, tables: Collection[str]) -> dict[str, set[str]]:
    """Return those columns of the tables that every insert has to name: no NULL, no default."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT wanted.name, a.attname FROM unnest(%s::text[]) AS wanted (name) "
            "JOIN pg_catalog.pg_attribute a ON a.attrelid = to_regclass(quote_ident(wanted.name)) "
            "AND a.attnum > 0 AND NOT a.attisdropped AND a.attnotnull AND NOT a.atthasdef AND a.attidentity = ''",
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


def quote(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


@contextmanager
def times_as_logged(connection: BaseDatabaseWrapper) -> Iterator[None]:
    """Triggers write times in UTC; a session has the project's time zone without ``USE_TZ``."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT current_setting('TimeZone')")
        [before] = cursor.fetchone()
        cursor.execute("SELECT set_config('TimeZone', 'UTC', false)")
        try:
            yield
        finally:
            cursor.execute("SELECT set_config('TimeZone', %s, false)", [before])
