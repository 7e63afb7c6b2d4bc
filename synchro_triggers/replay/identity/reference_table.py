"""The table of references: which remote row each object of one node is, stored in the database that received it."""

from __future__ import annotations

import datetime
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from django.db.models import Model

from ...capture.keys import encode_key
from ...conf import LOCAL
from ...key_texts import full_key, is_digest, read_full_key, stored_key
from ...models import Reference
from ...moment import UtcNow
from ..rows.selecting import rows_with
from ..rows.statements import insert_texts, update_rows
from ..schema.keys import FormerKey


class Stored(NamedTuple):
    """A row of the table, as it is: ``Reference`` says what its columns mean."""

    pk: int
    local_pk: str
    local_text: str | None
    remote_pk: str
    remote_text: str | None
    logged: int | None
    remote_won: bool
    replaced_at: datetime.datetime | None

    @property
    def local(self) -> str:
        """The text of the local key."""
        return read_full_key(self.local_pk, self.local_text)

    @property
    def remote(self) -> str:
        """The text of the remote key."""
        return read_full_key(self.remote_pk, self.remote_text)


def text_of(key: Any) -> str:
    """Return what a key is stored as; a long one's full text stands beside it."""
    return str(key) if type(key) is int else stored_key(encode_key(key))  # nearly all are short, and plain text


class ReferenceTable:
    """Reads and writes references from LOCAL to a remote; reads those of the other direction, which LOCAL stores.

    Args:
        source, target: the node ids of LOCAL and of the remote.
    """

    def __init__(self, remote: str, source: str, target: str) -> None:
        self._remote, self._source, self._target = remote, source, target

    # Reading --------------------------------------------------------------------------------------

    def of(self, root: type[Model], **texts: Collection[str]) -> list[Stored]:
        """Return the references to rows of one table, where ``local_pk`` or ``remote_pk`` is one of the texts."""
        return self._read(self._remote, self._source, root, texts)

    def backwards(self, root: type[Model], **texts: Collection[str]) -> list[Stored]:
        """Return those of what came from the remote: ``remote_pk`` is the key on LOCAL, ``local_pk`` the one there."""
        return self._read(LOCAL, self._target, root, texts)

    def _read(self, alias: str, source: str, root: type[Model], texts: Mapping[str, Collection[str]]) -> list[Stored]:
        references = rows_with(Reference, alias, **texts).filter(source=source, model_label=root._meta.label)
        return list(map(Stored._make, references.values_list(*Stored._fields)))

    def met_at(self, pks: Collection[int]) -> dict[int, datetime.datetime]:
        """Return when objects last met their remote rows (the remote's clock), by the references' primary keys."""
        return dict(rows_with(Reference, self._remote, pk=pks).values_list("pk", "met_at"))

    # Writing --------------------------------------------------------------------------------------

    def delete(self, pks: Collection[int]) -> None:
        if pks:
            rows_with(Reference, self._remote, pk=pks)._raw_delete(self._remote)

    def rename(self, pk: int, key: FormerKey) -> None:
        """Store a reference under the key of an object that is gone: its number is another one's."""
        rows_with(Reference, self._remote, pk=[pk]).update(local_pk=text_of(key), local_text=full_key(key))

    def move(self, moved: Iterable[tuple[int, Any, int | None]]) -> None:
        """Let references lead to other rows: their primary keys, remote keys, and the last log rows of the objects."""
        columns = [Reference._meta.get_field(name) for name in ("remote_pk", "remote_text", "logged", "replaced_at")]
        values = [(pk, text_of(there), _full_text_of(there), logged, None) for pk, there, logged in moved]
        if values:
            id_field = Reference._meta.get_field("id")
            update_rows(self._remote, Reference, [id_field], columns, values)  # type: ignore[arg-type]

    def insert(self, root: type[Model], new: Sequence[tuple[Any, Any, int | None]]) -> None:
        """Store references: local keys, remote keys, and the last log rows of the objects."""
        names: tuple[str, ...] = ("local_pk", "remote_pk", "logged")
        rows: list[tuple[Any, ...]] = [(text_of(key), text_of(there), logged) for key, there, logged in new]
        if any(is_digest(text) for *pair, _ in rows for text in pair):
            names += ("local_text", "remote_text")
            rows = [(*row, *map(_full_text_of, keys[:2])) for row, keys in zip(rows, new, strict=True)]
        insert_texts(self._remote, Reference, {"source": self._source, "model_label": root._meta.label}, names, rows)

    def meet(self, pks: Collection[int]) -> None:
        """Note that objects and their remote rows were made equal now."""
        if pks:
            rows_with(Reference, self._remote, pk=pks).update(met_at=UtcNow(), remote_won=False, replaced_at=None)

    def lose(self, root: type[Model], keys: Iterable[Any]) -> None:
        """Note that the remote's rows were kept in conflicts."""
        references = rows_with(Reference, self._remote, local_pk=list(map(text_of, keys)))
        references.filter(source=self._source, model_label=root._meta.label).update(remote_won=True)


def _full_text_of(key: Any) -> str | None:
    return full_key(encode_key(key))
