"""Under which names LOCAL knows its objects: who has made each of them, and under which key there.

What LOCAL has made is named by its own key, and that is written down nowhere on LOCAL, unless the object has other
names too. Of what others have made, LOCAL's references hold the names: whoever brought it has handed on all that it
knew. An object that a natural key or ``synchro_link`` has found to be one with another has the names of both.

A key may be given out again. So the name of an object that its maker has deleted says when its key ended there: at
which row of the maker's log (``Name.ended``). It keeps that name wherever it lives on, and also where it comes back to
its maker, under another key. Who has not heard of the end knows a row of the maker's log that spoke of the object: the
first end after that is its own (``end_of``). All that have had a key are found by one look-up, and told apart by that.

A row of LOCAL's that is gone leaves its references behind as tombstones (``gone_key``): those that a replay has deleted
are marked as it goes, those that LOCAL's own users have deleted when a run reads that in the log (``settle_gone``).
What is inserted under such a key later is another object.
"""

from __future__ import annotations

import datetime
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from typing import Any

from django.db.models import Model, QuerySet

from ...conf import local_alias
from ...key_texts import gone_key, name_of_unseen
from ...models import ChangeLog, Reference
from ...moment import as_utc
from ..log.changes import Change
from ..rows.own_rows import has_rows
from ..rows.selecting import rows_with
from ..rows.utc import zone_of
from ..schema.keys import FormerKey, Unreadable
from ..schema.shape import gives_keys_again, model_of, read_key, root_of
from ..tasks import At
from .logged_keys import LoggedKeys
from .reference_table import EVERYBODY, Name, ReferenceTable, Stored, text_of
from .telling import leaves_kept_graves

#: Tells whose a reference to what LOCAL has made is, which has not been told that the key has ended: the local key of
#: the object that has the key now, or of one that had it; ``None``: nobody's.
Whose = Callable[[type[Model], Any, Stored], Any]


def end_of(name: Name, ends: Collection[int]) -> int:
    """Return the row of the maker's log that says that an object's key is its no longer; 0: it still is.

    Where a key was given out more than once before somebody was told, that one knows only of a later end.

    Args:
        name: the object.
        ends: all such rows that are known of the key.
    """
    if name.ended and (name.logged is None or name.logged >= name.ended):
        return name.ended  # its maker's word is all that there is, or the row itself is what spoke of it last
    return min((end for end in ends if end > (name.logged or 0)), default=name.ended)


def is_unsure(name: Name) -> bool:
    """Tell whether nothing says which of those that have had its key an object is."""
    return name.logged is None and not name.ended


