"""Python processes that tests start: on Linux, most begin as copies of one that has loaded the project already."""

from __future__ import annotations

import atexit
import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Mapping
from contextlib import suppress
from functools import cache
from threading import Thread
from typing import IO, Protocol

from tests.nursery import AT_MOST, LOADED, STATUS

#: Names the environment variable with the engines of the project's aliases, as JSON. Who is loaded for other engines is
#: no copy of the same process: there are apps that choose their models by the vendor of ``default``.
ENGINES = "SYNCHRO_TEST_ENGINES"


#: Names the environment variables with settings that differ from those of the module, as JSON. Of other apps' settings
#: some are read while an app is loaded.
CHANGED = ("SYNCHRO_TEST_SETTINGS", "SITE_SETTINGS")


class Process(Protocol):
    """What tests need of ``subprocess.Popen``, whichever way the process began."""

    pid: int
    returncode: int | None
    stdout: IO[str] | None
    stderr: IO[str] | None

    def poll(self) -> int | None: ...
    def wait(self, timeout: float | None = None) -> int: ...
    def communicate(self, *, timeout: float | None = None) -> tuple[str, str]: ...
    def send_signal(self, sig: int) -> None: ...
    def kill(self) -> None: ...


def start(*arguments: str, env: Mapping[str, str]) -> Process:
    """Start Python; its output and errors are to be read as text.

    Args:
        *arguments: as on its command line: ``-m django synchronize``, ``-c CODE``, or a script and its own.
        env: the environment.
    """
    if _may_be_a_copy(env):
        known = (env["DJANGO_SETTINGS_MODULE"], env["PYTHONPATH"], env.get(ENGINES, "{}"), env.get(LOADED, ""))
        return _Copy(arguments, env, _nursery(*known))
    pipe = subprocess.PIPE
    return subprocess.Popen([sys.executable, *arguments], env=dict(env), stdout=pipe, stderr=pipe, text=True)


def run(
    *arguments: str, env: Mapping[str, str], check: bool = False, timeout: float | None = None
) -> subprocess.CompletedProcess[str]:
    """Start Python and wait for its end, as ``subprocess.run()`` would with ``capture_output`` and ``text``."""
    process = start(*arguments, env=env)
    try:
        output, errors = process.communicate(timeout=timeout)
    except subprocess.TimeoutExpired:
        process.kill()
        process.communicate()
        raise
    assert process.returncode is not None
    done = subprocess.CompletedProcess([sys.executable, *arguments], process.returncode, output, errors)
    if check and done.returncode:
        sys.stderr.write(errors)
        done.check_returncode()
    return done


def _may_be_a_copy(env: Mapping[str, str]) -> bool:
    """Tell whether a process would be the same if the project had been loaded before its settings were read."""
    if sys.platform != "linux" or "COVERAGE_PROCESS_CONFIG" in os.environ:  # what a copy does is not measured
        return False
    changed = [name for given in CHANGED for name in json.loads(env.get(given, "{}"))]
    known = all(name.startswith("SYNCHRO_") for name in changed)
    return known and {"PYTHONPATH", "DJANGO_SETTINGS_MODULE"} <= env.keys() and "PYTHONWARNINGS" not in env


@cache
def _nursery(settings_module: str, python_path: str, engines: str, loaded: str) -> socket.socket:
    """Start a process of which others can be copies; return where to ask it for them. It ends with this one."""
    asking, serving = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    asking.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, AT_MOST)
    env = {
        **os.environ,
        "PYTHONPATH": python_path,
        "DJANGO_SETTINGS_MODULE": settings_module,
        ENGINES: engines,
        LOADED: loaded,
        "SYNCHRO_TEST_DATABASES": json.dumps({"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"}}),
    }
    command = [sys.executable, "-m", "tests.nursery", str(serving.fileno())]
    # Not of our group: Ctrl-C ends the tests, and they end what they have started.
    nursery = subprocess.Popen(command, env=env, pass_fds=[serving.fileno()], start_new_session=True)
    serving.close()
    atexit.register(nursery.wait)
    atexit.register(asking.close)
    return asking


class _Copy:
    """A process that begins as a copy."""

    def __init__(self, arguments: tuple[str, ...], env: Mapping[str, str], nursery: socket.socket) -> None:
        self._arguments = arguments
        self.returncode: int | None = None
        output, errors = os.pipe(), os.pipe()
        self._told, own = socket.socketpair()
        request = {"arguments": arguments, "environment": dict(env), "folder": os.getcwd()}
        files = [output[1], errors[1], own.fileno()]
        try:
            socket.send_fds(nursery, [json.dumps(request).encode()], files)
        finally:
            own.close()
            os.close(output[1])
            os.close(errors[1])
        self.stdout: IO[str] | None = os.fdopen(output[0])
        self.stderr: IO[str] | None = os.fdopen(errors[0])
        self.pid = self._hear()

    def _hear(self) -> int:
        message = self._told.recv(STATUS.size)
        if len(message) < STATUS.size:
            raise ChildProcessError(f"The process did not begin, or nobody saw its end: {' '.join(self._arguments)}")
        [number] = STATUS.unpack(message)
        return int(number)

    def poll(self) -> int | None:
        with suppress(subprocess.TimeoutExpired):
            self.wait(0)
        return self.returncode

    def wait(self, timeout: float | None = None) -> int:
        if self.returncode is None:
            self._told.settimeout(timeout)
            try:
                self.returncode = os.waitstatus_to_exitcode(self._hear())
            except (TimeoutError, BlockingIOError):
                raise subprocess.TimeoutExpired(self._arguments, timeout or 0) from None
            self._told.close()
        return self.returncode

    def communicate(self, *, timeout: float | None = None) -> tuple[str, str]:
        said: dict[str, str] = {}

        def read(name: str, stream: IO[str]) -> None:
            with stream:
                said[name] = stream.read()

        streams = {"stdout": self.stdout, "stderr": self.stderr}
        readers = [Thread(target=read, args=found, daemon=True) for found in streams.items() if not found[1].closed]
        for reader in readers:
            reader.start()
        self.wait(timeout)
        for reader in readers:
            reader.join(timeout)
        return said.get("stdout", ""), said.get("stderr", "")

    def send_signal(self, sig: int) -> None:
        if self.poll() is None:
            os.kill(self.pid, sig)

    def kill(self) -> None:
        self.send_signal(signal.SIGKILL)
