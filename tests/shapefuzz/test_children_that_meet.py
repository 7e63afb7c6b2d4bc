"""Objects whose child's row came and went alone, under the log: they are as new as their parents' rows."""

from __future__ import annotations

import pytest
from django.db import transaction

from synchro_triggers import synchronize
from tests.shapefuzz.test_found import both_vendors, marked
from tests.shapefuzz.writing import delete


@both_vendors
@pytest.mark.parametrize("size", [1, 1000])
def test_object_whose_childs_row_came_and_went_is_new(project, local, size):
    parent, child, pointing = project(
        local,
        ("A", "models.Model", marked("a")),
        ("B", "A", marked("b")),
        ("C", "models.Model", marked("c"), "to_a = models.ForeignKey('A', models.CASCADE)"),
        SYNCHRO_BATCH_SIZE=size,
    )
    parent.objects.using("remote").create(mark_a="R1")
    parent.objects.create(mark_a="o0")
    synchronize()
    with transaction.atomic():  # so that what points to it comes first, and brings it along
        pointing.objects.create(mark_c="o1", to_a_id=7)
        child.objects.create(pk=7, mark_a="o2", mark_b="o2")
        delete("default", child, 7)

    report = synchronize()

    assert (report.failures, report.created) == ([], 2)
    assert sorted(row.mark_a for row in parent.objects.using("remote")) == ["R1", "o0", "o2"]
    assert not synchronize().changed
