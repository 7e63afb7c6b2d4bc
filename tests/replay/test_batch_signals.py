"""What receivers write on the remote while a batch is announced: the same end as if each object came by itself."""

from __future__ import annotations

import pytest
from django.db.models import F

from synchro_triggers import synchronize
from tests.databases import both
from tests.replay.hearing import LOCAL, REMOTE, hearing, later, names, receiving
from tests.testapp.models import Account, Entry, Item, Keyed, Tag, Tagged

pytestmark = [
    both,
    pytest.mark.mariadb,
    pytest.mark.parametrize("batch", [False, True], ids=["one by one", "batch signals"]),
]


@pytest.fixture(autouse=True)
def signals(settings, request):
    settings.SYNCHRO_BATCH_SIGNALS = request.getfixturevalue("batch")


def remote(model):
    return model._base_manager.using(REMOTE)


def nothing(**told):
    pass


def entries(number, account):
    return [Entry.objects.create(name=f"e{each}", account=account, visits=each + 1) for each in range(number)]


# The remote's own fields -----------------------------------------------------------------------------


@pytest.mark.parametrize("signal", ["pre_save", "post_save"])
def test_balance_that_other_objects_receivers_keep_is_not_written_over(batch, signal):
    account = Account.objects.create(name="James")
    synchronize()
    remote(Account).update(visits=100)
    later()
    entries(3, account)
    Account.objects.update(cash=2)

    def add(instance, using, **told):
        Account.objects.using(using).filter(pk=instance.account_id).update(visits=F("visits") + instance.visits)

    with receiving(signal, Entry, add), receiving("post_save", Account, nothing):
        synchronize()

    assert remote(Account).values_list("cash", "visits").get() == (2, 106)


@pytest.mark.parametrize("signal", ["pre_save", "post_save"])
def test_balance_that_the_objects_own_receivers_keep_is_not_written_over(batch, signal):
    """Also of other objects of the batch."""
    for name in ("a", "b", "c"):
        Account.objects.create(name=name)
    synchronize()
    remote(Account).update(visits=100)
    later()
    Account.objects.update(cash=2)

    def add(instance, using, **told):
        Account.objects.using(using).update(visits=F("visits") + 1)

    with receiving(signal, Account, add):
        synchronize()

    assert set(remote(Account).values_list("cash", "visits")) == {(2, 103)}


def test_value_that_a_receiver_gives_the_instance_is_written(batch):
    Account.objects.create(name="a")
    Account.objects.create(name="b")
    synchronize()
    later()
    Account.objects.update(cash=2)

    def set_visits(instance, **told):
        if instance.name == "a":
            instance.visits = 7
            instance.cash = 3

    with receiving("pre_save", Account, set_visits):
        synchronize()

    assert list(remote(Account).order_by("name").values_list("cash", "visits")) == [(3, 7), (2, 0)]


# Rows that were read ahead --------------------------------------------------------------------------


@pytest.mark.parametrize("signal", ["pre_save", "post_save", "pre_delete", "post_delete", "m2m_changed"])
def test_row_of_another_model_is_compared_as_a_receiver_has_left_it(batch, signal):
    item, tag, tagged = Item.objects.create(), Tag.objects.create(label="t"), Tagged.objects.create()
    Account.objects.create(name="James", cash=1)
    synchronize()
    later()
    if signal == "m2m_changed":
        Account.objects.update(cash=2)
    if "save" in signal:
        Item.objects.update(cash=3)
    elif "delete" in signal:
        item.delete()
    else:
        tagged.tags.add(tag)
        Tagged.objects.update(title="new")
    Account.objects.update(cash=2)
    Account.objects.update(cash=1)

    def meddle(using=LOCAL, **told):
        Account.objects.using(REMOTE).update(cash=99)

    sender = Tagged.tags.through if signal == "m2m_changed" else Item
    with receiving(signal, sender, meddle), receiving("post_save", Account, nothing):
        report = synchronize()

    # Links come last: what their receivers write is newer than the batch.
    assert remote(Account).get().cash == (99 if signal == "m2m_changed" else 1) and report.failures == []


@pytest.mark.parametrize("signal", ["pre_save", "post_save"])
@pytest.mark.parametrize("position", [0, 1, 2])
@pytest.mark.parametrize("what", ["changed", "logged only"])
def test_other_rows_of_the_batch_end_as_if_they_came_one_by_one(batch, signal, position, what):
    for number in range(3):
        Item.objects.create(name=str(number), cash=1)
    synchronize()
    later()
    if what == "changed":
        Item.objects.update(cash=2)
    else:
        for number in range(3):  # as it was, but in the log
            Item.objects.filter(name=str(number)).update(name="x")
            Item.objects.filter(name="x").update(name=str(number))
        Item.objects.filter(name=str(position)).update(cash=2)
    wanted = dict(Item.objects.values_list("name", "cash"))

    def meddle(instance, using, **told):
        if instance.name == str(position):
            Item.objects.using(using).update(cash=99)

    with receiving(signal, Item, meddle):
        assert synchronize().failures == []

    # What came before it, and, of a receiver that comes after the save, its own row, are the receiver's.
    theirs = {str(number) for number in range(position + (signal == "post_save"))}
    assert dict(remote(Item).values_list("name", "cash")) == {
        name: 99 if name in theirs else cash for name, cash in wanted.items()
    }


def test_signals_come_once_for_each_object(batch):
    for number in range(5):
        Keyed.objects.create(code=str(number))
    with hearing(Keyed) as heard:
        synchronize()
    assert sorted(names(heard)) == ["post_save"] * 5 + ["pre_save"] * 5

    Keyed.objects.update(cash=1)
    with hearing(Keyed) as heard:
        synchronize()
    assert sorted(names(heard)) == ["post_save"] * 5 + ["pre_save"] * 5

    Keyed.objects.all().delete()
    with hearing(Keyed) as heard:
        synchronize()
    assert sorted(names(heard)) == ["post_delete"] * 5 + ["pre_delete"] * 5
