"""What an overridden ``save()`` makes of the values that it was given is read back, and mended or told."""

from __future__ import annotations

import uuid
from contextlib import nullcontext

import pytest
from django.db import models

from synchro_triggers import Told, synchronize
from tests.comparing import assert_same
from tests.counting import captured
from tests.databases import both
from tests.replay.hearing import REMOTE, later, receiving
from tests.shapes.sides import execute
from tests.testapp.models import Item, Restaurant

pytestmark = both


def there(model):
    return model._base_manager.using(REMOTE)


@pytest.fixture
def saved(monkeypatch):
    """Let ``save()`` of a model do something on the remote before Django's own, or after it."""

    def overridden(model, before=lambda self: None, after=lambda self: None):
        def save(self, *args, **options):
            if options.get("using") == REMOTE:
                before(self)
            models.Model.save(self, *args, **options)
            if options.get("using") == REMOTE:
                after(self)

        monkeypatch.setattr(model, "save", save)

    return overridden


def renamed(self):
    self.name = f"new {uuid.uuid4().hex[:8]}"


def renamed_past_it(self):
    type(self)._base_manager.using(REMOTE).filter(pk=self.pk).update(name="past it")


def saved_again(self):
    self.name = "again"
    models.Model.save(self, using=REMOTE)


@pytest.mark.parametrize("model", [Item, Restaurant])
@pytest.mark.parametrize(
    "what",
    [{"before": renamed}, {"after": renamed_past_it}, {"after": saved_again}],
    ids=["before", "past it", "again"],
)
@pytest.mark.parametrize("heard", [False, True])
def test_value_that_save_makes_anew_is_written_again(saved, model, what, heard):
    saved(model, **what)
    written = []
    instance = model(name="a")
    models.Model.save(instance)

    hear = lambda instance, using, **told: written.append(using)  # noqa: E731
    with receiving("post_save", model, hear) if heard else nullcontext():
        report = synchronize()
        model._base_manager.filter(pk=instance.pk).update(name="b")
        later()
        second = synchronize()

    assert not report.failures and not second.failures and not report.remarks and not second.remarks
    assert there(model).get().name == "b"
    assert_same(model)
    assert not synchronize().changed


@pytest.mark.parametrize(
    ("signal", "way", "cash"),
    [
        ("pre_save", "instance", 7),
        ("pre_save", "row", 1),  # the save comes after it
        ("post_save", "instance", 1),  # nobody has written it
        ("post_save", "row", 7),
    ],
)
def test_what_a_receiver_has_changed_stays(saved, signal, way, cash):
    saved(Item, before=renamed)
    item = Item.objects.create(name="a", cash=1)
    synchronize()
    later()
    Item.objects.filter(pk=item.pk).update(name="b")

    def double(instance, using, **told):
        if using == REMOTE and way == "instance":
            instance.cash = 7
        elif using == REMOTE:
            there(Item).filter(pk=instance.pk).update(cash=7)

    with receiving(signal, Item, double):
        report = synchronize()

    assert not report.failures and not report.remarks
    assert there(Item).values_list("name", "cash").get() == ("b", cash)


@pytest.mark.parametrize("after", [renamed_past_it, saved_again], ids=["past it", "again"])
@pytest.mark.parametrize("signal", ["pre_save", "post_save"])
def test_what_save_makes_after_the_receivers_is_written_again(saved, signal, after):
    saved(Item, after=after)
    Item.objects.create(name="a")

    def rename(instance, using, **told):
        if using == REMOTE and instance.name == "a":
            instance.name = "theirs"

    with receiving(signal, Item, rename):
        report = synchronize()

    assert not report.failures and not report.remarks
    assert there(Item).get().name == "a"


@pytest.mark.parametrize("way", ["instance", "row"])
def test_what_a_receiver_changes_in_the_last_save_stays(saved, way):
    saved(Item, after=saved_again)
    Item.objects.create(name="a")

    def rename(instance, using, **told):
        if using == REMOTE and way == "instance":
            instance.name = "theirs"
        elif using == REMOTE:
            there(Item).filter(pk=instance.pk).update(name="theirs")

    with receiving("pre_save" if way == "instance" else "post_save", Item, rename):
        report = synchronize()

    assert not report.failures and not report.remarks
    assert there(Item).get().name == "theirs"


def test_what_differs_again_is_told(saved, vendor):
    saved(Item, before=renamed)
    if vendor.name.endswith("sqlite"):
        execute(
            "CREATE TRIGGER anew AFTER UPDATE ON testapp_item WHEN NEW.name <> 'THEIRS' "
            "BEGIN UPDATE testapp_item SET name = 'THEIRS' WHERE id = NEW.id; END",
            alias=REMOTE,
        )
    else:
        execute(
            "CREATE FUNCTION anew() RETURNS trigger LANGUAGE plpgsql AS "
            "$$ BEGIN NEW.name := 'THEIRS'; RETURN NEW; END $$",
            alias=REMOTE,
        )
        execute(
            "CREATE TRIGGER anew BEFORE INSERT OR UPDATE ON testapp_item FOR EACH ROW EXECUTE FUNCTION anew()",
            alias=REMOTE,
        )
    item = Item.objects.create(name="a")

    report = synchronize()

    [remark] = report.remarks
    assert (remark.kind, remark.model, remark.key) == (Told.DIFFERS, "testapp.Item", str(item.pk))
    assert "name" in remark.reason and "cash" not in remark.reason


def test_save_that_writes_no_row_is_kept_and_says_what_to_do(monkeypatch, settings):
    monkeypatch.setattr(
        Item, "save", lambda self, *a, using=None, **o: models.Model.save(self, *a, **o) if using != REMOTE else None
    )
    Item.objects.create(name="a")

    [failure] = synchronize().failures
    assert failure.error.startswith("save() has written no row; SYNCHRO_OPTIONS = {'testapp.Item': ")
    settings.SYNCHRO_OPTIONS = {"testapp.Item": {"write": "signals"}}
    assert not synchronize().failures
    assert_same(Item)


def test_save_that_gives_another_key_is_kept_and_says_what_to_do(saved, settings):
    settings.SYNCHRO_OPTIONS = {"testapp.Item": {"identity": "pk"}}

    def other_key(self):
        self.pk += 1000

    saved(Item, before=other_key)
    Item.objects.create(name="a")

    [failure] = synchronize().failures
    assert "save() has given it the key" in failure.error and "{'write': 'signals'}" in failure.error
    assert not there(Item).exists()


def test_it_costs_a_query_an_object(saved):
    def statements(names):
        Item.objects.bulk_create(Item(name=name) for name in names)
        with captured(REMOTE) as [queries]:
            assert not synchronize().failures
        later()
        return sum('"testapp_item"' in each["sql"] and each["sql"].startswith("SELECT") for each in queries)

    saved(Item)

    statements("a")  # something is looked up once
    few, many = statements("abc"), statements("abcdefghijklm")

    assert many - few == 10
