"""``SYNCHRO_SKIP``: the default on creation, the remote's own value on change."""

from __future__ import annotations

from threading import Thread

import pytest
from django.db import connections

from synchro_triggers import synchronize
from synchro_triggers.models import ChangeLog
from tests.databases import both, both_committed
from tests.replay.hearing import REMOTE, hearing, later, receiving
from tests.testapp.models import Account, Entry, Keyed

pytestmark = [both, pytest.mark.mariadb]


def remote(model):
    return model._base_manager.using(REMOTE)


@pytest.mark.all_pairs
def test_skipped_field_of_a_new_object_has_its_default_and_stays_locally():
    Account.objects.create(name="a", cash=7, visits=42)

    synchronize()

    assert remote(Account).values_list("cash", "visits").get() == (7, 0)
    assert Account.objects.get().visits == 42


@pytest.mark.all_pairs
def test_skipped_field_of_a_changed_object_keeps_the_remotes_value():
    account = Account.objects.create(name="a")
    synchronize()
    remote(Account).update(visits=42)
    later()

    account.cash = 77
    account.visits = 3
    account.save()
    synchronize()

    assert remote(Account).values_list("cash", "visits").get() == (77, 42)


def test_skipped_field_of_an_object_found_by_natural_key_keeps_the_remotes_value():
    remote(Keyed).create(code="x", cash=1, visits=5)
    later()
    Keyed.objects.create(code="x", cash=2, visits=42)

    synchronize()

    assert remote(Keyed).values_list("cash", "visits").get() == (2, 5)


def test_change_of_skipped_fields_alone_is_neither_logged_nor_synchronised():
    Account.objects.create(name="a")
    synchronize()
    ChangeLog.objects.all().delete()

    Account.objects.update(visits=9)

    with hearing(Account) as heard:
        report = synchronize()
    assert not ChangeLog.objects.exists()
    assert heard == [] and not report.changed


def test_receivers_see_the_skipped_fields_value_of_the_remote():
    account = Account.objects.create(name="a")
    synchronize()
    remote(Account).update(visits=42)
    later()
    account.cash = 1
    account.save()

    with hearing(Account, only=("post_save",)) as heard:
        synchronize()

    assert [one.instance.visits for one in heard] == [42]


def test_brought_along_parent_has_the_default_too():
    account = Account.objects.create(name="a", visits=42)
    ChangeLog.objects.all().delete()
    Entry.objects.create(name="e", account=account)

    synchronize()

    assert remote(Account).get().visits == 0


@pytest.mark.parametrize("batch_size", [1, 1000])
def test_balance_kept_by_receivers_counts_on_each_side_for_itself(settings, batch_size):
    """The case SYNCHRO_SKIP is made for: a total in a skipped field, kept by a receiver on either side."""
    settings.SYNCHRO_BATCH_SIZE = batch_size

    def add_visits(instance, created, using, **told):
        if created:
            account = Account.objects.db_manager(using).get(pk=instance.account_id)
            account.visits += instance.visits
            account.save(using=using)

    Account.objects.create(name="James", cash=7)
    synchronize()
    remote(Account).update(cash=77, visits=10)
    later()

    with receiving("post_save", Entry, add_visits):
        for visits in (30, 2):
            Entry.objects.create(name=str(visits), account_id="James", visits=visits)
        report = synchronize()

    assert report.failures == []
    assert Account.objects.values_list("cash", "visits").get() == (7, 32)
    # The receiver's save here changed a skipped field alone, so the account itself was not logged.
    assert remote(Account).values_list("cash", "visits").get() == (77, 42)


def test_balance_stays_right_when_the_account_is_synchronised_in_the_same_run():
    def add_visits(instance, created, using, **told):
        account = Account.objects.db_manager(using).get(pk=instance.account_id)
        account.visits += instance.visits
        account.save(using=using)

    account = Account.objects.create(name="a")
    synchronize()
    with receiving("post_save", Entry, add_visits):
        Entry.objects.create(name="e", account=account, visits=5)
        Account.objects.update(cash=3)
        Entry.objects.create(name="f", account=account, visits=6)
        synchronize()

    assert remote(Account).values_list("cash", "visits").get() == (3, 11)


@both_committed
@pytest.mark.vendor("postgres")  # on SQLite nobody else writes while a run does
def test_skipped_field_that_somebody_writes_during_the_run_is_kept():
    Account.objects.bulk_create([Account(name="a"), Account(name="b")])
    synchronize()
    later()
    Account.objects.update(cash=1)

    def visit():
        remote(Account).filter(name="b").update(visits=42)
        connections.close_all()

    def somebody_visits(instance, using, **told):
        if instance.name == "a":
            visitor = Thread(target=visit)
            visitor.start()
            visitor.join()

    with receiving("post_save", Account, somebody_visits):
        synchronize()

    assert remote(Account).values_list("cash", "visits").get(name="b") == (1, 42)