class Names:
    """The names of a batch's objects, but for those that are LOCAL's own and stand alone.

    Args:
        table: the references of both sides.
        log: what LOCAL's log says of keys.
        kept_keys: labels of models with the option ``identity: 'pk'``.

    Attributes:
        known: root model and local key to names. What is not in it has none but LOCAL's own.
        received: the reference that says which version LOCAL has received last.
        lives_on: objects that were deleted, as the log says, and that have come back under other keys since.
        ended: the remote's references that do not know yet that their keys have ended, and the rows that say so.
    """

    def __init__(self, table: ReferenceTable, log: LoggedKeys, kept_keys: Collection[str]) -> None:
        self._table, self._log, self._kept_keys = table, log, kept_keys
        self._ends: dict[tuple[type[Model], str, str], set[int]] = {}
        self.known: dict[At, list[Name]] = {}
        self.ended: dict[type[Model], dict[Stored, int]] = {}
        self.received: dict[At, Stored] = {}
        self.lives_on: set[At] = set()

    def references_of(self, root: type[Model], keys: Iterable[Any], whose: Whose) -> Iterator[tuple[Any, Stored]]:
        """Read the names of local keys, and yield the keys with the remote's references to what they are.

        Each is yielded before the next is looked at: who has a reference already may tell whose the next one is.
        """
        by_text: dict[str, Any] = {}
        formers: dict[str, list[FormerKey]] = {}
        for key in keys:
            if isinstance(key, FormerKey):
                formers.setdefault(text_of(key), []).append(key)
            else:
                by_text[text_of(key)] = key
        names = self._load(root, by_text, formers)
        makers = {self._table.source, *(name.source for some in names.values() for name in some)}
        texts = {*by_text, *formers, *(name.key for some in names.values() for name in some)}
        rows = self._table.named(self._table.remote, root, makers, texts) if texts else []
        for row in sorted(rows, key=lambda row: not row.ended) if formers else rows:
            own = row.source == self._table.source and (row.local_pk in by_text or row.local_pk in formers)
            key = (
                self._whose(root, by_text.get(row.local_pk), formers.get(row.local_pk, ()), row, whose) if own else None
            )
            if key is not None:
                yield key, row
        for key, some in self._rows_of(root, names, rows).items() if names else ():
            yield from ((key, row) for row in some)

    def _whose(self, root: type[Model], key: Any, formers: Iterable[FormerKey], row: Stored, whose: Whose) -> Any:
        """Return the local key of what LOCAL has made, or ``None``.

        What has come back under another key is spoken of by that: it has the old one as a name.
        """
        if not row.ended:
            found = None if key is None else whose(root, key, row)
        elif key is not None and self._log.ended.get((root, key)) == row.ended:
            found = key
        else:
            found = next((former for former in formers if former.ended == row.ended), None)
        if (root, found) not in self.lives_on:
            return found
        if not row.ended:
            self.ended.setdefault(root, {})[row] = self._log.ended[root, found]
        return None

    # Names on LOCAL -----------------------------------------------------------------------------------

    def _load(
        self, root: type[Model], by_text: Mapping[str, Any], formers: Mapping[str, Collection[FormerKey]]
    ) -> dict[Any, list[Name]]:
        """Read the names of local keys, by what they are stored as; return what was found."""
        if not self._table.local_receives:
            return {}
        going: dict[str, list[tuple[Any, int]]] = {}
        kept: dict[str, Any] = {}
        if gives_keys_again(root, self._kept_keys):
            going = {text: [(former, former.ended) for former in some] for text, some in formers.items()}
            for text, key in by_text.items():
                if self._log.is_going(root, key):
                    going.setdefault(text, []).append((key, self._log.ended.get((root, key), 0)))
        elif leaves_kept_graves(root, self._kept_keys):
            kept = {gone_key(text): key for text, key in by_text.items()}
        graves: dict[str, list[Stored]] = {}
        found: dict[Any, list[Name]] = {}
        for row in self._table.to_rows(local_alias(), root, [*by_text, *map(gone_key, going), *kept]):
            if row.remote_pk in kept:
                if row.source == EVERYBODY:  # this version has deleted it, though it may have come back
                    self._note_received(root, kept[row.remote_pk], row)
            elif row.is_gone:
                graves.setdefault(row.remote_pk, []).append(row)
            elif row.replaced_at is None:
                self._note(root, by_text[row.remote_pk], row, found)
        for text, some in going.items() if graves else ():
            for key, ended in some:
                for row in _those_that_went(graves.get(gone_key(text), ()), ended):
                    self._note(root, key, row, found)
        for some in going.values():
            for key, _ in some:
                if isinstance(key, Unreadable) and key not in found and (name := name_of_unseen(key)) is not None:
                    self._note_unseen(root, key, Name(name[0], name[1], None, *name[2:]), found)
        self.known.update(((root, key), names) for key, names in found.items())
        if found or going:
            self._learn_of_keys(root, found, going)
        return found

    def _note(self, root: type[Model], key: Any, row: Stored, found: dict[Any, list[Name]]) -> None:
        found.setdefault(key, []).append(row.name)
        self._note_received(root, key, row)

    def _note_received(self, root: type[Model], key: Any, row: Stored) -> None:
        known = self.received.get((root, key))
        if known is None or (known.seen or 0) < (row.seen or 0):
            self.received[root, key] = row

    def _note_unseen(self, root: type[Model], key: Unreadable, name: Name, found: dict[Any, list[Name]]) -> None:
        """Note the names of an object that LOCAL had deleted already when the deletion came of which its log tells."""
        named = self._table.named(local_alias(), root, {name.source}, {name.key})
        for row in _same_here(name, named):
            if row.is_gone:
                for each in self._table.to_rows(local_alias(), root, [row.remote_pk]):
                    if each.gone == row.gone:
                        self._note(root, key, each, found)

    def _learn_of_keys(
        self, root: type[Model], found: Mapping[Any, list[Name]], going: Mapping[str, list[tuple[Any, int]]]
    ) -> None:
        """Read who else has had the makers' keys, and what has come back of what LOCAL has made and deleted."""
        if not gives_keys_again(root, self._kept_keys):
            return
        names = [name for some in found.values() for name in some]
        makers, keys = {name.source for name in names}, {name.key for name in names}
        if going:
            makers.add(self._table.source)
        for row in self._table.named(local_alias(), root, makers, {*keys, *going}):
            if not row.ended:
                continue
            self._ends.setdefault((root, row.source, row.local_pk), set()).add(row.ended)
            if row.source == self._table.source and row.remote_pk != gone_key(row.local_pk):
                ended_so = (key for key, ended in going.get(row.local_pk, ()) if ended == row.ended)
                self.lives_on.update((root, key) for key in ended_so)

    # References on the remote -------------------------------------------------------------------------

    def _rows_of(
        self, root: type[Model], names: Mapping[Any, list[Name]], rows: Iterable[Stored]
    ) -> dict[Any, list[Stored]]:
        """Return those references of the remote's that speak of objects under one of their names."""
        by_name: dict[tuple[str, str], list[Stored]] = {}
        for row in rows:
            by_name.setdefault((row.source, row.local_pk), []).append(row)
        found: dict[Any, list[Stored]] = {}
        for key, some in names.items():
            for number, name in enumerate(some):
                if there := by_name.get((name.source, name.key)):
                    ended, same = self._that_are(root, name, there)
                    some[number] = name._replace(ended=ended)
                    if same:
                        found.setdefault(key, []).extend(same)
        return found

    def _that_are(self, root: type[Model], name: Name, rows: Collection[Stored]) -> tuple[int, list[Stored]]:
        """Return when the key of an object has ended, and those references with its maker and key that speak of it.

        Where nothing tells which of those that have had the key is meant, the one that there is counts.
        """
        ends = {name.ended, *(row.ended for row in rows), *self._ends.get((root, name.source, name.key), ())} - {0}
        mine = end_of(name, ends)
        same = [row for row in rows if end_of(row.name, ends) == mine]
        if not same:
            same = [row for row in rows if not row.ended and (is_unsure(name) or is_unsure(row.name))]
            mine = name.ended if same or is_unsure(name) else mine
        for row in rows:
            ended = mine if row in same else 0 if is_unsure(row.name) else end_of(row.name, ends)
            if ended and not row.ended:
                self.ended.setdefault(root, {})[row] = ended
        return mine, same

    def keys_of(self, root: type[Model], rows: Collection[Stored]) -> dict[int, Any]:
        """Return the local keys of objects that references of the remote's speak of, by their primary keys.

        One that LOCAL has had, and that is gone, has a ``FormerKey``. What LOCAL does not know is left out.
        """
        if not rows or not self._table.local_receives:
            return {}
        here = self._table.named(local_alias(), root, {row.source for row in rows}, {row.local_pk for row in rows})
        by_name: dict[tuple[str, str], list[Stored]] = {}
        for each in here:
            by_name.setdefault((each.source, each.local_pk), []).append(each)
        found: dict[int, Any] = {}
        for row in rows:
            for each in _same_here(row.name, by_name.get((row.source, row.local_pk), ())):
                found[row.pk] = each.remote_key(root)
        return found


