"""The option ``write``: by the model's own methods, past them with its signals, or past everybody."""

from __future__ import annotations

from contextlib import contextmanager

import pytest
from django.core.checks import run_checks
from django.db import models
from django.db.models.signals import post_save

from synchro_triggers import synchronize
from synchro_triggers.models import Failure
from synchro_triggers.replay.write.many import BulkUpserts
from synchro_triggers.replay.write.many_deletes import BulkDeletes
from synchro_triggers.replay.write.many_links import BulkLinks
from tests.comparing import assert_same
from tests.counting import captured
from tests.databases import both
from tests.replay.hearing import REMOTE, hearing, later, names, receiving
from tests.testapp.models import Account, Entry, Item, Keyed, Place, Restaurant, Tag, Tagged

pytestmark = both

#: All that writing one object calls.
METHODS = ("save", "save_base", "delete", "_save_table", "_do_insert", "_do_update", "_save_parents")


def remote(model):
    return model._base_manager.using(REMOTE)


@pytest.fixture
def refuses(monkeypatch):
    """Let the methods of a model refuse to write anything on the remote."""

    def refuse(model, *which):
        for name in which or METHODS:

            def method(self, *args, _name=name, **options):
                if (self._state.db if _name != "save" else options.get("using")) == REMOTE:
                    raise PermissionError(f"{_name}() refuses it")
                return getattr(models.Model, _name)(self, *args, **options)

            monkeypatch.setattr(model, name, method)

    return refuse


@pytest.fixture
def write(settings):
    def way(model, name, **others):
        before = getattr(settings, "SYNCHRO_OPTIONS", {})
        settings.SYNCHRO_OPTIONS = {**before, model._meta.label: {"write": name, **others}}

    return way


def story(model):
    """Create two objects, change one, delete the other; return what a listener has heard of each run."""
    heard = []
    with hearing(model) as told:
        one, other = model.objects.create(name="one"), model.objects.create(name="other")
        told.clear()
        for change in (lambda: None, lambda: model.objects.filter(pk=one.pk).update(name="1"), other.delete):
            change()
            told.clear()
            assert not synchronize().failures
            assert_same(model)
            heard.append(
                [
                    (each.name, each.instance.name, {k: v for k, v in each.told.items() if k != "origin"})
                    for each in told
                ]
            )
            later()
    return heard


# Past the model's own methods -------------------------------------------------------------------------


@pytest.mark.parametrize("model", [Item, Place, Restaurant])
def test_signals_are_those_that_save_and_delete_send(model, refuses, write):
    usual = story(model)
    assert [len(each) for each in usual] == [4, 2, 2] and usual[0][0][2]["using"] == REMOTE

    refuses(model)
    write(model, "signals")
    assert story(model) == usual


def test_signals_are_sent_a_batch_at_a_time_too(refuses, write):
    refuses(Item)
    write(Item, "signals", batch_signals=True)

    with hearing(Item) as told:
        for name in "ab":
            Item.objects.bulk_create([Item(name=name)])
        synchronize()

    assert names(told) == ["pre_save", "pre_save", "post_save", "post_save"]
    assert_same(Item)


def test_way_of_a_parent_is_its_childrens(refuses, write):
    refuses(Restaurant)
    write(Place, "signals")

    assert [len(each) for each in story(Restaurant)] == [4, 2, 2]


def test_what_nobody_hears_is_written_in_bulk_although_methods_are_overridden(refuses, write):
    refuses(Item)
    write(Item, "signals")
    Item.objects.bulk_create(Item(name=str(number)) for number in range(30))

    with captured(REMOTE) as [queries]:
        synchronize()

    assert_same(Item)
    assert sum("testapp_item" in each["sql"] for each in queries) < 10


# What is said where the model's own methods refuse ----------------------------------------------------


@pytest.mark.parametrize("method", ["save", "save_base", "_do_insert"])
def test_failure_says_what_to_do_where_a_method_of_the_model_has_refused_it(refuses, method):
    refuses(Item, method)
    Item.objects.bulk_create([Item(name="a")])

    [failure] = synchronize().failures

    assert f"{method}() refuses it" in failure.error
    assert "SYNCHRO_OPTIONS = {'testapp.Item': {'write': 'signals'}}" in failure.error
    assert failure.error in Failure.objects.using(REMOTE).get().error


