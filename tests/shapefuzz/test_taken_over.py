"""Rows that are taken over, by their natural key, from an object that was a child: who has them now is none."""

from __future__ import annotations

from contextlib import nullcontext

import pytest
from django.db import transaction

from synchro_triggers import synchronize
from tests.replay.hearing import receiving
from tests.shapefuzz.test_found import both_vendors, marked
from tests.shapefuzz.writing import delete

ROOT = (
    *("B", "NaturalKeyModel", "b_no = models.AutoField(primary_key=True)", marked("b")),
    *("u_b = models.CharField(max_length=20, unique=True)", "_natural_key = ('u_b',)"),
)
CHILDREN = {
    "one parent": [("E", "B", marked("e"))],
    "two parents": [
        ("D", "models.Model", "d_no = models.AutoField(primary_key=True)", marked("d")),
        ("E", "B, D", marked("e")),
    ],
}


@both_vendors
@pytest.mark.parametrize("parents", CHILDREN)
@pytest.mark.parametrize("observed", [False, True])
@pytest.mark.parametrize("size", [1, 1000])
@pytest.mark.parametrize("first", ["the delete", "the other one"])
def test_row_of_a_child_that_is_gone_goes_when_another_object_has_its_parents(
    project, local, parents, observed, size, first
):
    parent, *others, child = project(local, ROOT, *CHILDREN[parents], SYNCHRO_BATCH_SIZE=size)
    parent.objects.using("remote").create(mark_b="R1", u_b="R1")  # so that numbers are others there
    gone = child.objects.create(mark_b="o1", mark_e="o1", u_b="w", **({"mark_d": "o1"} if others else {}))
    synchronize()
    if first == "the other one":
        parent.objects.update(u_b="another")
        parent.objects.create(pk=9, mark_b="o2", u_b="w")
    gone.delete(keep_parents=True)
    delete("default", parent, 1)
    if first == "the delete":
        parent.objects.create(pk=9, mark_b="o2", u_b="w")

    with receiving("post_save", parent, lambda **told: None) if observed else nullcontext():
        report = synchronize()

    assert report.failures == [] and report.deleted >= 1
    assert not child.objects.using("remote").exists()
    assert sorted(parent.objects.using("remote").values_list("mark_b", "u_b")) == [("R1", "R1"), ("o2", "w")]
    for other in others:  # it is still there on LOCAL
        assert other.objects.using("remote").get().mark_d == "o1"
    assert not synchronize().changed


@both_vendors
@pytest.mark.parametrize("size", [1, 1000])
@pytest.mark.parametrize("there", ["the same child", "another child"])
def test_row_of_a_child_that_is_taken_over_by_a_child_is_its_row(project, local, size, there):
    parent, child, other = project(
        local, ROOT, *CHILDREN["one parent"], ("F", "B", marked("f")), SYNCHRO_BATCH_SIZE=size
    )
    parent.objects.using("remote").create(mark_b="R1", u_b="R1")
    child.objects.create(mark_b="o1", mark_e="o1", u_b="w")
    synchronize()
    parent.objects.update(u_b="another")
    new = child.objects.create(pk=9, mark_b="o2", mark_e="o2", u_b="w") if there == "the same child" else None
    if new is None:
        other.objects.create(pk=9, mark_b="o2", mark_f="o2", u_b="w")
    child.objects.get(mark_b="o1").delete()

    report = synchronize()

    assert report.failures == []
    rows = [list(each.objects.using("remote").values_list("mark_b", "u_b")) for each in (child, other)]
    assert rows == ([[("o2", "w")], []] if new is not None else [[], [("o2", "w")]])
    assert parent.objects.using("remote").count() == 2
    assert not synchronize().changed


@both_vendors
@pytest.mark.parametrize("size", [1, 1000])
@pytest.mark.parametrize("protected", [False, True])
def test_row_of_a_child_goes_when_a_child_with_a_key_of_its_own_takes_its_parent_over(project, local, size, protected):
    parent, child, other = project(
        local,
        ROOT,
        ("E", "B", marked("e"), "to_e = models.ForeignKey('E', models.PROTECT, null=True)"),
        (
            *("F", "B", "f_no = models.AutoField(primary_key=True)", marked("f")),
            "b_ptr = models.OneToOneField(B, models.CASCADE, parent_link=True)",
        ),
        SYNCHRO_BATCH_SIZE=size,
    )
    parent.objects.using("remote").create(mark_b="R1", u_b="R1")  # so that numbers are others there
    gone = child.objects.create(mark_b="o1", mark_e="o1", u_b="w")
    if protected:
        hanging = child.objects.create(mark_b="o2", mark_e="o2", u_b="x", to_e=gone)
    synchronize()
    if protected:
        hanging.delete()
    with transaction.atomic():  # whose foreign keys are looked at in the end
        for model in (parent, child):
            delete("default", model, gone.pk)
    other.objects.create(mark_b="o3", mark_f="o3", u_b="w")

    report = synchronize()

    assert report.failures == []
    assert not child.objects.using("remote").exists()
    assert [(row.mark_b, row.u_b) for row in other.objects.using("remote")] == [("o3", "w")]
    assert parent.objects.using("remote").count() == 2
    assert not synchronize().changed
