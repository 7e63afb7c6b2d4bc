"""Deletes that are protected by what hangs on what points nowhere on LOCAL."""

from __future__ import annotations

import pytest
from django.db import transaction

from synchro_triggers import synchronize
from tests.shapefuzz.test_found import both_vendors, marked
from tests.shapefuzz.writing import delete, execute

POINTERS = {
    "a generic key": [
        "object_id = models.CharField(max_length=60, null=True)",
        "content_type = models.ForeignKey(ContentType, models.CASCADE, null=True)",
        "to_c = GenericForeignKey()",
        "back = GenericRelation('C')",
    ],
    "a foreign key": [
        "to_c = models.ForeignKey('C', models.CASCADE, null=True, db_constraint=False, related_name='+')"
    ],
}


@both_vendors
@pytest.mark.parametrize("on_delete", ["RESTRICT", "PROTECT"])
@pytest.mark.parametrize("pointer", POINTERS)
@pytest.mark.parametrize("size", [1, 1000])
def test_what_protects_something_that_points_nowhere_does_not_hold_a_delete_up(
    project, local, on_delete, pointer, size
):
    model, protecting = project(
        local,
        ("C", "models.Model", marked("c"), *POINTERS[pointer]),
        ("D", "models.Model", marked("d"), f"to_c = models.ForeignKey(C, models.{on_delete}, related_name='+')"),
        SYNCHRO_BATCH_SIZE=size,
    )
    model.objects.using("remote").create(mark_c="R1")  # so that numbers are others there
    gone = model.objects.create(mark_c="o2")
    pointing = model.objects.create(mark_c="o1", to_c=gone)
    protecting.objects.create(mark_d="o3", to_c=pointing)
    synchronize()
    delete("default", model, gone.pk)

    report = synchronize()

    assert (report.failures, report.deleted) == ([], 1)
    assert sorted(model.objects.using("remote").values_list("mark_c", flat=True)) == ["R1", "o1"]
    assert protecting.objects.using("remote").get().to_c.mark_c == "o1"
    assert not synchronize().changed


@both_vendors
@pytest.mark.parametrize("on_delete", ["PROTECT", "RESTRICT"])
@pytest.mark.parametrize("size", [1, 1000])
@pytest.mark.parametrize("moves", [False, True])
def test_what_protects_something_that_points_elsewhere_does_not_hold_a_delete_up(
    project, local, heard, on_delete, size, moves
):
    """The object's number is another one's, or what points to it is moved after its delete, in its transaction."""
    model, pointing, protecting = project(
        local,
        ("A", "models.Model", marked("a")),
        ("B", "models.Model", marked("b"), "to_a = models.ForeignKey(A, models.CASCADE)"),
        ("C", "models.Model", marked("c"), f"to_b = models.ForeignKey(B, models.{on_delete})"),
        SYNCHRO_BATCH_SIZE=size,
    )
    model.objects.using("remote").create(mark_a="R1")  # so that numbers are others there
    gone, other = model.objects.create(mark_a="o1"), model.objects.create(mark_a="o2")
    protecting.objects.create(mark_c="o4", to_b=pointing.objects.create(mark_b="o3", to_a=gone))
    synchronize()
    with transaction.atomic():
        delete("default", model, gone.pk)
        if moves:
            pointing.objects.update(to_a=other)
        else:
            model(pk=gone.pk, mark_a="o5").save(force_insert=True)

    report = synchronize()

    assert (report.failures, report.deleted) == ([], 1)
    assert [each.to_b.to_a.mark_a for each in protecting.objects.using("remote").all()] == ["o2" if moves else "o5"]
    assert not model.objects.using("remote").filter(mark_a="o1").exists()
    assert not synchronize().changed


@both_vendors
@pytest.mark.parametrize("on_delete", ["PROTECT", "RESTRICT"])
@pytest.mark.parametrize("options", ["null=True", "null=True, to_field='u_a'", ""])
def test_object_that_protects_itself_is_deleted(project, local, heard, on_delete, options):
    model, child = project(
        local,
        (
            *("A", "models.Model", marked("a"), "u_a = models.IntegerField(unique=True)"),
            f"to_a = models.ForeignKey('A', models.{on_delete}, {options})",
        ),
        ("B", "A", marked("b")),
    )
    for each, number in ((model, 1), (child, 2)):
        with transaction.atomic():  # whose foreign key is looked at in the end
            each.objects.create(pk=number, mark_a=f"o{number}", u_a=number, to_a_id=number)
    model.objects.create(pk=3, mark_a="o3", u_a=3, to_a_id=3)
    synchronize()
    with transaction.atomic():
        execute("default", "DELETE FROM shapefuzz_b")
        execute("default", "DELETE FROM shapefuzz_a WHERE id < 3")

    report = synchronize()

    assert (report.failures, report.deleted) == ([], 2)
    assert [row.mark_a for row in model.objects.using("remote")] == ["o3"]
    assert not synchronize().changed


@both_vendors
@pytest.mark.parametrize("target", ["A", "B", "C"])
@pytest.mark.parametrize("options", ["null=True, ", ""])
def test_parents_row_whose_childs_row_protects_it_is_deleted(project, local, target, options):
    parent, child, sibling = project(
        local,
        ("A", "models.Model", marked("a")),
        ("B", "A", marked("b"), f"to = models.ForeignKey('{target}', models.PROTECT, {options}related_name='+')"),
        ("C", "A", marked("c")),
    )
    parent.objects.create(pk=1, mark_a="o1")
    for each, values in ((sibling, {"mark_c": "o1"}), (child, {"mark_b": "o1", "to_id": 1})):
        each(pk=1, **values).save_base(raw=True, force_insert=True)
    synchronize()
    with transaction.atomic():  # past the child's row, of which nothing is logged: it is the other one's then
        delete("default", parent, 1)
        parent(pk=1, mark_a="o3").save_base(raw=True, force_insert=True)

    report = synchronize()

    assert report.failures == []
    assert child.objects.using("remote").values_list("mark_a", "mark_b", "to__mark_a").get() == ("o3", "o1", "o3")
    assert parent.objects.using("remote").count() == 1
    assert not synchronize().changed
