"""Unique values that are handed round, by objects that wait for the one which cannot be made before they have moved."""

from __future__ import annotations

import pytest

from synchro_triggers import synchronize
from tests.shapefuzz.test_found import both_vendors, marked


@both_vendors
@pytest.mark.parametrize("number", [1, 2, 4])
def test_values_go_round_through_objects_that_wait_for_the_new_one(project, heard, local, number):
    """The new one gets the first one's value, which gets the second one's, and so on; all of them point to it."""
    [model] = project(
        local,
        (
            *("A", "models.Model", marked("a"), "u_a = models.IntegerField(unique=True)"),
            "to_a = models.ForeignKey('A', models.CASCADE, null=True)",
        ),
    )
    model.objects.using("remote").create(mark_a="R1", u_a=90)  # so that keys are others there
    old = [model.objects.create(mark_a=f"o{each}", u_a=each) for each in range(1, number + 1)]
    synchronize()
    new = model.objects.create(mark_a="new", u_a=50)
    for each in (*reversed(old), new):  # those behind first: each value is free when it is taken
        value = 60 if each == old[-1] else 1 if each is new else each.u_a + 1
        model.objects.filter(pk=each.pk).update(u_a=value, to_a=None if each is new else new)

    report = synchronize()

    assert report.failures == []
    there = sorted(model.objects.using("remote").exclude(mark_a="R1").values_list("mark_a", "u_a", "to_a__mark_a"))
    assert there == sorted(model.objects.values_list("mark_a", "u_a", "to_a__mark_a"))
    assert not synchronize().changed
