"""Rows that the log does not know: they were there before their table was captured, or came while it was paused."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from contextlib import suppress

from django.db import Error, connections
from django.db.models import Model

from ..conf import get_settings, local_alias
from ..models import Node
from .logged_keys import key_and_table, times_as_logged
from .tables import captured_models
from .vendor import vendor_of

#: The log is grouped once, and joined: it has no index that a look-up for each row could use.
_UNLOGGED = """
SELECT lived.{key}
  FROM {table} AS lived
  LEFT JOIN (SELECT DISTINCT object_pk
               FROM synchro_triggers_changelog
              WHERE operation = 'I' AND model_label IN ({labels})) AS made
         ON made.object_pk = CAST(lived.{key} AS text)
 WHERE made.object_pk IS NULL AND lived.{key} > %s
 ORDER BY 1
"""

#: Keys in a row have the same distance from their numbers in the order of keys.
_SPANS = """
SELECT min(key), max(key)
  FROM (SELECT {key} AS key, {key} - row_number() OVER (ORDER BY {key}) AS distance FROM {table}) AS numbered
 WHERE key >= 0
 GROUP BY distance
 ORDER BY 1
"""

_COUNT_UNLOGGED = """
SELECT count(*)
  FROM {table} AS t
  LEFT JOIN (SELECT DISTINCT object_pk
               FROM synchro_triggers_changelog
              WHERE operation = 'I' AND model_label = %s) AS made
         ON made.object_pk = {key}
 WHERE made.object_pk IS NULL
   AND NOT EXISTS (SELECT 1
                     FROM synchro_triggers_reference
                    WHERE remote_pk = {key} AND model_label = %s AND source = %s)
"""


#: SQLite joins no more than 500 queries.
_TABLES_AT_ONCE = 100


def unlogged_keys(alias: str, model: type[Model], labels: Sequence[str], beyond: int = 0) -> list[int]:
    """Return the keys of the rows of which the log does not say that they were made, in order.

    Args:
        alias: the database.
        model: a model with an automatic key.
        labels: the labels under which its rows may be logged.
        beyond: only keys above this one.
    """
    connection = connections[alias]
    sql = _UNLOGGED.format(
        table=connection.ops.quote_name(model._meta.db_table),
        key=connection.ops.quote_name(str(model._meta.pk.column)),
        labels=", ".join(["%s"] * len(labels)),
    )
    with connection.cursor() as cursor:
        cursor.execute(sql, [*labels, beyond])
        return [key for (key,) in cursor.fetchall()]


def keys_there(alias: str, model: type[Model]) -> tuple[str, int]:
    """Return the keys that a table has, as ``1-500,700``, and the highest of them; 0: there is none.

    Args:
        alias: the database.
        model: a model with an automatic key.
    """
    connection = connections[alias]
    quote = connection.ops.quote_name
    sql = _SPANS.format(table=quote(model._meta.db_table), key=quote(str(model._meta.pk.column)))
    with connection.cursor() as cursor:
        cursor.execute(sql)
        spans = cursor.fetchall()
    texts = [str(first) if first == last else f"{first}-{last}" for first, last in spans]
    return ",".join(texts), max((last for _, last in spans), default=0)


def with_rows(alias: str, models: Iterable[type[Model]]) -> list[type[Model]]:
    """Return those of the models whose tables have any row; a query for each hundred that are not seen to be empty."""
    connection = connections[alias]
    over: dict[str, list[type[Model]]] = {}
    for model in models:
        over.setdefault(connection.ops.quote_name(model._meta.db_table), []).append(model)
    waiting, found = vendor_of(connection).not_surely_empty(connection, list(over)), []
    while waiting:
        some, waiting = waiting[:_TABLES_AT_ONCE], waiting[_TABLES_AT_ONCE:]
        asked = (f"SELECT {number} WHERE EXISTS (SELECT 1 FROM {table})" for number, table in enumerate(some))
        with connection.cursor() as cursor:
            cursor.execute(" UNION ALL ".join(asked), None)
            found += [model for (number,) in cursor.fetchall() for model in over[some[number]]]
    return found


def count_unlogged(alias: str, model: type[Model], node: str = "") -> int:
    """Return how many rows of a model the log of ``alias`` does not know.

    Args:
        alias: the database.
        model: the model.
        node: identity of a node; what is noted there as an object of that one is left out.
    """
    connection = connections[alias]
    key, table = key_and_table(connection, model)
    # As the triggers write them: there are keys that Python cannot read.
    with times_as_logged(connection), connection.cursor() as cursor:
        label = model._meta.label
        cursor.execute(_COUNT_UNLOGGED.format(key=key, table=table), [label, label, node])
        return int(cursor.fetchone()[0])


_WAY = (
    "  Are they on the remote too, because one side was imported from the other? Then run `manage.py synchro_link`. "
    "Are they not? Then `manage.py synchronize --full` sends them."
)
_WAY_OF_A_REMOTE = (
    "  Are they on {local!r} too, because one side was imported from the other? Then run `manage.py synchro_link`. Are "
    "they not, and shall they come? Then `manage.py synchronize --full --both --remote {alias}` brings each side what "
    "only the other one has."
)
_WAY_OF_OTHERS = (
    "  {none} (SYNCHRO_REMOTE). A database that has this one as its remote, and was imported from the "
    "same source, runs `manage.py synchro_link`. Has it not got them? Then it fetches them by "
    "`manage.py synchronize --full --pull`."
)


def describe_unlogged(alias: str, tables: Collection[str]) -> list[str]:
    """Return lines that say how many rows of newly captured tables the log does not know, and what to do.

    Args:
        alias: the database: LOCAL, one of its remotes, or another one. What a remote has received from LOCAL is no
            question: it is left out.
        tables: names of the tables, as triggers are named by them.
    """
    covered = [model for model in captured_models(get_settings().models) if model._meta.db_table.strip('"') in tables]
    found, counts = with_rows(alias, covered), {}
    sender = _node_of(local_alias()) if found and alias != local_alias() else ""
    for model in found:
        if count := count_unlogged(alias, model, sender):
            counts[model._meta.label] = count
    if not counts:
        return []
    those = ", ".join(f"{label} {count}" for label, count in counts.items())
    return [f"{alias}: the log does not know {sum(counts.values())} rows that were there before: {those}.", _way(alias)]


def _node_of(alias: str) -> str:
    """Return the identity of a database; ``""``: it has none yet, or cannot be asked."""
    with suppress(Error):  # it says so itself when its turn comes
        return Node._base_manager.using(alias).values_list("node_id", flat=True).filter(pk=1).first() or ""
    return ""


def _way(alias: str) -> str:
    """Return what to do about the rows of a database that its log does not know."""
    remotes = get_settings().remotes
    if alias == local_alias() and remotes:
        return _WAY
    if alias in remotes:
        return _WAY_OF_A_REMOTE.format(local=local_alias(), alias=alias)
    none = "No remote is set here" if alias == local_alias() else f"{alias!r} is no remote here"
    return _WAY_OF_OTHERS.format(none=none)
