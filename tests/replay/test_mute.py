"""The option ``mute``: receivers that a replay does not call, and nobody else misses."""

from __future__ import annotations

import asyncio
import functools
import sys
import threading
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from types import ModuleType

import pytest
from django.core.checks import run_checks
from django.core.signals import request_started
from django.db.models.signals import m2m_changed, post_save, pre_save

from synchro_triggers import Refused, synchronize
from synchro_triggers.django_inside import expected
from synchro_triggers.django_inside.receivers import SIGNALS, withheld
from synchro_triggers.muted import is_importable, is_named
from tests.comparing import assert_same
from tests.counting import captured
from tests.databases import both
from tests.replay.hearing import REMOTE, later, receiving
from tests.testapp.models import Account, Entry, Item, Place, Restaurant, Tag, Tagged

HERE = __name__
heard: list[tuple[str, str]] = []


def note(who, instance, using):
    if instance is None or instance._meta.app_label == "testapp":  # receivers of all senders hear of our tables too
        heard.append((who, using))


def by_function(instance, using=None, **told):
    note("function", instance, using)


@functools.wraps(by_function)
def by_wrapper(**told):
    by_function(**told)


class Base:
    def hear(self, instance, using=None, **told):
        note("method", instance, using)

    @classmethod
    def hear_all(cls, instance, using=None, **told):
        note("class method", instance, using)

    @staticmethod
    def hear_static(instance, using=None, **told):
        note("static method", instance, using)


class Derived(Base):
    def __call__(self, instance, using=None, **told):
        note("instance", instance, using)


def made():
    def inner(instance, using=None, **told):
        note("closure", instance, using)

    return inner


derived = Derived()
closure = made()


@pytest.fixture(autouse=True)
def nothing_heard():
    heard.clear()


@pytest.fixture
def mute(settings):
    def these(*paths, model="testapp.Item"):
        settings.SYNCHRO_OPTIONS = {**getattr(settings, "SYNCHRO_OPTIONS", {}), model: {"mute": paths}}

    return these


@contextmanager
def connected(*receivers, sender=Item, signals=("post_save",)):
    with ExitStack() as stack:
        for receiver in receivers:
            for name in signals:
                stack.enter_context(receiving(name, sender, receiver))
        yield


def there(model):
    return model._base_manager.using(REMOTE)


# Whom a path names ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("receiver", "path"),
    [
        (by_function, f"{HERE}.by_function"),
        (by_function, HERE),
        (by_function, "tests.replay"),
        (by_function, "tests"),
        (by_wrapper, f"{HERE}.by_wrapper"),
        (by_wrapper, f"{HERE}.by_function"),
        (functools.partial(by_function, extra=1), f"{HERE}.by_function"),
        (derived.hear, f"{HERE}.Derived.hear"),
        (derived.hear, f"{HERE}.Base.hear"),
        (derived.hear, f"{HERE}.Derived"),
        (Derived.hear_all, f"{HERE}.Derived.hear_all"),
        (Derived.hear_all, f"{HERE}.Base"),
        (Base.hear_static, f"{HERE}.Base.hear_static"),
        (derived, f"{HERE}.Derived"),
        (derived, f"{HERE}.Base"),
        (derived, f"{HERE}.derived"),
        (closure, f"{HERE}.made"),
        (closure, f"{HERE}.closure"),
    ],
)
def test_path_names_a_receiver(receiver, path):
    assert is_named(receiver, path)


@pytest.mark.parametrize(
    ("receiver", "path"),
    [
        (by_function, f"{HERE}.by_func"),
        (by_function, "tests.repl"),
        (by_function, f"{HERE}.Base"),
        (derived.hear, f"{HERE}.Base.hear_all"),
        (derived.hear, f"{HERE}.by_function"),
        (derived, f"{HERE}.Derived.hear"),
        (closure, f"{HERE}.by_function"),
        (by_function, "nowhere.at_all"),
    ],
)
def test_path_names_no_other(receiver, path):
    assert not is_named(receiver, path)


