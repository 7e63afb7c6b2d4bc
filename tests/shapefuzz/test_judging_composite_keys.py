"""The judge of random projects: a report spells keys of several parts in its own way."""

from __future__ import annotations

import pytest

from tests.replay.hearing import receiving
from tests.shapefuzz.ledger import Refusal
from tests.shapefuzz.test_found import both_vendors, marked


@both_vendors
@pytest.mark.parametrize("key", ["%s", "🙂", 'say "x"'])
def test_failure_excuses_nobody_but_the_object_of_its_key(project, judged, local, key):
    (model,) = project(
        local,
        (
            *("A", "models.Model", "pk = models.CompositePrimaryKey('a_no', 'a_no2')"),
            *("a_no = models.IntegerField(default=0)", "a_no2 = models.CharField(max_length=20)"),
            *(marked("a"), "note_a = models.CharField(max_length=80, default='')"),
        ),
    )

    def write():
        model.objects.create(a_no=1, a_no2="line\nend", mark_a="o1")
        model.objects.create(a_no=2, a_no2=key, mark_a="o2")

    def refuse(sender, instance, using, **told):
        if using == "remote" and instance.mark_a == "o2":
            raise Refusal("o2 is refused")

    def tamper():
        model.objects.using("remote").filter(mark_a="o1").update(note_a="other")

    with receiving("pre_save", model, refuse):
        found = judged(local, write, tamper, troubled=["refuses"])

    assert len(found) == 1
    assert found[0].startswith("shapefuzz.A o1 ")
    assert "note_a is 'other' instead of ''" in found[0]
