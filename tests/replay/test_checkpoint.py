"""``options.last_check``, ``reset_synchro()``, and how far a run goes."""

from __future__ import annotations

import datetime

import pytest
from django.core.management import call_command
from django.db import connections, transaction
from django.utils import timezone

from synchro_triggers import reset_synchro, synchronize
from synchro_triggers.models import ChangeLog, Checkpoint, Failure, Node, Reference, options
from tests.databases import ALIASES, both, both_committed
from tests.replay.hearing import REMOTE, hearing, later
from tests.testapp.models import Account, Item, Keyed, Numbered

pytestmark = both


def remote(model):
    return model._base_manager.using(REMOTE)


def last_check():
    """Return the time of the last run, which must be known."""
    found = options.last_check
    assert found is not None
    return found


def age(minutes):
    """Let everything that has been logged so far have been logged minutes ago."""
    for row in ChangeLog.objects.all():
        ChangeLog.objects.filter(pk=row.pk).update(logged_at=row.logged_at - datetime.timedelta(minutes=minutes))


# Runs ---------------------------------------------------------------------------------------------


def test_first_run_takes_everything_that_was_logged():
    Item.objects.bulk_create([Item(name="a"), Item(name="b")])

    assert synchronize().created == 2


@pytest.mark.all_pairs
def test_each_run_takes_only_what_is_new():
    Item.objects.create(name="a")
    assert synchronize().created == 1
    remote(Item).update(cash=99)
    Item.objects.create(name="b")

    report = synchronize()

    assert (report.created, report.updated) == (1, 0)
    assert remote(Item).get(name="a").cash == 99


def test_run_leaves_the_changelog_for_other_remotes():
    Item.objects.create(name="a")

    synchronize()

    assert ChangeLog.objects.filter(model_label="testapp.Item").exists()


def test_checkpoint_is_stored_in_the_remote_database():
    Item.objects.create(name="a")

    synchronize()

    assert Checkpoint.objects.using(REMOTE).get().source == Node.objects.get().node_id
    assert not Checkpoint.objects.exists()


def test_failed_transaction_of_the_caller_takes_the_checkpoint_back_with_the_data():
    Item.objects.create(name="a")
    synchronize()
    Item.objects.create(name="b")

    with pytest.raises(ZeroDivisionError), transaction.atomic(using=REMOTE):
        synchronize()
        raise ZeroDivisionError

    assert remote(Item).count() == 1
    assert synchronize().created == 1


# The time of the last run -------------------------------------------------------------------------


def test_last_check_is_empty_before_the_first_run():
    assert options.last_check is None


@pytest.mark.all_pairs
def test_last_check_is_the_time_of_the_last_run():
    before = timezone.now()

    synchronize()

    assert before <= last_check() <= timezone.now()


def test_dry_run_and_run_of_one_model_leave_the_last_check():
    synchronize(dry_run=True)
    synchronize(models=["testapp.Item"])

    assert options.last_check is None


@pytest.mark.all_pairs
def test_last_check_in_the_past_takes_what_was_logged_since_once_more():
    Item.objects.create(name="old")
    age(60)
    Item.objects.create(name="new")
    synchronize()
    remote(Item).all().delete()
    ChangeLog.objects.using(REMOTE).all().delete()

    options.last_check = timezone.now() - datetime.timedelta(minutes=30)
    report = synchronize()

    assert [item.name for item in remote(Item)] == ["new"]
    assert report.created == 1
    assert not synchronize().changed


@pytest.mark.all_pairs
def test_last_check_set_to_now_forgets_what_is_pending():
    Item.objects.create(name="pending")
    later()

    options.last_check = timezone.now()
    Item.objects.create(name="new")
    synchronize()

    assert [item.name for item in remote(Item)] == ["new"]


def test_last_check_may_be_naive():
    """As django-synchro's README does it: ``options.last_check = datetime.datetime.now()``."""
    Item.objects.create(name="pending")
    later()

    options.last_check = datetime.datetime.now()
    report = synchronize()

    assert not report.changed


