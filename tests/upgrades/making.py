"""``make upgrade-fixtures``: databases of this version, to be kept for the tests of all later ones.

Once a version is released, its folder stays as it is. That of the coming one is made anew whenever the package's first
migration or its triggers are rewritten: ``test_upgrades.py`` says when.
"""

from __future__ import annotations

import json
import shutil
import socket
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import synchro_triggers
from tests.postgres_server import stoppable_server
from tests.upgrades import keeping
from tests.upgrades.story import ALIASES, END, Office, tell

Kept = tuple[dict[str, dict[str, Any]], keeping.Dump | None]


def make() -> Path:
    """Write the folder of this version, and return it."""
    folder = keeping.HERE / synchro_triggers.__version__
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    told = {}
    for vendor, databases in (("sqlite", _sqlite), ("postgres", _postgres)):
        with databases() as (settings, dump):
            office = Office(settings)
            tell(office)
            told[vendor] = office.known()
            for alias in ALIASES:
                sql = (dump or keeping.written_down_sqlite)(settings[alias])
                sql = sql.replace(f"'{socket.gethostname()}'", "'office'")
                (folder / f"{vendor}-{alias}.sql").write_text(sql, encoding="utf-8")
    text = json.dumps({"known": told, "end": END}, indent=1, sort_keys=True)
    (folder / "told.json").write_text(text + "\n", encoding="utf-8")
    return folder


@contextmanager
def _sqlite() -> Iterator[Kept]:
    with tempfile.TemporaryDirectory() as folder:
        engine = "django.db.backends.sqlite3"
        yield {alias: {"ENGINE": engine, "NAME": str(Path(folder) / alias)} for alias in ALIASES}, None


@contextmanager
def _postgres() -> Iterator[Kept]:
    with stoppable_server() as stoppable:
        server = stoppable.server
        address = {"HOST": server.host, "PORT": server.port, "USER": server.user, "PASSWORD": server.password}
        with server.connect() as connection:
            for alias in ALIASES:
                connection.execute(f'CREATE DATABASE "kept_{alias}"')

        def dump(settings: dict[str, Any]) -> str:
            # As INSERT: what COPY wants besides SQL, only psql gives.
            options = ("--inserts", "--no-owner", "--no-privileges", f"--host={server.host}", f"--port={server.port}")
            return keeping.of_postgres(
                stoppable.run("pg_dump", *options, f"--username={server.user}", settings["NAME"])
            )

        engine = "django.db.backends.postgresql"
        yield {alias: {"ENGINE": engine, "NAME": f"kept_{alias}", **address} for alias in ALIASES}, dump


if __name__ == "__main__":
    print(f"{make()} is written.")
