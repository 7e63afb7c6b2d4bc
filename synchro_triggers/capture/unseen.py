"""What the triggers of a database cannot see, although they fit: notes for ``--check``."""

from __future__ import annotations

from django.db import connections

from ..conf import get_settings
from .install import Comparison
from .tables import captured_tables
from .vendor import vendor_of


def describe_unseen(alias: str, found: Comparison) -> list[str]:
    """Return a line for each thing that capture does not see on ``alias``, sorted."""
    connection = connections[alias]
    vendor = vendor_of(connection)
    listed = get_settings().listed_by_itself
    notes = {
        f"{view.table} ({view.label}): left out: a view, or a table of somewhere else"
        for view in found.views
        if view.label not in listed
    }
    replicated = any(trigger.replicated for trigger in vendor.installed_triggers(connection))
    tables = vendor.existing_tables(connection, list(captured_tables(get_settings().models)))
    return sorted(notes.union(vendor.unseen(connection, tables, replicated)))
