"""A large table that comes late: a run that is cut off goes on where it stopped, and in parts it comes to an end.

Each part does so little that a run which starts over would never end.
"""

from __future__ import annotations

from typing import Any

import pytest
from django.db import connections, migrations, models
from django.db.models.signals import pre_save

from synchro_triggers import compare, synchronize
from synchro_triggers.models import ChangeLog, Checkpoint, Failure
from synchro_triggers.replay import synchronizing
from tests.databases import both_committed
from tests.safety.apart import LOCAL, REMOTE, execute, model, on
from tests.safety.test_table_of_one_side import key, name, rows, settled

pytestmark = both_committed

#: Objects of the table.
ROWS = 24

#: Parts in which they have to come.
PARTS = 12


def begin(apart: Any, settings: Any, *, alone: bool) -> None:
    """Let LOCAL have a table of which some rows are changed, and gone, before the remote has it.

    Args:
        alone: all of it was logged; otherwise the log is gone, and every object has to be looked at.
    """
    settings.SYNCHRO_BATCH_SIZE = 2
    apart.here.add_migration(migrations.CreateModel("Thing", [("id", key()), ("name", name())]))
    apart.here.add_migration(
        migrations.CreateModel("Box", [("id", key()), ("name", name()), ("cash", models.IntegerField(default=0))])
    )
    apart.begin_with("0001")
    synchronize()
    apart.migrate(LOCAL)
    apart.code("0002_step")
    for number in range(ROWS):
        on(LOCAL, "Box").create(name=f"box {number:02}")
    on(LOCAL, "Box").filter(name="box 05").update(cash=5)
    on(LOCAL, "Box").filter(name="box 07").delete()
    synchronize()
    if not alone:
        ChangeLog.objects.all()._raw_delete(LOCAL)
        execute(LOCAL, "UPDATE synchro_triggers_node SET pruned_to = 1000000")
    apart.migrate(REMOTE)


def part(steps: int) -> Any:
    """Run until so many transactions were about to begin."""
    left = iter(range(steps))
    return synchronizing.synchronize(interrupted=lambda: next(left, None) is None, in_parts=True)


def in_parts(steps: int = 6) -> list[Any]:
    """Run in parts until one is not cut off; return their reports."""
    reports = [part(steps)]
    while reports[-1].is_cut and len(reports) < PARTS:
        reports.append(part(steps))
    assert not reports[-1].is_cut, [each.models for each in reports]
    return reports


def counted(reports: list[Any], what: str) -> int:
    return sum(getattr(each.models["migapp.Box"], what) for each in reports if "migapp.Box" in each.models)


@pytest.mark.parametrize("alone", [True, False], ids=["logged", "every object"])
def test_parts_go_on_where_the_last_one_stopped(apart, settings, alone):
    begin(apart, settings, alone=alone)

    reports = in_parts()

    assert len(reports) > 1
    assert counted(reports, "created") == ROWS - 1 and counted(reports, "unchanged") <= 1  # that one was logged twice
    assert rows(REMOTE, "migapp_box") == rows(LOCAL, "migapp_box")
    settled()


@pytest.mark.parametrize("alone", [True, False], ids=["logged", "every object"])
def test_users_write_between_the_parts(apart, settings, alone):
    begin(apart, settings, alone=alone)

    reports = [part(6)]
    on(LOCAL, "Box").filter(name="box 00").update(cash=1)
    on(LOCAL, "Box").filter(name="box 01").delete()
    on(LOCAL, "Box").filter(name="box 20").delete()
    on(LOCAL, "Box").create(name="new")
    reports += in_parts()

    assert len(reports) > 1
    assert rows(REMOTE, "migapp_box") == rows(LOCAL, "migapp_box")
    settled()


@pytest.mark.parametrize("alone", [True, False], ids=["logged", "every object"])
def test_kept_failure_of_an_earlier_part_is_not_forgotten(apart, settings, alone):
    begin(apart, settings, alone=alone)

    def refuse(sender: Any, instance: Any, using: str, **told: Any) -> None:
        if using == REMOTE and instance.cash == 5:
            raise ValueError("no")

    pre_save.connect(refuse, sender=model("Box"))
    reports = in_parts(8)
    pre_save.disconnect(refuse, sender=model("Box"))

    assert any(each.failures for each in reports) and Failure.objects.using(REMOTE).count() == 1
    synchronizing.retry_failures()
    assert rows(REMOTE, "migapp_box") == rows(LOCAL, "migapp_box")


