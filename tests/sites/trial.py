"""One product on one pair of databases: an office and a main server, each a site with processes of its own."""

from __future__ import annotations

import json
import os
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests import processes
from tests.nursery import LOADED
from tests.postgres_server import PostgresServer
from tests.sites.play import MARK
from tests.sites.project import ALIASES, POSTGRES, SQLITE

ROOT = Path(__file__).resolve().parents[2]

#: Vendor of the office, vendor of the main server.
PAIRS = ("sqlite-sqlite", "postgres-postgres", "sqlite-postgres")


@dataclass(frozen=True)
class Done:
    """How a command ended, and what it printed."""

    returncode: int
    stdout: str
    stderr: str

    @property
    def output(self) -> str:
        return self.stdout + self.stderr

    @property
    def end(self) -> str:
        """What a reader of a failed test needs of it."""
        return f"exit code {self.returncode}: ...{self.output[-2000:]}"


class Site:
    """One of the two sites: what is done here is done in a process of its own, with this side's settings.

    The main server is there twice: as its users know it, and as what it is when it sends its changes to the office.
    """

    def __init__(self, trial: Trial, side: str) -> None:
        self.trial = trial
        self.side = side
        self.settings: dict[str, Any] = {}

    def do(self, step: str, *arguments: Any) -> Any:
        """Call a function of the product's ``steps``; return what it returns.

        Args:
            step: name of the function, or ``module:function``.
            *arguments: what JSON knows.
        """
        where = step if ":" in step else f"tests.sites.{self.trial.product}.steps:{step}"
        done = self._run("-m", "tests.sites.play", where, json.dumps(arguments))
        assert done.returncode == 0, f"{self.side}: {step}{arguments}: {done.end}"
        return json.loads(done.stdout.rpartition(MARK)[2])

    def manage(self, *command: str, code: int | None = 0) -> str:
        """Run ``manage.py``; return what it printed.

        Args:
            *command: its command line.
            code: the exit code that it must have; ``None``: any.
        """
        done = self._run("-m", "django", *command)
        assert code is None or done.returncode == code, f"{self.side}: {' '.join(command)}: {done.end}"
        return done.output

    def _run(self, *arguments: str) -> Done:
        done = processes.run(*arguments, env=self.trial.environment(self), timeout=600)
        return Done(done.returncode, done.stdout, done.stderr)


class Trial:
    """The office and the main server of a product.

    Args:
        product: name of the package below ``tests.sites``.
        pair: one of ``PAIRS``.
        folder: an empty folder.
        server: where PostgreSQL's databases are made.
    """

    def __init__(self, product: str, pair: str, folder: Path, server: PostgresServer) -> None:
        self.product, self.pair, self.folder, self._server = product, pair, folder, server
        office, _, main = pair.partition("-")
        self._vendors = {"office": office, "main": main}
        self._stem = f"{product}_{folder.name}".replace("-", "_").lower()
        for side in self._vendors:
            self._create(side)
        self.office, self.main, self.sending_main = Site(self, "office"), Site(self, "main"), Site(self, "sending")

    def environment(self, site: Site) -> dict[str, str]:
        """Return the environment of a process of that site."""
        return {
            **os.environ,
            "PYTHONPATH": str(ROOT),
            "DJANGO_SETTINGS_MODULE": f"tests.sites.{self.product}.settings",
            "SITE_FOLDER": str(self.folder),
            "SITE_SIDE": site.side,
            "SITE_DATABASES": json.dumps({side: self._database(side) for side in self._vendors}),
            LOADED: f"synchro_triggers.management.commands.synchronize tests.sites.{self.product}.steps",
            processes.ENGINES: json.dumps(self._engines(site)),
            "SITE_SETTINGS": json.dumps(site.settings),
        }

    def _engines(self, site: Site) -> dict[str, str]:
        return {alias: self._database(whose)["ENGINE"] for alias, whose in ALIASES[site.side].items()}

    def copy_main_to_office(self) -> None:
        """Give the office a copy of the main server's database and media, as ``cp`` and ``createdb -T`` do."""
        self._drop("office")
        self._create("office", of="main")
        self.copy_media_to_office()

    def copy_media_to_main(self) -> None:
        """Copy the office's files to the main server, as ``rsync`` does."""
        self._copy_media("office", "main")

    def copy_media_to_office(self) -> None:
        """Copy the main server's files to the office."""
        self._copy_media("main", "office")

    def _copy_media(self, side: str, other: str) -> None:
        if (self.folder / f"media_{side}").exists():
            shutil.copytree(self.folder / f"media_{side}", self.folder / f"media_{other}", dirs_exist_ok=True)

    def close(self) -> None:
        """Remove the databases."""
        for side in self._vendors:
            self._drop(side)

    def take_main_of(self, other: Trial) -> None:
        """Begin with a copy of another trial's main server, which has no open connection."""
        self._drop("main")
        self._create("main", of="main", trial=other)
        if (media := other.folder / "media_main").exists():
            shutil.copytree(media, self.folder / "media_main")

    def _name(self, side: str) -> str:
        return f"{side}_{self._stem}"

    def _database(self, side: str) -> dict[str, Any]:
        if self._vendors[side] == "sqlite":
            options = {"timeout": 20, "transaction_mode": "IMMEDIATE"}
            name = str(self.folder / f"{side}.sqlite3")
            return {"ENGINE": SQLITE, "NAME": name, "OPTIONS": options}
        server = self._server
        return {
            "ENGINE": POSTGRES,
            "NAME": self._name(side),
            "USER": server.user,
            "PASSWORD": server.password,
            "HOST": server.host,
            "PORT": server.port,
        }

    def _create(self, side: str, of: str = "", trial: Trial | None = None) -> None:
        other = trial or self
        if of and self._vendors[side] != other._vendors[of]:
            raise NotImplementedError("between vendors there is no copy: see start_by_hand")
        if self._vendors[side] == "postgres":
            template = f' TEMPLATE "{other._name(of)}"' if of else ""
            with self._server.connect() as connection:
                connection.execute(f'CREATE DATABASE "{self._name(side)}"{template}')
        elif of:
            shutil.copy(other.folder / f"{of}.sqlite3", self.folder / f"{side}.sqlite3")

    def _drop(self, side: str) -> None:
        if self._vendors[side] == "postgres":
            with self._server.connect() as connection:
                connection.execute(f'DROP DATABASE IF EXISTS "{self._name(side)}" WITH (FORCE)')
        else:
            for file in self.folder.glob(f"{side}.sqlite3*"):
                file.unlink()
