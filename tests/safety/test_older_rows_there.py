"""Rows of a remote that are older than its triggers: what is said of them is followed, and does what it says."""

from __future__ import annotations

import shlex
from io import StringIO

import pytest
from django.core.management import CommandError, call_command

from synchro_triggers import synchro_paused, synchronize
from synchro_triggers.capture import install
from synchro_triggers.models import Introduction
from tests.databases import both
from tests.testapp.models import Item

REMOTE = "remote"

pytestmark = both


@pytest.fixture(autouse=True)
def remote_without_triggers(vendor, db):
    install.uninstall(REMOTE)


def installed_there():
    """Install the triggers on the remote; return what is said of rows that were there before."""
    call_command("synchro_install_triggers", "--database", REMOTE, stdout=(out := StringIO()))
    return out.getvalue().splitlines()[1:]


def follow(said, command):
    """Run a command that a text tells to run: this one, or the one that begins so."""
    told = [each.removeprefix("manage.py ") for each in said.split("`") if each.startswith(f"manage.py {command}")]
    call_command(*shlex.split(command if command in told else told[0]), stdout=StringIO())


KEYS = {"one": 9_000_001, "ours": 9_000_002, "theirs": 9_000_003}
"""Of one import: where rows are on both sides, their keys are the same, whatever was given out before."""


def make(name, *aliases, logged=False):
    for alias in aliases:
        if logged:
            Item.objects.using(alias).create(pk=KEYS[name], name=name)
            continue
        with synchro_paused(using=alias):
            Item.objects.using(alias).create(pk=KEYS[name], name=name)


def names():
    return [sorted(Item.objects.using(alias).values_list("name", flat=True)) for alias in ("default", REMOTE)]


def test_what_only_the_remote_has_comes():
    make("ours", "default", logged=True)
    make("theirs", REMOTE)

    counted, way = installed_there()
    follow(way, "synchronize")

    assert counted == "remote: the log does not know 1 rows that were there before: testapp.Item 1."
    assert names() == [["ours", "theirs"]] * 2
    assert not synchronize(both=True, full=True).changed


def test_what_may_be_here_too_waits_for_a_word_and_comes_as_that_says():
    make("ours", "default")
    make("theirs", REMOTE)
    _, way = installed_there()

    with pytest.raises(CommandError, match="may be on 'remote' already") as refused:
        follow(way, "synchronize")
    follow(str(refused.value), "synchro_link --strangers")
    follow(way, "synchronize")

    assert names() == [["ours", "theirs"]] * 2


def test_what_is_here_too_is_linked_and_none_is_made_twice():
    make("one", "default", REMOTE)
    make("theirs", REMOTE)
    _, way = installed_there()

    follow(way, "synchro_link")
    follow(way, "synchronize")

    assert names() == [["one", "theirs"]] * 2


@pytest.mark.parametrize("links", [("synchro_link", "synchro_link --strangers"), ("synchro_link --strangers",)])
def test_way_out_of_a_fetch_that_is_refused_is_one(links):
    """The rows that are in doubt are LOCAL's own: a word of what is new to the remote does not tell of them."""
    make("ours", "default")
    make("theirs", REMOTE)
    installed_there()

    with pytest.raises(CommandError, match="may be on 'default' already") as refused:
        call_command("synchronize", "--full", "--pull", stdout=StringIO())
    way = str(refused.value)
    if len(links) > 1:
        with pytest.raises(CommandError, match="nothing was linked") as found:
            follow(way, links[0])
        follow(str(found.value), links[1])
    else:
        follow(way, links[0])
    follow(way, "synchronize")

    assert names() == [["ours", "theirs"]] * 2
    call_command("synchronize", "--full", "--pull", stdout=StringIO())


@pytest.mark.parametrize("some_are_here_too", [True, False])
def test_way_out_of_a_fetch_that_is_refused_is_one_for_those_who_send_nothing(some_are_here_too):
    make("ours", "default")
    make("theirs", REMOTE)
    both_have = ["one"] * some_are_here_too
    for name in both_have:
        make(name, "default", REMOTE)
    installed_there()

    with pytest.raises(CommandError, match="may be on 'default' already") as refused:
        call_command("synchronize", "--full", "--pull", stdout=StringIO())
    way = str(refused.value)
    if some_are_here_too:
        follow(way, "synchro_link")
    follow(way, "synchro_link --strangers --pull")
    call_command("synchronize", "--full", "--pull", stdout=StringIO())

    assert names() == [[*both_have, "ours", "theirs"], [*both_have, "theirs"]]
    assert not synchronize(pull=True, full=True).changed
    assert not Introduction.objects.using(REMOTE).filter(word="strangers").exists()  # nobody has said so of ours


def test_what_a_remote_has_received_from_here_is_not_counted():
    make("ours", "default", logged=True)
    synchronize()

    assert installed_there() == []


def test_of_a_database_that_is_no_remote_the_way_is_that_of_those_who_come(settings):
    settings.SYNCHRO_REMOTE = None
    make("theirs", REMOTE)

    _, way = installed_there()

    assert "'remote' is no remote here" in way and "synchronize --full --pull" in way
