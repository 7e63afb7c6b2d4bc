"""Whatever order the log has, what can be reached at all is reached; also in batches of one object."""

from __future__ import annotations

import datetime
import decimal
import random
import uuid
from itertools import pairwise
from types import SimpleNamespace

import pytest
from django.db import connections

from synchro_triggers import synchro_paused, synchronize
from tests.databases import both
from tests.replay.hearing import hearing
from tests.shapeapp.models import (
    Author,
    Book,
    Booking,
    Branch,
    Chair,
    Champion,
    Handle,
    Initial,
    Membercard,
    Passport,
    Shift,
    Slot,
    Ticket,
    Typed,
)
from tests.shapes.sides import REMOTE, checked_late, execute, on_remote, synchronize_and_compare

CHAIN = 1_100


@pytest.fixture(autouse=True, params=[1, 2, 1000], ids=lambda size: f"batch={size}")
def batch_size(request, settings):
    settings.SYNCHRO_BATCH_SIZE = request.param
    return request.param


pytestmark = [both, pytest.mark.thinned("batch_size")]

#: Of a test that is long already.
usual_batches = pytest.mark.parametrize("batch_size", [1000], indirect=True, ids=["batch=1000"])
long_chain = pytest.mark.thinned(kind="long chain")


def rotate(model, field, names, spare):
    """Give each object's value to the next one, by way of a value that nobody has."""
    values = dict(model.objects.filter(name__in=names).values_list("name", field))
    model.objects.filter(name=names[0]).update(**{field: spare})
    for name, following in pairwise(names):
        model.objects.filter(name=following).update(**{field: values[name]})
    model.objects.filter(name=names[0]).update(**{field: values[names[-1]]})


# Unique values ------------------------------------------------------------------------------------


@pytest.fixture
def slots():
    slots = [Slot.objects.create(name=f"slot {number}", number=number) for number in range(5)]
    synchronize_and_compare()
    return slots


def test_unique_value_is_handed_over(slots):
    Slot.objects.filter(number=0).update(number=10)
    Slot.objects.filter(number=1).update(number=0)

    synchronize_and_compare()


def test_unique_values_are_handed_down_against_the_order_of_the_log(slots):
    for number in range(5):  # logs every slot, the first one first
        Slot.objects.filter(name=f"slot {number}").update(number=100 + number)
    for number in range(5):
        Slot.objects.filter(name=f"slot {number}").update(number=number + 1)

    synchronize_and_compare()


def test_two_objects_swap_a_unique_value(slots):
    rotate(Slot, "number", ["slot 0", "slot 1"], spare=99)

    report = synchronize_and_compare()

    assert report.created == report.deleted == 0


def test_three_objects_rotate_a_unique_value(slots):
    rotate(Slot, "number", ["slot 0", "slot 1", "slot 2"], spare=99)

    synchronize_and_compare()


def test_two_swaps_and_a_rotation_at_once_with_other_changes(slots):
    rotate(Slot, "number", ["slot 0", "slot 4"], spare=99)
    rotate(Slot, "number", ["slot 1", "slot 2", "slot 3"], spare=99)
    Slot.objects.create(name="new", number=50)
    rotate(Slot, "number", ["new", "slot 2"], spare=99)

    synchronize_and_compare()


def test_unique_value_moves_from_a_deleted_object_to_a_new_one(slots):
    slots[0].delete()
    Slot.objects.create(name="new", number=0)

    synchronize_and_compare()


def test_new_object_waits_for_the_value_of_one_that_is_deleted_later(slots):
    new = Slot.objects.create(name="new", number=77)
    slots[0].delete()
    Slot.objects.filter(pk=new.pk).update(number=0)

    synchronize_and_compare()


def test_unique_value_goes_through_many_hands(slots):
    Slot.objects.filter(name="slot 0").update(number=99)
    Slot.objects.filter(name="slot 1").update(number=0)
    Slot.objects.filter(name="slot 1").delete()
    Slot.objects.create(name="short-lived", number=0).delete()
    Slot.objects.filter(name="slot 2").update(number=0)
    Slot.objects.filter(name="slot 0").update(number=2)

    synchronize_and_compare()


