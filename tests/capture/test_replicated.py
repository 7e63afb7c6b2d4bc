"""``--replicated``: what logical replication applies is logged, once, and nothing else changes."""

from __future__ import annotations

from io import StringIO

import pytest
from django.core.management import CommandError, call_command
from django.db import connection

from synchro_triggers.capture.install import compare, install, uninstall
from synchro_triggers.capture.trigger import trigger_name
from synchro_triggers.models import ChangeLog
from tests.databases import both

pytestmark = [both, pytest.mark.vendor("postgres")]


def execute(sql: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(sql)


def write() -> list[tuple[str, str]]:
    """Write an item's life; return what was logged of it."""
    ChangeLog.objects.all().delete()
    execute("INSERT INTO testapp_item (id, name, cash) VALUES (1, 'a', 0), (2, 'b', 0)")
    execute("UPDATE testapp_item SET cash = 1 WHERE id = 1")
    execute("UPDATE testapp_item SET id = 3 WHERE id = 1")
    execute("DELETE FROM testapp_item WHERE id = 3")
    execute("SET CONSTRAINTS ALL IMMEDIATE")
    execute("TRUNCATE testapp_item CASCADE")
    rows = ChangeLog.objects.filter(model_label="testapp.Item").order_by("id")
    return list(rows.values_list("operation", "object_pk", "changed_fields"))


LIFE = [
    ("I", "1", ""),
    ("I", "2", ""),
    ("U", "1", "cash"),
    ("D", "1", ""),
    ("D", "3", ""),
    ("D", "2", ""),
    ("I", "3", ""),
]


@pytest.fixture
def replica():
    """A session like that of logical replication, which fires what is for replicas, but statement by statement."""
    execute("SET LOCAL session_replication_role = replica")


@pytest.fixture
def replicated():
    install("default", replicated=True)


def test_what_is_replicated_is_not_seen_without_the_option(replica):
    assert write() == []


def test_what_is_replicated_is_logged_once(replicated, replica):
    assert sorted(write()) == sorted(LIFE)


def test_what_users_write_is_logged_once(replicated):
    assert sorted(write()) == sorted(LIFE)


def test_option_is_demanded_by_check_only_where_it_is_given_and_stays_once_installed():
    with pytest.raises(CommandError):
        call_command("synchro_install_triggers", "--check", "--replicated", stdout=StringIO())
    call_command("synchro_install_triggers", "--replicated", stdout=StringIO())

    call_command("synchro_install_triggers", "--check", "--replicated", stdout=StringIO())
    call_command("synchro_install_triggers", "--check", stdout=StringIO())
    install("default")
    call_command("migrate", "auth", verbosity=0)
    assert compare("default", replicated=True).fits
    uninstall("default")
    install("default")
    assert not compare("default", replicated=True).fits


def test_triggers_that_somebody_lets_fire_always_fit():
    with connection.cursor() as cursor:
        cursor.execute("SELECT tgname FROM pg_trigger WHERE tgrelid = 'testapp_item'::regclass AND NOT tgisinternal")
        names = [name for (name,) in cursor.fetchall()]
    for name in names:
        execute(f"ALTER TABLE testapp_item ENABLE ALWAYS TRIGGER {name}")

    assert names and compare("default").fits


@pytest.mark.parametrize("mode", ["DISABLE", "ENABLE REPLICA"])
def test_triggers_that_do_not_fire_for_users_do_not_fit(mode):
    execute(f"ALTER TABLE testapp_item {mode} TRIGGER {trigger_name('testapp.Item', 'upd')}")

    assert compare("default").describe() == ["testapp_item (testapp.Item): outdated"]


def test_triggers_for_replicas_that_were_enabled_for_everybody_else_do_not_fit(replicated):
    execute("ALTER TABLE testapp_item ENABLE TRIGGER USER")

    assert compare("default").describe() == ["testapp_item (testapp.Item): outdated"]


def test_rows_that_are_replicated_into_a_partition_are_logged(settings):
    settings.SYNCHRO_MODELS = (*settings.SYNCHRO_MODELS, "oddapp.Reading")
    execute(
        "CREATE TABLE oddapp_reading (id integer, day integer, state text, PRIMARY KEY (id, day))"
        " PARTITION BY RANGE (day)"
    )
    execute("CREATE TABLE early PARTITION OF oddapp_reading FOR VALUES FROM (0) TO (10)")
    install("default", replicated=True)
    execute("SET LOCAL session_replication_role = replica")

    execute("INSERT INTO early VALUES (1, 1, 'a')")
    execute("UPDATE oddapp_reading SET state = 'b'")

    rows = ChangeLog.objects.filter(model_label="oddapp.Reading").order_by("id")
    assert list(rows.values_list("operation", "object_pk")) == [("I", "[1, 1]"), ("U", "[1, 1]")]
