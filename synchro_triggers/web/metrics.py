"""What monitoring is told, under which names."""

from __future__ import annotations

from collections.abc import Iterable

from ..replay.metrics.figures import Figures, PastFigures, WayFigures
from .exposition import Metric, Sample


def metrics_of(figures: Figures) -> list[Metric]:
    """Return all metrics."""
    return [*_of_local(figures), *_of_pending(figures.ways), *_of_trouble(figures.ways), *_of_runs(figures)]


def _of_local(figures: Figures) -> list[Metric]:
    size = figures.log_bytes
    return [
        Metric(
            "synchro_up",
            "gauge",
            "1: the remote could be asked; 0: it is down, or not ready for this.",
            tuple(Sample({"remote": remote}, int(reached)) for remote, reached in figures.reached.items()),
        ),
        Metric(
            "synchro_changelog_bytes",
            "gauge",
            "Size of LOCAL's changelog with its indexes.",
            () if size is None else (Sample({}, size),),
        ),
    ]


def _of_pending(ways: Iterable[WayFigures]) -> list[Metric]:
    return [
        Metric(
            "synchro_lag_seconds",
            "gauge",
            "Seconds since the oldest change was logged that has not arrived.",
            tuple(Sample(_labels(each), each.pending.lag) for each in ways),
        ),
        Metric(
            "synchro_pending_objects",
            "gauge",
            "Objects that the next run will look at; models of which there are none are left out.",
            tuple(
                Sample({**_labels(each), "model": label}, number)
                for each in ways
                for label, number in each.pending.objects.items()
            ),
        ),
        Metric(
            "synchro_pending_rows",
            "gauge",
            "Log rows that they come from; no more than 100000 are looked at.",
            tuple(Sample(_labels(each), each.pending.rows) for each in ways),
        ),
    ]


def _of_trouble(ways: Iterable[WayFigures]) -> list[Metric]:
    return [
        Metric(
            "synchro_failures",
            "gauge",
            "Objects that could not be applied, and are kept.",
            tuple(Sample(_labels(each), each.failures) for each in ways),
        ),
        Metric(
            "synchro_conflicts_total",
            "counter",
            "Conflicts that were decided, by the rule that has decided them.",
            tuple(
                Sample({**_labels(each), "rule": rule}, number)
                for each in ways
                for rule, number in sorted(each.conflicts.items())
            ),
        ),
        Metric(
            "synchro_conflicts_open",
            "gauge",
            "Conflicts on record of which nobody has said since that the decision was right.",
            tuple(Sample(_labels(each), each.open_conflicts) for each in ways),
        ),
    ]


def _of_runs(figures: Figures) -> list[Metric]:
    return [
        Metric(
            "synchro_applied_objects_total",
            "counter",
            "Objects that runs have created, updated or deleted; of many-to-many tables, links.",
            tuple(
                Sample({"remote": remote, "direction": way, "model": what.label, "operation": what.operation}, number)
                for remote, way, what, number in figures.applied
            ),
        ),
        Metric(
            "synchro_run_duration_seconds",
            "gauge",
            "How long the last run took that had something to do and came to its end.",
            tuple(Sample(_labels(each), each.seconds) for each in figures.past if each.seconds is not None),
        ),
        Metric(
            "synchro_last_success_timestamp_seconds",
            "gauge",
            "When the last run ended that came to its end; 0: never, as far as is known.",
            tuple(
                Sample(_labels(each), each.last_success.timestamp() if each.last_success is not None else 0)
                for each in figures.past
            ),
        ),
    ]


def _labels(each: WayFigures | PastFigures) -> dict[str, str]:
    return {"remote": each.remote, "direction": each.direction}
