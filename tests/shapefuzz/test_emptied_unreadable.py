"""Deletes that empty foreign keys of objects that cannot be read on LOCAL."""

from __future__ import annotations

import pytest

from synchro_triggers import synchronize
from synchro_triggers.replay.report import Told
from tests.replay.hearing import later
from tests.shapefuzz.test_found import both_vendors, marked
from tests.shapefuzz.writing import Raw, update

GARBAGE = {"sqlite": "yesterday", "postgres": "infinity"}


@both_vendors
@pytest.mark.parametrize("size", [1, 1000])
def test_delete_waits_for_what_it_would_empty_and_cannot_be_read(project, heard, local, size):
    target, pointing = project(
        local,
        ("A", "models.Model", marked("a")),
        (
            *("B", "models.Model", marked("b"), "v_b = models.DateTimeField(null=True)"),
            "to_a = models.ForeignKey('A', models.SET_NULL, null=True, related_name='+')",
        ),
        SYNCHRO_BATCH_SIZE=size,
    )
    made = pointing.objects.create(mark_b="o1", to_a=target.objects.create(mark_a="o1"))
    synchronize()
    target.objects.using("remote").update(mark_a="theirs")
    later()
    target.objects.get().delete()
    update("default", pointing._meta.get_field("v_b"), Raw(GARBAGE[local]), made.pk)

    report = synchronize()

    assert {each.model for each in report.failures} == {"shapefuzz.A", "shapefuzz.B"}
    assert "its deletion would empty to_a of shapefuzz.B 1" in str(report.failures)
    assert (report.deleted, report.remarks) == (0, [])
    assert pointing.objects.using("remote").get().to_a.mark_a == "theirs"
    pointing.objects.update(v_b=None)
    report = synchronize()
    assert (report.failures, report.deleted) == ([], 1)
    assert [(each.model, each.kind) for each in report.remarks] == [("shapefuzz.A", Told.LOCAL_WON)]
    assert not synchronize().changed
