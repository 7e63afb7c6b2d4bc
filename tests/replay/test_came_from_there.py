"""Objects that were made on the remote, and came from there: what both sides change is a conflict, and nothing else."""

from __future__ import annotations

import pytest

from synchro_triggers import synchronize
from synchro_triggers.replay.report import Told
from tests.databases import both_committed
from tests.replay.hearing import LOCAL, REMOTE, later
from tests.replay.routes import route  # noqa: F401  (a fixture)
from tests.replay.test_two_ways import on, synchronize_back  # noqa: F401  (a fixture)
from tests.testapp.models import Item

pytestmark = [both_committed, pytest.mark.usefixtures("route"), pytest.mark.thinned("route")]


@pytest.fixture(params=["remote", "newest"])
def policy(request, settings):
    settings.SYNCHRO_CONFLICT = request.param
    return request.param


@pytest.fixture
def received(synchronize_back):  # noqa: F811
    """Two objects of the remote's that have come to LOCAL."""
    for name in ("theirs", "untouched"):
        on(REMOTE, Item).create(name=name, cash=1)
    later()
    assert synchronize_back()["created"] == 2
    later()


def cash(alias):
    return on(alias, Item).get(name="theirs").cash


def change(alias, value):
    on(alias, Item).filter(name="theirs").update(cash=value)
    later()


def test_change_of_local_alone_is_written(received, policy):
    change(LOCAL, 2)

    dry, report = synchronize(dry_run=True), synchronize()

    assert (report.updated, report.conflicts, report.remarks) == (1, 0, [])
    assert dry.updated == 1 and cash(REMOTE) == 2


def test_change_after_what_was_received_is_written(received, synchronize_back, policy):  # noqa: F811
    change(REMOTE, 2)
    assert synchronize_back()["updated"] == 1
    later()
    change(LOCAL, 3)

    report = synchronize()

    assert (report.updated, report.conflicts, report.remarks) == (1, 0, [])
    assert cash(REMOTE) == 3


def test_change_of_both_sides_is_a_conflict_that_is_told(received, policy):
    change(REMOTE, 2)
    change(LOCAL, 3)

    report = synchronize()

    [told] = report.remarks
    assert told.kind == (Told.REMOTE_WON if policy == "remote" else Told.LOCAL_WON)
    assert told.model == "testapp.Item" and told.key == str(on(LOCAL, Item).get(name="theirs").pk)
    assert report.conflicts == (policy == "remote")
    assert cash(REMOTE) == (2 if policy == "remote" else 3)


def test_delete_on_local_alone_is_done(received, policy):
    on(LOCAL, Item).filter(name="theirs").delete()

    report = synchronize()

    assert (report.deleted, report.conflicts, report.remarks) == (1, 0, [])
    assert list(on(REMOTE, Item).values_list("name", flat=True)) == ["untouched"]
