"""A database that was put back goes on as a node of its own: the successor of the one that it was.

Others know its lost objects by keys that it gives out again, and its lost changes by numbers of windows. So from now on
it makes objects, and changes them, under a new identity. What the backup holds is the older node's, as if that had sent
it: references give the names, and the versions of what that one's users had changed. So nothing that was given away is
given out again; what is lost comes back from the others, as any change does; and what users have done since the backup
was put back is the successor's.

How far its remotes have received it is told where they meet next (``state.succession``).
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from itertools import islice
from typing import Any, NamedTuple

from django.db import connections
from django.db.models import Model

from ...capture.install import captured_models_on
from ...capture.keys import encode_key
from ...capture.tables import is_of_links
from ...conf import get_settings, local_alias
from ...key_texts import full_key, gone_key
from ...models import ChangeLog, Checkpoint, Node, Operation, Reference, UsersChange, Window
from ...vendors.vendor import writing_on
from ..identity.arrivals import write_arrivals
from ..identity.content_types import are_told_by_names
from ..identity.reference_table import EVERYBODY, Name, Receipt, ReferenceTable, Stored, text_of
from ..identity.telling import leaves_kept_graves
from ..log.changed_fields import FieldsRow, last_by_users, rows_of_objects
from ..log.field_versions import FieldVersion, fields_text, newest_of
from ..log.heard import versions_text
from ..log.own_windows import OwnRow, WindowNumbers, last_number, own_rows
from ..log.vendor import log_of
from ..log.versions import Version, time_after
from ..rows.selecting import rows_of, rows_with
from ..rows.utc import times_in_utc, zone_of
from ..schema.family import family_of
from ..schema.keys import Unreadable
from ..schema.shape import family_labels, gives_keys_again, read_key, root_of, shape_of, telling_labels
from ..state.knowing import write_knowledge
from ..state.knowledge import are_windows_numbered
from ..state.node import node_id, set_identity
from ..state.succession import take_over
from .counted_before import CountedBefore
from .loss import last_before

_CHUNK = 1000


class _Came(NamedTuple):
    """That an object was deleted, or made: a row of the log."""

    id: int
    operation: str
    origin: str


class _Grave(NamedTuple):
    """A tombstone: the object's name, its key as it was stored, its version, and the row that says that it is gone."""

    name: Name
    text: str
    receipt: Receipt
    gone: int


def is_known_to_several(remotes: Iterable[str]) -> bool:
    """Tell whether others than a remote that only receives know LOCAL's objects and changes.

    Args:
        remotes: to which LOCAL sends.
    """
    return are_windows_numbered(remotes, node_id(local_alias()))


def succeed(marks: Mapping[str, str]) -> list[str]:
    """Let LOCAL be the successor of the node that it was, and let those know that have received what it has lost.

    Args:
        marks: of these, as ``marks_of_loss()`` returns them.

    Returns:
        Counters of which nobody can tell how much was added before, and how much since.
    """
    alias, before = local_alias(), last_before(marks.values())
    with times_in_utc(alias, *marks), writing_on(alias):
        write_arrivals(alias)
        succession = Succession(before)
        for root in dict.fromkeys(map(root_of, captured_models_on(alias))):
            if not (is_of_links(root) or are_told_by_names(root)):
                succession.name_all(root)
        counted = CountedBefore(succession.source, before, tuple(marks))
        for shape in map(shape_of, captured_models_on(alias)):
            counted.note_all(shape)
        succession.log_again()
        own = ChangeLog.objects.using(alias).filter(origin="", id__lte=before)
        own.filter(model_label__in=succession.labels).update(origin=succession.source)
        UsersChange._base_manager.using(alias).filter(row__lte=before)._raw_delete(alias)
        if number := succession.last_known:
            write_knowledge(alias, [""], {succession.source: number})
        Checkpoint._base_manager.using(alias).update(passed=0)
        log_of(connections[alias]).forget_transactions(connections[alias])
        succeeds = Node.objects.using(alias).values_list("succeeds", flat=True).get(pk=1)
        set_identity(alias, new=True)
        older = ",".join(filter(None, (succession.source, succeeds)))
        Node.objects.using(alias).filter(pk=1).update(succeeds=older, counting="")
    for remote in marks:
        take_over(remote)
    return counted.unsure


