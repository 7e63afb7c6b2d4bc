"""Objects that lie in several tables are written many at a time too, where nobody observes them."""

from __future__ import annotations

import pytest
from django.db.models import F

from synchro_triggers import synchro_paused, synchronize
from synchro_triggers.models import Reference
from tests.comparing import assert_same
from tests.counting import count_queries, count_queries_of_story
from tests.databases import both
from tests.replay.hearing import hearing
from tests.shapeapp.models import Author, Car, Garage, SportsCar, Truck, Vehicle

pytestmark = both

LOCAL, REMOTE = "default", "remote"


def make_many(number):
    """Make cars of two levels, plain vehicles, and what points to them; parents cannot be made in bulk."""
    author = Author.objects.create(name="passenger")
    for each in range(number):
        first = Vehicle.objects.create(name=f"v{each}")
        car = Car.objects.create(name=f"c{each}", doors=each % 7, tows=first)
        fast = SportsCar.objects.create(name=f"s{each}", speed=each, plate=f"p{each}")
        car.passengers.add(author)
        fast.passengers.add(author)
        Truck.objects.create(name=f"t{each}", load=each)
        Garage.objects.create(name=f"g{each}", holds=first, shows=fast)


def change_many():
    SportsCar.objects.update(speed=F("speed") + 1)
    Car.objects.update(doors=F("doors") + 1)
    Vehicle.objects.update(wheels=F("wheels") + 1)


def delete_many():
    for model in (Garage, Vehicle, Author):
        model.objects.all().delete()


@pytest.mark.all_pairs
def test_number_of_queries_does_not_depend_on_the_number_of_inherited_objects(settings):
    settings.SYNCHRO_BATCH_SIZE = 100_000
    ten, forty = count_queries_of_story(make_many, change_many, delete_many, "shapeapp", sizes=(1, 10, 40))

    assert ten == forty


def test_inherited_rows_that_both_sides_have_are_found_without_a_query_each(settings):
    settings.SYNCHRO_BATCH_SIZE = 100_000
    numbers = {}
    for size in (1, 10, 100):
        with synchro_paused():
            make_many(size)
        synchronize(full=True)
        change_many()
        numbers[size] = count_queries("shapeapp")
        delete_many()
        synchronize()
    assert numbers[10] == numbers[100]
    assert not Reference.objects.using(REMOTE).filter(model_label__startswith="shapeapp").exists()


def test_counts_are_those_of_the_objects():
    make_many(3)
    report = synchronize()
    created = {label.removeprefix("shapeapp."): counts.created for label, counts in report.models.items()}
    assert created == {
        "Author": 1,
        "Vehicle": 3,
        "Car": 3,
        "SportsCar": 3,
        "Truck": 3,
        "Garage": 3,
        "Car_passengers": 6,
    }


@pytest.mark.parametrize("parent", [Vehicle, Car])
def test_receiver_of_a_parents_deletes_hears_each(parent):
    make_many(3)
    synchronize()
    with hearing(parent, only=("pre_delete", "post_delete")) as heard:
        SportsCar.objects.all().delete()
        heard.clear()
        assert synchronize().failures == []

    assert [each.name for each in heard] == ["pre_delete", "post_delete"] * 3
    assert_same("shapeapp")


def test_receiver_of_a_parents_saves_hears_nothing_as_django_sends_nothing():
    with hearing(Vehicle, only=("pre_save", "post_save")) as heard:
        SportsCar.objects.create(name="a", plate="1")
        heard.clear()
        synchronize()

    assert heard == []
    assert_same("shapeapp")


def test_row_of_the_remotes_own_child_is_not_deleted_from_under_it():
    """The remote's users made a sports car of a car, which LOCAL deletes: all of it goes, in one piece."""
    make_many(2)
    synchronize()
    there = Car.objects.using(REMOTE).get(name="c0")
    fast = SportsCar(car_ptr_id=there.pk, plate="own")
    fast.__dict__.update({field.attname: getattr(there, field.attname) for field in Car._meta.concrete_fields})
    with synchro_paused(using=REMOTE):
        fast.save(using=REMOTE)
    Car.objects.filter(name__startswith="c").delete()

    assert synchronize().failures == []
    assert_same("shapeapp")


def test_parents_that_became_children_since_are_completed():
    make_many(3)
    Vehicle.objects.create(name="later a truck")
    synchronize()
    for vehicle in Vehicle.objects.filter(name="later a truck"):
        truck = Truck(vehicle_ptr_id=vehicle.pk, load=5)
        truck.__dict__.update(
            {field.attname: getattr(vehicle, field.attname) for field in Vehicle._meta.concrete_fields}
        )
        truck.save()
    Truck.objects.create(name="another")

    assert synchronize().failures == []
    assert_same("shapeapp")


def test_one_inherited_row_that_the_remote_cannot_take_does_not_hold_up_the_others():
    make_many(30)
    SportsCar.objects.using(REMOTE).create(name="in the way", plate="p7")
    with synchro_paused(using=REMOTE):
        SportsCar.objects.using(REMOTE).filter(name="in the way").update(wheels=3)
    report = synchronize()

    failed = {failure.model: failure.error for failure in report.failures}
    assert failed.keys() == {"shapeapp.SportsCar", "shapeapp.Garage", "shapeapp.Car_passengers"}
    assert "unique" in failed.pop("shapeapp.SportsCar").lower()
    assert all("waits for shapeapp.Car" in error for error in failed.values())
    assert SportsCar.objects.using(REMOTE).count() == Garage.objects.using(REMOTE).count() + 1 == 30
    SportsCar.objects.using(REMOTE).filter(name="in the way").delete()

    synchronize()
    assert_same("shapeapp")


@pytest.mark.parametrize("batch", [False, True])
def test_receivers_of_inherited_objects_hear_each(settings, batch):
    settings.SYNCHRO_BATCH_SIGNALS = batch
    with hearing(SportsCar) as heard:
        SportsCar.objects.create(name="a", plate="1")
        SportsCar.objects.create(name="b", plate="2")
        heard.clear()
        synchronize()
        assert [each.name for each in heard] == ["pre_save", "post_save"] * 2
        SportsCar.objects.update(speed=7)
        synchronize()
    assert [each.name for each in heard] == ["pre_save", "post_save"] * 4
    assert_same("shapeapp")
