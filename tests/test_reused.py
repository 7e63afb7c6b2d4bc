"""A PostgreSQL database is used by another test only if nothing tells it from a copy of the template."""

from __future__ import annotations

from copy import deepcopy

import pytest
from django.db import connection, connections

from synchro_triggers.models import ChangeLog
from tests.databases import both_committed
from tests.reused import Reused
from tests.testapp.models import Item

pytestmark = [both_committed, pytest.mark.vendor("postgres")]


@pytest.fixture
def used():
    """Knows the test's database as it is before the test does anything."""
    used = Reused()
    used.note_new(connections["default"])
    return used


def execute(*statements):
    with connection.cursor() as cursor:
        for sql in statements:
            cursor.execute(sql)
        return cursor.fetchall() if cursor.description else []


def is_given_back(used, settings=None):
    wrapper = connections["default"]
    return used.give_back(wrapper, settings or deepcopy(wrapper.settings_dict))


def test_what_was_written_is_gone_with_its_numbers_and_what_the_session_was_told(used):
    Item.objects.bulk_create(Item(name=str(number)) for number in range(50))
    Item.objects.filter(name="7").delete()
    execute("SET work_mem = '77MB'", "SET synchro.origin = 'somebody'", "SET ROLE pg_read_all_data")

    assert is_given_back(used)
    assert used.take("default") is connections["default"] and used.take("default") is None
    assert not ChangeLog.objects.exists()
    assert execute("SELECT current_setting('work_mem') = '77MB', current_setting('synchro.origin', true)") in (
        [(False, "")],
        [(False, None)],
    )
    assert execute("SELECT current_user = session_user, pg_relation_size('testapp_item'::regclass)") == [(True, 0)]
    first = Item.objects.create(name="next")
    assert first.pk == 1
    assert ChangeLog.objects.get().pk == 1


@pytest.mark.parametrize(
    "sql",
    [
        "CREATE TABLE another ()",
        "CREATE SCHEMA another",
        "CREATE VIEW another AS SELECT 1",
        "CREATE FUNCTION another() RETURNS int LANGUAGE sql AS 'SELECT 1'",
        "CREATE SEQUENCE another",
        "ALTER TABLE testapp_item ADD COLUMN another int",
        "ALTER TABLE testapp_item ALTER COLUMN cash DROP NOT NULL",
        "ALTER TABLE testapp_item ALTER COLUMN cash SET DEFAULT 3",
        "ALTER TABLE testapp_item RENAME COLUMN cash TO money",
        "ALTER TABLE testapp_item DISABLE TRIGGER ALL",
        "ALTER TABLE testapp_item ENABLE ROW LEVEL SECURITY",
        "ALTER SEQUENCE testapp_item_id_seq INCREMENT BY 2",
        "CREATE POLICY another ON testapp_item USING (true)",
        "CREATE INDEX another ON testapp_item (cash)",
        "GRANT SELECT ON testapp_item TO PUBLIC",
        "DROP TABLE testapp_item CASCADE",
        "TRUNCATE testapp_item CASCADE",
        "UPDATE django_site SET name = 'another'",
        "DELETE FROM auth_permission WHERE id = (SELECT max(id) FROM auth_permission)",
        "INSERT INTO django_content_type (app_label, model) VALUES ('another', 'another')",
        "DO $$ BEGIN EXECUTE format('ALTER DATABASE %I SET work_mem = ''77MB''', current_database()); END $$",
        "SELECT lo_create(0)",
    ],
)
def test_database_that_is_not_as_it_was_is_not_used_again(used, sql):
    execute(sql)

    assert not is_given_back(used)
    assert used.take("default") is None


def test_database_whose_session_is_not_at_rest_is_not_used_again(used):
    wrapper = connections["default"]
    settings = deepcopy(wrapper.settings_dict)
    assert not used.give_back(wrapper, {**settings, "TIME_ZONE": "Asia/Tokyo"})

    wrapper.set_autocommit(False)
    assert not used.give_back(wrapper, settings)
    wrapper.set_autocommit(True)

    wrapper.close()
    assert not used.give_back(wrapper, settings)


def test_whoever_else_is_connected_is_sent_away(used):
    other = connections["default"].copy("another")
    other.ensure_connection()

    assert is_given_back(used)
    assert execute("SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()") == [(1,)]
    other.close()
