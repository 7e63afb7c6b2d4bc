"""Objects of two parents, the number of one of which was given again past all cascades: nothing is logged of them."""

from __future__ import annotations

from contextlib import nullcontext

import pytest
from django.db import transaction

from synchro_triggers import synchronize
from tests.replay.hearing import receiving
from tests.shapefuzz.test_found import both_vendors, marked
from tests.shapefuzz.writing import delete

A = ("A", "models.Model", marked("a"))
TWO = (A, ("B", "models.Model", "b_no = models.AutoField(primary_key=True)", marked("b")), ("D", "A, B", marked("d")))
TURNED = (*TWO[:2], ("D", "B, A", marked("d")))
OWN = (
    A,
    ("B", "models.Model", marked("b")),
    (
        *("D", "A", "d_no = models.AutoField(primary_key=True)", marked("d")),
        "a_ptr = models.OneToOneField('A', models.CASCADE, parent_link=True)",
    ),
)


@both_vendors
@pytest.mark.parametrize("size", [1, 1000])
@pytest.mark.parametrize("models", [TWO, TURNED, OWN])
@pytest.mark.parametrize("changed", [False, True])
@pytest.mark.parametrize("observed", [False, True])
def test_object_of_a_number_given_again_is_part_of_who_has_it_now(project, local, size, models, changed, observed):
    parent, other, child = project(local, *models, SYNCHRO_BATCH_SIZE=size)
    for number in range(3):  # so that numbers are others there
        parent.objects.using("remote").create(mark_a=f"R{number}")
    marks = {f"mark_{each}": "o1" for each in ("abd" if models is not OWN else "ad")}
    child.objects.create(id=1, **marks)
    synchronize()
    with transaction.atomic():  # whose foreign keys are looked at in the end
        delete("default", parent, 1)
        parent(pk=1, mark_a="o2").save_base(raw=True, force_insert=True)
        if changed:
            child.objects.update(mark_d="new")

    with receiving("post_delete", parent, lambda **told: None) if observed else nullcontext():
        report = synchronize()

    assert report.failures == []
    assert child.objects.using("remote").values_list("mark_a", "mark_d").get() == ("o2", "new" if changed else "o1")
    assert sorted(parent.objects.using("remote").values_list("mark_a", flat=True)) == ["R0", "R1", "R2", "o2"]
    assert other.objects.using("remote").count() == (models is not OWN)
    assert not synchronize().changed
    assert not synchronize(full=True).changed


@both_vendors
@pytest.mark.parametrize("size", [1, 3, 1000])
@pytest.mark.parametrize("models", [TWO, TURNED])
@pytest.mark.parametrize("observed", [False, True])
def test_other_parents_row_stays_where_a_number_is_given_again_and_the_childs_row_goes(
    project, local, size, models, observed
):
    parent, other, child = project(local, *models, SYNCHRO_BATCH_SIZE=size)
    parent.objects.using("remote").create(mark_a="R1")  # so that numbers are others there
    child.objects.create(id=1, mark_a="o1", mark_b="o1", mark_d="o1")
    synchronize()
    with transaction.atomic():  # as PostgreSQL's TRUNCATE CASCADE does
        delete("default", child, child.objects.get().pk)
        delete("default", parent, 1)
        parent.objects.create(pk=1, mark_a="o2")

    with receiving("post_delete", parent, lambda **told: None) if observed else nullcontext():
        report = synchronize()

    assert report.failures == []
    assert not child.objects.using("remote").exists()
    assert sorted(parent.objects.using("remote").values_list("mark_a", flat=True)) == ["R1", "o2"]
    assert [row.mark_b for row in other.objects.using("remote")] == ["o1"]
    assert not synchronize().changed