def test_failure_says_it_of_a_delete_and_of_validation(monkeypatch, refuses, write):
    def validating(self, *args, **options):
        if options.get("using") == REMOTE:
            self.full_clean()
        models.Model.save(self, *args, **options)

    item = Item.objects.create(name="a")
    synchronize()
    later()
    monkeypatch.setattr(Item, "save", validating)
    Item.objects.bulk_create([Item(name="")])
    [failure] = synchronize().failures
    assert "cannot be blank" in failure.error and "save() of testapp.Item has raised it; SYNCHRO" in failure.error

    write(Item, "signals")
    assert not synchronize().failures
    assert_same(Item)
    write(Item, "save")
    refuses(Item, "delete")
    item.delete()
    [failure] = synchronize().failures
    assert "delete() of testapp.Item has raised it; SYNCHRO_OPTIONS = " in failure.error


def test_nothing_is_advised_where_a_receiver_or_the_database_refuses(monkeypatch):
    def saving(self, *args, **options):
        models.Model.save(self, *args, **options)

    def refuse(using, **told):
        if using == REMOTE:
            raise PermissionError("the receiver refuses it")

    monkeypatch.setattr(Item, "save", saving)
    Item.objects.bulk_create([Item(name="a")])
    with receiving("post_save", Item, refuse):
        [failure] = synchronize().failures

    assert failure.error == "PermissionError: the receiver refuses it"


# Past everybody ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("model", [Item, Place, Restaurant])
@pytest.mark.parametrize("way", ["bulk", "one by one", "batch signals"])
def test_nobody_hears_of_rows(settings, monkeypatch, model, way, refuses, write):
    settings.SYNCHRO_BATCH_SIGNALS = way == "batch signals"
    for writer in (BulkUpserts, BulkDeletes) if way == "one by one" else ():
        monkeypatch.setattr(writer, "apply", lambda self, *tasks: [])  # what it leaves needs a closer look
    refuses(model)
    write(model, "rows")

    with hearing(Place) as of_parents:  # of a child's delete Django tells those of its parents too
        assert story(model) == [[], [], []]
    assert not [each for each in of_parents if each.told["using"] == REMOTE]


def test_nobody_hears_of_rows_that_come_one_by_one(refuses, write):
    """A manager with a ``get_by_natural_key()`` of its own; rows of the remote's own that hang on what is deleted."""
    refuses(Keyed), refuses(Account)
    write(Keyed, "rows"), write(Account, "rows")
    Keyed.objects.bulk_create([Keyed(code="x")])
    account = Account(name="gone")
    Account.objects.bulk_create([account])
    with hearing(Keyed, Account) as told:
        assert not synchronize().failures
        remote(Entry).bulk_create([Entry(name="theirs", account_id=remote(Account).get().pk)])
        later()
        with hearing(Entry) as of_entries:
            Account.objects.filter(pk=account.pk)._raw_delete("default")
            report = synchronize()

    assert not report.failures and not told
    assert names(of_entries) == ["pre_delete", "post_delete"] and not remote(Account).exists()
    assert_same(Keyed)


def test_nobody_hears_of_links_of_what_is_written_as_rows(write):
    tagged, tags = Tagged.objects.create(title="c"), [Tag.objects.create(label=label) for label in "ab"]
    write(Tagged, "rows")

    with hearing(Tagged.tags.through, Tagged) as told:
        tagged.tags.add(*tags)
        told.clear()
        synchronize()
        assert told == [] and remote(Tagged.tags.through).count() == 2
        later()
        tagged.tags.remove(tags[0])
        told.clear()
        synchronize()

    assert told == [] and remote(Tagged.tags.through).count() == 1


def test_nobody_hears_of_links_that_come_one_by_one(write, monkeypatch):
    """What the bulk writer leaves needs a closer look."""
    monkeypatch.setattr(BulkLinks, "apply", lambda self, tasks: [])

    test_nobody_hears_of_links_of_what_is_written_as_rows(write)


@contextmanager
def made_beside():
    """A receiver that makes an account for each item."""

    def make(instance, using, created, **told):
        if created and using == REMOTE:
            Account.objects.create(name=instance.name)

    with receiving("post_save", Item, make):
        yield


def test_what_a_receiver_writes_itself_is_not_heard_of_either(write):
    write(Account, "rows")
    Item.objects.bulk_create([Item(name="a")])

    with made_beside(), hearing(Account) as told:
        synchronize()

    assert told == [] and remote(Account).get().name == "a"
    assert post_save.has_listeners(Item) is False


# What is wrong ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("value", ["row", None, True, ("rows",)])
def test_wrong_way_is_an_error_of_the_check(write, value):
    write(Item, value)

    [error] = [each for each in run_checks() if each.id == "synchro_triggers.E001"]
    assert error.msg == (
        f"SYNCHRO_OPTIONS['testapp.Item']['write'] must be 'save', 'signals' or 'rows', not {value!r}."
    )
