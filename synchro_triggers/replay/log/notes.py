"""What runs have noted for the next ones, and can be read only as they have written it.

A run that goes on from half of a note would lose changes or send them twice; one that takes it for empty, too. So it is
refused, and the message says where the note stands.
"""

from __future__ import annotations

import json
from typing import Any

from ...exceptions import Refused


def unreadable(text: str) -> Refused:
    """Return what is raised for a note that no run has written."""
    shown = text if len(text) <= 60 else f"{text[:60]}…"
    return Refused(
        f"A checkpoint cannot be read: it holds {shown!r}, which no run writes. Nothing was written. Somebody "
        "has changed it, or a restore has stopped halfway. Look for that text in synchro_triggers_checkpoint, "
        "synchro_triggers_window and synchro_triggers_metnode of both databases, and put them back from a backup. "
        "Without one, set that one column to '' (in synchro_triggers_window, delete the row) and run "
        "`manage.py synchronize --full --both`: it looks at every object, and the references, which stay, tell what is "
        "which."
    )


def require_mapping(text: str) -> dict[str, Any]:
    """Return a note that is a mapping, as JSON; of the empty text, an empty one.

    Example:
        >>> require_mapping('{"app.Model": "2026-01-01"}'), require_mapping("")
        ({'app.Model': '2026-01-01'}, {})

    Raises:
        Refused: it is something else.
    """
    return _read(text, dict) if text else {}


def require_texts(text: str) -> frozenset[str]:
    """Return a note that is a list of texts, as JSON; of the empty text, an empty one.

    Raises:
        Refused: it is something else.
    """
    texts = _read(text, list) if text else []
    if not all(isinstance(each, str) for each in texts):
        raise unreadable(text)
    return frozenset(texts)


def _read(text: str, kind: type) -> Any:
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        raise unreadable(text) from None
    if not isinstance(found, kind):
        raise unreadable(text)
    return found
