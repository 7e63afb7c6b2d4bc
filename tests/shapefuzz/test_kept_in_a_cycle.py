"""An object that is only needed as a target stays as it is there, also where it points back to what needs it."""

from __future__ import annotations

from contextlib import ExitStack

import pytest

from synchro_triggers import synchro_paused, synchronize
from tests.replay.hearing import receiving
from tests.shapefuzz.test_found import both_vendors, marked


@pytest.fixture
def cycle(project, local, observed, settings_there):
    """Two models that point to one another; an object of the first, which both sides have, and no reference tells."""
    first, second = project(
        local,
        (
            *("A", "models.Model", "no = models.IntegerField(primary_key=True)", marked("a")),
            *("u_a = models.IntegerField(unique=True)", "to_b = models.ForeignKey('B', models.SET_NULL, null=True)"),
        ),
        ("B", "models.Model", marked("b"), "to_a = models.ForeignKey('A', models.CASCADE, related_name='+')"),
        **settings_there,
    )
    for alias in ("default", "remote"):
        with synchro_paused(using=alias):
            first.objects.using(alias).create(no=1, mark_a="o1", u_a=1)
    with ExitStack() as stack:
        if observed:
            stack.enter_context(receiving("post_delete", first, lambda **told: None))
        yield first, second


def _there(model):
    return [(row.mark_a, row.u_a, row.to_b_id) for row in model.objects.using("remote").filter(no=1)]


@both_vendors
@pytest.mark.parametrize("settings_there", [{}])
@pytest.mark.parametrize("observed", [True, False])
@pytest.mark.parametrize("has_its_own", [True, False])
def test_what_nobody_has_logged_keeps_what_it_points_to(cycle, local, observed, settings_there, has_its_own):
    first, second = cycle
    own = None
    if has_its_own:
        own = second.objects.using("remote").create(pk=500, mark_b="R1", to_a_id=1).pk
        first.objects.using("remote").update(to_b_id=own)
    made = second.objects.create(mark_b="o2", to_a_id=1)
    with synchro_paused():
        first.objects.update(to_b=made)

    report = synchronize()

    assert (report.created, report.updated, report.failures) == (1, 0, [])
    assert _there(first) == [("o1", 1, own)]


@both_vendors
@pytest.mark.parametrize("settings_there", [{"SYNCHRO_BATCH_SIZE": 1}])
@pytest.mark.parametrize("observed", [True, False])
def test_what_fails_in_a_later_batch_keeps_what_it_points_to(cycle, local, observed, settings_there):
    first, second = cycle
    first.objects.using("remote").create(no=6, mark_a="R1", u_a=7)
    made = second.objects.create(mark_b="o2", to_a_id=1)
    first.objects.update(to_b=made, u_a=7)

    report = synchronize()

    assert [(failure.model, failure.key) for failure in report.failures] == [("shapefuzz.A", "1")]
    assert _there(first) == [("o1", 1, None)]


@both_vendors
@pytest.mark.parametrize("settings_there", [{}, {"SYNCHRO_BATCH_SIZE": 1}])
@pytest.mark.parametrize("observed", [True, False])
def test_what_local_has_changed_points_to_what_needs_it(cycle, local, observed, settings_there):
    first, second = cycle
    made = second.objects.create(mark_b="o2", to_a_id=1)
    first.objects.update(to_b=made)

    report = synchronize()

    assert report.failures == []
    assert _there(first) == [("o1", 1, second.objects.using("remote").get().pk)]
