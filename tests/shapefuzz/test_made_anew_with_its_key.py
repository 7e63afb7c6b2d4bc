"""Objects that were deleted and made anew under the key of another one, which they keep on the remote too."""

from __future__ import annotations

import pytest

from synchro_triggers import synchronize
from tests.shapefuzz.test_found import both_vendors, marked
from tests.shapefuzz.writing import delete

POINTERS = {
    "generic": [
        "object_id = models.CharField(max_length=60)",
        "content_type = models.ForeignKey(ContentType, models.CASCADE)",
        "to_b = GenericForeignKey()",
    ],
    "without a constraint": ["to_b = models.ForeignKey('B', models.DO_NOTHING, related_name='+', db_constraint=False)"],
}


@both_vendors
@pytest.mark.parametrize("pointer", POINTERS)
@pytest.mark.parametrize("changed", [False, True])
@pytest.mark.parametrize("size", [1, 1000])
def test_object_made_anew_with_the_key_of_another_one_is_there(project, heard, local, pointer, changed, size):
    target, keyed, pointing = project(
        local,
        ("A", "models.Model", marked("a")),
        (
            *("B", "models.Model", marked("b")),
            "to_a = models.OneToOneField('A', models.CASCADE, primary_key=True, related_name='+')",
        ),
        ("C", "models.Model", marked("c"), *POINTERS[pointer]),
        SYNCHRO_BATCH_SIZE=size,
    )
    target.objects.using("remote").create(mark_a="R1")  # so that numbers are others there
    made = keyed.objects.create(to_a=target.objects.create(mark_a="o1"), mark_b="o2")
    pointing.objects.create(mark_c="o3", to_b=made)
    synchronize()
    if changed:
        pointing.objects.update(mark_c="changed")
    delete("default", keyed, made.pk)
    keyed.objects.create(to_a_id=made.pk, mark_b="o4")

    report = synchronize()

    assert (report.failures, report.remarks) == ([], [])
    row = keyed.objects.using("remote").get()
    assert (row.mark_b, row.to_a.mark_a) == ("o4", "o1")
    there = pointing.objects.using("remote").values_list("object_id" if pointer == "generic" else "to_b_id", flat=True)
    assert str(there.get()) == str(row.pk)
    assert not synchronize().changed
