"""Lists that failures hold as JSON. What nobody's run has written there is no list, and holds nothing.

A row that somebody has forged, or cut off, must not end the runs that read it.
"""

from __future__ import annotations

import json
from typing import Any


def texts_in(stored: str | None) -> tuple[str, ...]:
    """Return the texts of a list of them.

    Example:
        >>> texts_in('["{}"]'), texts_in('{not json'), texts_in(None)
        (('{}',), (), ())
    """
    return tuple(each for each in _list_in(stored) if isinstance(each, str))


def pairs_in(stored: str | None) -> tuple[tuple[str, str], ...]:
    """Return the pairs of texts of a list of them."""
    pairs = (each for each in _list_in(stored) if isinstance(each, list) and len(each) == 2)
    return tuple((one, two) for one, two in pairs if isinstance(one, str) and isinstance(two, str))


def _list_in(stored: str | None) -> list[Any]:
    try:
        found = json.loads(stored) if stored else []
    except (ValueError, RecursionError):
        return []
    return found if isinstance(found, list) else []
