"""What receivers see of a run on the remote, and what they may do."""

from __future__ import annotations

import datetime

import pytest
from django.db import connections
from django.db.models import F
from django.utils import timezone

from synchro_triggers import DisableSynchroLog, disable_synchro_log, synchro_paused, synchronize
from synchro_triggers.models import ChangeLog
from tests.databases import both, both_committed
from tests.replay.hearing import LOCAL, REMOTE, hearing, later, names, receiving
from tests.testapp.models import Account, Entry, Item, Keyed, Numbered, Stamped

pytestmark = [both, pytest.mark.mariadb]


def remote(model):
    return model._base_manager.using(REMOTE)


# What they are told -------------------------------------------------------------------------------


@pytest.mark.all_pairs
def test_created_object_is_heard_as_created_on_the_remote():
    Item.objects.create(name="a", cash=3)

    with hearing(Item) as heard:
        synchronize()

    assert names(heard) == ["pre_save", "post_save"]
    before, after = heard
    assert before.told["using"] == after.told["using"] == REMOTE
    assert before.told["raw"] is after.told["raw"] is False
    assert before.told["update_fields"] is after.told["update_fields"] is None
    assert after.told["created"] is True
    assert after.instance == remote(Item).get() and after.instance.cash == 3


@pytest.mark.all_pairs
def test_changed_object_is_heard_as_changed():
    item = Item.objects.create(name="a")
    synchronize()
    item.cash = 3
    item.save()

    with hearing(Item) as heard:
        synchronize()

    assert names(heard) == ["pre_save", "post_save"]
    assert heard[1].told["created"] is False and heard[1].told["raw"] is False
    assert heard[1].told["using"] == REMOTE and heard[1].instance.cash == 3


@pytest.mark.all_pairs
def test_deleted_object_is_heard_as_deleted():
    item = Item.objects.create(name="a")
    synchronize()
    item.delete()
    seen = []

    def look(instance, using, **told):
        seen.append((instance._state.db, using, instance.name, remote(Item).exists()))

    with receiving("pre_delete", Item, look), receiving("post_delete", Item, look):
        synchronize()

    assert seen == [(REMOTE, REMOTE, "a", True), (REMOTE, REMOTE, "a", False)]


def test_raw_sql_on_local_is_heard_on_the_remote():
    with connections[LOCAL].cursor() as cursor:
        cursor.execute("INSERT INTO testapp_item (name, cash) VALUES ('raw', 1)")

    with hearing(Item) as heard:
        synchronize()

    assert [one.instance.name for one in heard] == ["raw", "raw"]


def test_object_found_on_the_remote_by_its_key_is_heard_as_changed():
    remote(Account).create(name="a")
    later()
    Account.objects.create(name="a", cash=1)

    with hearing(Account) as heard:
        synchronize()

    assert heard[1].told["created"] is False


def test_instance_in_a_receiver_belongs_to_the_remote():
    Entry.objects.create(name="e", account=Account.objects.create(name="a", cash=4))
    Account.objects.update(cash=5)
    with synchro_paused():
        Account.objects.update(cash=6)
    seen = []

    def look(instance, **told):
        seen.append((instance._state.db, instance.account._state.db, instance.account.cash))

    with receiving("pre_save", Entry, look), receiving("post_save", Entry, look):
        synchronize()

    assert seen == [(REMOTE, REMOTE, 6)] * 2


def test_new_instance_says_that_it_is_being_added():
    Item.objects.create(name="a")
    seen = []

    with receiving("pre_save", Item, lambda instance, **told: seen.append(instance._state.adding)):
        synchronize()
    Item.objects.update(cash=1)
    with receiving("pre_save", Item, lambda instance, **told: seen.append(instance._state.adding)):
        synchronize()

    assert seen == [True, False]


def test_receiver_may_read_the_state_before_the_change():
    """A common idiom: ``pre_save`` looks the old row up on the instance's own database."""
    item = Item.objects.create(name="a", cash=1)
    synchronize()
    item.cash = 2
    item.save()
    seen = []

    def look(sender, instance, **told):
        seen.append((sender.objects.db_manager(instance._state.db).get(pk=instance.pk).cash, instance.cash))

    with receiving("pre_save", Item, look):
        synchronize()

    assert seen == [(1, 2)]


def test_receiver_may_change_the_instance_before_it_is_saved():
    Item.objects.create(name="a")

    def rename(instance, using, **told):
        if using == REMOTE:
            instance.name += "!"

    with receiving("pre_save", Item, rename):
        synchronize()

    assert remote(Item).get().name == "a!" and Item.objects.get().name == "a"


