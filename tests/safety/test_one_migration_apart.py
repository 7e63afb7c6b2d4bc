"""Databases that are one migration apart: a run goes on for the columns that both have, and brings the rest later."""

from __future__ import annotations

import json
from contextlib import contextmanager

import pytest
from django.core.management import call_command
from django.db import connections
from django.db.models.signals import post_save

from synchro_triggers import Refused, compare, synchronize
from synchro_triggers.capture import install
from synchro_triggers.models import ChangeLog, Checkpoint, Failure
from synchro_triggers.replay.report import Told
from synchro_triggers.replay.write.late_columns import LateColumns
from tests.databases import both
from tests.managing import in_process
from tests.testapp.models import Item, Place, Restaurant, Tag

pytestmark = both

LOCAL, REMOTE = "default", "remote"


def execute(alias, *statements):
    with connections[alias].cursor() as cursor:
        for sql in statements:
            cursor.execute(sql)


def on(alias, model=Item):
    return model._base_manager.using(alias)


def drop(alias, table="testapp_item", column="cash"):
    """Let a database be as it was before a migration that has added a column."""
    install.uninstall(alias)
    execute(alias, f"ALTER TABLE {table} DROP COLUMN {column}")


def add(alias, table="testapp_item", column="cash", kind="integer DEFAULT 0 NOT NULL", *, triggers=True):
    """Do what the migration does: the column comes, and the triggers fit."""
    execute(alias, f"ALTER TABLE {table} ADD COLUMN {column} {kind}")
    if triggers:
        install.install(alias)


def left_out(report):
    return [(each.model, each.field) for each in report.left_out]


def stored(alias=REMOTE):
    return json.loads(Checkpoint.objects.using(alias).get().left_out or "{}")


@contextmanager
def receiving(signal, receiver, sender=Item):
    signal.connect(receiver, sender=sender, weak=False)
    try:
        yield
    finally:
        signal.disconnect(receiver, sender=sender)


def values(alias):
    return sorted(on(alias).values_list("name", "cash"))


def test_column_that_the_remote_lacks_is_left_out_and_follows():
    changed = Item.objects.create(name="a", cash=1)
    synchronize()
    drop(REMOTE)
    Item.objects.filter(pk=changed.pk).update(name="b", cash=2)
    Item.objects.bulk_create(Item(name=f"new {number}", cash=number) for number in range(3))

    report = synchronize()

    assert left_out(report) == [("testapp.Item", "cash")] and "migrate --database remote" in report.left_out[0].reason
    assert (report.created, report.updated, report.failed) == (3, 1, 0) and not Failure.objects.using(REMOTE).exists()
    assert sorted(on(REMOTE).values_list("name", flat=True)) == ["b", "new 0", "new 1", "new 2"]
    assert stored() == {"testapp.Item": {"cash": "lacking"}}

    add(REMOTE)
    report = synchronize()

    assert values(REMOTE) == values(LOCAL) and report.updated == 3 and not report.left_out and stored() == {}
    assert not synchronize().changed


def test_change_of_nothing_else_follows_too():
    item = Item.objects.create(name="a", cash=1)
    synchronize()
    drop(REMOTE)
    Item.objects.filter(pk=item.pk).update(cash=2)
    synchronize()
    add(REMOTE)

    synchronize()

    assert values(REMOTE) == [("a", 2)]


def test_command_ends_with_1_and_says_what_it_left_out():
    drop(REMOTE)
    Item.objects.create(name="a", cash=1)

    done = in_process("synchronize", "--json")

    assert done.returncode == 1 and "testapp.Item.cash: 'remote' has no such column" in done.stderr
    assert json.loads(done.stdout)["left_out"][0]["field"] == "cash"
    assert in_process("synchronize").returncode == 1  # nothing new has come, and they still differ
    add(REMOTE)
    assert in_process("synchronize").returncode == 0


def test_receivers_hear_of_it_and_can_read_the_remote():
    heard = []

    def hear(instance, using, created, update_fields, **kwargs):
        heard.append((created, update_fields, on(using).get(pk=instance.pk).cash))

    drop(REMOTE)
    item = Item.objects.create(name="a", cash=1)
    with receiving(post_save, hear):
        synchronize()
        item.name, item.cash = "b", 2
        item.save(using=LOCAL)
        heard.clear()
        synchronize()
        assert heard == [(False, None, None)]
        add(REMOTE)
        heard.clear()
        synchronize()

    assert heard == [(False, frozenset({"cash"}), 2)] and values(REMOTE) == [("b", 2)]


def test_what_is_changed_on_the_remote_since_it_has_the_column_stays():
    item = Item.objects.create(name="a", cash=1)
    other = Item.objects.create(name="b", cash=1)
    synchronize()
    drop(REMOTE)
    Item.objects.update(cash=2)
    synchronize()
    add(REMOTE)
    on(REMOTE).filter(name="a").update(cash=7)
    on(REMOTE).filter(name="b").update(name="b there")

    synchronize()

    assert values(REMOTE) == [("a", 7), ("b there", 2)]
    synchronize(pull=True)
    assert values(LOCAL) == [("a", 7), ("b there", 2)]
    assert {item.pk, other.pk} == set(on(LOCAL).values_list("pk", flat=True))


