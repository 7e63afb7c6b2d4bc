"""A reset that takes longer than its lease lasts, and a run that has begun meanwhile."""

from __future__ import annotations

import pytest

from synchro_triggers import synchronize
from synchro_triggers.exceptions import RunUnderWay
from synchro_triggers.models import ChangeLog, Checkpoint, Reference
from synchro_triggers.replay.state.starting_over import reset_synchro
from tests.databases import both
from tests.testapp.models import Item

pytestmark = both

REMOTE = "remote"


def test_reset_stops_before_a_remote_whose_lease_a_run_has_taken_over():
    """It waits for another remote for so long: what that run writes as it goes would overwrite the reset."""
    Item.objects.create(name="a")
    synchronize()
    Item.objects.create(name="b")
    before = Checkpoint.objects.using(REMOTE).get().position

    def take_over(done: int, total: int) -> None:
        Checkpoint.objects.using(REMOTE).update(run_id="somebody else's")

    with pytest.raises(RunUnderWay):
        reset_synchro(progress=take_over)

    checkpoint = Checkpoint.objects.using(REMOTE).get()
    assert (checkpoint.position, checkpoint.run_id) == (before, "somebody else's")
    assert Reference.objects.using(REMOTE).count() == 1
    assert ChangeLog.objects.filter(model_label="testapp.Item").exists()
