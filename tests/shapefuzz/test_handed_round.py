"""Unique values that are handed round while those who have them wait for one another."""

from __future__ import annotations

import datetime
from contextlib import nullcontext
from random import Random

import pytest
from django.db import transaction

from synchro_triggers import synchronize
from tests.replay.hearing import receiving
from tests.shapefuzz.test_found import both_vendors, marked
from tests.shapefuzz.writing import delete, insert


@both_vendors
@pytest.mark.parametrize("natural", [False, True])
@pytest.mark.parametrize("observed", [False, True])
@pytest.mark.parametrize("to_field", ["", ", to_field='u_a'"])
def test_new_object_gets_the_value_of_one_that_waits_for_it(project, local, natural, observed, to_field):
    [model] = project(
        local,
        (
            *("A", "models.Model", marked("a"), "u_a = models.CharField(max_length=20, unique=True)"),
            f"to_a = models.ForeignKey('A', models.CASCADE, null=True{to_field})",
        ),
        SYNCHRO_OPTIONS={"shapefuzz.A": {"natural_key": ("u_a",)}} if natural else {},
    )
    old = model.objects.create(mark_a="o1", u_a="one")
    synchronize()
    new = model.objects.create(mark_a="o2", u_a="two")
    for one, value in ((new, "spare"), (old, "two"), (new, "one")):
        one.u_a = value
        one.save()
    old.to_a = new
    old.save()

    with receiving("post_save", model, lambda **told: None) if observed else nullcontext():
        report = synchronize()

    assert report.failures == []
    there = {row.mark_a: (row.u_a, row.to_a and row.to_a.mark_a) for row in model.objects.using("remote")}
    assert there == {"o1": ("two", "o2"), "o2": ("one", None)}
    assert not synchronize().changed


@both_vendors
@pytest.mark.parametrize("waits", [False, True])
def test_new_object_gets_the_value_of_one_that_becomes_a_child(project, local, waits):
    parent, child = project(
        local,
        ("A", "models.Model", marked("a"), "u_a = models.CharField(max_length=20, unique=True)"),
        ("B", "A", marked("b"), "to_b = models.ForeignKey('B', models.CASCADE, null=True)"),
    )
    old = parent.objects.create(mark_a="o1", u_a="one")
    synchronize()
    new = child.objects.create(mark_a="o2", mark_b="o2", u_a="two")
    link = {"to_b_id": new.pk if waits else None}
    insert("default", child, {"mark_b": "o1", "a_ptr_id": old.pk, **link}, Random(1))
    for mark, value in (("o2", "spare"), ("o1", "two"), ("o2", "one")):
        parent.objects.filter(mark_a=mark).update(u_a=value)

    report = synchronize()

    assert report.failures == []
    there = {row.mark_a: (row.u_a, row.mark_b) for row in child.objects.using("remote")}
    assert there == {"o1": ("two", "o1"), "o2": ("one", "o2")}
    assert not synchronize().changed


@both_vendors
@pytest.mark.parametrize("on_delete", ["CASCADE", "PROTECT", "RESTRICT"])
def test_key_in_the_middle_of_a_unique_chain_is_changed(project, local, on_delete):
    [model] = project(
        local,
        (
            *("A", "models.Model", "a_no = models.CharField(max_length=20, primary_key=True)", marked("a")),
            f"to_a = models.OneToOneField('A', models.{on_delete}, null=True, related_name='+')",
        ),
    )
    first = model.objects.create(a_no="first", mark_a="o1")
    middle = model.objects.create(a_no="middle", mark_a="o2", to_a=first)
    model.objects.create(a_no="last", mark_a="o3", to_a=middle)
    synchronize()
    with transaction.atomic():  # whose foreign keys are looked at in the end
        model.objects.filter(pk="middle").update(a_no="other")
        model.objects.filter(pk="last").update(to_a_id="other")

    report = synchronize()

    assert report.failures == []
    there = {row.a_no: row.to_a_id for row in model.objects.using("remote")}
    assert there == {"first": None, "other": "first", "last": "other"}
    assert not synchronize().changed


