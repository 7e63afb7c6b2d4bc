"""Several remotes: each has its own checkpoint."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from io import StringIO
from threading import Timer

import pytest
from django.core.management import CommandError, call_command
from django.db import connections

from synchro_triggers import synchro_paused, synchronize
from synchro_triggers.exceptions import DatabaseUnreachable
from synchro_triggers.models import ChangeLog
from synchro_triggers.replay.follow import Follower
from synchro_triggers.replay.state.lease import Lease
from synchro_triggers.replay.state.node import node_id
from tests.databases import Databases, both
from tests.replay.hearing import LOCAL, REMOTE
from tests.replay.test_failures_command import failures, kept, refusing
from tests.testapp.models import Item, Numbered

pytestmark = both


def remote(model):
    return model._base_manager.using(REMOTE)


@pytest.fixture
def third(db: None, databases: Databases, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """One more remote, a file."""
    name = databases.copy("sqlite", "third")
    added = connections.configure_settings({LOCAL: {}, "third": databases.settings("sqlite", name)})
    monkeypatch.setitem(connections.settings, "third", added["third"])
    connections["third"].connect()  # Django's tests let a connection to another alias be used, but not made
    yield "third"
    connections["third"].close()
    del connections["third"]
    databases.remove("sqlite", name)


def test_each_of_several_remotes_has_its_own_checkpoint(third, settings):
    Item.objects.create(name="a")
    synchronize(REMOTE)
    Item.objects.create(name="b")
    settings.SYNCHRO_REMOTE = [REMOTE, third]

    report = synchronize()

    assert report.remotes == (REMOTE, third)
    assert sorted(remote(Item).values_list("name", flat=True)) == ["a", "b"]
    assert sorted(Item.objects.using(third).values_list("name", flat=True)) == ["a", "b"]
    assert report.created == 3
    assert not synchronize().changed


def test_remote_option_names_one_of_several(third, settings):
    settings.SYNCHRO_REMOTE = [REMOTE, third]
    Item.objects.create(name="a")

    call_command("synchronize", remote=third, verbosity=0)

    assert Item.objects.using(third).exists() and not remote(Item).exists()


def test_report_says_which_remote_it_speaks_of(third, settings):
    settings.SYNCHRO_REMOTE = [REMOTE, third]
    item = Item.objects.create(name="a")
    Numbered.objects.create(number=1)
    synchronize()
    with synchro_paused(using=third):
        Numbered.objects.using(third).create(number=2)
    Numbered.objects.create(number=2)
    with synchro_paused():
        Item.objects.filter(pk=item.pk)._raw_delete(LOCAL)
    ChangeLog.objects.create(operation="U", model_label="testapp.Item", object_pk=str(item.pk))
    out = StringIO()

    with pytest.raises(CommandError) as raised:
        call_command("synchronize", as_json=True, stdout=out)

    told = json.loads(out.getvalue())
    assert [failure["remote"] for failure in told["failures"]] == [third]
    assert [(remark["remote"], remark["kind"]) for remark in told["remarks"]] == [
        (REMOTE, "vanished"),
        (third, "vanished"),
    ]
    assert f"{third}: testapp.Numbered" in str(raised.value)
    ChangeLog.objects.create(operation="U", model_label="testapp.Item", object_pk=str(item.pk))
    call_command("synchronize", remote=REMOTE, verbosity=2, stdout=(alone := StringIO()))
    assert f"  testapp.Item {item.pk}: " in alone.getvalue()


# One of them is in trouble ------------------------------------------------------------------------


@pytest.fixture
def down(third, monkeypatch):
    """Let the third one be out of reach."""

    connection = connections["third"]

    def ensure_connection():
        error = sqlite3.OperationalError("unable to open database file")
        error.sqlite_errorcode = sqlite3.SQLITE_CANTOPEN
        with connection.wrap_database_errors:
            raise error

    connection.close()
    monkeypatch.setattr(connection, "ensure_connection", ensure_connection)
    return third


@pytest.mark.parametrize("order", [("third", REMOTE), (REMOTE, "third")])
def test_remote_that_is_down_stops_no_other_and_hides_nothing(down, settings, order):
    settings.SYNCHRO_REMOTE = order
    Item.objects.create(name="a")

    with pytest.raises(DatabaseUnreachable, match="'third'") as caught:
        synchronize()

    assert remote(Item).get().name == "a"
    assert caught.value.report is not None and caught.value.report.created == 1
    Item.objects.create(name="b")
    with pytest.raises(CommandError, match="'third'") as ended:
        call_command("synchronize", stdout=(output := StringIO()))
    assert ended.value.returncode == 5 and "testapp.Item" in output.getvalue()
    assert remote(Item).count() == 2


def test_errors_of_several_are_all_told_and_the_worst_is_the_exit_code(down, settings):
    settings.SYNCHRO_REMOTE = (REMOTE, "third")
    other = Lease(REMOTE, node_id(LOCAL))
    other.acquire()

    with pytest.raises(CommandError, match=r"A run to 'remote' is under way.*'third'") as ended:
        call_command("synchronize")

    assert ended.value.returncode == 5


@pytest.mark.parametrize("command", ["synchro_status", "synchro_failures"])
def test_what_can_be_asked_is_shown_beside_a_remote_that_is_down(down, settings, command):
    settings.SYNCHRO_REMOTE = ("third", REMOTE)

    with pytest.raises(CommandError, match="'third'") as ended:
        call_command(command, stdout=(output := StringIO()))

    assert ended.value.returncode == 5 and "\nremote: " in f"\n{output.getvalue()}"


OF_ITEMS = ("--model", "testapp.Item")


@pytest.mark.parametrize("order", [("third", REMOTE), (REMOTE, "third")])
@pytest.mark.parametrize(
    ("options", "said", "left"),
    [
        (("--show", *OF_ITEMS), "testapp.Item {key} of default", 1),
        (("--show",), "testapp.Item {key} of default", 1),
        (("--retry", *OF_ITEMS, "--key", "{key}"), "1 tried: 1 arrived, 0 kept.", 0),
        (("--retry",), "Synchronization performed successfully.", 0),
        (("--drop", *OF_ITEMS), "testapp.Item {key}: forgotten", 0),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else "",
)
def test_failures_of_one_do_not_wait_for_another_that_is_down(down, settings, order, options, said, left):
    item = Item.objects.create(name="a")
    with refusing():
        synchronize()
    settings.SYNCHRO_REMOTE = order

    code, told = failures(*(each.format(key=item.pk) for each in options))

    assert code == 5 and "'third'" in told and said.format(key=item.pk) in told
    assert kept().count() == left


@pytest.mark.parametrize("verb", ["--retry", "--drop"])
def test_number_that_may_be_one_of_a_remote_that_is_down_is_none_of_another(down, settings, verb):
    Item.objects.create(name="a")
    with refusing():
        synchronize()
    settings.SYNCHRO_REMOTE = (REMOTE, "third")

    code, told = failures(verb, kept().get().pk)

    assert code == 5 and "'third'" in told and kept().count() == 1


def test_failures_of_what_came_from_several_are_all_counted(third, settings):
    settings.SYNCHRO_REMOTE = [REMOTE, third]
    synchronize(both=True)
    for alias in (REMOTE, third):
        Item.objects.using(alias).create(name=alias)
    with refusing(on=LOCAL):
        synchronize(pull=True)
    assert kept(LOCAL).count() == 2

    code, told = failures("--pull", "--retry", *OF_ITEMS)

    assert code == 0 and "2 tried: 2 arrived, 0 kept." in told


def test_follower_is_not_kept_from_the_others_by_one_that_is_down(down, settings):
    settings.SYNCHRO_REMOTE = ("third", REMOTE)
    Item.objects.create(name="a")
    problems = []
    follower = Follower(interval=0.01, on_problem=problems.append)
    follower.on_run = lambda alias, report: follower.stop()
    guard = Timer(10, follower.stop)
    guard.start()

    follower.run()

    guard.cancel()
    assert remote(Item).get().name == "a"
    assert len(problems) == 1 and "'third'" in problems[0]


@pytest.mark.parametrize("options", [[], ["--strangers"]], ids=str)
def test_remote_that_cannot_be_asked_keeps_no_other_from_being_linked(third, settings, options):
    for alias in (LOCAL, REMOTE):
        with synchro_paused(using=alias):
            Item.objects.using(alias).create(pk=9_000_000, name="imported")
    Item.objects.update(cash=1)
    settings.SYNCHRO_REMOTE = [third, REMOTE]
    with connections[third].cursor() as cursor:
        cursor.execute("DROP TABLE synchro_triggers_reference")
    with pytest.raises(CommandError, match="synchro_link"):
        call_command("synchronize")

    with pytest.raises(CommandError, match="missing on 'third'") as error:
        call_command("synchro_link", *options, verbosity=0)

    assert error.value.returncode == 3
    assert not synchronize(REMOTE).failures
    assert remote(Item).count() == (2 if options else 1)
