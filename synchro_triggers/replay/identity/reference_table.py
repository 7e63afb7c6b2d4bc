"""The table of references: which remote row each object of one node is, stored in the database that received it."""

from __future__ import annotations

import datetime
from collections.abc import Collection, Iterable, Mapping
from typing import Any, NamedTuple

from django.db.models import Model

from ...capture.tables import encode_key
from ...conf import LOCAL
from ...key_texts import full_key, is_digest, read_full_key, stored_key
from ...models import Reference
from ...moment import UtcNow
from ..rows.selecting import rows_with
from ..rows.statements import insert_texts, update_rows
from ..schema.keys import FormerKey
from ..schema.shape import read_key, read_keys
from ..schema.stored_types import plain_type


class Stored(NamedTuple):
    """What is needed of a ``Reference``."""

    pk: int
    remote_pk: str
    logged: int | None
    remote_won: bool
    replaced_at: datetime.datetime | None


class ReferenceTable:
    """Reads and writes references from LOCAL to a remote; reads those of the other direction, which LOCAL stores.

    Keys are stored as texts, long ones as digests: the full texts stand beside them, and are remembered here.

    Args:
        remote: the remote alias.
        source, target: the node ids of LOCAL and of the remote.
    """

    def __init__(self, remote: str, source: str, target: str) -> None:
        self._remote, self._source, self._target = remote, source, target
        self._full_texts: dict[str, str] = {}

    # Texts of keys --------------------------------------------------------------------------------

    def text(self, key: Any) -> str:
        """Return what a key is stored as."""
        if type(key) is int:  # nearly all are: short, and plain text
            return str(key)
        text = encode_key(key)
        stored = stored_key(text)
        if stored is not text:
            self._full_texts[stored] = text
        return stored

    def key(self, root: type[Model], stored: str) -> Any:
        """Return the key that was stored as a text."""
        return read_key(root, self._full(stored))

    def keys(self, root: type[Model], stored: Iterable[str]) -> list[Any]:
        """Return the keys that were stored as texts."""
        return list(read_keys(root, list(map(self._full, stored))))

    def _full(self, stored: str) -> str:
        return self._full_texts[stored] if self._full_texts and is_digest(stored) else stored

    def _beside(self, stored: str) -> str | None:
        return full_key(self._full(stored)) if is_digest(stored) else None

    def _read_full_texts(self, alias: str, side: str, stored: Mapping[int, str]) -> None:
        """Read the full keys of those rows whose keys, of the one or the other side, are digests."""
        unknown = {pk: text for pk, text in stored.items() if is_digest(text) and text not in self._full_texts}
        if unknown:
            rows = rows_with(Reference, alias, pk=unknown).values_list("pk", f"{side}_text")
            self._full_texts.update((unknown[pk], read_full_key(unknown[pk], full)) for pk, full in rows)

    # Reading --------------------------------------------------------------------------------------

    def of_texts(self, root: type[Model], **texts: Collection[str]) -> list[tuple[str, Stored]]:
        """Return the texts of local keys, and what is stored of them, where ``local_pk`` or ``remote_pk`` is given."""
        references = rows_with(Reference, self._remote, **texts)
        references = references.filter(source=self._source, model_label=root._meta.label)
        names = ("local_pk", "pk", "remote_pk", "logged", "remote_won", "replaced_at")
        rows = [(local_pk, Stored(*stored)) for local_pk, *stored in references.values_list(*names)]
        if plain_type(root._meta.pk) is not int:
            self._read_full_texts(self._remote, "local", {stored.pk: local_pk for local_pk, stored in rows})
            self._read_full_texts(self._remote, "remote", {stored.pk: stored.remote_pk for _, stored in rows})
        return rows

    def came_from_there(self, root: type[Model], keys: Mapping[str, Any]) -> list[tuple[Any, Any, int | None]]:
        """Return the references that LOCAL has stored of objects which came from the remote.

        Args:
            root: the root model.
            keys: local keys by their texts.

        Returns:
            Local key, remote key, and the last row of the remote's log that spoke of the object.
        """
        rows = rows_with(Reference, LOCAL, remote_pk=keys).filter(source=self._target, model_label=root._meta.label)
        came = list(rows.values_list("pk", "remote_pk", "local_pk", "logged"))
        self._read_full_texts(LOCAL, "local", {pk: there for pk, _, there, _ in came})
        return [(keys[here], self.key(root, there), logged) for _, here, there, logged in came]

    def went_to(self, root: type[Model], remote_keys: Iterable[Any]) -> dict[Any, Any]:
        """Return the local keys that remote rows were given when they came to LOCAL, by remote key."""
        by_text = {self.text(key): key for key in remote_keys}
        if not by_text:
            return {}
        rows = rows_with(Reference, LOCAL, local_pk=by_text).filter(source=self._target, model_label=root._meta.label)
        came = list(rows.values_list("pk", "local_pk", "remote_pk"))
        self._read_full_texts(LOCAL, "remote", {pk: here for pk, _, here in came})
        return {by_text[there]: self.key(root, here) for _, there, here in came}

    def met_at(self, pks: Collection[int]) -> dict[int, datetime.datetime]:
        """Return when objects last met their remote rows (the remote's clock), by the references' primary keys."""
        return dict(rows_with(Reference, self._remote, pk=pks).values_list("pk", "met_at"))

    # Writing --------------------------------------------------------------------------------------

    def delete(self, pks: Collection[int]) -> None:
        if pks:
            rows_with(Reference, self._remote, pk=pks)._raw_delete(self._remote)

    def rename(self, pk: int, key: FormerKey) -> None:
        """Store a reference under the key of an object that is gone: its number is another one's."""
        rows_with(Reference, self._remote, pk=[pk]).update(local_pk=self.text(key), local_text=full_key(key))

    def move(self, moved: Iterable[tuple[int, Any, int | None]]) -> None:
        """Let references lead to other rows: their primary keys, remote keys, and the last log rows of the objects."""
        texts = [(pk, self.text(remote_key), logged) for pk, remote_key, logged in moved]
        if texts:
            field = Reference._meta.get_field
            columns = [field("remote_pk"), field("remote_text"), field("logged"), field("replaced_at")]
            values = [(pk, remote_pk, self._beside(remote_pk), logged, None) for pk, remote_pk, logged in texts]
            update_rows(self._remote, Reference, [field("id")], columns, values)  # type: ignore[arg-type,list-item]

    def insert(self, root: type[Model], new: Iterable[tuple[Any, Any, int | None]]) -> None:
        """Store references: local keys, remote keys, and the last log rows of the objects."""
        rows: list[tuple[Any, ...]] = [(self.text(key), self.text(there), logged) for key, there, logged in new]
        names: tuple[str, ...] = ("local_pk", "remote_pk", "logged")
        if any(is_digest(text) for *pair, _ in rows for text in pair):
            names += ("local_text", "remote_text")
            rows = [(*row, *map(self._beside, row[:2])) for row in rows]
        insert_texts(self._remote, Reference, {"source": self._source, "model_label": root._meta.label}, names, rows)

    def meet(self, pks: Collection[int]) -> None:
        """Note that objects and their remote rows were made equal now."""
        if pks:
            rows_with(Reference, self._remote, pk=pks).update(met_at=UtcNow(), remote_won=False, replaced_at=None)

    def lose(self, root: type[Model], keys: Iterable[Any]) -> None:
        """Note that the remote's rows were kept in conflicts."""
        references = rows_with(Reference, self._remote, local_pk=list(map(self.text, keys)))
        references.filter(source=self._source, model_label=root._meta.label).update(remote_won=True)
