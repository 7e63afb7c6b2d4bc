"""Telling which object is which after both sides were made equal by hand, without writing any object."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from django.db.models import Model

from ..capture.session import replaying_for
from ..capture.tables import captured_models, natural_manager
from ..conf import LOCAL, get_settings
from ..exceptions import ObjectNotApplied
from .identity import Identity
from .node import node_id, require_tables
from .order import models_in_order
from .rows import rows_of, rows_with
from .shape import Shape, is_foreign_key, shape_of
from .writing import differing, local_value

_CHUNK = 1000


@dataclass(frozen=True)
class LinkCounts:
    """Objects of one model: already linked, linked now, and those without a counterpart."""

    known: int
    linked: int
    unmatched: int


def link_objects(
    remote: str, labels: Sequence[str] | None = None, *, trust_keys: bool = False
) -> dict[str, LinkCounts]:
    """Store references for objects that are on both sides but have never been synchronised.

    An object's counterpart has its natural key, or else its primary key and, unless ``trust_keys``, the same values.

    Args:
        remote: the alias.
        labels: only these models.
        trust_keys: the same primary key is enough.

    Returns:
        Counts by model label; models that keep their primary keys need no references and are left out.
    """
    for alias in (LOCAL, remote):
        require_tables(alias)
    settings = get_settings()
    source, target = node_id(LOCAL), node_id(remote)
    models = [model for model in captured_models(settings.models) if not model._meta.auto_created]
    counts: dict[str, LinkCounts] = {}
    for shape in models_in_order([shape_of(model) for model in models]):
        if (labels is not None and shape.label not in labels) or shape.root is not shape.model:
            continue
        identity = Identity(remote, source, target, settings.identity)
        if identity.keeps_key(shape):
            continue
        known = linked = unmatched = 0
        for chunk in _chunks(shape):
            identity = Identity(remote, source, target, settings.identity)
            with replaying_for(remote, source):
                found = _link(identity, shape, chunk, trust_keys)
                identity.store()
            known, linked, unmatched = known + found.known, linked + found.linked, unmatched + found.unmatched
        counts[shape.label] = LinkCounts(known, linked, unmatched)
    return counts


def _link(identity: Identity, shape: Shape, instances: list[Any], trust_keys: bool) -> LinkCounts:
    identity.load(shape.model, [instance.pk for instance in instances])
    new = [instance for instance in instances if identity.known(shape.model, instance.pk) is None]
    same_keys = {row.pk: row for row in rows_with(shape.model, identity.remote, pk=[instance.pk for instance in new])}
    linked = 0
    for instance in new:
        remote_key = _counterpart(identity, shape, instance, same_keys.get(instance.pk), trust_keys)
        if remote_key is not None and identity.claimed_by(shape.model, remote_key) is None:
            identity.learn(shape.model, instance.pk, remote_key)
            linked += 1
    return LinkCounts(len(instances) - len(new), linked, len(new) - linked)


def _counterpart(identity: Identity, shape: Shape, instance: Model, same_key: Model | None, trust_keys: bool) -> Any:
    if natural_manager(shape.model) is not None:
        try:
            return identity.find_by_natural_key(instance)
        except ObjectNotApplied:
            return None  # several have it: nobody can tell which one it is
    if same_key is None:
        return None
    values = {field.attname: _translated(identity, field, local_value(instance, field)) for field in shape.copied}
    return same_key.pk if trust_keys or not differing(same_key, values) else None


def _translated(identity: Identity, field: Any, value: Any) -> Any:
    return identity.translate(field, value) if is_foreign_key(field) and value is not None else value


def _chunks(shape: Shape) -> Iterator[list[Any]]:
    last = None
    while True:
        rows = rows_of(shape.model, LOCAL).order_by("pk")
        chunk = list((rows.filter(pk__gt=last) if last is not None else rows)[:_CHUNK])
        if not chunk:
            return
        yield chunk
        last = chunk[-1].pk
