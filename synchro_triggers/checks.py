"""System checks: a wrong ``SYNCHRO_*`` setting is said when the project starts, not at the first run."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.apps import AppConfig
from django.core import checks

from .capture.tables import models_by_table
from .conf import get_settings
from .exceptions import SynchroConfigurationError


def register_checks() -> None:
    checks.register(check_settings)
    checks.register(check_tables)


def check_settings(app_configs: Sequence[AppConfig] | None, **kwargs: Any) -> list[checks.CheckMessage]:
    """Report the first setting that is wrong as ``synchro_triggers.E001``."""
    try:
        get_settings()
    except SynchroConfigurationError as error:
        return [checks.Error(str(error), id="synchro_triggers.E001")]
    return []


def check_tables(app_configs: Sequence[AppConfig] | None, **kwargs: Any) -> list[checks.CheckMessage]:
    """Warn of captured models that share a table (``synchro_triggers.W010``): one stands for all of them."""
    try:
        tables = models_by_table(get_settings().models)
    except SynchroConfigurationError:
        return []  # said by ``check_settings``
    return [
        checks.Warning(
            f"{', '.join(sorted(model._meta.label for model in models))} share the table {table!r}. "
            f"{models[0]._meta.label} is used: its rows are synchronised once, as objects of that model.",
            hint="Leave the others out of SYNCHRO_MODELS. "
            "The one that knows most columns is used, else one that is managed, else the first.",
            id="synchro_triggers.W010",
        )
        for table, models in tables.items()
        if len(models) > 1
    ]
