"""A process that has loaded a project and waits: others begin as copies of it, instead of loading everything anew.

Most of what a short command costs is the import of Django and the project's apps, and a test run starts hundreds. What
begins here is a process like any other: it has its own environment, arguments, streams and end, reads its settings
anew, and has never been connected to a database. ``tests/processes.py`` says who may begin this way.

Started with the number of a socket. Each message there is a JSON object (``arguments`` as of Python's own command line,
``environment``, ``folder``), with three open files: the new process' output and errors, and a socket of its own, to
which its number is sent when it begins, and how it ended.
"""

from __future__ import annotations

import gc
import json
import os
import runpy
import signal
import socket
import struct
import sys
import types
from importlib import import_module
from typing import Any

AT_MOST = 1024 * 1024
#: Names the environment variable with the modules that are imported beside the project's, in one text.
LOADED = "SYNCHRO_TEST_LOADED"

STATUS = struct.Struct("i")
"""A process' number, and how it ended as ``os.waitpid()`` says it."""


def main() -> None:
    import django

    django.setup()
    for module in os.environ.get(LOADED, "").split():
        import_module(module)
    gc.collect()
    gc.freeze()
    with socket.socket(fileno=int(sys.argv[1])) as orders:
        request = _serve(orders)
    if request is not None:
        _become(request)


def _serve(orders: socket.socket) -> dict[str, Any] | None:
    """Start processes until nobody is there any more who could ask; return in a new process what it shall be."""
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # nobody waits for those who watch
    while True:
        message, files, _, _ = socket.recv_fds(orders, AT_MOST, 3)
        if not message:
            return None
        if os.fork() == 0:
            request = _watch(json.loads(message), *files)
            orders.close()
            return request
        for file in files:
            os.close(file)


def _watch(request: dict[str, Any], output: int, errors: int, own: int) -> dict[str, Any]:
    """Start the process, and wait in another one until it ends, to tell how."""
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    child = os.fork()
    if child:
        os.close(output)
        os.close(errors)
        with socket.socket(fileno=own) as told:
            told.sendall(STATUS.pack(child))
            _, ended = os.waitpid(child, 0)
            told.sendall(STATUS.pack(ended))
        os._exit(0)
    os.close(own)
    os.dup2(output, 1)
    os.dup2(errors, 2)
    for file in (output, errors):
        if file > 2:
            os.close(file)
    return request


def _become(request: dict[str, Any]) -> None:
    """Be what was asked for, up to the end of this process."""
    os.environ.clear()
    os.environ.update(request["environment"])
    os.chdir(request["folder"])
    _forget_settings()
    kind, *arguments = request["arguments"]
    if kind == "-c":
        sys.argv = ["-c", *arguments[1:]]
        sys.modules["__main__"] = types.ModuleType("__main__")
        exec(compile(arguments[0], "<string>", "exec"), sys.modules["__main__"].__dict__)
    elif kind == "-m":
        sys.argv = arguments
        runpy.run_module(arguments[0], run_name="__main__", alter_sys=True)
    else:
        sys.argv = [kind, *arguments]
        runpy.run_path(kind, run_name="__main__")


def _forget_settings() -> None:
    from django.conf import global_settings, settings
    from django.db import connections, router
    from django.db.utils import ConnectionHandler, ConnectionRouter
    from django.utils.functional import empty

    module = os.environ["DJANGO_SETTINGS_MODULE"]
    read = {*dir(global_settings), *dir(sys.modules[module])} if module in sys.modules else set(dir(settings))
    # There are apps that put defaults of their own among the settings, when they are loaded.
    of_apps = {name: value for name, value in vars(settings._wrapped).items() if name.isupper() and name not in read}
    sys.modules.pop(module, None)
    settings._wrapped = empty
    for name, value in of_apps.items():
        if not hasattr(settings, name):
            setattr(settings, name, value)
    fresh: Any
    for kept, fresh in ((connections, ConnectionHandler()), (router, ConnectionRouter())):
        kept.__dict__.clear()
        kept.__dict__.update(fresh.__dict__)


if __name__ == "__main__":
    main()
