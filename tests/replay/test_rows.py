"""Instances that are made past ``Model.__init__()`` are those that Django makes; who wants to see that sees it."""

from __future__ import annotations

import pytest
from django.db import models
from django.db.models.signals import post_init, pre_init

from synchro_triggers.replay.rows.selecting import instances_of, rows_of
from tests.databases import both
from tests.replay.hearing import LOCAL
from tests.testapp.models import Account, Entry, Item, Stamped

pytestmark = both


def contents(instance):
    stored = {name: value for name, value in instance.__dict__.items() if name != "_state"}
    getattr(instance._state, "fetch_mode", None)  # Django 6.1 puts the usual one there when it is first asked for
    return stored, {name: value for name, value in instance._state.__dict__.items() if value != {}}


@pytest.mark.parametrize("model", [Item, Entry, Stamped])
def test_instances_are_those_of_django(model):
    account = Account.objects.create(name="a", cash=1)
    made = model(name="one", account=account) if model is Entry else model(name="one")
    made.save()

    [ours], [theirs] = instances_of(rows_of(model, LOCAL)), list(rows_of(model, LOCAL))

    assert type(ours) is model and ours == theirs
    assert contents(ours) == contents(theirs)
    assert not ours.get_deferred_fields()
    ours.save()


@pytest.mark.parametrize("signal", [pre_init, post_init])
def test_receivers_of_new_instances_are_called(signal):
    Item.objects.create(name="a")
    called = []

    def receiver(**values):
        called.append(values["sender"])

    signal.connect(receiver, sender=Item)
    try:
        assert len(instances_of(rows_of(Item, LOCAL))) == 1
    finally:
        signal.disconnect(receiver, sender=Item)

    assert called == [Item]


class Watched:
    """What somebody may do to a model class."""

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.seen = True


class Counting:
    @classmethod
    def from_db(cls, db, field_names, values, **options):
        instance = super().from_db(db, field_names, values, **options)
        instance.seen = True
        return instance


class Setting:
    def __setattr__(self, name, value):
        super().__setattr__(name, value)
        self.__dict__["seen"] = True


class Upper:
    def __get__(self, instance, owner):
        return self if instance is None else instance.__dict__["name"]

    def __set__(self, instance, value):
        instance.__dict__["name"] = value
        instance.__dict__["seen"] = True


@pytest.mark.parametrize("mixin", [Watched, Counting, Setting])
def test_overridden_methods_are_called(mixin):
    Item.objects.create(name="a")
    meta = type("Meta", (), {"proxy": True, "app_label": "testapp"})
    proxy = type(f"{mixin.__name__}Item", (mixin, Item), {"Meta": meta, "__module__": __name__})
    try:
        [instance] = instances_of(rows_of(proxy, LOCAL))
    finally:
        forget(proxy)

    assert instance.seen


def test_descriptors_see_values():
    Item.objects.create(name="a")
    meta = type("Meta", (), {"proxy": True, "app_label": "testapp"})
    proxy = type("DescribedItem", (Item,), {"Meta": meta, "__module__": __name__})
    proxy.name = Upper()
    try:
        [instance] = instances_of(rows_of(proxy, LOCAL))
    finally:
        forget(proxy)

    assert instance.seen and instance.name == "a"


def forget(model: type[models.Model]) -> None:
    model._meta.apps.all_models["testapp"].pop(model._meta.model_name)
    model._meta.apps.clear_cache()
