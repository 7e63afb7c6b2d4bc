"""Names and values in statements of our own: quoted names, and fields that bring an expression of theirs."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models import BinaryField


def quoting(connection: BaseDatabaseWrapper) -> Callable[[str], str]:
    """Return what quotes a name for a statement with parameters, where a percent sign stands for itself twice."""
    return lambda name: connection.ops.quote_name(name).replace("%", "%%")


def has_placeholder(field: Any) -> bool:
    """Tell whether a field's values need SQL of their own around them."""
    if type(field) is BinaryField:  # whose is the usual one, on the vendors that we write statements for
        return False
    return hasattr(field, "get_placeholder") or hasattr(field, "get_placeholder_sql")
