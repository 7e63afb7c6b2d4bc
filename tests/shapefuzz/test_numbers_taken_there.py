"""Numbers that the remote's users have written themselves, where its sequence has yet to come to them."""

from __future__ import annotations

import pytest

from synchro_triggers import synchronize
from tests.shapefuzz.plans import TriggerPlan
from tests.shapefuzz.remote_triggers import create_trigger
from tests.shapefuzz.test_found import both_vendors, marked


@both_vendors
@pytest.mark.parametrize("size", [1, 1000])
@pytest.mark.parametrize("kind", ["cancel", "redirect"])
def test_row_that_has_the_next_number_is_not_taken_for_one_that_a_trigger_leads_elsewhere(
    project, local, heard, size, kind
):
    [model] = project(local, ("A", "models.Model", marked("a")), SYNCHRO_BATCH_SIZE=size)
    create_trigger(None, TriggerPlan("A", kind))
    for number in (1, 2, 4):
        model.objects.using("remote").create(pk=number, mark_a=f"R{number}0")
    model.objects.bulk_create([model(pk=number + 10, mark_a=f"o{number}") for number in (4, 5, 14)])

    report = synchronize()

    assert sorted((each.model, each.key) for each in report.failures) == [("shapefuzz.A", "14"), ("shapefuzz.A", "24")]
    assert all("returned no row for the insert" in each.error for each in report.failures)
    assert sorted(row.mark_a for row in model.objects.using("remote")) == ["R10", "R20", "R40", "o5"]
