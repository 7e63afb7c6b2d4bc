"""A broker for tests of tasks: Debian's Redis, started for them, or that of ``SYNCHRO_TEST_BROKER_URL``."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

#: ``auto``: where it is installed; ``required``: an error where it is not; ``no``: left out.
WANTED = os.environ.get("SYNCHRO_TEST_REDIS", "auto")

#: Of a broker that is there already.
GIVEN = os.environ.get("SYNCHRO_TEST_BROKER_URL", "")

_PROGRAM = shutil.which("redis-server")

_SECONDS_TO_START = 120


def reason_for_none() -> str:
    """Return why there is no broker, or ``''``.

    Raises:
        RuntimeError: it is required.
    """
    if WANTED not in ("auto", "required", "no"):
        raise RuntimeError(f"SYNCHRO_TEST_REDIS is {WANTED!r}: one of auto, required, no")
    if WANTED == "no":
        return "Redis is left out by SYNCHRO_TEST_REDIS=no"
    if not GIVEN and _PROGRAM is None:
        reason = "there is no Redis here; Debian has it: apt-get install redis-server"
        if WANTED == "required":
            raise RuntimeError(reason)
        return reason
    return ""


@contextmanager
def broker() -> Iterator[str]:
    """Yield the URL of a broker."""
    if GIVEN:
        yield GIVEN
        return
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
    folder = Path(tempfile.mkdtemp(prefix="synchro-redis-"))
    command = [str(_PROGRAM), "--bind", "127.0.0.1", "--port", str(port), "--save", "", "--appendonly", "no"]
    with (folder / "log").open("w") as log:
        process = subprocess.Popen(command, cwd=folder, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
    try:
        end = time.monotonic() + _SECONDS_TO_START
        while not _listens(port):
            if process.poll() is not None or time.monotonic() > end:
                raise RuntimeError(f"Redis does not start: {(folder / 'log').read_text()[-2000:]}")
            time.sleep(0.02)
        yield f"redis://127.0.0.1:{port}/0"
    finally:
        if process.poll() is None:
            process.send_signal(signal.SIGTERM)
            process.wait()
        shutil.rmtree(folder, ignore_errors=True)


def _listens(port: int) -> bool:
    with socket.socket() as asking:
        return asking.connect_ex(("127.0.0.1", port)) == 0
