"""Keys of parents that are kept, and change, where the child has a key of its own."""

from __future__ import annotations

import pytest
from django.db import transaction

from synchro_triggers import synchronize
from tests.shapefuzz.test_found import both_vendors, marked
from tests.shapefuzz.writing import delete, execute


@both_vendors
@pytest.mark.parametrize("size", [1, 1000])
@pytest.mark.parametrize("kept", [False, True])
@pytest.mark.parametrize("changed", [False, True])
@pytest.mark.parametrize("replaced", [False, True])
def test_key_of_a_parent_changes_below_its_child(project, local, size, kept, changed, replaced):
    parent, child = project(
        local,
        ("A", "models.Model", "a_no = models.BigAutoField(primary_key=True)", marked("a")),
        (
            *("B", "A", "b_no = models.AutoField(primary_key=True)", marked("b"), "v = models.IntegerField(default=0)"),
            "a_ptr = models.OneToOneField(A, models.CASCADE, parent_link=True)",
        ),
        SYNCHRO_BATCH_SIZE=size,
        SYNCHRO_OPTIONS={"shapefuzz.A": {"identity": "pk"}} if kept else {},
    )
    for mark in ("o1", "o2"):
        child.objects.create(mark_a=mark, mark_b=mark)
    if replaced:
        with transaction.atomic():  # whose foreign key is looked at in the end
            delete("default", parent, 2)
            parent(pk=2, mark_a="o3").save_base(raw=True, force_insert=True)
    synchronize()
    if changed:
        child.objects.update(v=3)
    with transaction.atomic():
        parent.objects.filter(pk=2).update(a_no=200)
        execute("default", "UPDATE shapefuzz_b SET a_ptr_id = 200 WHERE a_ptr_id = 2")

    report = synchronize()

    assert report.failures == []
    rows = [list(child.objects.using(each).order_by("pk").values("mark_a", "mark_b", "v")) for each in _ALIASES]
    assert rows[0] == rows[1] and parent.objects.using("remote").count() == 2
    assert not kept or sorted(parent.objects.using("remote").values_list("pk", flat=True)) == [1, 200]
    assert not synchronize().changed


_ALIASES = ("default", "remote")
