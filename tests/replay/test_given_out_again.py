"""A key that was deleted and given out again is another object; one that only changed its number is the same."""

from __future__ import annotations

import datetime

import pytest
from django.db import connection

from synchro_triggers import synchro_paused, synchronize
from synchro_triggers.capture.install import compare, run_statements
from synchro_triggers.models import ChangeLog, Failure, Reference, options
from synchro_triggers.replay.report import Told
from synchro_triggers.replay.state.node import node_id
from tests.comparing import assert_same
from tests.databases import both
from tests.replay.hearing import later
from tests.replay.routes import batches, route  # noqa: F401  (fixtures)
from tests.shapeapp.models import CascadePet, City, Country, Flea, NullPet, Owner, ProtectPet, Street
from tests.shapes.sides import LOCAL, REMOTE, checked_late, execute, on_remote
from tests.testapp.models import (
    Account,
    Document,
    Entry,
    Item,
    Keyed,
    KeyedChild,
    Numbered,
    Place,
    Restaurant,
    Tag,
    Tagged,
)

pytestmark = [both, pytest.mark.usefixtures("route", "batches"), pytest.mark.thinned("route", "batches")]


def there(model, field="name"):
    return sorted(model._base_manager.using(REMOTE).values_list(field, flat=True))


def synchronized():
    """Run; nothing may fail, and nothing may be left to do."""
    report = synchronize()
    assert report.failures == []
    again = synchronize()
    assert not again.changed and not again.remarks
    return report


def given_again(instance, **values):
    """Delete an object, and give its key to a new one."""
    key = instance.pk
    type(instance)._base_manager.filter(pk=key).delete()
    return type(instance)._base_manager.create(pk=key, **values)


# Without a natural key --------------------------------------------------------------------------------


def test_new_object_under_a_used_number_has_nothing_of_the_old_one():
    alfred = Owner.objects.create(name="Alfred")
    CascadePet.objects.create(name="of Alfred", owner=alfred)
    synchronized()
    old = on_remote(Owner)
    theirs = CascadePet.objects.using(REMOTE).create(name="theirs", owner=old)
    Flea.objects.using(REMOTE).create(name="on theirs", pet=theirs)
    NullPet.objects.using(REMOTE).create(name="stays", owner=old)

    bruce = given_again(alfred, name="Bruce")
    CascadePet.objects.create(name="of Bruce", owner=bruce)
    dry = synchronize(dry_run=True)
    report = synchronized()

    new = on_remote(Owner)
    assert (new.name, new.pk == old.pk) == ("Bruce", False)
    assert there(CascadePet) == ["of Bruce"] and there(Flea) == []
    assert on_remote(NullPet).owner is None
    told = [(remark.model, remark.key) for remark in report.remarks if remark.key != str(alfred.pk)]
    assert ("shapeapp.CascadePet", str(theirs.pk)) in told
    assert report.told[Told.DELETED_ALONG] >= 2
    assert (report.deleted, dry.deleted) == (4, 4)


def test_what_lives_moves_over_to_the_new_one():
    """Raw SQL: the pets are not logged."""
    owner = Owner.objects.create(name="old")
    CascadePet.objects.create(name="pet", owner=owner)
    ProtectPet.objects.create(name="guard", owner=owner)
    synchronized()
    pet = on_remote(CascadePet).pk

    with checked_late():
        execute("DELETE FROM shapeapp_owner")
        execute("INSERT INTO shapeapp_owner (id, name) VALUES (%s, 'new')", owner.pk)
    synchronized()

    assert_same("shapeapp")
    assert on_remote(CascadePet).pk == pet


def test_unique_values_of_the_old_ones_are_the_new_ones_at_once():
    made = [Numbered.objects.create(number=number, name="old") for number in range(4)]
    synchronized()

    keys = [each.pk for each in made]
    Numbered.objects.all().delete()
    for key, number in zip(keys, (1, 2, 3, 0), strict=True):
        Numbered.objects.create(pk=key, number=number, name=f"new {number}")
    synchronized()

    assert_same(Numbered)