@pytest.mark.parametrize("alone", [True, False], ids=["logged", "every object"])
@pytest.mark.parametrize("at", [1, 4, 9])
def test_run_that_is_killed_goes_on_from_its_last_transaction(apart, settings, alone, at):
    begin(apart, settings, alone=alone)
    seen = []

    def kill(call: Any, sql: Any, *arguments: Any) -> Any:
        if 'INSERT INTO "migapp_box"' in sql or "INTO migapp_box" in sql:
            seen.append(sql)
            if len(seen) == at:
                raise KeyboardInterrupt
        return call(sql, *arguments)

    with connections[REMOTE].execute_wrapper(kill), pytest.raises(KeyboardInterrupt):
        synchronize()
    there = on(REMOTE, "Box").count()
    report = synchronize()

    assert there <= at * 2 and report.models["migapp.Box"].created == ROWS - 1 - there
    assert report.models["migapp.Box"].unchanged <= 1  # that one was logged twice
    assert rows(REMOTE, "migapp_box") == rows(LOCAL, "migapp_box")
    settled()


def test_table_that_is_made_anew_comes_as_a_whole_though_its_first_part_is_there(apart, settings):
    settings.SYNCHRO_BATCH_SIZE = 2
    apart.here.add_migration(migrations.CreateModel("Thing", [("id", key()), ("name", name())]))
    apart.here.add_migration(migrations.CreateModel("Box", [("id", key()), ("name", name())]))
    apart.begin_with("0002")
    for number in range(ROWS):
        on(LOCAL, "Box").create(name=f"box {number:02}")
    synchronize(both=True)
    apart.there.migrate("0001")
    apart.code("0002_step")
    on(LOCAL, "Box").filter(name="box 03").update(name="changed")
    synchronize(both=True)
    apart.there.migrate("0002")
    apart.code("0002_step")

    in_parts()

    assert rows(REMOTE, "migapp_box") == rows(LOCAL, "migapp_box") and len(rows(REMOTE, "migapp_box")) == ROWS
    settled()


def test_progress_that_is_of_another_log_is_none(apart, settings):
    """What was logged since stands at the same numbers: nothing of it may be passed over."""
    begin(apart, settings, alone=True)
    part(6)
    Checkpoint.objects.using(REMOTE).update(position="")
    on(LOCAL, "Box").filter(name="box 00").delete()

    synchronize()

    assert rows(REMOTE, "migapp_box") == rows(LOCAL, "migapp_box") and compare().equal


# Columns ----------------------------------------------------------------------------------------------


def begin_column(apart: Any, settings: Any) -> None:
    """Let LOCAL have a column, with values, before the remote has it."""
    settings.SYNCHRO_BATCH_SIZE = 2
    apart.here.add_migration(migrations.CreateModel("Thing", [("id", key()), ("name", name())]))
    apart.here.add_migration(migrations.AddField("thing", "cash", models.IntegerField(null=True)))
    apart.begin_with("0001")
    for number in range(ROWS):
        on(LOCAL).create(name=f"thing {number:02}")
    synchronize()
    apart.migrate(LOCAL)
    apart.code("0002_step")
    for number in range(ROWS):
        on(LOCAL).filter(name=f"thing {number:02}").update(cash=number)
    assert synchronize().left_out
    apart.migrate(REMOTE)


def test_values_of_a_column_that_comes_late_go_on_where_the_last_part_stopped(apart, settings):
    begin_column(apart, settings)

    reports = [part(6)]
    on(LOCAL).filter(name="thing 00").update(cash=100)
    on(LOCAL).filter(name="thing 23").update(cash=123)
    while reports[-1].is_cut and len(reports) < PARTS:
        reports.append(part(6))

    assert not reports[-1].is_cut and len(reports) > 1
    assert sum(each.updated for each in reports) <= ROWS + 2
    assert compare().equal and on(REMOTE).get(name="thing 00").cash == 100
    settled()


def test_value_that_was_refused_in_an_earlier_part_comes_with_the_next_run(apart, settings):
    begin_column(apart, settings)

    def refuse(sender: Any, instance: Any, using: str, **told: Any) -> None:
        if using == REMOTE and instance.cash == 1:
            raise ValueError("no")

    pre_save.connect(refuse, sender=model())
    reports = [part(6)]
    pre_save.disconnect(refuse, sender=model())
    while reports[-1].is_cut and len(reports) < PARTS:
        reports.append(part(6))
    assert reports[0].failures and not on(REMOTE).exclude(name="thing 01").filter(cash=None).exists()

    synchronize()

    assert on(REMOTE).get(name="thing 01").cash == 1
    settled()


def test_values_of_a_column_go_on_after_a_kill(apart, settings):
    begin_column(apart, settings)
    seen = []

    def kill(call: Any, sql: Any, *arguments: Any) -> Any:
        if sql.startswith("UPDATE") and "migapp_thing" in sql:
            seen.append(sql)
            if len(seen) == 5:
                raise KeyboardInterrupt
        return call(sql, *arguments)

    with connections[REMOTE].execute_wrapper(kill), pytest.raises(KeyboardInterrupt):
        synchronize()
    come = on(REMOTE).exclude(cash=None).count()
    asked = []
    with connections[LOCAL].execute_wrapper(lambda call, sql, *more: (asked.append(sql), call(sql, *more))[1]):
        report = synchronize()

    assert come >= 6 and report.updated == ROWS - come
    settled()
