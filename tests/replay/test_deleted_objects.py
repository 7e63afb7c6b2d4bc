"""Deletes find their object: by its reference, its natural key or its own key, and no other."""

from __future__ import annotations

from datetime import date

import pytest

from synchro_triggers import reset_synchro, synchronize
from synchro_triggers.models import Reference
from tests.databases import both
from tests.replay.hearing import REMOTE
from tests.testapp.models import (
    Account,
    Entry,
    Item,
    Keyed,
    OwnKey,
)

pytestmark = [both, pytest.mark.mariadb]


def remote(model):
    return model._base_manager.using(REMOTE)


def test_deleted_object_is_found_by_its_reference_whatever_its_key_there():
    for name in "xyz":
        remote(Item).create(name=name)
    item = Item.objects.create(name="a")
    synchronize()
    assert remote(Item).get(name="a").pk != item.pk

    item.delete()
    synchronize()

    assert sorted(remote(Item).values_list("name", flat=True)) == ["x", "y", "z"]
    assert not Reference.objects.using(REMOTE).exists()


@pytest.mark.all_pairs
def test_deleted_object_without_reference_is_found_by_its_natural_key():
    remote(Keyed).create(code="x")
    remote(Keyed).create(code="y")
    keyed = Keyed.objects.create(code="x")
    reset_synchro()

    keyed.delete()
    synchronize()

    assert remote(Keyed).get().code == "y"


def test_deleted_object_is_found_by_a_natural_key_of_the_users_own_making():
    remote(OwnKey).create(code="x", day=date(2024, 2, 29))
    remote(OwnKey).create(code="x", day=date(2025, 1, 1))
    own = OwnKey.objects.create(code="x", day=date(2024, 12, 24))
    reset_synchro()

    own.delete()
    synchronize()

    assert remote(OwnKey).get().day.year == 2025


def test_deleted_object_that_had_another_natural_key_before_is_found_by_what_the_remote_knows():
    remote(Keyed).create(code="old")
    remote(Keyed).create(code="new")
    keyed = Keyed.objects.create(code="old")
    reset_synchro()

    keyed.code = "new"
    keyed.save()
    keyed.delete()
    synchronize()

    assert remote(Keyed).get().code == "new"


def test_untracked_delete_leaves_the_remote_alone():
    remote(Item).create(name="James", cash=7)
    item = Item.objects.create(name="James", cash=7)
    reset_synchro()

    item.delete()
    report = synchronize()

    assert remote(Item).count() == 1 and not report.changed


def test_delete_of_an_object_with_an_explicit_key_needs_no_reference():
    remote(Account).create(name="a")
    remote(Account).create(name="b")
    account = Account.objects.create(name="a")
    reset_synchro()

    account.delete()
    synchronize()

    assert remote(Account).get().name == "b"


def test_cascade_is_deleted_on_the_remote_too():
    account = Account.objects.create(name="a")
    Entry.objects.create(name="e", account=account)
    synchronize()

    account.delete()
    report = synchronize()

    assert report.failures == []
    assert not remote(Account).exists() and not remote(Entry).exists()