def test_row_that_only_lived_between_two_runs_takes_nothing_along():
    owner = Owner.objects.create(name="stays")
    synchronized()
    short = Owner.objects.create(name="short-lived")
    given_again(short, name="second")

    report = synchronized()

    assert there(Owner) == ["second", owner.name]
    assert report.deleted == 0


def test_new_one_that_is_deleted_too_leaves_nothing():
    owner = Owner.objects.create(name="old")
    synchronized()

    given_again(owner, name="new").delete()
    report = synchronized()

    assert there(Owner) == [] and report.deleted == 1


def test_old_one_that_cannot_go_yet_does_not_keep_the_new_one_waiting():
    owner = Owner.objects.create(name="old")
    synchronized()
    old = on_remote(Owner)
    ProtectPet.objects.using(REMOTE).create(name="theirs", owner=old)

    given_again(owner, name="new")
    reports = [synchronize(), synchronize()]

    assert there(Owner) == ["new", "old"]
    for report in reports:
        [failure] = report.failures
        assert (failure.model, failure.key) == ("shapeapp.Owner", str(owner.pk))
    ProtectPet.objects.using(REMOTE).all().delete()
    Owner.objects.update(name="newer")
    synchronized()
    assert there(Owner) == ["newer"] and not Failure.objects.using(REMOTE).exists()


def test_old_one_whose_deletion_is_kept_from_an_earlier_run():
    owner = Owner.objects.create(name="old")
    key = owner.pk
    synchronized()
    ProtectPet.objects.using(REMOTE).create(name="theirs", owner=on_remote(Owner))
    owner.delete()
    assert len(synchronize().failures) == 1

    Owner.objects.create(pk=key, name="new")
    synchronize()
    assert there(Owner) == ["new", "old"]
    ProtectPet.objects.using(REMOTE).all().delete()
    synchronized()

    assert there(Owner) == ["new"]


def test_log_that_is_read_again_does_not_delete_the_new_one():
    owner = Owner.objects.create(name="old")
    synchronized()
    given_again(owner, name="new")
    synchronized()
    CascadePet.objects.using(REMOTE).create(name="theirs", owner=on_remote(Owner))

    options.last_check = datetime.datetime(2000, 1, 1, tzinfo=datetime.UTC)
    report = synchronize()

    assert report.failures == [] and report.deleted == 0
    assert there(CascadePet) == ["theirs"]


@pytest.mark.parametrize("page_rows", [1, 2, 3])
def test_log_that_is_read_in_small_pages(page_rows, monkeypatch):
    monkeypatch.setattr("synchro_triggers.replay.backlog.PAGE_ROWS", page_rows)
    owners = [Owner.objects.create(name=f"old {number}") for number in range(3)]
    pet = CascadePet.objects.create(name="pet", owner=owners[0])
    synchronized()
    CascadePet.objects.using(REMOTE).create(name="theirs", owner=on_remote(Owner, name="old 0"))

    CascadePet.objects.update(owner=owners[2])
    news = [given_again(owner, name=f"new {number}") for number, owner in enumerate(owners[:2])]
    CascadePet.objects.update(owner=news[1])
    assert synchronize().failures == []

    assert_same("shapeapp")
    assert there(CascadePet) == [pet.name]


@pytest.mark.parametrize("page_rows", [1, 2, 3])
def test_change_on_an_early_page_does_not_hide_that_the_key_was_given_out_again(page_rows, monkeypatch):
    monkeypatch.setattr("synchro_triggers.replay.backlog.PAGE_ROWS", page_rows)
    owner, other = (Owner.objects.create(name=name) for name in ("old", "other"))
    synchronized()
    old = on_remote(Owner, name="old").pk

    Owner.objects.filter(pk=owner.pk).update(name="changed first")
    Owner.objects.filter(pk=other.pk).update(name="between")
    given_again(owner, name="new")
    assert synchronize().failures == []

    assert_same("shapeapp")
    assert on_remote(Owner, name="new").pk != old
    assert there(Owner) == ["between", "new"]
    assert not synchronize().changed


def test_links_of_the_old_one_are_not_the_new_ones():
    tags = [Tag.objects.create(label=label) for label in "ab"]
    tagged = Tagged.objects.create(title="old")
    tagged.tags.set(tags)
    synchronized()
    extra = Tag.objects.using(REMOTE).create(label="theirs")
    on_remote(Tagged).tags.add(extra)

    given_again(tagged, title="new").tags.add(tags[1])
    synchronized()

    assert [tag.label for tag in on_remote(Tagged, title="new").tags.all()] == ["b"]


