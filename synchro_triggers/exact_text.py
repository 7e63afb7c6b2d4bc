"""Texts of this package's own tables, which are equal only where they are the same, letter by letter.

On PostgreSQL and SQLite every text is. MySQL and MariaDB compare by the collation of the database, which usually calls
texts equal that differ by case, by an accent, or by spaces at their end: two keys would be one. Their character set may
not hold every text, either.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.db import models

if TYPE_CHECKING:
    _CharField = models.CharField[Any, Any]
    _TextField = models.TextField[Any, Any]
else:
    _CharField, _TextField = models.CharField, models.TextField


class ExactCharField(_CharField):
    """A ``CharField`` of keys and names."""

    def db_parameters(self, connection: Any) -> Any:
        return {**super().db_parameters(connection), "collation": collation_of(connection)}


class ExactTextField(_TextField):
    """A ``TextField`` that holds whatever there is to hold."""

    def db_parameters(self, connection: Any) -> Any:
        return {**super().db_parameters(connection), "collation": collation_of(connection)}


def collation_of(connection: Any) -> str | None:
    """Return the collation that tells every text from every other; ``None``: any does."""
    if connection.vendor != "mysql":
        return None
    # ``utf8mb4_bin`` would not do: it ignores spaces at the end. Each of the two servers knows one that does not.
    return "utf8mb4_nopad_bin" if connection.mysql_is_mariadb else "utf8mb4_0900_bin"
