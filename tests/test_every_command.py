"""What holds for every command of the package: ``--json``, ``-v 0``, and how it ends."""

from __future__ import annotations

import json
from io import StringIO

import pytest
from django.core.management import CommandError, call_command, get_commands
from django.db import connections

from synchro_triggers import synchronize
from synchro_triggers.models import Conflict
from tests.capture.test_beside_django_synchro import make_tables as make_tables_of_django_synchro
from tests.databases import ALIASES, both, both_committed
from tests.testapp.models import Item, Tag

LOCAL, REMOTE = ALIASES

#: Every command with the ways in which it works; KEY and CONFLICT are put in by ``arguments_of()``.
WAYS = {
    "synchronize": ["", "--dry-run", "--full", "--pull", "--both", "--model testapp.Tag"],
    "synchro_status": ["", "--check --max-lag 60"],
    "synchro_explain": ["testapp.Item KEY"],
    "synchro_failures": [
        "",
        "--pull",
        "--show",
        "--retry",
        "--model testapp.Item --retry",
        "--model testapp.Item --drop",
    ],
    "synchro_conflicts": ["", "--limit 1", "--show CONFLICT", "--take local CONFLICT", "--forget CONFLICT"],
    "synchro_prune": ["--keep 0", "--keep 0 --dry-run", "--keep 1 --forget 90"],
    "synchro_compare": ["", "--repair", "--repair --run", "--repair --from remote"],
    "synchro_adopt": ["", "--dry-run"],
    "synchro_link": ["", "--strangers", "--trust-keys", "--dry-run", "--by testapp.Item:name"],
    "synchro_reset": ["--no-input", "--keep-identity", "--new-identity --database remote"],
    "synchro_install_triggers": ["", "--check", "--uninstall", "--sql"],
}

EACH = [f"{command} {way}".strip() for command, ways in WAYS.items() for way in ways]

#: What prints what was asked for, whatever the verbosity.
ALWAYS = {"synchro_install_triggers --sql"}


def test_every_command_is_among_them():
    assert {name for name, app in get_commands().items() if app == "synchro_triggers"} == WAYS.keys()


def prepare():
    """Let there be an object, one that waits, and a conflict on record."""
    item = Item.objects.create(name="a")
    synchronize()
    Item.objects.using(REMOTE).update(name="there")
    Item.objects.filter(pk=item.pk).update(name="here")
    synchronize()
    Conflict.objects.using(REMOTE).get()
    Tag.objects.create(label="x")
    return item


def ended(command, *options):
    """Run a command; return its exit code, its output, and what it said on the error output."""
    arguments = command
    if command.startswith("synchro_adopt"):
        make_tables_of_django_synchro(LOCAL)
    if "KEY" in command:
        arguments = arguments.replace("KEY", str(Item.objects.get().pk))
    if "CONFLICT" in command:
        arguments = arguments.replace("CONFLICT", str(Conflict.objects.using(REMOTE).get().pk))
    return run(arguments, *options)


def run(command, *options):
    out, errors, code = StringIO(), StringIO(), 0
    try:
        call_command(*command.split(), *options, stdout=out, stderr=errors)
    except CommandError as error:
        code = error.returncode
    return code, out.getvalue(), errors.getvalue()


@both
@pytest.mark.thinned("*")
@pytest.mark.parametrize("options", [("--json",), ("--json", "-v", "0"), ("--json", "-v", "2")], ids=" ".join)
@pytest.mark.parametrize("command", EACH)
def test_json_is_one_document_and_nothing_else(command, options):
    prepare()

    code, said, errors = ended(command, *options)

    assert code in (0, 1)
    told = json.loads(said)
    assert isinstance(told, (dict, list)) and errors == ""


@both
@pytest.mark.parametrize("command", EACH)
def test_quiet_command_says_nothing(command):
    prepare()

    code, said, errors = ended(command, "-v", "0")

    assert code in (0, 1) and errors == ""
    assert bool(said) is (command in ALWAYS)


@both
@pytest.mark.parametrize("command", [each for each in EACH if each not in ALWAYS])
def test_command_says_something_otherwise(command):
    prepare()

    _, said, _ = ended(command)

    assert said.strip()


@both
@pytest.mark.thinned("*")
@pytest.mark.parametrize("options", [(), ("--json",), ("-v", "0")], ids=" ".join)
@pytest.mark.parametrize("command", [each for each in EACH if "--uninstall" not in each])
def test_wrong_setting_ends_each_with_2_and_no_output(command, options, settings):
    settings.SYNCHRO_MODELS = ["nope"]

    code, said, _ = run(command.replace("KEY", "1").replace("CONFLICT", "1"), *options)

    assert (code, said) == (2, "")


@both_committed
@pytest.mark.thinned("*")
@pytest.mark.parametrize("options", [(), ("--json",), ("-v", "0")], ids=" ".join)
@pytest.mark.parametrize("command", [each for each in EACH if "--database" not in each])
def test_local_that_cannot_be_reached_ends_each_with_5_and_no_output(command, options, vendor, tmp_path, monkeypatch):
    lost = {"sqlite": {"NAME": str(tmp_path / "no" / "db")}, "postgres": {"HOST": "127.0.0.1", "PORT": "1"}}
    connections[LOCAL].close()
    with monkeypatch.context() as patch:
        for name, changed in lost[vendor.local].items():
            patch.setitem(connections[LOCAL].settings_dict, name, changed)
        code, said, _ = run(command.replace("KEY", "1").replace("CONFLICT", "1"), *options)
    connections[LOCAL].close()

    assert (code, said) == (5, "")


@both
def test_json_of_what_is_pending_asks_nobody():
    Item.objects.create(name="a")

    code, said, _ = run("synchro_reset", "--json")

    assert (code, said) == (3, "")
