"""Which object is which, when both sides are compared: by references, natural keys, kept keys; what points to it."""

from __future__ import annotations

import uuid

import pytest
from django.contrib.contenttypes.models import ContentType

from synchro_triggers import compare, synchronize
from tests.counting import captured
from tests.databases import both
from tests.fieldapp.models import KEYED, PAIRED, POINTERS
from tests.replay.test_compare import found, remote, silently
from tests.shapeapp.models import (
    Amphibian,
    Article,
    Author,
    Boat,
    Car,
    Note,
    NothingPet,
    Owner,
    Rank,
    Sticker,
    Topic,
    Vehicle,
)
from tests.shapes.sides import LOCAL, REMOTE, execute, synchronize_and_compare
from tests.shapes.test_keys import KEYS, keys_side_by_side
from tests.testapp.models import Ambiguous, Item, Keyed

pytestmark = [both, pytest.mark.all_pairs]

MODELS = ("Vehicle", "Car", "Boat", "Amphibian", "Article", "Review", "Author", "Topic", "Note", "Sticker")


@pytest.fixture(autouse=True)
def few_models(settings):
    """A comparison goes through each captured model: of the hundred, those that these tests write."""
    settings.SYNCHRO_MODELS = [
        ("shapeapp", *MODELS, "Rank", "Owner", "NothingPet"),
        ("testapp", "Item", "Keyed", "Ambiguous"),
    ]


def on_both(make):
    """Make something on both sides past their logs, as an import would."""
    for alias in (LOCAL, REMOTE):
        silently(lambda alias=alias: make(alias), using=alias)


def test_objects_without_references_are_found_by_their_natural_keys():
    on_both(lambda alias: Keyed.objects.using(alias).create(code="k", cash=1))
    assert compare().equal

    silently(lambda: remote(Keyed).update(cash=2))

    assert found() == [("Keyed", "differs", "", ["cash"])]


def test_natural_key_that_several_have_tells_nothing_and_that_is_said():
    silently(lambda: Ambiguous.objects.create(name="x"), using=LOCAL)
    silently(lambda: remote(Ambiguous).bulk_create([Ambiguous(name="x"), Ambiguous(name="x")]))

    report = compare()

    assert [each[1:3] for each in found(report)] == [("differs", "local")] + 2 * [("differs", "remote")]
    assert "finds several objects" in report.differences[0].reason


def test_objects_that_nothing_tells_are_on_one_side_each():
    on_both(lambda alias: Item.objects.using(alias).create(name="a"))

    assert found() == [("Item", "differs", "local", []), ("Item", "differs", "remote", [])]


@pytest.mark.parametrize("kind", KEYS)
def test_objects_with_keys_of_any_kind(capture_only, kind, vendor):
    model, pointer, keys = KEYED[kind], POINTERS[kind], keys_side_by_side(kind, vendor)
    capture_only(model, pointer)
    for value in keys:
        model.objects.create(pk=value, name="a")
        pointer.objects.create(name="p", target_id=value)
    assert synchronize().failures == []
    assert compare().equal

    silently(lambda: model.objects.using(REMOTE).update(name="b"))
    silently(lambda: pointer.objects.using(REMOTE).update(target_id=None))
    assert found() == len(keys) * [(model.__name__, "differs", "", ["name"])] + len(keys) * [
        (pointer.__name__, "differs", "", ["target"])
    ]

    silently(lambda: pointer.objects.using(REMOTE).all().delete())
    silently(lambda: model.objects.using(REMOTE).all().delete())
    assert {each[1:3] for each in found()} == {("differs", "local")}
    assert compare().total("only_local") == 2 * len(keys)

    silently(lambda: pointer.objects.all().delete(), using=LOCAL)
    silently(lambda: model.objects.all().delete(), using=LOCAL)
    silently(lambda: [model.objects.using(REMOTE).create(pk=value, name="theirs") for value in keys])
    report = compare()
    assert (report.total("only_remote"), report.total("only_local")) == (len(keys), 0)


@pytest.mark.parametrize("kind", PAIRED)
def test_changes_of_objects_with_keys_of_any_kind_are_known_to_be_pending(capture_only, kind, vendor):
    model, keys = PAIRED[kind], keys_side_by_side(kind, vendor)
    capture_only(model)
    for value in keys:
        model.objects.create(part=value, number=1, name="a")
    assert synchronize().failures == []
    assert compare().equal

    model.objects.update(name="b")

    assert found() == len(keys) * [(model.__name__, "pending", "", ["name"])]


@pytest.mark.vendor("postgres")
def test_key_that_python_cannot_read_is_named_and_keeps_no_other_from_being_compared(capture_only):
    model = KEYED["Date"]
    capture_only(model)
    keys = KEYS["Date"]
    for value in keys:
        model.objects.create(pk=value, name="a")
    synchronize()
    for alias in (LOCAL, REMOTE):
        insert = f"INSERT INTO {model._meta.db_table} (id, name) VALUES ('infinity', 'a')"
        silently(lambda insert=insert, alias=alias: execute(insert, alias=alias), using=alias)
    silently(lambda: model.objects.using(REMOTE).filter(pk=keys[0]).update(name="b"))

    report = compare()

    assert sorted(found(report)) == [
        ("KeyedDate", "differs", "", ["name"]),
        ("KeyedDate", "differs", "local", []),
        ("KeyedDate", "differs", "remote", []),
    ]
    reasons = [each.reason for each in report.differences if each.only]
    assert reasons == ["its key cannot be read on 'default'", "its key cannot be read on 'remote'"]
    counts = report.models[REMOTE]["fieldapp.KeyedDate"]
    assert (counts.local, counts.remote, counts.equal) == (len(keys) + 1, len(keys) + 1, len(keys) - 1)


