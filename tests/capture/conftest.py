"""A database of its own for tests that change schemas, triggers or settings, or that commit.

It is a copy of one with nothing but this package's tables, so there is nothing to undo and little to flush.
"""

from __future__ import annotations

import copy
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command
from django.db import connections
from django.test import override_settings
from pytest_django import DjangoDbBlocker

from tests.capture.changing_app import ChangingApp, forget_models
from tests.databases import Pair

TEMPLATE = "template"
OWN = "own"


@pytest.fixture(scope="session")
def template_database(
    vendor: Pair, django_db_blocker: DjangoDbBlocker, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[str]:
    """The name of a database of the local vendor with this package's tables."""
    name = str(tmp_path_factory.mktemp("template") / "template.sqlite3")
    if vendor.local == "postgres":
        name = "test_synchro_template"
        with django_db_blocker.unblock():
            _run_on_server("DROP DATABASE IF EXISTS test_synchro_template", "CREATE DATABASE test_synchro_template")
    with django_db_blocker.unblock():
        _add_alias(TEMPLATE, name)
        with override_settings(INSTALLED_APPS=["synchro_triggers"], SYNCHRO_MODELS=()):
            call_command("migrate", "synchro_triggers", database=TEMPLATE, verbosity=0)
        _remove_alias(TEMPLATE)

    yield name

    if vendor.local == "postgres":
        with django_db_blocker.unblock():
            _run_on_server("DROP DATABASE test_synchro_template WITH (FORCE)")


@pytest.fixture
def own(vendor: Pair, template_database: str, tmp_path: Path, django_db_blocker: DjangoDbBlocker) -> Iterator[str]:
    """An alias whose database belongs to this test: nothing in it but the ``synchro_*`` tables, committed for real.

    Not for tests with the mark ``django_db``: Django forbids them every alias that was not there at the beginning.
    """
    with django_db_blocker.unblock():
        yield from _own_database(vendor, template_database, tmp_path)


def _own_database(vendor: Pair, template_database: str, tmp_path: Path) -> Iterator[str]:
    name = str(tmp_path / "own.sqlite3")
    if vendor.local == "postgres":
        name = "test_synchro_own"
        _run_on_server(
            "DROP DATABASE IF EXISTS test_synchro_own WITH (FORCE)",
            "CREATE DATABASE test_synchro_own TEMPLATE test_synchro_template",
        )
    else:
        shutil.copy(template_database, name)
    _add_alias(OWN, name)

    yield OWN

    _remove_alias(OWN)
    if vendor.local == "postgres":
        _run_on_server("DROP DATABASE test_synchro_own WITH (FORCE)")


def _add_alias(alias: str, name: str) -> None:
    connections.settings[alias] = {**copy.deepcopy(connections["default"].settings_dict), "NAME": name}


def _remove_alias(alias: str) -> None:
    connections[alias].close()
    del connections[alias]
    del connections.settings[alias]


def _run_on_server(*statements: str) -> None:
    """Run statements that PostgreSQL accepts outside transactions only."""
    import psycopg

    parameters: dict[str, Any] = connections["default"].get_connection_params()
    wanted = {key: parameters[key] for key in ("dbname", "user", "password", "host", "port") if parameters.get(key)}
    with psycopg.connect(**wanted, autocommit=True) as connection:
        for statement in statements:
            connection.execute(statement)


@pytest.fixture
def app(own: str, settings: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[ChangingApp]:
    """An app whose models and migrations the test makes; everything of it is captured."""
    folder = tmp_path / "changing_migrations"
    folder.mkdir()
    (folder / "__init__.py").touch()
    monkeypatch.syspath_prepend(tmp_path)
    settings.SYNCHRO_MODELS = ("migapp",)
    settings.MIGRATION_MODULES = {"migapp": folder.name}
    settings.INSTALLED_APPS = ["synchro_triggers", "tests.migapp"]

    yield ChangingApp(own, folder)

    forget_models()
    for name in [name for name in sys.modules if name.partition(".")[0] == folder.name]:
        del sys.modules[name]
