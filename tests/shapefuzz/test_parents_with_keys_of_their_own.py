"""Rows of children with keys of their own that go alone: what hangs on their parents' rows has no part in it."""

from __future__ import annotations

import datetime

import pytest
from django.db import transaction

from synchro_triggers import synchronize
from tests.replay.hearing import later, receiving
from tests.replay.test_two_ways import exchanged
from tests.shapefuzz.plans import TriggerPlan
from tests.shapefuzz.remote_triggers import create_trigger
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


@both_vendors
@pytest.mark.parametrize("size", [1, 1000])
@pytest.mark.parametrize("unique", [False, True])
@pytest.mark.parametrize("parent_stays", [False, True])
def test_child_gets_a_new_parents_row_whose_key_is_the_same_on_both_sides(project, local, size, unique, parent_stays):
    parent, child, pointing = project(
        local,
        (
            *("A", "models.Model", "a_no = models.DateField(primary_key=True)", marked("a")),
            f"u_a = models.IntegerField(null=True, unique={unique})",
        ),
        (*B[:2], "b_no = models.AutoField(primary_key=True)", *B[3:]),
        ("C", "models.Model", marked("c"), "to_a = models.ForeignKey('A', models.CASCADE, null=True)"),
        SYNCHRO_BATCH_SIZE=size,
    )
    old, new = datetime.date(2024, 1, 1), datetime.date(2024, 2, 2)
    child.objects.create(a_no=old, u_a=5, mark_a="o1", mark_b="o1")
    pointing.objects.create(mark_c="o2", to_a_id=old)
    synchronize()
    with transaction.atomic():  # whose foreign keys are looked at in the end
        if parent_stays:
            parent.objects.update(u_a=6)
            parent.objects.create(a_no=new, u_a=5, mark_a="o3")
        else:
            parent.objects.update(a_no=new)
        child.objects.update(a_ptr_id=new)
        pointing.objects.update(to_a_id=new)

    report = synchronize()

    assert report.failures == []
    marks = [("o1", 6), ("o3", 5)] if parent_stays else [("o1", 5)]
    assert list(parent.objects.using("remote").order_by("mark_a").values_list("mark_a", "u_a")) == marks
    assert child.objects.using("remote").get().a_no == pointing.objects.using("remote").get().to_a_id == new
    assert not synchronize().changed


@both_vendors
@pytest.mark.parametrize("key", ["AutoField", "BinaryField"])
def test_links_to_a_parents_row_are_those_of_its_own_key(project, local, key):
    parent, child, _ = project(
        local,
        ("A", "models.Model", f"a_no = models.{key}(primary_key=True)", marked("a")),
        (B[0], B[1], "b_no = models.AutoField(primary_key=True)", *B[3:]),
        ("C", "models.Model", marked("c"), "to_as = models.ManyToManyField('A', related_name='cs')"),
    )
    keys = {"AutoField": (1, 2), "BinaryField": (b"\x01", b"\x02")}[key]
    other = parent.objects.create(pk=keys[0], mark_a="o1")
    made = child.objects.create(b_no=1, a_no=keys[1], mark_a="o2", mark_b="o2")
    for mark in ("o3", "o4"):
        other.cs.create(mark_c=mark)
    made.a_ptr.cs.create(mark_c="o5")
    synchronize()
    child.objects.get().delete()

    with receiving("post_delete", child, lambda **told: None):  # so that it goes by itself
        report = synchronize()

    assert report.failures == []
    assert report.models["shapefuzz.C_to_as"].deleted == 1
    assert parent.objects.using("remote").get().cs.count() == 2


@both_vendors
@pytest.mark.parametrize("winner", ["local", "remote"])
@pytest.mark.parametrize("size", [1, 1000])
def test_what_others_have_changed_in_a_parents_row_counts_when_the_child_is_deleted(project, local, winner, size):
    parent, child = project(local, A, B, SYNCHRO_CONFLICT=winner, SYNCHRO_BATCH_SIZE=size)
    made = child.objects.create(b_no="x", mark_a="o1", mark_b="o1")
    synchronize()
    parent.objects.using("remote").update(mark_a="theirs")
    made.delete()

    report = synchronize()

    assert report.failures == []
    assert {str(each.kind) for each in report.remarks} == {f"{winner} won"}
    there = ["theirs"] if winner == "remote" else []
    assert [row.mark_a for row in child.objects.using("remote")] == there
    assert [row.mark_a for row in parent.objects.using("remote")] == there
    assert not synchronize().changed


@both_vendors
def test_what_others_have_changed_in_a_parents_row_that_stays_is_no_conflict_of_the_child_that_goes(project, local):
    parent, child = project(local, A, B, SYNCHRO_CONFLICT="remote")
    made = child.objects.create(b_no="x", mark_a="o1", mark_b="o1")
    synchronize()
    parent.objects.using("remote").update(mark_a="theirs")
    made.delete(keep_parents=True)

    report = synchronize()

    assert (report.failures, report.remarks, report.deleted) == ([], [], 1)
    assert not child.objects.using("remote").exists()
    assert [row.mark_a for row in parent.objects.using("remote")] == ["theirs"]


@both_vendors
@pytest.mark.parametrize("done", ["changed", "deleted"])
def test_what_local_has_received_in_a_parents_row_is_no_conflict_of_the_child(project, local, done):
    parent, child = project(local, A, B, SYNCHRO_CONFLICT="remote")
    child.objects.create(b_no="x", mark_a="o1", mark_b="o1")
    synchronize()
    parent.objects.using("remote").update(mark_a="theirs")
    later()
    with exchanged():
        synchronize()
    assert parent.objects.get().mark_a == "theirs"
    later()
    if done == "changed":
        child.objects.update(mark_b="changed")
    else:
        child.objects.get().delete()

    report = synchronize()

    assert (report.failures, report.remarks) == ([], [])
    there = [("theirs", "changed")] if done == "changed" else []
    assert list(child.objects.using("remote").values_list("mark_a", "mark_b")) == there


@both_vendors
def test_child_whose_parents_row_a_trigger_cancels_is_kept(project, local):
    parent, child = project(local, A, B)
    create_trigger(None, TriggerPlan("A", "cancel"))
    child.objects.create(b_no="x", mark_a="o4", mark_b="o4")
    parent.objects.bulk_create([parent(mark_a=name) for name in ("o5", "o6")])

    with receiving("post_save", parent, lambda **told: None):  # so that others get their numbers after it
        report = synchronize()

    assert [each.model for each in report.failures] == ["shapefuzz.B"]
    assert "cancels or redirects it" in report.failures[0].error
    assert sorted(row.mark_a for row in parent.objects.using("remote")) == ["o5", "o6"]
    assert not child.objects.using("remote").exists()
