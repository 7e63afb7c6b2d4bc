"""Observed objects are written one by one, each in a savepoint of its own: what fails takes nothing else along."""

from __future__ import annotations

from contextlib import ExitStack, contextmanager, suppress

import pytest
from django.db import DatabaseError, IntegrityError, connections, transaction
from django.db.models import F

from synchro_triggers import synchronize
from synchro_triggers.django_inside.savepoints import Savepoints
from tests.comparing import assert_same
from tests.counting import captured
from tests.databases import both, both_committed
from tests.replay.hearing import LOCAL, REMOTE, hearing, receiving
from tests.testapp.models import Account, Entry, Item, Tag

pytestmark = [both, pytest.mark.mariadb]

NAMES = "abcde"


def make(names=NAMES):
    Item.objects.bulk_create(Item(name=name, cash=1) for name in names)


def on_remote():
    return "".join(Item.objects.using(REMOTE).order_by("name").values_list("name", flat=True))


def tags():
    return "".join(sorted(Tag.objects.using(REMOTE).values_list("label", flat=True)))


def noting(**more):
    """A receiver that writes a tag for each item, and then does what ``more`` says for its name."""

    def receive(instance, using, **values):
        if using == REMOTE:
            Tag.objects.using(REMOTE).create(label=instance.name)
            more.get(instance.name, lambda: None)()

    return receive


def fail(error):
    def now():
        raise error

    return now


def break_a_rule():
    with connections[REMOTE].cursor() as cursor:
        cursor.execute("INSERT INTO testapp_tag (label) VALUES (NULL)")


def break_a_rule_and_go_on():
    with suppress(IntegrityError):
        break_a_rule()


def break_a_rule_in_a_block_and_go_on():
    try:
        with transaction.atomic(using=REMOTE):
            break_a_rule()
    except IntegrityError:
        pass


def break_a_rule_in_a_block_without_savepoint_and_go_on():
    try:
        with transaction.atomic(using=REMOTE, savepoint=False):
            break_a_rule()
    except IntegrityError:
        pass


@pytest.mark.parametrize("signal", ["pre_save", "post_save"])
@pytest.mark.parametrize("error", [ValueError("no"), IntegrityError("no")], ids=["ValueError", "IntegrityError"])
@pytest.mark.parametrize("failing", ["a", "c", "e", "bc", NAMES])
def test_what_fails_is_rolled_back_alone_with_what_its_receivers_wrote(signal, error, failing):
    make()
    with receiving(signal, Item, noting(**dict.fromkeys(failing, fail(error)))):
        report = synchronize()

    passed = "".join(name for name in NAMES if name not in failing)
    assert on_remote() == tags() == passed
    assert len(report.failures) == len(failing)
    assert not connections[REMOTE].needs_rollback

    synchronize()
    assert_same(Item)


@pytest.mark.parametrize("failing", ["a", "c", "bd"])
def test_failing_updates_and_deletes_are_rolled_back_alone(failing):
    make()
    synchronize()
    Item.objects.update(cash=2)
    with receiving("post_save", Item, noting(**dict.fromkeys(failing, fail(ValueError("no"))))):
        synchronize()
    passed = "".join(name for name in NAMES if name not in failing)
    assert tags() == passed
    assert Item.objects.using(REMOTE).filter(cash=2).count() == len(passed)

    Tag.objects.using(REMOTE).all().delete()
    Item.objects.all().delete()
    with receiving("pre_delete", Item, noting(**dict.fromkeys(failing, fail(ValueError("no"))))):
        synchronize()
    assert tags() == passed and on_remote() == failing

    synchronize()
    assert on_remote() == ""


def test_receiver_may_break_a_rule_in_a_block_of_its_own():
    make()
    with receiving("post_save", Item, noting(c=break_a_rule_in_a_block_and_go_on)):
        report = synchronize()

    assert report.failures == []
    assert on_remote() == tags() == NAMES


@both_committed
@pytest.mark.vendor("postgres")
def test_receiver_that_breaks_the_transaction_and_goes_on_fails_alone():
    make()
    with receiving("post_save", Item, noting(c=break_a_rule_and_go_on)):
        report = synchronize()

    assert [failure.model for failure in report.failures] == ["testapp.Item"]
    assert on_remote() == tags() == "abde"
    assert "went on as if nothing had happened" in report.failures[0].error


