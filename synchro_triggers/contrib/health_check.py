"""A check for django-health-check (4.8 or newer)."""

from __future__ import annotations

import dataclasses
import datetime
from collections.abc import Iterator
from contextlib import contextmanager

from django.db import connections
from health_check.base import HealthCheck
from health_check.exceptions import ServiceUnavailable, ServiceWarning

from ..exceptions import SynchroError
from ..masking import without_credentials
from ..replay.metrics.figures import Figures, WayFigures, read_figures
from ..replay.metrics.ready import why_not_ready


@dataclasses.dataclass
class Synchronization(HealthCheck):  # type: ignore[misc]
    """Fails where changes are not logged, do not arrive, or are kept as failures.

    Args:
        max_lag: seconds that a change may wait; ``None``: any.
        max_failures: objects that may be kept as failures, for each remote and direction.
        ask_remotes: whether remotes are asked at all. Without, a page that says whether this process can work does not
            depend on them.
        timeout: that of django-health-check.

    Example:
        >>> check = "synchro_triggers.contrib.health_check.Synchronization"
        >>> HealthCheckView.as_view(checks=[(check, {"max_lag": 300})])
    """

    max_lag: float | None = None
    max_failures: int = 0
    ask_remotes: bool = True
    timeout: datetime.timedelta = dataclasses.field(default=datetime.timedelta(seconds=30), repr=False)

    # It waits for databases: django-health-check calls it in a thread of its own, unless it is a coroutine.
    def run(self) -> None:  # pyright: ignore[reportIncompatibleMethodOverride]
        """Look.

        Raises:
            ServiceUnavailable: what is written here is not logged.
            ServiceWarning: it is, but does not arrive.
        """
        with _no_connection_stays():
            if trouble := why_not_ready():
                raise ServiceUnavailable(trouble)
            if not self.ask_remotes:
                return
            try:
                figures = read_figures()
            except SynchroError as error:
                raise ServiceUnavailable(without_credentials(str(error))) from error
        if troubles := [*self._troubles(figures)]:
            raise ServiceWarning(" ".join(troubles))

    def _troubles(self, figures: Figures) -> Iterator[str]:
        for remote, reached in figures.reached.items():
            if not reached:
                yield f"{remote} cannot be asked (synchro_status says why)."
        for way in figures.ways:
            yield from self._troubles_of(way)

    def _troubles_of(self, way: WayFigures) -> Iterator[str]:
        name = f"{way.direction} {way.remote}"
        if self.max_lag is not None and way.pending.lag > self.max_lag:
            yield f"{name}: a change waits for {way.pending.lag:,.0f} s, and {self.max_lag:g} are allowed."
        if way.failures > self.max_failures:
            yield f"{name}: {way.failures:,} objects are kept as failures, and {self.max_failures:,} are allowed."


@contextmanager
def _no_connection_stays() -> Iterator[None]:
    """Close what the block has opened: the thread that it runs in is not one of a request, which would."""
    before = {each.alias for each in connections.all(initialized_only=True) if each.connection is not None}
    try:
        yield
    finally:
        for each in connections.all(initialized_only=True):
            if each.alias not in before:
                each.close()
