"""Each command by what it can end with: its answer for people, the same as JSON, its exit code, and its one error line.

What a database that cannot be reached does (5) is in ``test_exit_codes``; so are tables that are missing.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from io import StringIO
from typing import Any

import pytest
from django.core.management import CommandError, call_command, get_commands

from synchro_triggers import synchro_paused, synchronize
from synchro_triggers.capture import install
from synchro_triggers.models import Conflict, Failure
from synchro_triggers.replay.state.lease import Lease
from synchro_triggers.replay.state.node import node_id
from tests.databases import ALIASES, both
from tests.testapp.models import Ambiguous, Item, Tag

LOCAL, REMOTE = ALIASES

pytestmark = both

#: What there is before the command.
BEGUN: dict[str, Callable[[], Any]] = {}


def begun(do: Callable[[], Any]) -> Callable[[], Any]:
    BEGUN[do.__name__] = do
    return do


@begun
def nothing() -> None:
    """Both sides are empty."""


@begun
def pending() -> None:
    Item.objects.create(name="a")


@begun
def equal() -> None:
    Item.objects.create(name="a")
    synchronize()


@begun
def differing() -> None:
    equal()
    with synchro_paused(using=REMOTE):
        Item.objects.using(REMOTE).update(name="other")


@begun
def kept() -> None:
    Ambiguous.objects.using(REMOTE).bulk_create([Ambiguous(name="x"), Ambiguous(name="x")])
    Ambiguous.objects.create(name="x")
    synchronize()


@begun
def conflict() -> None:
    equal()
    Item.objects.using(REMOTE).update(name="there")
    Item.objects.update(name="here")
    synchronize()


@begun
def unmet() -> None:
    """Both sides have an object that no log has seen."""
    for alias in ALIASES:
        with synchro_paused(using=alias):
            Item.objects.using(alias).create(pk=1, name="a")


@begun
def unlike() -> None:
    unmet()
    with synchro_paused(using=REMOTE):
        Item.objects.using(REMOTE).update(name="b")


@begun
def without_triggers() -> None:
    pending()
    install.uninstall(LOCAL)


@begun
def busy() -> None:
    kept()
    Tag.objects.create(label="x")
    Lease(REMOTE, node_id(LOCAL)).acquire()


@dataclass(frozen=True)
class End:
    """How a command ends.

    Attributes:
        command: the command line; ``FAILURE`` and ``CONFLICT`` are numbers, ``KEY`` is an item's.
        before: what there is before: a name of ``BEGUN``.
        code: the exit code.
        said: part of its answer; ``""``: it has none.
        told: what its JSON must be: a function of it; ``None``: there is none.
        error: part of its error line; ``""``: there is none.
    """

    command: str
    before: str
    code: int
    said: str = ""
    told: Callable[[Any], Any] | None = None
    error: str = ""


ENDS = [
    End("synchronize", "pending", 0, "performed successfully", lambda told: told["created"] == 1),
    End("synchronize", "nothing", 0, "No changes since", lambda told: told["changed"] is False),
    End("synchronize --dry-run", "pending", 0, "Dry run: nothing was written.", lambda told: told["dry_run"] is True),
    End("synchronize", "kept", 1, "", lambda told: told["waiting"] == 1 or told["failures"], "kept"),
    End("synchronize --remote nope", "pending", 2, error="there is no database 'nope'"),
    End("synchronize", "without_triggers", 3, error="The triggers on 'default' do not fit"),
    End("synchronize --full", "unmet", 3, error="may be on 'remote' already"),
    End("synchronize", "busy", 4, error="A run to 'remote' is under way"),
    End("synchro_status", "pending", 0, "remote", lambda told: told),
    End("synchro_status", "busy", 0, "under way", lambda told: told),
    End("synchro_status --check --max-lag 1e9", "equal", 0, "Nothing is wrong.", lambda told: told),
    End("synchro_status --check", "kept", 1, "", lambda told: told, "1 kept failures, and 0 are allowed"),
    End("synchro_status --max-lag 5", "equal", 2, error="--max-lag says more of --check"),
    End("synchro_status --check", "without_triggers", 3, "", lambda told: told, "triggers do not fit"),
    End("synchro_explain testapp.Item KEY", "equal", 0, "testapp.Item", lambda told: told),
    End("synchro_explain testapp.Nope 1", "equal", 2, error="There is no model 'testapp.Nope'"),
    End("synchro_failures", "equal", 0, "remote: 0 kept", lambda told: told == {REMOTE: []}),
    End("synchro_failures", "kept", 1, "remote: 1 kept", lambda told: len(told[REMOTE]) == 1, "1 object is kept."),
    End("synchro_failures --show FAILURE", "kept", 0, "not known there", lambda told: told[REMOTE][0]["fields"]),
    End("synchro_failures --retry FAILURE", "kept", 1, "1 kept", lambda told: told["tried"]["kept"] == 1, "kept"),
    End("synchro_failures --drop FAILURE", "kept", 0, "forgotten", lambda told: len(told[REMOTE]) == 1),
    End("synchro_failures --drop", "kept", 2, error="--drop wants to know which"),
    End("synchro_failures --retry", "without_triggers", 3, error="The triggers on 'default' do not fit"),
    End("synchro_failures --drop FAILURE", "busy", 4, error="A run to 'remote' is under way"),
    End("synchro_failures --retry FAILURE", "busy", 4, error="A run to 'remote' is under way"),
    End("synchro_conflicts", "equal", 0, "No conflicts are on record.", lambda told: told == []),
    End("synchro_conflicts", "conflict", 1, "testapp.Item", lambda told: len(told) == 1, "1 conflict is open."),
    End("synchro_conflicts --show CONFLICT", "conflict", 0, "(local)", lambda told: told["fields"]),
    End(
        "synchro_conflicts --take local CONFLICT", "conflict", 0, "'local' taken", lambda told: told["taken"] == "local"
    ),
    End(
        "synchro_conflicts --forget CONFLICT",
        "conflict",
        0,
        "1 conflict forgotten.",
        lambda told: told["forgotten"] == 1,
    ),
    End("synchro_conflicts --show 999", "conflict", 2, error="999"),
    End("synchro_conflicts --rename CONFLICT", "conflict", 3, error="not two objects that want the same unique values"),
    End("synchro_adopt", "nothing", 3, error="django-synchro"),
    End("synchro_adopt --remote nowhere", "nothing", 2, error="nowhere"),
    End("synchro_prune --keep 0", "equal", 0, "Deleted: ", lambda told: told["rows"] > 0),
    End("synchro_prune --keep 0 --dry-run", "equal", 0, "would be deleted", lambda told: told["dry_run"] is True),
    End("synchro_prune", "equal", 2, error="set SYNCHRO_RETENTION, or give --keep DAYS"),
    End("synchro_compare", "equal", 0, "equal", lambda told: told["equal"] is True),
    End(
        "synchro_compare",
        "differing",
        1,
        "'other' on 'remote'",
        lambda told: told["equal"] is False,
        "1 object differs",
    ),
    End("synchro_compare", "kept", 1, "remote: ", lambda told: told, "1 object is kept as failures"),
    End("synchro_compare --repair --run", "differing", 0, "1 logged", lambda told: told["equal"] and told["before"]),
    End("synchro_compare --run", "equal", 2, error="--run says more of --repair"),
    End("synchro_link", "unmet", 0, "testapp.Item: 1 linked", lambda told: told[REMOTE]["dry_run"] is False),
    End(
        "synchro_link --trust-keys", "unlike", 1, "1 object differs", lambda told: told[REMOTE]["differing"], "1 object"
    ),
    End(
        "synchro_link --strangers",
        "unmet",
        0,
        "nothing in common: ",
        lambda told: "testapp.Item" in told[REMOTE]["strangers"],
    ),
    End("synchro_link --by nope", "unmet", 2, error="does not say of which model"),
    End("synchro_link", "busy", 4, error="A run to 'remote' is under way"),
    End("synchro_reset --no-input", "pending", 0, "has been reset", lambda told: told["database"] == LOCAL),
    End("synchro_reset --database nope", "pending", 2, error="nope"),
    End("synchro_reset --no-input", "busy", 4, error="A run to 'remote' is under way"),
    End("synchro_reset --keep-identity", "busy", 4, error="A run to 'remote' is under way"),
    End("synchro_install_triggers", "without_triggers", 0, "default", lambda told: told),
    End("synchro_install_triggers --check", "equal", 0, "default", lambda told: told),
    End(
        "synchro_install_triggers --check",
        "without_triggers",
        1,
        "default",
        lambda told: told,
        "synchro_install_triggers",
    ),
    End("synchro_install_triggers --database nope", "equal", 2, error="There is no database 'nope'"),
]


def test_every_command_is_among_them_with_an_answer_and_wrong_usage():
    ends: dict[str, set[int]] = {}
    for each in ENDS:
        ends.setdefault(each.command.split()[0], set()).add(each.code)

    assert ends.keys() == {name for name, app in get_commands().items() if app == "synchro_triggers"}
    elsewhere = {"synchro_adopt"}  # its answers need a database of django-synchro's: tests/adopting
    assert [name for name, codes in ends.items() if not {0, 2} <= codes and name not in elsewhere] == []


def run(command: str, *options: str) -> tuple[int, str, str]:
    """Return exit code, output, and what the one line of the error says."""
    known = {
        "KEY": lambda: Item.objects.get().pk,
        "FAILURE": lambda: Failure.objects.using(REMOTE).get().pk,
        "CONFLICT": lambda: Conflict.objects.using(REMOTE).get().pk,
    }
    arguments = [str(known[each]()) if each in known else each for each in command.split()]
    out, errors, code, error = StringIO(), StringIO(), 0, ""
    try:
        call_command(*arguments, *options, stdout=out, stderr=errors)
    except CommandError as raised:
        code, error = raised.returncode, str(raised)
    assert errors.getvalue() == ""
    return code, out.getvalue(), error


@pytest.mark.thinned("options")
@pytest.mark.parametrize("options", [(), ("--json",)], ids=["for people", "JSON"])
@pytest.mark.parametrize("end", ENDS, ids=lambda end: f"{end.command} {end.before} {end.code}")
def test_command_ends_with_its_answer_and_its_exit_code(end, options):
    BEGUN[end.before]()

    code, said, error = run(end.command, *options)

    assert (code, end.error in error, bool(error)) == (end.code, True, bool(end.error)), (code, said, error)
    assert "\n" not in error
    if not options:
        assert end.said in said
    elif end.told is None:
        assert said == ""
    else:
        assert end.told(json.loads(said)), said
