"""Objects in several tables that do not share one key: a second parent, or a child with a key of its own."""

from __future__ import annotations

import pytest

from synchro_triggers import synchro_paused, synchronize
from tests.comparing import assert_same
from tests.databases import both
from tests.replay.hearing import later
from tests.shapeapp.models import Amphibian, Author, Boat, Car, Garage, Trailer, Tram, Vehicle
from tests.shapes.sides import REMOTE, checked_late, execute, on_remote, synchronize_and_compare

pytestmark = [both, pytest.mark.usefixtures("way"), pytest.mark.thinned("way")]


def remote(model):
    return model._base_manager.using(REMOTE)


def draughts():
    return sorted(remote(Boat).values_list("draught", flat=True))


# A second parent with a key of its own ---------------------------------------------------------------


def test_second_parent_gets_a_key_of_its_own_and_leaves_others_alone():
    ours = Amphibian.objects.create(name="ours", draught=2)
    remote(Boat).create(boat_id=ours.boat_id, draught=70)
    synchronize_and_compare(Amphibian, Car)

    there = on_remote(Amphibian, name="ours")
    assert draughts() == [2, 70] and there.boat_id != ours.boat_id
    assert remote(Boat).create(draught=71).pk > there.boat_id

    Amphibian.objects.create(name="another", draught=3)
    Boat.objects.filter(pk=ours.boat_id).update(draught=4)
    assert synchronize().failures == []
    assert draughts() == [3, 4, 70, 71]
    assert on_remote(Amphibian, name="ours").boat_id == there.boat_id


def test_boats_that_are_parts_of_others_and_those_that_are_not_stay_apart():
    Boat.objects.create(draught=1)
    first = Amphibian.objects.create(name="first", draught=2)
    Boat.objects.create(draught=3)
    Amphibian.objects.create(name="second", draught=4)
    synchronize_and_compare()

    first.delete()
    Boat.objects.filter(draught=3).delete()
    synchronize_and_compare()
    assert draughts() == [1, 4]


def test_boat_becomes_a_part_of_an_object_later():
    boat = Boat.objects.create(draught=5)
    synchronize_and_compare()
    there = remote(Boat).get()

    with synchro_paused():
        car = Car.objects.create(name="car", doors=1)
    execute(
        "INSERT INTO shapeapp_amphibian (car_ptr_id, boat_ptr_id, splashes) VALUES (%s, %s, %s)", car.pk, boat.pk, True
    )
    synchronize_and_compare()
    assert on_remote(Amphibian, name="car").boat_id == there.pk
    assert remote(Boat).count() == 1


def test_object_gets_another_second_parent():
    here = Amphibian.objects.create(name="here", draught=1)
    other = Boat.objects.create(draught=2)
    synchronize_and_compare()
    keys = dict(remote(Boat).values_list("draught", "pk"))

    execute("UPDATE shapeapp_amphibian SET boat_ptr_id = %s", other.pk)
    synchronize_and_compare()
    assert on_remote(Amphibian, name="here").boat_id == keys[2]
    assert dict(remote(Boat).values_list("draught", "pk")) == keys

    new = Boat.objects.create(draught=3)
    execute("UPDATE shapeapp_amphibian SET boat_ptr_id = %s", new.pk)
    Boat.objects.filter(pk=here.boat_id).delete()
    synchronize_and_compare()
    assert draughts() == [2, 3]


def test_second_parent_stays_where_the_object_goes_without_it():
    here = Amphibian.objects.create(name="here", draught=1)
    synchronize_and_compare()
    key = remote(Boat).get().pk

    execute("DELETE FROM shapeapp_amphibian")
    execute("DELETE FROM shapeapp_car")
    execute("DELETE FROM shapeapp_vehicle")
    synchronize_and_compare()
    assert remote(Boat).get().pk == key
    assert here.boat_id == Boat.objects.get().pk


