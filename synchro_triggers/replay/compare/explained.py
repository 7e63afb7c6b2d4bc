"""Why objects are not the same, as far as anybody knows: logged and not yet replayed, kept, or lost in a conflict."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from django.db import connections
from django.db.models import Model, QuerySet
from django.utils.translation import gettext as _

from ...capture.keys import encode_key, logged_texts
from ...conf import local_alias
from ...key_texts import read_full_key, stored_key
from ...models import ChangeLog, Checkpoint, Failure
from ..log.window import Window, in_window, open_window
from ..rows.own_rows import has_rows, read_rows
from ..rows.raw_keys import is_of_one_object
from ..rows.selecting import rows_of, rows_with
from ..rows.utc import zone_of
from ..rows.values import logged_values
from ..schema.keys import FormerKey, Unreadable
from ..schema.link_shapes import LinkShape
from ..schema.shape import read_key
from ..state.lists import texts_in


@dataclass(frozen=True)
class Way:
    """One direction: what a database has logged, and what another one has received and kept of it.

    Attributes:
        log: the alias of the database that logs.
        receiver: the alias of the one that receives.
        source, target: their node ids.
    """

    log: str
    receiver: str
    source: str
    target: str

    @property
    def why_pending(self) -> str:
        """What is to be told of what is pending."""
        text = _("logged on '%(log)s', and not yet replayed on '%(receiver)s'")
        return text % {"log": self.log, "receiver": self.receiver}

    def pending(self, model: type[Model], labels: Sequence[str], keys: Collection[Any]) -> set[Any]:
        """Return those of the keys (of the database that logs) of which something is logged and not yet received."""
        wanted: dict[str, Any] = {}
        verbatim = True
        for key in keys:
            texts = logged_texts(model, [key])
            verbatim = verbatim and texts is not None
            wanted.update(dict.fromkeys([encode_key(key), *(texts or ())], key))
        if not wanted:
            return set()
        found: set[Any] = set()
        zone = zone_of(self.log)
        for rows in self._pending_rows(labels, wanted if verbatim else None):
            logged = rows.values_list("object_pk", flat=True)
            if verbatim:
                found.update(wanted[text] for text in logged.distinct())
            else:  # in the way of the vendor: only reading each of them tells
                read = (encode_key(read_key(model, text, zone)) for text in logged.iterator())
                found.update(wanted[text] for text in read if text in wanted)
        return found

    def pending_links(self, shape: LinkShape) -> Iterator[tuple[Any, Any]]:
        """Yield the ends that rows of links had of which something is logged and not yet received."""
        for rows in self._pending_rows([shape.through._meta.label]):
            for old in rows.exclude(old_values=None).values_list("old_values", flat=True).iterator():
                yield from self._ends(shape, old)

    def _pending_rows(self, labels: Sequence[str], texts: Collection[str] | None = None) -> Iterator[QuerySet[Any]]:
        """Yield rows of the log that were not received yet, of some keys or of all."""
        for window in self._windows():
            if window.rows:
                where, params = in_window(connections[self.log], window.start, window.end, window.since, self.target)
                after = max(window.after, window.first - 1)
                rows = rows_of(ChangeLog, self.log)
                if texts is not None:
                    rows = rows_with(ChangeLog, self.log, object_pk=texts)
                rows = rows.filter(id__gt=after, id__lte=window.last, model_label__in=labels)
                yield rows.extra(where=[where], params=params)

    def _windows(self) -> Iterator[Window]:
        """Yield what the next run would read: the rest of one that was cut off, or is under way, and what is new."""
        found = read_rows(Checkpoint, self.receiver, source=self.source)
        checkpoint = found[0] if found else Checkpoint(source=self.source)
        start, since = checkpoint.position, checkpoint.since
        if end := checkpoint.window_end:
            after = checkpoint.window_after
            yield open_window(self.log, start, end=end, after=after, since=since, without_origin=self.target)
            start, since = end, None
        yield open_window(self.log, start, since=since, without_origin=self.target)

    def kept(self, model: type[Model], labels: Sequence[str], keys: Collection[Any]) -> dict[Any, str]:
        """Return the errors of those of the keys (of the database that logs) of which a failure is kept."""
        if not keys or not has_rows(Failure, self.receiver, source=self.source):
            return {}
        living = [key for key in keys if not isinstance(key, FormerKey | Unreadable)]
        if logged_texts(model, living) is None:  # in the way of the vendor
            return self._kept_in_any_way(model, labels, keys)
        texts = {stored_key(encode_key(key)): key for key in keys}
        texts |= {stored_key(text): key for key in living for text in logged_texts(model, [key]) or ()}
        rows = rows_with(Failure, self.receiver, object_pk=texts).filter(source=self.source, model_label__in=labels)
        return {texts[text]: error for text, error in rows.values_list("object_pk", "error")}

    def _kept_in_any_way(self, model: type[Model], labels: Sequence[str], keys: Collection[Any]) -> dict[Any, str]:
        """Do the same where only reading each of the failures' keys tells."""
        wanted = {encode_key(key): key for key in keys}
        zone = zone_of(self.log)
        rows = rows_of(Failure, self.receiver).filter(source=self.source, model_label__in=labels)
        found: dict[Any, str] = {}
        for stored, full, error in rows.values_list("object_pk", "object_text", "error").iterator():
            text = encode_key(read_key(model, read_full_key(stored, full), zone))
            if text in wanted:
                found[wanted[text]] = error
        return found

    def kept_links(self, shape: LinkShape) -> Iterator[tuple[tuple[Any, Any], str]]:
        """Yield the ends of links of which a failure is kept, as they were when it was logged, and the errors."""
        rows = rows_of(Failure, self.receiver).filter(source=self.source, model_label=shape.through._meta.label)
        for stored, error in rows.exclude(old_values=None).values_list("old_values", "error"):
            for old in texts_in(stored):
                yield from ((ends, error) for ends in self._ends(shape, old))

    def _ends(self, shape: LinkShape, old: str) -> Iterator[tuple[Any, Any]]:
        """Yield the ends that a row of links had; nothing if they cannot be read: then it explains nothing."""
        try:
            values = logged_values(shape.through, old, self.log)
        except Exception as error:
            if not is_of_one_object(error):
                raise
            return
        yield values.get(shape.source_attname), values.get(shape.target_attname)


def two_ways(remote: str, source: str, target: str, *, logs: bool) -> tuple[Way, Way | None]:
    """Return the way from LOCAL to a remote, and the one back, if LOCAL has ever received something from there.

    Args:
        logs: whether the remote has triggers.
    """
    back = logs and has_rows(Checkpoint, local_alias(), source=target)
    return Way(local_alias(), remote, source, target), Way(remote, local_alias(), target, source) if back else None