def test_object_with_the_key_of_a_deleted_one_takes_the_value_of_another(slots):
    key = slots[0].pk
    slots[0].delete()
    Slot.objects.filter(name="slot 1").update(number=0)
    Slot.objects.create(pk=key, name="new", number=1)

    synchronize_and_compare()


def test_key_changes_while_the_unique_value_stays(slots):
    execute("UPDATE shapeapp_slot SET id = id + 1000")

    synchronize_and_compare()


def test_automatic_keys_are_exchanged(slots):
    first, second = slots[0].pk, slots[1].pk
    for old, new in ((first, 9001), (second, first), (9001, second)):
        execute("UPDATE shapeapp_slot SET id = %s WHERE id = %s", new, old)

    synchronize_and_compare()


# Constraints over several columns -----------------------------------------------------------------


@pytest.fixture
def chairs():
    authors = [Author.objects.create(name=f"author {number}") for number in range(2)]
    for number in range(3):
        for author in authors:
            row = 10 * number + authors.index(author)
            Chair.objects.create(name=f"{author.name} {number}", author=author, row=row, seat=f"s{number}")
    synchronize_and_compare()


def test_whoever_wants_what_the_remote_holds_holds_up_nobody_else(slots):
    with synchro_paused(using=REMOTE):
        Slot.objects.using(REMOTE).create(name="the remote's own", number=50)
    Slot.objects.filter(number=4).update(number=50)
    Slot.objects.filter(number=3).update(number=4)
    rotate(Slot, "number", ["slot 0", "slot 1", "slot 2"], spare=99)

    report = synchronize()

    failed = {failure.key for failure in report.failures}
    assert failed == {str(slot.pk) for slot in slots[3:]}, "one waits for the other, which can wait for nobody"
    numbers = dict(Slot.objects.using(REMOTE).values_list("name", "number"))
    assert [numbers[f"slot {number}"] for number in range(5)] == [2, 0, 1, 3, 4]

    Slot.objects.using(REMOTE).filter(number=50).delete()
    synchronize_and_compare()


@pytest.mark.parametrize("order", ["upwards", "downwards", "shuffled"])
@pytest.mark.thinned("batch_size", "order")
@usual_batches
def test_receivers_are_called_a_few_times_each_while_values_move_along_a_row(settings, order):
    settings.SYNCHRO_BATCH_SECONDS = 60  # a transaction that is cut off for its time begins anew
    numbers = list(range(100))
    if order == "shuffled":
        random.Random(5).shuffle(numbers)
    Slot.objects.bulk_create(Slot(name=f"{number}", number=number) for number in numbers)
    synchronize_and_compare()
    execute("UPDATE shapeapp_slot SET number = -number - 100")
    execute(f"UPDATE shapeapp_slot SET number = -number - {101 if order == 'downwards' else 99}")

    with hearing(Slot, only=("pre_save",)) as heard:
        synchronize_and_compare()
    assert len(heard) <= 300


@pytest.mark.usefixtures("chairs")
def test_values_that_are_unique_together_are_swapped():
    rotate(Chair, "row", ["author 0 0", "author 0 1", "author 0 2"], spare=99)
    synchronize_and_compare()

    row = dict(Chair.objects.values_list("name", "row"))
    Chair.objects.filter(name="author 1 0").update(row=98)
    Chair.objects.filter(name="author 1 1").update(row=row["author 1 0"], seat="s0")
    Chair.objects.filter(name="author 1 0").update(row=row["author 1 1"], seat="s1")
    synchronize_and_compare()


@pytest.mark.usefixtures("chairs")
def test_foreign_keys_that_are_unique_together_are_swapped():
    one, other = Author.objects.order_by("name")
    first, second = Chair.objects.get(name="author 0 0"), Chair.objects.get(name="author 1 0")
    Chair.objects.filter(pk=first.pk).update(row=97, author=other)
    Chair.objects.filter(pk=second.pk).update(row=first.row, author=one)
    Chair.objects.filter(pk=first.pk).update(row=second.row)

    synchronize_and_compare()


