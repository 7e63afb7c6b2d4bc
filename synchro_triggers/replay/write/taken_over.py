"""Rows that an object takes over, by its natural key, from one that is gone: what that one had in children's tables."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from django.db.models import Model, QuerySet

from ...capture.keys import encode_key
from ...conf import local_alias
from ...exceptions import ObjectNotApplied
from ...key_texts import printable_key
from ..identity.matching import Matching
from ..identity.references import Identity
from ..rows.selecting import rows_of, rows_with
from ..rows.values import local_value
from ..schema.relations import links_to, links_to_children
from ..schema.shape import Shape, concrete_of, parents_of, shape_of, tables_of


@dataclass(frozen=True)
class Place:
    """A row of the remote's that an object of LOCAL has from now on, whosever it was: its own, or a parent's of it.

    Attributes:
        shape, key: the local object, or the parent's row of it, of which this is the row.
        remote_key: the row's; ``None``: there is none yet.
        living: the object's model.
    """

    shape: Shape
    key: Any
    remote_key: Any
    living: type[Model]


def places_of(
    shape: Shape, instance: Model, remote_key: Any, row: Model | None, others: Mapping[str, Any]
) -> Iterator[Place]:
    """Yield the rows that an object will have, its own first, then those of parents that have keys of their own.

    Args:
        remote_key, row: its row's key, and its row, if it is there.
        others: what the keys of those parents are on the remote, by the attributes that hold them; of one that is not
            named the object keeps the row that it has, whosever that was.
    """
    yield Place(shape, instance.pk, remote_key, shape.model)
    for parent in shape.other_parents:
        name = parent.link.attname
        there = others[name] if name in others or row is None else row.__dict__[name]
        yield Place(shape_of(parent.model), local_value(instance, parent.link), there, shape.model)


def is_taken_over(identity: Identity, place: Place) -> bool:
    """Tell whether a row that may have other children's rows is known to be another object than who gets it."""
    return _links_to_others(place.shape.model, place.living) != () and _is_anothers(identity, place)


def children_left(matching: Matching, place: Place) -> list[Model]:
    """Return the children's rows of an object that is gone, where one that is no such child takes its row over.

    That they are to go cannot be told later on: nothing says any more whose they were. Those that LOCAL still has stay:
    the other object is two children at once, or a child with a key of its own has gone to another parent.
    """
    if not is_taken_over(matching.identity, place):
        return []
    return [
        row
        for link in _links_to_others(place.shape.model, place.living)
        for row in rows_of(link.model, matching.identity.remote).filter(**{link.attname: place.remote_key})
        if not _stays(matching, link, row, place.key)
    ]


def _stays(matching: Matching, link: Any, child: Model, key: Any) -> bool:
    """Tell whether LOCAL still has a child's row: under the key of who has its parent's row, or under its own."""
    if link.primary_key:
        return rows_of(link.model, local_alias()).filter(pk=key).exists()
    return bool(matching.living.keys_of([child]))


def links_left(identity: Identity, place: Place) -> Iterator[QuerySet[Any]]:
    """Yield, by table, the links of an object that is gone, whose row another one takes over: they would have gone too.

    Those that the other one has on LOCAL are left out.
    """
    if not has_links(place.shape) or not _is_anothers(identity, place):
        return
    for field in _links_of(place.shape):
        [other] = [each for each in field.model._meta.local_fields if each.is_relation and each is not field]
        model = concrete_of(other.remote_field.model)
        here = set(
            rows_with(field.model, local_alias(), **{field.attname: [place.key]}).values_list(other.attname, flat=True)
        )
        identity.load(model, here)
        stay = [known for end in here if (known := identity.known(model, end)) is not None]
        rows = rows_with(field.model, identity.remote, **{field.attname: [place.remote_key]})
        yield rows.exclude(**{f"{other.attname}__in": stay})


def _is_anothers(identity: Identity, place: Place) -> bool:
    if place.remote_key is None:
        return False
    return identity.claimed_by(place.shape.model, place.remote_key) not in (None, place.key)


def key_is_anothers(identity: Identity, shape: Shape, remote_key: Any) -> ObjectNotApplied:
    """Return the error of a new object whose own key the remote has given to another one, by its natural key."""
    other = printable_key(encode_key(identity.claimed_by(shape.model, remote_key)))
    return ObjectNotApplied(
        f"its key is on {identity.remote!r} that of another object, {shape.root._meta.label} {other} on "
        f"{local_alias()!r}, which has the row by its natural key. Nothing was written. Give the new one another key "
        f"on {local_alias()!r}"
    )


def has_links(shape: Shape) -> bool:
    """Tell whether automatic many-to-many tables have links of a model's objects."""
    return bool(_links_of(shape))


@cache
def _links_of(shape: Shape) -> tuple[Any, ...]:
    return tuple(dict.fromkeys(link for table in tables_of(shape) for link in links_to(table.model)))


@cache
def _links_to_others(model: type[Model], living: type[Model]) -> tuple[Any, ...]:
    """Return the links of children to the tables in which an object of a model lies, but for what ``living`` is."""
    tables = (model, *parents_of(model))
    links = dict.fromkeys(link for table in tables for link in links_to_children(table))
    # A parent that has a key of its own may have other children too: whose they are is another question.
    own = [link for link in links if concrete_of(link.remote_field.model) in tables]
    return tuple(link for link in own if not issubclass(living, link.model))
