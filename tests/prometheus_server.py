"""Prometheus, Debian's, started to scrape what a test serves."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.error import URLError
from urllib.parse import urlencode
from urllib.request import urlopen

#: ``auto``: where it is installed; ``required``: an error where it is not; ``no``: left out.
WANTED = os.environ.get("SYNCHRO_TEST_PROMETHEUS", "auto")

_PROGRAM = shutil.which("prometheus")

_SECONDS_TO_START = 120


def reason_for_none() -> str:
    """Return why there is no Prometheus, or ``''``.

    Raises:
        RuntimeError: it is required.
    """
    if WANTED not in ("auto", "required", "no"):
        raise RuntimeError(f"SYNCHRO_TEST_PROMETHEUS is {WANTED!r}: one of auto, required, no")
    if WANTED == "no":
        return "Prometheus is left out by SYNCHRO_TEST_PROMETHEUS=no"
    if _PROGRAM is None or shutil.which("promtool") is None:
        reason = "there is no Prometheus here; Debian has it: apt-get install prometheus"
        if WANTED == "required":
            raise RuntimeError(reason)
        return reason
    return ""


class Prometheus:
    """A server that runs.

    Attributes:
        url: of its API.
    """

    def __init__(self, port: int) -> None:
        self.url = f"http://127.0.0.1:{port}/api/v1"

    def get(self, path: str, **parameters: str) -> Any:
        """Return what it answers."""
        with urlopen(f"{self.url}/{path}?{urlencode(parameters)}", timeout=10) as response:
            told = json.load(response)
        assert told["status"] == "success", told
        return told["data"]

    def query(self, expression: str) -> dict[tuple[tuple[str, str], ...], float]:
        """Return the values of an expression, by their labels, without those that it adds itself."""
        found = self.get("query", query=expression)["result"]
        own = ("__name__", "instance", "job")
        return {
            tuple(sorted((name, text) for name, text in each["metric"].items() if name not in own)): float(
                each["value"][1]
            )
            for each in found
        }


@contextmanager
def prometheus(files: Mapping[str, str]) -> Iterator[Prometheus]:
    """Start it.

    Args:
        files: what is in its folder, by name; it reads ``prometheus.yml``.
    """
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
    folder = Path(tempfile.mkdtemp(prefix="synchro-prometheus-"))
    for name, text in files.items():
        (folder / name).write_text(text)
    command = [
        str(_PROGRAM),
        "--config.file=prometheus.yml",
        "--storage.tsdb.path=data",
        f"--web.listen-address=127.0.0.1:{port}",
        "--log.level=warn",
    ]
    with (folder / "log").open("w") as log:
        process = subprocess.Popen(command, cwd=folder, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
    try:
        end = time.monotonic() + _SECONDS_TO_START
        while not _answers(port):
            if process.poll() is not None or time.monotonic() > end:
                raise RuntimeError(f"Prometheus does not start: {(folder / 'log').read_text()[-2000:]}")
            time.sleep(0.05)
        yield Prometheus(port)
    finally:
        if process.poll() is None:
            process.send_signal(signal.SIGTERM)
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        shutil.rmtree(folder, ignore_errors=True)


def _answers(port: int) -> bool:
    try:
        with urlopen(f"http://127.0.0.1:{port}/-/ready", timeout=1) as response:
            return bool(response.status == 200)
    except (URLError, OSError):
        return False
