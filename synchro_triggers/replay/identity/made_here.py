"""References to new rows of what LOCAL's users have made: all of one model at once, and no key is looked at.

Only of objects that nothing is known of: that no reference speaks of them, the unique names of references tell when
they are written. Where one does, whoever calls gives the objects to those who look closer.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from django.db.models import Model

from ...conf import local_alias
from ..log.changes import Change
from ..log.own_windows import WindowNumbers, microseconds, own_rows
from ..log.versions import Version
from ..log.window import highest_id
from .arrivals import Entry, entry_of, note_arrivals
from .reference_table import Receipt, ReferenceTable


class MadeHere:
    """Stores what the remote has received that LOCAL's own users have made.

    Args:
        table: the references.
        numbers: numbers what LOCAL's users have changed.
        logs: the remote captures its own changes.
    """

    def __init__(self, table: ReferenceTable, numbers: WindowNumbers, *, logs: bool) -> None:
        self._table, self._numbers, self._logs = table, numbers, logs

    @property
    def suffices(self) -> bool:
        """Whether nobody asks which versions the rows have: they would be written into each reference."""
        return not (self._logs and self._table.others_may_ask)

    def are_known(self, root: type[Model], texts: Sequence[str]) -> bool:
        """Tell whether LOCAL has received one of some objects from others, and so knows other names of it."""
        return self._table.local_receives and bool(self._table.to_rows(local_alias(), root, texts))

    def store(self, root: type[Model], made: Sequence[tuple[Change, str]]) -> None:
        """Store references to new rows, and which versions they are of.

        Args:
            made: what the log says of their objects, and the keys of the rows, as texts.

        Raises:
            IntegrityError: something is known of one of them.
        """
        seen = highest_id(self._table.remote) if self._logs else None
        self._table.insert_made(root, [(change.key, there, change.last) for change, there in made], seen)
        if seen is not None:
            entries = self._entries([change for change, _ in made])
            brought = {there: entry for (_, there), entry in zip(made, entries, strict=True) if entry is not None}
            note_arrivals(self._table.remote, self._table.source, seen, {root._meta.label: brought}, {})

    def _entries(self, changes: Sequence[Change]) -> Iterable[Entry | None]:
        """Return what LOCAL's versions of objects are noted as."""
        if not self._table.local_receives and not self._numbers.any:  # all is of the first window
            return [microseconds(change.logged_at) for change in changes]
        rows = own_rows(local_alias(), [change.own for change in changes])
        return [self._entry(change, rows.get(change.own)) for change in changes]

    def _entry(self, change: Change, row: Any) -> Entry | None:
        if row is None:
            return None
        version = Version(self._table.source, self._numbers.of(row), row.time_or(change.logged_at))
        return entry_of(Receipt(version, None))