def test_what_hung_on_the_other_parent_is_not_taken_along_when_it_has_moved():
    here, other = Amphibian.objects.create(name="here", draught=1), Car.objects.create(name="other")
    garage = Garage.objects.create(name="garage", holds=here)
    Garage.objects.create(name="goes", holds=here)
    synchronize_and_compare()
    key = on_remote(Garage, name="garage").pk

    with checked_late():
        execute("DELETE FROM shapeapp_garage WHERE name = 'goes'")
        execute("DELETE FROM shapeapp_amphibian")
        execute("DELETE FROM shapeapp_car WHERE vehicle_ptr_id = %s", here.pk)
        execute("UPDATE shapeapp_garage SET holds_id = %s", other.pk)
        execute("DELETE FROM shapeapp_vehicle WHERE id = %s", here.pk)
    synchronize_and_compare()
    there = on_remote(Garage, name="garage")
    assert (there.pk, there.holds.name) == (key, "other") and garage.pk
    assert remote(Boat).count() == 1


def test_first_parent_stays_where_the_object_goes_without_it():
    here = Amphibian.objects.create(name="here", draught=1)
    synchronize_and_compare()

    execute("DELETE FROM shapeapp_amphibian")
    execute("DELETE FROM shapeapp_boat")
    synchronize_and_compare()
    assert on_remote(Car, name="here") and here.pk
    assert not remote(Boat).exists()


def test_dry_run_counts_what_the_run_does():
    Garage.objects.create(name="garage", shows=Amphibian.objects.create(name="here", draught=1))
    Garage.objects.create(name="other", holds=Tram.objects.create(name="tram", line="T"))

    dry = synchronize(dry_run=True)
    real = synchronize()

    assert dry.models == real.models
    assert real.failures == []


def test_conflict_is_told_by_the_rows_of_the_object_alone():
    """Its boat has another number than its car: a change of a boat with that number says nothing of it."""
    here = Amphibian.objects.create(name="here", draught=1, doors=1)
    synchronize_and_compare()
    there = on_remote(Amphibian, name="here")
    remote(Boat).create(boat_id=there.pk, draught=50)
    Amphibian.objects.filter(pk=here.pk).update(doors=2)
    later()
    remote(Boat).filter(pk=there.pk).update(draught=51)

    assert synchronize().conflicts == 0
    assert on_remote(Amphibian, name="here").doors == 2

    Amphibian.objects.filter(pk=here.pk).update(doors=3)
    later()
    remote(Boat).filter(pk=there.boat_id).update(draught=8)

    assert synchronize().conflicts == 1
    assert on_remote(Amphibian, name="here").doors == 2


# A child with a key of its own -----------------------------------------------------------------------


@pytest.mark.all_pairs
def test_child_with_a_key_of_its_own_gets_a_parent_row_of_its_own():
    Vehicle.objects.create(name="plain")
    trailer = Trailer.objects.create(name="trailer", length=3)
    tram = Tram.objects.create(name="tram", line="n7", stops=4)
    remote(Vehicle).create(id=trailer.id, name="theirs")
    remote(Trailer).create(id=tram.id, name="their trailer", trailer_id=trailer.trailer_id)
    synchronize()

    assert sorted(remote(Vehicle).values_list("name", flat=True)) == [
        "plain",
        "their trailer",
        "theirs",
        "trailer",
        "tram",
    ]
    assert (on_remote(Trailer, name="trailer").length, on_remote(Tram, line="n7").name) == (3, "tram")

    Vehicle.objects.filter(name="tram").update(wheels=9)
    Tram.objects.update(stops=5)
    Trailer.objects.update(length=6, name="renamed")
    report = synchronize()

    assert report.failures == [] and report.created == 0
    assert (on_remote(Tram, line="n7").wheels, on_remote(Tram, line="n7").stops) == (9, 5)
    assert on_remote(Trailer, name="renamed").length == 6
    assert remote(Vehicle).count() == 5 and not synchronize().changed


