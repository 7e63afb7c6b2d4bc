"""The mark of a catalog: a run looks at tables and triggers again only where it has changed."""

from __future__ import annotations

import pytest
from django.db import connections, transaction

from synchro_triggers import synchronize
from synchro_triggers.capture.install import compare
from synchro_triggers.capture.vendor import vendor_of
from synchro_triggers.exceptions import Refused
from tests.databases import both, both_committed
from tests.testapp.models import Item

TABLES = ("testapp_item", "synchro_triggers_failure")

#: What changes a table, a trigger or what is known of them; ``{trigger}`` is one of the table's.
CHANGES = {
    "a column comes": "ALTER TABLE testapp_item ADD COLUMN weight integer",
    "a column goes": "ALTER TABLE synchro_triggers_failure DROP COLUMN attempts",
    "a column is renamed": "ALTER TABLE synchro_triggers_failure RENAME COLUMN attempts TO tries",
    "a table is renamed": "ALTER TABLE testapp_item RENAME TO testapp_thing",
    "a trigger goes": "DROP TRIGGER {trigger}",
}
CHANGES_ON_POSTGRES = {
    "a column's type changes": "ALTER TABLE testapp_item ALTER COLUMN cash TYPE bigint",
    "a trigger is switched off": "ALTER TABLE testapp_item DISABLE TRIGGER {name}",
    "a trigger fires in replicas": "ALTER TABLE testapp_item ENABLE ALWAYS TRIGGER {name}",
    "a trigger is another version's": "COMMENT ON TRIGGER {name} ON testapp_item IS 'of somebody else'",
    "a table of the same name comes": "CREATE SCHEMA nearer; CREATE TABLE nearer.testapp_item (id integer)",
    "the session looks elsewhere": "CREATE SCHEMA nearer; SET LOCAL search_path = nearer, public",
    "a partition comes": "CREATE TABLE parted (n integer) PARTITION BY LIST (n);"
    "CREATE TABLE part PARTITION OF parted FOR VALUES IN (1)",
    "a type of the project's own comes": "CREATE TYPE mood AS ENUM ('glad')",
}


def mark() -> object:
    connection = connections["default"]
    return vendor_of(connection).look(connection, TABLES).mark


def execute(sql: str) -> None:
    connection = connections["default"]
    name = min(found.name for found in vendor_of(connection).installed_triggers(connection) if found.table == TABLES[0])
    where = f'"{name}" ON testapp_item' if connection.vendor == "postgresql" else f'"{name}"'
    with connection.cursor() as cursor:
        for statement in sql.format(trigger=where, name=f'"{name}"').split(";"):
            cursor.execute(statement)


def assert_changed_by(sql: str) -> None:
    before = mark()
    with transaction.atomic():
        execute(sql)
        assert mark() != before
        transaction.set_rollback(True)
    assert mark() == before


@both
@pytest.mark.thinned
@pytest.mark.parametrize("change", CHANGES)
def test_mark_is_another_one_where_something_has_changed(vendor, change):
    assert_changed_by(CHANGES[change])


@both
@pytest.mark.vendor("postgres")
@pytest.mark.parametrize("change", CHANGES_ON_POSTGRES)
def test_mark_is_another_one_where_something_has_changed_on_postgresql(change):
    assert_changed_by(CHANGES_ON_POSTGRES[change])


@both
@pytest.mark.vendor("postgres")
@pytest.mark.parametrize("change", ["ATTACH PARTITION part FOR VALUES IN (1)", "RENAME TO party"])
def test_mark_is_another_one_where_a_partition_has_changed(change):
    execute("CREATE TABLE parted (n integer) PARTITION BY LIST (n); CREATE TABLE part (n integer)")
    whose = "parted" if "ATTACH" in change else "part"
    if whose == "part":
        execute("ALTER TABLE parted ATTACH PARTITION part FOR VALUES IN (1)")
    assert_changed_by(f"ALTER TABLE {whose} {change}")


@both
def test_mark_stays_whatever_is_written(vendor):
    before = mark()
    Item.objects.create(name="written", cash=1)
    Item.objects.update(cash=2)
    assert mark() == before


@both_committed
def test_run_notices_what_somebody_changes_after_it_has_looked(vendor):
    Item.objects.create(name="first", cash=1)
    synchronize()
    fits = compare("default")
    execute("DROP TRIGGER {trigger}")
    assert fits.fits and not compare("default").fits
    with pytest.raises(Refused, match="do not fit"):
        synchronize()


@both_committed
def test_run_notices_that_a_table_of_this_package_has_become_another_one(vendor):
    synchronize()
    execute("ALTER TABLE synchro_triggers_failure RENAME COLUMN attempts TO tries")
    with pytest.raises(Refused, match="synchro_triggers_failure has no attempts"):
        synchronize()
    execute("ALTER TABLE synchro_triggers_failure RENAME COLUMN tries TO attempts")
    assert not synchronize().failures
