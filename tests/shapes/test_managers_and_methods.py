"""Managers that hide rows hide none from a replay; the remote's own ``save()`` and ``delete()`` are called."""

from __future__ import annotations

import pytest

from synchro_triggers import synchronize
from synchro_triggers.replay.report import Told
from tests.databases import both
from tests.shapeapp.models import (
    Author,
    Caller,
    Careful,
    Deferring,
    Derived,
    Letter,
    Ordered,
    Parcel,
    Stamp,
    Trash,
)
from tests.shapes.sides import REMOTE, execute, on_remote, synchronize_and_compare

pytestmark = both


# Hidden rows --------------------------------------------------------------------------------------


def test_softly_deleted_objects_arrive_change_and_come_back():
    Letter.objects.create(name="gone before it was ever seen", gone=True)
    Letter.objects.create(name="letter")
    synchronize_and_compare()

    Letter.objects.update(gone=True)
    synchronize_and_compare()
    assert not Letter.objects.using(REMOTE).exists()

    Letter.everything.filter(name="letter").update(name="changed while it was gone")
    synchronize_and_compare()

    Letter.everything.update(gone=False)
    synchronize_and_compare()
    assert Letter.objects.using(REMOTE).count() == 2


def test_objects_point_to_hidden_ones():
    hidden = Letter.objects.create(name="hidden", gone=True)
    Letter.objects.create(name="answer", answers=hidden)
    Stamp.objects.create(name="stamp", letter=hidden)
    hidden.copies_to.add(Author.objects.create(name="author"))
    synchronize_and_compare()

    hidden.copies_to.clear()
    Stamp.objects.update(letter=Letter.objects.create(name="another hidden", gone=True))
    synchronize_and_compare()


def test_hidden_objects_are_deleted_with_all_that_points_to_them():
    hidden = Letter.objects.create(name="hidden", gone=True)
    Stamp.objects.create(name="stamp", letter=hidden)
    Letter.objects.create(name="answer", answers=hidden, gone=True)
    synchronize_and_compare()

    Letter.everything.filter(name="hidden").delete()

    synchronize_and_compare()
    assert not Letter.everything.using(REMOTE).exists()
    assert not Stamp.objects.using(REMOTE).exists()


def test_rows_hidden_by_the_base_manager_arrive_change_and_come_back():
    """``save()`` updates through the base manager, so it does not find the row, and would insert it again."""
    Parcel.everything.create(name="gone before it was ever seen", gone=True)
    Parcel.everything.create(name="parcel", weight=1)
    synchronize_and_compare()

    Parcel.everything.filter(name="parcel").update(gone=True)
    synchronize_and_compare()

    Parcel.everything.filter(name="parcel").update(weight=2)
    synchronize_and_compare()

    Parcel.everything.update(gone=False)
    synchronize_and_compare()


def test_rows_hidden_by_the_base_manager_are_pointed_to_and_deleted():
    letter = Letter.objects.create(name="letter")
    parcel = Parcel.everything.create(name="parcel", gone=True, letter=letter)
    Stamp.objects.create(name="stamp", parcel=parcel)
    synchronize_and_compare()

    execute("DELETE FROM shapeapp_stamp")
    execute("DELETE FROM shapeapp_parcel")
    synchronize_and_compare()


def test_hidden_rows_that_a_cascade_does_not_see_go_too():
    """A cascade collects through the base manager, which hides them; the database would then complain."""
    letter = Letter.objects.create(name="letter")
    Parcel.everything.create(name="parcel", gone=True, letter=letter)
    synchronize_and_compare()

    Parcel.everything.all()._raw_delete("default")
    letter.delete()
    synchronize_and_compare()


# Methods ------------------------------------------------------------------------------------------


@pytest.fixture
def remote_calls():
    Caller.calls.clear()
    yield lambda: [call[:2] for call in Caller.calls if call[2] == REMOTE]
    Caller.calls.clear()


def test_own_save_and_delete_are_called_on_the_remote(remote_calls):
    Caller.objects.bulk_create([Caller(name="a"), Caller(name="b")])
    synchronize_and_compare()
    assert remote_calls() == [("save", "a"), ("save", "b")]

    Caller.calls.clear()
    Caller.objects.filter(name="a").update(size=1)
    Caller.objects.filter(name="b").delete()
    synchronize_and_compare()
    assert sorted(remote_calls()) == [("delete", "b"), ("save", "a")]


def test_own_save_is_not_called_where_nothing_changed(remote_calls):
    Caller.objects.bulk_create([Caller(name="a")])
    synchronize_and_compare()
    Caller.calls.clear()

    Caller.objects.update(size=1)
    Caller.objects.update(size=0)
    synchronize_and_compare(expect_change=False)

    assert remote_calls() == []


def test_delete_that_only_marks_is_called():
    Trash.objects.create(name="marked")
    Trash.objects.create(name="removed")
    synchronize_and_compare()

    Trash.objects.get(name="marked").delete()
    synchronize_and_compare()
    assert on_remote(Trash, name="marked").gone

    Trash.objects.filter(name="removed").delete()
    # Here the two sides are meant to differ: the remote's delete() decides what deleting is. The report says so.
    report = synchronize()

    assert report.failures == []
    left = on_remote(Trash, name="removed")
    assert left.gone
    [remark] = report.remarks
    assert (remark.kind, remark.model) == (Told.STILL_THERE, "shapeapp.Trash")
    assert f"its row {left.pk}" in remark.reason and "'write': 'signals'" in remark.reason
    assert not synchronize().changed


def test_delete_that_only_marks_is_passed_where_the_option_says_so(settings):
    settings.SYNCHRO_OPTIONS = {"shapeapp.Trash": {"write": "signals"}}
    Trash.objects.create(name="removed")
    synchronize_and_compare()

    Trash.objects.filter(name="removed").delete()

    assert not synchronize_and_compare().remarks


def test_save_that_fills_another_column_fills_it_on_the_remote_too():
    Derived.objects.create(name="four")
    synchronize_and_compare()

    derived = Derived.objects.get()
    derived.name = "fourteen"
    derived.save()
    synchronize_and_compare()

    assert on_remote(Derived, name="fourteen").length == 8


def test_object_that_checks_itself_is_checked_against_the_remote():
    author = Author.objects.create(name="author")
    Careful.objects.create(name="careful", number=1, author=author)
    synchronize_and_compare()

    Careful.objects.update(number=2)
    synchronize_and_compare()


def test_model_options_do_not_get_in_the_way():
    author = Author.objects.create(name="author")
    Ordered.objects.bulk_create(Ordered(name=f"{number}", number=number % 3, author=author) for number in range(7))
    Deferring.objects.create(name="deferring", text="long", author=author)
    synchronize_and_compare()

    Ordered.objects.filter(number=1).update(number=9)
    Deferring.objects.update(text="longer")
    Ordered.objects.filter(number=2).delete()
    synchronize_and_compare()
