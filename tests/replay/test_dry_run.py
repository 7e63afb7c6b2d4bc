"""A dry run counts what would be done, and writes nothing."""

from __future__ import annotations

from datetime import date
from io import StringIO

import pytest
from django.core.management import call_command
from django.db.models import F

from synchro_triggers import synchronize
from synchro_triggers.models import ChangeLog, Checkpoint, Failure, Reference
from tests.databases import both
from tests.replay.hearing import REMOTE, hearing, later
from tests.replay.routes import route  # noqa: F401  (a fixture)
from tests.shapeapp.models import Author, Chair
from tests.testapp.models import (
    Account,
    Egg,
    Entry,
    Hen,
    Item,
    Keyed,
    Numbered,
    OwnKey,
    Tag,
    Tagged,
)

pytestmark = [both, pytest.mark.mariadb]


def remote(model):
    return model._base_manager.using(REMOTE)


def run(**options):
    """Run the command; return what it printed."""
    out = StringIO()
    call_command("synchronize", stdout=out, stderr=out, **options)
    return out.getvalue()


@pytest.mark.all_pairs
@pytest.mark.thinned("batch_size")
@pytest.mark.parametrize("batch_size", [1, 1000])
def test_dry_run_counts_and_writes_nothing(settings, batch_size):
    settings.SYNCHRO_BATCH_SIZE = batch_size
    synchronize()  # makes the identities of both databases
    gone = Item.objects.create(name="gone")
    changed = Item.objects.create(name="changed")
    synchronize()
    gone.delete()
    Item.objects.filter(pk=changed.pk).update(cash=1)
    account = Account.objects.create(name="a")
    Entry.objects.create(name="e", account=account)
    before = _state_of_remote()

    with hearing(Item, Account, Entry) as heard:
        report = synchronize(dry_run=True)

    assert report.dry_run and report.changed and heard == []
    assert (report.created, report.updated, report.deleted) == (2, 1, 1)
    assert _state_of_remote() == before
    again = synchronize()
    assert again.models == report.models and not again.dry_run


@pytest.mark.mariadb(without="it checks foreign keys at once, and this cycle may nowhere be NULL")
def test_dry_run_of_a_cycle_counts_each_object_once():
    hen = Hen.objects.create(name="h", egg_id=0)
    Hen.objects.update(egg=Egg.objects.create(name="e", hen=hen))

    report = synchronize(dry_run=True)

    assert report.failures == [] and report.created == 2


def test_dry_run_says_what_would_fail_and_keeps_nothing():
    remote(Keyed).create(code="x")
    remote(OwnKey).bulk_create(OwnKey(code="x", day=date(2024, 1, day)) for day in (1, 2))
    OwnKey.objects.create(code="x", day=date(2024, 5, 5))

    report = synchronize(dry_run=True)

    assert report.failed == 1 and not Failure.objects.using(REMOTE).exists()


@pytest.mark.usefixtures("route")
@pytest.mark.thinned("route")
def test_dry_run_foresees_that_a_unique_value_is_taken():
    remote(Numbered).create(number=1, name="theirs")
    later()
    Numbered.objects.bulk_create(Numbered(number=n, name=str(n)) for n in range(3))

    for failed in (1, 1, 0):
        if not failed:
            Numbered.objects.filter(number=1).update(number=7)
        dry, report = synchronize(dry_run=True), synchronize()

        assert dry.models == report.models and dry.failed == report.failed == failed
        if failed:
            [failure] = dry.failures
            assert "number=1 is taken on 'remote' by testapp.Numbered" in failure.error


@pytest.mark.thinned("batch_size")
@pytest.mark.parametrize("batch_size", [2, 1000])
def test_dry_run_foresees_that_a_unique_value_will_be_free(settings, batch_size):
    settings.SYNCHRO_BATCH_SIZE = batch_size
    Numbered.objects.bulk_create(Numbered(number=n, name=str(n)) for n in range(6))
    synchronize()
    Numbered.objects.filter(number__lt=4).update(number=F("number") + 100)
    Numbered.objects.filter(number__gte=100).update(number=103 - F("number"))  # turned round
    Numbered.objects.create(number=50)
    Numbered.objects.filter(number=4).update(number=51)
    Numbered.objects.create(number=4, name="takes what is free now")
    Numbered.objects.get(number=5).delete()
    Numbered.objects.create(number=5, name="takes what has been free")

    dry, report = synchronize(dry_run=True), synchronize()

    assert dry.failures == report.failures == []
    assert dry.models == report.models


def test_dry_run_foresees_that_values_are_taken_that_are_unique_together():
    author = Author.objects.create(name="a")
    synchronize()
    remote(Chair).create(name="theirs", author=remote(Author).get(), row=1, seat="1")
    later()
    Chair.objects.create(name="ours", author=author, row=1, seat="2")
    Chair.objects.create(name="ours too", author=author, row=2, seat="2")

    dry, report = synchronize(dry_run=True), synchronize()

    assert dry.models == report.models and dry.failed == report.failed == 1


def test_dry_run_of_links_counts_them():
    tagged = Tagged.objects.create(title="t")
    tagged.tags.add(Tag.objects.create(label="x"))

    report = synchronize(dry_run=True)

    assert report.failures == []
    assert report.models["testapp.Tagged_tags"].created == 1
    assert not remote(Tagged).exists()


def test_command_says_of_a_dry_run_that_nothing_was_written():
    Item.objects.create(name="a")

    printed = run(dry_run=True)

    assert "Dry run: nothing was written." in printed and "testapp.Item" in printed
    assert not remote(Item).exists()


def _state_of_remote():
    models = (Item, Account, Entry, Reference, Failure, Checkpoint, ChangeLog)
    return {model: list(model._base_manager.using(REMOTE).order_by("pk").values()) for model in models}
