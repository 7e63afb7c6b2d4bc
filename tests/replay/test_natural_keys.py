"""``NaturalManager`` and ``NaturalKeyModel``, and what ``synchronize`` finds by a natural key."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest
from django.core import serializers
from django.core.exceptions import ImproperlyConfigured, ValidationError
from django.core.management import CommandError, call_command
from django.db import models
from django.test.utils import isolate_apps

from synchro_triggers import NaturalKeyModel, NaturalManager, synchronize
from synchro_triggers.models import Failure, Reference
from tests.databases import both
from tests.replay.hearing import REMOTE, later
from tests.testapp.models import (
    Ambiguous,
    Club,
    Keyed,
    KeyedChild,
    KeyedManager,
    LoudManager,
    OwnKey,
    Person,
    Tag,
    Tagged,
    Unlisted,
)


def remote(model):
    return model._base_manager.using(REMOTE)


def objects_of(model: Any) -> Any:
    """Return a manager that the type checker cannot know."""
    return model.objects


class Loud(models.Manager):
    def shout(self):
        return "!"


# Making managers ----------------------------------------------------------------------------------


def test_manager_is_a_natural_manager_and_a_manager():
    manager = NaturalManager("code", "day")

    assert isinstance(manager, NaturalManager) and isinstance(manager, models.Manager)
    assert manager.fields == ("code", "day")


def test_each_manager_has_a_class_of_its_own():
    one, two = NaturalManager("code"), NaturalManager("name", allow_many=True)

    assert type(one) is not type(two) and type(one) is not NaturalManager
    assert (one.fields, one.allow_many, two.fields, two.allow_many) == (("code",), False, ("name",), True)
    assert NaturalManager.fields == ()


def test_class_of_a_manager_can_be_instantiated_without_arguments():
    for manager in (NaturalManager("code", manager=Loud), Keyed.objects, Keyed.others, Person.objects):
        again = type(manager)()

        assert again.fields == manager.fields and again.allow_many == manager.allow_many


def test_manager_argument_names_the_class_to_extend():
    manager = NaturalManager("code", manager=Loud)

    assert isinstance(manager, Loud) and isinstance(manager, NaturalManager)
    assert manager.shout() == "!"


def test_manager_argument_may_be_a_manager_made_from_a_queryset():
    class Cash(models.QuerySet):
        def rich(self):
            return self.filter(cash__gt=5)

    manager = NaturalManager("code", manager=models.Manager.from_queryset(Cash))

    assert hasattr(manager, "rich") and hasattr(manager, "get_by_natural_key")


def test_manager_without_fields_is_refused():
    with pytest.raises(ImproperlyConfigured, match="NaturalManager needs the names of the fields"):
        NaturalManager()


def test_manager_with_a_field_that_is_no_name_is_refused():
    with pytest.raises(ImproperlyConfigured, match="field names must be strings"):
        NaturalManager("code", 5)


@pytest.mark.parametrize("wrong", [object, int, Loud(), "Loud", None])
def test_class_that_is_no_manager_is_refused(wrong):
    with pytest.raises(ValidationError, match=r"must be a subclass of django\.db\.models\.Manager"):
        NaturalManager("code", manager=wrong)


def test_own_subclass_with_fields_needs_no_arguments():
    class Own(NaturalManager, Loud):
        fields = ("code",)

    manager = Own()

    assert manager.fields == ("code",) and manager.shout() == "!"
    assert type(manager) is Own


def test_own_subclass_without_fields_gets_them_as_arguments():
    class Own(NaturalManager):
        def shout(self):
            return "?"

    manager = Own("code", manager=Loud)

    assert manager.fields == ("code",)
    assert manager.shout() == "?", "the subclass stands before the extended manager"
    assert isinstance(type(manager)(), Loud)


# Models -------------------------------------------------------------------------------------------


def test_natural_key_model_extends_its_own_manager():
    assert isinstance(Keyed.objects, NaturalManager) and isinstance(Keyed.objects, LoudManager)
    assert Keyed.objects.foo() == "bar"


def test_model_may_have_several_natural_managers():
    assert isinstance(Keyed.others, KeyedManager)
    assert Keyed.others.foo() == "bar" and Keyed.others.fields == ("code",)


@isolate_apps("tests.testapp")
def test_natural_key_of_one_field_is_a_tuple():
    class One(NaturalKeyModel):
        code = models.CharField(max_length=5)
        _natural_key = ("code",)

        class Meta:
            app_label = "testapp"

    assert One(code="x").natural_key() == ("x",)


@isolate_apps("tests.testapp")
def test_natural_key_of_several_fields_is_in_their_order():
    class Two(NaturalKeyModel):
        code = models.CharField(max_length=5)
        day = models.DateField()
        _natural_key = ("day", "code")

        class Meta:
            app_label = "testapp"

    assert Two(code="x", day=date(2024, 1, 1)).natural_key() == (date(2024, 1, 1), "x")
    assert objects_of(Two).fields == ("day", "code")


@isolate_apps("tests.testapp")
def test_natural_key_model_without_a_key_is_refused():
    with pytest.raises(ImproperlyConfigured, match=r"Bare is a NaturalKeyModel and needs _natural_key = "):

        class Bare(NaturalKeyModel):
            code = models.CharField(max_length=5)


@isolate_apps("tests.testapp")
def test_natural_key_that_is_a_text_is_refused():
    with pytest.raises(ImproperlyConfigured, match=r"write \('code',\) with a comma"):

        class NoTuple(NaturalKeyModel):
            code = models.CharField(max_length=5)
            _natural_key = "code"  # type: ignore[assignment]  # that is what is wrong


@isolate_apps("tests.testapp")
def test_natural_key_model_whose_objects_is_no_manager_is_refused():
    with pytest.raises(ValidationError, match="must be a subclass"):

        class Odd(NaturalKeyModel):
            code = models.CharField(max_length=5)
            _natural_key = ("code",)
            _natural_manager_kwargs = {"manager": object}


@isolate_apps("tests.testapp")
def test_abstract_base_may_leave_the_key_to_its_children():
    class Base(NaturalKeyModel):
        class Meta:
            abstract = True

    class Child(Base):
        code = models.CharField(max_length=5)
        _natural_key = ("code",)

        class Meta:
            app_label = "testapp"

    assert objects_of(Child).fields == ("code",) and Child(code="x").natural_key() == ("x",)


@isolate_apps("tests.testapp")
def test_child_of_an_abstract_base_inherits_key_and_manager():
    class Base(NaturalKeyModel):
        code = models.CharField(max_length=5)
        _natural_key = ("code",)
        objects = Loud()

        class Meta:
            abstract = True

    class Child(Base):
        cash = models.IntegerField()

        class Meta:
            app_label = "testapp"

    assert isinstance(objects_of(Child), NaturalManager) and objects_of(Child).shout() == "!"
    assert objects_of(Child).model is Child and Child(code="x").natural_key() == ("x",)


@isolate_apps("tests.testapp")
def test_child_that_renames_the_key_keeps_the_manager_class_and_options_of_its_base():
    class Base(NaturalKeyModel):
        code = models.CharField(max_length=5)
        _natural_key = ("code",)
        _natural_manager_kwargs = {"allow_many": True}
        objects = Loud()

        class Meta:
            abstract = True

    class Child(Base):
        name = models.CharField(max_length=5)
        _natural_key = ("code", "name")  # type: ignore[assignment]

        class Meta:
            app_label = "testapp"

    assert objects_of(Child).fields == ("code", "name") and objects_of(Child).allow_many
    assert objects_of(Child).shout() == "!"


@isolate_apps("tests.testapp")
def test_natural_manager_that_is_the_models_own_gets_the_models_key():
    class Own(NaturalManager, Loud):
        fields = ("name",)

    class Named(NaturalKeyModel):
        code = models.CharField(max_length=5)
        _natural_key = ("code",)
        objects = Own()

        class Meta:
            app_label = "testapp"

    assert isinstance(objects_of(Named), Own) and objects_of(Named).fields == ("code",)


@isolate_apps("tests.testapp")
def test_managers_are_no_obstacle_to_migrations():
    from django.db.migrations.state import ModelState

    class Moved(NaturalKeyModel):
        code = models.CharField(max_length=5)
        _natural_key = ("code",)

        class Meta:
            app_label = "testapp"

    state = ModelState.from_model(Moved)

    assert state.managers == []


# Look-ups -----------------------------------------------------------------------------------------


@both
def test_get_by_natural_key_finds_the_object_on_either_database():
    here, there = Keyed.objects.create(code="x"), remote(Keyed).create(code="x")

    assert Keyed.objects.get_by_natural_key("x") == here
    assert Keyed.others.get_by_natural_key("x") == here
    assert Keyed.objects.db_manager(REMOTE).get_by_natural_key("x").pk == there.pk
    with pytest.raises(Keyed.DoesNotExist):
        Keyed.objects.get_by_natural_key("y")


@both
def test_get_by_natural_key_raises_when_several_match():
    Ambiguous.objects.bulk_create([Ambiguous(name="x"), Ambiguous(name="x")])

    with pytest.raises(Ambiguous.MultipleObjectsReturned):
        Ambiguous.objects.get_by_natural_key("x")


@both
def test_allow_many_takes_the_first_that_matches():
    first = Person.objects.create(first_name="a", last_name="b", city="first")
    Person.objects.create(first_name="a", last_name="b", city="second")

    assert Person.objects.get_by_natural_key("a", "b") == first


@both
def test_get_by_natural_key_wants_as_many_values_as_there_are_fields():
    with pytest.raises(ValueError, match=r"zip\(\) argument"):
        Person.objects.get_by_natural_key("a")


@both
def test_related_manager_has_the_natural_key_too():
    tag = Tag.objects.create(label="x")
    tagged = Tagged.objects.create(title="t")
    tagged.tags.add(tag)

    tags: Any = tagged.tags
    assert tags.get_by_natural_key("x") == tag


@both
def test_related_manager_of_the_other_side_and_of_a_through_model_has_it_too():
    tag = Tag.objects.create(label="x")
    club = Club.objects.create(name="c")
    club.members.add(tag, through_defaults={"extra": Unlisted.objects.create()})
    members: Any = club.members

    assert members.get_by_natural_key("x") == tag
    with pytest.raises(Tag.DoesNotExist):
        members.get_by_natural_key("y")


@both
def test_natural_keys_serve_djangos_serializers():
    keyed = Keyed.objects.create(code="x", cash=3)
    text = serializers.serialize(
        "json", [keyed, KeyedChild.objects.create(name="c", parent=keyed)], use_natural_foreign_keys=True
    )

    assert '"parent": ["x"]' in text


# Synchronising by natural key ---------------------------------------------------------------------


@both
@pytest.mark.all_pairs
def test_object_with_natural_key_is_found_and_changed():
    there = remote(Keyed).create(code="x", cash=77, visits=5)
    later()
    here = Keyed.objects.create(code="x", cash=7, visits=42)
    assert here.pk != there.pk

    report = synchronize()

    found = remote(Keyed).get()
    assert (found.pk, found.cash, found.visits) == (there.pk, 7, 5)
    assert (report.created, report.updated) == (0, 1)


@both
def test_object_found_by_natural_key_is_known_by_its_reference_from_then_on():
    remote(Keyed).create(code="x")
    later()
    here = Keyed.objects.create(code="x")
    synchronize()

    here.code = "renamed"
    here.save()
    synchronize()

    assert remote(Keyed).get().code == "renamed"
    assert Reference.objects.using(REMOTE).count() == 1


@both
def test_own_natural_key_finds_the_object():
    there = remote(OwnKey).create(code="x", day=date(2024, 1, 1))
    later()
    OwnKey.objects.create(code="x", day=date(2024, 12, 31), note="new")

    synchronize()

    found = remote(OwnKey).get()
    assert (found.pk, found.note, found.day) == (there.pk, "new", date(2024, 12, 31))


@both
def test_allow_many_changes_the_first_object_found():
    first = remote(Person).create(first_name="a", last_name="b", city="1")
    remote(Person).create(first_name="a", last_name="b", city="2")
    later()
    Person.objects.create(first_name="a", last_name="b", city="3")

    synchronize()

    assert sorted(remote(Person).values_list("pk", "city")) == [(first.pk, "3"), (first.pk + 1, "2")]


@both
def test_two_local_objects_with_one_natural_key_stay_two():
    Person.objects.create(first_name="a", last_name="b", city="1")
    Person.objects.create(first_name="a", last_name="b", city="2")

    synchronize()

    assert sorted(remote(Person).values_list("city", flat=True)) == ["1", "2"]


@both
@pytest.mark.all_pairs
def test_ambiguous_natural_key_fails_naming_model_and_key_and_changes_nothing():
    remote(Ambiguous).bulk_create([Ambiguous(name="x"), Ambiguous(name="x")])
    later()
    here = Ambiguous.objects.create(name="x", note="new")

    with pytest.raises(CommandError) as caught:
        call_command("synchronize", verbosity=0)

    said = str(caught.value)
    assert f"testapp.Ambiguous {here.pk}: MultipleObjectsReturned: the natural key ('x',)" in said
    assert caught.value.returncode == 1
    assert list(remote(Ambiguous).values_list("note", flat=True)) == ["", ""]
    assert Failure.objects.using(REMOTE).count() == 1


@both
def test_ambiguous_natural_key_of_the_users_own_making_names_model_and_key():
    remote(OwnKey).bulk_create(OwnKey(code="x", day=date(2024, 1, day)) for day in (1, 2))
    here = OwnKey.objects.create(code="x", day=date(2024, 6, 1))

    [failure] = synchronize().failures

    assert (failure.model, failure.key) == ("testapp.OwnKey", str(here.pk))
    assert failure.error.startswith("MultipleObjectsReturned: the natural key ('x', 2024)")


@both
def test_ambiguous_key_made_unique_succeeds_in_the_next_run():
    remote(Ambiguous).bulk_create([Ambiguous(name="x"), Ambiguous(name="x")])
    later()
    Ambiguous.objects.create(name="x", note="new")
    assert synchronize().failed == 1
    remote(Ambiguous).order_by("-pk")[0].delete()

    report = synchronize()

    assert report.failures == [] and remote(Ambiguous).get().note == "new"


@both
def test_ambiguous_natural_key_of_a_deleted_object_deletes_nothing():
    here = Ambiguous.objects.create(name="x")
    from synchro_triggers import reset_synchro

    reset_synchro()
    remote(Ambiguous).bulk_create([Ambiguous(name="x"), Ambiguous(name="x")])
    here.delete()

    [failure] = synchronize().failures

    assert "MultipleObjectsReturned" in failure.error
    assert remote(Ambiguous).count() == 2


@both
def test_natural_keys_of_two_objects_may_be_swapped():
    one, two = Keyed.objects.create(code="1", cash=1), Keyed.objects.create(code="2", cash=2)
    synchronize()
    keys = dict(remote(Keyed).values_list("cash", "pk"))

    Keyed.objects.filter(pk=one.pk).update(code="2")
    Keyed.objects.filter(pk=two.pk).update(code="1")
    synchronize()

    assert dict(remote(Keyed).values_list("pk", "code")) == {keys[1]: "2", keys[2]: "1"}
