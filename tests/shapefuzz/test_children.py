"""Rows of children that come to rows of parents which are there already."""

from __future__ import annotations

from random import Random

import pytest
from django.db import transaction

from synchro_triggers import synchronize
from tests.shapefuzz.test_found import both_vendors, marked
from tests.shapefuzz.writing import delete, insert

DEFAULT_KEY = "models.UUIDField(primary_key=True, default=uuid.uuid4)"
SHAPES = {
    "the same key": [("B", "A", marked("b"))],
    "a key of its own": [
        (
            *("B", "A", marked("b"), "b_no = models.AutoField(primary_key=True)"),
            "a_ptr = models.OneToOneField('A', models.CASCADE, parent_link=True)",
        )
    ],
    "a grandchild": [("C", "A", marked("c")), ("B", "C", marked("b"))],
}


@both_vendors
@pytest.mark.parametrize("shape", SHAPES)
def test_parent_whose_key_has_a_default_becomes_a_child(project, local, shape):
    parent, *others, child = project(local, ("A", "models.Model", f"a_no = {DEFAULT_KEY}", marked("a")), *SHAPES[shape])
    made = parent.objects.create(mark_a="o1")
    synchronize()
    for model in (*others, child):
        link = next(iter(model._meta.parents.values()))
        insert("default", model, {f"mark_{model.__name__.lower()}": "o1", link.attname: made.pk}, Random(1))

    report = synchronize()

    assert report.failures == []
    assert [(row.mark_a, row.mark_b) for row in child.objects.using("remote")] == [("o1", "o1")]
    assert parent.objects.using("remote").count() == 1
    assert not synchronize().changed


@both_vendors
@pytest.mark.parametrize("size", [1, 1000])
@pytest.mark.parametrize("parent_stays", [False, True])
def test_child_with_a_key_of_its_own_whose_parent_has_another_number_is_brought_along(
    project, local, size, parent_stays
):
    parent, child, pointing = project(
        local,
        ("A", "models.Model", marked("a")),
        (
            *("B", "A", marked("b"), "b_no = models.IntegerField(primary_key=True)"),
            "a_ptr = models.OneToOneField('A', models.CASCADE, parent_link=True)",
        ),
        ("C", "models.Model", marked("c"), "to_a = models.ForeignKey('A', models.CASCADE, null=True)"),
        SYNCHRO_BATCH_SIZE=size,
    )
    made = child.objects.create(b_no=5, mark_a="o1", mark_b="o1")
    synchronize()
    pointing.objects.create(mark_c="o2")
    with transaction.atomic():  # whose foreign keys are looked at in the end
        if parent_stays:
            parent.objects.create(pk=2000, mark_a="o3")
        else:
            parent.objects.filter(pk=made.a_ptr_id).update(id=2000)
        child.objects.filter(pk=5).update(a_ptr_id=2000)
        pointing.objects.update(to_a_id=2000)

    report = synchronize()

    assert report.failures == []
    marks = ["o1", "o3"] if parent_stays else ["o1"]
    assert [row.mark_a for row in parent.objects.using("remote").order_by("mark_a")] == marks
    assert [(row.mark_a, row.mark_b) for row in child.objects.using("remote")] == [(marks[-1], "o1")]
    assert [row.to_a.mark_a for row in pointing.objects.using("remote")] == marks[-1:]
    parent.objects.filter(pk=made.a_ptr_id).update(mark_a="changed")
    report = synchronize()
    assert (report.failures, report.created, report.updated) == ([], 0, len(marks) - 1)


@both_vendors
@pytest.mark.parametrize("natural", [False, True])
@pytest.mark.parametrize("in_a_run", [False, True])
def test_parent_whose_child_has_failed_and_gone_arrives(project, local, natural, in_a_run):
    options = {"shapefuzz.A": {"natural_key": ("u_a",)}} if natural else {}
    parent, child = project(
        local,
        ("A", "models.Model", marked("a"), "u_a = models.IntegerField(unique=True)"),
        ("B", "A", marked("b"), "u_b = models.IntegerField(unique=True)"),
        SYNCHRO_OPTIONS=options,
    )
    child.objects.using("remote").create(mark_a="R1", mark_b="R1", u_a=1, u_b=7)
    made = child.objects.create(mark_a="o1", mark_b="o1", u_a=2, u_b=7)
    assert len(synchronize().failures) == 1
    delete("default", child, made.pk)
    if in_a_run:
        parent.objects.update(mark_a="o2")

    report = synchronize()

    assert (report.failures, report.created) == ([], 1)
    assert sorted(row.mark_a for row in parent.objects.using("remote")) == ["R1", "o2" if in_a_run else "o1"]
    assert child.objects.using("remote").count() == 1
    assert not synchronize().changed


@both_vendors
@pytest.mark.parametrize("winner", ["local", "remote"])
def test_change_of_a_childs_row_counts_where_the_number_of_the_object_is_another_ones(project, local, winner):
    parent, child = project(
        local,
        ("A", "models.Model", marked("a")),
        ("B", "A", marked("b")),
        SYNCHRO_CONFLICT=winner,
    )
    child.objects.create(pk=1, mark_a="o1", mark_b="o1")
    synchronize()
    child.objects.using("remote").update(mark_b="theirs")
    child.objects.get().delete()
    parent.objects.create(pk=1, mark_a="o2")

    report = synchronize()

    assert report.failures == []
    assert {str(remark.kind) for remark in report.remarks} == {f"{winner} won"}
    there = [row.mark_b for row in child.objects.using("remote")]
    assert there == (["theirs"] if winner == "remote" else [])


@both_vendors
@pytest.mark.parametrize("size", [1, 3, 1000])
def test_number_of_a_child_that_came_and_went_is_given_to_one_object(project, local, size):
    parent, child = project(
        local,
        ("A", "models.Model", marked("a")),
        ("B", "A", marked("b")),
        SYNCHRO_BATCH_SIZE=size,
    )
    child.objects.create(pk=1, mark_a="o1", mark_b="o1")
    parent.objects.create(pk=2, mark_a="o2")
    parent.objects.filter(pk=1).delete()
    parent.objects.filter(pk=2).delete()
    parent.objects.create(pk=1, mark_a="o3")

    report = synchronize()

    assert (report.failures, report.created) == ([], 1)
    assert [row.mark_a for row in parent.objects.using("remote")] == ["o3"]
    assert not synchronize().changed
