"""The databases a test runs on: which vendor pairs there are, and how they come to be at the price of a copy.

A vendor's *template* is migrated, and given triggers, once in a test run, whatever the number of its processes. Each
process copies it for the tests that are rolled back, and once more for every test that commits, so that no test sees
what another one has left. A PostgreSQL database that is as good as new afterwards is used again: ``tests/reused.py``.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Collection, Iterable, Iterator
from contextlib import contextmanager, nullcontext
from copy import deepcopy
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any, Literal

import psycopg
import pytest
from django.contrib.contenttypes.models import ContentType
from django.contrib.sites.models import Site
from django.core.management import call_command
from django.db import connections
from django.db.backends.base.base import BaseDatabaseWrapper
from django.test import override_settings
from filelock import FileLock

from synchro_triggers.replay.state.node import node_id
from tests.mariadb_databases import ROUTER, MariaDBCopies, move_keys_on
from tests.mariadb_server import MariaDBServer
from tests.postgres_server import PostgresServer
from tests.reused import Reused

Vendor = Literal["sqlite", "postgres", "mariadb"]
Kind = Literal["project", "package"]

ALIASES = ("default", "remote")
#: PostgreSQL cuts off what is longer, in silence.
LONGEST_NAME = 63

both = pytest.mark.django_db(databases=ALIASES)
"""Mark of a test that uses both databases and is rolled back at its end: ``pytestmark = both``."""

both_committed = pytest.mark.django_db(databases=ALIASES, transaction=True)
"""The same for a test that commits, as threads and processes of its own need; it gets databases of its own."""


@dataclass(frozen=True)
class Pair:
    """The vendors of the two databases of a test.

    Attributes:
        name: the pair as ``--pairs`` and test ids spell it.
        local: vendor of ``default``, the database that is captured.
        remote: vendor of ``remote``, the database that is synchronised to.
    """

    name: str
    local: Vendor
    remote: Vendor

    def __str__(self) -> str:
        return self.name

    @property
    def needs_postgres(self) -> bool:
        return "postgres" in (self.local, self.remote)

    @property
    def needs_mariadb(self) -> bool:
        return "mariadb" in (self.local, self.remote)


PAIRS = {
    pair.name: pair
    for pair in (
        Pair("sqlite", "sqlite", "sqlite"),
        Pair("postgres", "postgres", "postgres"),
        Pair("sqlite-to-postgres", "sqlite", "postgres"),
        Pair("postgres-to-sqlite", "postgres", "sqlite"),
        Pair("sqlite-to-mariadb", "sqlite", "mariadb"),
        Pair("postgres-to-mariadb", "postgres", "mariadb"),
    )
}
DEFAULT_PAIRS = ("sqlite", "postgres")

RECEIVING_PAIRS = tuple(pair.name for pair in PAIRS.values() if pair.needs_mariadb)
"""Pairs whose remote only receives: it has no triggers."""

CAPTURING_PAIRS = tuple(name for name in PAIRS if name not in RECEIVING_PAIRS)


def known_pairs(names: Iterable[str]) -> list[str]:
    """Return ``names`` without duplicates, in the order of ``PAIRS``.

    Raises:
        ValueError: a name is no pair.
    """
    wanted = set(names)
    if unknown := sorted(wanted - PAIRS.keys()):
        raise ValueError(f"no such vendor pair: {', '.join(unknown)} (there are {', '.join(PAIRS)})")
    return [name for name in PAIRS if name in wanted]


def pairs_of_test(only: Collection[str], *, all_pairs: bool, receiving: bool = False) -> list[str]:
    """Return the pairs a test runs on.

    Args:
        only: arguments of the test's ``vendor`` mark, empty without one.
        all_pairs: whether the test carries the ``all_pairs`` mark. ``only`` is narrower than both others, and wins.
        receiving: whether it carries the mark ``mariadb``: it runs on remotes that only receive as well.

    Raises:
        ValueError: ``only`` holds a name that is no pair.
    """
    others = CAPTURING_PAIRS if all_pairs else DEFAULT_PAIRS
    return known_pairs(only or [*others, *(RECEIVING_PAIRS if receiving else ())])


def install_triggers(*aliases: str) -> None:
    """Install capture as it is when a test starts, on both databases unless some are named.

    A rolled-back test that changes triggers or the schema for good calls this at its end.
    """
    chosen = [option for alias in aliases or ALIASES for option in ("--database", alias)]
    call_command("synchro_install_triggers", *chosen, verbosity=0)


@dataclass(frozen=True)
class Run:
    """What the processes of one test run share.

    Attributes:
        folder: where they find each other's templates.
        name: begins the names of its databases on a server, which other runs may use at the same time.
    """

    folder: Path
    name: str


@dataclass(frozen=True)
class Prepared:
    """What the databases of rolled-back tests are made to be before the first of these tests.

    Attributes:
        name: tells one kind from another.
        prepare: changes a database that is like the template, to which the alias that it is given leads.
    """

    name: str
    prepare: Callable[[str], None]


class Databases:
    """The databases of one process of a test run.

    Args:
        run: what it shares with the others.
        process: its own name, such as ``gw0``.
        folder: where its own SQLite files are made.
        server: gives the PostgreSQL server; called when the first test needs one.
        mariadb: gives the MariaDB server; called when the first test needs one.
    """

    def __init__(
        self,
        run: Run,
        process: str,
        folder: Path,
        server: Callable[[], PostgresServer],
        mariadb: Callable[[], MariaDBServer],
    ) -> None:
        self._run = run
        self._process = process
        self._folder = folder
        self._server = server
        self._mariadb = MariaDBCopies(mariadb)
        self._kept: dict[tuple[str, Vendor], BaseDatabaseWrapper] = {}
        self._prepared: dict[tuple[str, Vendor], BaseDatabaseWrapper] = {}
        self._prepared_as = ""
        self._reused = Reused()
        self._connection: psycopg.Connection | None = None

    @contextmanager
    def of(self, pair: Pair, *, committed: bool, prepared: Prepared | None = None) -> Iterator[None]:
        """Point both aliases at databases of the pair's vendors.

        Args:
            pair: the vendors.
            committed: whether they are new, and removed at the end; else this process' own, to be rolled back.
            prepared: what is done to those that are rolled back before the first such test; tests that want the same
                come one after the other, for the next kind takes their databases' place.
        """
        vendors: dict[str, Vendor] = {"default": pair.local, "remote": pair.remote}
        if committed:
            with self._committed(vendors):
                yield
            return
        kept = self._kept_for(prepared)
        new = [alias for alias, vendor in vendors.items() if (alias, vendor) not in kept]
        for alias in new:
            kept[alias, vendors[alias]] = self._to_be_kept(alias, vendors[alias], prepared)
        _point_aliases_at({alias: kept[alias, vendor].settings_dict for alias, vendor in vendors.items()})
        for alias, vendor in vendors.items():
            connections[alias] = kept[alias, vendor]
        for alias in new if prepared is not None else ():
            prepared.prepare(alias)
        try:
            yield
        finally:
            for connection in connections.all(initialized_only=True):  # a test may have taken some away
                del connections[connection.alias]

    @contextmanager
    def _committed(self, vendors: dict[str, Vendor]) -> Iterator[None]:
        postgres = [alias for alias, vendor in vendors.items() if vendor == "postgres"]
        ready = {alias: found for alias in postgres if (found := self._reused.take(alias)) is not None}
        names = {
            alias: str(ready[alias].settings_dict["NAME"]) if alias in ready else self.copy(vendor, alias)
            for alias, vendor in vendors.items()
        }
        _point_aliases_at({alias: self.settings(vendor, names[alias]) for alias, vendor in vendors.items()})
        for alias in postgres:
            if alias in ready:
                connections[alias] = ready[alias]
            else:
                self._reused.note_new(connections[alias])
        settings = {alias: deepcopy(connections[alias].settings_dict) for alias in postgres}
        try:
            yield
        finally:
            as_new = {alias for alias in postgres if self._is_given_back(alias, settings[alias])}
            _forget_connections()
            for alias, vendor in vendors.items():
                if alias not in as_new:
                    self.remove(vendor, names[alias])
            # A test may have made rows that only its own databases had.
            ContentType.objects.clear_cache()
            Site.objects.clear_cache()

    def _is_given_back(self, alias: str, settings: dict[str, Any]) -> bool:
        """Tell whether the next test can use a database too; its connection is taken away then."""
        [connection] = [each for each in connections.all(initialized_only=True) if each.alias == alias] or [None]
        if connection is None or not self._reused.give_back(connection, settings):
            return False
        del connections[alias]
        return True

    def _kept_for(self, prepared: Prepared | None) -> dict[tuple[str, Vendor], BaseDatabaseWrapper]:
        if prepared is None:
            return self._kept
        if prepared.name != self._prepared_as:
            self._remove_all(self._prepared)
            self._prepared_as = prepared.name
        return self._prepared

    def _to_be_kept(self, alias: str, vendor: Vendor, prepared: Prepared | None) -> BaseDatabaseWrapper:
        name = self.copy(vendor, f"{alias}_{'prepared' if prepared else 'kept'}")
        _point_aliases_at({alias: self.settings(vendor, name)})
        node_id(alias)  # as `migrate` leaves it
        return connections[alias]

    def _remove_all(self, kept: dict[tuple[str, Vendor], BaseDatabaseWrapper]) -> None:
        for (_, vendor), connection in kept.items():
            connection.close()
            self.remove(vendor, str(connection.settings_dict["NAME"]))
        kept.clear()

    def close(self) -> None:
        """Remove what is left, and with a server of somebody else's the databases on it."""
        self._remove_all(self._kept)
        self._remove_all(self._prepared)
        for name in self._reused.close():
            self.remove("postgres", name)
        if self._connection is not None:
            self._connection.close()

    def copy(self, vendor: Vendor, purpose: str, kind: Kind = "project") -> str:
        """Make a database.

        Args:
            vendor: its vendor.
            purpose: tells it from the others of this process; one that is there already is replaced.
            kind: a migrated test project with triggers, or nothing but this package's tables.

        Returns:
            Its name.
        """
        template = self._template(vendor, kind)
        if vendor == "sqlite":
            # The stem of its name is the alias where it is a project's.
            name = str(self._folder / purpose / f"{purpose.removesuffix('_kept').removesuffix('_prepared')}.sqlite3")
            shutil.rmtree(self._folder / purpose, ignore_errors=True)
            (self._folder / purpose).mkdir()
            shutil.copyfile(template, name)
            return name
        name = f"{self._run.name}_{self._process}_{purpose}"
        if vendor == "mariadb":
            self._mariadb.copy(template, name)
            return name
        self.remove(vendor, name)
        # Twice as fast as through the WAL, where nothing is synced to the disk.
        by_files = "STRATEGY FILE_COPY" if self._to_server().info.server_version >= 150000 else ""
        self._on_server(f'CREATE DATABASE "{name}" TEMPLATE "{template}" {by_files}')
        return name

    def duplicate(self, vendor: Vendor, name: str, purpose: str) -> str:
        """Copy one of these databases, to which nobody is connected; return the copy's name."""
        if vendor == "sqlite":
            folder = self._folder / _named_after(Path(name).parent.name, purpose)
            shutil.rmtree(folder, ignore_errors=True)
            folder.mkdir()
            return shutil.copyfile(name, str(folder / Path(name).name))
        copy = _named_after(name, purpose)
        self._on_server(f'DROP DATABASE IF EXISTS "{copy}"', f'CREATE DATABASE "{copy}" TEMPLATE "{name}"')
        return copy

    def overwrite(self, vendor: Vendor, name: str, other: str) -> None:
        """Replace one of these databases by a copy of another one; nobody is connected to either."""
        if vendor == "sqlite":
            Path(name).unlink()
            shutil.copyfile(other, name)
            return
        self._on_server(f'DROP DATABASE "{name}"', f'CREATE DATABASE "{name}" TEMPLATE "{other}"')

    def rename(self, vendor: Vendor, name: str, purpose: str) -> str:
        """Put one of these databases, to which nobody is connected, somewhere else; return its new name."""
        if vendor == "sqlite":
            folder = self._folder / _named_after(Path(name).parent.name, purpose)
            Path(name).parent.rename(folder)
            return str(folder / Path(name).name)
        moved = _named_after(name, purpose)
        self._on_server(f'DROP DATABASE IF EXISTS "{moved}"', f'ALTER DATABASE "{name}" RENAME TO "{moved}"')
        return moved

    def remove(self, vendor: Vendor, name: str) -> None:
        """Remove a database, whoever is connected to it."""
        if vendor == "sqlite":
            shutil.rmtree(Path(name).parent, ignore_errors=True)
        elif vendor == "mariadb":
            self._mariadb.remove(name)
        else:
            self._on_server(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')

    def settings(self, vendor: Vendor, name: str) -> dict[str, Any]:
        """Return the settings of an alias for one of these databases."""
        if vendor == "sqlite":
            return {
                "ENGINE": "django.db.backends.sqlite3",
                "NAME": name,
                # Nothing here has to survive a power failure; killed processes lose nothing by it.
                "OPTIONS": {"timeout": 20, "init_command": "PRAGMA synchronous = OFF"},
                "TEST": {"NAME": name},
            }
        if vendor == "mariadb":
            return self._mariadb.settings(name)
        server = self._server()
        return {
            "ENGINE": "django.db.backends.postgresql",
            "NAME": name,
            "USER": server.user,
            "PASSWORD": server.password,
            "HOST": server.host,
            "PORT": server.port,
        }

    def _template(self, vendor: Vendor, kind: Kind) -> str:
        """Return the name of a template; the first process that needs it makes it, the others wait."""
        made = self._run.folder / f"{vendor}-{kind}.made"
        name = f"{self._run.name}_{kind}"
        if vendor == "sqlite":
            name = str(self._run.folder / f"{kind}.sqlite3")
        with FileLock(self._run.folder / f"{vendor}-{kind}.lock"):
            if not made.exists():
                if vendor == "postgres":
                    self._on_server(f'DROP DATABASE IF EXISTS "{name}"', f'CREATE DATABASE "{name}"')
                if vendor == "mariadb":
                    self._mariadb.create(name)
                with _aliases_set_aside():  # of a test that is under way
                    _make_template(self.settings(vendor, name), kind, captured=vendor != "mariadb")
                made.touch()
        return name

    def _on_server(self, *statements: str) -> None:
        """Execute statements one after the other, outside any of these databases."""
        for statement in statements:
            self._to_server().execute(statement)

    def _to_server(self) -> psycopg.Connection:
        """Return a connection that is kept: each test that commits needs it."""
        if self._connection is None or self._connection.closed:
            self._connection = self._server().connect()
        return self._connection


def _named_after(name: str, purpose: str) -> str:
    """Return a name for what comes of another database: no longer than PostgreSQL takes, however often that is done."""
    whole = f"{name}_{purpose}"
    if len(whole) <= LONGEST_NAME:
        return whole
    end = f"_{sha256(whole.encode()).hexdigest()[:8]}_{purpose}"
    return name[: LONGEST_NAME - len(end)] + end


def _make_template(settings: dict[str, Any], kind: Kind, *, captured: bool) -> None:
    _point_aliases_at({alias: settings for alias in ALIASES})
    if kind == "project":
        with nullcontext() if captured else override_settings(DATABASE_ROUTERS=[ROUTER]):
            call_command("migrate", run_syncdb=True, verbosity=0)
        if captured:
            install_triggers("default")
        else:
            move_keys_on("default")
    else:
        with override_settings(INSTALLED_APPS=["synchro_triggers"], SYNCHRO_MODELS=()):
            call_command("migrate", "synchro_triggers", verbosity=0)
    with connections["default"].cursor() as cursor:
        # Each copy shall be a database of its own, not a copy of one that has an identity.
        cursor.execute("DELETE FROM synchro_triggers_node")
    _forget_connections()


@contextmanager
def _aliases_set_aside() -> Iterator[None]:
    """Let a block point the aliases elsewhere; nothing that is open is closed."""
    databases, opened = dict(connections.settings), list(connections.all(initialized_only=True))
    for connection in opened:
        del connections[connection.alias]
    try:
        yield
    finally:
        _forget_connections()
        connections.settings.clear()
        connections.settings.update(databases)
        for connection in opened:
            connections[connection.alias] = connection


def _point_aliases_at(databases: dict[str, dict[str, Any]]) -> None:
    """Say which databases there are; ``default`` is one of them while there is no better one."""
    _forget_connections()
    some = next(iter(databases.values()))
    # In place: settings.DATABASES is the same dict and has to say the same.
    connections.settings.clear()
    connections.settings.update(connections.configure_settings({"default": some, **databases}))


def _forget_connections() -> None:
    """Drop this thread's connection objects: each keeps the engine and the settings it was made with."""
    for connection in connections.all(initialized_only=True):
        connection.close()
        del connections[connection.alias]
