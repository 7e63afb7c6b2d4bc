"""What a remote has learnt in a time that LOCAL has lost: numbers given out again past the log, kept deletes."""

from __future__ import annotations

from io import StringIO

import pytest
from django.core.management import CommandError, call_command

from synchro_triggers import synchro_paused, synchronize
from synchro_triggers.exceptions import Refused
from synchro_triggers.models import Failure
from tests.databases import both
from tests.replay.hearing import receiving
from tests.safety.test_copies import put_back_to
from tests.testapp.models import Item

REMOTE = "remote"


def cash(alias):
    return sorted(Item.objects.using(alias).values_list("name", "cash"))


def replace_past_the_log(item: Item, **values: object) -> None:
    """What a backup does, and what is written into it then without being logged."""
    with synchro_paused():
        Item.objects.filter(pk=item.pk).delete()
        Item(pk=item.pk, **values).save(force_insert=True)


def keep_identity() -> str:
    with pytest.raises(CommandError, match="put back to an older state"):
        call_command("synchronize")
    call_command("synchro_reset", "--keep-identity", stdout=(output := StringIO()))
    return output.getvalue()


@both
def test_number_that_was_given_out_again_past_the_log_is_asked_about():
    Item.objects.create(name="a")
    synchronize()
    lost = Item.objects.create(name="lost")
    synchronize()
    put_back_to(rows=1)
    replace_past_the_log(lost, name="new")

    said = keep_identity()

    assert f"testapp.Item {lost.pk}. It is forgotten" in said and "synchro_link" in said
    Item.objects.filter(name="new").update(cash=3)
    with pytest.raises(Refused, match=r"may be on 'remote' already: testapp.Item \(1 to be created"):
        synchronize()
    assert cash(REMOTE) == [("a", 0), ("lost", 0)]
    call_command("synchro_link", "--strangers", verbosity=0)
    assert synchronize().created == 1
    assert cash(REMOTE) == [("a", 0), ("lost", 0), ("new", 3)]


@both
def test_object_that_was_met_in_the_lost_time_and_is_equal_goes_on():
    Item.objects.create(name="a")
    with synchro_paused():
        Item.objects.create(name="imported")
    synchronize()
    Item.objects.filter(name="imported").update(cash=1)
    assert synchronize().created == 1
    put_back_to(rows=1)

    said = keep_identity()
    Item.objects.filter(name="imported").update(cash=7)
    report = synchronize()

    assert said.count("\n") == 1
    assert (report.updated, report.created) == (1, 0) and cash(REMOTE) == cash("default")


@both
@pytest.mark.parametrize("way", ["under the log", "linked"])
def test_object_that_was_met_in_the_lost_time_and_differs_is_named(way):
    Item.objects.create(name="known")
    synchronize()
    if way == "linked":
        for alias in ("default", REMOTE):
            with synchro_paused(using=alias):
                item = Item.objects.using(alias).create(pk=77, name="a")
        call_command("synchro_link", verbosity=0)
    else:
        item = Item.objects.create(name="a")
    Item.objects.filter(name="a").update(cash=5)
    synchronize()
    put_back_to(rows=1 if way == "linked" else 2)
    with synchro_paused():
        Item.objects.filter(name="a").update(cash=0)

    said = keep_identity()

    assert f"their rows there have other values: testapp.Item {item.pk}." in said
    assert "still taken for the same" in said and "It is forgotten" not in said
    Item.objects.filter(name="a").update(name="b")
    assert synchronize().updated == 1
    assert cash(REMOTE) == cash("default") == [("b", 0), ("known", 0)]


@both
@pytest.mark.parametrize("again", [False, True], ids=["gone", "given out again"])
def test_kept_delete_that_local_has_lost_is_forgotten(again):
    item = Item.objects.create(name="a")
    key = item.pk
    synchronize()
    item.delete()
    if again:
        Item.objects.create(pk=key, name="another")
    with receiving("pre_delete", Item, _refuse):
        assert len(synchronize().failures) == 1
    put_back_to(rows=1)
    replace_past_the_log(Item(pk=key), name="a")

    keep_identity()

    assert not Failure.objects.using(REMOTE).exists()
    Item.objects.filter(name="a").update(cash=3)
    report = synchronize()
    assert (report.updated, report.deleted, report.created) == (1, 0, 0)
    assert cash(REMOTE) == [("a", 3)] + [("another", 0)] * again


@both
@pytest.mark.parametrize("again", [False, True], ids=["gone", "given out again"])
def test_object_that_is_deleted_before_anybody_says_what_was_lost_goes_on_the_remote_too(again):
    item = Item.objects.create(name="a")
    key = item.pk
    synchronize()
    Item.objects.create(name="lost")
    synchronize()
    put_back_to(rows=1)
    with synchro_paused():
        Item.objects.filter(name="lost").delete()
    item.delete()
    if again:
        Item.objects.create(pk=key, name="another")

    keep_identity()
    report = synchronize()

    assert (report.deleted, report.created) == (1, int(again))
    assert cash(REMOTE) == [("another", 0)] * again + [("lost", 0)]
    assert not synchronize().changed


@both
def test_delete_that_is_kept_is_still_tried_after_a_loss():
    item = Item.objects.create(name="a")
    key = item.pk
    synchronize()
    item.delete()
    Item.objects.create(pk=key, name="another")
    with receiving("pre_delete", Item, _refuse):
        synchronize()
    Item.objects.create(name="lost")
    synchronize()
    put_back_to(rows=3)
    with synchro_paused():
        Item.objects.filter(name="lost").delete()

    keep_identity()
    call_command("synchro_failures", "--retry", verbosity=0)

    assert cash(REMOTE) == [("another", 0), ("lost", 0)] and not Failure.objects.using(REMOTE).exists()


def _refuse(**told):
    raise ValueError("it stays")
