"""The README: its code compiles, and what it names is there, completely."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest
from django.core.management import get_commands, load_command_class

import synchro_triggers

ROOT = Path(__file__).resolve().parent.parent
README = (ROOT / "README.md").read_text()

#: Options that every command of Django's has.
COMMON = {"--help", "--version", "--verbosity", "--settings", "--pythonpath", "--traceback", "--no-color"}
COMMON |= {"--force-color", "--skip-checks"}


def blocks(language):
    return re.findall(rf"```{language}\n(.*?)```", README, re.DOTALL)


def section(title):
    return README.split(f"\n## {title}\n", 1)[1].split("\n## ", 1)[0]


@pytest.mark.parametrize("code", blocks("python"))
def test_code_compiles(code):
    compile(code, "README.md", "exec")


def test_there_is_code():
    assert len(blocks("python")) >= 4 and blocks("sh")


def test_what_code_imports_is_exported():
    names = re.findall(r"from synchro_triggers import (.+)", README)
    assert names
    for name in ", ".join(names).split(", "):
        assert getattr(synchro_triggers, name) is not None


def test_settings_are_those_that_are_read():
    read = set(re.findall(r'"(SYNCHRO_[A-Z_]+)"', (ROOT / "synchro_triggers" / "conf.py").read_text()))
    named = set(re.findall(r"`(SYNCHRO_[A-Z_]+)", section("Settings").replace("`SYNCHRO_SKIP", "")))
    assert named == read


def test_commands_are_those_that_there_are():
    ours = {name for name, app in get_commands().items() if app == "synchro_triggers"}
    assert set(re.findall(r"^\| `(\w+)`", section("Commands"), re.MULTILINE)) == ours


@pytest.mark.parametrize("command", sorted(n for n, app in get_commands().items() if app == "synchro_triggers"))
def test_options_are_those_that_there_are(command):
    parser = load_command_class("synchro_triggers", command).create_parser("manage.py", command)
    known = {option for action in parser._actions for option in action.option_strings if option.startswith("--")}
    row = re.search(rf"^\| `{command}` .*", section("Commands"), re.MULTILINE)[0]
    named = set(re.findall(r"--[a-z-]+", row))
    assert named <= known
    unnamed = known - COMMON - named
    assert unnamed == set() or command not in {"synchronize", "synchro_install_triggers"}


def test_make_has_the_targets():
    targets = subprocess.run(["make", "help"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    for target in re.findall(r"make ([a-z-]+)", README):
        assert f"make {target} " in targets


def test_links_lead_somewhere():
    for link in re.findall(r"\]\(([^)#]+)\)|`(docs/[\w./-]+)`", README):
        path = next(filter(None, link))
        assert path.startswith("http") or (ROOT / path).exists(), path


def test_python_version_is_that_of_the_package():
    oldest = re.search(r"Python (3\.\d+) to", README)[1]
    assert f'requires-python = ">={oldest}' in (ROOT / "pyproject.toml").read_text()