def test_path_by_which_it_is_imported_will_do_as_well(monkeypatch):
    module = ModuleType("a_package")
    module.exported, module.Exported = by_function, Base
    monkeypatch.setitem(sys.modules, "a_package", module)

    assert is_named(by_function, "a_package.exported") and is_named(derived.hear, "a_package.Exported")
    assert not is_named(closure, "a_package.exported")
    assert is_importable("a_package.exported") and not is_importable("a_package.nothing")


# A replay ---------------------------------------------------------------------------------------------


@both
@pytest.mark.parametrize("sender", [Item, None])
def test_muted_receiver_is_not_called_and_others_are(mute, sender):
    mute(f"{HERE}.by_function", f"{HERE}.Base")
    item = Item.objects.create(name="a")

    signals = ("pre_save", "post_save", "pre_delete", "post_delete")
    with connected(by_function, derived.hear, closure, sender=sender, signals=signals):
        synchronize()
        item.cash = 1
        later()
        item.save()
        synchronize()
        later()
        item.delete()
        synchronize()

    told = [who for who, using in heard if using == REMOTE]
    assert told.count("function") == told.count("method") == 0 and told.count("closure") >= 6
    assert [who for who, using in heard if using == "default"].count("function") == 4
    assert not there(Item).exists()


@both
def test_model_whose_receivers_are_all_muted_is_written_in_bulk(mute):
    mute(HERE)
    Item.objects.bulk_create(Item(name=str(number)) for number in range(30))

    with connected(by_function, derived), captured(REMOTE) as [queries]:
        synchronize()

    assert_same(Item)
    assert not heard and sum("testapp_item" in each["sql"] for each in queries) < 10


@both
def test_links_are_muted_with_the_model_that_declares_them(mute):
    mute(f"{HERE}.by_function", model="testapp.Tagged")
    tagged, tag = Tagged.objects.create(title="t"), Tag.objects.create(label="x")
    tagged.tags.add(tag)

    with connected(by_function, closure, sender=Tagged.tags.through, signals=("m2m_changed",)):
        synchronize()

    assert {who for who, _ in heard} == {"closure"} and there(Tagged.tags.through).count() == 1


@both
def test_child_has_what_its_parent_has_muted(mute):
    mute(HERE, model="testapp.Place")
    Restaurant.objects.create(name="r")

    with connected(by_function, sender=Restaurant):
        synchronize()

    assert not heard and there(Restaurant).exists()


@both
def test_what_others_save_beside_is_muted_too_while_a_replay_writes(mute):
    mute(f"{HERE}.by_function", model="testapp.Account")
    Item.objects.bulk_create([Item(name="a")])

    def beside(instance, using, **told):
        Account.objects.create(name=instance.name)

    with connected(by_function, closure, sender=Account), receiving("post_save", Item, beside):
        synchronize()

    assert heard == [("closure", REMOTE)] and there(Account).get().name == "a"


@both
@pytest.mark.parametrize("batch_signals", [False, True])
def test_other_models_hear_all_the_same(settings, mute, batch_signals):
    settings.SYNCHRO_BATCH_SIGNALS = batch_signals
    mute(HERE)
    account = Account.objects.create(name="a")
    Entry.objects.create(name="e", account=account)

    with connected(by_function, sender=Entry):
        synchronize()

    assert heard == [("function", REMOTE)]


@both
def test_other_threads_and_tasks_hear_as_ever(mute):
    mute(f"{HERE}.by_function")
    Item.objects.bulk_create([Item(name="a")])
    elsewhere = []

    def send(place):
        before = len(heard)
        post_save.send(Item, instance=None, using=place)
        elsewhere.append((place, heard[before:]))

    async def task():
        send("task")

    loop = asyncio.new_event_loop()
    started = []

    def meanwhile(instance, using, **told):
        if using != REMOTE:
            return
        thread = threading.Thread(target=send, args=("thread",))
        thread.start()
        thread.join()
        started.append(loop.create_task(task()))
        send("here")

    with connected(by_function), receiving("pre_save", Item, meanwhile):
        synchronize()
        loop.run_until_complete(*started)
    loop.close()

    found = dict(elsewhere)
    assert found["thread"] == [("function", "thread")] and found["task"] == [("function", "task")]
    assert found["here"] == []


