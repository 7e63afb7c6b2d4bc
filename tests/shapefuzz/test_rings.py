"""Rings of keys that random projects have found: a primary key is never what is cut."""

from __future__ import annotations

import pytest
from django.db import transaction

from synchro_triggers import synchro_paused, synchronize
from tests.shapefuzz.test_found import both_vendors, marked

KEYS = {
    "numbers": ("models.AutoField", 5),
    "texts": ("models.CharField", "five"),
    "bytes": ("models.BinaryField", b"\x05"),
}
keys_of_all_kinds = pytest.mark.parametrize("kind", KEYS)
kinds_and_sizes = pytest.mark.parametrize(("kind", "size"), [("numbers", 1), ("texts", 1000), ("bytes", 1000)])


def pair_in_a_ring(kind, **options):
    """Two models: the second one's primary key points to the first, which points back."""
    given = "".join(f", {name}={value}" for name, value in options.items())
    field = KEYS[kind][0]
    length = ", max_length=20" if kind == "texts" else ""
    return (
        (
            *("A", "models.Model", f"a_no = {field}(primary_key=True{length})", marked("a")),
            f"to_b = models.ForeignKey('B', models.CASCADE, related_name='+'{given})",
        ),
        (
            *("B", "models.Model", marked("b")),
            "b_no = models.OneToOneField('A', models.CASCADE, primary_key=True, related_name='+')",
            "only = models.OneToOneField('A', models.CASCADE, related_name='+')",
        ),
    )


@both_vendors
@kinds_and_sizes
@pytest.mark.parametrize("options", [{"null": True}, {}], ids=["may be NULL", "may not"])
def test_ring_is_never_cut_at_a_primary_key(project, heard, local, kind, size, options):
    first, second = project(local, *pair_in_a_ring(kind, **options), SYNCHRO_BATCH_SIZE=size)
    key = KEYS[kind][1]
    with transaction.atomic():
        first.objects.create(pk=key, mark_a="o1", to_b_id=key)
        second.objects.create(pk=key, mark_b="o1", only_id=key)

    report = synchronize()

    assert (report.failures, report.created) == ([], 2)
    there = first.objects.using("remote").get()
    assert there.to_b.b_no == there.to_b.only == there
    assert not synchronize().changed


@both_vendors
@keys_of_all_kinds
def test_what_a_delete_would_take_along_brings_a_ring_with_it(project, heard, local, kind):
    first, second, moved = project(
        local,
        *pair_in_a_ring(kind, null=True),
        ("D", "models.Model", marked("d"), "to_a = models.ForeignKey('A', models.CASCADE, related_name='+')"),
    )
    key, other = KEYS[kind][1], 2 * KEYS[kind][1]
    gone = first.objects.create(pk=other, mark_a="o2")
    moved.objects.create(to_a=gone)
    synchronize()
    with synchro_paused():
        first.objects.create(pk=key, mark_a="o1")
        second.objects.create(pk=key, mark_b="o1", only_id=key)
        first.objects.filter(pk=key).update(to_b_id=key)
        moved.objects.update(to_a=key)
    gone.delete()

    report = synchronize()

    assert (report.failures, report.deleted) == ([], 1)
    there = moved.objects.using("remote").get().to_a
    assert there.to_b.b_no == there.to_b.only == there


@both_vendors
@kinds_and_sizes
def test_primary_key_that_moves_in_a_ring_hands_a_unique_reference_over(project, heard, local, kind, size):
    first, second = project(local, *pair_in_a_ring(kind, null=True), SYNCHRO_BATCH_SIZE=size)
    key, other = KEYS[kind][1], 2 * KEYS[kind][1]
    for each in (key, other):
        first.objects.create(pk=each)
    second.objects.create(pk=key, mark_b="o1", only_id=key)
    first.objects.update(to_b_id=key)
    synchronize()

    with transaction.atomic():
        second.objects.update(b_no=other)
        first.objects.update(to_b_id=other)
    report = synchronize()

    assert report.failures == []
    moved = second.objects.using("remote").get()
    assert moved.b_no != moved.only
    assert {each.to_b for each in first.objects.using("remote").all()} == {moved}
    assert not synchronize().changed
