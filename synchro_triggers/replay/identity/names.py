"""Under which names LOCAL knows its objects: who has made each of them, and under which key there.

What LOCAL has made is named by its own key, and that is written down nowhere on LOCAL, unless the object has other
names too. Of what others have made, LOCAL's references hold the names: whoever brought it has handed on all that it
knew. An object that a natural key or ``synchro_link`` has found to be one with another has the names of both.

A row of LOCAL's that is gone leaves its references behind as tombstones (``gone_key``): those that a replay has deleted
are marked as it goes, those that LOCAL's own users have deleted when a run reads that in the log (``settle_gone``).
What is inserted under such a key later is another object.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from typing import Any

from django.db.models import Model

from ...capture.keys import encode_key
from ...conf import local_alias
from ...key_texts import gone_key, is_gone_key
from ...models import ChangeLog, Reference
from ...moment import as_utc
from ..log.changes import Change
from ..rows.own_rows import has_rows
from ..rows.selecting import rows_with
from ..rows.utc import zone_of
from ..schema.keys import FormerKey
from ..schema.shape import gives_keys_again, model_of, read_key, root_of
from ..tasks import At
from .logged_keys import LoggedKeys
from .reference_table import Name, ReferenceTable, Stored, text_of


class Names:
    """The names of a batch's objects, but for those that are LOCAL's own and stand alone.

    Args:
        table: the references of both sides.
        log: what LOCAL's log says of keys.
        kept_keys: labels of models with the option ``identity: 'pk'``.

    Attributes:
        known: root model and local key to names. What is not in it has none but LOCAL's own.
        lives_on: objects that were deleted, as the log says, and that have come back under other keys.
        received: of those, the reference that says which version LOCAL has received.
        formers: the remote's references to rows of objects whose keys their makers have given out again since, as LOCAL
            knows: their primary keys, and how the objects are called now.
    """

    def __init__(self, table: ReferenceTable, log: LoggedKeys, kept_keys: Collection[str]) -> None:
        self._table, self._log, self._kept_keys = table, log, kept_keys
        self._ends: dict[tuple[type[Model], str, str], set[int]] = {}
        self.known: dict[At, list[Name]] = {}
        self.formers: dict[int, FormerKey] = {}
        self.received: dict[At, Stored] = {}
        self.lives_on: set[At] = set()

    def load(self, root: type[Model], by_text: Mapping[str, Any]) -> dict[Any, list[Name]]:
        """Read the names of local keys of one root model, by what they are stored as; return what was found."""
        if not self._table.local_receives:
            return {}
        keys: dict[str, list[Any]] = {text: [key] for text, key in by_text.items()}
        formers: dict[str, Any] = {}
        for text, key in by_text.items() if gives_keys_again(root, self._kept_keys) else ():
            if isinstance(key, FormerKey):
                formers[key.number] = key
                gone = [gone_key(key.number), gone_key(key.number, key.ended)]
            elif self._log.is_going(root, key):
                gone = [gone_key(text), gone_key(text, self._log.until(root, key) or "")]
            else:
                continue
            for each in gone:
                keys.setdefault(each, []).append(key)
        found: dict[Any, list[Name]] = {}
        for stored in self._table.to_rows(local_alias(), root, keys):
            if stored.replaced_at is None or stored.is_gone:
                for key in keys[stored.remote_pk]:
                    found.setdefault(key, []).append(_name_of(stored))
                    self._note_received((root, key), stored)
        self._find_what_lives_on(root, by_text)
        unnamed = {number: key for number, key in formers.items() if key not in found}
        for stored in self._table.to_gone_rows(root, list(unnamed)) if unnamed else ():
            found.setdefault(unnamed[stored.remote], []).append(_name_of(stored))
            self._note_received((root, unnamed[stored.remote]), stored)
        self.known.update(((root, key), names) for key, names in found.items())
        return found

    def _find_what_lives_on(self, root: type[Model], by_text: Mapping[str, Any]) -> None:
        """Note which of the objects that LOCAL has made, and deleted, have come back since, under other keys."""
        formers = {text: key for text, key in by_text.items() if isinstance(key, FormerKey)}
        for text, key in by_text.items():
            if self._log.is_going(root, key) and (ended := self._log.until(root, key)) is not None:
                formers[FormerKey.of(text, ended)] = key
        for row in self._table.named(local_alias(), root, {self._table.source}, formers) if formers else ():
            if not row.is_gone:
                self.lives_on.add((root, formers[row.local_pk]))

    def _note_received(self, at: At, stored: Stored) -> None:
        known = self.received.get(at)
        if known is None or (known.seen or 0) < (stored.seen or 0):
            self.received[at] = stored

    def rows_of(
        self, root: type[Model], names: Mapping[Any, Collection[Name]], rows: Iterable[Stored]
    ) -> dict[Any, list[Stored]]:
        """Return those references of the remote's that speak of objects under one of their names.

        Args:
            root: the root model.
            names: local keys to names.
            rows: the references with these makers and keys.
        """
        by_name = {(each.source, each.local_pk): each for each in rows}
        pairs: list[tuple[Any, Name, Stored]] = []
        for key, some in names.items():
            for name in some:
                for text in _texts_of(name):
                    if (stored := by_name.get((name.source, text))) is not None:
                        pairs.append((key, name, stored))
        self._learn_ends(root, ((name, stored) for _, name, stored in pairs))
        found: dict[Any, list[Stored]] = {}
        for key, name, stored in pairs:
            if self._is_same(root, name, stored):
                found.setdefault(key, []).append(stored)
            elif stored.local_pk == name.key:
                self._tell_apart(root, key, name, stored)
        return found

    def _tell_apart(self, root: type[Model], key: Any, name: Name, stored: Stored) -> None:
        """Call that one of two objects by the name of a former one which is: its key was given out again."""
        first, last = sorted((name.logged or 0, stored.logged or 0))
        ends = self._ends[root, name.source, name.key]
        former = FormerKey.of(name.key, min(ended for ended in ends if first < ended <= last))
        if stored.logged == first:
            self.formers[stored.pk] = former
        else:
            own = self.known[root, key]
            own[own.index(name)] = name._replace(key=former, text=None)

    def keys_of(self, root: type[Model], rows: Collection[Stored]) -> dict[int, Any]:
        """Return the local keys of objects that references of the remote's speak of, by their primary keys.

        One that LOCAL has had, and that is gone, has a ``FormerKey``. What LOCAL does not know is left out.
        """
        if not rows or not self._table.local_receives:
            return {}
        texts = {each.local_pk for each in rows}
        here = self._table.named(local_alias(), root, {each.source for each in rows}, texts)
        by_name = {(each.source, each.local_pk): each for each in here}
        pairs = [(each, stored) for each in rows if (stored := by_name.get((each.source, each.local_pk))) is not None]
        self._learn_ends(root, ((_name_of(stored), each) for each, stored in pairs))
        found: dict[int, Any] = {}
        for each, stored in pairs:
            if self._is_same(root, _name_of(stored), each):
                key = read_key(root, stored.remote)
                found[each.pk] = FormerKey.of(encode_key(key), 0) if stored.is_gone else key
        return found

    # Keys that their makers have given out again ------------------------------------------------------

    def _is_same(self, root: type[Model], name: Name, stored: Stored) -> bool:
        """Tell whether a name and a reference that have one maker and one key speak of one object.

        Both know a row of the maker's log that spoke of their object. Between the two rows the maker may have deleted
        it, and given its key out again: some node has a tombstone then.
        """
        if FormerKey.is_one(name.key) and gives_keys_again(root, self._kept_keys):
            return stored.local_pk == name.key or (stored.logged or 0) < FormerKey(name.key).ended
        if name.logged is None or stored.logged is None or name.logged == stored.logged:
            return True
        first, last = sorted((name.logged, stored.logged))
        return not any(first < ended <= last for ended in self._ends.get((root, name.source, name.key), ()))

    def _learn_ends(self, root: type[Model], pairs: Iterable[tuple[Name, Stored]]) -> None:
        if not gives_keys_again(root, self._kept_keys):
            return
        unknown: dict[str, set[str]] = {}
        for name, stored in pairs:
            differ = None not in (name.logged, stored.logged) and name.logged != stored.logged
            if differ and not FormerKey.is_one(name.key) and (root, name.source, name.key) not in self._ends:
                unknown.setdefault(name.source, set()).add(name.key)
                self._ends[root, name.source, name.key] = set()
        for (source, number), ended in (self._table.former_names(root, unknown) if unknown else {}).items():
            self._ends[root, source, number] |= ended


def _name_of(stored: Stored) -> Name:
    return Name(stored.source, stored.local_pk, stored.local_text, stored.logged)


def _texts_of(name: Name) -> tuple[str, ...]:
    """Return what a name may be stored as on the remote, which need not know yet that the object is gone."""
    return (name.key, FormerKey(name.key).number) if FormerKey.is_one(name.key) else (name.key,)


def asked_texts(names: Iterable[Collection[Name]]) -> tuple[set[str], set[str]]:
    """Return the makers of objects, and what their keys may be stored as on the remote."""
    all_ = [name for some in names for name in some]
    return {name.source for name in all_}, {text for name in all_ for text in _texts_of(name)}


def settle_gone(source: str, changes: Iterable[Change], kept_keys: Collection[str]) -> None:
    """Let LOCAL's references say that rows are gone which LOCAL's log says were deleted.

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
            number, ended = (key.number, key.ended) if isinstance(key, FormerKey) else (text_of(key), change.last)
            gone.setdefault(model, {})[number] = max(ended, gone.get(model, {}).get(number, 0))
    if not gone or not has_rows(Reference, local_alias()):
        return
    for model, ended_at in gone.items():
        _rename_what_lives_on(source, model, ended_at)
        rows = rows_with(Reference, local_alias(), remote_pk=ended_at).filter(model_label=model._meta.label)
        met = {pk: (text, as_utc(met_at)) for pk, text, met_at in rows.values_list("pk", "remote_pk", "met_at")}
        logged = rows_with(ChangeLog, local_alias(), pk=[ended_at[text] for text, _ in met.values()]) if met else None
        times = {pk: as_utc(time) for pk, time in logged.values_list("pk", "logged_at")} if logged is not None else {}
        for pk, (text, met_at) in met.items():
            if (time := times.get(ended_at[text])) is not None and met_at <= time:
                row = rows_with(Reference, local_alias(), pk=[pk])
                own = row.filter(source=source)  # what LOCAL itself has made is known by its log
                own.filter(number=None).delete()
                # But which version it had received when it was deleted, only this tells.
                own.filter(local_pk=text).update(local_pk=FormerKey.of(text, ended_at[text]))
                row.update(remote_pk=gone_key(text, ended_at[text]))


def _rename_what_lives_on(source: str, model: type[Model], ended_at: Mapping[str, int]) -> None:
    """Call an object that has come back from elsewhere, under another key, by the name of one whose key was free."""
    named = rows_with(Reference, local_alias(), local_pk=ended_at).filter(source=source, model_label=model._meta.label)
    for pk, text, remote_pk, seen in named.values_list("pk", "local_pk", "remote_pk", "seen"):
        if remote_pk != text and not is_gone_key(remote_pk) and (seen or 0) >= ended_at[text]:
            rows_with(Reference, local_alias(), pk=[pk]).update(local_pk=FormerKey.of(text, ended_at[text]))