class Succession:
    """Writes down on LOCAL what its objects are called, and which versions it has of them.

    Args:
        before: the last row of its log that is the older node's.

    Attributes:
        source: the older node.
        labels: of the models whose log rows are that one's.
    """

    def __init__(self, before: int) -> None:
        alias = local_alias()
        self.source, self._before = node_id(alias), before
        self._numbers = WindowNumbers(alias)
        # A reference of LOCAL's to its own row, as another node's run would have stored it.
        self._table = ReferenceTable(alias, self.source, self.source)
        settings = get_settings()
        self._kept_keys, self._by_field = settings.identity, settings.merged_by_field
        self.labels: set[str] = set()

    @property
    def last_known(self) -> int:
        """The last window of the older node's of which all is here."""
        since = ChangeLog.objects.using(local_alias()).filter(origin="", id__gt=self._before).order_by("id").first()
        if since is None:
            return last_number(local_alias())
        row = OwnRow(since.pk, since.txid, None)
        return min(last_number(local_alias()), self._numbers.of(row) - 1)

    def name_all(self, root: type[Model]) -> None:
        """Do so for all objects of a root model, and for those that the log says are gone."""
        self.labels |= {root._meta.label, *family_labels(root)}
        keys = rows_of(root, local_alias()).order_by("pk").values_list("pk", flat=True)
        last = None
        while some := list((keys if last is None else keys.filter(pk__gt=last))[:_CHUNK]):
            self._name(root, some)
            last = some[-1]
        deleted = self._deleted(root)
        while some := list(islice(deleted, _CHUNK)):
            there = set(rows_with(root, local_alias(), pk=some).values_list("pk", flat=True))
            self._name(root, [key for key in some if key not in there])

    def _deleted(self, root: type[Model]) -> Iterator[Any]:
        rows = ChangeLog.objects.using(local_alias()).filter(operation=Operation.DELETE)
        rows = rows.filter(model_label__in=telling_labels(root))
        zone = zone_of(local_alias())
        for text in rows.order_by("object_pk").values_list("object_pk", flat=True).distinct().iterator():
            key = read_key(root, text, zone)
            if not isinstance(key, Unreadable):  # no key, but the name of what this database has never had
                yield key

    def _name(self, root: type[Model], keys: Collection[Any]) -> None:
        texts = {text_of(key): key for key in keys}
        came = self._came(root, keys)
        live, gone = self._references(root, texts)
        models = family_of(shape_of(root), gone=True)
        rows = rows_of_objects(local_alias(), models, keys, id__lte=self._before) if keys else {}
        own = own_rows(local_alias(), [row.id for some in rows.values() for row in some if not row.origin])
        new: list[tuple[Name, Any, Receipt]] = []
        graves: list[_Grave] = []
        for text, key in texts.items():
            story = _Story(rows.get(key, []), came.get(key, []), self._before)
            if (end := story.ended_before) is not None:
                known = [*live.get(text, ()), *(row for row in gone.get(text, ()) if row.gone in {0, end.id})]
                self._bury(root, key, end, own, known, graves)
                continue
            if story.is_made_since:
                continue
            receipt = self._receipt(root, text, story.rows, own, live.get(text, ()))
            if live.get(text):
                self._table.receive({row: receipt for row in live[text] if receipt is not None})
                continue
            receipt = receipt or Receipt(None, self._before)
            name = Name(self.source, text, full_key(encode_key(key)), story.last_id)
            if story.gone_since:
                graves.append(_Grave(name, text, receipt, story.gone_since))
            else:
                new.append((name, key, receipt))
        self._insert(root, new, graves)

    def _came(self, root: type[Model], keys: Collection[Any]) -> dict[Any, list[_Came]]:
        """Return when objects were made and deleted, as the log says, in that order."""
        operations = (Operation.INSERT, Operation.DELETE)
        texts = {encode_key(key): key for key in keys}
        rows = rows_with(ChangeLog, local_alias(), object_pk=texts).filter(
            model_label__in=telling_labels(root), operation__in=operations
        )
        found: dict[Any, list[_Came]] = {}
        for text, *row in rows.order_by("id").values_list("object_pk", "id", "operation", "origin"):
            found.setdefault(texts[text], []).append(_Came(*row))
        return found

    def _references(
        self, root: type[Model], texts: Collection[str]
    ) -> tuple[dict[str, list[Stored]], dict[str, list[Stored]]]:
        """Return LOCAL's references to rows that are there, and to those that are gone, by keys as they are stored."""
        graves = {gone_key(text): text for text in texts}
        live: dict[str, list[Stored]] = {}
        gone: dict[str, list[Stored]] = {}
        for row in self._table.to_rows(local_alias(), root, [*texts, *graves]):
            if row.is_gone:
                gone.setdefault(graves[row.remote_pk], []).append(row)
            else:
                live.setdefault(row.remote_pk, []).append(row)
        return live, gone

    def _receipt(
        self,
        root: type[Model],
        text: str,
        rows: Collection[FieldsRow],
        own: Mapping[int, OwnRow],
        references: Collection[Stored],
    ) -> Receipt | None:
        """Return what the older node's users have changed last; ``None``: nothing since what was received."""
        stored = max(references, key=lambda row: row.seen or 0, default=None)
        received, seen = (None, 0) if stored is None else (stored.version, stored.seen or 0)
        changes = [row for row in rows if not row.origin and row.id > seen and row.id in own]
        if not changes:
            return None
        version = self._version(own[max(row.id for row in changes)], received, seen)
        basis = _basis_of(stored)
        shape = shape_of(root)
        if shape.label not in self._by_field or shape.other_parents:
            return Receipt(version, self._before, None, *basis)
        last = last_by_users(changes, [each.name for each in shape.copied])
        fields: dict[str, FieldVersion] = {}
        for field in shape.copied:
            known = FieldVersion(None, None) if stored is None else stored.of_field(field.name)
            row = last.get(field.name)
            if row is not None and row.id > (known.seen or 0):
                known = FieldVersion(self._version(own[row.id], known.version, known.seen or 0), self._before)
            fields[field.name] = known
        newest = newest_of(each.version for each in fields.values())
        return Receipt(newest, self._before, fields_text(fields), *basis)

    def _version(self, row: OwnRow, received: Version | None, seen: int) -> Version:
        time = row.time if row.time is not None else 0
        return Version(self.source, self._numbers.of(row), time_after(time, received, row.id - seen))

    # What is gone ---------------------------------------------------------------------------------

    def _bury(
        self,
        root: type[Model],
        key: Any,
        end: _Came,
        own: Mapping[int, OwnRow],
        known: Collection[Stored],
        graves: list[_Grave],
    ) -> None:
        """Leave a tombstone of what the older node's users have deleted, or note that in the references that it has."""
        if end.origin or end.id not in own:
            return
        text, full = text_of(key), full_key(encode_key(key))
        stored = max(known, key=lambda row: row.seen or 0, default=None)
        received, seen = (None, 0) if stored is None else (stored.version, stored.seen or 0)
        receipt = Receipt(self._version(own[end.id], received, min(seen, end.id)), self._before)
        if known:
            if end.id > seen:
                self._table.receive(dict.fromkeys(known, receipt))
        elif gives_keys_again(root, self._kept_keys):
            graves.append(_Grave(Name(self.source, text, full, end.id, end.id), text, receipt, end.id))
        elif leaves_kept_graves(root, self._kept_keys):
            graves.append(_Grave(Name(EVERYBODY, text, None, None), text, receipt, 0))

    def _insert(
        self, root: type[Model], new: Collection[tuple[Name, Any, Receipt]], graves: Collection[_Grave]
    ) -> None:
        """Store names that are not known: what was deleted may have come back under another key, with its name."""
        texts = {each[0].key for each in new} | {each.name.key for each in graves}
        named = self._table.named(local_alias(), root, {self.source, EVERYBODY}, texts) if texts else ()
        known = {(row.source, row.local_pk, row.ended) for row in named}
        self._table.insert(root, [each for each in new if (self.source, each[0].key, 0) not in known])
        left = [each for each in graves if (each.name.source, each.name.key, each.name.ended) not in known]
        self._table.insert_graves(root, [(each.name, each.text, each.receipt) for each in left])
        for name, text, _, gone in left:
            if gone:
                rows = rows_with(Reference, local_alias(), remote_pk=[gone_key(text)], local_pk=[name.key])
                rows = rows.filter(source=name.source, model_label=root._meta.label, ended=name.ended, gone=0)
                rows.update(gone=gone)

    def log_again(self) -> None:
        """Let the log speak once more of what others may have received in the lost time only, as it was by then.

        An object that was made shortly before the backup, and deleted before anybody had asked, is known to nobody.
        """
        rows = ChangeLog.objects.using(local_alias())
        since = set(rows.filter(id__gt=self._before).values_list("model_label", "object_pk"))
        windows = Window._base_manager.using(local_alias()).filter(number__lt=self.last_known).order_by("-number")
        position = windows.values_list("position", flat=True).first() or ""
        after = log_of(connections[local_alias()]).received_to(position)
        own = rows.filter(origin="", id__gt=after, id__lte=self._before, model_label__in=self.labels)
        names = ("model_label", "object_pk", "operation", "changed_fields", "old_values")
        again = own.order_by("id").values(*names)
        rows.bulk_create(
            [
                ChangeLog(**each, origin=self.source)
                for each in again
                if (each["model_label"], each["object_pk"]) not in since
            ]
        )


