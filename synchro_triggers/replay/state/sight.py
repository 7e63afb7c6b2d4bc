"""Whether a run sees every row that it has to judge: what it cannot see, it would take for gone."""

from __future__ import annotations

from collections.abc import Hashable
from functools import lru_cache
from typing import Any

from django.db import connections
from django.db.models import Model

from ...capture.catalog import Catalogs
from ...capture.tables import captured_models
from ...capture.vendor import has_capture
from ...conf import get_settings, local_alias
from ...exceptions import Refused
from ...models import ChangeLog, Checkpoint, Failure, Introduction, Node, Reference
from ...vendors.vendor import database_of
from ..log.vendor import log_of
from ..schema.shape import concrete_of, is_foreign_key, shape_of


def require_sight(alias: str, catalogs: Catalogs | None = None) -> None:
    """Raise ``Refused`` when rows of a database are hidden from the run, or, of LOCAL, may be older than its log.

    Or when values would be cut short there, or could not be rolled back.

    Args:
        alias: the database.
        catalogs: those that a run looks at.
    """
    connection = connections[alias]
    tables = _tables(captured_models(get_settings().models), get_settings().captured)
    database_of(connection).require_safe(connection, tables)
    if not has_capture(connection):
        return  # a remote only, and of none of the others Django knows row-level security
    seen = (catalogs or Catalogs()).sight_of(alias, tables)
    if alias == local_alias():
        log_of(connection).refuse_standby(alias, seen.standby)
    if seen.hidden:
        raise Refused(
            f"Row-level security hides rows of {', '.join(seen.hidden)} on {alias!r} from the role {seen.role!r}: what "
            "a run does not see, it would take for deleted, or make again. Let it connect as one that sees every row: "
            "the tables' owner (with ALTER TABLE … NO FORCE ROW LEVEL SECURITY), or one with BYPASSRLS."
        )


@lru_cache(maxsize=1)
def _tables(captured: tuple[type[Model], ...], settings: Hashable) -> list[str]:
    """Return the tables that a run reads: what is captured, what that points to, and this package's own."""
    found: dict[type[Model], None] = dict.fromkeys((ChangeLog, Checkpoint, Failure, Introduction, Node, Reference))
    waiting: list[Any] = list(captured)
    while waiting:
        model = waiting.pop()
        if model in found:
            continue
        found[model] = None
        waiting += model._meta.all_parents
        waiting += [
            field.remote_field.model._meta.concrete_model
            for field in model._meta.concrete_fields
            if is_foreign_key(field)
        ]
        waiting += [concrete_of(column.model) for column in shape_of(model).key_columns if column.model is not None]
    return sorted({model._meta.db_table for model in found})
