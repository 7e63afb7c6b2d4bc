"""Keys that lead nowhere on LOCAL, where the row to which they lead on the remote is taken over by another object."""

from __future__ import annotations

import pytest
from django.contrib.contenttypes.models import ContentType

from synchro_triggers import synchronize
from tests.shapefuzz.test_found import both_vendors, marked
from tests.shapefuzz.writing import execute

A = ("A", "models.Model", marked("a"), "u_a = models.IntegerField(unique=True)")
HOLDERS = {
    "generic": (
        "ct_b = models.ForeignKey(ContentType, models.CASCADE, null=True, related_name='+')",
        "to_a_id = models.CharField(max_length=60, null=True)",
        "g_b = GenericForeignKey('ct_b', 'to_a_id')",
    ),
    "without a constraint": ("to_a = models.ForeignKey('A', models.DO_NOTHING, null=True, db_constraint=False)",),
    "cascading": ("to_a = models.ForeignKey('A', models.CASCADE, null=True, db_constraint=False)",),
}


@both_vendors
@pytest.mark.parametrize("size", [1, 1000])
@pytest.mark.parametrize("holder", HOLDERS)
@pytest.mark.parametrize("when", ["before", "in the same run", "afterwards"])
def test_they_lead_nowhere_there_too(project, local, heard, size, holder, when):
    target, pointing = project(
        local,
        A,
        ("B", "models.Model", marked("b"), *HOLDERS[holder]),
        SYNCHRO_OPTIONS={"shapefuzz.A": {"natural_key": ("u_a",)}},
        SYNCHRO_BATCH_SIZE=size,
    )
    kind = {"ct_b": ContentType.objects.get_for_model(target)} if holder == "generic" else {}
    target.objects.create(pk=2, mark_a="o1", u_a=1)
    pointing.objects.create(mark_b="o2", **kind)
    other = pointing.objects.create(mark_b="o3", **kind)
    if when == "before":
        pointing.objects.filter(pk=other.pk).update(to_a_id=2)
    synchronize()
    if when == "in the same run":
        pointing.objects.filter(pk=other.pk).update(to_a_id=2)
    execute("default", "UPDATE shapefuzz_a SET id = 2000 WHERE id = 2")
    if when == "afterwards":
        pointing.objects.filter(pk=other.pk).update(to_a_id=2)

    report = synchronize()

    assert report.failures == []
    [there] = target.objects.using("remote").values_list("pk", flat=True)
    assert str(pointing.objects.using("remote").get(mark_b="o3").to_a_id) not in ("None", str(there))
    assert pointing.objects.using("remote").get(mark_b="o2").to_a_id is None
    assert {str(remark.kind) for remark in report.remarks} == {"points nowhere"}
    assert not synchronize().changed