def test_what_comes_back_first_does_not_take_it_away():
    Item.objects.create(name="a", cash=1)
    synchronize()
    drop(REMOTE)
    Item.objects.update(cash=2)
    synchronize()
    add(REMOTE)
    on(REMOTE).update(name="b")

    report = synchronize(pull=True)

    assert values(LOCAL) == [("b", 2)] and left_out(report) == [("testapp.Item", "cash")]
    synchronize(both=True)
    assert values(LOCAL) == values(REMOTE) == [("b", 2)]
    assert not synchronize(both=True).left_out


def test_column_of_a_parent_is_left_out_of_the_child():
    Restaurant.objects.create(name="r", stars=1)
    synchronize()
    drop(REMOTE, "testapp_place", "name")
    Place.objects.update(name="s")
    Restaurant.objects.create(name="t", stars=2)

    assert left_out(synchronize()) == [("testapp.Place", "name")]

    add(REMOTE, "testapp_place", "name", "varchar(50) DEFAULT '' NOT NULL")
    synchronize()
    assert sorted(on(REMOTE, Restaurant).values_list("name", "stars")) == [("s", 1), ("t", 2)]


def test_status_tells_of_it_until_the_values_are_there():
    drop(REMOTE)
    Item.objects.create(name="a", cash=1)
    synchronize()

    done = in_process("synchro_status", "--check")

    assert (
        done.returncode == 1 and "columns are left out (testapp.Item.cash: 'remote' has no such column)" in done.stdout
    )
    assert "left out: testapp.Item.cash: 'remote' has no such column" in in_process("synchro_status").stdout
    add(REMOTE)
    assert "left out: testapp.Item.cash: its values follow in the next run" in in_process("synchro_status").stdout
    synchronize()
    assert in_process("synchro_status", "--check").returncode == 0


def test_comparison_leaves_it_out_and_says_so():
    drop(REMOTE)
    item = Item.objects.create(name="a", cash=1)
    synchronize()

    for is_there in (False, True):
        if is_there:
            add(REMOTE)
        done = in_process("synchro_compare")
        assert done.returncode == 1 and "columns yet: testapp.Item.cash" in done.stdout
        assert "1 column is left out" in done.stderr and "differ" not in done.stderr
        on(REMOTE).update(name="b")
        assert [each.field for each in compare().differences[0].fields] == ["name"]
        on(REMOTE).update(name=item.name)

    synchronize()
    assert compare().equal


def test_local_without_a_column_of_its_code_sends_the_others_and_leaves_the_remotes_value():
    item = Item.objects.create(name="a", cash=1)
    synchronize()
    drop(LOCAL)
    install.install(LOCAL)
    execute(LOCAL, f"UPDATE testapp_item SET name = 'b' WHERE id = {item.pk}")
    execute(LOCAL, "INSERT INTO testapp_item (name) VALUES ('new')")

    report = synchronize()

    assert report.left_out[0].reason == "'default' has no such column: run `manage.py migrate --database default`"
    assert values(REMOTE) == [("b", 1), ("new", 0)]
    done = in_process("synchro_status", "--check")
    assert done.returncode == 1 and "testapp.Item.cash: 'default' has no such column" in done.stdout
    add(LOCAL)
    assert not synchronize().left_out and values(REMOTE) == [("b", 1), ("new", 0)]


def test_remote_without_it_is_fetched_from_and_has_nothing_to_say_of_it():
    Item.objects.create(name="a", cash=1)
    synchronize()
    drop(REMOTE)
    install.install(REMOTE)
    execute(REMOTE, "UPDATE testapp_item SET name = 'b'", "INSERT INTO testapp_item (name) VALUES ('new')")

    report = synchronize(both=True)

    assert values(LOCAL) == [("b", 1), ("new", 0)] and left_out(report)
    on(LOCAL).filter(name="new").update(cash=5)
    synchronize(both=True)
    add(REMOTE)
    synchronize(both=True)
    assert values(LOCAL) == values(REMOTE) == [("b", 1), ("new", 5)]


def test_batches_that_are_announced_and_writers_of_one_object_leave_it_out(settings):
    settings.SYNCHRO_BATCH_SIGNALS = True
    heard = []
    drop(REMOTE)
    with receiving(post_save, lambda instance, **kwargs: heard.append(instance.name)):
        Item.objects.bulk_create(Item(name=f"{number}", cash=number) for number in range(5))
        synchronize()
        Item.objects.update(cash=3)
        synchronize()
        Item.objects.filter(name="1").delete()
        synchronize()
        add(REMOTE)
        synchronize()

    assert values(REMOTE) == values(LOCAL) and len(values(REMOTE)) == 4 and "0" in heard


