"""Objects that have failed as new, and reach the remote with another one while their failures pause."""

from __future__ import annotations

from random import Random

import pytest

from synchro_triggers import synchronize
from synchro_triggers.models import Failure
from tests.replay.hearing import receiving
from tests.shapefuzz.test_found import both_vendors, marked
from tests.shapefuzz.writing import insert


@pytest.fixture
def paused(project, local):
    """Opens a project with an ``A`` that was refused so often that its failure pauses; returns it and the models."""

    def open_it(*models):
        opened = project(local, ("A", "models.Model", marked("a"), "n_a = models.IntegerField(default=0)"), *models)
        opened[0].objects.using("remote").create(mark_a="R1")  # so that numbers are others there
        made = opened[0].objects.create(mark_a="o1")
        with receiving("pre_save", opened[0], refuse):
            for _ in range(3):
                synchronize()
        assert Failure.objects.using("remote").get().next_at is not None
        return made, *opened

    return open_it


def refuse(using, **told):
    if using == "remote":
        raise ValueError("refused")


def assert_it_is_one(model, report):
    assert (report.failures, report.remarks, report.created) == ([], [], 0)
    [row] = model.objects.using("remote").exclude(mark_a="R1")
    assert (row.mark_a, row.n_a) == ("o1", 1)
    assert not Failure.objects.using("remote").exists()
    assert not synchronize().changed


@both_vendors
def test_object_that_has_come_as_a_target_is_changed_and_not_made_again(paused, heard, local):
    made, model, pointing = paused(
        ("B", "models.Model", marked("b"), "to_a = models.ForeignKey('A', models.CASCADE, related_name='+')")
    )
    pointing.objects.create(mark_b="o2", to_a=made)
    assert synchronize().failures == []

    model.objects.update(n_a=1)

    assert_it_is_one(model, synchronize())


@both_vendors
def test_object_that_has_come_as_a_child_is_changed_and_not_made_again(paused, local):
    made, model, child = paused(("B", "A", marked("b")))
    insert("default", child, {"a_ptr_id": made.pk, "mark_b": "o1"}, Random(0))
    with receiving("pre_save", model, refuse):
        assert synchronize().failures == []

    model.objects.update(n_a=1)

    assert_it_is_one(model, synchronize())