@both_vendors
@pytest.mark.parametrize("key", ["AutoField", "DurationField"])
@pytest.mark.parametrize("points", [False, True])
def test_value_is_swapped_with_a_second_parent_of_what_points_there(project, local, key, points):
    target, _, child = project(
        local,
        (
            *("A", "models.Model", f"a_no = models.{key}(primary_key=True)", marked("a")),
            "u_a = models.CharField(max_length=20, unique=True)",
        ),
        ("B", "models.Model", marked("b"), "to_a = models.ForeignKey('A', models.CASCADE, null=True)"),
        ("C", "B, A", marked("c")),
    )
    keys = [1, 2] if key == "AutoField" else [datetime.timedelta(days=each) for each in (1, 2)]
    target.objects.create(pk=keys[0], mark_a="o1", u_a="one")
    child.objects.create(a_no=keys[1], mark_a="o2", u_a="two", to_a_id=keys[0] if points else None)
    synchronize()
    for mark, value in (("o2", "spare"), ("o1", "two"), ("o2", "one")):
        target.objects.filter(mark_a=mark).update(u_a=value)

    report = synchronize()

    assert report.failures == []
    there = target.objects.using("remote").order_by("mark_a").values_list("mark_a", "u_a")
    assert list(there) == [("o1", "two"), ("o2", "one")]
    assert not synchronize().changed


@both_vendors
def test_value_is_swapped_with_what_becomes_a_child_with_a_key_of_its_own(project, local):
    parent, child = project(
        local,
        ("A", "models.Model", marked("a"), "u_a = models.IntegerField(unique=True)"),
        (
            *("B", "A", "b_no = models.AutoField(primary_key=True)", marked("b")),
            "a_ptr = models.OneToOneField('A', models.CASCADE, parent_link=True)",
        ),
        SYNCHRO_BATCH_SIZE=1,
    )
    child.objects.create(mark_a="o1", mark_b="o1", u_a=1)
    other = parent.objects.create(mark_a="o2", u_a=2)
    synchronize()
    for mark, value in (("o1", 77), ("o2", 1), ("o1", 2)):
        parent.objects.filter(mark_a=mark).update(u_a=value)
    insert("default", child, {"mark_b": "o2", "a_ptr_id": other.pk}, Random(1))

    report = synchronize()

    assert report.failures == []
    there = {row.mark_b: (row.mark_a, row.u_a) for row in child.objects.using("remote")}
    assert there == {"o1": ("o1", 2), "o2": ("o2", 1)}
    assert not synchronize().changed


@both_vendors
@pytest.mark.parametrize("size", [1, 1000])
def test_childs_value_goes_on_to_who_gets_its_parents_row_anew(project, local, size):
    parent, child, pointing = project(
        local,
        ("A", "models.Model", marked("a")),
        ("B", "A", marked("b"), "u_b = models.IntegerField(unique=True)"),
        ("C", "models.Model", marked("c"), "to_a = models.ForeignKey('A', models.DO_NOTHING)"),
        SYNCHRO_BATCH_SIZE=size,
    )
    pointing.objects.create(mark_c="o2", to_a=child.objects.create(pk=7, mark_a="o1", mark_b="o1", u_b=5))
    synchronize()
    with transaction.atomic():  # whose foreign keys are looked at in the end
        delete("default", parent, 7)
        parent(pk=7, mark_a="o3").save_base(raw=True, force_insert=True)

    report = synchronize()

    assert report.failures == []
    assert [(row.mark_a, row.u_b) for row in child.objects.using("remote")] == [("o3", 5)]
    assert [row.mark_a for row in parent.objects.using("remote")] == ["o3"]
    assert pointing.objects.using("remote").get().to_a.mark_a == "o3"
    assert not synchronize().changed
