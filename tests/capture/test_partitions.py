"""Partitions: whichever table a statement names, each row is logged once, and triggers follow partitions about."""

from __future__ import annotations

import pytest
from django.db import connection, connections

from synchro_triggers import synchronize
from synchro_triggers.capture.install import compare, install, uninstall
from synchro_triggers.capture.unlogged import with_rows
from synchro_triggers.exceptions import TriggersNotReady
from synchro_triggers.models import ChangeLog
from tests.databases import both
from tests.oddapp.models import Reading
from tests.testapp.models import Account, Item

pytestmark = [both, pytest.mark.vendor("postgres")]


@pytest.fixture
def readings(settings):
    """A table with a partition, one that has partitions itself, and triggers on all of them."""
    settings.SYNCHRO_MODELS = (*settings.SYNCHRO_MODELS, "oddapp.Reading")
    for alias in ("default", "remote"):
        execute(
            "CREATE TABLE oddapp_reading (id integer NOT NULL, day integer NOT NULL, state text NOT NULL,"
            " PRIMARY KEY (id, day)) PARTITION BY RANGE (day)",
            alias,
        )
        execute("CREATE TABLE early PARTITION OF oddapp_reading FOR VALUES FROM (0) TO (10)", alias)
        execute(
            "CREATE TABLE late PARTITION OF oddapp_reading FOR VALUES FROM (10) TO (30) PARTITION BY RANGE (day)", alias
        )
        execute('CREATE TABLE "Late One" PARTITION OF late FOR VALUES FROM (10) TO (20)', alias)
        execute("CREATE TABLE later PARTITION OF late FOR VALUES FROM (20) TO (30)", alias)
        install(alias)
    forget()


def execute(sql: str, alias: str = "default") -> None:
    with connections[alias].cursor() as cursor:
        cursor.execute(sql)


def forget() -> None:
    ChangeLog.objects.all().delete()


def logged() -> list[tuple[str, str, str]]:
    rows = ChangeLog.objects.filter(model_label="oddapp.Reading").order_by("id")
    return list(rows.values_list("operation", "object_pk", "changed_fields"))


TABLES = ("oddapp_reading", "late", '"Late One"')


@pytest.mark.parametrize("table", TABLES)
def test_each_write_is_logged_once_whichever_table_it_names(readings, table):
    execute(f"INSERT INTO {table} VALUES (1, 10, 'a'), (2, 11, 'b')")
    execute(f"UPDATE {table} SET state = 'c' WHERE id = 1")
    execute(f"DELETE FROM {table} WHERE id = 2")

    assert logged() == [("I", "[1, 10]", ""), ("I", "[2, 11]", ""), ("U", "[1, 10]", "state"), ("D", "[2, 11]", "")]


@pytest.mark.parametrize("table", TABLES)
def test_truncate_logs_each_row_once_whichever_table_it_names(readings, table):
    execute("INSERT INTO oddapp_reading VALUES (1, 10, 'a'), (2, 11, 'b'), (3, 1, 'c')")
    forget()

    execute(f"TRUNCATE {table}")

    gone = {("D", "[1, 10]", ""), ("D", "[2, 11]", "")}
    if table == "oddapp_reading":
        gone.add(("D", "[3, 1]", ""))
    assert set(logged()) == gone and len(logged()) == len(gone)


def test_truncate_logs_the_rows_of_a_partition_that_has_no_triggers_yet(readings):
    execute("CREATE TABLE latest PARTITION OF oddapp_reading FOR VALUES FROM (30) TO (40)")
    execute("INSERT INTO oddapp_reading VALUES (1, 30, 'a'), (2, 2, 'b')")
    forget()

    execute("TRUNCATE oddapp_reading")

    assert sorted(logged()) == [("D", "[1, 30]", ""), ("D", "[2, 2]", "")]


@pytest.mark.parametrize("table", ["oddapp_reading", "late"])
def test_row_that_moves_to_another_partition_is_an_object_that_went_and_one_that_came(readings, table):
    execute("INSERT INTO oddapp_reading VALUES (1, 10, 'a')")
    forget()

    execute(f"UPDATE {table} SET day = 25, state = 'moved'")

    assert sorted(logged()) == [("D", "[1, 10]", ""), ("I", "[1, 25]", "")]


def test_rows_arrive_whichever_way_they_were_written(readings):
    execute("INSERT INTO early VALUES (1, 1, 'a')")
    execute("INSERT INTO later VALUES (2, 20, 'b'), (3, 21, 'c')")
    synchronize()
    execute("UPDATE later SET state = 'changed' WHERE id = 2")
    execute("DELETE FROM later WHERE id = 3")
    execute("TRUNCATE early")

    report = synchronize()

    assert not report.failures
    assert list(Reading.objects.using("remote").values_list("id", "day", "state")) == [(2, 20, "changed")]


def test_pausing_holds_for_partitions_too(readings):
    from synchro_triggers import synchro_paused

    with synchro_paused():
        execute("INSERT INTO early VALUES (1, 1, 'a')")
        execute("TRUNCATE early")

    assert logged() == []


# Partitions come and go -------------------------------------------------------------------------------


def test_check_names_a_new_partition_and_installing_covers_it(readings):
    execute("CREATE TABLE latest PARTITION OF oddapp_reading FOR VALUES FROM (30) TO (40)")

    assert compare("default").describe() == ["latest (oddapp.Reading): missing"]

    install("default")
    execute("INSERT INTO latest VALUES (1, 31, 'a')")

    assert compare("default").fits and logged() == [("I", "[1, 31]", "")]


