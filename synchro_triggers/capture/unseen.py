"""What the triggers of a database cannot see, although they fit: notes for ``--check``."""

from __future__ import annotations

from ..conf import get_settings
from .install import Comparison


def describe_unseen(alias: str, found: Comparison) -> list[str]:
    """Return a line for each thing that capture does not see on ``alias``, sorted."""
    listed = get_settings().listed_by_itself
    notes = [
        f"{view.table} ({view.label}): left out: a view, or a table of somewhere else"
        for view in found.views
        if view.label not in listed
    ]
    return sorted(notes)
