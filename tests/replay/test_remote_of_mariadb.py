"""MariaDB as a remote that only receives."""

from __future__ import annotations

import pytest

from synchro_triggers import synchronize
from tests.databases import RECEIVING_PAIRS, both
from tests.testapp.models import Item

pytestmark = [both, pytest.mark.vendor(*RECEIVING_PAIRS)]

REMOTE = "remote"


def test_objects_arrive_change_and_go():
    kept, gone = Item.objects.create(name="Zoë's 100 %", cash=7), Item.objects.create(name="gone")
    assert synchronize().failures == []
    assert sorted(Item.objects.using(REMOTE).values_list("name", "cash")) == [("Zoë's 100 %", 7), ("gone", 0)]

    Item.objects.filter(pk=kept.pk).update(cash=9)
    gone.delete()
    assert synchronize().failures == []

    assert list(Item.objects.using(REMOTE).values_list("name", "cash")) == [("Zoë's 100 %", 9)]
