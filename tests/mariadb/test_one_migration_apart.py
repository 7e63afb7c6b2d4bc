"""A column that a remote does not have which only receives: left out, and brought when it is there."""

from __future__ import annotations

import pytest
from django.db import connections
from django.db.models.signals import post_save

from synchro_triggers import Refused, compare, synchronize
from synchro_triggers.models import Failure
from tests.databases import RECEIVING_PAIRS, both_committed
from tests.testapp.models import Item

pytestmark = [both_committed, pytest.mark.vendor(*RECEIVING_PAIRS)]

REMOTE = "remote"


def alter(change):
    with connections[REMOTE].cursor() as cursor:
        cursor.execute(f"ALTER TABLE testapp_item {change}")


def values():
    return sorted(Item._base_manager.using(REMOTE).values_list("name", "cash"))


def listen(**told):
    pass


@pytest.mark.parametrize("observed", [False, True])
def test_column_is_left_out_and_follows(observed):
    if observed:
        post_save.connect(listen, sender=Item)
    try:
        item = Item.objects.create(name="a", cash=1)
        synchronize()
        alter("DROP COLUMN cash")
        Item.objects.filter(pk=item.pk).update(name="b", cash=2)
        Item.objects.create(name="new", cash=3)
        assert [each.field for each in synchronize().left_out] == ["cash"]
        alter("ADD COLUMN cash integer NOT NULL DEFAULT 0")
        report = synchronize()
    finally:
        post_save.disconnect(listen, sender=Item)

    assert not report.left_out and values() == [("b", 2), ("new", 3)]
    assert compare().equal and not Failure.objects.using(REMOTE).exists()


def test_column_without_a_default_that_nobody_knows_is_refused():
    alter("ADD COLUMN colour integer NOT NULL")
    Item.objects.create(name="a")

    with pytest.raises(Refused, match="has colour, which takes no NULL and has no default"):
        synchronize()
    assert not Item._base_manager.using(REMOTE).exists()
