"""Comparing LOCAL with its remotes: what must be so before, and the way through the tables.

A comparison goes from here to ``going_through`` (a table from its beginning to its end), ``equal_rows`` (what is the
same, page by page), ``closer_look`` (what is not, value by value) and ``states`` (whether that is explained).
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from django.db.models import Model

from ...capture import install
from ...capture.own_tables import require_own_tables
from ...capture.schema import Schema
from ...capture.tables import is_of_links, labels_of
from ...conf import get_settings, local_alias, required_remotes
from ...exceptions import Refused, SynchroConfigurationError
from ...models import Checkpoint
from ...reaching import with_each
from ..log.users_changes import UsersChanges
from ..rows.selecting import rows_of
from ..rows.utc import times_in_utc
from ..schema.common_columns import CommonColumns, copied, fields_with
from ..schema.link_shapes import link_shape
from ..state.left_out import TABLE, require_left_out
from ..state.node import require_original, require_two_databases, require_two_nodes
from ..state.sight import require_sight
from .explained import Way, two_ways
from .going_through import GoingThrough, Table
from .links import Links
from .objects import Objects
from .repair import log_again
from .report import ComparisonReport, Finding
from .sides import Sides
from .tables import compared_table

#: Called with the rows of LOCAL that are done, and their total.
OnProgress = Callable[[int, int], None]


def compare(
    remote: str | None = None,
    *,
    models: Iterable[str] | None = None,
    repair: str | None = None,
    progress: OnProgress | None = None,
) -> ComparisonReport:
    """See ``synchro_triggers.compare``, which this is."""
    if repair not in {None, "local", "remote"}:
        raise SynchroConfigurationError(f"repair must be None, 'local' or 'remote', not {repair!r}.")
    install.require_capture(local_alias())
    remotes = required_remotes(remote, "compare with")
    labels = None if models is None else labels_of(models)
    started = time.monotonic()
    report = ComparisonReport(remotes=remotes, repair=repair or "")
    try:
        with_each(remotes, lambda alias: Comparison(alias, labels, report, progress).perform(), comparison=report)
    finally:
        report.seconds = time.monotonic() - started
    return report


class Comparison:
    """LOCAL against one remote.

    Columns and tables that one side does not have, or waits for the values of, are left out.

    Args:
        labels: only these models; ``None``: all that are captured.
        report: takes what is found.
        progress: told how far it has come.

    Raises:
        Refused: a database is a copy, hides rows, or lacks tables or columns.
        SynchroConfigurationError: what differs shall be logged on a remote that has no triggers.
    """

    def __init__(
        self, remote: str, labels: Sequence[str] | None, report: ComparisonReport, progress: OnProgress | None
    ) -> None:
        require_two_databases(remote)
        for alias in (local_alias(), remote):
            require_own_tables(alias)
        require_original(local_alias())
        source, target = require_two_nodes(remote)
        for alias in (local_alias(), remote):
            require_sight(alias)
        models = install.captured_models_on(local_alias())
        self._models = [model for model in models if labels is None or model._meta.label in labels]
        self._columns = _common_columns(remote, self._models)
        self._on_their_way, late = _on_their_way(remote, source, target)
        absent = {*late, *(model._meta.label for model in self._columns.absent())}
        self._not_compared = sorted(model._meta.label for model in self._models if model._meta.label in absent)
        self._models = [model for model in self._models if model._meta.label not in absent]
        logs = install.captures(remote)
        if report.repair == "remote" and not logs:
            raise SynchroConfigurationError(
                f"Nothing can be logged on {remote!r}: it has no triggers. Run `manage.py synchro_install_triggers "
                f"--database {remote}`, or repair from {local_alias()!r}, without --from."
            )
        self._remote, self._report, self._progress = remote, report, progress
        kept_keys = get_settings().identity
        self._sides = Sides(remote, source, target, kept_keys, UsersChanges(remote) if logs else None)
        self._ways: tuple[Way, Way | None] = two_ways(remote, source, target, logs=logs)
        self._done = self._total = 0

    def perform(self) -> None:
        """Compare all tables."""
        if self._sides.users_changes is not None:
            self._sides.users_changes.look(None)
        if self._progress is not None:
            self._total = sum(rows_of(model, local_alias()).count() for model in self._models)
        here, there = self._columns.missing([model._meta.label for model in self._models])
        held = self._on_their_way | self._columns.leading_nowhere()
        names = [f"{each.model._meta.label}.{each.name}" for each in copied(here | there | held)]
        self._report.left_out[self._remote] = tuple(sorted([*names, *self._not_compared]))
        with times_in_utc(local_alias(), self._remote), self._columns.without(here, there, held):
            for model in self._models:
                self._compare(self._table(model), model)
        self._on_rows(0)

    def _table(self, model: type[Model]) -> Table:
        if is_of_links(model):
            return Links(self._sides, self._ways, link_shape(model))
        return Objects(self._sides, self._ways, compared_table(model))

    def _compare(self, table: Table, model: type[Model]) -> None:
        GoingThrough(
            table, self._remote, self._report, lambda found: self._repair(model, found), self._on_rows
        ).compare()

    def _repair(self, model: type[Model], found: list[Finding]) -> None:
        if self._report.repair:
            alias = local_alias() if self._report.repair == "local" else self._remote
            self._report.logged += log_again(alias, model._meta.label, found)

    def _on_rows(self, rows: int) -> None:
        self._done += rows
        if self._progress is not None:
            total = max(self._total, self._done)
            self._progress(self._done if rows else total, total)


def _common_columns(remote: str, models: Sequence[type[Model]]) -> CommonColumns:
    """Return what both sides have of the models' columns.

    Raises:
        Refused: one side lacks a table, or a column without which nothing can be compared.
    """
    columns, labels = CommonColumns(local_alias(), remote, models), [model._meta.label for model in models]
    for alias, found in ((local_alias(), columns.here), (remote, columns.there)):
        doubtful = found.lagging(labels)
        lacking = Schema(alias, models).lagging(doubtful) if doubtful else {}
        if lacking:
            raise Refused(
                f"The schema of {alias!r} lags behind the models: {'; '.join(sorted(lacking.values()))}. Nothing was "
                f"compared. Run `manage.py migrate --database {alias}`; a model that it shall not have is left out of "
                "SYNCHRO_MODELS, or of the comparison with --model."
            )
    return columns


def _on_their_way(remote: str, source: str, target: str) -> tuple[frozenset[Any], frozenset[str]]:
    """Return what a side waits for: of fields for which it had no column, and of models (labels), no table."""
    found, tables = [], set[str]()
    for alias, node in ((remote, source), (local_alias(), target)):
        for checkpoint in Checkpoint._base_manager.using(alias).filter(source=node).exclude(left_out=""):
            for label, columns in require_left_out(checkpoint.left_out).items():
                found += fields_with(label, columns)
                tables.update([label] if TABLE in columns else [])
    return frozenset(found), frozenset(tables)
