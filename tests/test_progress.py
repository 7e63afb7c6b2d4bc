"""How far a command has come: a bar on a terminal, and nothing in a pipe, with ``--json`` or with ``-v 0``."""

from __future__ import annotations

import json
import os
import pty
import re
import subprocess
import sys
from contextlib import contextmanager
from io import StringIO
from threading import Thread

import pytest
from django.core.management import CommandError, call_command
from django.core.management.base import OutputWrapper

from synchro_triggers import synchronize
from synchro_triggers.management import progress
from tests.databases import ALIASES, both, both_committed
from tests.testapp.models import Item, Tag

LOCAL, REMOTE = ALIASES

#: Commands that take long, what has to be done before, and what they count.
LONG = {
    "synchronize": (lambda: None, "log rows"),
    "synchronize --full": (lambda: None, "log rows"),
    "synchronize --dry-run": (lambda: None, "log rows"),
    "synchro_compare": (synchronize, "rows"),
    "synchro_compare --repair --run": (lambda: (synchronize(), empty()), "log rows"),
    "synchro_prune --keep 0": (synchronize, "log rows"),
    "synchro_link": (lambda: None, "objects"),
    "synchro_failures --retry": (lambda: None, "log rows"),
    "synchro_reset --no-input": (lambda: None, "databases"),
}


def empty():
    Item.objects.using(REMOTE).all().delete()


@contextmanager
def terminal(said):
    """Yield the end of a pseudo terminal that a program writes to; put all that it shows into ``said``."""
    ours, theirs = pty.openpty()

    def read():
        while True:
            try:
                said.append(os.read(ours, 4096))
            except OSError:  # the last one that had the other end has closed it
                return

    reader = Thread(target=read)
    reader.start()
    try:
        with open(theirs, "w") as screen:
            yield screen
    finally:
        reader.join(60)
        os.close(ours)


def shown(command, *options):
    """Run a command whose error output is a terminal; return what that shows."""
    said = []
    with terminal(said) as screen:
        call_command(*command.split(), *options, stdout=StringIO(), stderr=screen)
    return text_of(said)


def text_of(said):
    """Return what is to be read, without what moves the cursor and colours."""
    return re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", b"".join(said).decode()).replace("\r\n", "\n")


def some_rows():
    Item.objects.bulk_create([Item(name=str(number)) for number in range(3)])
    Tag.objects.create(label="x")


@pytest.fixture(params=["rich", "plain", "plain, dumb"])
def drawn_by(request, monkeypatch):
    """Who draws the bar: the extra, or, where it is not installed or the terminal can do little, the command itself."""
    monkeypatch.setenv("TERM", "dumb" if "dumb" in request.param else "xterm")
    if request.param == "plain":
        monkeypatch.setattr(progress, "find_spec", lambda name: None)
    return request.param


@both
@pytest.mark.parametrize("command", LONG)
def test_bar_is_drawn_on_a_terminal(command, drawn_by):
    before, counted = LONG[command]
    some_rows()
    before()

    said = shown(command)

    ending = rf"(\d+)/\1 {counted}" if drawn_by == "rich" else rf"\[#+\] (\d+) of \1 {counted}"
    assert re.search(ending, said), said
    assert said.endswith("\n")


@both
@pytest.mark.thinned("*")
@pytest.mark.parametrize("command", LONG)
def test_nothing_is_drawn_for_nobody(command, drawn_by):
    before, _ = LONG[command]
    some_rows()
    before()
    errors = StringIO()
    options = [] if "--dry-run" in command or "synchronize" not in command else ["--dry-run"]

    call_command(*command.split(), *options, stdout=StringIO(), stderr=errors)

    assert errors.getvalue() == ""


@both
@pytest.mark.thinned("*")
@pytest.mark.parametrize("quiet", [("--json",), ("-v", "0")], ids=" ".join)
@pytest.mark.parametrize("command", LONG)
def test_nothing_is_drawn_where_none_is_wanted(command, quiet, drawn_by):
    before, _ = LONG[command]
    some_rows()
    before()

    assert shown(command, *quiet) == ""


