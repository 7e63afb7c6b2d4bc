"""A TCP proxy that delivers everything late: ``python -m benchmarks.delaying_proxy HOST PORT SECONDS``.

Prints the port it listens on. Bytes are delayed, not slowed down: any number may be on the way at once.
"""

from __future__ import annotations

import asyncio
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def delayed(host: str, port: str, round_trip: float) -> Iterator[int]:
    """Start a proxy to a server (a folder of a Unix socket is a host, too); yield its port.

    Args:
        round_trip: seconds that a question and its answer take together.
    """
    process = subprocess.Popen(
        [sys.executable, "-m", "benchmarks.delaying_proxy", host, port, str(round_trip / 2)],
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stdout is not None
        yield int(process.stdout.readline())
    finally:
        process.terminate()
        process.wait()


async def _serve(host: str, port: int, delay: float) -> None:
    async def connect(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if host.startswith("/"):
            far_reader, far_writer = await asyncio.open_unix_connection(f"{host}/.s.PGSQL.{port}")
        else:
            far_reader, far_writer = await asyncio.open_connection(host, port)
        await asyncio.gather(_carry(reader, far_writer, delay), _carry(far_reader, writer, delay))

    server = await asyncio.start_server(connect, "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    async with server:
        await server.serve_forever()


async def _carry(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, delay: float) -> None:
    """Carry bytes from one side to the other, each ``delay`` seconds after it came."""
    loop = asyncio.get_running_loop()
    on_the_way: asyncio.Queue[tuple[float, bytes]] = asyncio.Queue()

    async def deliver() -> None:
        while True:
            due, chunk = await on_the_way.get()
            await asyncio.sleep(max(0.0, due - loop.time()))
            if not chunk:
                writer.close()
                return
            writer.write(chunk)

    if (sock := writer.get_extra_info("socket")).family != socket.AF_UNIX:
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    delivery = asyncio.create_task(deliver())
    try:
        while chunk := await reader.read(1 << 16):
            on_the_way.put_nowait((loop.time() + delay, chunk))
    except ConnectionError:
        pass
    on_the_way.put_nowait((loop.time() + delay, b""))
    await delivery


if __name__ == "__main__":
    _, far_host, far_port, seconds = sys.argv
    asyncio.run(_serve(far_host, int(far_port), float(seconds)))