def test_one_of_a_league_hands_the_first_place_on():
    for league in ("north", "south"):
        for number in range(3):
            Champion.objects.create(name=f"{league} {number}", league=league, first=number == 0)
    synchronize_and_compare()

    Champion.objects.filter(name="north 0").update(first=False)
    Champion.objects.filter(name="north 1").update(first=True)
    synchronize_and_compare()

    # Against the order of the log: the next one is logged first.
    Champion.objects.filter(name="north 0").update(league="tmp")
    Champion.objects.filter(name="north 1").update(first=False)
    Champion.objects.filter(name="north 0").update(league="north", first=True)
    synchronize_and_compare()

    Champion.objects.filter(name="north 0").update(league="tmp")
    Champion.objects.filter(name="south 0").update(league="north")
    Champion.objects.filter(name="north 0").update(league="south")
    synchronize_and_compare()


def test_values_that_are_unique_by_an_expression_are_swapped():
    for handle in ("Ann", "bOb", "CY"):
        Handle.objects.create(name=handle, handle=handle)
    synchronize_and_compare()

    Handle.objects.filter(name="Ann").update(handle="tmp")
    Handle.objects.filter(name="bOb").update(handle="ANN")
    Handle.objects.filter(name="CY").update(handle="Bob")
    Handle.objects.filter(name="Ann").update(handle="cy")

    synchronize_and_compare()


def test_values_that_differ_in_letter_case_only_are_swapped():
    for handle in ("Ann", "bob"):
        Handle.objects.create(name=handle, handle=handle)
    synchronize_and_compare()

    rotate(Handle, "handle", ["Ann", "bob"], spare="tmp")
    Handle.objects.filter(name="Ann").update(handle="BOB")

    synchronize_and_compare()


@pytest.mark.vendor("postgres")
def test_bookings_that_must_not_overlap_are_exchanged():
    for number in range(3):
        Booking.objects.create(name=f"booking {number}", room=1, start=10 * number, end=10 * number + 9)
    synchronize_and_compare()

    Booking.objects.filter(name="booking 0").update(room=2)
    Booking.objects.filter(name="booking 1").update(start=0, end=7)
    Booking.objects.filter(name="booking 0").update(room=1, start=12, end=18)
    synchronize_and_compare()

    Booking.objects.filter(name="booking 2").delete()
    Booking.objects.create(name="booking 3", room=1, start=20, end=30)
    synchronize_and_compare()


# Kinds of unique columns --------------------------------------------------------------------------


def test_holders_of_one_to_one_fields_are_swapped():
    ann, bob, helper = (Author.objects.create(name=name) for name in ("ann", "bob", "helper"))
    for author in (ann, bob):
        Passport.objects.create(name=author.name, holder=author)
        Membercard.objects.create(name=author.name, holder=author)
    synchronize_and_compare()

    rotate(Membercard, "holder", ["ann", "bob"], spare=None)
    rotate(Passport, "holder", ["ann", "bob"], spare=helper.pk)

    synchronize_and_compare()


def test_column_with_few_free_values_is_swapped():
    for letter in "0123456789abcdef":
        Initial.objects.create(name=letter, letter=letter)
    synchronize_and_compare()

    rotate(Initial, "letter", ["3", "a", "f"], spare="z")

    synchronize_and_compare()


def test_made_up_value_is_not_one_that_another_object_waits_for(monkeypatch):
    """Chance proposes values of the rotated rows, also those that have just become free."""
    drawn = random.Random(2)

    def propose():
        return SimpleNamespace(hex=drawn.choice("3af0g"), int=7)

    for letter in "0123456789abcdef":
        Initial.objects.create(name=letter, letter=letter)
    synchronize_and_compare()

    for _ in range(8):
        rotate(Initial, "letter", ["3", "a", "f"], spare="z")
        with monkeypatch.context() as patch:
            patch.setattr(uuid, "uuid4", propose)
            synchronize_and_compare()


def test_checked_column_is_swapped():
    for number in (1, 2, 50):
        Ticket.objects.create(name=f"ticket {number}", number=number)
    synchronize_and_compare()

    rotate(Ticket, "number", ["ticket 1", "ticket 2", "ticket 50"], spare=49)

    synchronize_and_compare()


def test_times_and_durations_are_swapped():
    for hour in range(3):
        Shift.objects.create(name=f"shift {hour}", starts=datetime.time(hour), length=datetime.timedelta(hours=hour))
    synchronize_and_compare()

    rotate(Shift, "starts", ["shift 0", "shift 1"], spare=datetime.time(12))
    rotate(Shift, "length", ["shift 1", "shift 2"], spare=datetime.timedelta(days=1))

    synchronize_and_compare()


