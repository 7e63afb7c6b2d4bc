"""What points to nothing, by the key of a model whose keys are another one's numbers."""

from __future__ import annotations

from contextlib import nullcontext

import pytest

from synchro_triggers import synchronize
from synchro_triggers.replay.report import Told
from tests.replay.hearing import receiving
from tests.shapefuzz.test_found import both_vendors, marked

POINTERS = {
    "a foreign key": ["to_e = models.ForeignKey('E', models.CASCADE, related_name='+', db_constraint=False)"],
    "a generic key": [
        "object_id = models.CharField(max_length=60)",
        "content_type = models.ForeignKey(ContentType, models.CASCADE)",
        "to_e = GenericForeignKey()",
    ],
}
KEY = "e_no = models.OneToOneField('{}', models.CASCADE, primary_key=True, related_name='+')"
BETWEEN = {
    "at once": [],
    "through another one": [("D", "models.Model", marked("d"), KEY.format("C").replace("e_no", "d_no"))],
}


@both_vendors
@pytest.mark.parametrize("observed", [False, True])
@pytest.mark.parametrize("kind", POINTERS)
@pytest.mark.parametrize("between", BETWEEN)
def test_key_that_is_anothers_number_and_points_nowhere_leads_to_nobody_there(project, local, kind, between, observed):
    numbered, *others, keyed, pointing = project(
        local,
        ("C", "models.Model", marked("c")),
        *BETWEEN[between],
        ("E", "models.Model", marked("e"), KEY.format("D" if BETWEEN[between] else "C")),
        ("B", "models.Model", marked("b"), *POINTERS[kind]),
    )
    numbered.objects.using("remote").create(mark_c="R1")
    numbered.objects.create(mark_c="o1")  # will be 2 there
    for model in others:
        model.objects.create(mark_d="o1", d_no_id=1)
    keyed.objects.create(mark_e="o1", e_no_id=1)
    pointing.objects.create(mark_b="o2", to_e=keyed(pk=2))

    with receiving("post_save", pointing, lambda **told: None) if observed else nullcontext():
        report = synchronize()

    assert report.failures == []
    assert [(each.model, each.kind) for each in report.remarks] == [("shapefuzz.B", Told.POINTS_NOWHERE)]
    row = pointing.objects.using("remote").get()
    assert keyed.objects.using("remote").get().pk == 2
    assert int(row.to_e_id if kind == "a foreign key" else row.object_id) < 0
    assert not synchronize().changed
