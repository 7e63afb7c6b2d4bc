"""A project that is running: its models, its two databases, and what has been done to them."""

from __future__ import annotations

import importlib.util
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType
from typing import Any

from django.apps import apps
from django.contrib.contenttypes.models import ContentType
from django.core.management import call_command
from django.core.management.sql import emit_post_migrate_signal
from django.db import connections
from django.db.models import Model, signals
from django.test import override_settings

from tests.databases import Databases, Vendor
from tests.shapefuzz.plans import Project, module_of
from tests.shapefuzz.remote_triggers import create_trigger

LABEL = "shapefuzz"
ALIASES = ("default", "remote")
APPS = ["django.contrib.contenttypes", "synchro_triggers", "tests.shapefuzz"]
SIGNALS = (signals.pre_save, signals.post_save, signals.pre_delete, signals.post_delete, signals.m2m_changed)


class World:
    """Two databases of a project, for one story.

    Attributes:
        project: the plan.
        models: its models, without proxies.
        count: how many objects were ever made: their marks are unique.
        folder: a place for backups.
        freed: keys whose rows were deleted on LOCAL, by model.
        troubled: why an object may fail, other than by a fault of the package's.
        refusal: why the next run may be refused.
    """

    def __init__(self, project: Project, databases: Databases, folder: Path, names: dict[str, str]) -> None:
        self.project, self.databases, self.folder = project, databases, folder
        self.vendors: dict[str, Vendor] = {"default": project.local, "remote": project.remote}
        self.names = names
        self.count = 0
        self.freed: dict[type[Model], list[Any]] = {}
        self.troubled: set[str] = {f"a trigger on {each.model}" for each in project.triggers}
        if any("refuse(" in each for each in project.receivers):
            self.troubled.add("a receiver that refuses")
        if any("is_skipped(" in line for each in project.models for line in each.lines):
            self.troubled.add("a save() that writes nothing")
        self.refusal: set[str] = set()
        self.backups: list[Any] = []
        self.blurred: set[str] = set()

    @property
    def models(self) -> list[type[Model]]:
        return [model for model in apps.get_app_config(LABEL).get_models() if not model._meta.proxy]

    @property
    def written(self) -> list[type[Model]]:
        """The models whose rows a story makes: one for each table."""
        return [model for model in self.models if model._meta.managed]

    @property
    def kept_keys(self) -> list[str]:
        options = dict(self.project.settings).get("SYNCHRO_OPTIONS", {})
        return [label for label, each in options.items() if each.get("identity") == "pk"]

    @property
    def natural_keys(self) -> list[str]:
        options = dict(self.project.settings).get("SYNCHRO_OPTIONS", {})
        return [label for label, each in options.items() if "natural_key" in each]

    def new_mark(self, alias: str) -> str:
        self.count += 1
        return f"{'o' if alias == 'default' else 'R'}{self.count}"

    def logs(self, alias: str) -> bool:
        return alias == "default" or self.project.logs_on_remote

    def settings_of(self, alias: str) -> dict[str, Any]:
        found = self.databases.settings(self.vendors[alias], self.names[alias])
        zone = dict(self.project.zones).get(alias)
        if zone and dict(self.project.settings).get("USE_TZ", True):
            found["TIME_ZONE"] = zone
        return found

    def reconnect(self, *aliases: str, **changes: Any) -> None:
        """Let aliases lead to the databases by their present names."""
        for alias in aliases or ALIASES:
            if alias in connections.settings:
                connections[alias].close()
                del connections[alias]
            settings = {**self.settings_of(alias), **changes}
            connections.settings[alias] = connections.configure_settings({"default": settings})["default"]
        ContentType.objects.clear_cache()

    def close(self) -> None:
        """Drop the databases."""
        for alias in ALIASES:
            connections[alias].close()
        for alias in ALIASES:
            self.databases.remove(self.vendors[alias], self.names[alias])
        shutil.rmtree(self.folder, ignore_errors=True)


# Models -------------------------------------------------------------------------------------------


@contextmanager
def models_of(project: Project, folder: Path) -> Iterator[ModuleType]:
    """Write a project's source into a file, and import it, for a block."""
    name = module_of(project.seed)
    file = folder / f"{name}.py"
    file.write_text(project.source())
    before = [(signal, {receiver[0] for receiver in signal.receivers}) for signal in SIGNALS]
    _forget_models()
    spec = importlib.util.spec_from_file_location(name, file)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    try:
        spec.loader.exec_module(module)
        apps.clear_cache()
        yield module
    finally:
        del sys.modules[name]
        for signal, there in before:  # others may have come or gone meanwhile
            signal.receivers = [receiver for receiver in signal.receivers if receiver[0] in there]
            signal.sender_receivers_cache.clear()
        _forget_models()


def _forget_models() -> None:
    apps.all_models[LABEL].clear()
    apps.clear_cache()
    ContentType.objects.clear_cache()


@contextmanager
def settings_of(project: Project) -> Iterator[None]:
    """Set what a project has in its settings."""
    chosen = {
        "INSTALLED_APPS": APPS,
        "SYNCHRO_REMOTE": "remote",
        "SYNCHRO_MODELS": (LABEL,),
        **dict(project.settings),
    }
    with override_settings(**chosen):
        yield


# Databases ----------------------------------------------------------------------------------------


def make_databases(project: Project, databases: Databases, purpose: str) -> dict[str, str]:
    """Make both databases of a project, with tables, triggers and an identity; return their names."""
    vendors: dict[str, Vendor] = {"default": project.local, "remote": project.remote}
    return {alias: databases.copy(vendors[alias], f"{alias}_{purpose}", "package") for alias in ALIASES}


def furnish(world: World) -> None:
    """Make tables and triggers in new databases."""
    for alias in ALIASES:
        with connections[alias].schema_editor() as editor:
            editor.create_model(ContentType)
            for model in world.written:
                editor.create_model(model)
        emit_post_migrate_signal(verbosity=0, interactive=False, db=alias)
        if world.logs(alias):
            call_command("synchro_install_triggers", "--database", alias, verbosity=0)
    for trigger in world.project.triggers:
        create_trigger(world, trigger)


@contextmanager
def opened(project: Project, databases: Databases, folder: Path) -> Iterator[World]:
    """Let a project be there for a block: settings, models, and new databases."""
    with settings_of(project), models_of(project, folder):
        world = World(project, databases, folder / "files", make_databases(project, databases, "fuzz"))
        try:
            world.reconnect()
            furnish(world)
            yield world
        finally:
            world.close()