def typed(number: int) -> dict[str, object]:
    return {
        "uuid": uuid.UUID(int=number),
        "day": datetime.date(2020, 1, 1 + number),
        "at": datetime.datetime(2020, 1, 1, number, tzinfo=datetime.UTC),
        "amount": decimal.Decimal(f"{number}.50"),
        "ratio": number / 3,
        "email": f"user{number}@example.com",
        "address": f"192.0.2.{number}",
        "small": number,
        "slug": f"slug-{number}",
    }


@pytest.mark.thinned("*")
@pytest.mark.parametrize("field", sorted(typed(0)))
def test_unique_values_of_every_kind_are_swapped(field):
    for number in range(3):
        Typed.objects.create(name=f"typed {number}", **typed(number))
    synchronize_and_compare()

    rotate(Typed, field, ["typed 0", "typed 1", "typed 2"], spare=typed(9)[field])

    synchronize_and_compare()


# Trees --------------------------------------------------------------------------------------------


def test_children_move_while_their_old_parent_goes():
    old, new = (Branch.objects.create(name=name) for name in ("old", "new"))
    for number in range(3):
        child = Branch.objects.create(name=f"child {number}", parent=old, slug=f"s{number}")
        Branch.objects.create(name=f"grandchild {number}", parent=child)
    synchronize_and_compare()
    keys = dict(Branch.objects.using(REMOTE).values_list("name", "pk"))

    Branch.objects.filter(parent=old).update(parent=new)
    old.delete()
    report = synchronize_and_compare()

    assert report.created == 0
    assert all(keys[name] == key for name, key in Branch.objects.using(REMOTE).values_list("name", "pk"))


def test_children_move_to_a_parent_that_is_new_while_the_old_one_goes_first_in_the_log():
    old = Branch.objects.create(name="old", slug="slug")
    for number in range(3):
        child = Branch.objects.create(name=f"child {number}", parent=old)
        Branch.objects.create(name=f"grandchild {number}", parent=child)
    synchronize_and_compare()
    keys = dict(Branch.objects.using(REMOTE).values_list("name", "pk"))

    with checked_late():
        execute("DELETE FROM shapeapp_branch WHERE name = 'old'")
        execute("INSERT INTO shapeapp_branch (id, name, slug, weight) VALUES (4711, 'new', 'slug', 0)")
        execute("UPDATE shapeapp_branch SET parent_id = 4711 WHERE name LIKE 'child%%'")
    report = synchronize_and_compare()

    assert report.created == 1
    there = dict(Branch.objects.using(REMOTE).exclude(name="new").values_list("name", "pk"))
    assert there == {name: keys[name] for name in there}


def test_tree_is_turned_upside_down():
    root = Branch.objects.create(name="root")
    middle = Branch.objects.create(name="middle", parent=root)
    leaf = Branch.objects.create(name="leaf", parent=middle)
    synchronize_and_compare()

    Branch.objects.filter(pk=leaf.pk).update(parent=None)
    Branch.objects.filter(pk=middle.pk).update(parent=leaf)
    Branch.objects.filter(pk=root.pk).update(parent=middle)
    synchronize_and_compare()

    Branch.objects.filter(pk=middle.pk).update(parent=root)
    Branch.objects.filter(pk=root.pk).update(parent=None)
    leaf.delete()
    synchronize_and_compare()


def test_moved_children_that_cannot_be_applied_yet_survive_their_old_parent():
    """The child waits for a slug that is still another's when the old parent goes."""
    old, new = (Branch.objects.create(name=name) for name in ("old", "new"))
    child = Branch.objects.create(name="child", parent=old, slug="a")
    Branch.objects.create(name="grandchild", parent=child)
    holder = Branch.objects.create(name="holder", slug="b")
    synchronize_and_compare()
    key = on_remote(Branch, name="child").pk

    Branch.objects.filter(pk=child.pk).update(parent=new)
    Branch.objects.filter(pk=holder.pk).update(slug="tmp")
    Branch.objects.filter(pk=child.pk).update(slug="b")
    Branch.objects.filter(pk=holder.pk).update(slug="a")
    old.delete()

    synchronize_and_compare()
    assert on_remote(Branch, name="child").pk == key


