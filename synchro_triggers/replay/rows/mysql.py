"""What a run needs to know of MySQL and MariaDB, which only receive.

DDL ends a transaction there without a word, a statement that is longer than the server takes costs the connection, a
wait for a lock lasts as long as the session says, and texts that differ may be equal.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from contextlib import closing, contextmanager
from typing import Any

from django.db import DatabaseError, Error, connections
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models import Model

from ...exceptions import ObjectNotApplied, Refused

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


def is_mysql(alias: str) -> bool:
    """Tell whether a database is MySQL or MariaDB."""
    return connections[alias].vendor == "mysql"


@contextmanager
def guarded(alias: str) -> Iterator[None]:
    """Refuse, in the block, statements that would end the transaction, or the connection; notice where it has ended.

    A server that has found a deadlock has rolled back all, and a receiver may have gone on: what is written then is the
    beginning of another transaction.

    Raises:
        DatabaseError: the transaction at the end is not that of the beginning.
    """
    if not is_mysql(alias):
        yield
        return
    with _same_transaction(connections[alias]), _dangers_refused(alias):
        yield


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


#: Where the objects of a batch begin, and the number of the error that says that it is gone.
_BEGINNING, _NO_SUCH_SAVEPOINT = "synchro_beginning", 1305


@contextmanager
def _dangers_refused(alias: str) -> Iterator[None]:
    longest = _longest_statement(connections[alias])

    def refuse_or(execute: Any, sql: Any, params: Any, many: bool, context: Any) -> Any:
        if _ENDING.match(str(sql)):
            raise ObjectNotApplied(
                f"a receiver was about to execute {' '.join(str(sql).split())[:60]!r} on {alias!r}, which would end "
                "the transaction (MySQL and MariaDB commit before such a statement), and half of what belongs "
                "together would stay. It was not executed. Do it outside of a replay"
            )
        each = params if many else [params] if params else ()
        if (length := max((_length(connections[alias], sql, values, longest) for values in each), default=0)) > longest:
            raise ObjectNotApplied(
                f"the statement would take {length:,} bytes, and {alias!r} takes {longest:,} at the most "
                "(max_allowed_packet): raise that on the server, or make the value shorter"
            )
        return execute(sql, params, many, context)

    with connections[alias].execute_wrapper(refuse_or):
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


@contextmanager
def short_waits(alias: str, seconds: float) -> Iterator[None]:
    """Let what is done in the block wait for locks no longer than that; whole seconds, one at the least.

    The variables are the session's: they are put back at the end, for others may use the connection after us.
    """
    names = ("innodb_lock_wait_timeout", "lock_wait_timeout") if is_mysql(alias) else ()
    if not names:
        yield
        return
    connection = connections[alias]
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


def require_safe(alias: str, tables: Collection[str]) -> None:
    """Raise ``Refused`` where a database would cut values short without a word, or cannot roll back.

    Args:
        alias: the database.
        tables: those that a run may write.
    """
    connection = connections[alias]
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
            f"{alias!r} is not in strict mode (sql_mode): it cuts values that are too long, and makes zeros of wrong "
            f"ones, without a word. Nothing was written. Set DATABASES[{alias!r}]['OPTIONS']['sql_mode'] = "
            "'STRICT_TRANS_TABLES', or the server's own sql_mode."
        )
    if unsafe:
        raise Refused(
            f"Tables on {alias!r} know no transactions: {', '.join(unsafe)}. A run that is cut off would leave half of "
            "what belongs together. Nothing was written. ALTER TABLE ... ENGINE = InnoDB."
        )


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


# Deletes that the database makes by itself -------------------------------------------------------------


def cascading(connection: Any, fields: Sequence[Any]) -> list[int]:
    """Return the numbers of those of the foreign keys that the database itself follows (``ON DELETE CASCADE``)."""
    tables = sorted({_plain_name(field.model._meta.db_table) for field in fields})
    if not tables:
        return []
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT k.table_name, k.column_name FROM information_schema.key_column_usage AS k"
            " JOIN information_schema.referential_constraints AS r ON r.constraint_schema = k.constraint_schema"
            " AND r.constraint_name = k.constraint_name AND r.table_name = k.table_name"
            f" WHERE k.table_schema = DATABASE() AND k.table_name IN ({', '.join(['%s'] * len(tables))})"
            " AND r.delete_rule = 'CASCADE'",
            tables,
        )
        found = {(table.lower(), column.lower()) for table, column in cursor.fetchall()}
    return [
        number
        for number, field in enumerate(fields)
        if (_plain_name(field.model._meta.db_table).lower(), field.column.lower()) in found
    ]


def _plain_name(table: str) -> str:
    return table[1:-1] if table.startswith("`") and table.endswith("`") else table


# Many updates --------------------------------------------------------------------------------------

#: Rows that are updated with one message.
_AT_ONCE = 1000


def update_many(
    connection: Any, model: type[Model], key: Sequence[Any], fields: Sequence[Any], columns: Sequence[Sequence[Any]]
) -> int:
    """Update rows by primary key, with as many statements in one message as the driver sends.

    ``bulk_update()`` makes one statement of them, in which the server looks for each row's value in a list of all:
    2,000 rows take five times as long as a loop of ``save()``. A join with a list of values would be quicker still, but
    its texts have a collation, and its numbers a type, that are not those of the columns.

    Args:
        connection: to the database.
        model: the model, without parents.
        key: the fields of the primary key.
        fields: the fields to set.
        columns: the values of ``key`` and of ``fields``, as the driver takes them, column by column.

    Returns:
        How many rows there were.
    """
    quote = _quoting(connection)
    values = ", ".join(f"{quote(field.column)} = %s" for field in fields)
    same = " AND ".join(f"{quote(part.column)} = %s" for part in key)
    statement = f"UPDATE {quote(model._meta.db_table)} SET {values} WHERE {same}"
    rows = list(zip(*columns[len(key) :], *columns[: len(key)], strict=True))
    with connection.cursor() as cursor:
        if not _sends_several(connection):
            cursor.executemany(statement, rows)
            return int(cursor.rowcount)
        found = 0
        for start in range(0, len(rows), _AT_ONCE):
            some = rows[start : start + _AT_ONCE]
            cursor.execute(";\n".join([statement] * len(some)), [value for row in some for value in row])
            found += cursor.rowcount
            while cursor.nextset():
                found += cursor.rowcount
    return found


def _quoting(connection: Any) -> Callable[[str], str]:
    return lambda name: str(connection.ops.quote_name(name)).replace("%", "%%")


def _sends_several(connection: Any) -> bool:
    """Tell whether the driver sends several statements at once: mysqlclient does, unless somebody has forbidden it."""
    connection.ensure_connection()
    options = connection.settings_dict.get("OPTIONS") or {}
    ours = type(connection.connection).__module__.partition(".")[0] == "MySQLdb"
    return ours and bool(options.get("multi_statements", True)) and "client_flag" not in options


def existing_links_stay(through: Any, source: str, alias: str) -> dict[str, Any]:
    """Return how ``bulk_create()`` leaves links alone that are there already.

    ``INSERT IGNORE`` would leave out, without a word, links to what is not there too, and cut values short.

    Args:
        through: an automatic many-to-many table.
        source: the attribute name of one of its ends.
        alias: the database.
    """
    if is_mysql(alias):
        return {"update_conflicts": True, "update_fields": [through._meta.get_field(source).name]}
    return {"ignore_conflicts": connections[alias].features.supports_ignore_conflicts}


# Texts that differ ---------------------------------------------------------------------------------


def is_exactly(alias: str, wanted: Any, found: Any) -> bool:
    """Tell whether what a look-up has found is what it was asked for.

    Collations of MySQL and MariaDB usually find texts equal that differ by case, by an accent, or by spaces at their
    end. What was not asked for is another object. Elsewhere a text is only found by itself, or by a rule that somebody
    has made on purpose.
    """
    return not is_mysql(alias) or _differs_in_no_text(wanted, found)


def _differs_in_no_text(one: Any, other: Any) -> bool:
    if isinstance(one, str) and isinstance(other, str):
        return one == other
    if isinstance(one, (tuple, list)) and isinstance(other, (tuple, list)) and len(one) == len(other):
        return all(map(_differs_in_no_text, one, other))
    return True


def exact_keys(alias: str, wanted: Iterable[Any], found: set[Any]) -> set[Any]:
    """Return those of the keys that a look-up has found that it was asked for."""
    if not is_mysql(alias) or not any(map(_has_text, found)):
        return found
    return found & set(wanted)


def _has_text(key: Any) -> bool:
    return isinstance(key, str) or (isinstance(key, tuple) and any(map(_has_text, key)))
