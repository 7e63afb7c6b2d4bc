"""Copies of a place's own database, and a copy that takes its place: a restored backup, a standby that takes over.

On SQLite these are files. On PostgreSQL they are databases of the same server, made from one another with ``CREATE
DATABASE``, which the role of the URL must be allowed to do. Nobody may be connected to the database meanwhile.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

from django.db import connection


def copy() -> None:
    """Make a copy of this place's database; an older one goes."""
    if connection.vendor == "sqlite":
        _delete_file()
        with closing(sqlite3.connect(_file())) as source, closing(sqlite3.connect(_copied_file())) as target:
            source.backup(target)
        return
    name = _quoted(_name())
    with _administrator() as server:
        server.execute(f"DROP DATABASE IF EXISTS {_quoted(_copied_name())}")
        server.execute(f"CREATE DATABASE {_quoted(_copied_name())} TEMPLATE {name}")


def put_copy_in_place() -> None:
    """Lose this place's database, and let the copy have its name."""
    if connection.vendor == "sqlite":
        os.replace(_copied_file(), _file())
        return
    name = _quoted(_name())
    with _administrator() as server:
        server.execute(f"DROP DATABASE {name}")
        server.execute(f"ALTER DATABASE {_quoted(_copied_name())} RENAME TO {name}")


def delete_copy() -> None:
    """Delete the copy, if one is left."""
    if connection.vendor == "sqlite":
        _delete_file()
        return
    with _administrator() as server:
        server.execute(f"DROP DATABASE IF EXISTS {_quoted(_copied_name())}")


def _file() -> Path:
    return Path(connection.settings_dict["NAME"])


def _copied_file() -> Path:
    return _file().with_suffix(".copy")


def _delete_file() -> None:
    _copied_file().unlink(missing_ok=True)


def _name() -> str:
    return str(connection.settings_dict["NAME"])


def _copied_name() -> str:
    return f"{_name()}_copy_of_the_demo"


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


@contextmanager
def _administrator() -> Iterator[Any]:
    """Connect to the server's database ``postgres``: a database cannot be copied or dropped from within."""
    import psycopg  # not there where all places are on SQLite

    parameters = {**connection.get_connection_params(), "dbname": "postgres"}
    known = {key: parameters[key] for key in ("dbname", "user", "password", "host", "port") if key in parameters}
    with psycopg.connect(**known, autocommit=True) as server:
        yield server
