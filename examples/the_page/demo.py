"""The page, to be tried out: an office's admin, with three databases that it synchronises to. See README.md.

Run it with ``make demo-site``. All of it is in a temporary folder, which goes when it ends.
"""

from __future__ import annotations

import argparse
import os
import signal
import sys
import tempfile
from pathlib import Path
from typing import NoReturn

#: The port, if nobody else is there; else one of the next ones.
PORT, TRIED = 8000, 20


def main(port: int | None) -> None:
    import django

    django.setup()
    import prepare

    print("Making the databases ...", flush=True)
    prepare.prepare()
    server = bound_server(port)
    address = f"http://127.0.0.1:{server.server_port}/"
    print(f"\nThe page is at {address} (Ctrl-C ends it). Who may log in:\n")
    for name, may in prepare.MAY.items():
        print(f"  {name:<8} password {prepare.PASSWORD!r:<6} {may}")
    print(
        "\nTo try: why has the customer zoe@example.com not arrived on 'main'? Give her a phone number; synchronise."
        "\nTwo articles want one barcode: give one of them another. Whose phone number of Ada's is to stand?"
        "\nThe remote 'branch' is down: the others work.\n",
        flush=True,
    )
    try:
        server.serve_forever()
    finally:
        server.server_close()


def bound_server(port: int | None):  # type: ignore[no-untyped-def]
    """Return a server of the site with its styles and scripts, on this machine's own address alone."""
    from django.contrib.staticfiles.handlers import StaticFilesHandler
    from django.core.servers.basehttp import ThreadedWSGIServer, WSGIRequestHandler
    from django.core.wsgi import get_wsgi_application

    class Quiet(WSGIRequestHandler):
        def log_message(self, format: str, *args: object) -> None:
            pass

    ThreadedWSGIServer.daemon_threads = True
    for tried in [port] if port is not None else range(PORT, PORT + TRIED):
        try:
            server = ThreadedWSGIServer(("127.0.0.1", tried), Quiet)
        except OSError as error:
            taken = error
            continue
        server.set_app(StaticFilesHandler(get_wsgi_application()))
        return server
    sys.exit(f"No port is free: {taken}. Name another one: make demo-site PORT=8100")


def end(*args: object) -> NoReturn:
    raise SystemExit(0)


if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).parent))
    os.environ["DJANGO_SETTINGS_MODULE"] = "settings"
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, help="0: any that is free")
    chosen = parser.parse_args()
    for ending in (signal.SIGTERM, signal.SIGINT):
        signal.signal(ending, end)
    with tempfile.TemporaryDirectory() as folder:
        os.environ["SYNCHRO_DEMO_FOLDER"] = folder
        main(chosen.port)
