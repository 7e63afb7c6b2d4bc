"""An object that is only needed as a target has not met its row on the remote: what was changed there is not known."""

from __future__ import annotations

from contextlib import ExitStack
from time import sleep

import pytest

from synchro_triggers import synchro_paused, synchronize
from tests.replay.hearing import receiving
from tests.shapefuzz.test_found import both_vendors, marked

KINDS = {
    "a key of its own": ("models.Model", "no = models.IntegerField(primary_key=True)"),
    "a natural key": ("NaturalKeyModel", "no = models.AutoField(primary_key=True)", "_natural_key = ('u_a',)"),
}


def of_all(test):
    """Run a test on both vendors, for kinds of keys, observed or not, in batches of any size."""
    test = pytest.mark.parametrize("size", [1, 1000])(test)
    test = pytest.mark.parametrize("observed", [True, False])(test)
    return both_vendors(pytest.mark.parametrize("kind", KINDS)(test))


@pytest.fixture
def needed(project, local, kind, winner, observed, size):
    """The models of an object that both sides have, and no reference tells, and of those that point to it."""
    bases, *lines = KINDS[kind]
    first, second = project(
        local,
        ("A", bases, *lines, marked("a"), "u_a = models.IntegerField(unique=True)", "n_a = models.IntegerField()"),
        ("B", "models.Model", marked("b"), "to_a = models.ForeignKey('A', models.CASCADE)"),
        SYNCHRO_CONFLICT=winner,
        SYNCHRO_BATCH_SIZE=size,
    )
    for alias in ("default", "remote"):
        with synchro_paused(using=alias):
            first.objects.using(alias).create(no=1, mark_a="o1", u_a=1, n_a=1)
    with ExitStack() as stack:
        if observed:
            stack.enter_context(receiving("post_delete", first, lambda **told: None))
        yield first, second


def _there(model):
    return [(row.mark_a, row.n_a) for row in model.objects.using("remote").all()]


@of_all
@pytest.mark.parametrize("runs", [1, 2])
@pytest.mark.parametrize("winner", ["remote", "local", "newest"])
def test_what_was_changed_there_before_is_a_conflict_when_local_changes_it(
    needed, local, kind, winner, observed, size, runs
):
    first, second = needed
    first.objects.using("remote").update(mark_a="R1")
    sleep(0.01)  # else the newest may be the remote's
    second.objects.create(mark_b="o2", to_a_id=1)
    if runs == 2:
        report = synchronize()
        assert (report.created, report.updated, report.remarks) == (1, 0, [])
        assert _there(first) == [("R1", 1)]
    first.objects.update(n_a=2)

    report = synchronize()

    assert report.failures == []
    won = "remote" if winner == "remote" else "local"
    assert [str(remark.kind) for remark in report.remarks] == [f"{won} won"]
    assert _there(first) == [("R1", 1) if winner == "remote" else ("o1", 2)]


@of_all
@pytest.mark.parametrize("winner", ["remote"])
def test_what_is_equal_has_met_and_what_nobody_has_changed_there_is_no_conflict(
    needed, local, kind, winner, observed, size
):
    first, second = needed
    second.objects.create(mark_b="o2", to_a_id=1)
    synchronize()
    first.objects.update(n_a=2)

    report = synchronize()

    assert (report.updated, report.remarks, report.failures) == (1, [], [])
    assert _there(first) == [("o1", 2)]


@of_all
@pytest.mark.parametrize("winner", ["local"])
def test_conflict_is_told_once(needed, local, kind, winner, observed, size):
    first, second = needed
    first.objects.using("remote").update(mark_a="R1")
    second.objects.create(mark_b="o2", to_a_id=1)
    synchronize()
    first.objects.update(n_a=2)
    synchronize()
    first.objects.update(n_a=3)

    report = synchronize()

    assert (report.updated, report.remarks, report.failures) == (1, [], [])
    assert _there(first) == [("o1", 3)]
