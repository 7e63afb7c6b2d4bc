"""Where a key that both sides keep and a natural key say two things of an object, the natural key counts."""

from __future__ import annotations

from contextlib import nullcontext

import pytest

from synchro_triggers import synchro_paused, synchronize
from tests.replay.hearing import receiving
from tests.shapefuzz.test_found import both_vendors, marked


@both_vendors
@pytest.mark.parametrize("observed", [False, True])
@pytest.mark.parametrize("change", ["delete", "update"])
def test_target_is_the_row_with_its_natural_key_and_not_the_one_with_its_key(project, local, observed, change):
    """LOCAL's x is the remote's z. What was known to point to x must not be looked for at the remote's x."""
    target, pointing = project(
        local,
        ("A", "models.Model", "a_no = models.SlugField(primary_key=True)", marked("a"), "u_a = models.IntegerField()"),
        (
            *("B", "models.Model", marked("b"), "to_a = models.ForeignKey('A', models.CASCADE)"),
            *("n_b = models.IntegerField()", "c_b = models.IntegerField(default=0)"),
        ),
        SYNCHRO_OPTIONS={"shapefuzz.A": {"natural_key": ("u_a",)}, "shapefuzz.B": {"natural_key": ("to_a", "n_b")}},
    )
    with synchro_paused(using="remote"):
        target.objects.using("remote").create(pk="x", mark_a="other", u_a=2)
        target.objects.using("remote").create(pk="z", mark_a="same", u_a=1)
        pointing.objects.using("remote").create(mark_b="other", to_a_id="x", n_b=1)
        pointing.objects.using("remote").create(mark_b="same", to_a_id="z", n_b=1)
    with synchro_paused():
        target.objects.create(pk="x", mark_a="same", u_a=1)
        here = pointing.objects.create(mark_b="same", to_a_id="x", n_b=1)
    if change == "delete":
        here.delete()
    else:
        pointing.objects.update(c_b=5)

    hears = receiving("post_save" if change == "update" else "post_delete", pointing, lambda **told: None)
    with hears if observed else nullcontext():
        report = synchronize()

    assert report.failures == []
    there = sorted(pointing.objects.using("remote").values_list("mark_b", "to_a", "c_b"))
    assert there == ([("other", "x", 0)] if change == "delete" else [("other", "x", 0), ("same", "z", 5)])