def _basis_of(stored: Stored | None) -> tuple[int | None, str | None]:
    """Return what the older node's users had seen of an object, where that has not seen as much of all objects."""
    if stored is None or (stored.came_with is None and stored.upon is None):
        return None, None
    return stored.came_with, versions_text([*stored.basis.upon, *stored.versions])


class _Story:
    """What became of the object that has a key, or of the last one that had it.

    Args:
        rows: of the log, of the older node's time.
        came: when it was made and deleted, in order.
        before: the last row of that time.
    """

    def __init__(self, rows: list[FieldsRow], came: list[_Came], before: int) -> None:
        self.rows = rows
        self._earlier = [each for each in came if each.id <= before]
        self._since = [each for each in came if each.id > before]

    @property
    def last_id(self) -> int | None:
        """The last row that spoke of it."""
        return max((row.id for row in self.rows), default=None)

    @property
    def is_made_since(self) -> bool:
        """Whether what has the key was made since, and nothing had it before."""
        return bool(self._since) and self._since[0].operation == Operation.INSERT

    @property
    def gone_since(self) -> int:
        """The row by which what had the key was deleted since; 0: it was not."""
        return self._since[0].id if self._since and self._since[0].operation == Operation.DELETE else 0

    @property
    def ended_before(self) -> _Came | None:
        """That nothing had the key when the backup was made: a deletion is the last that was told."""
        last = self._earlier[-1] if self._earlier else None
        return last if last is not None and last.operation == Operation.DELETE else None
