"""Types of columns on PostgreSQL, as statements name them."""

from __future__ import annotations

import re
from typing import Any

from django.db.backends.base.base import BaseDatabaseWrapper

#: Types that cannot be cast to, and those that have length 1 where they have no other.
_WITHOUT_LENGTH = {"smallserial": "smallint", "serial": "integer", "bigserial": "bigint"} | {
    "char": "bpchar",
    "character": "bpchar",
    "bit": "varbit",
}


def base_type(field: Any, connection: BaseDatabaseWrapper) -> str:
    """Return the type of a column on PostgreSQL, without its parameters.

    A cast to ``varchar(50)`` would cut what is too long, instead of refusing it.
    """
    name = re.sub(r"\s*\([^)]*\)", "", str(field.db_type(connection)))
    return _WITHOUT_LENGTH.get(name, name)
