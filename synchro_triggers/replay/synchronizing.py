"""Synchronising: each way between LOCAL and its remotes, one after the other, and what is done when all are done."""

from __future__ import annotations

import datetime
import time
from collections.abc import Callable, Iterable, Sequence
from contextlib import nullcontext, suppress
from dataclasses import replace

from django.db import Error

from ..capture.catalog import Catalogs
from ..capture.tables import labels_of
from ..conf import LOCAL, get_settings, replaying_from, required_remotes
from ..exceptions import SynchroConfigurationError
from ..reaching import with_each
from .choices import Choices, Looked, OnProgress, Way, ways_of
from .pruning import prune
from .readiness import describe_partitions, require_ready_triggers
from .report import SyncReport
from .run import Run
from .state.account import take_back
from .state.node import forgotten_by, node_id
from .state.runs import RunRecord, all_fail
from .state.succession import as_a_run_would
from .write.exits import apart_from_a_run


def synchronize(
    remote: str | None = None,
    *,
    models: Iterable[str] | None = None,
    dry_run: bool = False,
    full: bool = False,
    on_error: str = "quarantine",
    progress: OnProgress | None = None,
    pull: bool = False,
    both: bool = False,
    by: str = "API",
    interrupted: Callable[[], bool] = lambda: False,
    in_parts: bool = False,
    looked: Looked | None = None,
) -> SyncReport:
    """See ``synchro_triggers.synchronize``, which this is; of what comes last see ``Choices``."""
    if on_error not in {"quarantine", "stop"}:
        raise SynchroConfigurationError(f"on_error must be 'quarantine' or 'stop', not {on_error!r}.")
    ways = ways_of(required_remotes(remote), pull=pull, both=both)
    labels = None if models is None else labels_of(models)
    way_back = full and both and labels is None
    stops = on_error == "stop"
    choices = Choices(labels, dry_run, full, stops, progress, way_back=way_back, by=by)
    choices = replace(choices, interrupted=interrupted, in_parts=in_parts, looked=looked)
    with apart_from_a_run():
        if way_back:
            ways.sort(key=_comes_from_the_forgotten)
        report = _synchronize(ways, choices)
        if dry_run or interrupted():
            return report
        for source, alias in ways if way_back and not (report.failures or report.waiting) else ():
            take_back(source, node_id(alias))
        if (retention := get_settings().retention) is not None:
            prune(datetime.timedelta(days=retention))
        return report


def _comes_from_the_forgotten(way: Way) -> bool:
    """Tell whether what a way brings is old: sent first, it would overwrite changes of which no log says anything."""
    with suppress(Error):  # one that cannot be reached is told of when its turn comes
        return node_id(way.source) in forgotten_by(way.remote)
    return False


def retry_failures(
    remote: str | None = None,
    *,
    pull: bool = False,
    asked: Callable[[str, str], Sequence[int]] | None = None,
    progress: OnProgress | None = None,
    by: str = "command",
    untried_since: datetime.datetime | None = None,
    interrupted: Callable[[], bool] = lambda: False,
    in_parts: bool = False,
    looked: Looked | None = None,
) -> SyncReport:
    """Synchronise, and try what is kept, whatever its pause: all of it, or what is ``asked``; see ``Choices``."""
    choices = Choices(
        progress=progress,
        retry=asked is None,
        untried_since=untried_since,
        by=by,
        interrupted=interrupted,
        in_parts=in_parts,
        looked=looked,
    )
    if asked is not None:
        choices = replace(choices, asked=asked)
    return _synchronize(ways_of(required_remotes(remote), pull=pull), choices)


def _synchronize(ways: Sequence[Way], choices: Choices) -> SyncReport:
    started = time.monotonic()
    report = SyncReport(remotes=tuple(dict.fromkeys(way.remote for way in ways)), dry_run=choices.dry_run)
    records = {way: RunRecord(*way, choices.by, wanted=not choices.dry_run, in_parts=choices.in_parts) for way in ways}
    catalogs = Catalogs()
    if not get_settings().models:
        report.warn("SYNCHRO_MODELS lists no model: nothing is synchronised. Misspelt? `manage.py check` tells.")
    if pushed := [way.remote for way in ways if way.source == LOCAL]:
        with all_fail(records.values()):
            _require_ready(pushed, report, catalogs)

    gone_well: set[Way] = set()

    def chosen_for(way: Way) -> Choices:
        return replace(choices, after_the_other_way=Way(way.remote, way.source) in gone_well)

    def go(way: Way) -> None:
        with all_fail([records[way]]), replaying_from(way.source):
            if way.source != LOCAL:
                _require_ready([way.remote], report, catalogs)
            if choices.dry_run:
                catalogs.forget()  # what a run would write of the two before it is written, and taken back
            with as_a_run_would(way.remote) if choices.dry_run else nullcontext():
                done = Run(way.remote, chosen_for(way), catalogs).perform(records[way])
            report.add_way(way.source, done)
            if choices.dry_run and not (done.failures or done.waiting):
                gone_well.add(way)
        catalogs.forget()  # other ways come later

    try:
        with_each(ways, go, report=report)
    finally:
        report.seconds = time.monotonic() - started
    return report


def _require_ready(remotes: Sequence[str], report: SyncReport, catalogs: Catalogs) -> None:
    if new_partitions := require_ready_triggers(remotes, dry_run=report.dry_run, catalogs=catalogs):
        report.warn(describe_partitions(new_partitions, dry_run=report.dry_run))