def test_references_of_objects_heard_before_are_there_already():
    """Parents come before children, so a receiver of the child can follow the foreign key."""
    Entry.objects.create(name="e", account=Account.objects.create(name="a"))
    seen = []

    with receiving("pre_save", Entry, lambda instance, **told: seen.append(remote(Account).count())):
        synchronize()

    assert seen == [1]


# Times that renew themselves ----------------------------------------------------------------------


@pytest.mark.all_pairs
def test_times_that_renew_themselves_are_copied_and_the_save_is_not_raw():
    stamped = Stamped.objects.create(name="a")
    long_ago = datetime.datetime(2001, 2, 3, 4, 5, 6, 789000, tzinfo=datetime.UTC)
    Stamped.objects.update(created=long_ago, changed=long_ago)

    with hearing(Stamped) as heard:
        synchronize()

    assert remote(Stamped).values_list("created", "changed").get() == (long_ago, long_ago)
    assert all(one.told["raw"] is False for one in heard)

    stamped.refresh_from_db()
    stamped.name = "b"
    stamped.save()
    synchronize()

    assert remote(Stamped).values_list("created", "changed").get() == (long_ago, stamped.changed)


def test_times_renew_themselves_again_after_a_run():
    Stamped.objects.create(name="a")
    Stamped.objects.update(changed=datetime.datetime(2001, 1, 1, tzinfo=datetime.UTC))
    synchronize()

    there = remote(Stamped).get()
    there.save(using=REMOTE)

    assert there.changed > timezone.now() - datetime.timedelta(minutes=1)


def test_object_that_a_receiver_saves_during_a_run_renews_its_time():
    Stamped.objects.create(name="other")
    synchronize()
    Stamped.objects.update(changed=datetime.datetime(2001, 1, 1, tzinfo=datetime.UTC))
    synchronize()
    Item.objects.create(name="a")

    with receiving("post_save", Item, lambda using, **told: remote(Stamped).get().save(using=using)):
        synchronize()

    assert remote(Stamped).get().changed.year > 2001


# The story of django-synchro's README -------------------------------------------------------------
#
# Keyed ``x`` stands for its object A (``cash`` for bar, ``code`` for foo), an Item for its X.


def add_and_save(using, **told):
    keyed = Keyed.objects.db_manager(using).get()
    keyed.cash += 1
    keyed.save(using=using)


@disable_synchro_log
def add_and_save_unlogged(using, **told):
    add_and_save(using)


def add_and_save_in_a_block(using, **told):
    with DisableSynchroLog():
        add_and_save(using)


def add_with_update(using, **told):
    Keyed.objects.db_manager(using).update(cash=F("cash") + 1)


@disable_synchro_log
def add_with_update_unlogged(using, **told):
    add_with_update(using)


def play(receiver):
    """Return cash here, and code and cash there, after the README's four steps."""
    Keyed.objects.create(code="one", cash=1)
    synchronize()
    there = remote(Keyed).get()
    there.code = "forty-two"
    there.save(using=REMOTE)
    later()
    with receiving("post_save", Item, receiver):
        Item.objects.create(name="X")
        later()
        report = synchronize()
    assert report.failures == [] and remote(Item).exists()
    here, there = Keyed.objects.get(), remote(Keyed).get()
    assert here.code == "one"
    return here.cash, there.code, there.cash


@pytest.mark.all_pairs
@pytest.mark.parametrize(
    "receiver",
    [add_and_save_unlogged, add_and_save_in_a_block, add_with_update_unlogged],
    ids=["decorator", "block", "update, unlogged"],
)
def test_receiver_that_logs_nothing_keeps_what_the_remote_changed(receiver):
    assert play(receiver) == (2, "forty-two", 2)


@pytest.mark.parametrize("receiver", [add_and_save, add_with_update], ids=["save", "update"])
def test_receiver_that_is_logged_overwrites_what_the_remote_changed_before(receiver):
    """The README's bad scenario; ``update`` no longer is a way round it, because it is logged now."""
    assert play(receiver) == (2, "one", 2)


@pytest.mark.mariadb(without="it has no log")
def test_what_an_unlogged_receiver_does_on_the_remote_is_not_logged_there():
    Keyed.objects.create(code="x")
    synchronize()
    ChangeLog.objects.using(REMOTE).all().delete()
    with receiving("post_save", Item, add_and_save_unlogged):
        with synchro_paused():
            Item.objects.create(name="local")
        Item.objects.update(cash=1)
        synchronize()

    logged = ChangeLog.objects.using(REMOTE).values_list("model_label", flat=True)
    assert remote(Keyed).get().cash == 1
    assert "testapp.Keyed" not in logged and "testapp.Item" in logged