def test_naive_last_check_is_in_the_current_time_zone():
    Item.objects.create(name="pending")
    age(90)
    local = datetime.timezone(datetime.timedelta(hours=5))

    with timezone.override(local):
        options.last_check = datetime.datetime.now(local).replace(tzinfo=None) - datetime.timedelta(minutes=60)

    assert abs(timezone.now() - datetime.timedelta(minutes=60) - last_check()) < datetime.timedelta(minutes=1)
    assert not synchronize().changed


def test_last_check_in_the_past_may_be_naive():
    Item.objects.create(name="old")
    age(60)
    Item.objects.create(name="new")

    options.last_check = datetime.datetime.now() - datetime.timedelta(minutes=30)
    synchronize()

    assert [item.name for item in remote(Item)] == ["new"]


def test_last_check_reads_what_it_was_set_to():
    moment = datetime.datetime(2013, 2, 28, 12, 0, tzinfo=datetime.UTC)

    options.last_check = moment

    assert options.last_check == moment


def test_last_check_long_ago_takes_everything():
    Item.objects.create(name="a")
    reset = timezone.now()
    synchronize()
    remote(Item).all().delete()
    ChangeLog.objects.using(REMOTE).all().delete()

    options.last_check = datetime.datetime(1999, 1, 1, tzinfo=datetime.UTC)
    assert synchronize().created == 1
    assert last_check() >= reset


@pytest.mark.parametrize("wrong", ["2013-02-28", None, datetime.date(2013, 2, 28), 5])
def test_last_check_that_is_no_time_is_refused(wrong):
    with pytest.raises(TypeError, match=r"options\.last_check must be a datetime"):
        options.last_check = wrong


def test_last_check_works_where_no_remote_is_set(settings):
    settings.SYNCHRO_REMOTE = None

    assert options.last_check is None
    options.last_check = datetime.datetime(2013, 2, 28, tzinfo=datetime.UTC)

    assert last_check().year == 2013


@pytest.fixture
def no_time_zones(settings, transactional_db):
    """``USE_TZ = False``, and a local time that is not UTC."""

    def forget_time_zones():
        for alias in ALIASES:
            connections[alias].close()
            for cached in ("timezone", "timezone_name"):
                connections[alias].__dict__.pop(cached, None)

    settings.USE_TZ = False
    settings.TIME_ZONE = "America/New_York"
    forget_time_zones()
    yield
    settings.USE_TZ = True
    settings.TIME_ZONE = "UTC"
    forget_time_zones()


@both_committed
@pytest.mark.all_pairs
def test_runs_and_last_check_work_without_time_zones(no_time_zones):
    Item.objects.create(name="a")

    assert synchronize().created == 1

    assert timezone.is_naive(last_check())
    assert abs(last_check() - timezone.now()) < datetime.timedelta(minutes=1)
    assert not synchronize().changed


@both_committed
@pytest.mark.all_pairs
def test_newer_side_wins_without_time_zones(no_time_zones):
    Item.objects.create(name="a")
    synchronize()

    later()
    remote(Item).update(cash=2)
    later()
    Item.objects.update(cash=3)
    assert synchronize().conflicts == 0 and remote(Item).get().cash == 3
    later()
    Item.objects.update(cash=4)
    later()
    remote(Item).update(cash=5)

    assert synchronize().conflicts == 1 and remote(Item).get().cash == 5


@both_committed
@pytest.mark.all_pairs
def test_last_check_is_set_without_time_zones(no_time_zones):
    Item.objects.create(name="a", cash=1)
    later()

    options.last_check = timezone.now()
    assert not synchronize().changed
    options.last_check = timezone.now() - datetime.timedelta(minutes=30)

    assert synchronize().created == 1


