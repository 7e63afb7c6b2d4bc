"""Objects whose key is the number of another one that was given again past all cascades: nothing is logged of them."""

from __future__ import annotations

import pytest
from django.db import transaction

from synchro_triggers import synchronize
from tests.shapefuzz.test_found import both_vendors, marked
from tests.shapefuzz.writing import delete

ONE = ("b_no = models.OneToOneField('A', models.CASCADE, primary_key=True, related_name='+')",)
PART = (
    "pk = models.CompositePrimaryKey('b_no', 'b_no2')",
    "b_no = models.ForeignKey('A', models.CASCADE, related_name='+')",
    "b_no2 = models.IntegerField(default=3)",
)


@both_vendors
@pytest.mark.parametrize("size", [1, 1000])
@pytest.mark.parametrize("key", [ONE, PART])
@pytest.mark.parametrize("changed", [False, True])
def test_object_whose_key_is_a_number_given_again_goes_with_who_has_it_now(project, local, heard, size, key, changed):
    target, keyed, pointing = project(
        local,
        ("A", "models.Model", marked("a")),
        ("B", "models.Model", *key, marked("b"), "note_b = models.CharField(max_length=9)"),
        (
            *("C", "models.Model", marked("c")),
            "c_no = models.OneToOneField('A', models.CASCADE, primary_key=True, related_name='+')",
            "to_itself = models.ForeignKey('self', models.CASCADE, null=True)",
        ),
        SYNCHRO_BATCH_SIZE=size,
    )
    for number in range(3):  # so that numbers are others there
        target.objects.using("remote").create(mark_a=f"R{number}")
    target.objects.create(pk=1, mark_a="o1")
    keyed.objects.create(b_no_id=1, mark_b="o2")
    pointing.objects.create(c_no_id=1, mark_c="o3", to_itself_id=1)
    synchronize()
    with transaction.atomic():  # whose foreign keys are looked at in the end
        delete("default", target, 1)
        target.objects.create(pk=1, mark_a="o4")
        if changed:
            keyed.objects.update(note_b="new")

    report = synchronize()

    assert report.failures == []
    there = keyed.objects.using("remote").get()
    assert (there.b_no.mark_a, there.mark_b, there.note_b) == ("o4", "o2", "new" if changed else "")
    there = pointing.objects.using("remote").get()
    assert (there.c_no.mark_a, there.mark_c, there.to_itself_id) == ("o4", "o3", there.pk)
    assert sorted(target.objects.using("remote").values_list("mark_a", flat=True)) == ["R0", "R1", "R2", "o4"]
    assert not synchronize().changed
    assert not synchronize(full=True).changed
    keyed.objects.update(note_b="then")
    synchronize()
    assert keyed.objects.using("remote").get().note_b == "then"
