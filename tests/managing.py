"""What ``manage.py`` does with a command line: in the test's own process, or in a new one.

In the test's process it takes milliseconds, and sees what the test has not committed. ``tests/test_bad_input.py``
shows for each command that a process of its own ends with the same code and prints the same.
"""

from __future__ import annotations

import json
import traceback
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from dataclasses import dataclass
from io import StringIO
from pathlib import Path
from unittest.mock import patch

from django.apps import apps
from django.core.management import execute_from_command_line
from django.db import connections

from tests import processes

MANAGE = Path(__file__).resolve().parent / "manage.py"


@dataclass(frozen=True)
class Done:
    """How a command ended, and what it printed."""

    returncode: int
    stdout: str
    stderr: str


def in_process(*arguments: str) -> Done:
    """Do what ``manage.py`` would do, with the settings and on the databases of the test.

    An exception that would end a process with a traceback is printed as one here, too.
    """
    out, errors = StringIO(), StringIO()
    code = 0
    # A command closes its connections at its end, as its process would; here they are the test's, and its transaction.
    with redirect_stdout(out), redirect_stderr(errors), patch.object(connections, "close_all"):
        try:
            execute_from_command_line(["manage.py", *arguments])
        except SystemExit as end:
            code = int(end.code or 0)
        except Exception:
            traceback.print_exc()
            code = 1
    return Done(code, out.getvalue(), errors.getvalue())


def in_new_process(env: Mapping[str, str], *arguments: str) -> Done:
    """Run ``manage.py`` as a process of its own.

    Args:
        env: as ``process_env`` or ``changed_env`` return it.
        *arguments: command line.
    """
    done = processes.run(str(MANAGE), *arguments, env=env, timeout=600)
    return Done(done.returncode, done.stdout, done.stderr)


def changed_env(
    env: Mapping[str, str], *, databases: Mapping[str, Mapping[str, object]], settings: Mapping[str, object]
) -> dict[str, str]:
    """Return the environment of a process with other settings.

    Args:
        env: that of ``process_env``.
        databases: what differs in the settings of these aliases.
        settings: other settings that differ, with values that JSON knows.
    """
    aliases = json.loads(env["SYNCHRO_TEST_DATABASES"])
    for alias, change in databases.items():
        aliases[alias].update(change)
    return {
        **env,
        "SYNCHRO_TEST_DATABASES": json.dumps(aliases),
        "SYNCHRO_TEST_SETTINGS": json.dumps(dict(settings)),
    }


def other_engine(folder: Path) -> dict[str, object]:
    """Return what differs in the settings of a database of a vendor without capture: a new, empty one."""
    return {"ENGINE": "tests.other_engine", "NAME": str(folder / "other.sqlite3"), "OPTIONS": {}}


def make_tables(alias: str, *labels: str) -> None:
    """Make the tables of these apps, as they are now."""
    with connections[alias].schema_editor() as editor:
        for label in labels:
            for model in apps.get_app_config(label).get_models():
                editor.create_model(model)


@contextmanager
def database_elsewhere(alias: str, change: Mapping[str, object]) -> Iterator[None]:
    """Let an alias be another database for a block, or one that cannot be reached.

    Args:
        alias: the alias.
        change: what differs in its settings.
    """
    before, wrapper = connections.settings[alias], connections[alias]
    connections.settings[alias] = {**before, **change}
    del connections[alias]
    try:
        yield
    finally:
        connections[alias].close()
        connections.settings[alias] = before
        connections[alias] = wrapper
