"""Natural keys that objects have handed round before the remote has heard of them."""

from __future__ import annotations

import pytest

from synchro_triggers import synchro_paused, synchronize
from tests.shapefuzz.test_found import both_vendors, marked


@both_vendors
@pytest.mark.parametrize("size", [1, 1000])
@pytest.mark.parametrize("key", ["CharField(max_length=20", "BinaryField(", "BigIntegerField("])
@pytest.mark.parametrize("deleted", ["first", "second", "neither"])
def test_both_sides_are_equal_after_a_swap_and_a_delete(project, local, size, key, deleted):
    lines = (
        f"a_no = models.{key}, primary_key=True)".replace("(,", "("),
        marked("a"),
        "u_a = models.IntegerField(unique=True)",
    )
    [model] = project(local, ("A", "NaturalKeyModel", *lines, "_natural_key = ('u_a',)"), SYNCHRO_BATCH_SIZE=size)
    first, second = ("f", "q") if "Char" in key else (b"f", b"q") if "Binary" in key else (1, 2)
    for alias in ("default", "remote"):
        with synchro_paused(using=alias):
            for number, (pk, name) in enumerate([(first, "o1"), (second, "o2")]):
                model.objects.using(alias).create(pk=pk, mark_a=name, u_a=number)

    for pk, number in ((first, 99), (second, 0), (first, 1)):
        model.objects.filter(pk=pk).update(u_a=number)
    model.objects.filter(pk={"first": first, "second": second}.get(deleted)).delete()
    report = synchronize()

    rows = [
        list(model.objects.using(alias).order_by("u_a").values_list("mark_a", "u_a")) for alias in ("default", "remote")
    ]
    assert report.failures == []
    assert rows[0] == rows[1]
    assert not synchronize().changed
