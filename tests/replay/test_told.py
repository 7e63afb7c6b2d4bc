"""Told: who won a conflict is in the report, by name; a rule is asked once; a win of the remote lasts."""

from __future__ import annotations

import json
from io import StringIO

import pytest
from django.core.management import CommandError, call_command
from django.db import IntegrityError, connections

from synchro_triggers import SyncReport, synchronize
from synchro_triggers.capture import install
from synchro_triggers.management.commands.synchronize import Command
from synchro_triggers.models import Reference
from synchro_triggers.replay.report import Told
from tests.databases import both
from tests.replay.hearing import REMOTE, later, receiving
from tests.testapp.models import Item, Keyed, Place, Restaurant

pytestmark = [both, pytest.mark.thinned("way")]


def remote(model):
    return model._base_manager.using(REMOTE)


@pytest.fixture(params=["bulk", "one by one", "batch signals"])
def way(request, settings):
    """The three ways of writing."""
    settings.SYNCHRO_BATCH_SIGNALS = request.param == "batch signals"
    if request.param == "bulk":
        yield request.param
        return
    with receiving("post_save", Item, lambda **told: None), receiving("post_delete", Item, lambda **told: None):
        yield request.param


@pytest.fixture
def items():
    made = [Item.objects.create(name=str(number), cash=1) for number in range(3)]
    synchronize()
    later()
    return made


def change(items, action):
    if action == "delete":
        for item in items:
            item.delete()
    else:
        Item.objects.update(cash=2)
    later()


def change_there(action):
    if action == "delete":
        remote(Item).filter(name="1").delete()
    else:
        remote(Item).filter(name="1").update(cash=9)
    later()


# Who won ------------------------------------------------------------------------------------------


@pytest.mark.all_pairs
@pytest.mark.parametrize("first", ["local", "remote"])
@pytest.mark.parametrize(("here", "there"), [("update", "update"), ("delete", "update"), ("update", "delete")])
def test_winner_of_a_conflict_is_named_whoever_it_is(items, way, here, there, first):
    key = str(items[1].pk)
    steps = [lambda: change(items, here), lambda: change_there(there)]
    for step in steps if first == "local" else reversed(steps):
        step()

    dry = synchronize(dry_run=True)
    report = synchronize()

    winner = Told.REMOTE_WON if first == "local" else Told.LOCAL_WON
    [told] = report.remarks
    assert (told.kind, told.model, told.key) == (winner, "testapp.Item", key)
    assert f"{here}d on 'default' at " in told.reason.replace("changed", "updated")
    assert f"{there}d on 'remote' (there " in told.reason.replace("changed", "updated")
    assert report.conflicts == (winner is Told.REMOTE_WON)
    assert dry.remarks == report.remarks


def test_change_of_the_remote_from_before_the_last_run_is_told_too(items, way):
    change_there("update")
    synchronize()
    later()
    change(items, "update")

    assert [each.kind for each in synchronize().remarks] == [Told.LOCAL_WON]


def test_same_change_on_both_sides_is_no_conflict(items, way):
    change(items, "update")
    remote(Item).update(cash=2)

    report = synchronize()

    assert (report.remarks, report.conflicts, report.unchanged) == ([], 0, 3)


def test_object_that_fails_is_not_said_to_have_won(items, way):
    change_there("update")
    change(items, "update")

    def refuse(instance, **told):
        if instance.name == "1":
            raise IntegrityError("no")

    if way == "bulk":
        pytest.skip("nobody refuses anything where nobody listens")
    with receiving("pre_save", Item, refuse):
        report = synchronize()

    assert len(report.failures) == 1 and report.remarks == []


def test_conflict_of_a_child_row_is_told(way):
    made = Restaurant.objects.create(name="a", stars=1)
    synchronize()
    later()
    remote(Place).update(name="theirs")
    later()
    Restaurant.objects.update(stars=2)

    [told] = synchronize().remarks

    assert (told.kind, told.model, told.key) == (Told.LOCAL_WON, "testapp.Restaurant", str(made.pk))


def test_command_names_the_objects(items):
    change(items, "update")
    change_there("update")
    short, long = StringIO(), StringIO()

    call_command("synchronize", dry_run=True, stdout=short)
    call_command("synchronize", dry_run=True, stdout=long, verbosity=2)
    out = StringIO()
    call_command("synchronize", as_json=True, stdout=out)

    assert "1 object changed on both sides: the remote's version was kept (-v 2 names them)" in short.getvalue()
    assert f"testapp.Item {items[1].pk}: changed on 'default' at" in long.getvalue()
    [remark] = json.loads(out.getvalue())["remarks"]
    assert (remark["kind"], remark["key"]) == ("remote won", str(items[1].pk))


