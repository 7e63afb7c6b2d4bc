"""Errors of this package: one base class, messages for whoever reads them at three in the morning."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from django.core.exceptions import ImproperlyConfigured

if TYPE_CHECKING:
    from .replay.compare.report import ComparisonReport
    from .replay.report import SyncReport


class SynchroError(Exception):
    """Something this package was asked to do cannot be done; the message says what, where and what next.

    Attributes:
        exit_code: what a command ends with that meets it.
        report: the ``SyncReport`` of a run to several remotes, of which some have not failed.
        comparison: the ``ComparisonReport`` on those of several remotes that could be compared.
    """

    exit_code = 1
    report: SyncReport | None = None
    comparison: ComparisonReport | None = None


class SynchroConfigurationError(SynchroError, ImproperlyConfigured):
    """A ``SYNCHRO_*`` setting is wrong. It is also Django's ``ImproperlyConfigured``."""

    exit_code = 2


class Refused(SynchroError):
    """Going on could lose or double something: nothing was changed, and the message says what has to be decided."""

    exit_code = 3


class TriggersNotReady(Refused):
    """Triggers on the LOCAL database are missing or outdated; synchronising would lose changes."""


class RunUnderWay(SynchroError):
    """Another run from the same source to the same remote has not ended yet."""

    exit_code = 4


class DatabaseUnreachable(SynchroError):
    """A database cannot be reached, or was lost on the way; what was committed stays."""

    exit_code = 5


class ObjectNotApplied(SynchroError):
    """One object could not be applied to the remote; the others are not affected.

    Attributes:
        waits_for: label and key, as text, of the object without which it cannot be, if that is known.
    """

    waits_for: tuple[str, str] = ("", "")


def worst_of(problems: Sequence[SynchroError]) -> SynchroError:
    """Return one error for those of several remotes, of the worst one's kind; what both ways have met is said once."""
    worst = max(problems, key=lambda error: error.exit_code)
    said = dict.fromkeys(map(str, problems))
    if len(said) == 1:
        return worst
    together = type(worst)(" ".join(said))
    together.__cause__ = worst
    return together
