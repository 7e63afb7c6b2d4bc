"""Rows that an object takes over, by its natural key, from one that is gone: what that one had in children's tables."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any

from django.db.models import Model, QuerySet

from ...capture.keys import encode_key
from ...conf import local_alias
from ...exceptions import ObjectNotApplied
from ...key_texts import printable_key
from ..identity.references import Identity
from ..rows.selecting import rows_of, rows_with
from ..rows.values import local_value
from ..schema.relations import links_to, links_to_children
from ..schema.shape import Shape, concrete_of, parents_of, shape_of, tables_of


def is_taken_over(
    identity: Identity, shape: Shape, key: Any, remote_key: Any, living: type[Model] | None = None
) -> bool:
    """Tell whether a remote row that may have other children's rows is known to be another object than this one.

    Args:
        shape, key: the local object, or a parent's row of it, which has the row from now on.
        living: the object's model, where that is another one than the row's.
    """
    if remote_key is None or not _links_to_others(shape.model, living or shape.model):
        return False
    return identity.claimed_by(shape.model, remote_key) not in (None, key)


def children_left(
    identity: Identity, shape: Shape, key: Any, remote_key: Any, living: type[Model] | None = None
) -> list[Model]:
    """Return the children's rows of an object that is gone, where one that is no such child takes its row over.

    That they are to go cannot be told later on: nothing says any more whose they were.
    """
    if not is_taken_over(identity, shape, key, remote_key, living):
        return []
    return [
        row
        for link in _links_to_others(shape.model, living or shape.model)
        for row in rows_of(link.model, identity.remote).filter(**{link.attname: remote_key})
    ]


def all_children_left(
    identity: Identity, shape: Shape, instance: Model, remote_key: Any, others: Mapping[str, Any]
) -> list[Model]:
    """Return the same of an object and of its parents that have keys of their own.

    Args:
        remote_key: its row's.
        others: what the keys of those parents are on the remote, by the attributes that hold them.
    """
    found = children_left(identity, shape, instance.pk, remote_key)
    for parent in shape.other_parents:
        key, there = local_value(instance, parent.link), others.get(parent.link.attname)
        found += children_left(identity, shape_of(parent.model), key, there, shape.model)
    return found


def links_left(identity: Identity, shape: Shape, key: Any, remote_key: Any) -> Iterator[QuerySet[Any]]:
    """Yield, by table, the links of an object that is gone, whose row another one takes over: they would have gone too.

    Those that the other one has on LOCAL are left out.

    Args:
        shape, key: the local object that has the row from now on.
    """
    if remote_key is None or not has_links(shape) or identity.claimed_by(shape.model, remote_key) in (None, key):
        return
    for field in _links_of(shape):
        [other] = [each for each in field.model._meta.local_fields if each.is_relation and each is not field]
        model = concrete_of(other.remote_field.model)
        here = set(
            rows_with(field.model, local_alias(), **{field.attname: [key]}).values_list(other.attname, flat=True)
        )
        identity.load(model, here)
        stay = [known for end in here if (known := identity.known(model, end)) is not None]
        rows = rows_with(field.model, identity.remote, **{field.attname: [remote_key]})
        yield rows.exclude(**{f"{other.attname}__in": stay})


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
