"""Multi-table inheritance, abstract bases, proxies, swapped models, tables of somebody else's making."""

from __future__ import annotations

import datetime
import decimal

import pytest
from django.db.models.signals import post_delete, post_save, pre_save

from synchro_triggers import synchro_paused, synchronize
from synchro_triggers.models import Failure
from tests.databases import both
from tests.shapeapp.models import (
    Amphibian,
    Author,
    Boat,
    Car,
    Desk,
    Garage,
    Invoice,
    Ledger,
    OwnMember,
    PaidReceipt,
    Receipt,
    RedVehicle,
    SportsCar,
    Truck,
    Vehicle,
)
from tests.shapes.sides import REMOTE, execute, on_remote, synchronize_and_compare

pytestmark = [both, pytest.mark.mariadb]


@pytest.fixture
def heard():
    """Receivers' calls on the remote: signal, sender, name of the object, ``created``."""
    calls = []

    def listener(signal):
        def listen(sender, instance, using, created=None, raw=False, **kwargs):
            if using == REMOTE:
                assert not raw
                calls.append((signal, sender.__name__, getattr(instance, "name", ""), created))

        return listen

    connected = [("save", post_save, listener("save")), ("delete", post_delete, listener("delete"))]
    for _, signal, receiver in connected:
        signal.connect(receiver, weak=False)
    yield Heard(calls)
    for _, signal, receiver in connected:
        signal.disconnect(receiver)


class Heard:
    def __init__(self, calls):
        self._calls = calls

    def take(self):
        """Return the calls so far, sorted, without those of synchro's own models, and forget them."""
        own = {"Reference", "Checkpoint", "Node", "Failure", "ChangeLog", "SessionValue"}
        calls = sorted(call for call in self._calls if call[1] not in own)
        self._calls.clear()
        return calls


# Multi-table inheritance --------------------------------------------------------------------------


def test_objects_of_each_level_arrive_with_all_their_values():
    Vehicle.objects.create(name="cart", wheels=2)
    Car.objects.create(name="car", doors=3)
    Truck.objects.create(name="truck", load=40, tows=Vehicle.objects.get(name="car"))
    SportsCar.objects.create(name="sports car", speed=300, doors=2, wheels=3, plate="A 1")

    report = synchronize_and_compare()

    assert report.created == 4
    assert on_remote(SportsCar, name="sports car").speed == 300


def test_values_change_through_the_tables_of_each_level():
    car = SportsCar.objects.create(name="car", speed=300)
    Truck.objects.create(name="truck", tows=car)
    synchronize_and_compare()

    Vehicle.objects.filter(name="car").update(wheels=5)
    synchronize_and_compare()
    execute("UPDATE shapeapp_car SET doors = 1")
    synchronize_and_compare()
    SportsCar.objects.update(speed=1)
    synchronize_and_compare()
    Vehicle.objects.update(wheels=6)
    Car.objects.filter(name="car").update(doors=9, wheels=7)
    SportsCar.objects.filter(name="car").update(speed=2, doors=10, name="renamed")
    report = synchronize_and_compare()

    assert report.updated == 2


def test_receivers_hear_an_inherited_object_as_the_orm_would_say_it(heard):
    SportsCar.objects.create(name="car")
    synchronize_and_compare()

    # Django sends the signals of a save for the most derived model alone, those of a delete for each level.
    assert heard.take() == [("save", "SportsCar", "car", True)]

    Vehicle.objects.update(wheels=5)
    synchronize_and_compare()

    assert heard.take() == [("save", "SportsCar", "car", False)]

    Vehicle.objects.get().delete()
    synchronize_and_compare()

    assert heard.take() == [
        ("delete", "Car", "car", None),
        ("delete", "SportsCar", "car", None),
        ("delete", "Vehicle", "car", None),
    ]


