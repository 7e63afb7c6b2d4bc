"""A way to a PostgreSQL server that a test can shut, as where the server is down, and freeze, as where it hangs."""

from __future__ import annotations

import select
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any


class Gate:
    """Listens on a port of its own, and passes on what comes until it is told otherwise.

    Args:
        host: of the server; a path is the folder of its socket.
        port: of the server.

    Attributes:
        port: where it listens, on 127.0.0.1.
    """

    def __init__(self, host: str, port: str) -> None:
        self._there = (host, port or "5432")
        self._frozen, self._ended = threading.Event(), threading.Event()
        self._open: set[socket.socket] = set()
        self._door: socket.socket | None = None
        self.port = 0
        self.open()

    def settings(self, before: dict[str, Any]) -> dict[str, Any]:
        """Return an entry of ``DATABASES`` that goes this way."""
        return {**before, "HOST": "127.0.0.1", "PORT": str(self.port)}

    def open(self) -> None:
        """Let connections through."""
        self._frozen.clear()
        if self._door is None:
            self._door = socket.create_server(("127.0.0.1", self.port))
            self.port = self._door.getsockname()[1]
            threading.Thread(target=self._welcome, args=[self._door], daemon=True).start()

    def shut(self) -> None:
        """Cut all connections, and refuse new ones."""
        door, self._door = self._door, None
        if door is not None:
            _close(door)
        for each in [*self._open]:
            _close(each)

    def freeze(self) -> None:
        """Let nothing through: who has a connection, or makes one, hears nothing any more."""
        self._frozen.set()

    def end(self) -> None:
        self._ended.set()
        self.shut()

    def _welcome(self, door: socket.socket) -> None:
        with suppress(OSError):
            while True:
                client, _ = door.accept()
                threading.Thread(target=self._pass_on, args=[client], daemon=True).start()

    def _pass_on(self, client: socket.socket) -> None:
        host, port = self._there
        family, address = (socket.AF_UNIX, f"{host}/.s.PGSQL.{port}"), (socket.AF_INET, (host, int(port)))
        kind, where = family if host.startswith("/") else address
        server = socket.socket(kind)
        self._open |= {client, server}
        with client, server, suppress(OSError, ValueError):
            server.connect(where)
            others = {client: server, server: client}
            while not self._ended.is_set():
                if self._frozen.wait(0) and not self._ended.wait(0.02):
                    continue
                for each in select.select([*others], [], [], 0.05)[0]:
                    if not (said := each.recv(65536)):
                        return
                    others[each].sendall(said)
        self._open -= {client, server}


@contextmanager
def gate_to(settings: dict[str, Any]) -> Iterator[Gate]:
    """Build a gate to the server of an entry of ``DATABASES``."""
    gate = Gate(settings["HOST"], str(settings["PORT"]))
    try:
        yield gate
    finally:
        gate.end()


def _close(each: socket.socket) -> None:
    with suppress(OSError):
        each.shutdown(socket.SHUT_RDWR)
    each.close()
