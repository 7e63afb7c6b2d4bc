"""Looking through a long window part by part: who makes a run in parts goes on where the part before has ended."""

from __future__ import annotations

from collections.abc import Iterator

from ...conf import local_alias
from ..choices import Looked
from ..log.window import Window, open_window, row_behind
from .first_meeting import Meeting

#: Log rows that are looked through at a time: a fraction of a second, or two where much else is done.
ROWS = 50_000


def look_in_parts(meeting: Meeting, window: Window, looked: Looked, node: str) -> Iterator[None]:
    """Look through a window, as ``Meeting.look_through()`` does; yield in between.

    What was logged since the first part began is looked through last: its rows may have lower ids than others that were
    looked at. What is changed behind this is noticed when a batch is about to create something.

    Args:
        meeting: looks.
        window: what is new now.
        looked: how far earlier parts have come; moves on. Where this ends, all doubts so far are to be settled.
        node: the remote's identity: what came from it is left out.
    """
    looked.begin(f"{node} {window.start}")
    is_rest = bool(looked.up_to or looked.row)
    while looked.up_to != window.end:
        part = _next_part(window, looked, node)
        looked.end = part.end
        while part.last > looked.row:
            after = max(looked.row, part.first - 1)
            until = row_behind(local_alias(), after, ROWS, part.last)
            meeting.look_through(part, after, until)
            looked.row = until
            looked.part = max(looked.part, (until - part.first + 1) / (part.last - part.first + 1))
            if part.last > until:
                yield
        looked.up_to, looked.end, looked.row = part.end, "", 0
    if is_rest:  # of which models the other parts have heard
        meeting.hear_of(window)


def _next_part(window: Window, looked: Looked, node: str) -> Window:
    start, end = looked.up_to or window.start, looked.end or window.end
    if (start, end) == (window.start, window.end):
        return window
    return open_window(local_alias(), start, end=end, since=window.since, without_origin=node)
