"""Own keys that the remote has given to another object, since that one has taken a row over by its natural key."""

from __future__ import annotations

from contextlib import nullcontext

import pytest

from synchro_triggers import synchronize
from tests.replay.hearing import receiving
from tests.shapefuzz.test_found import both_vendors, marked


@both_vendors
@pytest.mark.parametrize("observed", [False, True])
def test_object_whose_key_is_anothers_there_is_kept_and_the_error_says_whose(project, local, observed):
    [model] = project(
        local,
        (
            *("A", "NaturalKeyModel", "a_no = models.CharField(max_length=20, primary_key=True)", marked("a")),
            *("u_a = models.IntegerField(unique=True)", "_natural_key = ('u_a',)"),
        ),
    )
    model.objects.create(pk="x", mark_a="o1", u_a=1)
    synchronize()
    model.objects.all().delete()
    model.objects.create(pk="y", mark_a="o2", u_a=1)
    synchronize()
    model.objects.create(pk="x", mark_a="o3", u_a=3)

    with receiving("post_save", model, lambda **told: None) if observed else nullcontext():
        report = synchronize()

    [failure] = report.failures
    assert (failure.model, failure.key) == ("shapefuzz.A", "x")
    assert "its key is on 'remote' that of another object, shapefuzz.A y on 'default'" in failure.error
    assert list(model.objects.using("remote").values_list("pk", "mark_a")) == [("x", "o2")]

    model.objects.filter(pk="x").update(a_no="z")  # as it advises
    report = synchronize()

    assert report.failures == []
    assert sorted(model.objects.using("remote").values_list("pk", "mark_a")) == [("x", "o2"), ("z", "o3")]
