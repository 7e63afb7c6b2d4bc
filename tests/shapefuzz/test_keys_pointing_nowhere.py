"""Primary keys that are foreign keys without a constraint, to what is not there."""

from __future__ import annotations

import pytest
from django.db import transaction

from synchro_triggers import synchronize
from synchro_triggers.replay.report import Told
from tests.shapefuzz.test_found import both_vendors, marked

TO_A = "models.OneToOneField('A', models.CASCADE, primary_key=True, related_name='+', db_constraint=False)"
SHAPES = {
    "the key": [(*("B", "models.Model", marked("b")), f"b_no = {TO_A}")],
    "a parent's key": [
        (*("P", "models.Model", marked("b")), f"b_no = {TO_A}"),
        (
            *("B", "P", marked("c"), "c_no = models.AutoField(primary_key=True)"),
            "p_ptr = models.OneToOneField('P', models.CASCADE, parent_link=True)",
        ),
    ],
    "a part of the key": [
        (
            *("B", "models.Model", marked("b"), "part = models.IntegerField(default=1)"),
            "pk = models.CompositePrimaryKey('b_no', 'part')",
            "b_no = models.ForeignKey('A', models.CASCADE, related_name='+', db_constraint=False)",
        )
    ],
}


def told(report):
    return [remark.model for remark in report.remarks if remark.kind == Told.POINTS_NOWHERE]


@both_vendors
@pytest.mark.parametrize("shape", SHAPES)
def test_what_has_a_key_that_points_nowhere_arrives_changes_and_goes(project, heard, local, shape):
    target, *_, model = project(local, ("A", "models.Model", marked("a")), *SHAPES[shape])
    there = target.objects.using("remote").create(pk=7, mark_a="theirs")
    there_too = target.objects.using("remote").create(pk=8, mark_a="theirs")
    model.objects.create(b_no_id=7, mark_b="o1")

    report = synchronize()

    assert (report.failures, report.created) == ([], 1)
    assert told(report) == [model._meta.label]
    found = model.objects.using("remote").get()
    assert found.mark_b == "o1" and found.b_no_id not in (there.pk, there_too.pk)

    model.objects.update(mark_b="o2")
    report = synchronize()
    assert (report.failures, report.updated) == ([], 1)
    assert model.objects.using("remote").get().mark_b == "o2"
    assert not synchronize().changed

    model.objects.all().delete()
    report = synchronize()
    rows = 2 if shape == "a parent's key" else 1  # the parent's row, which has a key of its own, is logged for itself
    assert (report.failures, report.deleted) == ([], rows)
    assert not model.objects.using("remote").exists()


@both_vendors
@pytest.mark.parametrize("size", [1, 1000])
def test_ring_with_a_parents_key_that_points_nowhere_is_closed(project, heard, local, size):
    first, _, child = project(
        local,
        (
            *("A", "models.Model", marked("a")),
            "to_b = models.ForeignKey('B', models.CASCADE, related_name='+', db_constraint=False)",
        ),
        *SHAPES["a parent's key"],
        SYNCHRO_BATCH_SIZE=size,
    )
    with transaction.atomic():
        first.objects.create(pk=5, mark_a="o1", to_b_id=7)
        child.objects.create(pk=7, mark_c="o1", b_no_id=5)  # Django sets b_no to 7 too

    report = synchronize()

    assert (report.failures, report.created) == ([], 2)
    assert first.objects.using("remote").get().to_b.mark_c == "o1"
    assert not synchronize().changed


@both_vendors
@pytest.mark.parametrize("kind", ["a foreign key", "a generic key"])
def test_number_that_points_nowhere_is_not_that_of_what_the_run_makes(project, heard, local, kind):
    pointer = {
        "a foreign key": ["to_a = models.ForeignKey('A', models.CASCADE, related_name='+', db_constraint=False)"],
        "a generic key": [
            "object_id = models.CharField(max_length=60)",
            "content_type = models.ForeignKey(ContentType, models.CASCADE)",
            "to_a = GenericForeignKey()",
        ],
    }[kind]
    target, pointing = project(local, ("A", "models.Model", marked("a")), ("B", "models.Model", marked("b"), *pointer))
    for number in range(3):
        target.objects.using("remote").create(mark_a=f"R{number}")
    target.objects.create(pk=1, mark_a="o1")  # will be 4 there
    pointing.objects.create(mark_b="o2", to_a=target(pk=4))

    report = synchronize()

    assert (report.failures, told(report)) == ([], ["shapefuzz.B"])
    row = pointing.objects.using("remote").get()
    assert target.objects.using("remote").get(mark_a="o1").pk == 4
    assert int(row.to_a_id if kind == "a foreign key" else row.object_id) < 0
