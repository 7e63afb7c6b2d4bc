"""PostgreSQL databases that a test has committed to, made as good as new: in half the time of another copy.

A database counts as new where its catalogs are those of the template, row by row, nothing else is known of it on its
server, and its tables can be emptied until nothing is left of their files. Whatever else has happened to it, its place
is taken by another copy.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import psycopg
from django.db.backends.base.base import BaseDatabaseWrapper
from psycopg import sql
from psycopg.pq import TransactionStatus

#: What a schema consists of: a row that was changed has another ``xmin``, one that is missing another count.
_CATALOGS = (
    *("pg_attrdef", "pg_attribute", "pg_cast", "pg_class", "pg_collation", "pg_constraint", "pg_default_acl"),
    *("pg_event_trigger", "pg_extension", "pg_index", "pg_inherits", "pg_largeobject_metadata", "pg_namespace"),
    *("pg_operator", "pg_policy", "pg_proc", "pg_publication", "pg_rewrite", "pg_seclabel", "pg_sequence"),
    *("pg_statistic_ext", "pg_trigger", "pg_type"),
)

_SCHEMA = " UNION ALL ".join(
    f"SELECT '{name}', count(*), max(xmin::text::bigint) FROM pg_catalog.{name}" for name in _CATALOGS
)

#: What the server keeps about one database in places that belong to all of them.
_AROUND = """
    SELECT (SELECT count(*) FROM pg_db_role_setting WHERE setdatabase = d.oid),
           (SELECT count(*) FROM pg_prepared_xacts WHERE database = d.datname),
           (SELECT count(*) FROM pg_replication_slots WHERE database = d.datname),
           (SELECT count(*) FROM pg_subscription WHERE subdbid = d.oid),
           d.datacl::text, d.datconnlimit, d.datallowconn, d.datdba
    FROM pg_database d WHERE d.datname = current_database()
"""

_WITH_A_FILE = """
    SELECT n.nspname, c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE c.relkind IN ('r', 'm') AND n.nspname NOT IN ('pg_catalog', 'information_schema')
    AND pg_relation_size(c.oid) > 0
"""

_SEQUENCES = """
    SELECT s.seqrelid, s.seqstart, pg_sequence_last_value(s.seqrelid) FROM pg_sequence s
"""

#: Seconds are not enough where a machine is busy, and whoever is not gone by then makes the database one to be dropped.
_END_OTHERS = """
    SELECT count(*) FILTER (WHERE NOT pg_terminate_backend(pid, 10000)) FROM pg_stat_activity
    WHERE datname = current_database() AND pid <> pg_backend_pid() AND backend_type = 'client backend'
"""

Table = tuple[str, str]


class Pristine(NamedTuple):
    """What a copy of the template is like before anybody has used it.

    Attributes:
        schema: for each catalog, its number of rows and the last transaction that wrote one.
        around: what the server keeps about the database.
        rows: the same as ``schema``, for each table that has rows.
        sequences: the first value of each, by its number, and the last one; ``None``: it has given out none.
    """

    schema: list[tuple[Any, ...]]
    around: list[tuple[Any, ...]]
    rows: dict[Table, tuple[Any, ...]]
    sequences: dict[int, tuple[int, int | None]]


class Reused:
    """What the committing tests of one process use one after the other, by alias: databases and connections to them."""

    def __init__(self) -> None:
        self._new: Pristine | None = None
        self._ready: dict[str, BaseDatabaseWrapper] = {}

    def take(self, alias: str) -> BaseDatabaseWrapper | None:
        """Return an open connection to a database that is as good as new, if there is one."""
        return self._ready.pop(alias, None)

    def note_new(self, connection: BaseDatabaseWrapper) -> None:
        """Look at the first copy of the template, before a test uses it."""
        if self._new is None:
            connection.ensure_connection()
            self._new = _describe(connection.connection)

    def give_back(self, connection: BaseDatabaseWrapper, settings: dict[str, Any]) -> bool:
        """Take a database back, if it can be made as good as new.

        Args:
            connection: to the database, as a test has left it.
            settings: what its settings were when the test began.

        Returns:
            Whether it could; if not, it is to be dropped.
        """
        if self._new is None or not _is_usable(connection, settings):
            return False
        try:
            made = _make_pristine(connection.connection, self._new)
            if made:
                connection.connection.execute("DISCARD ALL")
                connection.init_connection_state()
        except psycopg.Error:  # a fault of the server that a test has made; the database goes
            return False
        if made:
            self._ready[connection.alias] = connection
        return made

    def close(self) -> list[str]:
        """Close what is open; return the names of the databases that are to be removed."""
        names = [str(connection.settings_dict["NAME"]) for connection in self._ready.values()]
        for connection in self._ready.values():
            connection.close()
        self._ready.clear()
        return names


def _is_usable(connection: BaseDatabaseWrapper, settings: dict[str, Any]) -> bool:
    driver = connection.connection
    return (
        connection.settings_dict == settings
        and driver is not None
        and not driver.closed
        and driver.autocommit
        and not connection.in_atomic_block
        and not connection.execute_wrappers
        and driver.info.transaction_status == TransactionStatus.IDLE
    )


def _describe(connection: psycopg.Connection) -> Pristine:
    tables = sorted(_with_a_file(connection))
    return Pristine(
        connection.execute(_SCHEMA).fetchall(),
        connection.execute(_AROUND).fetchall(),
        {table: rows for table, rows in zip(tables, _rows(connection, tables), strict=True) if rows[0]},
        {number: (first, last) for number, first, last in connection.execute(_SEQUENCES)},
    )


def _make_pristine(connection: psycopg.Connection, new: Pristine) -> bool:
    """Empty a database; tell whether nothing can tell it from a copy of its template now."""
    connection.execute("RESET ROLE")
    if connection.execute(_END_OTHERS).fetchone() != (0,):
        return False
    now = _describe(connection)
    if (now.schema, now.around) != (new.schema, new.around):
        return False
    if any(now.rows.get(table) != rows for table, rows in new.rows.items()):
        return False
    filled = [sql.Identifier(*table) for table in _with_a_file(connection) - new.rows.keys()]
    if filled:
        connection.execute("SET session_replication_role = replica")  # neither triggers nor foreign keys
        connection.execute(sql.SQL("; ").join(sql.SQL("DELETE FROM {}").format(table) for table in filled))
        connection.execute(sql.SQL("VACUUM {}").format(sql.SQL(", ").join(filled)))
    for number, (first, last) in now.sequences.items():
        before = new.sequences[number][1]
        if last != before:
            value, called = (first, False) if before is None else (before, True)
            connection.execute("SELECT setval(%s::oid::regclass, %s, %s)", (number, value, called))
    return _with_a_file(connection) <= new.rows.keys()


def _with_a_file(connection: psycopg.Connection) -> set[Table]:
    return {(schema, name) for schema, name in connection.execute(_WITH_A_FILE)}


def _rows(connection: psycopg.Connection, tables: list[Table]) -> list[tuple[Any, ...]]:
    """Return how many rows each table has, and the last transaction that wrote one of them."""
    if not tables:
        return []
    counted = sql.SQL("SELECT {}::int, count(*), max(xmin::text::bigint) FROM {}")
    parts = [counted.format(sql.Literal(number), sql.Identifier(*table)) for number, table in enumerate(tables)]
    found = connection.execute(sql.SQL(" UNION ALL ").join(parts)).fetchall()
    return [(rows, last) for _, rows, last in sorted(found)]
