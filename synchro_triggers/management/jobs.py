"""A command for several remotes, each in a process of its own: what one of them waits for keeps no other waiting."""

from __future__ import annotations

import os
import queue
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import IO

from ..exceptions import DatabaseUnreachable, SynchroConfigurationError, SynchroError

#: Seconds between two looks at the clock, where no process ends.
_LOOKS_UP = 0.1

#: Seconds that a process gets to end when it is asked to.
_TO_END = 1.0

#: Called with the remote, a line without its end, and whether it came on the error output.
OnLine = Callable[[str, str, bool], None]

_SIGNALS = (signal.SIGTERM, signal.SIGINT)


@dataclass
class Job:
    """A remote's process.

    Attributes:
        remote: the alias.
        exit_code: how it has ended.
        is_cut_off: it has taken longer than it may, and was ended.
    """

    remote: str
    exit_code: int = 0
    is_cut_off: bool = False
    _process: subprocess.Popen[str] | None = None
    _until: float | None = None
    _readers: list[threading.Thread] = field(default_factory=list)

    def start(self, command: Sequence[str], seconds: float | None, on_line: OnLine) -> None:
        """Start the process, and hand on its lines as they come."""
        # Not of our group: Ctrl-C is for us, and we end it.
        self._process = process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            encoding="utf-8",
            errors="replace",
            env=_environment(),
            start_new_session=True,
        )
        self._until = None if seconds is None else time.monotonic() + seconds
        for stream, is_error in ((process.stdout, False), (process.stderr, True)):
            assert stream is not None
            reader = threading.Thread(target=self._hand_on, args=(stream, is_error, on_line), daemon=True)
            reader.start()
            self._readers.append(reader)

    def _hand_on(self, stream: IO[str], is_error: bool, on_line: OnLine) -> None:
        with stream:
            for line in stream:
                on_line(self.remote, line.rstrip("\n"), is_error)

    def has_ended(self) -> bool:
        """Tell whether it has ended, and all that it said was handed on; end it, if its time is over."""
        assert self._process is not None
        if self._process.poll() is None:
            if self._until is None or time.monotonic() < self._until:
                return False
            self.is_cut_off = True
            self.end()
        for reader in self._readers:
            reader.join(_TO_END)  # it ends with the process, unless a child of that has the stream still
        self.exit_code = self._exit_code()
        return True

    def _exit_code(self) -> int:
        assert self._process is not None
        if self.is_cut_off:
            return DatabaseUnreachable.exit_code
        code = self._process.returncode
        return code if code >= 0 else SynchroError.exit_code  # killed: by whom is told

    @property
    def signal(self) -> int:
        """The number of the signal that has killed it; 0: none has."""
        assert self._process is not None
        return 0 if self.is_cut_off else max(0, -(self._process.returncode or 0))

    def ask_to_end(self) -> None:
        """Let it end by itself."""
        if self._process is not None and self._process.poll() is None:
            self._process.terminate()

    def end(self) -> None:
        """End it, if need be by force. What it has not committed is rolled back."""
        self.ask_to_end()
        if self._process is not None:
            with suppress(subprocess.TimeoutExpired):
                self._process.wait(_TO_END)
            self._process.kill()
            self._process.wait()


class Stopped(Exception):
    """A signal has asked for the end.

    Attributes:
        number: of the signal.
    """

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.number = number


# Long: its documentation says what each argument is.
def run_jobs(
    remotes: Iterable[str],
    command_for: Callable[[str], Sequence[str]],
    *,
    at_most: int,
    seconds: float | None,
    on_line: OnLine,
    on_end: Callable[[Job], None],
    hears_signals: bool,
) -> list[Job]:
    """Run a process for each remote.

    Args:
        remotes: aliases.
        command_for: returns the command line for a remote.
        at_most: so many at a time.
        seconds: after which a process is ended; ``None``: it may take as long as it takes.
        on_line: called with each line, by several threads, one at a time.
        on_end: called with each process that has ended, in this thread.
        hears_signals: let SIGTERM and SIGINT end all. Only where the process is ours.

    Returns:
        What has become of them, in the order of ``remotes``.

    Raises:
        Stopped: by a signal; all have ended.
    """
    jobs = [Job(remote) for remote in remotes]
    waiting, running = jobs[::-1], list[Job]()
    one_at_a_time = threading.Lock()

    def hand_on(remote: str, line: str, is_error: bool) -> None:
        with one_at_a_time:
            on_line(remote, line, is_error)

    with _signals_heard(hears_signals) as heard:
        try:
            while waiting or running:
                while waiting and len(running) < at_most:
                    running.append(waiting.pop())
                    running[-1].start(command_for(running[-1].remote), seconds, hand_on)
                with suppress(queue.Empty):
                    raise Stopped(heard.get(timeout=_LOOKS_UP))
                for job in [job for job in running if job.has_ended()]:
                    running.remove(job)
                    with one_at_a_time:
                        on_end(job)
        finally:
            for job in running:
                job.ask_to_end()
            for job in running:
                job.end()
    return jobs


@contextmanager
def _signals_heard(wanted: bool) -> Iterator[queue.SimpleQueue[int]]:
    """Yield the numbers of the signals that come."""
    heard: queue.SimpleQueue[int] = queue.SimpleQueue()
    before = {each: signal.signal(each, lambda number, _: heard.put(number)) for each in _SIGNALS if wanted}
    try:
        yield heard
    finally:
        for each, handler in before.items():
            signal.signal(each, handler)


def manage(*arguments: str) -> list[str]:
    """Return the command line that runs a command of this project, with these settings, from anywhere."""
    return [sys.executable, "-P", "-m", "django", *arguments]


def _environment() -> dict[str, str]:
    if not os.environ.get("DJANGO_SETTINGS_MODULE"):
        raise SynchroConfigurationError(
            "--jobs starts processes, which need settings of a module: set DJANGO_SETTINGS_MODULE, or leave out --jobs."
        )
    path = os.pathsep.join(each or os.getcwd() for each in sys.path)
    return {**os.environ, "PYTHONPATH": path, "PYTHONUNBUFFERED": "1", "PYTHONIOENCODING": "utf-8"}
