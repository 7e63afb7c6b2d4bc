"""An object becomes a child, while the remote's own users change what its parent's row holds."""

from __future__ import annotations

from random import Random

import pytest

from synchro_triggers import synchro_paused, synchronize
from tests.shapefuzz.test_found import both_vendors, marked
from tests.shapefuzz.writing import insert

A = ("A", "models.Model", marked("a"), "own_a = models.CharField(max_length=20, default='')")
LINK = "a_ptr = models.OneToOneField('A', models.CASCADE, parent_link=True)"
CHILDREN = {
    "the same key": ("B", "A", marked("b")),
    "a key that stays": ("B", "A", marked("b"), "b_no = models.CharField(max_length=9, primary_key=True)", LINK),
    "a number of its own": ("B", "A", marked("b"), "b_no = models.AutoField(primary_key=True)", LINK),
}
OWN_KEYS = ["a key that stays", "a number of its own"]


def _becomes_child(child, made, alias="default"):
    key = {"b_no": "x"} if child._meta.pk.get_internal_type() == "CharField" else {}
    insert(alias, child, {**key, "mark_b": "child", "a_ptr_id": made.pk}, Random(1))


@both_vendors
@pytest.mark.parametrize("key", OWN_KEYS)
@pytest.mark.parametrize("winner", ["local", "remote"])
def test_what_others_have_changed_in_the_parents_row_is_a_conflict(project, local, key, winner):
    parent, child = project(local, A, CHILDREN[key], SYNCHRO_CONFLICT=winner)
    made = parent.objects.create(mark_a="o1")
    synchronize()
    parent.objects.using("remote").update(mark_a="theirs")
    _becomes_child(child, made)

    report = synchronize()

    there = "theirs" if winner == "remote" else "o1"
    assert report.failures == []
    assert [(str(each.kind), each.model, each.key) for each in report.remarks] == [
        (f"{winner} won", "shapefuzz.A", str(made.pk))
    ]
    for again in ({}, {"full": True}):
        assert [(row.mark_a, row.mark_b) for row in child.objects.using("remote")] == [(there, "child")]
        assert parent.objects.using("remote").count() == 1
        assert not synchronize(**again).updated
    child.objects.update(mark_b="changed")
    assert synchronize().failures == []
    assert [row.mark_a for row in child.objects.using("remote")] == ["o1"]  # which says what the whole object is


@both_vendors
@pytest.mark.parametrize("key", OWN_KEYS)
@pytest.mark.parametrize("winner", ["local", "remote"])
def test_parents_row_that_others_have_deleted_is_a_conflict(project, local, key, winner):
    parent, child = project(local, A, CHILDREN[key], SYNCHRO_CONFLICT=winner)
    made = parent.objects.create(mark_a="o1")
    synchronize()
    parent.objects.using("remote").all().delete()
    _becomes_child(child, made)

    report = synchronize()

    assert report.failures == []
    assert {str(each.kind) for each in report.remarks} == {f"{winner} won"}
    there = [("o1", "child")] if winner == "local" else []
    assert [(row.mark_a, row.mark_b) for row in child.objects.using("remote")] == there
    assert parent.objects.using("remote").count() == len(there)
    assert not synchronize().changed


@both_vendors
@pytest.mark.parametrize("key", OWN_KEYS)
def test_parents_row_stays_as_it_is_where_the_log_does_not_speak_of_the_child(project, local, key):
    parent, child, pointing = project(
        local,
        A,
        CHILDREN[key],
        ("C", "models.Model", marked("c"), "to_b = models.ForeignKey('B', models.CASCADE)"),
    )
    made = parent.objects.create(mark_a="o1")
    synchronize()
    parent.objects.using("remote").update(mark_a="theirs")
    with synchro_paused():
        _becomes_child(child, made)
    pointing.objects.create(mark_c="o2", to_b=child.objects.get())

    report = synchronize()

    assert (report.failures, report.remarks) == ([], [])
    assert [row.to_b.mark_a for row in pointing.objects.using("remote")] == ["theirs"]


@both_vendors
@pytest.mark.parametrize("key", CHILDREN)
def test_skipped_fields_of_the_parents_row_stay_as_they_are(project, local, key):
    options = {"shapefuzz.A": {"skip": ("own_a",)}, "shapefuzz.B": {"skip": ("own_a",)}}
    parent, child = project(local, A, CHILDREN[key], SYNCHRO_OPTIONS=options)
    made = parent.objects.create(mark_a="o1")
    synchronize()
    parent.objects.using("remote").update(own_a="theirs")
    _becomes_child(child, made)

    report = synchronize()

    assert report.failures == []
    assert [(row.own_a, row.mark_b) for row in child.objects.using("remote")] == [("theirs", "child")]