def _same_here(name: Name, rows: Collection[Stored]) -> list[Stored]:
    ends = {name.ended, *(row.ended for row in rows)} - {0}
    same = [row for row in rows if end_of(row.name, ends) == end_of(name, ends)]
    return same or [row for row in rows if is_unsure(name) or is_unsure(row.name)]


def _those_that_went(graves: Collection[Stored], ended: int) -> list[Stored]:
    """Return the references of a row that is gone, of all that have had its key.

    Args:
        graves: of all of them.
        ended: the row of LOCAL's log that says that it is gone; 0: not known.
    """
    if found := [row for row in graves if row.gone in {0, ended}]:
        return found
    last = max((row.gone or 0 for row in graves if not ended or (row.gone or 0) < ended), default=0)
    return [row for row in graves if row.gone == last]


def settle_gone(source: str, changes: Iterable[Change], kept_keys: Collection[str]) -> None:
    """Let LOCAL's references say which rows are gone, and which keys have ended, as LOCAL's log has it.

    What has met a row since is another object, which has its number: as times of one database tell. Nothing is open on
    the remote while this is written: two databases that synchronise to each other would wait for one another.

    Args:
        source: node id of LOCAL.
        changes: of one page.
        kept_keys: labels of models that keep their primary key.
    """
    gone: dict[type[Model], dict[str, int]] = {}
    for change in changes:
        model = model_of(change.label) if change.deleted and change.certain and change.logged else None
        if model is not None and root_of(model) is model and gives_keys_again(model, kept_keys):
            key = read_key(model, change.key, zone_of(local_alias()))
            ended = key.ended if isinstance(key, FormerKey) else change.last
            text = text_of(key)
            gone.setdefault(model, {})[text] = max(ended, gone.get(model, {}).get(text, 0))
    if not gone or not has_rows(Reference, local_alias()):
        return
    for model, ended_at in gone.items():
        _end(source, model, ended_at)
        rows = rows_with(Reference, local_alias(), remote_pk=ended_at).filter(model_label=model._meta.label)
        met = list(rows.values_list("pk", "remote_pk", "seen", "met_at"))
        times = _logged_at(ended_at[text] for _, text, _, _ in met)
        for pk, text, seen, met_at in met:
            if (time := times.get(ended_at[text])) is not None and as_utc(met_at) <= time:
                row = _as_it_was(pk, text, seen)
                # What LOCAL itself has made is known by its log; which version it had received, only this tells.
                row.filter(source=source, local_pk=text, number=None).delete()
                _bury(source, row, text, ended_at[text])
        _settle_graves(source, model, ended_at)


