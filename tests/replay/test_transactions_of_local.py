"""``synchronize()`` in a transaction of LOCAL is refused: what is rolled back there would stay on the remote."""

from __future__ import annotations

import pytest
from django.core.management import CommandError, call_command
from django.db import connections, transaction

from synchro_triggers import call_synchronize, synchronize
from synchro_triggers.exceptions import Refused
from tests.databases import both, both_committed
from tests.testapp.models import Item

REMOTE = "remote"


@both_committed
@pytest.mark.parametrize("run", [synchronize, call_synchronize, lambda: synchronize(full=True)])
def test_run_in_a_transaction_is_refused_and_nothing_is_left_of_it(run):
    with pytest.raises(Refused, match="A transaction is open on 'default'"), transaction.atomic():
        Item.objects.create(name="phantom")
        run()

    assert not Item.objects.using(REMOTE).exists()
    synchronize()
    assert not Item.objects.using(REMOTE).exists()


@both_committed
def test_command_in_a_transaction_ends_with_3():
    with pytest.raises(CommandError) as caught, transaction.atomic():
        call_command("synchronize")

    assert caught.value.returncode == 3


@both_committed
def test_transaction_without_autocommit_is_refused_too():
    connections["default"].set_autocommit(False)
    try:
        Item.objects.create(name="phantom")
        with pytest.raises(Refused, match="A transaction is open"):
            synchronize()
        transaction.rollback()
    finally:
        connections["default"].set_autocommit(True)

    assert not Item.objects.using(REMOTE).exists()


@both_committed
def test_run_after_the_commit_is_none_in_a_transaction():
    with transaction.atomic():
        Item.objects.create(name="a")
        transaction.on_commit(synchronize)

    assert Item.objects.using(REMOTE).exists()


@both_committed
def test_dry_run_and_transaction_of_the_remote_are_allowed():
    Item.objects.create(name="a")
    with transaction.atomic():
        assert synchronize(dry_run=True).created == 1
    with transaction.atomic(using=REMOTE):
        assert synchronize().created == 1


@both
@pytest.mark.parametrize("nested", [False, True])
def test_test_cases_are_transactions_in_which_one_may_synchronise(nested):
    Item.objects.create(name="a")
    if nested:
        with transaction.atomic():
            synchronize()
    else:
        synchronize()

    assert Item.objects.using(REMOTE).exists()
