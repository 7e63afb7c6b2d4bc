"""How much is sent to a remote that only receives, and what is noticed of what others send there."""

from __future__ import annotations

import time

import pytest
from django.db import connections, transaction
from django.test.utils import CaptureQueriesContext

from synchro_triggers import synchronize
from synchro_triggers.replay.rows.statements import update_rows
from synchro_triggers.replay.write.receivers import Writes
from tests.databases import RECEIVING_PAIRS, both
from tests.replay.hearing import receiving
from tests.testapp.models import Account, Item, Numbered

pytestmark = [both, pytest.mark.vendor(*RECEIVING_PAIRS)]

LOCAL, REMOTE = "default", "remote"


def on_remote(model):
    return model._base_manager.using(REMOTE)


def reading_statements(captured, model):
    return [
        query["sql"] for query in captured if query["sql"].startswith("SELECT") and model._meta.db_table in query["sql"]
    ]


def test_what_was_read_ahead_stays_where_only_the_object_itself_is_saved():
    Item.objects.bulk_create([Item(name=f"{number}") for number in range(20)])
    synchronize()
    Item.objects.update(cash=1)

    with receiving("post_save", Item, lambda **told: None), CaptureQueriesContext(connections[REMOTE]) as captured:
        assert synchronize().failures == []

    assert len(reading_statements(captured, Item)) < 5


def test_what_a_receiver_has_written_is_read_again():
    Item.objects.bulk_create([Item(name=name) for name in ("first", "second")])
    synchronize()
    Item.objects.update(cash=1)

    def write(instance, using, **told):
        if using == REMOTE and instance.name == "first":
            on_remote(Item).filter(name="second").update(cash=99)

    with receiving("post_save", Item, write):
        synchronize()

    assert set(on_remote(Item).values_list("cash", flat=True)) == {1}


@pytest.mark.parametrize(
    ("sql", "table"),
    [
        ("INSERT INTO `shop``s` (`id`) VALUES (1)", "`shop``s`"),
        ("INSERT IGNORE INTO `a` VALUES (1)", "`a`"),
        ("REPLACE INTO `a` VALUES (1)", "`a`"),
        ("UPDATE `db`.`a` SET `b` = 1", "`db`.`a`"),
        ("DELETE FROM `a` WHERE `id` = 1", "`a`"),
        ("DELETE `a` FROM `a` INNER JOIN `b`", "`a`"),
        ("DELETE FROM `a`", "`a`"),
        ("UPDATE a SET b = 1", None),
        ("CALL something()", None),
    ],
)
def test_table_of_a_statement_is_read_from_its_backticks(sql, table):
    writes = Writes(REMOTE)

    writes(lambda *arguments: None, sql, (), False, {})

    assert writes.tables() == {table}


def test_unique_values_are_handed_on_among_many_that_are_updated_with_one_message():
    numbered = [Numbered(number=number, name="a") for number in range(50)]
    Numbered.objects.bulk_create(numbered)
    synchronize()
    for each in numbered:
        each.number += 100
    Numbered.objects.bulk_update(numbered, ["number"])
    Numbered.objects.filter(number=149).update(number=0)

    assert synchronize().failures == []

    assert set(on_remote(Numbered).values_list("number", flat=True)) == {*range(100, 149), 0}


def test_number_of_messages_for_updates_does_not_grow_with_each_object():
    Item.objects.bulk_create([Item(name=f"{number}") for number in range(400)])
    Account.objects.bulk_create([Account(name=f"{number}") for number in range(400)])
    synchronize()
    Item.objects.update(cash=1)
    Account.objects.update(cash=1)

    with CaptureQueriesContext(connections[REMOTE]) as captured:
        assert synchronize().failures == []

    assert len(captured) < 60, [q["sql"][:150] for q in captured][20:40]
    assert on_remote(Item).filter(cash=1).count() == on_remote(Account).filter(cash=1).count() == 400


@pytest.mark.whole
def test_updates_take_no_longer_than_a_loop_of_save():
    rows = [Item(name=f"item {number}", cash=number) for number in range(2000)]
    on_remote(Item).bulk_create(rows)
    key, *fields = Item._meta.concrete_fields

    def loop():
        with transaction.atomic(using=REMOTE):
            for row in rows:
                row.save(using=REMOTE)

    def at_once():
        update_rows(REMOTE, Item, [key], fields, [[row.pk, row.name, row.cash + 1] for row in rows])

    took = {write: min(time_of(write) for _ in range(3)) for write in (loop, at_once)}

    print(f"2,000 rows: save() {took[loop]:.2f} s, at once {took[at_once]:.2f} s")
    assert took[at_once] < took[loop]


def time_of(write):
    started = time.perf_counter()
    write()
    return time.perf_counter() - started
