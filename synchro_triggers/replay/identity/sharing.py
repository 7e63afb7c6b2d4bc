"""Objects that were found to be one: LOCAL learns the names that the remote knows of them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.db.models import Model

from ...capture.keys import encode_key
from ...conf import local_alias
from ...key_texts import full_key
from ...vendors.vendor import writing_on
from ..schema.shape import gives_keys_again
from .reference_table import Name, Receipt, ReferenceTable, Stored, text_of


def share_names(table: ReferenceTable, root: type[Model], linked: Mapping[Any, Any]) -> None:
    """Store on LOCAL what others call objects, where others may call them something.

    The remote has been told what LOCAL calls them. Where neither side has ever sent such an object to anybody, that is
    all there is to know.

    Args:
        table: the references of both sides.
        root: the root model.
        linked: local keys to remote keys.
    """
    if not linked or not gives_keys_again(root):
        return
    there: dict[str, list[Stored]] = {}
    for row in table.to_rows(table.remote, root, {text_of(remote_key) for remote_key in linked.values()}):
        if row.source != table.source:
            there.setdefault(row.remote_pk, []).append(row)
    if not there and not table.others_may_ask:
        return
    here = {row.remote_pk for row in table.to_rows(local_alias(), root, {text_of(key) for key in linked})}
    new: list[tuple[Name, Any]] = []
    for key, remote_key in linked.items():
        names = [row.name for row in there.get(text_of(remote_key), ())]
        new += ((name, key) for name in names or [_name(table.target, remote_key)])
        if text_of(key) not in here:
            new.append((_name(table.source, key), key))
    makers, texts = {name.source for name, _ in new}, {name.key for name, _ in new}
    known = {(row.source, row.local_pk, row.ended) for row in table.named(local_alias(), root, makers, texts)}
    with writing_on(local_alias()):
        untold = [(name, key) for name, key in new if (name.source, name.key, name.ended) not in known]
        table.of_local().insert(root, [(name, key, Receipt(None, None)) for name, key in untold])


def _name(source: str, key: Any) -> Name:
    return Name(source, text_of(key), full_key(encode_key(key)), None)
