"""What is changed on LOCAL while a run is under way, after its window: a run reads objects as they are by then."""

from __future__ import annotations

import datetime
from collections.abc import Collection, Iterable
from typing import NamedTuple

from django.db import connections
from django.db.models import Model

from ...capture.keys import encode_key
from ...conf import local_alias
from ..rows.utc import zone_of
from ..rows.vendor import fetch_texts
from ..schema.keys import FormerKey
from ..schema.shape import model_of, read_key
from .changes import LONG_AGO
from .vendor import log_of
from .window import current_position, logged_between

#: Objects that are kept in memory; of further ones it is not told that they were changed.
_AT_MOST = 100_000


class LaterChange(NamedTuple):
    """The last change of an object: the id of its log row, and when; ``updated``: nothing else was done since."""

    id: int
    time: datetime.datetime
    updated: bool


class LaterChanges:
    """The changes of LOCAL after a run's window, read once each: every look goes on where the last has ended.

    Attributes:
        received: label and key of what other runs have brought to LOCAL since ``forget_received()``, and whether one
            has made it.
    """

    def __init__(self) -> None:
        self._looked_to: str | None = None
        self._last: dict[tuple[str, str], LaterChange] = {}
        self.received: dict[tuple[str, str], bool] = {}

    def begin(self, position: str | None) -> None:
        """Be about what comes after a position of the log; ``None``: nobody wants to know."""
        self._looked_to, self._last, self.received = position, {}, {}

    def forget_received(self) -> None:
        """What was brought by now is read as it is."""
        self.received = {}

    def look(self) -> None:
        """Read what is new."""
        if self._looked_to is None:
            return
        alias = local_alias()
        connection, now = connections[alias], current_position(alias)
        between, params = logged_between(alias, self._looked_to, now)
        rows = fetch_texts(
            connection,
            f"SELECT model_label, object_pk, max(id), {log_of(connection).logged_at('max(logged_at)')},"
            " count(*) FILTER (WHERE operation <> 'U'), count(*) FILTER (WHERE operation = 'I'),"
            " CASE origin WHEN '' THEN 1 ELSE 0 END AS own"
            f" FROM synchro_triggers_changelog WHERE {between} GROUP BY model_label, object_pk, own",
            params,
        )
        self._looked_to, zone = now, zone_of(alias)
        for label, text, row_id, time, others, made, own in rows:
            if (model := model_of(label)) is None:
                continue
            at = (label, encode_key(read_key(model, text, zone)))
            if not own:
                self.received[at] = bool(made) or self.received.get(at, False)
            elif at in self._last or len(self._last) < _AT_MOST:
                updated = not others and (at not in self._last or self._last[at].updated)
                self._last[at] = LaterChange(row_id, log_of(connection).time_or_none(time) or LONG_AGO, updated)

    @property
    def any(self) -> bool:
        """Whether LOCAL's users have changed anything, as far as was looked."""
        return bool(self._last)

    def have_brought(self, objects: Iterable[tuple[Collection[type[Model]], object]], gone: bool = False) -> bool:
        """Tell whether another run has brought something to LOCAL of one of some objects.

        Args:
            objects: the models in whose tables each has rows, and its key.
            gone: they are gone: one may have come back, under another key.
        """
        if not self.received:
            return False
        made = {label for (label, _), is_new in self.received.items() if is_new}
        for models, key in objects:
            text = encode_key(key.number if isinstance(key, FormerKey) else key)
            if any((model._meta.label, text) in self.received for model in models):
                return True
            if gone and any(model._meta.label in made for model in models):
                return True
        return False

    def speak_of(self, label: str, texts: Iterable[str]) -> set[str]:
        """Return those keys of a model, as texts, of which anything was told since: changed, or brought by others."""
        if not self._last and not self.received:
            return set()
        return {text for text in texts if (label, text) in self._last or (label, text) in self.received}

    def of(self, models: Collection[type[Model]], key: object) -> LaterChange | None:
        """Return the last change of an object that has rows in the tables of some models."""
        if not self._last:
            return None
        text = encode_key(key)
        found = [self._last[at] for model in models if (at := (model._meta.label, text)) in self._last]
        return max(found, default=None)
