"""An object that the log has not seen being made becomes a child: only the child's row is new."""

from __future__ import annotations

from random import Random

import pytest

from synchro_triggers import SynchroError, synchro_paused, synchronize
from tests.shapefuzz.test_becomes_a_child import CHILDREN, A
from tests.shapefuzz.test_found import both_vendors
from tests.shapefuzz.writing import insert


@both_vendors
@pytest.mark.parametrize("key", ["the same key", "a number of its own"])
@pytest.mark.parametrize("at_once", [False, True])
@pytest.mark.parametrize("size", [1, 1000])
def test_run_is_refused_where_the_parents_row_may_be_there_already(project, local, key, at_once, size):
    parent, child = project(local, A, CHILDREN[key], SYNCHRO_BATCH_SIZE=size)
    with synchro_paused(using="remote"):
        parent.objects.using("remote").create(pk=7, mark_a="o7")  # one side was imported from the other
    parent.objects.create(mark_a="o1")
    if not at_once:
        synchronize()
    with synchro_paused():
        parent.objects.create(pk=7, mark_a="o7")
    insert("default", child, {"mark_b": "child", "a_ptr_id": 7}, Random(1))

    with pytest.raises(SynchroError, match="1 to be created, 1 on 'remote'"):
        synchronize()

    assert [row.mark_a for row in parent.objects.using("remote").all() if row.pk == 7] == ["o7"]
    assert not child.objects.using("remote").exists()
