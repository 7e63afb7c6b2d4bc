"""MariaDB's databases of a test run: made by a script of the template's tables, for the server cannot copy one."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing
from functools import cache
from typing import Any

from django.apps import apps
from django.db import connections
from django.db.models import AutoField, BigAutoField

from tests.mariadb_server import MariaDBServer

#: As most servers have it: case, accents and trailing spaces do not tell texts from one another.
COLLATION = "utf8mb4_general_ci"

#: ``ER_NO_SUCH_THREAD``
_UNKNOWN_THREAD = 1094

ROUTER = "tests.mariadb_databases.Makeable"

#: Bytes that an index may have, and those of a character.
_INDEX_BYTES, _CHARACTER_BYTES = 3072, 4


class Makeable:
    """A router that leaves out, of the test project, the tables that MariaDB cannot have."""

    def allow_migrate(self, db: str, app_label: str, model_name: str | None = None, **hints: Any) -> bool | None:
        if model_name is None:
            return None
        return False if f"{app_label}.{model_name}".lower() in not_makeable() else None


@cache
def not_makeable() -> frozenset[str]:
    """Return the models whose tables MariaDB cannot have: an index on a text of any length, or on too long a one."""
    models: list[Any] = apps.get_models(include_auto_created=True)
    without = {model for model in models if any(map(_is_too_long, _indexes(model)))}
    found = -1
    while len(without) > found:  # nor those of what points to them
        found = len(without)
        without |= {model for model in models if not without.isdisjoint(_pointed_to(model))}
    return frozenset(model._meta.label_lower for model in without)


def _pointed_to(model: Any) -> set[Any]:
    targets = {field.remote_field.model for field in model._meta.local_fields if field.remote_field}
    return targets | {field.remote_field.through for field in model._meta.local_many_to_many}


def _indexes(model: Any) -> list[list[Any]]:
    """Return the fields of each index of a model's table."""
    options = model._meta
    local = {field.name: field for field in options.local_concrete_fields}
    groups = [
        *options.unique_together,
        *(each.fields for each in (*options.indexes, *options.total_unique_constraints)),
        *([[field.name for field in options.pk_fields]] if len(options.pk_fields) > 1 else []),
    ]
    single = [[field] for field in local.values() if field.unique or field.db_index]
    return single + [[local[name] for name in names if name in local] for names in groups]


def _is_too_long(fields: list[Any]) -> bool:
    if any(field.get_internal_type() in {"TextField", "JSONField", "BinaryField"} for field in fields):
        return True
    return sum((field.max_length or 0) * _CHARACTER_BYTES for field in fields) > _INDEX_BYTES


def move_keys_on(alias: str) -> None:
    """Let automatic keys start far from those of other databases; a test cannot do it without a commit."""
    from tests.shapes.sides import FIRST_REMOTE_KEY

    connection = connections[alias]
    there = connection.introspection.table_names()
    with connection.cursor() as cursor:
        for label in ("testapp", "shapeapp"):
            for number, model in enumerate(apps.get_app_config(label).get_models()):
                automatic = isinstance(model._meta.pk, (AutoField, BigAutoField)) and not model._meta.proxy
                if automatic and model._meta.db_table in there:
                    table = connection.ops.quote_name(model._meta.db_table)
                    cursor.execute(f"ALTER TABLE {table} AUTO_INCREMENT = {FIRST_REMOTE_KEY + 1000 * number}")


class MariaDBCopies:
    """Makes and removes databases on a server.

    Args:
        server: gives the server; called when it is needed.
    """

    def __init__(self, server: Callable[[], MariaDBServer]) -> None:
        self._server = server
        self._scripts: dict[str, list[str]] = {}

    def settings(self, name: str) -> dict[str, Any]:
        """Return the settings of an alias for one of these databases."""
        server = self._server()
        return {
            "ENGINE": "django.db.backends.mysql",
            "NAME": name,
            "USER": server.user,
            "HOST": server.socket,
            "OPTIONS": {"charset": "utf8mb4"},
        }

    def create(self, name: str) -> None:
        """Make an empty database; one of that name is replaced."""
        self.remove(name)
        self._run(f"CREATE DATABASE `{name}` CHARACTER SET utf8mb4 COLLATE {COLLATION}")

    def remove(self, name: str) -> None:
        """Remove a database, and whoever is connected to it."""
        with closing(self._server().connect()) as connection, closing(connection.cursor()) as cursor:
            cursor.execute("SELECT id FROM information_schema.processlist WHERE db = %s", [name])
            for (number,) in cursor.fetchall():
                _end(cursor, number)
            cursor.execute(f"DROP DATABASE IF EXISTS `{name}`")

    def copy(self, template: str, name: str) -> None:
        """Make a database with the tables and rows of another one."""
        if template not in self._scripts:
            self._scripts[template] = self._script(template)
        self.create(name)
        self._run(f"USE `{name}`", "SET foreign_key_checks = 0", *self._scripts[template])

    def _script(self, template: str) -> list[str]:
        statements = []
        with closing(self._server().connect(template)) as connection, closing(connection.cursor()) as cursor:
            cursor.execute("SHOW FULL TABLES WHERE table_type = 'BASE TABLE'")
            tables = [table for table, _ in cursor.fetchall()]
            for table in tables:
                cursor.execute(f"SHOW CREATE TABLE `{table}`")
                statements.append(cursor.fetchone()[1])
            for table in tables:
                cursor.execute(f"SELECT EXISTS (SELECT 1 FROM `{table}`)")
                if cursor.fetchone()[0]:
                    statements.append(f"INSERT INTO `{table}` SELECT * FROM `{template}`.`{table}`")
        return statements

    def _run(self, *statements: str) -> None:
        with closing(self._server().connect()) as connection, closing(connection.cursor()) as cursor:
            for statement in statements:
                cursor.execute(statement)


def _end(cursor: Any, number: int) -> None:
    """End somebody's connection, who may have gone by himself since he was seen."""
    import MySQLdb

    try:
        cursor.execute(f"KILL {number}")
    except MySQLdb.OperationalError as error:
        if error.args[0] != _UNKNOWN_THREAD:
            raise