@pytest.mark.parametrize("model", [Vehicle, Car, SportsCar])
def test_object_deleted_at_any_level_goes_from_all_tables(model):
    SportsCar.objects.create(name="car", tows=Truck.objects.create(name="truck"))
    SportsCar.objects.create(name="other car")
    Garage.objects.create(name="garage", holds=Car.objects.get(name="car"), shows=Car.objects.get(name="other car"))
    synchronize_and_compare()

    model.objects.get(name="car").delete()

    synchronize_and_compare()


def test_child_deleted_with_keep_parents_leaves_its_parents():
    car = SportsCar.objects.create(name="car", wheels=3)
    Garage.objects.create(name="garage", holds=car)
    Car.objects.get(name="car").passengers.add(Author.objects.create(name="author"))
    synchronize_and_compare()
    remote_key = on_remote(Vehicle, name="car").pk

    car.delete(keep_parents=True)
    synchronize_and_compare()
    assert Car.objects.using(REMOTE).filter(name="car").exists()
    assert not SportsCar.objects.using(REMOTE).exists()

    Car.objects.get(name="car").delete(keep_parents=True)
    synchronize_and_compare()
    assert on_remote(Vehicle, name="car").pk == remote_key

    Vehicle.objects.filter(name="car").update(wheels=1)
    synchronize_and_compare()


def test_parents_values_change_while_the_child_goes():
    car = Car.objects.create(name="car", wheels=3)
    synchronize_and_compare()

    Vehicle.objects.update(wheels=4)
    car.delete(keep_parents=True)
    Vehicle.objects.update(name="just a vehicle now")

    synchronize_and_compare()


def test_two_levels_are_deleted_at_once_with_the_root_kept():
    SportsCar.objects.create(name="car", wheels=3)
    synchronize_and_compare()

    execute("DELETE FROM shapeapp_sportscar")
    execute("DELETE FROM shapeapp_car")

    synchronize_and_compare()
    assert on_remote(Vehicle, name="car").wheels == 3


def test_parent_becomes_a_child_later():
    vehicle = Vehicle.objects.create(name="vehicle", wheels=3)
    Garage.objects.create(name="garage", holds=vehicle)
    synchronize_and_compare()
    remote_key = on_remote(Vehicle, name="vehicle").pk

    execute("INSERT INTO shapeapp_car (vehicle_ptr_id, doors) VALUES (%s, 2)", vehicle.pk)
    synchronize_and_compare()
    assert on_remote(Car, name="vehicle").pk == remote_key

    execute("INSERT INTO shapeapp_sportscar (car_ptr_id, speed) VALUES (%s, 2)", vehicle.pk)
    synchronize_and_compare()


@pytest.mark.parametrize("deleted", [Vehicle, Truck])
def test_object_becomes_a_child_and_goes_between_two_runs(deleted):
    vehicle = Vehicle.objects.create(name="vehicle")
    synchronize_and_compare()

    execute("INSERT INTO shapeapp_truck (vehicle_ptr_id, load) VALUES (%s, 2)", vehicle.pk)
    deleted.objects.get(pk=vehicle.pk).delete()

    synchronize_and_compare()
    assert not Vehicle.objects.using(REMOTE).exists()


def test_child_changes_its_kind():
    car = Car.objects.create(name="car", doors=3)
    Garage.objects.create(name="garage", holds=car)
    synchronize_and_compare()
    remote_key = on_remote(Vehicle, name="car").pk

    Car.objects.get().delete(keep_parents=True)
    execute("INSERT INTO shapeapp_truck (vehicle_ptr_id, load) VALUES (%s, 2)", car.pk)

    synchronize_and_compare()
    assert on_remote(Truck, name="car").pk == remote_key