def test_bar_that_was_not_filled_ends_its_line(drawn_by):
    said = []

    with terminal(said) as screen, pytest.raises(ValueError):
        draw_half(screen)

    assert "1" in text_of(said) and text_of(said).endswith("\n")


def draw_half(screen):
    with progress.progress_bar(OutputWrapper(screen), {"verbosity": 1, "no_color": False}, "rows") as on_progress:
        on_progress(1, 2)
        raise ValueError


@both
def test_command_that_is_refused_draws_nothing(drawn_by, settings):
    settings.SYNCHRO_REMOTE = None
    said = []

    with terminal(said) as screen, pytest.raises(CommandError):
        call_command("synchronize", stdout=StringIO(), stderr=screen)

    assert text_of(said) == ""


@both_committed
def test_process_draws_on_its_terminal_and_leaves_the_pipe_alone(process_env):
    some_rows()
    said, command = [], [sys.executable, "-m", "django", "synchronize"]

    with terminal(said) as screen:
        done = subprocess.run(
            command, env={**process_env, "TERM": "xterm"}, stdout=subprocess.PIPE, stderr=screen, text=True, timeout=60
        )
    Item.objects.create(name="d")
    piped = subprocess.run(command, env=process_env, capture_output=True, text=True, timeout=600)

    assert done.returncode == piped.returncode == 0
    assert re.search(r"4/4 log rows", text_of(said))
    assert done.stdout.startswith("Synchronization performed") and "\x1b" not in done.stdout and "/4" not in done.stdout
    assert piped.stderr == "" and "log rows" not in piped.stdout


# Several remotes at the same time -------------------------------------------------------------------


@both_committed
@pytest.mark.parametrize("term", ["xterm", "dumb"])
def test_remotes_that_are_done_are_counted_below_what_they_say(process_env, tmp_path, term):
    some_rows()
    databases = json.loads(process_env["SYNCHRO_TEST_DATABASES"])
    databases["branch"] = {"ENGINE": "django.db.backends.sqlite3", "NAME": str(tmp_path / "no-such-folder" / "db")}
    env = {
        **process_env,
        "SYNCHRO_TEST_DATABASES": json.dumps(databases),
        "SYNCHRO_TEST_SETTINGS": json.dumps({"SYNCHRO_REMOTE": [REMOTE, "branch"]}),
        "TERM": term,
    }
    said, command = [], [sys.executable, "-m", "django", "synchronize", "--jobs", "1"]

    with terminal(said) as screen:
        done = subprocess.run(command, env=env, stdout=screen, stderr=screen, timeout=600)
    piped = subprocess.run(command, env=env, capture_output=True, text=True, timeout=600)

    assert done.returncode == piped.returncode == 5
    raw = b"".join(said).decode()
    assert "remotes done" not in piped.stdout + piped.stderr
    counted = re.findall(r"(\d)(?: of |/)2 remotes done", text_of(said))
    assert list(dict.fromkeys(counted)) == ["0", "1", "2"], raw
    shown = screen_of(raw)
    assert sum("remotes done" in line for line in shown) == 1, shown
    whole = {each.rstrip() for each in shown}
    assert {"remote: Synchronization performed successfully.", *piped.stderr.splitlines()} <= whole, shown


def screen_of(raw):
    """Return the lines that a terminal shows in the end: what goes back to a line's beginning writes over it."""
    lines, at = [""], 0
    for part in re.findall(r"\x1b\[[0-9;?]*[A-Za-z]|\r|\n|[^\x1b\r\n]+", raw):
        if part == "\n":
            lines.append("")
            at = 0
        elif part == "\r":
            at = 0
        elif part.startswith("\x1b[") and part.endswith("K"):
            lines[-1] = lines[-1][:at] if part != "\x1b[2K" else ""
        elif not part.startswith("\x1b"):
            lines[-1] = lines[-1][:at].ljust(at) + part + lines[-1][at + len(part) :]
            at += len(part)
    return lines
