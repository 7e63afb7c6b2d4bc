"""Where the MariaDB of a test run comes from: Debian's server, started on data of its own, without a port.

It is a remote that only receives. Nothing of a server that the machine may have running is touched.
"""

from __future__ import annotations

import getpass
import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from tests.in_memory import folder_in_memory

#: Where Debian puts a server's programs; not on the PATH of everybody.
_FOLDERS = os.pathsep.join([os.environ.get("PATH", ""), "/usr/sbin", "/usr/local/sbin", "/usr/local/bin", "/usr/bin"])

#: No test database has to survive the machine, so nothing waits for the disk.
CARELESS = (
    "--innodb-flush-log-at-trx-commit=0",
    "--innodb-flush-method=nosync",
    "--innodb-doublewrite=0",
    "--innodb-fast-shutdown=2",
    "--sync-frm=0",
    "--skip-log-bin",
    "--performance-schema=OFF",
    "--innodb-buffer-pool-size=64M",
    "--innodb-log-file-size=32M",
    "--max-connections=200",
    "--open-files-limit=4096",
)

_SECONDS_TO_START = 120

HOW_TO_GET_IT = (
    "Debian has the server, and what its driver is built with, in: "
    "apt-get install mariadb-server libmariadb-dev gcc pkg-config python3-dev; "
    "then `make test` installs the driver (the extra [mariadb])"
)


class MariaDBUnavailable(Exception):
    """There is no MariaDB on this machine, or it does not start."""


@dataclass(frozen=True)
class MariaDBServer:
    """A running server, on which whoever may open its socket may do anything.

    Attributes:
        socket: path of its Unix socket.
        user: a role that may create databases.
        pid: its process.
    """

    socket: str
    user: str
    pid: int

    def connect(self, database: str = "") -> Any:
        """Open a connection of its own, in autocommit mode."""
        import MySQLdb

        return MySQLdb.connect(
            unix_socket=self.socket, user=self.user, database=database, autocommit=True, charset="utf8mb4"
        )

    def version(self) -> str:
        """Ask the server for its version, such as ``10.11.19-MariaDB``."""
        with closing(self.connect()) as connection:
            return str(connection.get_server_info())


def reason_for_none() -> str:
    """Return what of MariaDB this machine lacks, or ``''``."""
    lacking = [name for name in ("mariadbd", "mariadb-install-db") if _program(name) is None]
    if lacking:
        return f"there is no {' and no '.join(lacking)} here. {HOW_TO_GET_IT}."
    if find_spec("MySQLdb") is None:
        return f"this Python has no mysqlclient, its driver. {HOW_TO_GET_IT}."
    return ""


@contextmanager
def mariadb_server() -> Iterator[MariaDBServer]:
    """Start a server on new data, which go with it.

    Raises:
        MariaDBUnavailable: it is not installed, or does not start; the message says what to do.
    """
    if reason := reason_for_none():
        raise MariaDBUnavailable(reason)
    folder = Path(tempfile.mkdtemp(prefix="synchro-mariadb-", dir=folder_in_memory()))
    try:
        server = StoppableMariaDB(folder)
        server.start()
        try:
            yield server.server
        finally:
            server.stop()
    finally:
        shutil.rmtree(folder, ignore_errors=True)


class StoppableMariaDB:
    """A server that a test may stop as a crash would, and start again.

    Args:
        folder: an empty folder for its data and its socket.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._process: subprocess.Popen[bytes] | None = None
        user = getpass.getuser()
        self._common = ["--no-defaults", f"--user={user}", f"--datadir={folder / 'data'}"]
        install = [str(_program("mariadb-install-db")), *self._common, "--skip-test-db"]
        install += ["--auth-root-authentication-method=normal"]
        done = subprocess.run(install, capture_output=True, text=True)
        if done.returncode:
            raise MariaDBUnavailable(f"mariadb-install-db failed: {done.stderr.strip() or done.stdout.strip()}")

    @property
    def server(self) -> MariaDBServer:
        """Where it is."""
        assert self._process is not None
        return MariaDBServer(str(self._folder / "socket"), "root", self._process.pid)

    def start(self) -> None:
        """Start it, and wait until it answers.

        Raises:
            MariaDBUnavailable: it does not.
        """
        errors = self._folder / "errors.log"
        command = [str(_program("mariadbd")), *self._common, f"--socket={self._folder / 'socket'}"]
        # What a machine has as its default does not matter: each database is made with a collation of its own.
        command += [f"--tmpdir={self._folder}"]  # two servers would give their temporary tables the same names
        command += ["--skip-networking", f"--log-error={errors}", f"--pid-file={self._folder / 'pid'}", *CARELESS]
        nowhere = subprocess.DEVNULL
        self._process = subprocess.Popen(command, stdin=nowhere, stdout=nowhere, stderr=nowhere)
        end = time.monotonic() + _SECONDS_TO_START
        while not self._answers():
            if self._process.poll() is not None or time.monotonic() > end:
                self.stop()
                said = errors.read_text() if errors.exists() else ""
                raise MariaDBUnavailable(f"mariadbd does not start: {said[-2000:].strip() or 'it says nothing'}")
            time.sleep(0.02)

    def crash(self) -> None:
        """Stop at once: every connection is cut, nothing is finished; the next start recovers."""
        self._end(signal.SIGKILL)

    def stop(self) -> None:
        """Stop in order."""
        self._end(signal.SIGTERM)

    def _end(self, how: signal.Signals) -> None:
        if self._process is not None and self._process.poll() is None:
            self._process.send_signal(how)
            self._process.wait()

    def _answers(self) -> bool:
        import MySQLdb

        try:
            self.server.connect().close()
        except MySQLdb.OperationalError:
            return False
        return True


def _program(name: str) -> str | None:
    return shutil.which(name, path=_FOLDERS)