def test_objects_that_are_merged_by_field(settings):
    settings.SYNCHRO_MERGE = "fields"
    Item.objects.create(name="a", cash=1)
    synchronize()
    drop(REMOTE)
    Item.objects.update(cash=2)
    synchronize()
    add(REMOTE)
    on(REMOTE).update(name="b")

    synchronize(both=True)

    assert values(LOCAL) == values(REMOTE) == [("b", 2)]
    Item.objects.update(cash=3)
    synchronize(both=True)
    assert values(LOCAL) == values(REMOTE) == [("b", 3)]


def test_one_that_the_remote_refuses_is_told_and_tried_again():
    Item.objects.create(name="a", cash=1)
    Item.objects.create(name="b", cash=200)
    drop(REMOTE)
    synchronize()
    add(REMOTE, kind="integer DEFAULT 0 NOT NULL CHECK (cash < 100)")

    report = synchronize()

    assert [(each.model, each.remote) for each in report.failures] == [("testapp.Item", REMOTE)]
    assert values(REMOTE) == [("a", 1), ("b", 0)] and stored()
    Item.objects.filter(name="b").update(cash=50)
    assert not synchronize().failures and values(REMOTE) == values(LOCAL) and not stored()


def test_dry_run_says_it_and_notes_nothing():
    drop(REMOTE)
    Item.objects.create(name="a", cash=1)

    report = synchronize(dry_run=True)

    assert (report.created, left_out(report)) == (1, [("testapp.Item", "cash")])
    assert not on(REMOTE).exists() and not Checkpoint.objects.using(REMOTE).exclude(left_out="").exists()


@pytest.mark.parametrize("at", [1, 2, 3, 4])
def test_run_that_is_cut_off_while_it_brings_the_values_begins_again(settings, monkeypatch, at):
    settings.SYNCHRO_BATCH_SIZE = 2
    Item.objects.bulk_create(Item(name=f"{number}", cash=number + 1) for number in range(7))
    drop(REMOTE)
    synchronize()
    add(REMOTE)
    write, calls = LateColumns._write, []

    def cut_off(self, shape, late):
        calls.append(late)
        if len(calls) == at:
            raise KeyboardInterrupt
        return write(self, shape, late)

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(LateColumns, "_write", cut_off)
        synchronize()
    assert stored() and len([cash for _, cash in values(REMOTE) if cash]) == 2 * (at - 1)

    synchronize()
    assert values(REMOTE) == values(LOCAL) and not stored()


def test_run_that_is_cut_off_has_noted_what_it_left_out_of_what_it_sent(settings):
    settings.SYNCHRO_BATCH_SIZE = 2
    Item.objects.bulk_create(Item(name=f"{number}", cash=number + 1) for number in range(6))
    drop(REMOTE)

    def cut_off(instance, **kwargs):
        if instance.name == "4":
            raise KeyboardInterrupt

    with receiving(post_save, cut_off), pytest.raises(KeyboardInterrupt):
        synchronize()
    assert on(REMOTE).count() == 4 and stored()
    add(REMOTE)

    synchronize()
    assert values(REMOTE) == values(LOCAL) and not stored()


def test_log_that_was_pruned_meanwhile_takes_nothing_away():
    Item.objects.create(name="a", cash=1)
    drop(REMOTE)
    synchronize()
    call_command("synchro_prune", "--keep", "0", verbosity=0)
    ChangeLog.objects.all().delete()
    add(REMOTE)

    synchronize()

    assert values(REMOTE) == [("a", 1)]


def test_natural_key_is_no_column_that_could_be_left_out():
    Tag.objects.create(label="a")
    drop(REMOTE, "testapp_tag", "label")

    with pytest.raises(Refused, match=r"testapp_tag \(testapp.Tag\) has no label, by which its objects are found"):
        synchronize()


def test_column_that_only_local_has_is_a_warning_once_and_no_fault():
    add(LOCAL, column="colour", kind="varchar(10)", triggers=False)

    for name, warned in (("a", True), ("b", False)):
        Item.objects.create(name=name)
        report = synchronize()
        assert [("'colour' of 'default' is left out" in text) for text in report.warnings] == [True] * warned

    assert not report.left_out and in_process("synchronize").returncode == 0
    assert in_process("synchro_status", "--check").returncode == 0


def test_change_of_the_remotes_users_that_nobody_has_seen_stays_one_when_the_value_comes():
    Item.objects.create(name="a", cash=1)
    synchronize()
    drop(REMOTE)
    Item.objects.update(cash=2)
    synchronize()
    add(REMOTE)
    on(REMOTE).update(name="there")
    assert synchronize().updated == 1 and values(REMOTE) == [("there", 2)]

    Item.objects.update(name="here")
    report = synchronize()

    assert [each.kind for each in report.remarks] == [Told.LOCAL_WON] and values(REMOTE) == [("here", 2)]
