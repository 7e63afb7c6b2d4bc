"""Rows of children that cannot be written, and go: what was logged of their parents' rows arrives all the same."""

from __future__ import annotations

import json
from contextlib import nullcontext

import pytest
from django.core.management import call_command

from synchro_triggers import synchro_paused, synchronize
from synchro_triggers.capture.migrating import rename_labels
from synchro_triggers.models import Failure
from tests.replay.hearing import receiving
from tests.shapefuzz.test_found import both_vendors, marked
from tests.shapefuzz.writing import delete

A = ("A", "models.Model", "a_no = models.CharField(max_length=20, primary_key=True)", marked("a"))
B = ("B", "models.Model", marked("b"))
C = ("C", "A, B", marked("c"))


def refuse(**told):
    raise ValueError("it is refused")


@both_vendors
@pytest.mark.parametrize("known", [False, True], ids=["new", "known"])
@pytest.mark.parametrize("runs", [1, 3])  # from the third one on it pauses
@pytest.mark.parametrize("logged", [True, False])
def test_what_was_logged_of_parents_is_not_lost_with_a_childs_row_that_failed(project, local, known, runs, logged):
    first, second, child = project(local, A, B, C)
    made = child.objects.create(a_no="x", mark_a="o1", mark_b="o1", mark_c="o1")
    if known:
        synchronize()
    first.objects.update(mark_a="changed")
    second.objects.update(mark_b="changed")
    child.objects.update(mark_c="changed")
    with receiving("pre_save", child, refuse):
        assert [len(synchronize().failures) for _ in range(runs)] == [1] * runs
    with nullcontext() if logged else synchro_paused():
        delete("default", child, made.pk)
    if not logged and runs > 1:
        call_command("synchro_failures", retry=True, verbosity=0)

    report = synchronize()

    assert (report.failures, report.waiting) == ([], 0)
    assert child.objects.using("remote").count() == (known and not logged)
    assert [row.mark_a for row in first.objects.using("remote")] == ["changed"]
    assert [row.mark_b for row in second.objects.using("remote")] == ["changed"]
    assert not synchronize().changed


@both_vendors
def test_what_was_never_there_takes_no_namesake_of_its_parents_row_with_it(project, local):
    first, _, child = project(local, A, B, C)
    first.objects.using("remote").create(a_no="x", mark_a="R1")
    made = child.objects.create(a_no="x", mark_a="o1", mark_b="o1", mark_c="o1")
    with receiving("pre_save", child, refuse):
        assert len(synchronize().failures) == 1
    made.delete()

    report = synchronize()

    assert report.failures == []
    assert [row.mark_a for row in first.objects.using("remote")] == ["R1"]


@both_vendors
def test_what_a_failure_stands_for_follows_a_renamed_model(project, local):
    _, _, child = project(local, A, B, C)
    child.objects.create(a_no="x", mark_a="o1", mark_b="o1", mark_c="o1")
    with receiving("pre_save", child, refuse):
        assert len(synchronize().failures) == 1

    call_command("synchro_install_triggers", database=["remote"], uninstall=True, verbosity=0)
    rename_labels("remote", [("shapefuzz.B", "shapefuzz.New")])

    rows = json.loads(Failure.objects.using("remote").get().other_rows)
    assert sorted(rows) == [["shapefuzz.A", "x"], ["shapefuzz.New", "1"]]