@pytest.mark.parametrize("signal", ["pre_save", "post_save"])
@pytest.mark.parametrize("failing", [True, False])
def test_callbacks_on_commit_are_those_of_what_was_committed(signal, failing, django_capture_on_commit_callbacks):
    make()
    called = []

    def receive(instance, using, **values):
        if using == REMOTE:
            transaction.on_commit(lambda: called.append(instance.name), using=REMOTE)
            if failing and instance.name in "bd":
                raise ValueError("no")

    with receiving(signal, Item, receive), django_capture_on_commit_callbacks(using=REMOTE, execute=True):
        synchronize()

    assert "".join(called) == ("ace" if failing else NAMES)


# What it costs ----------------------------------------------------------------------------------------


@contextmanager
def observed(*models):
    with ExitStack() as stack:
        for model in models:
            stack.enter_context(hearing(model))
        yield


def queries_for(change, number):
    change(number)
    with captured(REMOTE, LOCAL) as (there, here):
        assert synchronize().failures == []
    return len(there), len(here)


@pytest.mark.parametrize("writing", [False, True], ids=["receivers that do nothing", "receivers that write"])
def test_observed_object_costs_its_own_statement(writing):
    def insert(number):
        Item.objects.bulk_create(Item(name="a", cash=1) for _ in range(number))

    def update(number):
        Item.objects.update(cash=F("cash") + 1)

    def delete(number):
        Item.objects.all().delete()

    def receive(using, **values):
        if using == REMOTE and writing:
            Account.objects.using(REMOTE).update(cash=5)

    counts = {}
    with receiving("post_save", Item, receive), receiving("pre_save", Item, receive), hearing(Item):
        for change in (insert, update, delete):  # the first runs make the checkpoint, and a total of each kind
            queries_for(change, 1)
        for number in (5, 25):
            for change in (insert, update):
                counts[change, number] = queries_for(change, number)
            counts[delete, number] = queries_for(delete, number)

    each = 3 if writing else 1
    for change, expected in ((insert, each), (update, each), (delete, 1)):
        (few, few_here), (many, many_here) = counts[change, 5], counts[change, 25]
        assert many - few == 20 * expected, change
        assert many_here == few_here


def test_rows_that_a_cascade_took_along_are_not_deleted_again():
    account = Account.objects.create(name="a", cash=1)
    Entry.objects.bulk_create(Entry(name=name, account=account) for name in NAMES)
    synchronize()
    with observed(Account, Entry):
        account.delete()
        report = synchronize()

    assert report.failures == [] and not Entry.objects.using(REMOTE).exists()


# Savepoints -------------------------------------------------------------------------------------------


def test_savepoints_that_were_rolled_back_are_gone():
    with transaction.atomic(using=REMOTE):
        savepoints = Savepoints(REMOTE)
        for name in NAMES:
            try:
                with savepoints.one():
                    Item.objects.using(REMOTE).create(name=name)
                    if name in "bce":
                        raise ValueError
            except ValueError:
                pass
        with transaction.atomic(using=REMOTE):
            Item.objects.using(REMOTE).create(name="f")
        try:
            with transaction.atomic(using=REMOTE):
                Item.objects.using(REMOTE).create(name="g")
                raise ValueError
        except ValueError:
            pass
        savepoints.finish()
        Item.objects.using(REMOTE).create(name="h")

    assert on_remote() == "adfh"


def test_savepoint_in_a_broken_transaction_is_refused():
    with pytest.raises(DatabaseError), transaction.atomic(using=REMOTE):
        savepoints = Savepoints(REMOTE)
        transaction.set_rollback(True, using=REMOTE)
        try:
            with savepoints.one():
                pytest.fail("the block must not begin")
        finally:
            transaction.set_rollback(False, using=REMOTE)


def test_block_without_savepoint_that_failed_takes_its_object_back_and_says_so():
    with transaction.atomic(using=REMOTE):
        savepoints = Savepoints(REMOTE)
        with savepoints.one():
            Item.objects.using(REMOTE).create(name="a")
        with pytest.raises(DatabaseError, match="as if nothing had happened"), savepoints.one():
            Item.objects.using(REMOTE).create(name="b")
            break_a_rule_in_a_block_without_savepoint_and_go_on()
        with savepoints.one():
            Item.objects.using(REMOTE).create(name="c")

    assert on_remote() == "ac"
