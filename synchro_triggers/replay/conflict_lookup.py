"""When the remote's own users last changed the objects of a batch."""

from __future__ import annotations

import datetime
from typing import Any

from django.db.models import Model

from ..capture.tables import encode_key
from .window import own_changes_since, stored_time


class RemoteChanges:
    """Looks up, per object, whether the remote's own users changed it since it last met LOCAL.

    Args:
        alias: the remote.
        since: changes before this time cannot matter (``None``: all do).
    """

    def __init__(self, alias: str, since: datetime.datetime | None) -> None:
        self._alias = alias
        self._since = since
        self._times: dict[tuple[str, str], datetime.datetime] = {}

    def load(self, label: str, remote_keys: list[Any]) -> None:
        """Read the remote changelog for some objects of one model."""
        texts = [encode_key(key) for key in remote_keys]
        for key, time in own_changes_since(self._alias, label, texts, self._since).items():
            self._times[label, key] = time

    def changed_at(self, models: list[type[Model]], remote_key: Any, met_at: Any) -> datetime.datetime | None:
        """Return the time of the latest change since ``met_at``, or ``None``.

        Args:
            models: the model and its multi-table parents, whose tables log separately.
            remote_key: the remote primary key.
            met_at: ``Reference.met_at``, or ``None`` when the two have never met.
        """
        text = encode_key(remote_key)
        times = [time for model in models if (time := self._times.get((model._meta.label, text))) is not None]
        latest = max(times, default=None)
        if latest is None or (met_at is not None and latest < stored_time(self._alias, met_at)):
            return None
        return latest
