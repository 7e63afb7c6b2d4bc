"""``synchronize --jobs``: what is said of several remotes that are synchronised at the same time."""

from __future__ import annotations

import json
import math
import signal
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from django.core.management.base import CommandError

from ..conf import required_remotes
from ..exceptions import SynchroConfigurationError
from .jobs import Job, Stopped, manage, run_jobs
from .progress import Bar

#: Options that each process is given as they are.
_FLAGS = ("dry_run", "full", "pull", "both", "as_json", "traceback")


def jobs_of(options: dict[str, Any]) -> int | None:
    """Return how many processes may run at a time; ``None``: it all happens in this one.

    Raises:
        SynchroConfigurationError: that is no number of processes, or it makes no sense with other options.
    """
    jobs, seconds = options["jobs"], options["timeout"]
    if jobs is None:
        if seconds is not None:
            raise SynchroConfigurationError("--timeout ends a process of --jobs: give that, too.")
        return None
    if jobs < 1:
        raise SynchroConfigurationError(f"--jobs must be a number from 1, not {jobs}.")
    if seconds is not None and not 0 < seconds < math.inf:  # nor is NaN one
        raise SynchroConfigurationError(f"--timeout must be a number of more than 0 seconds, not {seconds}.")
    if options["follow"]:
        raise SynchroConfigurationError(
            "--follow cannot be combined with --jobs, since followers do not end: start one for each remote, with "
            "--remote, so that each has restarts and probes of its own."
        )
    return int(jobs)


@dataclass
class SideBySide:
    """Synchronises with several remotes, each in a process of its own.

    Attributes:
        options: of the command.
        out, err: what writes a line to the output, and to the error output.
        hears_signals: let SIGTERM and SIGINT end all.
        bar: counts the remotes that are done; ``None``: nobody looks at it.
    """

    options: dict[str, Any]
    out: Callable[[str], object]
    err: Callable[[str], object]
    hears_signals: bool
    bar: Bar | None = None
    _done: int = 0
    _number: int = 0
    _said: dict[tuple[str, bool], list[str]] = field(default_factory=dict)

    def run(self, at_most: int) -> None:
        """Run all of them.

        Raises:
            CommandError: one has had trouble; the worst exit code of all counts. Or a signal has ended them.
        """
        remotes = required_remotes(self.options["remote"])
        self._number = len(remotes)
        self._draw()
        try:
            jobs = run_jobs(
                remotes,
                self._command,
                at_most=at_most,
                seconds=self.options["timeout"],
                on_line=self._keep if self.options["as_json"] else self._hand_on,
                on_end=self._tell_end,
                hears_signals=self.hears_signals,
            )
        except Stopped as stopped:
            self._hide()
            name = signal.Signals(stopped.number).name
            text = f"Ended by {name}, and so were all remotes' processes. What was committed stays; run it again."
            raise CommandError(text, returncode=128 + stopped.number) from None
        if troubled := [job for job in jobs if job.exit_code]:
            named = ", ".join(f"{job.remote} ({job.exit_code})" for job in troubled)
            text = f"{len(troubled)} of {len(jobs)} remotes had trouble, with these exit codes: {named}."
            raise CommandError(text, returncode=max(job.exit_code for job in troubled))

    def _command(self, remote: str) -> list[str]:
        options = self.options
        given = [f"--{'json' if name == 'as_json' else name.replace('_', '-')}" for name in _FLAGS if options.get(name)]
        models = [f"--model={model}" for model in options["models"] or ()]
        further = [f"--on-error={options['on_error']}", f"--verbosity={options['verbosity']}", "--no-color"]
        return manage("synchronize", f"--remote={remote}", *given, *models, *further)

    def _hand_on(self, remote: str, line: str, is_error: bool) -> None:
        self._hide()
        (self.err if is_error else self.out)(f"{remote}: {line.removeprefix('CommandError: ')}")
        self._draw()

    def _draw(self) -> None:
        if self.bar is not None:
            self.bar(self._done, self._number)

    def _hide(self) -> None:
        if self.bar is not None:
            self.bar.hide()

    def _keep(self, remote: str, line: str, is_error: bool) -> None:
        self._said.setdefault((remote, is_error), []).append(line)

    def _tell_end(self, job: Job) -> None:
        why = _why(job, self.options["timeout"])
        if not self.options["as_json"]:
            self._hide()
            if why:
                self.err(f"{job.remote}: {why}")
            self._done += 1
            self._draw()
            return
        said = "\n".join(self._said.pop((job.remote, False), ()))
        errors = "\n".join(self._said.pop((job.remote, True), ())).replace("CommandError: ", "").strip()
        told = {"remote": job.remote, "exit_code": job.exit_code, "error": why or errors or None}
        self.out(json.dumps({**told, "report": json.loads(said) if said and not why else None}))


def _why(job: Job, seconds: float | None) -> str:
    """Return what has ended a process that has not ended by itself."""
    if job.is_cut_off:
        return f"It had not ended after {seconds:g} seconds, and was ended. What was committed stays; run it again."
    if job.signal:
        return f"Its process was killed by signal {job.signal}. What was committed stays; run it again."
    return ""
