"""Object ids of generic foreign keys, where the remote knows an object by another key than LOCAL."""

from __future__ import annotations

import pytest

from synchro_triggers import synchronize
from tests.shapefuzz.test_found import both_vendors, marked

GENERIC = (
    "object_id = models.CharField(max_length=60, null=True)",
    "content_type = models.ForeignKey(ContentType, models.CASCADE, null=True)",
    "to_any = GenericForeignKey()",
)


@both_vendors
@pytest.mark.parametrize("at_once", [True, False])
def test_object_id_has_the_decimal_places_of_the_key_that_it_leads_to(project, local, at_once):
    """Django looks for it as text."""
    target, pointing = project(
        local,
        (
            *("A", "NaturalKeyModel", "a_no = models.DecimalField(max_digits=8, decimal_places=2, primary_key=True)"),
            *(marked("a"), "u_a = models.IntegerField(unique=True)", "_natural_key = ('u_a',)"),
            "back = GenericRelation('B')",
        ),
        ("B", "models.Model", marked("b"), *GENERIC),
    )
    target.objects.create(pk="-46.60", mark_a="o1", u_a=5)
    synchronize()
    target.objects.update(a_no="87.24")
    if not at_once:
        synchronize()
    pointing.objects.create(mark_b="o2", to_any=target.objects.get())

    report = synchronize()

    assert report.failures == []
    [there] = target.objects.using("remote").all()
    assert pointing.objects.using("remote").get().object_id == str(there.pk) == "-46.60"
    assert there.back.get().mark_b == "o2"
