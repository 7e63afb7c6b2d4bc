"""Databases kept as SQL: how they are written down, and how they become databases again.

SQL, not files of a database: a difference can be read, and every PostgreSQL from 14 on reads it.
"""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import psycopg

HERE = Path(__file__).parent

#: What psql reads, and no server: pg_dump puts it around what it writes, with another word each time.
_FOR_PSQL = re.compile(r"^\\(un)?restrict .*\n", re.MULTILINE)

#: A version before the first one of PostgreSQL that has this setting takes it for an error.
_YOUNGER = re.compile(r"^SET transaction_timeout = 0;\n", re.MULTILINE)

#: Files have numbers, by which it is seen that one was moved. A restored one could have the same by chance.
_NO_FILES_NUMBER = (
    "UPDATE synchro_triggers_node SET fingerprint = '0'",
    "UPDATE synchro_triggers_checkpoint SET place = '0'",
)

Dump = Callable[[dict[str, Any]], str]


def versions() -> list[str]:
    """Return the versions of which databases are kept."""
    return sorted(folder.name for folder in HERE.iterdir() if folder.name[0].isdigit())


def written_down_sqlite(settings: dict[str, Any]) -> str:
    """Return a SQLite file as SQL."""
    with closing(sqlite3.connect(settings["NAME"])) as file:
        for statement in _NO_FILES_NUMBER:
            file.execute(statement)
        file.commit()
        return "".join(f"{line}\n" for line in file.iterdump())


def of_postgres(dumped: str) -> str:
    """Return what pg_dump has written so that a server reads it, also an older one."""
    return _YOUNGER.sub("", _FOR_PSQL.sub("", dumped))


def put_back(settings: dict[str, Any], sql: str) -> None:
    """Fill an empty database with what was written down."""
    if settings["ENGINE"].endswith("sqlite3"):
        with closing(sqlite3.connect(settings["NAME"])) as file:
            file.executescript(sql)
        return
    names = {"HOST": "host", "PORT": "port", "USER": "user", "PASSWORD": "password", "NAME": "dbname"}
    with psycopg.connect(**{names[key]: value for key, value in settings.items() if key in names}) as connection:
        connection.execute(sql)
