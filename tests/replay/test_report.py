"""What a run reports: counts by model, progress, and the message."""

from __future__ import annotations

import pytest

from synchro_triggers import SynchroError, call_synchronize, synchronize
from tests.databases import both
from tests.replay.hearing import REMOTE, hearing
from tests.testapp.models import (
    Account,
    Item,
    Numbered,
)

pytestmark = [both, pytest.mark.mariadb]


def remote(model):
    return model._base_manager.using(REMOTE)


def test_report_counts_by_model():
    Item.objects.bulk_create([Item(name="stays"), Item(name="changes"), Item(name="goes"), Item(name="reverts")])
    synchronize()
    Item.objects.filter(name="changes").update(cash=1)
    Item.objects.filter(name="goes").delete()
    Item.objects.filter(name="reverts").update(cash=1)
    Item.objects.filter(name="reverts").update(cash=0)
    Item.objects.create(name="new")
    Account.objects.create(name="a")

    report = synchronize()

    counts = report.models["testapp.Item"]
    assert (counts.created, counts.updated, counts.deleted, counts.unchanged) == (1, 1, 1, 1)
    assert (counts.conflicts, counts.failed) == (0, 0)
    assert report.models["testapp.Account"].created == 1
    assert (report.created, report.updated, report.deleted) == (2, 1, 1)
    assert report.remotes == (REMOTE,) and report.seconds > 0 and report.changed


def test_report_of_a_run_with_nothing_to_do_says_so():
    Item.objects.create(name="a")
    synchronize()

    report = synchronize()

    assert report.changed is False
    assert report.models == {} and report.failures == []


def test_object_that_is_the_same_already_is_neither_written_nor_heard():
    item = Item.objects.create(name="a")
    synchronize()
    Item.objects.filter(pk=item.pk).update(cash=1)
    Item.objects.filter(pk=item.pk).update(cash=0)

    with hearing(Item) as heard:
        report = synchronize()

    assert heard == []
    assert report.unchanged == 1 and not report.changed


def test_progress_is_told_up_to_the_end(monkeypatch):
    monkeypatch.setattr("synchro_triggers.replay.backlog.PAGE_ROWS", 2)
    Item.objects.bulk_create(Item(name=str(number)) for number in range(5))
    told = []

    synchronize(progress=lambda done, total: told.append((done, total)))

    assert told == [(2, 5), (4, 5), (5, 5)]


def test_progress_of_a_run_of_one_model_is_told_up_to_the_end():
    Item.objects.create(name="a")
    Account.objects.create(name="b")
    told = []

    synchronize(models=["testapp.Account"], progress=lambda done, total: told.append((done, total)))

    assert told[-1][0] == told[-1][1]


def test_call_synchronize_returns_the_message():
    Item.objects.create(name="a")

    first, second = call_synchronize(), call_synchronize()

    assert first == "Synchronization performed successfully."
    assert second == "No changes since last synchronization."


def test_call_synchronize_raises_for_what_could_not_be_applied():
    remote(Numbered).create(number=1, name="theirs")
    numbered = Numbered.objects.create(number=1, name="ours")

    with pytest.raises(SynchroError, match=rf"1 object could not be applied.*testapp.Numbered {numbered.pk}: "):
        call_synchronize()
