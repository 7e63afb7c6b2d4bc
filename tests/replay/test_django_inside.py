"""Where Django is not inside what the package relies on, plain Django is used, and ``check`` says so."""

from __future__ import annotations

from dataclasses import replace

import pytest
from django.core.checks.registry import registry

from synchro_triggers import synchronize
from synchro_triggers.checks import check_django
from synchro_triggers.django_inside import expected, instances
from synchro_triggers.django_inside.savepoints import Savepoints
from synchro_triggers.replay.synchronizing import retry_failures
from tests.comparing import assert_same
from tests.databases import both
from tests.replay.hearing import REMOTE, hearing, receiving
from tests.testapp.models import Account, Entry, Item

PARTS = sorted(expected.PARTS)


@pytest.fixture
def another_django(monkeypatch):
    """Return a function that makes a part of Django another one than is expected."""

    def forget():
        expected.is_as_expected.cache_clear()
        instances._is_plain.cache_clear()

    def change(part, holds=lambda: False):
        monkeypatch.setitem(expected.PARTS, part, replace(expected.PARTS[part], holds=holds))
        forget()

    yield change
    monkeypatch.undo()
    forget()


def never(*args, **options):
    raise AssertionError("this is to be left out")


def said():
    return [each.msg for each in check_django(None)]


def test_manage_py_check_asks():
    assert check_django in registry.registered_checks


@pytest.mark.parametrize("part", PARTS)
def test_this_django_is_as_expected(part):
    assert expected.is_as_expected(part) and not said()


@pytest.mark.parametrize("holds", [lambda: False, lambda: object().nothing_there, lambda: len(None)])
@pytest.mark.parametrize("part", PARTS)
def test_check_says_what_another_django_means(another_django, part, holds):
    another_django(part, holds)

    [text] = said()
    assert expected.PARTS[part].relies_on in text and expected.PARTS[part].otherwise in text


@both
@pytest.mark.parametrize("observed", [False, True])
@pytest.mark.parametrize("part", [part for part in PARTS if part != "collecting"])
def test_objects_arrive_all_the_same(another_django, monkeypatch, part, observed):
    another_django(part)
    monkeypatch.setattr(
        "synchro_triggers.replay.rows.selecting.bare_instance",
        never if part == "instances" else instances.bare_instance,
    )
    if part == "savepoints":
        monkeypatch.setattr(Savepoints, "_execute", never)
    refused = []

    def refuse(instance, using, **values):
        if using == REMOTE and instance.name == "refused":
            refused.append(instance)
            raise ValueError("not this one")

    def story():
        items = [Item.objects.create(name=name, cash=1) for name in ("a", "b", "refused", "c")]
        first = synchronize()
        items[0].delete()
        Item.objects.filter(name="b").update(cash=7)
        return first, synchronize()

    if observed:
        with receiving("post_save", Item, refuse), hearing(Item):
            first, second = story()
        assert [each.error for each in first.failures] == ["ValueError: not this one"] and refused
        assert sorted(Item.objects.using(REMOTE).values_list("name", "cash")) == [("b", 7), ("c", 1)]
        assert not retry_failures(REMOTE).failures
    else:
        first, second = story()
        assert not first.failures and not second.failures
    assert_same(Item)


@both
def test_what_others_may_hang_on_is_not_deleted_where_nobody_can_tell(another_django):
    account = Account.objects.create(name="a", cash=1)
    Entry.objects.create(name="e", account=account)
    alone = Item.objects.create(name="alone", cash=1)
    synchronize()
    another_django("collecting")
    with hearing(Account), hearing(Item):
        account.delete()
        alone.delete()
        report = synchronize()

    assert [each.model for each in report.failures] == ["testapp.Account"]
    assert "nobody can tell what a delete would take along" in report.failures[0].error
    assert Account.objects.using(REMOTE).exists() and not Item.objects.using(REMOTE).exists()