@pytest.mark.vendor("sqlite", "postgres-to-sqlite")
def test_key_that_the_remote_has_in_another_spelling_is_named(capture_only):
    model = KEYED["Uuid"]
    capture_only(model)
    model.objects.create(pk=uuid.UUID(int=0xABC), name="a")
    synchronize()
    assert compare().equal

    silently(lambda: execute(f"UPDATE {model._meta.db_table} SET id = upper(id)", alias=REMOTE))

    report = compare()
    assert found(report) == [("KeyedUuid", "differs", "local", [])]
    assert "in a spelling by which Django finds no row" in report.differences[0].reason


# Inheritance --------------------------------------------------------------------------------------


def test_each_table_of_an_inherited_model_is_compared():
    Amphibian.objects.create(name="a")
    Car.objects.create(name="car")
    Vehicle.objects.create(name="plain")
    synchronize()
    assert compare().equal

    silently(lambda: remote(Vehicle).filter(name="car").update(name="no car"))
    assert found() == [("Vehicle", "differs", "", ["name"])]

    silently(lambda: remote(Car).get(name="no car").delete(keep_parents=True))
    assert found() == [("Vehicle", "differs", "", ["name"]), ("Car", "differs", "local", [])]


def test_link_to_a_second_parent_is_compared():
    Amphibian.objects.create(name="a")
    other = Boat.objects.create(draught=5)
    synchronize()
    assert compare().equal
    there = remote(Boat).get(draught=other.draught).pk

    silently(lambda: execute(f"UPDATE shapeapp_amphibian SET boat_ptr_id = {there}", alias=REMOTE))

    assert found() == [("Amphibian", "differs", "", ["boat_ptr"])]


# What points to others ----------------------------------------------------------------------------


def test_generic_keys_are_compared_by_what_they_point_to():
    first, second = Author.objects.create(name="1"), Author.objects.create(name="2")
    Note.objects.create(name="note", target=first)
    Sticker.objects.create(name="sticker", target=second)
    Note.objects.create(name="empty")
    synchronize()
    assert compare().equal
    there = remote(Author).get(name="1").pk

    silently(lambda: remote(Note).filter(name="note").update(object_id=first.pk))
    silently(lambda: remote(Sticker).update(object_id=str(there)))

    assert found() == [("Note", "differs", "", ["object_id"]), ("Sticker", "differs", "", ["object_id"])]


def test_generic_key_to_another_type_differs():
    Note.objects.create(name="note", target=Author.objects.create(name="1"))
    synchronize()
    other = ContentType.objects.db_manager(REMOTE).get_for_model(Topic)

    silently(lambda: remote(Note).update(content_type_id=other.pk))

    assert ("Note", "differs", "", ["content_type"]) in found()


def test_key_that_leads_nowhere_may_be_any_that_leads_nowhere_there():
    author = Author.objects.create(name="1")
    Note.objects.create(name="note", target=author)
    Author.objects.filter(pk=author.pk).delete()
    synchronize()

    assert compare().equal
    other = Author.objects.create(name="2")
    synchronize()
    there = remote(Author).get(name=other.name).pk
    silently(lambda: remote(Note).update(object_id=there))

    assert found() == [("Note", "differs", "", ["object_id"])]


def test_keys_that_lead_nowhere_are_asked_for_together():
    def note_what_goes(number):
        Author.objects.bulk_create(Author(name=f"{number}-{each}") for each in range(number))
        authors = list(Author.objects.filter(name__startswith=f"{number}-"))
        Note.objects.bulk_create(Note(name=f"{number}-{author.pk}", target=author) for author in authors)
        Author.objects.filter(name__startswith=f"{number}-").delete()
        synchronize()

    def queries():
        with captured(LOCAL, REMOTE) as (here, there):
            assert compare(models=["shapeapp.Note"]).equal
        return len(here), len(there)

    note_what_goes(3)
    queries()  # Django remembers content types from now on
    few = queries()
    note_what_goes(30)

    assert queries() == few


def test_foreign_key_without_a_constraint_may_lead_nowhere_on_both_sides():
    owner, other = Owner.objects.create(name="1"), Owner.objects.create(name="2")
    NothingPet.objects.create(name="pet", owner=owner)
    Owner.objects.filter(pk=owner.pk).delete()
    synchronize()
    assert found() == []
    assert not remote(Owner).filter(pk=remote(NothingPet).get().owner_id).exists()

    there = remote(Owner).get(name=other.name).pk
    silently(lambda: remote(NothingPet).update(owner_id=there))

    assert found() == [("NothingPet", "differs", "", ["owner"])]


def test_foreign_key_by_another_field_is_compared_by_its_value():
    Rank.objects.create(name="low", code="l", above=Rank.objects.create(name="high", code="h"))
    synchronize()
    assert compare().equal

    silently(lambda: remote(Rank).filter(name="low").update(above_id="l"))

    assert found() == [("Rank", "differs", "", ["above"])]


def test_links_of_every_kind_are_compared():
    one, other = Article.objects.create(name="one"), Article.objects.create(name="other")
    one.related.add(other)
    one.cites.add(other)
    one.topics.add(Topic.objects.create(name="t"))
    one.reviewers.add(Author.objects.create(name="a"))
    synchronize_and_compare()
    assert compare().equal

    silently(lambda: remote(Article).get(name="one").cites.clear())
    silently(lambda: remote(Article).get(name="one").reviewers.clear())
    silently(lambda: remote(Article).get(name="other").cites.add(remote(Article).get(name="one")))

    assert sorted(found()) == [
        ("Article_cites", "differs", "local", []),
        ("Article_cites", "differs", "remote", []),
        ("Review", "differs", "local", []),
    ]
