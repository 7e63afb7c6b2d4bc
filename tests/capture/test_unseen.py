"""``--check`` says what capture cannot see, and that is no fault: it exits with 0."""

from __future__ import annotations

from io import StringIO

import pytest
from django.core.management import call_command
from django.db import connection

from tests.databases import both

pytestmark = [both, pytest.mark.vendor("postgres")]


def execute(sql: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(sql)


def notes() -> list[str]:
    output = StringIO()
    call_command("synchro_install_triggers", "--check", stdout=output)
    heading, *lines = output.getvalue().splitlines()
    assert heading == "default: triggers fit."
    return [line.strip() for line in lines]


def test_nothing_is_said_where_everything_is_seen():
    assert notes() == []


def test_unlogged_table_is_named():
    execute("SET CONSTRAINTS ALL IMMEDIATE")
    execute("ALTER TABLE testapp_item SET UNLOGGED")

    (note,) = notes()
    assert note.startswith("note: testapp_item (testapp.Item): unlogged")


def test_inheriting_table_is_named():
    execute("CREATE TABLE kept_items () INHERITS (testapp_item)")

    (note,) = notes()
    assert note.startswith("note: testapp_item (testapp.Item): inherited by kept_items")


def test_role_for_which_triggers_do_not_fire_is_named():
    execute("CREATE ROLE loader")
    execute("ALTER ROLE loader SET session_replication_role = replica")
    execute("CREATE ROLE harmless")
    execute("ALTER ROLE harmless SET session_replication_role = origin")

    (note,) = notes()
    assert (
        note == "note: session_replication_role is replica for role loader: no trigger fires there for what it writes"
    )


def test_session_for_which_triggers_do_not_fire_is_named():
    execute("SET LOCAL session_replication_role = replica")

    (note,) = notes()
    assert "this session" in note


def test_subscription_is_named_unless_what_it_applies_is_logged():
    execute(
        "CREATE SUBSCRIPTION news CONNECTION 'dbname=nowhere' PUBLICATION p WITH (connect = false, slot_name = NONE)"
    )

    (note,) = notes()
    assert "subscription news" in note
    call_command("synchro_install_triggers", "--replicated", stdout=StringIO())
    assert notes() == []
