"""System checks: a wrong ``SYNCHRO_*`` setting is said when the project starts, not at the first run."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.apps import AppConfig
from django.core import checks

from .conf import get_settings
from .exceptions import SynchroConfigurationError


def register_checks() -> None:
    checks.register(check_settings)


def check_settings(app_configs: Sequence[AppConfig] | None, **kwargs: Any) -> list[checks.CheckMessage]:
    """Report the first setting that is wrong as ``synchro_triggers.E001``."""
    try:
        get_settings()
    except SynchroConfigurationError as error:
        return [checks.Error(str(error), id="synchro_triggers.E001")]
    return []
