"""README and docs: what they name is there, completely, and what they show is understood by what it is for."""

from __future__ import annotations

import configparser
import importlib
import json
import re
import shlex
import subprocess
from argparse import ArgumentParser

import pytest
import yaml
from django.core.management import get_commands, load_command_class

import synchro_triggers
from tests.pages import DOCS, PAGES, ROOT, Block, blocks, page

README = page("README.md")
BLOCKS = [block for name in PAGES for block in blocks(name)]

#: Options that every command of Django's has.
COMMON = {"--help", "--version", "--verbosity", "--settings", "--pythonpath", "--traceback", "--no-color"}
COMMON |= {"--force-color", "--skip-checks"}

OURS = sorted(name for name, app in get_commands().items() if app == "synchro_triggers")

#: What a block may say that it is. ``text`` is what is typed and what is printed then.
LANGUAGES = {"python", "sh", "text", "sql", "postgresql", "yaml", "ini", "json"}


def of(language: str) -> list[Block]:
    return [block for block in BLOCKS if block.language == language]


def parser_of(command: str) -> ArgumentParser:
    return load_command_class("synchro_triggers", command).create_parser("manage.py", command)


@pytest.mark.parametrize("block", BLOCKS, ids=str)
def test_block_says_what_it_is(block):
    assert block.language in LANGUAGES or block.language.startswith("{"), f"{block} says {block.language!r}"


@pytest.mark.parametrize("block", of("python"), ids=str)
def test_code_compiles_and_imports_what_there_is(block):
    compile(block.text, str(block), "exec")
    for module, names in re.findall(r"^\s*from (synchro_triggers[\w.]*) import ([\w, ]+)", block.text, re.MULTILINE):
        for name in names.replace(" ", "").split(","):
            assert getattr(importlib.import_module(module), name) is not None


@pytest.mark.parametrize("block", of("yaml"), ids=str)
def test_yaml_is_read(block):
    assert list(yaml.safe_load_all(block.text))


@pytest.mark.parametrize("block", of("json"), ids=str)
def test_json_is_read(block):
    assert json.loads(block.text)


@pytest.mark.parametrize("block", of("ini"), ids=str)
def test_ini_is_read(block):
    configparser.ConfigParser(strict=False, interpolation=None).read_string(block.text)


def typed(block: Block) -> list[list[str]]:
    """Return the ``manage.py`` commands of a block, word by word."""
    lines = block.text.replace("\\\n", " ").splitlines()
    if block.language == "text":  # behind "$"; what goes on in the next line stands behind ">"
        lines = [line[2:].replace("\n> ", "\n") for line in re.findall(r"^\$ .*(?:\n> .*)*", block.text, re.MULTILINE)]
        lines += re.findall(r"^(?:[\d*/,]+ ){5}(.*)", block.text, re.MULTILINE)  # of a crontab
    found = []
    for line in (line for line in lines if "./manage.py " in line):
        words = shlex.shlex(line, posix=True, punctuation_chars=True)  # knows && and ; and leaves comments out
        words.whitespace_split = True
        commands: list[list[str]] = [[]]
        for word in words:
            if word in {"&&", "||", "|", ";", ">"}:
                commands.append([])
            else:
                commands[-1].append(word)
        found += [command[1:] for command in commands if command[:1] == ["./manage.py"]]
    return found


@pytest.mark.parametrize("block", [each for each in BLOCKS if typed(each)], ids=str)
def test_commands_take_what_is_typed(block):
    for command, *arguments in typed(block):
        assert command in {*get_commands(), "fixtree"}, command
        if command in OURS:
            parser_of(command).parse_args([argument for argument in arguments if argument != "…"])


def test_what_pages_say_of_settings_is_what_is_read():
    read = set(re.findall(r'"(SYNCHRO_[A-Z_]+)"', (ROOT / "synchro_triggers" / "conf.py").read_text()))
    settings = page("docs/reference/settings.md")
    assert set(re.findall(r"`(SYNCHRO_[A-Z_]+)", settings.replace("`SYNCHRO_SKIP", ""))) == read

    of_tests = re.findall(r"SYNCHRO_TEST_[A-Z_]+", page("docs/development.md"))
    others = {"SYNCHRO_SKIP", "SYNCHRO_IDENTITY", *of_tests}
    for name in PAGES:
        assert set(re.findall(r"\bSYNCHRO_[A-Z_]*[A-Z]\b", page(name))) <= read | others, name


def test_commands_are_those_that_there_are():
    assert sorted(re.findall(r"^\| `(\w+)` \|", page("docs/reference/commands.md"), re.MULTILINE)) == OURS


@pytest.mark.parametrize("command", OURS)
def test_options_are_those_that_there_are(command):
    known = {option for action in parser_of(command)._actions for option in action.option_strings}
    row = re.search(rf"^\| `{command}` .*", page("docs/reference/commands.md"), re.MULTILINE)[0]
    named = set(re.findall(r"--[a-z-]+", row))
    assert named <= known
    unnamed = {option for option in known if option.startswith("--")} - COMMON - named
    assert unnamed == set() or command not in {"synchronize", "synchro_install_triggers"}


def test_make_has_the_targets():
    targets = subprocess.run(["make", "help"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    for name in PAGES:
        for target in re.findall(r"(?:`|    |\$ )make ([a-z-]+)", page(name)):
            assert f"make {target} " in targets, f"{name}: make {target}"


@pytest.mark.parametrize("name", PAGES)
def test_links_lead_somewhere(name):
    for link in re.findall(r"\]\(([^)#\s]+)[^)\s]*\)", re.sub(r"```.*?```", "", page(name), flags=re.DOTALL)):
        there = ((ROOT / name).parent / link).resolve()
        assert link.startswith(("http", "mailto")) or there.exists(), f"{name}: {link}"


def test_files_of_this_project_that_pages_name_are_there():
    for name in PAGES:
        for path in re.findall(r"`((?:docs|tests|examples|docker|benchmarks)/[\w./-]+)`", page(name)):
            assert (ROOT / path).exists() or "*" in path or "_build" in path, f"{name}: {path}"


def test_python_version_is_that_of_the_package():
    oldest = re.search(r"Python (3\.\d+) to", README)[1]
    assert f'requires-python = ">={oldest}' in (ROOT / "pyproject.toml").read_text()


def test_every_page_is_in_a_list_of_pages():
    lists = {path.parent: path.read_text() for path in DOCS.rglob("index.md")}
    for path in DOCS.rglob("*.md"):
        if path.name == "index.md" or "_build" in path.parts:
            continue
        lines = [line for text in lists.values() for line in text.splitlines()]
        assert path.stem in {line.strip().rpartition("/")[2] for line in lines} or ":glob:" in lists[path.parent], path


def test_names_of_the_package_are_documented():
    listed = page("docs/reference/api.md")

    for name in synchro_triggers.__all__:
        assert f"{name}" in listed, name