def test_what_points_to_the_parent_of_a_child_with_a_key_of_its_own_arrives():
    tram = Tram.objects.create(name="tram", line="1")
    trailer = Trailer.objects.create(name="trailer", tows=Vehicle.objects.get(name="tram"))
    Garage.objects.create(name="garage", holds=trailer)
    synchronize_and_compare()

    # To itself, in a ring, and what was never logged.
    Vehicle.objects.filter(pk=tram.id).update(tows=tram.id)
    with synchro_paused():
        hidden = Tram.objects.create(name="hidden", line="2", tows=Vehicle.objects.get(name="trailer"))
    other = Trailer.objects.create(name="other", tows=Vehicle.objects.get(pk=hidden.id))
    Garage.objects.create(name="second", holds_id=hidden.id)
    synchronize_and_compare()
    Vehicle.objects.filter(pk=hidden.id).update(tows=other.id)
    synchronize_and_compare()


def test_new_children_with_keys_of_their_own_in_a_ring_arrive():
    trams = [Tram.objects.create(name=f"tram {number}", line=str(number)) for number in range(5)]
    for tram, other in zip(trams, [*trams[1:], trams[0]], strict=True):
        Vehicle.objects.filter(pk=tram.id).update(tows=other.id)
    own = Trailer.objects.create(name="own tail")
    Vehicle.objects.filter(pk=own.id).update(tows=own.id)

    synchronize_and_compare()


def test_parent_becomes_and_stops_being_a_child_with_a_key_of_its_own():
    vehicle = Vehicle.objects.create(name="vehicle", wheels=3)
    synchronize_and_compare()
    key = on_remote(Vehicle, name="vehicle").pk

    execute("INSERT INTO shapeapp_tram (vehicle_ptr_id, line, stops) VALUES (%s, 'A', 1)", vehicle.pk)
    synchronize_and_compare()
    assert on_remote(Tram, line="A").id == key

    Tram.objects.get().delete(keep_parents=True)
    synchronize_and_compare()
    assert on_remote(Vehicle, name="vehicle").pk == key and not remote(Tram).exists()

    execute("INSERT INTO shapeapp_tram (vehicle_ptr_id, line, stops) VALUES (%s, 'A', 1)", vehicle.pk)
    synchronize_and_compare()
    execute("UPDATE shapeapp_tram SET line = 'B'")  # another key: another tram, of the same vehicle
    synchronize_and_compare()
    assert on_remote(Tram, line="B").id == key


def test_child_with_a_key_of_its_own_goes_with_its_parent():
    for number in range(3):
        Tram.objects.create(name=f"tram {number}", line=str(number))
        Trailer.objects.create(name=f"trailer {number}")
    synchronize_and_compare()

    Vehicle.objects.get(name="tram 0").delete()
    Trailer.objects.get(name="trailer 1").delete()
    Tram.objects.get(name="tram 2").delete()
    synchronize_and_compare()
    assert remote(Vehicle).count() == 3


def test_links_of_a_second_parent_and_of_a_child_are_added_and_removed():
    author = Author.objects.create(name="author")
    here = Amphibian.objects.create(name="here", draught=1)
    here.passengers.add(author)
    synchronize_and_compare()

    here.passengers.remove(author)
    synchronize_and_compare()


# Batches between the tables of one object ---------------------------------------------------------------


@pytest.mark.parametrize(
    "model, values", [(Trailer, {"length": 2}), (Tram, {"line": "7"}), (Amphibian, {"draught": 3})]
)
def test_object_whose_tables_are_logged_in_two_batches_is_one(model, values, settings):
    settings.SYNCHRO_BATCH_SIZE = 1
    model.objects.create(name="a", **values)

    report = synchronize()

    assert report.failures == [] and report.remarks == []
    assert_same(model, Vehicle)
    model.objects.get().delete()
    synchronize_and_compare(model, Vehicle)
    assert not remote(Vehicle).exists()