def test_partition_that_was_renamed_still_fits(readings):
    execute("ALTER TABLE early RENAME TO earliest")

    execute("INSERT INTO earliest VALUES (1, 1, 'a')")

    assert compare("default").fits and logged() == [("I", "[1, 1]", "")]


def test_detached_partition_is_no_part_of_the_model_and_loses_its_triggers_with_the_next_installation(readings):
    execute("INSERT INTO early VALUES (1, 1, 'a')")
    forget()
    execute("ALTER TABLE oddapp_reading DETACH PARTITION early")

    execute("UPDATE early SET state = 'b'")
    execute("INSERT INTO early VALUES (2, 2, 'a')")
    execute("DELETE FROM early WHERE id = 1")
    execute("TRUNCATE early")

    assert logged() == []
    assert compare("default").describe() == ["early (oddapp.Reading): orphaned"]
    install("default")
    assert compare("default").fits


def test_partition_that_is_attached_again_is_logged_again(readings):
    execute("ALTER TABLE oddapp_reading DETACH PARTITION early")
    execute("ALTER TABLE oddapp_reading ATTACH PARTITION early FOR VALUES FROM (0) TO (10)")

    execute("INSERT INTO early VALUES (1, 1, 'a')")

    assert compare("default").fits and logged() == [("I", "[1, 1]", "")]


def test_uninstalling_takes_the_triggers_of_partitions_along(readings):
    execute("ALTER TABLE oddapp_reading DETACH PARTITION early")

    uninstall("default")

    with connection.cursor() as cursor:
        cursor.execute("SELECT tgname FROM pg_trigger WHERE tgname LIKE 'synchro%'")
        assert cursor.fetchall() == []
        cursor.execute("SELECT proname FROM pg_proc WHERE proname LIKE 'synchro%'")
        assert cursor.fetchall() == []


def test_run_covers_a_partition_that_came_meanwhile_and_takes_along_what_was_written_there(readings):
    for alias in ("default", "remote"):
        execute("CREATE TABLE latest PARTITION OF oddapp_reading FOR VALUES FROM (30) TO (40)", alias)
    execute("INSERT INTO latest VALUES (1, 31, 'a')")

    dry = synchronize(dry_run=True)
    assert not compare("default").fits
    report = synchronize()

    for told in (dry, report):
        assert any("latest" in warning for warning in told.warnings)
    assert list(Reading.objects.using("remote").values_list("id", "day")) == [(1, 31)]
    assert compare("default").fits
    assert synchronize().warnings == []


def test_rows_of_a_table_that_is_attached_arrive(readings):
    execute("CREATE TABLE latest (LIKE oddapp_reading INCLUDING ALL)")
    execute("INSERT INTO latest VALUES (1, 31, 'a')")
    execute("ALTER TABLE oddapp_reading ATTACH PARTITION latest FOR VALUES FROM (30) TO (40)")

    install("default")

    assert logged() == [("U", "[1, 31]", "")]


def test_keys_with_times_are_logged_in_one_zone_when_a_partition_is_covered(settings):
    settings.SYNCHRO_MODELS = (*settings.SYNCHRO_MODELS, "oddapp.Dated")
    execute("CREATE TABLE oddapp_dated (id integer, at timestamptz, PRIMARY KEY (id, at)) PARTITION BY LIST (id)")
    install("default")
    execute("CREATE TABLE dated_1 PARTITION OF oddapp_dated FOR VALUES IN (1)")
    execute("SET LOCAL timezone = 'Asia/Tokyo'")
    execute("INSERT INTO oddapp_dated VALUES (1, '2026-01-01 00:00:00+00')")

    install("default")

    written, covered = ChangeLog.objects.filter(model_label="oddapp.Dated").order_by("id")
    assert (written.operation, covered.operation) == ("I", "U") and written.object_pk == covered.object_pk
    with connection.cursor() as cursor:
        cursor.execute("SHOW timezone")
        assert cursor.fetchone() == ("Asia/Tokyo",)


def test_first_installation_logs_no_row(readings):
    execute("INSERT INTO early VALUES (1, 1, 'a')")
    forget()
    uninstall("default")

    install("default")

    assert logged() == []


def test_run_that_may_not_cover_a_partition_is_refused(readings):
    execute("CREATE TABLE latest PARTITION OF oddapp_reading FOR VALUES FROM (30) TO (40)")
    execute("CREATE ROLE somebody")
    execute("GRANT ALL ON ALL TABLES IN SCHEMA public TO somebody")
    execute("GRANT ALL ON ALL SEQUENCES IN SCHEMA public TO somebody")
    execute("ALTER TABLE latest OWNER TO somebody")
    execute("CREATE ROLE office")
    execute("GRANT ALL ON ALL TABLES IN SCHEMA public TO office")
    execute("SET ROLE office")
    try:
        with pytest.raises(TriggersNotReady, match=r"latest \(oddapp.Reading\): missing"):
            synchronize()
    finally:
        execute("RESET ROLE")


def test_rows_in_partitions_that_are_older_than_the_log_are_told_of(readings):
    execute("INSERT INTO oddapp_reading VALUES (1, 10, 'a'), (2, 1, 'b')")
    forget()

    [told] = [line for line in synchronize().warnings if "does not know" in line]
    assert "oddapp.Reading 2" in told


def test_rows_of_a_table_that_inherits_are_seen():
    execute("CREATE TABLE heir () INHERITS (testapp_item)")
    assert with_rows("default", [Item, Account]) == []

    execute("INSERT INTO heir (id, name, cash) VALUES (1, 'a', 1)")

    assert with_rows("default", [Item, Account]) == [Item]
