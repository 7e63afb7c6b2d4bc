"""What points to nothing by a key of the users' own, under which the remote has the row of another object."""

from __future__ import annotations

import pytest

from synchro_triggers import synchronize
from synchro_triggers.replay.report import Told
from tests.shapefuzz.test_found import both_vendors, marked


@both_vendors
@pytest.mark.parametrize("later", [False, True])
def test_key_under_which_a_natural_key_has_kept_the_row_of_another_object_leads_to_nobody(project, heard, local, later):
    target, pointing = project(
        local,
        ("A", "models.Model", "a_no = models.SlugField(primary_key=True)", marked("a"), "u_a = models.IntegerField()"),
        (
            *("B", "models.Model", marked("b"), "object_id = models.CharField(max_length=60, null=True)"),
            "content_type = models.ForeignKey(ContentType, models.CASCADE)",
            "to_a = GenericForeignKey()",
        ),
        SYNCHRO_OPTIONS={"shapefuzz.A": {"natural_key": ("u_a",)}},
    )
    target.objects.create(pk="s-0", mark_a="o1", u_a=1)
    synchronize()
    target.objects.filter(pk="s-0").delete()
    target.objects.create(pk="s-5", mark_a="o2", u_a=1)
    if later:
        synchronize()
    pointing.objects.create(mark_b="o3", to_a=target(pk="s-0"))

    report = synchronize()

    assert report.failures == []
    assert [(each.pk, each.mark_a) for each in target.objects.using("remote")] == [("s-0", "o2")]
    assert [(each.model, each.kind) for each in report.remarks] == [("shapefuzz.B", Told.POINTS_NOWHERE)]
    assert pointing.objects.using("remote").get().object_id is None
