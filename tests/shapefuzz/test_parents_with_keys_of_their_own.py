"""Rows of children with keys of their own that go alone: what hangs on their parents' rows has no part in it."""

from __future__ import annotations

import pytest

from synchro_triggers import synchronize
from tests.shapefuzz.test_found import both_vendors, marked

A = ("A", "models.Model", marked("a"))
B = (
    *("B", "A", "b_no = models.CharField(max_length=20, primary_key=True)", marked("b")),
    "a_ptr = models.OneToOneField('A', models.CASCADE, parent_link=True)",
)


@both_vendors
@pytest.mark.parametrize("on_delete", ["PROTECT", "RESTRICT", "CASCADE", "SET_NULL"])
def test_what_points_to_the_parents_row_that_stays_does_not_hold_the_childs_delete_up(project, local, on_delete):
    parent, child, pointing, _ = project(
        local,
        A,
        B,
        ("C", "models.Model", marked("c"), f"to_a = models.ForeignKey('A', models.{on_delete}, null=True)"),
        ("D", "models.Model", marked("d"), "to_b = models.ForeignKey('B', models.SET_NULL, null=True)"),
    )
    made = child.objects.create(b_no="x", mark_a="o1", mark_b="o1")
    pointing.objects.create(mark_c="o2", to_a=made.a_ptr)
    synchronize()
    child.objects.get().delete(keep_parents=True)

    report = synchronize()

    assert (report.failures, report.deleted) == ([], 1)
    assert not child.objects.using("remote").exists()
    assert pointing.objects.using("remote").get().to_a == parent.objects.using("remote").get()
    assert not synchronize().changed
