"""Types what a page tells its reader to type, in an empty folder, and compares what comes back."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

from tests.docs import loaded
from tests.pages import ROOT, Block

#: What differs each time.
CHANGES = {
    r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d": "TIME",
    r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}": "NODE",
    r"[\d.,]+ [kM]?B\b": "SIZE",
    r"\b\d[\d.]* s\b": "SECONDS",
    r"^default: (SQLite|PostgreSQL),": "default: VENDOR,",
    r"[ ]+$": "",
}

#: What a reader does once, and a test has done: an environment, packages, a server's databases.
DONE_BEFORE = ("mkdir ", "python3 -m venv", "pip install", "createdb ")

#: What a test run has in its environment, and a reader has not.
OUR_OWN = ("DJANGO_", "SYNCHRO_", "PYTHONDONTWRITEBYTECODE", "PYTEST_")

_END = "--- that was all of it ---"


def alike(text: str) -> str:
    """Return a text without what differs each time."""
    for pattern, instead in CHANGES.items():
        text = re.sub(pattern, instead, text, flags=re.MULTILINE)
    return text.strip()


@dataclass
class Reader:
    """Somebody who follows a page to the letter, in a folder of their own.

    Args:
        folder: where everything is typed, an empty one.
        changed: what the reader writes other than the page says, such as a database's address.
    """

    folder: Path
    changed: Callable[[str, str], str] = lambda name, text: text
    _project: subprocess.Popen[str] | None = None
    _until_the_end: ExitStack = field(default_factory=ExitStack)

    def __enter__(self) -> Self:
        # A socket's path may not be long.
        self._tools = Path(self._until_the_end.enter_context(tempfile.TemporaryDirectory(prefix="page-")))
        python = self._tools / "python"
        python.write_text(f"#!{sys.executable} -SE\n" + Path(loaded.__file__).read_text())
        python.chmod(0o755)
        env = {name: value for name, value in os.environ.items() if not name.startswith(OUR_OWN)}
        path = os.pathsep.join([str(self._tools), str(Path(sys.executable).parent), env["PATH"]])
        self._env = {**env, "PATH": path, "PYTHONPATH": str(ROOT), "LC_ALL": "C.UTF-8"}
        self._env |= {loaded.PYTHON: sys.executable, loaded.SOCKET: str(self._tools / "socket")}
        return self

    def __exit__(self, *_: object) -> None:
        self._unload()
        self._until_the_end.close()

    def write(self, block: Block) -> None:
        """Put a block of Python into the file that its first line names: as a whole, or at its end."""
        name, at_its_end = re.match(r"# ([\w/]+\.py)(, at its end)?\n", block.text).groups()
        file = self.folder / name
        before = file.read_text() if at_its_end else ""
        file.write_text(before + ("\n\n" if before else "") + self.changed(name, block.text))
        self._unload()

    def type(self, script: str) -> str:
        """Return what is printed, errors too, as a terminal shows it."""
        self._load()
        done = subprocess.run(
            ["bash", "-c", script],
            cwd=self.folder,
            env=self._env,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        return done.stdout

    def set_up(self, block: Block) -> None:
        """Type all lines of a block of ``sh``; each of them must end well."""
        for line in block.text.splitlines():
            if line.startswith(DONE_BEFORE):
                continue
            said = self.type(f"{{ {line.split('  #')[0]}\n}} && echo '{_END}'")
            assert said.rstrip().endswith(_END), f"{block}: {line}\n{said}"

    def prepare(self, script: str) -> None:
        """Type what nobody sees: what has to be done before; all of it must end well."""
        said = self.type(f"set -e\n{script}\necho '{_END}'")
        assert said.rstrip().endswith(_END), said

    def compare(self, block: Block) -> None:
        """Type what stands behind ``$`` in a block of ``text``, and compare what comes back."""
        typed = re.findall(r"^\$ (.*\n(?:> .*\n)*)((?:(?!\$ ).*\n)*)", block.text, re.MULTILINE)
        assert typed, f"{block} shows nothing that is typed"
        code = 0
        for command, expected in typed:
            script = re.sub(r"^> ", "", command, flags=re.MULTILINE)
            said = self.type(f'(exit {code})\n{script}\necho "{_END} $?"')
            said, _, after = said.rpartition(_END)
            code = int(after)
            pattern = re.escape(alike(expected)).replace("…", ".*")
            assert re.fullmatch(pattern, alike(said)), f"{block}: $ {command}{said}"

    def _load(self) -> None:
        if self._project is not None or not (self.folder / "manage.py").exists():
            return
        start = [sys.executable, loaded.__file__, "serve", self._env[loaded.SOCKET]]
        self._project = subprocess.Popen(start, cwd=self.folder, env=self._env, stdout=subprocess.PIPE, text=True)
        assert self._project.stdout is not None
        assert self._project.stdout.readline() == "ready\n"

    def _unload(self) -> None:
        if self._project is not None:
            self._project.terminate()
            self._project.communicate()
            self._project = None
            Path(self._env[loaded.SOCKET]).unlink()
