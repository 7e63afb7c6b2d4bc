"""Schema changes do not break: ``migrate`` works, loses no data migration's change, leaves fitting triggers.

A project of its own, ``shop_project``, is migrated by real ``manage.py`` processes on the databases of the test.
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from django.db import connection

from synchro_triggers.models import ChangeLog, Reference
from tests import processes
from tests.databases import both_committed

pytestmark = both_committed

PROJECT = Path(__file__).parent / "shop_project"


class Shop:
    """Runs ``manage.py`` of the project, with its code as it was before or after the change."""

    def __init__(self, env: dict[str, str]) -> None:
        self._env = env

    def run(self, *arguments: str, code: str = "before", fails: bool = False, **env: str) -> str:
        folders = (PROJECT / code, PROJECT, *os.environ.get("PYTHONPATH", "").split(os.pathsep))
        path = os.pathsep.join([*map(str, folders), self._env["PYTHONPATH"]])
        settings = {"DJANGO_SETTINGS_MODULE": "shop_settings", "PYTHONPATH": path}
        done = processes.run("-m", "django", *arguments, env={**self._env, **settings, **env})
        assert (done.returncode != 0) is fails, done.stdout + done.stderr
        return done.stdout + done.stderr


@pytest.fixture
def shop(process_env):
    shop = Shop(process_env)
    shop.run("migrate", "shop", "0001", "-v0")
    shop.run("synchro_install_triggers", "-v0")
    for code in "abcdef":
        execute(f"INSERT INTO shop_order (code, note, amount, legacy) VALUES ('{code}', '', 1, '')")
    execute("INSERT INTO shop_line (order_id, text) VALUES (1, '')")
    ChangeLog.objects.all().delete()
    return shop


def execute(sql: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(sql)


def logged(label: str) -> set[tuple[str, str]]:
    return set(ChangeLog.objects.filter(model_label=label).values_list("operation", "object_pk"))


def test_one_plan_of_every_operation_loses_no_change_and_leaves_fitting_triggers(shop):
    Reference.objects.using("remote").create(source="x", model_label="shop.Order", local_pk="1", remote_pk="1")
    Reference.objects.create(source="x", model_label="shop.Order", local_pk="1", remote_pk="1")

    shop.run("migrate", "-v0", code="after")

    orders = logged("shop.Purchase")
    assert {("U", "1"), ("I", "7"), ("U", "2"), ("D", "3"), ("U", "4"), ("U", "5")} <= orders
    assert not ChangeLog.objects.filter(model_label="shop.Order").exists()
    assert ("I", "1") in logged("shop.Label")
    assert ("I", "1") in logged("shop.Purchase_labels")
    assert ("U", "1") in logged("shop.Line")
    assert Reference.objects.get().model_label == "shop.Purchase"
    shop.run("synchro_install_triggers", "--check", code="after")
    ChangeLog.objects.all().delete()
    execute("UPDATE shop_purchase SET remark = 'x' WHERE id = 1")
    row = ChangeLog.objects.get()
    assert (row.model_label, row.changed_fields) == ("shop.Purchase", "remark")
    execute('DELETE FROM "Shop Lines"')
    assert logged("shop.Line") == {("D", "1")}

    shop.run("migrate", "shop", "0001", "-v0")

    assert not ChangeLog.objects.filter(model_label="shop.Purchase").exists()
    shop.run("synchro_install_triggers", "--check")
    ChangeLog.objects.all().delete()
    execute("UPDATE shop_order SET legacy = 'x' WHERE id = 1")
    assert logged("shop.Order") == {("U", "1")}


def test_plan_that_fails_half_way_loses_nothing_and_the_next_one_completes_the_job(shop):
    output = shop.run("migrate", "-v0", fails=True, SHOP_MIGRATIONS="failing_migrations")

    assert "fails on purpose" in output
    assert ("U", "1") in logged("shop.Order")
    execute("UPDATE shop_order SET amount = 77 WHERE id = 2")
    assert ("U", "2") in logged("shop.Order")
    shop.run("synchro_install_triggers", "--check", fails=True)
    shop.run("migrate", "shop", "0001", "-v0", SHOP_MIGRATIONS="failing_migrations")
    shop.run("synchro_install_triggers", "--check")


def test_faked_migration_leaves_triggers_that_work(shop):
    """The models have a column then that the database has not."""
    shop.run("migrate", "shop", "0002", "--fake", "-v0", code="faked")

    execute("UPDATE shop_order SET amount = 5 WHERE id = 1")
    execute("DELETE FROM shop_order WHERE id = 2")

    assert logged("shop.Order") == {("U", "1"), ("D", "2")}
    shop.run("migrate", "shop", "0001", "--fake", "-v0")


def test_backwards_past_this_app_removes_the_triggers_first(shop):
    shop.run("migrate", "synchro_triggers", "zero", "-v0")

    execute("UPDATE shop_order SET amount = 5 WHERE id = 1")
    assert "synchro_triggers_changelog" not in connection.introspection.table_names()
    shop.run("migrate", "synchro_triggers", "-v0")


def test_database_without_triggers_is_left_alone(shop):
    shop.run("synchro_install_triggers", "--uninstall", "-v0")

    shop.run("migrate", "-v0", code="after")

    shop.run("synchro_install_triggers", "--check", code="after", fails=True)
    shop.run("migrate", "shop", "0001", "-v0")
