"""Errors of this package: one base class, messages for whoever reads them at three in the morning."""

from __future__ import annotations

from django.core.exceptions import ImproperlyConfigured


class SynchroError(Exception):
    """Something this package was asked to do cannot be done; the message says what, where and what next."""


class SynchroConfigurationError(SynchroError, ImproperlyConfigured):
    """A ``SYNCHRO_*`` setting is wrong. It is also Django's ``ImproperlyConfigured``."""


class TriggersNotReady(SynchroError):
    """Triggers on the LOCAL database are missing or outdated; synchronising would lose changes."""


class RunUnderWay(SynchroError):
    """Another run from the same source to the same remote has not ended yet."""


class ObjectNotApplied(SynchroError):
    """One object could not be applied to the remote; the others are not affected."""
