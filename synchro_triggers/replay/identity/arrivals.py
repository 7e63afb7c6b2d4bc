"""Versions of what has come to a database that nobody asks for them: a row for each transaction that has brought some.

To write a version into each object's reference would double the price of an update. So a transaction notes all of its
versions in one row. They are written into the references, and the row goes, as soon as somebody asks: a run to the
database from another one, or one from it; and where its log is pruned.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from django.db import transaction
from django.db.models import QuerySet

from ...models import Arrival
from ...vendors.vendor import writing_on
from ..log.heard import read_versions, versions_text
from ..log.versions import Version
from ..rows.own_rows import has_rows
from ..schema.shape import model_of
from .reference_table import Receipt, ReferenceTable, Stored

#: So much text is read at a time, and written into references in one transaction: some 10,000 versions.
_AT_A_TIME = 250_000

#: What a version is noted as: its time, where its author is the sender, and the number of the window is 1; else author,
#: number, time, the versions of fields, and upon which ones it was written; the last two may be missing.
Entry = int | list[Any]

#: By root model's label, and what the keys of rows are stored as.
Entries = dict[str, dict[str, Entry]]


def entry_of(receipt: Receipt) -> Entry | None:
    """Return what a version is noted as that has come; ``None``: nobody has written it down."""
    version = receipt.version
    if version is None:
        return None
    if receipt.upon is not None:
        return [*version, receipt.fields, receipt.upon]
    return [*version, receipt.fields] if receipt.fields is not None else list(version)


def note_arrivals(alias: str, source: str, seen: int, brought: Entries, gone: Entries) -> None:
    """Note what the transaction that is open has brought, and deleted.

    Args:
        alias: the database.
        source: node id of the sender.
        seen: how far the database's log goes.
        brought, gone: the versions.
    """
    if brought or gone:
        texts = (json.dumps(each, separators=(",", ":")) for each in (brought, gone))
        row = Arrival(source=source, seen=seen, **dict(zip(("brought", "gone"), texts, strict=True)))
        Arrival._base_manager.using(alias).bulk_create([row])


def write_arrivals(alias: str) -> None:
    """Write all that was noted into the references of a database; one query where there is nothing.

    Whoever does so at the same time waits, and finds the rest.
    """
    while has_rows(Arrival, alias):
        with writing_on(alias):
            noted = Arrival._base_manager.using(alias)
            rows = list(_first(noted.order_by("pk")))
            if noted.filter(pk__in=[row.pk for row in rows])._raw_delete(alias) == len(rows):
                _write(alias, rows)
            elif rows:
                transaction.set_rollback(True, using=alias)


def _first(noted: QuerySet[Arrival]) -> Iterator[Arrival]:
    """Yield as many rows as are written at a time; a follower's are small, and a large run's are not."""
    size = 0
    for row in noted.iterator(chunk_size=20):
        yield row
        size += len(row.brought) + len(row.gone)
        if size >= _AT_A_TIME:
            return


def _write(alias: str, rows: Iterable[Arrival]) -> None:
    brought, gone = (_last_receipts(rows, name) for name in ("brought", "gone"))
    table = ReferenceTable(alias, "", "")
    for label, receipts in brought.items():
        if (root := model_of(label)) is not None:
            table.receive(_newer(table.to_rows(alias, root, receipts), receipts))
    for label, receipts in gone.items():
        if (root := model_of(label)) is not None:
            table.bury_kept(root, receipts)


def _newer(stored: Iterable[Stored], receipts: Mapping[str, Receipt]) -> dict[Stored, Receipt]:
    """Return what is to be written: not where the database has received, or taken for its own, something since.

    What has lost a conflict there since was not received, but seen: its users' version is the later one.
    """
    newer = {row: receipts[row.remote_pk] for row in stored if not is_older(receipts[row.remote_pk], row)}
    return {row: _upon_all(receipt, row) for row, receipt in newer.items()}


def _upon_all(receipt: Receipt, row: Stored) -> Receipt:
    if row.upon is None or row.upon == receipt.upon:
        return receipt
    noted = () if receipt.upon is None else read_versions(receipt.upon)
    return receipt._replace(upon=versions_text([*row.basis.upon, *noted]))


def is_older(receipt: Receipt, row: Stored) -> bool:
    """Tell whether a reference says more than what was noted."""
    seen, noted = row.seen or 0, receipt.seen or 0
    return seen > noted or (seen == noted and row.number is not None)


def _last_receipts(rows: Iterable[Arrival], name: str) -> dict[str, dict[str, Receipt]]:
    """Return what has come last, by labels of root models and what the keys of rows are stored as."""
    found: dict[str, dict[str, Receipt]] = {}
    for row in rows:
        for label, entries in json.loads(getattr(row, name)).items():
            of_label = found.setdefault(label, {})
            of_label.update((text, _receipt(row, entry)) for text, entry in entries.items())
    return found


def _receipt(row: Arrival, entry: Entry) -> Receipt:
    if isinstance(entry, int):
        return Receipt(Version(row.source, 1, entry), row.seen)
    author, number, time, *more = entry
    fields, upon = (*more, None, None)[:2]
    return Receipt(Version(author, number, time), row.seen, fields, upon=upon)