@pytest.mark.parametrize("kind", list(Told))
def test_each_kind_of_remark_can_be_printed(kind):
    report = SyncReport()
    report.remark(kind, "testapp.Item", "7", "so it was")
    command = Command(stdout=StringIO())

    command._print_told(report, 2)

    assert "  testapp.Item 7: so it was\n" in command.stdout.getvalue()


# A rule is asked once ---------------------------------------------------------------------------------


@pytest.mark.parametrize("winner", ["local", "remote", "nonsense"])
@pytest.mark.parametrize("action", ["update", "delete"])
def test_rule_is_asked_once_for_each_conflict(settings, items, way, action, winner):
    asked = []
    settings.SYNCHRO_CONFLICT = lambda conflict: asked.append(conflict.local_pk) or winner
    keys = sorted(str(item.pk) for item in items)
    remote(Item).update(cash=9)
    later()
    change(items, action)

    synchronize()

    assert sorted(asked) == keys


def test_rule_is_asked_once_where_a_batch_breaks_and_its_objects_fail(settings, items, way):
    asked = []
    settings.SYNCHRO_CONFLICT = lambda conflict: asked.append(conflict.local_pk) or "local"
    keys = sorted(str(item.pk) for item in items)
    remote(Item).update(cash=9)
    later()
    change(items, "update")
    refusing = (
        "CREATE TRIGGER refusing BEFORE UPDATE ON testapp_item BEGIN SELECT RAISE(ABORT, 'no'); END"
        if connections[REMOTE].vendor == "sqlite"
        else "ALTER TABLE testapp_item ADD CHECK (cash > 8)"
    )
    with connections[REMOTE].cursor() as cursor:
        cursor.execute(refusing)

    report = synchronize()
    assert len(report.failures) == 3 and sorted(asked) == keys
    again = synchronize()

    assert len(again.failures) == 3 and sorted(asked) == sorted([*keys, *keys])


# --full -------------------------------------------------------------------------------------------


@pytest.mark.all_pairs
@pytest.mark.parametrize("policy", ["newest", "remote"])
def test_win_of_the_remote_outlasts_every_full_run(settings, items, way, policy):
    settings.SYNCHRO_CONFLICT = policy
    change(items, "update")
    change_there("update")
    synchronize()

    for _ in range(3):
        later()
        report = synchronize(full=True)
        assert remote(Item).get(name="1").cash == 9
        assert [each.kind for each in report.remarks] == [Told.REMOTE_WON]


def test_win_of_the_remote_over_a_row_found_by_its_natural_key_outlasts_full_runs(way):
    Keyed.objects.create(code="x", cash=1)
    later()
    remote(Keyed).create(code="x", cash=2)
    later()

    for full in (False, True, True):
        assert [each.kind for each in synchronize(full=full).remarks] == [Told.REMOTE_WON]
        assert remote(Keyed).get().cash == 2
        later()


def test_later_change_of_local_ends_a_win_of_the_remote(items, way):
    change(items, "update")
    change_there("update")
    synchronize()
    later()
    Item.objects.update(cash=3)

    report = synchronize()
    again = synchronize(full=True)

    assert (report.conflicts, report.updated, again.unchanged) == (0, 3, 3)
    assert not Reference.objects.using(REMOTE).filter(remote_won=True).exists()


# A remote that logs nothing -------------------------------------------------------------------------


@pytest.mark.parametrize(("policy", "blind"), [("newest", True), ("remote", True), ("local", False)])
def test_every_run_warns_where_nobody_can_tell_who_is_newer(settings, items, policy, blind):
    settings.SYNCHRO_CONFLICT = policy
    assert synchronize().warnings == []
    install.uninstall(REMOTE)

    for _ in range(2):
        warnings = synchronize().warnings
        assert len(warnings) == blind
        assert not blind or ("'remote'" in warnings[0] and "synchro_install_triggers --database remote" in warnings[0])
    if policy == "newest":
        assert "nobody can tell who is newer" in warnings[0]
        errors = StringIO()
        call_command("synchronize", stderr=errors, stdout=StringIO())
        assert "nobody can tell who is newer" in errors.getvalue()


def test_failed_objects_still_end_the_command_with_an_error(settings, items):
    settings.SYNCHRO_CONFLICT = lambda conflict: "nonsense"
    change(items, "update")
    change_there("update")

    with pytest.raises(CommandError, match="must return 'local' or 'remote'"):
        call_command("synchronize", stdout=StringIO())
