"""Which of the remote's versions LOCAL has seen, where both sides were made equal by hand.

An object that is equal on both sides was seen by LOCAL as the remote has it, whoever has changed it there. Without that
being written down, the first change of LOCAL's users would be taken for concurrent with it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from django.db.models import Model

from ...capture.keys import encode_key
from ...conf import local_alias
from ...key_texts import full_key
from ...vendors.vendor import writing_on
from ..identity.arrivals import write_arrivals
from ..identity.reference_table import Name, Receipt, ReferenceTable, Stored, text_of
from ..log.own_windows import WindowNumbers, own_rows
from ..log.users_changes import last_changes
from ..log.versions import Version, time_after
from ..log.window import highest_id


def note_seen(table: ReferenceTable, root: type[Model], equal: Mapping[Any, Any]) -> None:
    """Note on LOCAL the versions that the remote has of objects which are equal on both sides.

    Args:
        table: the references of both sides.
        root: the root model, whose objects have no rows in other tables.
        equal: local keys to remote keys.
    """
    if not equal or not table.others_may_ask:
        return
    write_arrivals(table.remote)
    versions = _versions_there(table, root, equal.values())
    if not versions:
        return
    here: dict[str, list[Stored]] = {}
    for row in table.to_rows(local_alias(), root, list(map(text_of, equal))):
        here.setdefault(row.remote_pk, []).append(row)
    seen = highest_id(local_alias())
    received: dict[Stored, Receipt] = {}
    new: list[tuple[Name, Any, Receipt]] = []
    for key, remote_key in equal.items():
        if (found := versions.get(remote_key)) is None:
            continue
        receipt = Receipt(found[0], seen, found[1])
        rows = here.get(text_of(key), ())
        received.update((row, receipt) for row in rows if row.version is None)
        if not rows:
            name = Name(table.target, text_of(remote_key), full_key(encode_key(remote_key)), None)
            new.append((name, key, receipt))
    with writing_on(local_alias()):
        table.of_local().receive(received)
        table.of_local().insert(root, new)


def _versions_there(
    table: ReferenceTable, root: type[Model], remote_keys: Iterable[Any]
) -> dict[Any, tuple[Version, str | None]]:
    """Return the versions of rows of the remote, and of their fields, by their keys."""
    texts = {text_of(key): key for key in remote_keys}
    received: dict[Any, Stored] = {}
    for row in sorted(table.to_rows(table.remote, root, texts), key=_seen):
        received[texts[row.remote_pk]] = row
    label, keys = root._meta.label, {encode_key(key): key for key in texts.values()}
    last = {keys[text]: change for (_, text), change in last_changes(table.remote, label, keys, "") if text in keys}
    own = {key: change.id for key, change in last.items() if change.id > _seen(received.get(key))}
    rows, numbers = own_rows(table.remote, list(own.values())), WindowNumbers(table.remote)
    found: dict[Any, tuple[Version, str | None]] = {}
    for key in texts.values():
        stored = received.get(key)
        version = None if stored is None else stored.version
        if (changed := rows.get(own.get(key, 0))) is not None:
            time = time_after(changed.time_or(last[key].time), version, changed.id - _seen(stored))
            found[key] = Version(table.target, numbers.of(changed), time), None
        elif stored is not None and version is not None:
            found[key] = version, stored.fields
    return found


def _seen(stored: Stored | None) -> int:
    return 0 if stored is None else stored.seen or 0
