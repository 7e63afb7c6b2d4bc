"""Three databases that synchronise to one another, each in turn as LOCAL, as its own project has it.

LOCAL is always the alias ``default``. So a run at a node points ``default`` at its database; the remote has the alias
of its own name, under which a node is reached between runs too.
"""

from __future__ import annotations

import datetime
import json
import os
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from django.db import connections
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models import Max, Model, QuerySet
from django.test import override_settings

from synchro_triggers import Remark, SyncReport, counterparts, synchro_paused, synchronize
from synchro_triggers.capture.install import install
from synchro_triggers.conf import replaying_from
from synchro_triggers.models import (
    ChangeLog,
    Checkpoint,
    Failure,
    Introduction,
    Knowledge,
    MetNode,
    Reference,
    Window,
)
from synchro_triggers.replay.choices import Choices
from synchro_triggers.replay.readiness import require_ready_triggers
from synchro_triggers.replay.run import Run
from synchro_triggers.replay.state.node import node_id
from synchro_triggers.replay.write.exits import apart_from_a_run
from tests import processes
from tests.conftest import ROOT
from tests.databases import Databases, Vendor
from tests.managing import Done, in_process

NAMES = ("a", "b", "c")
STAR = (("a", "b"), ("b", "a"), ("b", "c"), ("c", "b"))
"""Pairs of a star whose hub is ``b``; in this order one round of it brings what A has to C."""

MESH = (*STAR, ("a", "c"), ("c", "a"))
RING = (("a", "b"), ("b", "c"), ("c", "a"))

TOPOLOGIES = {"star": STAR, "mesh": MESH, "ring": RING}


@dataclass(frozen=True)
class Trio:
    """The vendors of three nodes."""

    name: str
    vendors: tuple[Vendor, Vendor, Vendor]

    @property
    def needs_postgres(self) -> bool:
        return "postgres" in self.vendors


TRIOS = {
    trio.name: trio
    for trio in (
        Trio("sqlite", ("sqlite", "sqlite", "sqlite")),
        Trio("postgres", ("postgres", "postgres", "postgres")),
        Trio("mixed", ("sqlite", "postgres", "sqlite")),
    )
}