def test_inherited_object_gives_way_to_one_of_another_kind():
    place = Restaurant.objects.create(name="old", stars=1)
    other = Place.objects.create(name="old place")
    synchronized()
    keys = set(Place.objects.using(REMOTE).values_list("pk", flat=True))

    Place.objects.filter(pk=place.pk).delete()
    Place.objects.filter(pk=other.pk).delete()
    Place.objects.create(pk=place.pk, name="new place")
    Restaurant.objects.create(pk=other.pk, name="new", stars=2)
    synchronized()

    assert_same(Place, Restaurant)
    assert keys.isdisjoint(Place.objects.using(REMOTE).values_list("pk", flat=True))


def test_child_that_is_made_again_below_the_same_parent_is_no_new_object():
    restaurant = Restaurant.objects.create(name="a", stars=1)
    synchronized()
    old = on_remote(Place).pk

    key = restaurant.pk
    restaurant.delete(keep_parents=True)
    execute("INSERT INTO testapp_restaurant (place_ptr_id, stars) VALUES (%s, 5)", key)
    synchronized()

    assert_same(Place, Restaurant)
    assert on_remote(Restaurant).pk == old


@pytest.mark.parametrize("moment", ["paused", "logged"])
def test_key_of_an_object_that_vanished_is_another_objects_too(moment):
    owner = Owner.objects.create(name="old")
    synchronized()
    key = owner.pk
    CascadePet.objects.using(REMOTE).create(name="theirs", owner=on_remote(Owner))

    if moment == "paused":
        with synchro_paused():
            owner.delete()
        Owner.objects.create(pk=key, name="new")
        report = synchronized()
        assert [(remark.kind, remark.key) for remark in report.remarks] == [(Told.VANISHED, str(key))]
        assert there(Owner) == ["new", "old"] and there(CascadePet) == ["theirs"]
    else:
        given_again(owner, name="new")
        synchronized()
        assert there(Owner) == ["new"] and there(CascadePet) == []


def test_object_that_came_from_the_remote_gives_its_key_away():
    theirs = Owner.objects.using(REMOTE).create(name="made there")
    with synchro_paused():  # as a pull would have made it
        here = Owner.objects.create(name="made there")
    Reference.objects.using(LOCAL).create(
        source=node_id(REMOTE), model_label="shapeapp.Owner", local_pk=str(theirs.pk), remote_pk=str(here.pk)
    )
    CascadePet.objects.using(REMOTE).create(name="theirs", owner=theirs)

    given_again(here, name="new")
    synchronized()

    assert there(Owner) == ["new"] and there(CascadePet) == []
    assert on_remote(Owner).pk != theirs.pk


# With a natural key -----------------------------------------------------------------------------------


def test_lookup_table_that_is_loaded_anew_with_other_numbers_stays_what_it_was():
    codes = ["a", "b", "c", "d"]
    for code in codes:
        Keyed.objects.create(code=code, cash=1)
    synchronized()
    rows = dict(Keyed.objects.using(REMOTE).values_list("code", "pk"))
    for code in codes:
        KeyedChild.objects.using(REMOTE).create(name=f"of {code}", parent_id=rows[code])

    keys = list(Keyed.objects.order_by("pk").values_list("pk", flat=True))
    Keyed.objects.all().delete()
    for key, code in zip(keys, ["b", "c", "e", "a"], strict=True):
        Keyed.objects.create(pk=key, code=code, cash=2 if code == "c" else 1)
    report = synchronized()

    assert dict(Keyed.objects.using(REMOTE).values_list("code", "pk")).items() >= {(code, rows[code]) for code in "abc"}
    assert there(Keyed, "code") == ["a", "b", "c", "e"] and on_remote(Keyed, code="c").cash == 2
    assert sorted(KeyedChild.objects.using(REMOTE).values_list("name", "parent__code")) == [
        (f"of {code}", code) for code in "abc"
    ]
    assert [(remark.kind, remark.model) for remark in report.remarks] == [(Told.DELETED_ALONG, "testapp.KeyedChild")]


