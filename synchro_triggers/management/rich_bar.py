"""The bar of the extra ``progress``, drawn by rich."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager

from django.core.management.base import OutputWrapper
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeRemainingColumn

#: Seconds between two drawings.
_PAUSE = 0.1

#: What takes the line off the screen that the cursor is in, and sends it to its beginning.
_ERASED = "\r\x1b[2K"


@contextmanager
def rich_bar(stderr: OutputWrapper, rows: str, *, in_colour: bool = True) -> Iterator[RichBar]:
    """Draw a bar, and how long it still takes, while the block goes on; a remote more is a bar more.

    It is drawn by this thread when it is told something. rich's own thread, and its hold on ``sys.stdout``, would be
    in the way of what ends a process, and of an output that goes to a file.

    Args:
        stderr: where it is drawn.
        rows: what is counted.
        in_colour: with colours, if the terminal has them.
    """
    console = Console(file=_Unstyled(stderr), force_terminal=True, no_color=not in_colour or None)  # type: ignore[arg-type]
    columns = (BarColumn(), MofNCompleteColumn(), TextColumn("{task.description}"), TimeRemainingColumn())
    progress = Progress(*columns, console=console, auto_refresh=False, redirect_stdout=False, redirect_stderr=False)
    try:
        yield RichBar(progress, rows)
    finally:
        progress.stop()


class RichBar:
    """A bar: see ``progress.Bar``."""

    def __init__(self, progress: Progress, rows: str) -> None:
        self._progress, self._rows = progress, rows
        self._task: TaskID | None = None
        self._drawn_at = 0.0

    def __call__(self, done: int, total: int) -> None:
        if self._task is None:
            self._progress.start()  # here: a command that is refused at once shows none
            self._task = self._progress.add_task(self._rows, total=total)
        self._progress.update(self._task, completed=done, total=total)
        is_over, now = done >= total, time.monotonic()
        if is_over or now - self._drawn_at >= _PAUSE:
            self._progress.refresh()
            self._drawn_at = now
        if is_over:
            self._task = None

    def hide(self) -> None:
        """Take it off the screen; the next call draws it again, whenever that is."""
        if self._task is not None:
            self._progress.console.file.write(_ERASED)
            self._progress.console.file.flush()
            self._drawn_at = 0.0


class _Unstyled:
    """The error output of a command, without the line's end and the colour that it gives to an error."""

    def __init__(self, stderr: OutputWrapper) -> None:
        self._stderr = stderr

    def write(self, text: str) -> int:
        self._stderr.write(text, style_func=str, ending="")
        return len(text)

    def flush(self) -> None:
        self._stderr.flush()

    def isatty(self) -> bool:
        return True
