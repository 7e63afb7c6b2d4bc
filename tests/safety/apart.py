"""An app on two databases that are migrated one after the other, by real migrations."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from django.apps import apps
from django.db import connections, migrations, models

from synchro_triggers import synchronize
from synchro_triggers.capture import install
from synchro_triggers.replay.schema import shape
from tests.capture.changing_app import ChangingApp

LOCAL, REMOTE = "default", "remote"


def model(name: str = "Thing") -> Any:
    return apps.get_model("migapp", name)


def on(alias: str, name: str = "Thing") -> Any:
    return model(name)._base_manager.using(alias)


def execute(alias: str, sql: str, *params: Any) -> Any:
    with connections[alias].cursor() as cursor:
        cursor.execute(sql, params)
        return cursor.fetchall() if cursor.description else None


class Apart:
    """The app on two databases, which are migrated one after the other."""

    def __init__(self, folder: Path) -> None:
        self.here, self.there = ChangingApp(LOCAL, folder), ChangingApp(REMOTE, folder)

    def code(self, name: str) -> None:
        """Let the code be what it is after a migration."""
        self.here.load_models(name)
        shape._models.clear()

    def begin(self) -> None:
        self.here.add_migration(
            migrations.CreateModel(
                "Thing",
                [
                    ("id", models.BigAutoField(primary_key=True)),
                    ("name", models.CharField(max_length=20)),
                    ("cash", models.IntegerField(null=True)),
                    ("weight", models.IntegerField()),
                ],
            ),
            migrations.CreateModel(
                "Old", [("id", models.BigAutoField(primary_key=True)), ("name", models.CharField(max_length=20))]
            ),
        )
        self.begin_with("0001")
        for number in range(4):
            on(LOCAL).create(name=f"thing {number}", cash=number, weight=number)
        on(LOCAL, "Old").create(name="old")
        synchronize(both=True)

    def begin_with(self, migration: str) -> None:
        """Let both sides and the code be what they are after a migration, with triggers."""
        for each in (self.here, self.there):
            each.migrate(migration)
            install.install(each.alias)
        self.code(f"{migration}_step")

    def migrate(self, alias: str) -> None:
        """Migrate one side, by a process with the code for that."""
        (self.here if alias == LOCAL else self.there).migrate("0002")
        shape._models.clear()
