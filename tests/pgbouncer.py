"""PgBouncer, Debian's, started in front of the PostgreSQL of a test run."""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.postgres_server import PostgresServer

#: ``auto``: where it is installed; ``required``: an error where it is not; ``no``: left out.
WANTED = os.environ.get("SYNCHRO_TEST_PGBOUNCER", "auto")

_PROGRAM = shutil.which("pgbouncer", path=os.pathsep.join([os.environ.get("PATH", ""), "/usr/sbin"]))

_SECONDS_TO_START = 120


def reason_for_none() -> str:
    """Return why there is no PgBouncer, or ``''``.

    Raises:
        RuntimeError: it is required.
    """
    if WANTED not in ("auto", "required", "no"):
        raise RuntimeError(f"SYNCHRO_TEST_PGBOUNCER is {WANTED!r}: one of auto, required, no")
    if WANTED == "no":
        return "PgBouncer is left out by SYNCHRO_TEST_PGBOUNCER=no"
    if _PROGRAM is None:
        reason = "there is no PgBouncer here; Debian has it: apt-get install pgbouncer"
        if WANTED == "required":
            raise RuntimeError(reason)
        return reason
    return ""


@contextmanager
def pgbouncer_before(server: PostgresServer, mode: str) -> Iterator[dict[str, Any]]:
    """Start it; yield what changes in an entry of ``DATABASES``.

    Args:
        server: what it leads to.
        mode: its ``pool_mode``: ``session``, ``transaction``.
    """
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
    folder = Path(tempfile.mkdtemp(prefix="synchro-pgbouncer-"))
    process = None
    try:
        settings = folder / "pgbouncer.ini"
        password = f" password={server.password}" if server.password else ""
        settings.write_text(
            f"[databases]\n* = host={server.host} port={server.port} user={server.user}{password}\n"
            f"[pgbouncer]\nlisten_addr = 127.0.0.1\nlisten_port = {port}\nunix_socket_dir =\n"
            f"auth_type = any\npool_mode = {mode}\nignore_startup_parameters = options,extra_float_digits\n"
        )
        folder.chmod(0o755)
        command = [str(_PROGRAM), *_as_somebody(server), str(settings)]
        log = (folder / "log").open("w")
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        end = time.monotonic() + _SECONDS_TO_START
        while not _listens(port):
            if process.poll() is not None or time.monotonic() > end:
                raise RuntimeError(f"PgBouncer does not start: {(folder / 'log').read_text()[-2000:]}")
            time.sleep(0.02)
        yield {"HOST": "127.0.0.1", "PORT": str(port), "DISABLE_SERVER_SIDE_CURSORS": mode != "session"}
    finally:
        if process is not None and process.poll() is None:
            process.send_signal(signal.SIGTERM)
            process.wait()
        shutil.rmtree(folder, ignore_errors=True)


def _as_somebody(server: PostgresServer) -> list[str]:
    """It does not run as root, and must get into the folder of the server's socket."""
    if os.getuid() != 0:
        return []
    owner = os.stat(server.host).st_uid if server.host.startswith("/") else 0
    return ["-u", pwd.getpwuid(owner).pw_name if owner else "nobody"]


def _listens(port: int) -> bool:
    with socket.socket() as asking:
        return asking.connect_ex(("127.0.0.1", port)) == 0