def test_natural_keys_that_name_other_lookup_tables_follow_them():
    def load(order):
        for number, name in enumerate(order, start=1):
            country = Country.objects.create(pk=number, name=name)
            city = City.objects.create(pk=number, name="capital", country=country)
            Street.objects.create(pk=number, name="main street", city=city, length=1)

    load(["a", "b", "c"])
    synchronized()
    theirs = {
        country.name: Street.objects.using(REMOTE).create(name="side street", city=country.cities.get()).pk
        for country in Country.objects.using(REMOTE)
    }
    rows = {model: set(model.objects.using(REMOTE).values_list("pk", flat=True)) for model in (Country, City, Street)}

    Street.objects.all().delete()
    City.objects.all().delete()
    Country.objects.all().delete()
    load(["c", "a", "b"])
    report = synchronized()

    assert report.deleted == 0
    for model, keys in rows.items():
        assert set(model.objects.using(REMOTE).values_list("pk", flat=True)) == keys
    found = Street.objects.using(REMOTE).filter(name="side street").values_list("city__country__name", "pk")
    assert dict(found) == theirs


def test_number_that_is_changed_by_sql_is_the_same_object():
    keyed = Keyed.objects.create(code="a")
    synchronized()
    row = on_remote(Keyed).pk
    KeyedChild.objects.using(REMOTE).create(name="theirs", parent_id=row)

    execute("UPDATE testapp_keyed SET id = %s, cash = 3 WHERE id = %s", keyed.pk + 500, keyed.pk)
    report = synchronized()

    assert (on_remote(Keyed).pk, on_remote(Keyed).cash, report.deleted) == (row, 3, 0)
    assert there(KeyedChild) == ["theirs"]


def test_numbers_that_are_exchanged_by_natural_keys():
    one, other = (Tag.objects.create(label=label) for label in "ab")
    synchronized()
    rows = dict(Tag.objects.using(REMOTE).values_list("label", "pk"))
    keys = one.pk, other.pk

    Tag.objects.all().delete()
    Tag.objects.create(pk=keys[0], label="b")
    Tag.objects.create(pk=keys[1], label="a")
    report = synchronized()

    assert dict(Tag.objects.using(REMOTE).values_list("label", "pk")) == rows
    assert (report.created, report.deleted) == (0, 0)


@pytest.mark.parametrize("page_rows", [20_000, 1], ids=["one page", "pages of one row"])
@pytest.mark.parametrize("model, field", [(Keyed, "code"), (Numbered, "number")], ids=["not unique", "unique"])
def test_natural_key_of_a_deleted_object_goes_to_one_that_has_a_row_already(
    model, field, page_rows, settings, monkeypatch
):
    """The deleted one does not live on in the other, which is another row there."""
    monkeypatch.setattr("synchro_triggers.replay.backlog.PAGE_ROWS", page_rows)
    settings.SYNCHRO_OPTIONS = {"testapp.Numbered": {"natural_key": ("number",)}}
    run_statements(LOCAL, [sql for trigger in compare(LOCAL).outdated for sql in trigger.statements])
    gone, other, third = (model.objects.create(**{field: number}) for number in (1, 2, 3))
    synchronized()
    rows = {number: on_remote(model, **{field: number}).pk for number in (1, 2, 3)}
    if model is Keyed:
        KeyedChild.objects.using(REMOTE).create(name="theirs", parent_id=rows[1])
        later()

    gone.delete()
    model.objects.filter(pk=other.pk).update(**{field: 1})
    model.objects.filter(pk=third.pk).update(**{field: 2})
    dry = synchronize(dry_run=True)
    report = synchronized()

    assert {int(value): key for value, key in model.objects.using(REMOTE).values_list(field, "pk")} == {
        1: rows[2],
        2: rows[3],
    }
    assert there(KeyedChild) == []
    deleted = 2 if model is Keyed else 1  # what hung on it goes along
    assert (report.updated, report.deleted) == (dry.updated, dry.deleted) == (2, deleted)