@both_committed
@pytest.mark.all_pairs
def test_failures_and_reset_work_without_time_zones(no_time_zones):
    remote(Numbered).create(number=1)
    Numbered.objects.create(number=1, name="ours")
    assert synchronize().failed == 1
    later()
    remote(Numbered).update(number=2)

    assert synchronize().failures == []
    assert remote(Numbered).filter(number=1).get().name == "ours"
    Item.objects.create(name="a")
    reset_synchro()
    assert not synchronize().changed


# Reset --------------------------------------------------------------------------------------------


@pytest.mark.all_pairs
def test_reset_forgets_pending_changes_logs_and_references():
    Item.objects.create(name="known")
    synchronize()
    Item.objects.create(name="pending")

    reset_synchro()

    assert not ChangeLog.objects.exists()
    assert not Reference.objects.using(REMOTE).exists()
    assert not synchronize().changed
    assert remote(Item).count() == 1


def test_reset_sets_the_time_of_the_last_run():
    before = timezone.now()

    reset_synchro()

    assert before <= last_check() <= timezone.now()


def test_reset_forgets_failures():
    remote(Numbered).create(number=1)
    Numbered.objects.create(number=1)
    assert synchronize().failed == 1

    reset_synchro()

    assert not Failure.objects.using(REMOTE).exists() and synchronize().failures == []


def test_changes_after_a_reset_are_synchronised():
    Keyed.objects.create(code="x")
    reset_synchro()

    Keyed.objects.update(cash=5)
    synchronize()

    assert remote(Keyed).get().cash == 5


def test_reset_leaves_what_the_remote_knows_of_others():
    stranger = {"source": "11111111-1111-1111-1111-111111111111", "model_label": "testapp.Item", "local_pk": "1"}
    Reference.objects.using(REMOTE).create(remote_pk="1", **stranger)

    reset_synchro()

    assert Reference.objects.using(REMOTE).get().local_pk == "1"


def test_reset_works_where_no_remote_is_set(settings):
    settings.SYNCHRO_REMOTE = None
    Item.objects.create(name="a")

    reset_synchro()

    assert not ChangeLog.objects.exists()


def test_import_from_the_main_database_then_reset_then_work():
    """The office imports the main database, so both sides have the same rows, and goes on from there."""
    imported = Account.objects.create(name="a", cash=1)
    remote(Account).create(name="a", cash=1)
    reset_synchro()
    later()

    imported.cash = 2
    imported.save()
    report = synchronize()

    assert remote(Account).get().cash == 2 and report.updated == 1


# Tests of users -----------------------------------------------------------------------------------


@pytest.mark.all_pairs
def test_run_works_inside_a_transaction_of_the_caller():
    for number in range(3):
        with transaction.atomic(), transaction.atomic(using=REMOTE):
            Item.objects.create(name=str(number))
            assert synchronize().created == 1

    assert remote(Item).count() == 3


def test_changes_of_a_savepoint_that_was_rolled_back_are_not_synchronised():
    Item.objects.create(name="a")
    with pytest.raises(ZeroDivisionError), transaction.atomic():
        Item.objects.create(name="b")
        raise ZeroDivisionError

    synchronize()

    assert [item.name for item in remote(Item)] == ["a"]


@both_committed
@pytest.mark.all_pairs
@pytest.mark.parametrize("flushed", [("default",), ("remote",), ("default", "remote")], ids="+".join)
def test_run_works_after_a_flush(flushed):
    Item.objects.create(name="before")
    synchronize()
    for alias in flushed:
        call_command("flush", database=alias, interactive=False, verbosity=0)

    Item.objects.create(name="after")
    report = synchronize()

    assert report.failures == []
    assert remote(Item).filter(name="after").count() == 1
    with hearing(Item) as heard:
        assert not synchronize().changed
    assert heard == []


@both_committed
def test_runs_commit_what_they_say():
    Item.objects.create(name="a")

    synchronize()
    connections[REMOTE].close()

    assert remote(Item).get().name == "a" and not synchronize().changed
