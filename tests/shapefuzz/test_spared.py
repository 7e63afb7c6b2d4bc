"""What a delete would take along on the remote, and LOCAL still has: the remote's users may have changed it there."""

from __future__ import annotations

import pytest

from synchro_triggers import synchro_paused, synchronize
from tests.shapefuzz.test_dangling_to_fields import delete_past_the_constraint
from tests.shapefuzz.test_found import both_vendors, marked
from tests.shapefuzz.writing import delete


@both_vendors
@pytest.mark.parametrize("on_delete", ["CASCADE", "PROTECT"])
def test_what_the_remotes_users_have_changed_stays_when_a_delete_spares_it(project, local, on_delete):
    target, pointing = project(
        local,
        ("A", "models.Model", marked("a")),
        (
            *("B", "models.Model", marked("b"), "u_b = models.IntegerField(unique=True)"),
            f"to_a = models.ForeignKey(A, models.{on_delete}, db_constraint=False, related_name='+')",
        ),
    )
    gone = target.objects.create(mark_a="o1")
    for number in (1, 2):
        pointing.objects.create(mark_b=f"o{number}", u_b=number, to_a=gone)
    synchronize()
    there = pointing.objects.using("remote").order_by("mark_b")
    for mark, value in (("o1", 9), ("o2", 1), ("o1", 2)):  # by the remote's users
        there.filter(mark_b=mark).update(u_b=value)
    delete("default", target, gone.pk)

    report = synchronize()

    assert (report.failures, report.deleted, report.updated) == ([], 1, 0)
    assert list(there.values_list("mark_b", "u_b")) == [("o1", 2), ("o2", 1)]
    assert not synchronize().changed


@both_vendors
def test_what_has_moved_away_on_local_past_the_log_keeps_what_the_remotes_users_have_changed(project, local):
    target, pointing = project(
        local,
        ("A", "models.Model", marked("a")),
        (
            *("B", "models.Model", marked("b"), "v_b = models.IntegerField(default=0)"),
            "to_a = models.ForeignKey(A, models.CASCADE, related_name='+')",
        ),
    )
    gone, other = (target.objects.create(mark_a=mark) for mark in ("o1", "o2"))
    pointing.objects.create(mark_b="o3", to_a=gone)
    synchronize()
    pointing.objects.using("remote").update(v_b=7)
    with synchro_paused():
        pointing.objects.update(to_a=other)
    gone.delete()

    report = synchronize()

    assert (report.failures, report.deleted) == ([], 1)
    row = pointing.objects.using("remote").get()
    assert (row.v_b, row.to_a.mark_a) == (7, "o2")


@both_vendors
@pytest.mark.parametrize("on_delete", ["CASCADE", "PROTECT"])
def test_only_what_leads_to_what_is_deleted_is_let_point_elsewhere(project, heard, local, on_delete):
    target, pointing = project(
        local,
        ("A", "models.Model", marked("a")),
        (
            *("B", "models.Model", marked("b"), "far_b = models.ForeignKey(A, models.PROTECT, related_name='+')"),
            f"to_a = models.ForeignKey(A, models.{on_delete}, related_name='+')",
        ),
    )
    gone, other, third = (target.objects.create(mark_a=mark) for mark in ("o1", "o2", "o3"))
    pointing.objects.create(mark_b="o4", to_a=gone, far_b=other)
    synchronize()
    there = {row.mark_a: row for row in target.objects.using("remote")}
    pointing.objects.using("remote").update(far_b=there["o3"])  # by the remote's users
    with synchro_paused():
        pointing.objects.update(to_a=third)
    gone.delete()

    report = synchronize()

    assert (report.failures, report.deleted) == ([], 1)
    row = pointing.objects.using("remote").get()
    assert (row.far_b.mark_a, row.to_a.mark_a) == ("o3", "o3")
    assert not synchronize().changed


@both_vendors
@pytest.mark.parametrize("on_delete", ["CASCADE", "PROTECT"])
def test_nothing_is_let_point_elsewhere_for_a_delete_that_cannot_be_done(project, heard, local, on_delete):
    target, pointing = project(
        local,
        ("A", "models.Model", marked("a"), "u_a = models.IntegerField(unique=True)"),
        ("B", "models.Model", marked("b"), f"to_a = models.ForeignKey(A, models.{on_delete}, related_name='+')"),
    )
    gone, other = (target.objects.create(mark_a=mark, u_a=number) for number, mark in enumerate(("o1", "o2")))
    pointing.objects.create(mark_b="o3", to_a=gone)
    pointing.objects.create(mark_b="o4", to_a=other)
    synchronize()
    there = {row.mark_a: row for row in target.objects.using("remote")}
    pointing.objects.using("remote").filter(mark_b="o4").update(to_a=there["o1"])  # by the remote's users
    delete_past_the_constraint(local, target, pointing)

    report = synchronize()

    assert [each.model for each in report.failures] == ["shapefuzz.A"]
    assert (report.updated, report.deleted) == (0, 0)
    assert {row.to_a.mark_a for row in pointing.objects.using("remote")} == {"o1"}
