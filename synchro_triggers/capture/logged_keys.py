"""SQL of keys as triggers write them, to compare the tables themselves with the log."""

from __future__ import annotations

from contextlib import AbstractContextManager

from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models import Model

from .tables import captured_table
from .vendor import vendor_of


def key_and_table(connection: BaseDatabaseWrapper, model: type[Model]) -> tuple[str, str]:
    """Return the key of a row of ``t`` as text, and the model's own table, for a statement with parameters."""
    text = vendor_of(connection).key_text(captured_table(model).key, "t")
    table = connection.ops.quote_name(model._meta.db_table)
    return text.replace("%", "%%"), table.replace("%", "%%")


def times_as_logged(connection: BaseDatabaseWrapper) -> AbstractContextManager[None]:
    """Let keys be written in the block as triggers write them."""
    return vendor_of(connection).times_as_logged(connection)
