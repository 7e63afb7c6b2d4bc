"""What a follower says by ``logging``: to ``synchro_triggers.follow``, with the same fields in every record.

What they mean is in ``docs/how-to/service.md``. Where nobody has set up ``logging``, Python prints what is a warning.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping

from ...conf import LOCAL
from ...masking import without_credentials
from ..choices import Way
from ..report import COUNTED, SyncReport

logger = logging.getLogger("synchro_triggers.follow")


def tell_begin(ways: list[Way]) -> None:
    for way in ways:
        _say(logging.INFO, f"Following {way.source!r}, for {way.remote!r}.", way)


def tell_end(seconds: float) -> None:
    _say(logging.INFO, "Ended.", seconds=seconds)


def tell_run(way: Way, report: SyncReport, seconds: float) -> None:
    """Tell of a run that had something to do: what was done, model by model, what is kept, and warnings."""
    total = {what: getattr(report, what) for what in COUNTED}
    _say(logging.INFO, f"{way.remote}: {_in_words(total)}", way, counts=total, seconds=seconds)
    for label, counted in sorted(report.models.items()):
        counts = {what: getattr(counted, what) for what in COUNTED}
        _say(logging.DEBUG, f"{way.remote}: {label}: {_in_words(counts)}", way, model=label, counts=counts)
    failed: dict[str, list[str]] = {}
    for failure in report.failures:
        failed.setdefault(failure.model, []).append(f"{failure.key}: {failure.error}")
    for label, texts in failed.items():
        more = f" (and {len(texts) - 1} more)" if len(texts) > 1 else ""
        text = f"{way.remote}: kept, tried again later: {label} {texts[0]}{more}"
        _say(logging.WARNING, text, way, model=label, counts={"failed": len(texts)})
    for text in report.warnings:
        _say(logging.WARNING, text, way)


def tell_trouble(text: str, way: Way | None) -> None:
    """Tell of what is wrong with a way, or with LOCAL."""
    _say(logging.WARNING, f"{text} Trying again.", way)


def tell_cured(way: Way | None, lasted: float) -> None:
    """Tell that it is over."""
    where = LOCAL if way is None else way.remote
    _say(logging.INFO, f"{where}: all is well again, after {lasted:.1f} s", way, seconds=lasted)


def tell_looking(why: str) -> None:
    """Tell that notices do not come."""
    _say(logging.WARNING, why)


def _in_words(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{number} {what}" for what, number in counts.items() if number) or "nothing to do"


def _say(
    level: int,
    text: str,
    way: Way | None = None,
    *,
    model: str | None = None,
    counts: Mapping[str, int] | None = None,
    seconds: float | None = None,
) -> None:
    """Say something; each record has all fields, as a format that names them needs."""
    remote = None if way is None else way.remote if way.source == LOCAL else way.source
    alias = LOCAL if way is None else way.remote
    took = None if seconds is None else round(seconds, 3)
    fields = {"remote": remote, "alias": alias, "model": model, "counts": counts, "seconds": took}
    logger.log(level, "%s", without_credentials(text), extra=fields)