def test_natural_key_of_a_deleted_object_goes_on_from_one_to_the_next():
    """Of those that have it on the way, each has a row already, or is new."""
    made = [Tag.objects.create(label=label) for label in "abc"]
    synchronized()
    rows = dict(Tag.objects.using(REMOTE).values_list("label", "pk"))

    made[0].delete()
    Tag.objects.filter(pk=made[1].pk).update(label="a")
    Tag.objects.create(label="b")
    Tag.objects.filter(pk=made[2].pk).update(label="d")
    Tag.objects.create(label="c")
    synchronized()

    assert_same(Tag)
    found = dict(Tag.objects.using(REMOTE).values_list("label", "pk"))
    assert (found["a"], found["d"]) == (rows["b"], rows["c"])
    assert rows["a"] not in found.values() or found["b"] == rows["a"] or found["c"] == rows["a"]


# Where the key is the users' own ----------------------------------------------------------------------


@pytest.mark.parametrize("model", [Account, Document, "kept by settings"])
def test_object_that_keeps_its_key_is_the_same_one(model, settings):
    if model == "kept by settings":
        settings.SYNCHRO_OPTIONS = {"testapp.Item": {"identity": "pk"}}
        model = Item
    field = "title" if model is Document else "cash"
    values = {} if model is Document else {"name": "a"}
    made = model.objects.create(**values, **{field: 1})
    synchronized()
    if model is Account:
        Entry.objects.using(REMOTE).create(name="theirs", account_id="a")

    key = made.pk
    made.delete()
    model.objects.create(pk=key, **({} if model is Account else values), **{field: 2})
    report = synchronized()

    assert (report.updated, report.deleted, report.created) == (1, 0, 0)
    assert there(Entry) == (["theirs"] if model is Account else [])


@pytest.mark.vendor("sqlite", "sqlite-to-postgres")
def test_rows_that_sqlite_replaces_under_their_own_key_are_the_same_objects():
    owner = Owner.objects.create(name="a")
    number = Numbered.objects.create(number=1, name="a")
    synchronized()
    rows = on_remote(Owner).pk, on_remote(Numbered).pk
    CascadePet.objects.using(REMOTE).create(name="theirs", owner_id=rows[0])

    execute("INSERT OR REPLACE INTO shapeapp_owner (id, name) VALUES (%s, 'b')", owner.pk)
    execute("INSERT OR REPLACE INTO testapp_numbered (id, number, name) VALUES (%s, 2, 'b')", number.pk)
    synchronized()

    assert (on_remote(Owner, name="b").pk, on_remote(Numbered, number=2).pk) == rows
    assert there(CascadePet) == ["theirs"]


@pytest.mark.vendor("sqlite", "sqlite-to-postgres")
def test_row_that_sqlite_only_might_have_replaced_is_left_in_peace():
    number = Numbered.objects.create(number=1, name="a")
    synchronized()
    row = on_remote(Numbered).pk

    execute("INSERT OR IGNORE INTO testapp_numbered (id, number, name) VALUES (77, 1, 'b')")
    assert ChangeLog.objects.filter(operation="D", object_pk=str(number.pk)).exists()
    synchronize()

    assert on_remote(Numbered).pk == row
    execute("INSERT OR REPLACE INTO testapp_numbered (id, number, name) VALUES (77, 1, 'b')")
    synchronized()
    assert (on_remote(Numbered).pk == row, there(Numbered)) == (False, ["b"])


@pytest.mark.vendor("postgres", "postgres-to-sqlite")
def test_numbers_that_a_truncate_gives_out_again():
    for name in "abc":
        Owner.objects.create(name=name)
        Keyed.objects.create(code=name)
    synchronized()
    old = set(Owner.objects.using(REMOTE).values_list("pk", flat=True))
    rows = dict(Keyed.objects.using(REMOTE).values_list("code", "pk"))

    with connection.cursor() as cursor:
        cursor.execute("TRUNCATE shapeapp_owner, testapp_keyed RESTART IDENTITY CASCADE")
    for name in "bca":
        Owner.objects.create(name=name)
        Keyed.objects.create(code=name)
    synchronized()

    assert there(Owner) == ["a", "b", "c"]
    assert old.isdisjoint(Owner.objects.using(REMOTE).values_list("pk", flat=True))
    assert dict(Keyed.objects.using(REMOTE).values_list("code", "pk")) == rows
