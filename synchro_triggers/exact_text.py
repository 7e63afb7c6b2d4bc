"""Texts of this package's own tables, which are equal only where they are the same, letter by letter.

On PostgreSQL and SQLite every text is. MySQL and MariaDB compare by the collation of the database, which usually calls
texts equal that differ by case, by an accent, or by spaces at their end: two keys would be one. Their character set may
not hold every text, either.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.db import models

from .vendors.vendor import database_of

if TYPE_CHECKING:
    _CharField = models.CharField[Any, Any]
    _TextField = models.TextField[Any, Any]
else:
    _CharField, _TextField = models.CharField, models.TextField


class ExactCharField(_CharField):
    """A ``CharField`` of keys and names."""

    def db_parameters(self, connection: Any) -> Any:
        return {**super().db_parameters(connection), "collation": database_of(connection).exact_collation(connection)}


class ExactTextField(_TextField):
    """A ``TextField`` that holds whatever there is to hold."""

    def db_parameters(self, connection: Any) -> Any:
        return {**super().db_parameters(connection), "collation": database_of(connection).exact_collation(connection)}
