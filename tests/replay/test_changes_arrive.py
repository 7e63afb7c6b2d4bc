"""Objects arrive, change and go as they did on LOCAL, whoever made the change."""

from __future__ import annotations

import pytest
from django.db import connections

from synchro_triggers import synchro_paused, synchronize
from tests.databases import both
from tests.replay.hearing import LOCAL, REMOTE
from tests.testapp.models import (
    Item,
)

pytestmark = both


def remote(model):
    return model._base_manager.using(REMOTE)


def execute(sql, alias=LOCAL):
    with connections[alias].cursor() as cursor:
        cursor.execute(sql)


@pytest.mark.all_pairs
def test_created_object_arrives_with_its_values():
    Item.objects.create(name="Zoë's 100 %", cash=7)

    synchronize()

    assert remote(Item).values_list("name", "cash").get() == ("Zoë's 100 %", 7)


@pytest.mark.all_pairs
def test_changed_object_is_changed_in_its_place():
    item = Item.objects.create(name="a")
    synchronize()
    key = remote(Item).get().pk

    item.cash = 9
    item.save()
    synchronize()

    assert remote(Item).values_list("pk", "cash").get() == (key, 9)


@pytest.mark.all_pairs
def test_deleted_object_goes():
    item = Item.objects.create(name="a")
    Item.objects.create(name="b")
    synchronize()

    item.delete()
    synchronize()

    assert remote(Item).get().name == "b"


@pytest.mark.parametrize(
    "write",
    [
        lambda: Item.objects.update(cash=5),
        lambda: Item.objects.bulk_update([Item(pk=item.pk, cash=5) for item in Item.objects.all()], ["cash"]),
        lambda: execute("UPDATE testapp_item SET cash = 5"),
    ],
    ids=["update", "bulk_update", "raw SQL"],
)
def test_change_arrives_whoever_made_it(write):
    Item.objects.bulk_create([Item(name="a"), Item(name="b")])
    synchronize()

    write()
    synchronize()

    assert sorted(remote(Item).values_list("name", "cash")) == [("a", 5), ("b", 5)]


def test_object_arrives_with_its_values_of_now_not_of_then():
    item = Item.objects.create(name="first")
    Item.objects.filter(pk=item.pk).update(name="second")
    with synchro_paused():
        Item.objects.filter(pk=item.pk).update(name="third")

    synchronize()

    assert remote(Item).get().name == "third"


def test_paused_change_is_not_synchronised():
    with synchro_paused():
        Item.objects.create(name="a")

    report = synchronize()

    assert not report.changed and not remote(Item).exists()
