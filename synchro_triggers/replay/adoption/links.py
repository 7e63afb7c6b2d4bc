"""Links of many-to-many fields: django-synchro knew whose had changed, not which, and sent all of that object's.

So LOCAL's log gets a row for each link that there is, and one for each that only the remote has: between objects of
which both are known.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import Any, NamedTuple

from django.db.models import Model

from ...capture.keys import encode_key
from ...capture.tables import is_many_to_many, is_of_links
from ...conf import local_alias
from ..identity.references import Identity
from ..rows.selecting import rows_with
from ..schema.shape import root_of, shape_of
from .old_tables import OldRow
from .taking import Taking, existing, is_told_by_key


class _Side(NamedTuple):
    """A table of links, seen from one of its two ends."""

    through: type[Model]
    own: Any
    other: Any


def take_links(taking: Taking, identity: Identity, model: type[Model], owners: Mapping[Any, OldRow]) -> None:
    """Note what LOCAL's log gets of the links of some objects.

    Args:
        identity: has read the references of these objects.
        model: theirs.
        owners: their keys, and the rows that say that their links have changed.
    """
    if not owners:
        return
    there = dict(_known_owners(taking, identity, model, owners))
    for side in _sides(model):
        if side.through._meta.label not in taking.captured or not taking.is_on_both(side.through):
            continue
        if is_of_links(side.through):
            _take_side(taking, side, owners, there)
        else:
            _take_objects(taking, side, owners, there)


def _known_owners(
    taking: Taking, identity: Identity, model: type[Model], owners: Iterable[Any]
) -> Iterator[tuple[Any, Any]]:
    """Yield the remote keys of owners, and their own; those that are new for the remote have no links there."""
    shape = shape_of(model)
    told = is_told_by_key(identity, shape)
    for key in owners:
        there = taking.known(identity, (shape.root, key))
        if there is not None or told:
            yield (key if there is None else there), key


def _sides(model: type[Model]) -> Iterator[_Side]:
    found: dict[_Side, None] = {}
    for field in model._meta.get_fields(include_hidden=True):
        declared: Any = field if not field.auto_created else getattr(field, "field", None)
        if not field.many_to_many or declared is None or not is_many_to_many(declared):
            continue
        through = declared.remote_field.through
        names = declared.m2m_field_name(), declared.m2m_reverse_field_name()
        own, other = (through._meta.get_field(name) for name in (names[::-1] if field.auto_created else names))
        found[_Side(through, own, other)] = None
    yield from found


def _take_side(taking: Taking, side: _Side, owners: Mapping[Any, OldRow], there: Mapping[Any, Any]) -> None:
    own, other = side.own.attname, side.other.attname
    here: set[tuple[Any, Any]] = set()
    rows = rows_with(side.through, local_alias(), **{own: list(owners)}).order_by("pk").values_list("pk", own, other)
    for pk, owner, end in rows:
        here.add((owner, end))
        taking.write(side.through, encode_key(pk), "I", owners[owner])
    rows = rows_with(side.through, taking.remote, **{own: list(there)}).order_by("pk").values_list("pk", own, other)
    found = [(pk, there[owner], end) for pk, owner, end in rows]
    ends = _keys_here(taking, side.other.remote_field.model, {end for _, _, end in found})
    for pk, owner, end in found:
        if end in ends and (owner, ends[end]) not in here:
            old = {side.own.column: encode_key(owner), side.other.column: encode_key(ends[end])}
            # No row of LOCAL's has this key: that of the link, which is gone, nobody knows.
            taking.write(side.through, f"-{pk}", "D", owners[owner], old_values=json.dumps(old))


def _keys_here(taking: Taking, model: type[Model], theirs: Collection[Any]) -> dict[Any, Any]:
    """Return the local keys of rows of the remote, as far as they are known."""
    root, identity = root_of(model), taking.identity()
    identity.load_claims(root, theirs)
    keys = {there: identity.claimed_by(root, there) for there in theirs}
    if taking.dry_run:
        keys.update({there: key for (each, key), there in taking.found.items() if each is root and there in keys})
    if is_told_by_key(identity, shape_of(root)):
        keys = {there: there for there in existing(root, local_alias(), list(theirs))}
    return {there: key for there, key in keys.items() if key is not None}


def _take_objects(taking: Taking, side: _Side, owners: Mapping[Any, OldRow], there: Mapping[Any, Any]) -> None:
    """Of a through model that users have written, each link is an object: known ones are changed, others are new.

    Where the remote has one of this owner's that nobody knows, it may be one of these: nothing says that they are new.
    """
    own, identity = side.own.attname, taking.identity()
    rows = rows_with(side.through, local_alias(), **{own: list(owners)}).order_by("pk").values_list("pk", own)
    identity.load(side.through, [pk for pk, _ in rows])
    of_remote = rows_with(side.through, taking.remote, **{own: list(there)}).order_by().values_list("pk", own)
    identity.load_claims(side.through, [pk for pk, _ in of_remote])
    claimed = {there for (_, _), there in taking.found.items()} if taking.dry_run else set()
    doubtful = {
        there[owner] for pk, owner in of_remote if identity.claimed_by(side.through, pk) is None and pk not in claimed
    }
    root = root_of(side.through)
    for pk, owner in rows:
        known = taking.known(identity, (root, pk)) is not None
        taking.write(side.through, encode_key(pk), "U" if known or owner in doubtful else "I", owners[owner])