class Nodes:
    """Three nodes; an alias of each one's name leads to it.

    Example:
        ``nodes.run("a", "b")`` is ``manage.py synchronize`` at A, whose remote is B.
    """

    def __init__(self, settings: dict[str, dict[str, Any]]) -> None:
        self._settings = settings
        self._lists: dict[str, tuple[str, ...]] = {}
        self._set_aside: dict[str, BaseDatabaseWrapper] = {}

    def list_models(self, name: str, *labels: str, install_triggers: bool = True) -> None:
        """Let a node's project have another ``SYNCHRO_MODELS`` from now on; without labels, that of all again."""
        self._lists.pop(name, None)
        if labels:
            self._lists[name] = labels
        if install_triggers:
            with self.turn_of(name):
                install("default")

    @contextmanager
    def turn_of(self, local: str, *remotes: str) -> Iterator[None]:
        """Let ``default`` be one node, whose project has others as its remotes.

        Its connection is set aside between its turns: SQLite reads all of a schema for each new one, which takes as
        long as half a run.
        """
        _forget("default")
        connections.settings["default"] = self._settings[local]
        if local in self._set_aside:
            connections["default"] = self._set_aside.pop(local)
        try:
            models = {"SYNCHRO_MODELS": self._lists[local]} if local in self._lists else {}
            with override_settings(SYNCHRO_REMOTE=remotes, **models):
                yield
        finally:
            self._set_default_aside(local)

    def _set_default_aside(self, name: str) -> None:
        """Keep the connection for the next turn of its node, unless a test has left it other than a run does."""
        connection = connections["default"]
        clean = not connection.in_atomic_block and connection.settings_dict is self._settings[name]
        if connection.connection is None or not clean:
            _forget("default")
            return
        del connections["default"]
        self._set_aside[name] = connection

    def close(self) -> None:
        """Close what was set aside."""
        for connection in self._set_aside.values():
            connection.close()
        self._set_aside.clear()

    def pull(self, local: str, remote: str) -> SyncReport:
        """Synchronise one node to another from the side of that one: it fetches."""
        with self.turn_of(remote, local):
            return synchronize(pull=True)

    def go(self, local: str, remote: str) -> SyncReport:
        """Synchronise one node to another without making ``default`` one of them, which is faster."""
        with replaying_from(local), override_settings(SYNCHRO_REMOTE=remote), apart_from_a_run():
            require_ready_triggers([remote])
            return Run(remote, Choices()).perform()

    def run(self, local: str, remote: str, **options: Any) -> SyncReport:
        """Synchronise one node to another."""
        with self.turn_of(local, remote):
            return synchronize(**options)

    def command(self, local: str, remote: str, *arguments: str) -> Done:
        """Do what ``manage.py`` does at a node whose remote is another."""
        with self.turn_of(local, remote):
            return in_process(*arguments)

    def start(self, local: str, remote: str, **settings: Any) -> subprocess.Popen[str]:
        """Start ``manage.py synchronize`` at a node in a process of its own."""
        return processes.start("-m", "django", "synchronize", "--verbosity=0", env=self.env(local, remote, **settings))

    def env(self, local: str, remote: str, **settings: Any) -> dict[str, str]:
        """Return the environment of a process of a node's project, whose remote is another."""
        databases = {"default": self._settings[local], remote: self._settings[remote]}
        return {
            **os.environ,
            "PYTHONPATH": os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH")])),
            "DJANGO_SETTINGS_MODULE": "tests.process_settings",
            "SYNCHRO_TEST_DATABASES": json.dumps(databases, default=str),
            "SYNCHRO_TEST_SETTINGS": json.dumps({"SYNCHRO_REMOTE": remote, **settings}),
        }

    def import_anew(self, source: str, name: str, *models: type[Model]) -> None:
        """Let a node have the rows of another one, under their keys, and be a node of its own from now on."""
        with self.turn_of(name), synchro_paused(using="default"):
            for model in models:
                QuerySet(model, using="default").all().delete()
                QuerySet(model, using="default").bulk_create(list(self.rows(source, model)))
            for own in (Reference, Introduction, Checkpoint, Failure, Knowledge, ChangeLog, MetNode, Window):
                own.objects.using("default").all().delete()
            assert in_process("synchro_reset", "--new-identity", "--noinput").returncode == 0

    @contextmanager
    def clock_of(self, name: str, ahead: datetime.timedelta) -> Iterator[None]:
        """Let what users change in a block be logged by a clock that is ahead, or behind."""
        before = ChangeLog.objects.using(name).aggregate(last=Max("id"))["last"] or 0
        yield
        for row in ChangeLog.objects.using(name).filter(id__gt=before, origin=""):
            ChangeLog.objects.using(name).filter(pk=row.pk).update(logged_at=row.logged_at + ahead)

    def rounds(self, pairs: Sequence[tuple[str, str]], number: int = 3) -> list[Remark]:
        """Synchronise all pairs, several times, up to a round in which nothing happens; return what was told."""
        told: list[Remark] = []
        for _ in range(number):
            reports = [self._without_failures(pair) for pair in pairs]
            told += [remark for report in reports for remark in report.remarks]
            if not any(report.changed or report.remarks for report in reports):
                break
        return told

    def _without_failures(self, pair: tuple[str, str]) -> SyncReport:
        report = self.run(*pair)
        assert not report.failures, (pair, report.failures)
        return report

    def assert_at_rest(self, pairs: Sequence[tuple[str, str]]) -> None:
        """A further round writes nothing anywhere."""
        before = {name: self.logged(name) for name in NAMES}
        for pair in pairs:
            report = self.run(*pair)
            assert not report.changed, (pair, str(report.as_dict()))
        assert {name: self.logged(name) for name in NAMES} == before

    def logged(self, name: str) -> int:
        return ChangeLog.objects.using(name).count()

    def rows(self, name: str, model: type[Model]) -> QuerySet[Any]:
        return QuerySet(model, using=name)

    def all(self, model: type[Model], *fields: str) -> list[list[Any]]:
        """Return what each node has of a model, in the order of the values."""
        flat = len(fields) == 1
        return [sorted(self.rows(name, model).values_list(*fields, flat=flat)) for name in NAMES]

    def identity(self, name: str) -> str:
        return node_id(name)

    def counterparts(self, local: str, remote: str, model: type[Model]) -> dict[Any, Any]:
        with self.turn_of(local, remote):
            return counterparts(model, [row.pk for row in QuerySet(model, using="default")])


def _forget(*aliases: str) -> None:
    for alias in aliases:
        for connection in connections.all(initialized_only=True):
            if connection.alias == alias:
                connection.close()
                del connections[alias]


@contextmanager
def three_nodes(databases: Databases, trio: Trio) -> Iterator[Nodes]:
    """Make three databases, and remove them at the end."""
    made = [(vendor, databases.copy(vendor, f"node_{name}")) for name, vendor in zip(NAMES, trio.vendors, strict=True)]
    settings = {name: databases.settings(*each) for name, each in zip(NAMES, made, strict=True)}
    before = dict(connections.settings)
    try:
        _forget(*connections.settings)
        complete = connections.configure_settings({"default": dict(settings["a"]), **settings})
        connections.settings.clear()
        connections.settings.update(complete)
        nodes = Nodes({name: connections.settings[name] for name in NAMES})
        try:
            yield nodes
        finally:
            nodes.close()
    finally:
        _forget(*connections.settings)
        connections.settings.clear()
        connections.settings.update(before)
        for each in made:
            databases.remove(*each)


def as_json(done: Done) -> Any:
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)
