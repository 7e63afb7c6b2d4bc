"""Somebody changes a captured table by hand: users go on writing, nothing is lost, and it is noticed."""

from __future__ import annotations

import json

import pytest
from django.db import DatabaseError, connection, transaction

from synchro_triggers import synchronize
from synchro_triggers.capture.install import compare, install
from synchro_triggers.exceptions import Refused
from synchro_triggers.models import ChangeLog
from tests.databases import both
from tests.testapp.models import Item, Tag

pytestmark = both

DROP = "ALTER TABLE testapp_item DROP COLUMN cash"
RENAME = "ALTER TABLE testapp_item RENAME COLUMN cash TO money"


@pytest.fixture
def item():
    item = Item.objects.create(name="a")
    execute("UPDATE testapp_item SET cash = 1")  # the session has planned the functions
    ChangeLog.objects.all().delete()
    return item


def execute(sql: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(sql)


def logged() -> list[tuple[str, str]]:
    return list(ChangeLog.objects.order_by("id").values_list("operation", "object_pk"))


@pytest.mark.vendor("postgres")
@pytest.mark.parametrize("change", [DROP, RENAME])
def test_writes_go_on_and_are_logged_when_a_column_is_gone(item, change):
    execute("SET CONSTRAINTS ALL IMMEDIATE")
    execute(change)

    execute("UPDATE testapp_item SET name = 'b'")
    execute(f"UPDATE testapp_item SET id = {item.pk + 1}")
    execute(f"DELETE FROM testapp_item WHERE id = {item.pk + 1}")

    assert sorted(logged()) == sorted(
        [("U", f"{item.pk}"), ("D", f"{item.pk}"), ("I", f"{item.pk + 1}"), ("D", f"{item.pk + 1}")]
    )


@pytest.mark.vendor("postgres")
@pytest.mark.parametrize("change", [DROP, RENAME])
def test_check_and_runs_name_the_column_that_is_gone(item, change):
    execute("SET CONSTRAINTS ALL IMMEDIATE")
    execute(change)

    assert compare("default").describe() == [
        "testapp_item (testapp.Item): no column 'cash'",
        "testapp_item (testapp.Item): outdated",
    ]
    with pytest.raises(Refused, match="no column 'cash'"):
        synchronize()
    install("default")
    execute("UPDATE testapp_item SET name = 'b'")
    if change == RENAME:
        with pytest.raises(Refused, match=r"has no cash, and has money.*`manage.py migrate --database default`"):
            synchronize()
    else:
        assert [each.reason for each in synchronize().left_out] == [
            "'default' has no such column: run `manage.py migrate --database default`"
        ]


@pytest.mark.vendor("sqlite")
def test_sqlite_refuses_to_drop_a_column_that_triggers_name_and_writes_go_on(item):
    with pytest.raises(DatabaseError, match="cash"), transaction.atomic():
        execute(DROP)

    execute("UPDATE testapp_item SET name = 'b'")
    assert logged() == [("U", f"{item.pk}")]


@pytest.mark.vendor("sqlite")
def test_sqlite_renames_a_column_in_the_triggers_too_and_a_run_names_it(item):
    execute(RENAME)

    execute("UPDATE testapp_item SET money = 7")
    assert logged() == [("U", f"{item.pk}")]
    with pytest.raises(Refused, match="no column 'cash'"):
        synchronize()


@pytest.mark.vendor("postgres")
@pytest.mark.parametrize("delete", ["DELETE FROM testapp_tag", "TRUNCATE testapp_tag CASCADE"])
def test_deleted_row_is_logged_with_all_it_had_when_a_column_of_its_natural_key_is_gone(delete):
    Tag.objects.create(label="a")
    execute("SET CONSTRAINTS ALL IMMEDIATE")
    ChangeLog.objects.all().delete()
    execute("ALTER TABLE testapp_tag RENAME COLUMN label TO title")

    execute(delete)

    row = ChangeLog.objects.get(model_label="testapp.Tag")
    assert row.operation == "D" and json.loads(row.old_values)["title"] == "a"
