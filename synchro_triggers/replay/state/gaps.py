"""Of which models a database lacks something that a source has logged, or has received something without logging it.

Databases may list different models, or lack a table for a while. What one of them leaves out it does not get, and what
it does not capture it never hands on; so it must not be taken to know, or let others know, more than that. Both stand
in the checkpoint, and are written with it. A run of every object (``--full``) makes good what is lacking.
"""

from __future__ import annotations

import datetime
import json
from collections.abc import Collection, Iterable, Mapping

from ...capture.catalog import Catalogs
from ...capture.install import captured_labels
from ...models import Checkpoint
from ..log.notes import require_mapping, require_texts, unreadable

#: Stands for all models.
ALL = "*"

_LABELS_AT_MOST = 500  # anything may stand in a log that somebody has written into


def as_text(labels: Collection[str]) -> str:
    """Return labels as ``Checkpoint.lacks`` holds them."""
    return json.dumps(sorted([ALL] if len(labels) > _LABELS_AT_MOST else labels)) if labels else ""


def require_entries(text: str) -> dict[str, str]:
    """Return the entries of ``Checkpoint.unlogged``, or of ``Checkpoint.whole``: labels to what tells them apart.

    Raises:
        Refused: it is something else.
    """
    found = require_mapping(text)
    if not all(isinstance(each, str) for each in found.values()):
        raise unreadable(text)
    return found


def concern(gaps: Collection[str], labels: Iterable[str]) -> bool:
    """Tell whether one of some labels is among those of which something is lacking."""
    return bool(gaps) and (ALL in gaps or not frozenset(labels).isdisjoint(gaps))


class Gaps:
    """What a run leaves out, and what the remote does not log of what it receives.

    Args:
        remote: the remote alias.
        logs: whether anything is captured there.
        catalogs: those that a run looks at.
    """

    def __init__(self, remote: str, *, logs: bool, catalogs: Catalogs | None = None) -> None:
        self._remote, self._logs, self._catalogs = remote, logs, catalogs
        self._logged: frozenset[str] | None = None  # as long as a follower runs, as ``logs``
        self._started = ""
        self._lacks: frozenset[str] = frozenset()
        self._unlogged: dict[str, str] = {}
        self._whole: dict[str, str] = {}
        self._lacks_no_more: frozenset[str] = frozenset()
        self._dropped: set[str] = set()
        self._sent: set[str] = set()
        self._left_out = ""
        self._left_out_before = ""

    def begin(self, checkpoint: Checkpoint) -> None:
        """Take note of what is known when a run begins.

        Args:
            checkpoint: the remote's.
        """
        self._started = datetime.datetime.now(datetime.UTC).isoformat()
        self._lacks, self._unlogged = require_texts(checkpoint.lacks), require_entries(checkpoint.unlogged)
        self._whole = require_entries(checkpoint.whole)
        self._left_out = self._left_out_before = checkpoint.left_out
        self._lacks_no_more = frozenset()
        self._dropped.clear()
        self._sent.clear()

    def lacks(self, label: str) -> bool:
        """Tell whether something of a model was not brought, in this run or before."""
        return concern(self._lacks | self._dropped, [label])

    def note_dropped(self, label: str) -> None:
        """Note that something was not brought, because its model is not listed, or one side lacks its table."""
        self._dropped.add(label)

    def note_sent(self, labels: Iterable[str]) -> None:
        """Note of which models something is about to be written on the remote."""
        self._sent.update(labels)

    def note_left_out(self, text: str) -> None:
        """Note which fields are left out of what is written from now on, as ``Checkpoint.left_out`` holds them."""
        self._left_out = text

    def fields(self) -> dict[str, object]:
        """Return what is to be written into the checkpoint, in each transaction of the run; as a rule, nothing."""
        fields: dict[str, object] = {}
        if self._lacks_no_more or not self._dropped <= self._lacks:
            fields["lacks"] = as_text(self._lacks | self._dropped)
        if self._left_out != self._left_out_before:
            fields["left_out"] = self._left_out
        if unlogged := self._not_logged():
            fields["unlogged"] = json.dumps({**self._unlogged, **dict.fromkeys(unlogged, self._started)})
        return fields

    def _not_logged(self) -> list[str]:
        if not self._sent:
            return []
        if not self._logs:
            return [ALL]
        if self._logged is None:
            self._logged = captured_labels(self._remote, self._catalogs)
        return sorted(self._sent - self._logged)

    def forget_labels(self, labels: Collection[str]) -> None:
        """Forget that something of models is lacking: it has come, or nobody has them under these labels any more."""
        self._lacks_no_more |= frozenset(labels) & self._lacks
        self._lacks -= frozenset(labels)
        self._dropped.difference_update(labels)

    def filled(
        self, labels: Collection[str] | None, unlogged: Mapping[str, str], but: Collection[str] = ()
    ) -> dict[str, object]:
        """Take note that every object of LOCAL has come, and return what says so in the checkpoint.

        Args:
            labels: of these models; ``None``: of all.
            unlogged: what LOCAL itself has received without logging it.
            but: models that were left out.
        """
        if labels is None:
            self._lacks, self._whole = frozenset(but), dict(unlogged)
        else:
            self._lacks = (self._lacks | self._dropped).difference(labels)
            self._whole |= {label: at for label, at in unlogged.items() if label in labels}
        self._dropped.clear()
        return {"lacks": as_text(self._lacks), "whole": json.dumps(self._whole) if self._whole else ""}

    def withheld(self, unlogged: Mapping[str, str]) -> frozenset[str]:
        """Return the labels of which the remote must not be taken to know what LOCAL knows.

        Args:
            unlogged: what LOCAL itself has received without logging it.
        """
        not_sent = {label for label, at in unlogged.items() if self._whole.get(label) != at}
        return self._lacks | self._dropped | not_sent