def test_nothing_stays_in_django_after_the_last_block():
    def nobody(sender, receiver):
        return False

    with withheld(nobody), withheld(lambda sender, receiver: receiver is by_function):
        with connected(by_function, closure):
            post_save.send(Item, instance=None)
            assert heard == [("closure", None)] and post_save.has_listeners(Item)
        with connected(by_function):
            assert not post_save.has_listeners(Item) and post_save.send(Item, instance=None) == []

    assert all("_live_receivers" not in vars(signal) for signal in SIGNALS)
    with connected(by_function):
        assert post_save.has_listeners(Item)


def test_block_that_fails_leaves_nothing_behind():
    with pytest.raises(ZeroDivisionError), withheld(lambda sender, receiver: True):
        raise ZeroDivisionError

    with connected(by_function):
        post_save.send(Item, instance=None)
    assert heard == [("function", None)]


def test_other_signals_are_not_touched():
    with withheld(lambda sender, receiver: True):
        assert "_live_receivers" not in vars(request_started)
        assert {pre_save, post_save, m2m_changed} < set(SIGNALS)


# Where it cannot be kept ------------------------------------------------------------------------------


@both
@pytest.mark.parametrize("options", [{"mute": (HERE,)}, {"write": "rows"}])
def test_run_is_refused_where_django_calls_receivers_in_another_way(monkeypatch, settings, options):
    monkeypatch.setitem(expected.PARTS, "receivers", replace(expected.PARTS["receivers"], holds=lambda: False))
    expected.is_as_expected.cache_clear()
    settings.SYNCHRO_OPTIONS = {"testapp.Item": options}
    Item.objects.create(name="a")

    try:
        with (
            connected(by_function),
            pytest.raises(Refused, match=r"mutes receivers, but Django .* they would be called"),
        ):
            synchronize()
        settings.SYNCHRO_OPTIONS = {}
        assert not there(Item).exists() and not heard
        assert not synchronize().failures and there(Item).exists()
    finally:
        expected.is_as_expected.cache_clear()


# What check says --------------------------------------------------------------------------------------


def said(which):
    return [each.msg for each in run_checks() if each.id == f"synchro_triggers.{which}"]


@pytest.mark.parametrize("value", ["tests", (5,), ("no path",), ("",), ("a..b",), True])
def test_wrong_mute_is_an_error(settings, value):
    settings.SYNCHRO_OPTIONS = {"testapp.Item": {"mute": value}}

    [error] = said("E001")
    assert error.startswith("SYNCHRO_OPTIONS['testapp.Item']['mute'] ")


def test_what_cannot_be_imported_is_warned_of(mute):
    mute("nowhere.at_all", f"{HERE}.not_there", f"{HERE}.by_function")

    with connected(by_function):
        found = said("W017")

    assert [each.split("names ")[1].split(" ")[0] for each in found] == ["'nowhere.at_all',", f"'{HERE}.not_there',"]


def test_what_is_not_connected_is_warned_of(mute):
    mute(f"{HERE}.by_function", f"{HERE}.closure")

    with connected(closure, sender=Place):
        [of_function, of_closure] = said("W017")
    with connected(by_function, closure):
        assert not said("W017")

    assert "no receiver of testapp.Item" in of_function and "by_function" in of_function and "closure" in of_closure


def test_receivers_of_links_and_of_an_apps_models_are_looked_at(mute, settings):
    mute(f"{HERE}.by_function", model="testapp")
    with connected(by_function, sender=Tagged.tags.through, signals=("m2m_changed",)):
        assert not said("W017")