def test_inherited_many_to_many_links_and_foreign_keys_to_any_level_arrive():
    author = Author.objects.create(name="author")
    car, sports_car = Car.objects.create(name="car"), SportsCar.objects.create(name="sports car")
    car.passengers.add(author)
    sports_car.passengers.add(author)
    Garage.objects.create(
        name="garage", holds=sports_car, shows=sports_car, lends=RedVehicle.objects.get(name="sports car")
    )
    Garage.objects.create(name="other", holds=car, shows=car)
    synchronize_and_compare()

    author.cars.remove(sports_car)
    Garage.objects.filter(name="garage").update(shows=car)
    synchronize_and_compare()

    sports_car.delete()
    synchronize_and_compare()


def test_unlogged_child_is_brought_along_whole():
    with synchro_paused():
        car = SportsCar.objects.create(name="car", speed=5)
        other = SportsCar.objects.create(name="other", speed=6)
        third = SportsCar.objects.create(name="third", speed=7)
    Garage.objects.create(name="holds", holds=car)
    Garage.objects.create(name="shows", shows=other)
    Vehicle.objects.filter(name="third").update(wheels=1)
    Garage.objects.create(name="lends", lends_id=third.pk)

    synchronize_and_compare()


def test_child_with_an_unlogged_parent_row_arrives_in_batches_of_one(settings):
    settings.SYNCHRO_BATCH_SIZE = 1
    for number in range(3):
        SportsCar.objects.create(name=f"car {number}", speed=number)
    synchronize_and_compare()

    Vehicle.objects.update(wheels=1)
    Car.objects.update(doors=1)
    SportsCar.objects.get(name="car 1").delete()
    report = synchronize_and_compare()

    assert report.created == 0


def test_object_with_two_parents_arrives_once():
    amphibian = Amphibian.objects.create(name="amphibian", doors=1, draught=2)
    Boat.objects.create(draught=7)
    synchronize_and_compare()

    Boat.objects.filter(pk=amphibian.boat_id).update(draught=3)
    synchronize_and_compare()

    amphibian.delete()
    synchronize_and_compare()


def test_unique_value_of_a_child_is_exchanged():
    for name in "ab":
        SportsCar.objects.create(name=name, plate=name)
    synchronize_and_compare()

    SportsCar.objects.filter(name="a").update(plate=None)
    SportsCar.objects.filter(name="b").update(plate="a")
    SportsCar.objects.filter(name="a").update(plate="b")

    synchronize_and_compare()


# Abstract bases and proxies -----------------------------------------------------------------------


def test_models_with_an_abstract_base_arrive():
    car = Car.objects.create(name="car")
    Invoice.objects.create(name="invoice", day=datetime.date(2020, 2, 29), about=car, total=decimal.Decimal("10.10"))
    Receipt.objects.create(name="receipt", about=car)
    synchronize_and_compare()

    Receipt.objects.update(paid=True, day=datetime.date(1, 1, 1))
    Invoice.objects.all().delete()
    synchronize_and_compare()


def test_objects_written_through_a_proxy_arrive(heard):
    RedVehicle.objects.create(name="red")
    PaidReceipt.objects.create(name="paid", paid=True, about=RedVehicle.objects.get())
    PaidReceipt.objects.create(name="not paid, hidden by the proxy's manager")
    Garage.objects.create(name="garage", lends=RedVehicle.objects.get())
    synchronize_and_compare()

    # What is in the table does not say that it was a proxy: receivers of the concrete model are called.
    assert [call for call in heard.take() if call[1] != "Garage"] == [
        ("save", "Receipt", "not paid, hidden by the proxy's manager", True),
        ("save", "Receipt", "paid", True),
        ("save", "Vehicle", "red", True),
    ]

    PaidReceipt.objects.update(paid=False)
    RedVehicle.objects.get().delete()
    synchronize_and_compare()


def test_receiver_of_a_proxy_hears_nothing_as_the_orm_saves_the_concrete_model():
    calls = []

    def listen(sender, using, **kwargs):
        calls.append(using)

    pre_save.connect(listen, sender=RedVehicle)
    try:
        RedVehicle.objects.create(name="red")
        synchronize_and_compare()
    finally:
        pre_save.disconnect(listen, sender=RedVehicle)

    assert calls == ["default"]


