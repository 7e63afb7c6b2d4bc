"""A place of the demo: a process of its own with settings of its own, as if it were another machine."""

from __future__ import annotations

import multiprocessing
import os
import sys
import textwrap
from concurrent.futures import Future, ProcessPoolExecutor
from contextlib import redirect_stderr, redirect_stdout
from importlib import import_module
from io import StringIO
from typing import Any, NamedTuple

_NOWHERE = {"sqlite": {"NAME": "no-such-folder/hub.sqlite3"}, "postgresql": {"HOST": "127.0.0.1", "PORT": "9"}}
"""Where an office looks for the hub while the line is cut: a folder that is not there, a port nobody listens to."""

_PRINTED = textwrap.TextWrapper(
    118, initial_indent=" " * 6, subsequent_indent=" " * 8, break_on_hyphens=False, max_lines=4, placeholder=" ..."
)

_repaired: dict[str, Any] = {}


class Done(NamedTuple):
    """What a command has ended with, and all that it has said."""

    code: int
    text: str


class Place:
    """The hub or an office.

    Args:
        name: ``hub``, ``north`` or ``south``.
        folder: where the places that are on SQLite have their files.
    """

    def __init__(self, name: str, folder: str) -> None:
        self.name = name
        self._process = ProcessPoolExecutor(
            1, mp_context=multiprocessing.get_context("spawn"), initializer=_open, initargs=(name, folder)
        )

    def do(self, function: str, *args: Any, **kwargs: Any) -> Any:
        """Let people here do something.

        Args:
            function: ``module.function``, such as ``work.take_order``.

        Returns:
            What the function returns.
        """
        return self._process.submit(_do, function, args, kwargs).result()

    def start(self, *arguments: str) -> Future[Done]:
        """Begin a command at this place, and print nothing."""
        return self._process.submit(_manage, arguments)

    def manage(self, *arguments: str, code: int = 0, quiet: bool = False) -> str:
        """Type a command at this place; print and return what it says.

        Args:
            *arguments: what follows ``./manage.py``.
            code: the exit code that the story counts on. With another one the demo ends.
            quiet: print nothing, if it ends with that code.
        """
        done = self.start(*arguments).result()
        if not quiet or done.code != code:
            self.show(arguments, done)
        if done.code != code:
            sys.exit(f"The demo is broken: this command was to end with {code}, not with {done.code}.")
        return done.text

    def show(self, arguments: tuple[str, ...], done: Done) -> None:
        """Print a command with what it has said; paragraphs of more than four lines are cut."""
        print(f"   {self.name}$ ./manage.py {' '.join(arguments)}")
        for line in done.text.splitlines():
            print(_PRINTED.fill(line))
        if done.code:
            print(f"      (exit code {done.code})")
        sys.stdout.flush()

    def close(self) -> None:
        self._process.shutdown()


# In the place's process -----------------------------------------------------------------------------


def _open(name: str, folder: str) -> None:
    os.environ.update(SYNCHRO_DEMO_PLACE=name, SYNCHRO_DEMO_FOLDER=folder, DJANGO_SETTINGS_MODULE="settings")
    import django

    django.setup()


def _do(function: str, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    module, name = function.rsplit(".", 1)
    return getattr(import_module(module), name)(*args, **kwargs)


def _manage(arguments: tuple[str, ...]) -> Done:
    """Do what ``manage.py`` does; return the exit code, and all that was printed in its order."""
    from django.core.management import execute_from_command_line

    said, code = StringIO(), 0
    with redirect_stdout(said), redirect_stderr(said):
        try:
            execute_from_command_line(["manage.py", *arguments])
        except SystemExit as end:
            code = int(end.code or 0)
    return Done(code, said.getvalue())


def vendor() -> str:
    from django.db import connection

    return connection.display_name


def hang_up() -> None:
    """Close all connections, so that a database can be taken away."""
    from django.db import connections

    connections.close_all()


def cut_line() -> None:
    """Let the hub be out of reach of this office."""
    from django.db import connections

    hub = connections["hub"]
    hub.close()
    nowhere = _NOWHERE[hub.vendor]
    _repaired.update({key: hub.settings_dict[key] for key in nowhere})
    hub.settings_dict.update(nowhere)


def repair_line() -> None:
    from django.db import connections

    connections["hub"].settings_dict.update(_repaired)
