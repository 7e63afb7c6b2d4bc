"""What a command does to its own process, and to no other."""

from __future__ import annotations

import gc

import pytest

from synchro_triggers.management.commands.synchronize import Command
from synchro_triggers.management.own_process import heap_set_aside


@pytest.fixture(autouse=True)
def _as_before():
    before, set_aside = gc.get_threshold(), gc.get_freeze_count() > 0
    gc.unfreeze()
    yield
    gc.unfreeze()
    gc.set_threshold(*before)
    if set_aside:  # by the test run: tests/heap.py
        gc.freeze()


class LooksAtTheCollector(Command):
    def execute(self, *args, **options):
        self.seen = gc.get_freeze_count() > 0, gc.get_threshold()[0]


def test_the_command_sets_its_heap_aside_where_it_is_the_process():
    before = gc.get_threshold()
    command = LooksAtTheCollector()

    command.run_from_argv(["manage.py", "synchronize"])

    set_aside, collected_after = command.seen
    assert set_aside and collected_after > before[0]
    assert (gc.get_freeze_count(), gc.get_threshold()) == (0, before)


def test_what_somebody_else_has_set_aside_stays_so():
    gc.freeze()
    before = gc.get_threshold()

    with heap_set_aside():
        assert gc.get_threshold() == before

    assert gc.get_freeze_count() > 0


def test_a_collector_that_is_switched_off_stays_off():
    gc.set_threshold(0)

    with heap_set_aside():
        assert gc.get_threshold()[0] == 0

    assert gc.get_threshold()[0] == 0