# Swapped and unmanaged ----------------------------------------------------------------------------


def test_model_that_takes_a_swapped_ones_place_is_pointed_to():
    member = OwnMember.objects.create(name="member", email="o'neill@example.com")
    other = OwnMember.objects.create(name="other", email='"a,b"@example.com')
    desk = Desk.objects.create(name="desk", used_by=member)
    desk.shared_with.set([member, other])
    synchronize_and_compare()

    Desk.objects.update(used_by=other)
    desk.shared_with.remove(other)
    member.delete()
    synchronize_and_compare()


def test_unmanaged_table_is_captured_and_written(heard):
    car = Car.objects.create(name="car")
    Ledger.objects.create(name="entry", amount=1, payer=car)
    execute("INSERT INTO shapeapp_ledger (name, amount) VALUES ('raw', 2)")
    synchronize_and_compare()
    assert [call for call in heard.take() if call[1] == "Ledger"] == [
        ("save", "Ledger", "entry", True),
        ("save", "Ledger", "raw", True),
    ]

    Ledger.objects.filter(name="entry").update(amount=3, payer=None)
    execute("DELETE FROM shapeapp_ledger WHERE name = 'raw'")
    synchronize_and_compare()


def test_child_that_cannot_be_applied_is_reported_and_tried_again():
    """Its parent's table logs it too, under another label."""
    SportsCar.objects.using(REMOTE).create(name="theirs", plate="X")
    SportsCar.objects.create(name="ours", plate="X")

    for attempts in (1, 2):
        report = synchronize()
        assert [failure.model for failure in report.failures] == ["shapeapp.SportsCar"]
        assert Failure.objects.using(REMOTE).get().attempts >= attempts

    SportsCar.objects.using(REMOTE).get().delete()
    synchronize_and_compare()


@pytest.mark.parametrize("batch_size", [1, 1000])
def test_row_is_the_parent_of_two_different_children(settings, batch_size):
    settings.SYNCHRO_BATCH_SIZE = batch_size
    both_kinds = Car.objects.create(name="both", doors=3)
    execute("INSERT INTO shapeapp_truck (vehicle_ptr_id, load) VALUES (%s, 2)", both_kinds.pk)
    Garage.objects.create(name="garage", holds=both_kinds)
    Car.objects.create(name="other", doors=5)
    synchronize_and_compare()
    there = on_remote(Vehicle, name="both")
    assert (there.car.doors, there.truck.load) == (3, 2)

    Car.objects.filter(name="both").update(doors=4)
    Truck.objects.update(load=3)
    Vehicle.objects.filter(name="both").update(wheels=6)
    synchronize_and_compare()

    execute("DELETE FROM shapeapp_truck")
    synchronize_and_compare()
    assert Car.objects.using(REMOTE).filter(name="both").exists()

    execute("INSERT INTO shapeapp_truck (vehicle_ptr_id, load) VALUES (%s, 2)", both_kinds.pk)
    synchronize_and_compare()
    Vehicle.objects.get(name="both").delete()
    synchronize_and_compare()
    assert not Vehicle.objects.using(REMOTE).filter(name="both").exists()


@pytest.mark.parametrize("raw", [True, False])
def test_child_goes_and_what_points_to_its_parent_through_a_proxy_stays(raw):
    """Django would empty that reference."""
    car = Car.objects.create(name="car", doors=3)
    key = car.pk
    Garage.objects.create(name="old", lends_id=key)
    synchronize_and_compare()

    if raw:
        execute("DELETE FROM shapeapp_car")
    else:
        car.delete(keep_parents=True)
    Garage.objects.create(name="new", lends_id=key)

    synchronize_and_compare()
    assert Garage.objects.using(REMOTE).exclude(lends=None).exists()
