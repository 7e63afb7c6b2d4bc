"""What others can look at to learn how a process is: a file that it replaces, and a port that it answers on."""

from __future__ import annotations

import json
import logging
import os
import socket
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from socketserver import TCPServer
from typing import Any

from ..exceptions import SynchroConfigurationError

logger = logging.getLogger("synchro_triggers")

#: Tells whether all is well, and what else there is to tell.
Answer = Callable[[], tuple[bool, dict[str, Any]]]

#: Seconds between two versions of a file, where nothing has changed.
_WRITTEN_EVERY = 1.0

#: Seconds that somebody who asks may take.
_PATIENCE = 5.0


class HealthFile:
    """A file that always holds one whole JSON object; its age says when its writer was heard of last.

    Args:
        path: of the file; what is there is replaced.
        tell: returns what it shall hold.

    Raises:
        SynchroConfigurationError: it cannot be written.
    """

    def __init__(self, path: str, tell: Callable[[], dict[str, Any]]) -> None:
        self._path, self._tell = Path(path), tell
        self._written = time.monotonic()
        self._is_lost = False
        self._lock = threading.Lock()
        if self._path.exists() and not self._path.is_file():  # a device would be a file from then on
            raise SynchroConfigurationError(f"--health-file {path}: that is there, and no file. Name a file.")
        try:
            self._replace()
        except OSError as error:
            raise SynchroConfigurationError(
                f"--health-file {path}: it cannot be written: {error.strerror or error}. Name a file in a folder "
                "that is there and that this process may write."
            ) from error

    def write(self, has_changed: bool) -> None:
        """Write what is to be told now, if there is news, or it is time; a full disk ends nothing, and is told once."""
        now = time.monotonic()
        if not has_changed and now - self._written < _WRITTEN_EVERY:
            return
        self._written = now
        try:
            self._replace()
            self._is_lost = False
        except OSError as error:
            if not self._is_lost:
                logger.warning("The health file %s cannot be written any more: %s", self._path, error.strerror or error)
            self._is_lost = True

    def _replace(self) -> None:
        with self._lock:
            beside = self._path.with_name(f".{self._path.name}.{os.getpid()}")
            try:
                beside.unlink(missing_ok=True)
                with beside.open("x", encoding="utf-8") as file:  # never what somebody else has put there
                    file.write(json.dumps(self._tell()) + "\n")
                beside.replace(self._path)
            except OSError:
                with suppress(OSError):
                    beside.unlink(missing_ok=True)
                raise


@contextmanager
def answering(where: str, answers: Mapping[str, Answer]) -> Iterator[None]:
    """Answer HTTP requests, in threads of their own, for the time of the block.

    Args:
        where: ``PORT`` of 127.0.0.1, or ``HOST:PORT``.
        answers: by path; 200 says that all is well, 503 that it is not.

    Raises:
        SynchroConfigurationError: that is no port, or it cannot be had.
    """
    host, port = address_of(where)
    try:
        server = _Server(host, port, answers)
    except OSError as error:
        raise SynchroConfigurationError(
            f"--health-port {where}: {host} port {port} cannot be had: {error.strerror or error}. Choose another one, "
            "or end the process that has it."
        ) from error
    thread = threading.Thread(target=partial(server.serve_forever, poll_interval=0.05), daemon=True)
    thread.start()
    try:
        yield
    finally:
        server.shutdown()
        server.server_close()


def address_of(where: str) -> tuple[str, int]:
    """Return host and port.

    Raises:
        SynchroConfigurationError: it is none.

    Example:
        >>> address_of("8080")
        ('127.0.0.1', 8080)
        >>> address_of("[::]:8080")
        ('::', 8080)
    """
    host, colon, port = where.rpartition(":")
    if not (port.isascii() and port.isdigit() and 0 < int(port) < 65536) or (colon and not host):
        raise SynchroConfigurationError(
            f"--health-port must be a port from 1 to 65535, or HOST:PORT such as 0.0.0.0:8080, not {where!r}."
        )
    return host.removeprefix("[").removesuffix("]") if colon else "127.0.0.1", int(port)


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False

    def __init__(self, host: str, port: int, answers: Mapping[str, Answer]) -> None:
        [found, *_] = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
        self.address_family = found[0]
        self.answers = answers
        super().__init__((host, port), _Handler)

    def server_bind(self) -> None:
        """Bind, without asking a name server what this machine is called."""
        TCPServer.server_bind(self)
        self.server_name, self.server_port = self.server_address[0], self.server_address[1]  # type: ignore[assignment]

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Somebody who asked has gone: that is nobody's trouble."""
        logger.debug("A request for the health of this process failed", exc_info=True)


class _Handler(BaseHTTPRequestHandler):
    server: _Server  # pyright: ignore[reportIncompatibleVariableOverride]  # no other one calls it
    timeout = _PATIENCE
    server_version, sys_version = "synchro_triggers", ""

    def do_GET(self) -> None:
        answer = self.server.answers.get(self.path.partition("?")[0])
        is_well, told = answer() if answer else (False, {"paths": [*self.server.answers]})
        body = json.dumps(told).encode()
        self.send_response(404 if answer is None else 200 if is_well else 503)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    do_HEAD = do_GET

    def log_message(self, format: str, *args: Any) -> None:
        """Probes come every few seconds: nobody wants to read of it."""