# Receivers that write -----------------------------------------------------------------------------


@both_committed
@pytest.mark.all_pairs
def test_receiver_may_write_to_local_meanwhile():
    Item.objects.bulk_create(Item(name=str(number)) for number in range(3))

    def note_it(instance, created, using, **told):
        if using == REMOTE:
            Account.objects.using(LOCAL).create(name=f"seen {instance.name}")

    with receiving("post_save", Item, note_it):
        report = synchronize()

    assert report.failures == []
    assert Account.objects.using(LOCAL).count() == 3
    assert synchronize().models["testapp.Account"].created == 3
    assert remote(Account).count() == 3


@both_committed
@pytest.mark.all_pairs
def test_what_a_receiver_changes_on_local_meanwhile_arrives_at_the_latest_with_the_next_run():
    items = Item.objects.bulk_create(Item(name=str(number)) for number in range(3))

    def change_the_others(instance, using, **told):
        if using == REMOTE:
            Item.objects.using(LOCAL).exclude(name=instance.name).update(cash=F("cash") + 1)

    with receiving("post_save", Item, change_the_others):
        synchronize()
    synchronize()

    assert dict(remote(Item).values_list("name", "cash")) == {item.name: 2 for item in items}


@pytest.mark.parametrize("batch_size", [1, 1000])
def test_receiver_may_change_another_object_of_the_same_batch(settings, batch_size):
    """The newest local values win: both were to be written by this run anyway."""
    settings.SYNCHRO_BATCH_SIZE = batch_size
    first, second = Item.objects.create(name="first"), Item.objects.create(name="second")
    synchronize()
    Item.objects.filter(pk=first.pk).update(cash=1)
    Item.objects.filter(pk=second.pk).update(cash=2)

    def spoil(instance, using, **told):
        if instance.name == "first":
            remote(Item).filter(name="second").update(cash=99)

    with receiving("post_save", Item, spoil):
        report = synchronize()

    assert report.failures == []
    assert dict(remote(Item).values_list("name", "cash")) == {"first": 1, "second": 2}


def test_receiver_may_make_the_row_equal_before_its_turn():
    first, second = Item.objects.create(name="first"), Item.objects.create(name="second")
    synchronize()
    Item.objects.filter(pk=first.pk).update(cash=1)
    Item.objects.filter(pk=second.pk).update(cash=2)

    def anticipate(instance, using, **told):
        if instance.name == "first":
            remote(Item).filter(name="second").update(cash=2)

    with receiving("post_save", Item, anticipate), hearing(Item, only=("post_save",)) as heard:
        report = synchronize()

    assert [one.instance.name for one in heard] == ["first"]
    assert (report.updated, report.unchanged) == (1, 1)


def test_receiver_may_delete_another_object_of_the_same_batch():
    first, second = Item.objects.create(name="first"), Item.objects.create(name="second")
    synchronize()
    Item.objects.filter(pk=first.pk).update(cash=1)
    Item.objects.filter(pk=second.pk).update(cash=2)

    with receiving("post_save", Item, lambda instance, **told: remote(Item).filter(name="second").delete()):
        report = synchronize()

    assert report.failures == []
    assert dict(remote(Item).values_list("name", "cash"))["first"] == 1


def test_receiver_may_create_the_object_that_is_to_come():
    remote(Account).create(name="other")
    Item.objects.create(name="a")
    Account.objects.create(name="made there too", cash=5)

    def make(instance, using, **told):
        remote(Account).get_or_create(name="made there too")

    with receiving("post_save", Item, make):
        report = synchronize()

    assert report.failures == []
    assert remote(Account).get(name="made there too").cash == 5


def test_error_in_a_receiver_undoes_what_it_wrote():
    Item.objects.create(name="a")

    def write_and_fail(using, **told):
        remote(Numbered).create(number=1)
        raise ValueError("too late")

    with receiving("post_save", Item, write_and_fail):
        report = synchronize()

    assert len(report.failures) == 1
    assert not remote(Item).exists() and not remote(Numbered).exists()


def test_receiver_with_a_broken_query_fails_its_object_only():
    Item.objects.bulk_create([Item(name="bad"), Item(name="good")])

    def broken(instance, using, **told):
        if instance.name == "bad":
            with connections[using].cursor() as cursor:
                cursor.execute("SELECT nonsense FROM nowhere")

    with receiving("pre_save", Item, broken):
        report = synchronize()

    assert [failure.model for failure in report.failures] == ["testapp.Item"]
    assert [item.name for item in remote(Item)] == ["good"]
