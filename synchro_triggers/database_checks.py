"""System checks that ask databases: those that they were told to ask (``manage.py check --database``, ``migrate``)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.apps import AppConfig
from django.core import checks
from django.db import connections

from .conf import get_settings, local_alias
from .exceptions import SynchroConfigurationError
from .models import Checkpoint, Node


def check_rules(
    app_configs: Sequence[AppConfig] | None, databases: Sequence[str] | None = None, **kwargs: Any
) -> list[checks.CheckMessage]:
    """Warn of rules by which two databases that synchronise to one another may not end equal (``W018``)."""
    try:
        settings = get_settings()
    except SynchroConfigurationError:
        return []  # said by ``check_settings``
    remotes = [alias for alias in settings.remotes if {alias, local_alias()} <= set(databases or ())]
    rules = {"SYNCHRO_CONFLICT": settings.conflict}
    rules |= {f"SYNCHRO_OPTIONS[{label!r}]['conflict']": rule for label, rule in settings.rules.items()}
    return [
        checks.Warning(
            f"{name} is {rule!r}, and {local_alias()!r} and {alias!r} synchronise to one another: where both run at "
            "the same time, either decides by itself who of the two is 'local', and they end different.",
            hint="Let the newest win, or a callable that says the same on both sides.",
            id="synchro_triggers.W018",
        )
        for name, rule in rules.items()
        if rule in {"local", "remote"}
        for alias in remotes
        if _receive_from_one_another(alias)
    ]


def _receive_from_one_another(alias: str) -> bool:
    """Tell whether LOCAL and a remote have received something from one another; not before both have their tables."""
    table = Checkpoint._meta.db_table
    if any(table not in connections[each].introspection.table_names() for each in (local_alias(), alias)):
        return False
    nodes = {
        each: Node._base_manager.using(each).values_list("node_id", flat=True).first()
        for each in (local_alias(), alias)
    }
    return all(
        Checkpoint._base_manager.using(here).filter(source=nodes[there]).exists()
        for here, there in ((local_alias(), alias), (alias, local_alias()))
    )
