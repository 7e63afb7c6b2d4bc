"""How far a command has come: a bar where somebody looks at it, and nothing in a pipe."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from typing import Any, Protocol

from django.core.management.base import OutputWrapper

#: Called with what is done and with all that there is.
OnProgress = Callable[[int, int], None]


class Bar(Protocol):
    """A bar that somebody looks at; it is told how far it has come."""

    def __call__(self, done: int, total: int) -> None:
        """Draw it."""

    def hide(self) -> None:
        """Take it off the screen, so that a line can be printed in its place; the next call draws it again."""


#: Terminals on which rich draws nothing.
_DUMB = {"dumb", "unknown"}


@contextmanager
def progress_bar(stderr: OutputWrapper, options: dict[str, Any], rows: str) -> Iterator[Bar | None]:
    """Draw a bar while the block goes on, on the error output: by ``rich`` where that is installed.

    Args:
        stderr: the command's.
        options: the command's: ``-v 0`` and ``--json`` want no bar.
        rows: what is counted.

    Yields:
        What is to be called with how far it has come; ``None``: nobody looks at it.
    """
    if not options["verbosity"] or options.get("as_json") or not stderr.isatty():
        yield None
        return
    if find_spec("rich") is not None and os.environ.get("TERM") not in _DUMB:
        from .rich_bar import rich_bar  # an extra, and of no use in a pipe

        with rich_bar(stderr, rows, in_colour=not options["no_color"]) as on_progress:
            yield on_progress
        return
    bar = _PlainBar(stderr, rows)
    try:
        yield bar
    finally:
        bar.end()


class _PlainBar:
    """A bar of plain characters.

    Args:
        stderr: where it is drawn.
        rows: what is counted.
    """

    def __init__(self, stderr: OutputWrapper, rows: str) -> None:
        self._stderr, self._rows = stderr, rows
        self._is_open = False
        self._width = 0

    def __call__(self, done: int, total: int) -> None:
        filled = 40 * done // max(total, 1)
        self._is_open = done < total
        text = f"[{'#' * filled}{'.' * (40 - filled)}] {done:,} of {total:,} {self._rows}"
        self._width = len(text)
        self._write(f"\r{text}", "" if self._is_open else "\n")

    def hide(self) -> None:
        if self._is_open:
            self._write(f"\r{' ' * self._width}\r", "")
            self._is_open = False

    def _write(self, text: str, ending: str) -> None:
        self._stderr.write(text, style_func=str, ending=ending)  # no error, and not in an error's colour
        self._stderr.flush()

    def end(self) -> None:
        """Let what is said next begin on a line of its own."""
        if self._is_open:
            self._stderr.write("\n", ending="")
            self._stderr.flush()
