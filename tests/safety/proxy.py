"""A network that fails when it is told to: forwards TCP connections to a PostgreSQL server, and cuts them."""

from __future__ import annotations

import socket
import struct
import threading
from collections.abc import Callable
from typing import Self

from tests.postgres_server import PostgresServer

#: Closing a socket with this option resets the connection, as a router does that has lost its memory.
_RESET = struct.pack("ii", 1, 0)
_COMMIT = b"COMMIT\x00"


class CuttingProxy:
    """Forwards until a fault comes due, then cuts every connection; the next ones are forwarded again.

    Attributes:
        port: where it listens, on 127.0.0.1.
        bytes: bytes forwarded, both ways, since ``cut_after`` or ``lose_answer_to_commit`` was called.
        commits: ``COMMIT`` statements forwarded since then.
        cuts: faults that came due.
    """

    def __init__(self, server: PostgresServer) -> None:
        self._server = server
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        self._lock = threading.Lock()
        self._pairs: list[tuple[socket.socket, socket.socket]] = []
        self._is_due: Callable[[], bool] = lambda: False
        self._loses_answer = False
        self.bytes = self.commits = self.cuts = 0

    def __enter__(self) -> Self:
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(self, *error: object) -> None:
        self._listener.close()
        self._cut()

    def cut_after(self, number: int) -> None:
        """Cut once so many bytes have been forwarded, in the middle of a message if it comes so."""
        self._arm(lambda: self.bytes >= number, loses_answer=False)

    def lose_answer_to_commit(self, number: int) -> None:
        """Let the server carry out the n-th ``COMMIT`` of a client, and cut instead of bringing the answer."""
        self._arm(lambda: self.commits >= number, loses_answer=True)

    def forward_everything(self) -> None:
        """Count, and cut nothing."""
        self._arm(lambda: False, loses_answer=False)

    def _arm(self, is_due: Callable[[], bool], *, loses_answer: bool) -> None:
        with self._lock:
            self.bytes = self.commits = 0
            self._is_due, self._loses_answer = is_due, loses_answer

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:  # closed: the test is over
                return
            server = self._connect()
            with self._lock:
                self._pairs.append((client, server))
            for source, target, is_client in ((client, server, True), (server, client, False)):
                threading.Thread(target=self._forward, args=(source, target, is_client), daemon=True).start()

    def _connect(self) -> socket.socket:
        if self._server.host.startswith("/"):
            upstream = socket.socket(socket.AF_UNIX)
            upstream.connect(f"{self._server.host}/.s.PGSQL.{self._server.port}")
            return upstream
        return socket.create_connection((self._server.host, int(self._server.port)))

    def _forward(self, source: socket.socket, target: socket.socket, is_client: bool) -> None:
        try:
            while piece := source.recv(512):
                if self._counted(piece, is_client):
                    if self._loses_answer and is_client:
                        target.sendall(piece)
                        # The server answers when it has committed; that answer is what gets lost.
                        continue
                    self._cut()
                    return
                target.sendall(piece)
        except OSError:
            pass  # cut, by the test or by either end
        finally:
            for end in (source, target):
                end.close()

    def _counted(self, piece: bytes, is_client: bool) -> bool:
        """Count a piece, and tell whether the fault is due now."""
        with self._lock:
            self.bytes += len(piece)
            self.commits += piece.count(_COMMIT) if is_client else 0
            return self._is_due()

    def _cut(self) -> None:
        with self._lock:
            pairs, self._pairs = self._pairs, []
            if pairs:
                self.cuts += 1
            self._is_due = lambda: False
        for client, server in pairs:
            for end in (client, server):
                try:
                    if end.family == socket.AF_INET:
                        end.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
                    end.shutdown(socket.SHUT_RDWR)
                except OSError:
                    continue  # already closed
            client.close()
            server.close()
