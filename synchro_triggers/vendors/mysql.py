"""Databases of MySQL and MariaDB, which only receive.

DDL ends a transaction there without a word, a statement that is longer than the server takes costs the connection, a
wait for a lock lasts as long as the session says, and texts that differ may be equal.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Sequence
from contextlib import closing, contextmanager
from typing import Any

from django.db import DatabaseError, Error
from django.db.backends.base.base import BaseDatabaseWrapper

from ..exceptions import ObjectNotApplied, Refused
from .other import Database

#: Statements that end a transaction: by themselves, or since the server commits what was written before them (MySQL 8,
#: "Statements That Cause an Implicit Commit").
_ENDING = re.compile(
    r"\s*(?:ALTER|CREATE(?!\s+TEMPORARY\s+TABLE)|DROP(?!\s+TEMPORARY\s+TABLE)|RENAME|TRUNCATE|GRANT|REVOKE|LOCK\s+TABLES?"
    r"|UNLOCK\s+TABLES|ANALYZE|OPTIMIZE|REPAIR|CHECK\s+TABLE|FLUSH|RESET|SET\s+PASSWORD|SET\s+AUTOCOMMIT|BEGIN"
    r"|START\s+TRANSACTION|COMMIT|ROLLBACK(?!\s+(?:WORK\s+)?TO\b))\b",
    re.IGNORECASE,
)

#: Bytes that a parameter takes at the most that is neither a text nor binary, and those that a character may take.
_OTHER, _CHARACTER = 64, 8

#: Where the objects of a batch begin, and the number of the error that says that it is gone.
_BEGINNING, _NO_SUCH_SAVEPOINT = "synchro_beginning", 1305


class MySQL(Database):
    IS_KNOWN = True
    CONFUSES_TEXTS = True
    TEXT = "char"

    def usual_port(self, vendor: str) -> str:
        return "3306"

    def fails_to_connect_within(self, seconds: int) -> dict[str, Any]:
        return {"connect_timeout": seconds}

    def exact_collation(self, connection: Any) -> str | None:
        # ``utf8mb4_bin`` would not do: it ignores spaces at the end. Each of the two servers knows one that does not.
        return "utf8mb4_nopad_bin" if connection.mysql_is_mariadb else "utf8mb4_0900_bin"

    def keeps_json_text(self, connection: Any) -> bool:
        return bool(connection.mysql_is_mariadb)

    def is_closed(self, driver: Any) -> bool:
        return bool(getattr(driver, "closed", False)) or not getattr(driver, "open", True)

    @contextmanager
    def guarded(self, connection: BaseDatabaseWrapper) -> Iterator[None]:
        """Notice where the transaction has ended, too.

        A server that has found a deadlock has rolled back all, and a receiver may have gone on: what is written then is
        the beginning of another transaction.

        Raises:
            DatabaseError: the transaction at the end is not that of the beginning.
        """
        with _same_transaction(connection), _dangers_refused(connection):
            yield

    @contextmanager
    def short_waits(self, connection: BaseDatabaseWrapper, seconds: float) -> Iterator[None]:
        """Whole seconds, one at the least.

        The variables are the session's: they are put back at the end, for others may use the connection after us.
        """
        names = ("innodb_lock_wait_timeout", "lock_wait_timeout")
        connection.ensure_connection()
        before = _read(connection, names)
        _set(connection, dict.fromkeys(names, max(1, round(seconds))))
        driver = connection.connection
        try:
            yield
        finally:
            if connection.connection is driver and driver is not None:  # a new one has the server's own
                try:
                    _set(connection, dict(zip(names, before, strict=True)))
                except Error:
                    connection.errors_occurred = True  # it is lost, which whoever uses it next will be told

    def require_safe(self, connection: BaseDatabaseWrapper, tables: Collection[str]) -> None:
        alias = connection.alias
        with connection.cursor() as cursor:
            cursor.execute("SELECT @@sql_mode")
            modes = set(cursor.fetchone()[0].split(","))
            cursor.execute(
                "SELECT t.table_name, t.engine FROM information_schema.tables AS t"
                " JOIN information_schema.engines AS e ON e.engine = t.engine"
                f" WHERE t.table_schema = DATABASE() AND t.table_name IN ({', '.join(['%s'] * len(tables))})"
                " AND coalesce(e.transactions, 'NO') <> 'YES' ORDER BY t.table_name",
                list(tables),
            )
            unsafe = [f"{table} ({engine})" for table, engine in cursor.fetchall()]
        if not modes & {"STRICT_TRANS_TABLES", "STRICT_ALL_TABLES", "TRADITIONAL"}:
            raise Refused(
                f"{alias!r} is not in strict mode (sql_mode): it cuts values that are too long, and makes zeros of "
                f"wrong ones, without a word. Nothing was written. Set DATABASES[{alias!r}]['OPTIONS']['sql_mode'] = "
                "'STRICT_TRANS_TABLES', or the server's own sql_mode."
            )
        if unsafe:
            raise Refused(
                f"Tables on {alias!r} know no transactions: {', '.join(unsafe)}. A run that is cut off would leave "
                "half of what belongs together. Nothing was written. ALTER TABLE ... ENGINE = InnoDB."
            )

    def is_exactly(self, wanted: Any, found: Any) -> bool:
        """Collations usually find texts equal that differ by case, by an accent, or by spaces at their end.

        What was not asked for is another object.
        """
        if isinstance(wanted, str) and isinstance(found, str):
            return wanted == found
        if isinstance(wanted, (tuple, list)) and isinstance(found, (tuple, list)) and len(wanted) == len(found):
            return all(map(self.is_exactly, wanted, found))
        return True

    def exact_keys(self, wanted: Iterable[Any], found: set[Any]) -> set[Any]:
        return found & set(wanted) if any(map(_has_text, found)) else found


@contextmanager
def _same_transaction(connection: Any) -> Iterator[None]:
    _run(connection, f"SAVEPOINT {_BEGINNING}")
    yield
    try:
        _run(connection, f"RELEASE SAVEPOINT {_BEGINNING}")
    except DatabaseError as error:
        if getattr(error.__cause__, "args", ())[:1] != (_NO_SUCH_SAVEPOINT,):
            raise
        raise DatabaseError(
            f"the transaction on {connection.alias!r} was ended by the server (a deadlock, or a statement that "
            "commits), and whoever executed that went on as if nothing had happened"
        ) from error


@contextmanager
def _dangers_refused(connection: BaseDatabaseWrapper) -> Iterator[None]:
    alias, longest = connection.alias, _longest_statement(connection)

    def refuse_or(execute: Any, sql: Any, params: Any, many: bool, context: Any) -> Any:
        if _ENDING.match(str(sql)):
            raise ObjectNotApplied(
                f"a receiver was about to execute {' '.join(str(sql).split())[:60]!r} on {alias!r}, which would end "
                "the transaction (MySQL and MariaDB commit before such a statement), and half of what belongs "
                "together would stay. It was not executed. Do it outside of a replay"
            )
        each = params if many else [params] if params else ()
        if (length := max((_length(connection, sql, values, longest) for values in each), default=0)) > longest:
            raise ObjectNotApplied(
                f"the statement would take {length:,} bytes, and {alias!r} takes {longest:,} at the most "
                "(max_allowed_packet): raise that on the server, or make the value shorter"
            )
        return execute(sql, params, many, context)

    with connection.execute_wrapper(refuse_or):
        yield


def _longest_statement(connection: BaseDatabaseWrapper) -> int:
    with connection.cursor() as cursor:
        cursor.execute("SELECT @@max_allowed_packet")
        return int(cursor.fetchone()[0]) - 1


def _length(connection: Any, sql: Any, params: Iterable[Any], longest: int) -> int:
    """Return how many bytes a statement has on its way; of one that is surely short enough, roughly."""
    values = list(params.values()) if isinstance(params, dict) else list(params)
    long = [value for value in values if isinstance(value, (str, bytes, bytearray, memoryview))]
    roughly = len(sql) + _OTHER * len(values) + sum(map(len, long))
    if _CHARACTER * roughly < longest:
        return roughly
    return len(sql) + _OTHER * len(values) + sum(len(connection.connection.literal(_plain(value))) for value in long)


def _plain(value: Any) -> Any:
    return bytes(value) if isinstance(value, (bytearray, memoryview)) else value


def _run(connection: Any, statement: str) -> None:
    with connection.wrap_database_errors, closing(connection.connection.cursor()) as cursor:
        cursor.execute(statement)


def _read(connection: Any, names: Sequence[str]) -> Sequence[Any]:
    with connection.wrap_database_errors, closing(connection.connection.cursor()) as cursor:
        cursor.execute("SELECT " + ", ".join(f"@@{name}" for name in names))
        row: Sequence[Any] = cursor.fetchone()
        return row


def _set(connection: Any, values: dict[str, Any]) -> None:
    _run(connection, "SET " + ", ".join(f"SESSION {name} = {int(value)}" for name, value in values.items()))


def _has_text(key: Any) -> bool:
    return isinstance(key, str) or (isinstance(key, tuple) and any(map(_has_text, key)))
