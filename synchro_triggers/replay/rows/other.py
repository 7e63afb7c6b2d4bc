"""What most databases have in common; and those of which nothing more is known than that Django can write there."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from typing import Any

from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models import Model

FORESEES_KEYS = False
TIME_AS_TEXT = TIME_AS_STORED_TEXT = ""
SPELT_BY_DJANGO: dict[str, str] = {}
FOUND_AGAIN: dict[str, str] = {}
insert_many = insert_texts = update_many = None


def among(connection: BaseDatabaseWrapper, field: Any, values: list[Any]) -> tuple[str, Any] | None:
    return None


def in_byte_order(text: str) -> str:
    return text


def logged_text(text: str) -> tuple[str, Any]:
    return "%s::text", text


def fetch_texts(connection: BaseDatabaseWrapper, sql: str, params: Any) -> list[Any]:
    with connection.cursor() as cursor:
        cursor.execute(sql, params)
        return list(cursor.fetchall())


def read_logged(connection: BaseDatabaseWrapper, fields: Collection[Any], logged: str) -> Sequence[Any]:
    by_column: dict[str, Any] = json.loads(logged)
    return [by_column[field.column] for field in fields]


def parameter(connection: BaseDatabaseWrapper, field: Any) -> str:
    return "%s"


def existing_links_stay(connection: BaseDatabaseWrapper, through: Any, source: str) -> dict[str, Any]:
    return {"ignore_conflicts": connection.features.supports_ignore_conflicts}


def cascading(connection: BaseDatabaseWrapper, fields: Sequence[Any]) -> list[int]:
    return []


def redirecting(connection: BaseDatabaseWrapper) -> frozenset[Any]:
    return frozenset()


def identity_of(connection: BaseDatabaseWrapper, table: str) -> Any:
    return table


def reserve_keys(connection: BaseDatabaseWrapper, model: type[Model], number: int) -> list[int]:
    return []


def move_sequences_on(connection: BaseDatabaseWrapper, written: Mapping[type[Model], Collection[int]]) -> None:
    """An insert by value moves the next key on by itself, and never back."""
