"""Where LOCAL and the remotes stand, in numbers."""

from __future__ import annotations

import datetime
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial

from django.db import connections

from ...capture.own_tables import require_own_tables
from ...conf import LOCAL, get_settings
from ...models import Checkpoint, Conflict, Direction, Failure, Outcome, Run
from ...moment import as_utc
from ...reaching import clear_errors, troubles_with
from ..log.vendor import log_of
from ..plan.conflicts import name_of_rule
from ..state.node import node_id, require_two_databases
from ..state.totals import Applied, applied_totals, conflict_totals
from .pending import Pending, read_pending


@dataclass(frozen=True)
class WayFigures:
    """What there is to say of changes that go to a remote, or come from it.

    Attributes:
        remote: the alias.
        direction: ``push`` or ``pull``.
        pending: what waits.
        failures: how many objects the receiver keeps because they could not be applied.
        conflicts: how many conflicts the receiver has ever decided, by rule.
        open_conflicts: how many of those that it has on record nobody has said anything of since.
        last_check: when the last run started that came to its end; ``None``: not known.
    """

    remote: str
    direction: str
    pending: Pending
    failures: int
    conflicts: dict[str, int]
    open_conflicts: int
    last_check: datetime.datetime | None


@dataclass(frozen=True)
class PastFigures:
    """What the runs on record say of one direction.

    Attributes:
        remote: the alias.
        direction: ``push`` or ``pull``.
        last_success: when the last run ended that came to its end; ``None``: never, as far as is known.
        seconds: how long the last one took that had something to do; ``None``: there is none on record.
    """

    remote: str
    direction: str
    last_success: datetime.datetime | None
    seconds: float | None


@dataclass(frozen=True)
class Figures:
    """All of it.

    Attributes:
        log_bytes: the size of LOCAL's log; ``None``: nobody can tell.
        reached: whether each remote of ``SYNCHRO_REMOTE`` could be asked.
        ways: of those that could.
        past: of all of them.
        applied: how many objects were ever applied: remote, direction, what, number.
    """

    log_bytes: int | None
    reached: dict[str, bool]
    ways: tuple[WayFigures, ...]
    past: tuple[PastFigures, ...]
    applied: tuple[tuple[str, str, Applied, int], ...]


def read_figures() -> Figures:
    """Look where all stand; a remote that cannot be asked is one that was not reached.

    Raises:
        Refused: LOCAL has not this package's tables.
        DatabaseUnreachable: LOCAL is down.
    """
    remotes, ways, reached = get_settings().remotes, list[WayFigures](), dict[str, bool]()
    with clear_errors(LOCAL):
        require_own_tables(LOCAL)
        log_bytes = log_of(connections[LOCAL]).size(connections[LOCAL])
        applied = tuple(applied_totals())
    for remote in remotes:
        found: dict[str, list[WayFigures]] = {}
        reached[remote] = not troubles_with([remote], partial(_note_ways, found))
        ways += found.get(remote, ())
    with clear_errors(LOCAL):
        past = tuple(each for remote in remotes for each in _past(remote, ways, is_reached=reached[remote]))
    return Figures(log_bytes, reached, tuple(ways), past, applied)


def _note_ways(found: dict[str, list[WayFigures]], remote: str) -> None:
    found[remote] = list(_ways(remote))


def _ways(remote: str) -> Iterator[WayFigures]:
    """Yield what is to be said of a remote: that LOCAL sends to it, and that it sends to LOCAL, if it ever has."""
    require_two_databases(remote)
    require_own_tables(remote)
    here, there = node_id(LOCAL), node_id(remote)
    sent = Checkpoint._base_manager.using(remote).filter(source=here).first()
    fetched = Checkpoint._base_manager.using(LOCAL).filter(source=there).first()
    if sent is not None or fetched is None:
        yield _way(Direction.PUSH, remote, (LOCAL, here), (remote, there), sent or Checkpoint())
    if fetched is not None:
        yield _way(Direction.PULL, remote, (remote, there), (LOCAL, here), fetched)


def _way(
    direction: Direction, remote: str, source: tuple[str, str], receiver: tuple[str, str], checkpoint: Checkpoint
) -> WayFigures:
    alias, node = receiver
    conflicts = {name_of_rule(get_settings().conflict): 0, **conflict_totals(alias, source[1])}
    on_record = Conflict._base_manager.using(alias).filter(source=source[1])
    return WayFigures(
        remote=remote,
        direction=direction.value,
        pending=read_pending(source[0], checkpoint, node),
        failures=Failure._base_manager.using(alias).filter(source=source[1]).count(),
        conflicts=conflicts,
        open_conflicts=on_record.filter(taken="").count(),
        last_check=None if checkpoint.last_check is None else as_utc(checkpoint.last_check),
    )


def _past(remote: str, ways: list[WayFigures], *, is_reached: bool) -> Iterator[PastFigures]:
    """Yield what is to be said of the directions that are in use: nobody can tell of a remote that was not reached."""
    asked = {each.direction: each.last_check for each in ways if each.remote == remote}
    found = [_past_of(remote, each.value, asked.get(each.value)) for each in Direction]
    known = [each for each in found if each.direction in asked or each.last_success or each.seconds is not None]
    yield from known or ([] if is_reached else found[:1])


def _past_of(remote: str, direction: str, last_check: datetime.datetime | None) -> PastFigures:
    runs = Run._base_manager.using(LOCAL).filter(remote=remote, direction=direction).order_by("-ended_at")
    ended = runs.filter(outcome__in=(Outcome.DONE, Outcome.NOTHING)).values_list("ended_at", flat=True)[:1]
    success = next((as_utc(each) for each in ended if each is not None), last_check)
    last = runs.filter(outcome=Outcome.DONE).first()
    took = None if last is None or last.ended_at is None else (last.ended_at - last.begun_at).total_seconds()
    return PastFigures(remote, direction, success, took)
