"""What receivers write when a reference is set that had waited for a cycle to close is seen like all they write."""

from __future__ import annotations

from contextlib import nullcontext

import pytest

from synchro_triggers import synchronize
from tests.replay.hearing import receiving
from tests.shapefuzz.test_found import both_vendors, marked


@both_vendors
@pytest.mark.parametrize("observed", [False, True])
def test_row_that_was_read_before_a_receiver_wrote_to_it_is_read_again(project, local, observed):
    ring, other = project(
        local,
        ("A", "models.Model", marked("a"), "to_a = models.ForeignKey('A', models.CASCADE, null=True)"),
        ("B", "models.Model", marked("b"), "n_b = models.IntegerField()"),
    )
    row = other.objects.create(mark_b="o", n_b=0)
    synchronize()
    one = ring.objects.create(mark_a="o1")
    one.to_a = ring.objects.create(mark_a="o2", to_a=one)
    one.save()
    for number in (1, 0):  # logged, and as it was
        row.n_b = number
        row.save()

    def write(*, update_fields, using, **told):
        if update_fields:
            other.objects.using(using).update(n_b=99)

    heard = receiving("post_save", other, lambda **told: None) if observed else nullcontext()
    with receiving("post_save", ring, write), heard:
        report = synchronize()

    assert report.failures == []
    assert other.objects.using("remote").get().n_b == 0


SAVES = {
    "again": "self.note_a = f'of {self._state.db}'\n    super().save(using=self._state.db)",
    "past it": "A.objects.using(self._state.db).filter(pk=self.pk).update(note_a=f'of {self._state.db}')",
}


@both_vendors
@pytest.mark.parametrize("ring", [1, 2])
@pytest.mark.parametrize("way", SAVES)
def test_save_that_makes_values_anew_when_a_cycle_closes_is_mended(project, local, ring, way):
    """What a receiver has written to the row when it was made stays."""
    [model] = project(
        local,
        (
            *("A", "models.Model", marked("a"), "note_a = models.CharField(max_length=40, null=True)"),
            *("seen = models.IntegerField(default=0)", "to_a = models.ForeignKey('A', models.CASCADE, null=True)"),
            f"def save(self, *args, **kwargs):\n    super().save(*args, **kwargs)\n    {SAVES[way]}",
        ),
    )
    model.objects.bulk_create([model(pk=key, mark_a=f"o{key}", note_a="mine") for key in range(1, ring + 1)])
    for key in range(1, ring + 1):
        model.objects.filter(pk=key).update(to_a=key % ring + 1)

    def see(instance, created, using, **told):
        if created and using == "remote":
            model.objects.using(using).filter(pk=instance.pk).update(seen=7)

    with receiving("post_save", model, see):
        report = synchronize()

    assert not report.failures and not report.remarks
    rows = sorted(model.objects.using("remote").values_list("mark_a", "note_a", "to_a__mark_a"))
    assert rows == [(f"o{key}", "mine", f"o{key % ring + 1}") for key in range(1, ring + 1)]
    if way == "past it":
        assert set(model.objects.using("remote").values_list("seen", flat=True)) == {7}
    assert not synchronize().changed