def test_parent_and_child_hand_over_a_slug_in_both_directions():
    parent = Branch.objects.create(name="parent", slug="a")
    child = Branch.objects.create(name="child", slug="b", parent=parent)
    synchronize_and_compare()

    rotate(Branch, "slug", ["parent", "child"], spare="tmp")
    synchronize_and_compare()
    Branch.objects.filter(pk=child.pk).update(parent=None)
    Branch.objects.filter(pk=parent.pk).update(parent=child)
    rotate(Branch, "slug", ["child", "parent"], spare=None)
    synchronize_and_compare()


# Long chains --------------------------------------------------------------------------------------


def make_chain(length, *, newest_first=False):
    """Make branches, each the parent of the next."""
    Branch.objects.bulk_create(Branch(name=f"{number}") for number in range(length))
    keys = dict(Branch.objects.values_list("name", "pk"))
    chain = [keys[f"{number}"] for number in range(length)]
    pairs = list(pairwise(chain))
    with connections["default"].cursor() as cursor:
        cursor.executemany(
            "UPDATE shapeapp_branch SET parent_id = %s WHERE id = %s", reversed(pairs) if newest_first else pairs
        )
    return chain


@long_chain
@usual_batches
def test_long_chain_arrives_and_its_whole_length_goes():
    make_chain(CHAIN, newest_first=True)
    synchronize_and_compare()

    execute("DELETE FROM shapeapp_branch")
    synchronize_and_compare()
    assert not Branch.objects.using(REMOTE).exists()


@long_chain
@usual_batches
def test_long_chain_that_takes_longer_than_a_batch_may_is_walked_through_once(settings):
    make_chain(CHAIN)
    synchronize_and_compare()
    settings.SYNCHRO_BATCH_SECONDS = 0.05
    asked = 0

    def counting(execute, *arguments):
        nonlocal asked
        asked += 1
        return execute(*arguments)

    execute("DELETE FROM shapeapp_branch")
    with connections[REMOTE].execute_wrapper(counting):
        synchronize_and_compare()
    assert asked < 30 * CHAIN


@long_chain
@usual_batches
def test_long_chain_that_was_never_logged_is_brought_along():
    with synchro_paused():
        chain = make_chain(CHAIN)
    Branch.objects.create(name="leaf", parent_id=chain[-1])

    synchronize_and_compare()


@long_chain
@usual_batches
def test_long_chain_is_turned_round():
    chain = make_chain(CHAIN)
    synchronize_and_compare()

    with connections["default"].cursor() as cursor:
        cursor.execute("UPDATE shapeapp_branch SET parent_id = NULL WHERE id = %s", [chain[-1]])
        cursor.executemany(
            "UPDATE shapeapp_branch SET parent_id = %s WHERE id = %s", [(b, a) for a, b in pairwise(chain)]
        )
    synchronize_and_compare()


@long_chain
@usual_batches
def test_unique_values_are_rotated_along_a_long_row():
    Slot.objects.bulk_create(Slot(name=f"{number}", number=number) for number in range(CHAIN))
    synchronize_and_compare()

    execute("UPDATE shapeapp_slot SET number = -number - 1")
    execute(f"UPDATE shapeapp_slot SET number = (-number) %% {CHAIN}")

    synchronize_and_compare()


@usual_batches  # then as many as it says itself
def test_rotation_that_takes_longer_than_a_batch_may_arrives_in_one_run(settings):
    Slot.objects.bulk_create(Slot(name=f"{number}", number=number) for number in range(120))
    synchronize_and_compare()
    settings.SYNCHRO_BATCH_SIZE = 50
    settings.SYNCHRO_BATCH_SECONDS = 0.001

    execute("UPDATE shapeapp_slot SET number = -number - 1")
    execute("UPDATE shapeapp_slot SET number = (-number) %% 120")

    synchronize_and_compare()


@long_chain
@usual_batches
def test_long_chain_through_two_models_arrives():
    author = Author.objects.create(name="0")
    books = []
    for number in range(1, CHAIN // 2):
        book = Book.objects.create(name=f"{number}", author=author)
        author = Author.objects.create(name=f"{number}", favourite=book)
        books.append(book)
    Author.objects.filter(name="0").update(favourite=books[-1])

    synchronize_and_compare()
