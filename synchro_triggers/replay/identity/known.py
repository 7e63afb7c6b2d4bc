"""Which objects are known to be on both sides: by references alone, without a look at the rows."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from typing import Any

from django.db.models import CharField, Exists, Model, OuterRef
from django.db.models.functions import Cast

from ...conf import local_alias
from ...key_texts import KEY_LENGTH
from ...models import Reference
from ..rows.selecting import rows_of
from .logged_keys import LoggedKeys
from .names import Names
from .reference_table import ReferenceTable, Stored, text_of

_CHUNK = 10_000


def references_of(
    remote: str, source: str, target: str, kept_keys: Collection[str], root: type[Model], keys: Iterable[Any]
) -> tuple[dict[Any, list[Stored]], set[Any]]:
    """Return the remote's references to rows that are local objects.

    Args:
        remote: the remote alias.
        source, target: the node ids of LOCAL and of the remote.
        kept_keys: labels of models with the option ``identity: 'pk'``.
        root: the root model.
        keys: local keys.

    Returns:
        Local key to references; and those of the keys that name what the remote has made itself.
    """
    names = Names(ReferenceTable(remote, source, target), LoggedKeys(kept_keys), kept_keys)
    found: dict[Any, list[Stored]] = {}
    for key, row in names.references_of(root, keys, lambda root, key, row: key):
        if not row.is_gone:
            found.setdefault(key, []).append(row)
    theirs = {at for at, some in names.known.items() if any(each.source == target and not each.ended for each in some)}
    return found, {key for _, key in theirs}


def keys_with_references(
    remote: str, source: str, target: str, kept_keys: Collection[str], root: type[Model], keys: Iterable[Any]
) -> set[Any]:
    """Return those of the local keys whose objects are known to be on the remote; arguments as ``references_of()``."""
    found, made_there = references_of(remote, source, target, kept_keys, root, keys)
    return found.keys() | made_there


def rows_with_references(
    remote: str, source: str, target: str, kept_keys: Collection[str], root: type[Model], remote_keys: Iterable[Any]
) -> set[Any]:
    """Return those of the remote keys that LOCAL has made or received, or has heard of under another name."""
    table = ReferenceTable(remote, source, target)
    by_text = {text_of(key): key for key in remote_keys}
    if not by_text:
        return set()
    rows = table.to_rows(remote, root, by_text)
    known = {row.remote_pk for row in rows if row.source == source}
    if table.local_receives:
        here = table.named(local_alias(), root, {target}, by_text)
        known |= {row.local_pk for row in here if not row.is_gone and not row.ended}
        others = [row for row in rows if row.source not in {source, target}]
        heard = Names(table, LoggedKeys(kept_keys), kept_keys).keys_of(root, others)
        known |= {row.remote_pk for row in others if row.pk in heard}
    return {by_text[text] for text in known if text in by_text}


def unclaimed_rows(
    remote: str, source: str, target: str, kept_keys: Collection[str], root: type[Model]
) -> Iterator[list[Any]]:
    """Yield the keys of the remote's rows that neither came from LOCAL nor went there, some at a time.

    Arguments as for ``references_of()``.
    """
    claims = Reference.objects.using(remote).filter(
        source=source, model_label=root._meta.label, remote_pk=Cast(OuterRef("pk"), CharField(max_length=KEY_LENGTH))
    )
    rows = rows_of(root, remote).filter(~Exists(claims)).order_by("pk").values_list("pk", flat=True)
    some = rows
    while keys := list(some[:_CHUNK]):
        known = rows_with_references(remote, source, target, kept_keys, root, keys)
        yield [key for key in keys if key not in known]
        some = rows.filter(pk__gt=keys[-1])