def _settle_graves(source: str, model: type[Model], ended_at: Mapping[str, int]) -> None:
    """Note which rows of LOCAL's log say that what a replay has deleted is gone."""
    texts = {gone_key(text): text for text in ended_at}
    graves = rows_with(Reference, local_alias(), remote_pk=texts).filter(model_label=model._meta.label)
    last: dict[str, int] = {}
    new: list[tuple[int, str, int | None]] = []
    for pk, gone, seen, remote_pk in graves.values_list("pk", "gone", "seen", "remote_pk"):
        text = texts[remote_pk]
        last[text] = max(last.get(text, 0), gone or 0)
        if not gone:
            new.append((pk, text, seen))
    for pk, text, seen in new:
        if last[text] < ended_at[text]:
            _bury(source, _as_it_was(pk, gone_key(text), seen), text, ended_at[text])


def _as_it_was(pk: int, remote_pk: str, seen: int | None) -> QuerySet[Reference]:
    """Return a reference, unless a run to LOCAL has brought something of its object meanwhile: then it is settled."""
    return rows_with(Reference, local_alias(), pk=[pk]).filter(remote_pk=remote_pk, seen=seen)


def _bury(source: str, row: QuerySet[Reference], text: str, ended: int) -> None:
    """Let a reference be that of a row that is gone."""
    row.filter(source=source, local_pk=text, ended=0).update(ended=ended)
    row.update(remote_pk=gone_key(text), remote_text=None, gone=ended)


def _end(source: str, model: type[Model], ended_at: Mapping[str, int]) -> None:
    """Note that the keys of objects have ended which have come back from elsewhere, under other keys.

    That was after the end: by the log, or, where this database's version stands above what has come, by the clock.
    """
    named = rows_with(Reference, local_alias(), local_pk=ended_at).filter(source=source, ended=0)
    rows = named.filter(model_label=model._meta.label).values_list("pk", "local_pk", "remote_pk", "seen", "met_at")
    back = [row for row in rows if row[2] not in {row[1], gone_key(row[1])}]
    times = _logged_at(ended_at[text] for _, text, _, seen, _ in back if not seen)
    for pk, text, _, seen, met_at in back:
        ended = ended_at[text]
        time = times.get(ended)
        if seen >= ended if seen else time is not None and as_utc(met_at) >= time:
            rows_with(Reference, local_alias(), pk=[pk]).update(ended=ended)


def _logged_at(ids: Iterable[int]) -> dict[int, datetime.datetime]:
    """Return when rows of LOCAL's log were written."""
    wanted = set(ids)
    if not wanted:
        return {}
    rows = rows_with(ChangeLog, local_alias(), pk=wanted)
    return {pk: as_utc(time) for pk, time in rows.values_list("pk", "logged_at")}
