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
