"""Writing one object to the remote through the ORM, with the signals that a receiver would expect."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from functools import cache
from types import MethodType
from typing import Any

from django.db import connections
from django.db.models import Model, Q

from ...django_inside.collecting import delete_alone, has_djangos_delete
from ...django_inside.receivers import withheld
from ...django_inside.saving import hidden_rows_seen, needs_hooks, order_kept, parents_found, written_by_django
from ...unnamed import unnamed_on
from ..rows.selecting import rows_of
from ..rows.values import values_kept
from ..rows.vendor import statements_of
from ..schema.link_shapes import LinkShape
from ..schema.observed import goes_by_its_methods, is_written_in_silence
from ..schema.shape import Shape
from .own_methods import advised, rows_as_they_are, steps_aside
from .receivers import send_m2m


def save(instance: Model, shape: Shape, remote: str, **options: Any) -> None:
    """Save through the ORM with exactly the values that the instance has."""
    if _is_saved_as_it_is(shape) and goes_by_its_methods(shape.model) and not steps_aside(shape.model):
        _call(instance.save, remote, options)
        return
    with (
        _as_told(instance),
        values_kept(instance, shape),
        hidden_rows_seen(instance),
        order_kept(instance),
        parents_found(instance),
        rows_as_they_are(instance),
    ):
        _call(_method(instance, "save"), remote, options)


def _method(instance: Model, name: str) -> Callable[..., Any]:
    """Return the instance's own method, or Django's in its place."""
    if goes_by_its_methods(type(instance)):
        method: Callable[..., Any] = getattr(instance, name)
        return method
    return MethodType(getattr(Model, name), instance)


def _call(method: Callable[..., Any], remote: str, options: dict[str, Any]) -> None:
    """Call ``save()`` or ``delete()`` with the options that it takes; one that takes no database finds the remote."""
    taken = _options_taken(method.__func__)  # type: ignore[attr-defined]
    given = {"using": remote, **options}
    with advised(method.__self__):  # type: ignore[attr-defined]
        if taken is None or given.keys() <= taken:
            method(**given)
            return
        with unnamed_on(remote, always=True):
            method(**{name: value for name, value in given.items() if name in taken})


@cache
def _options_taken(function: Callable[..., Any]) -> frozenset[str] | None:
    """Return the names that a method takes as keywords; ``None``: any."""
    parameters = inspect.signature(function).parameters.values()
    if any(each.kind is each.VAR_KEYWORD for each in parameters):
        return None
    return frozenset(each.name for each in parameters if each.kind in {each.POSITIONAL_OR_KEYWORD, each.KEYWORD_ONLY})


@cache
def _is_saved_as_it_is(shape: Shape) -> bool:
    return not shape.computed and not needs_hooks(shape.model)


def delete(instance: Model, remote: str, **options: Any) -> None:
    """Delete through the ORM."""
    with _as_told(instance), rows_as_they_are(instance):
        _call(_method(instance, "delete"), remote, options)


def delete_child(instance: Model, remote: str) -> None:
    """Delete the row of a child through the ORM; its parents' rows stay, and so does what points to these."""
    if not has_djangos_delete(type(instance)):
        delete(instance, remote, keep_parents=True)
        return
    with _as_told(instance), rows_as_they_are(instance):
        delete_alone(instance, remote)


@contextmanager
def _as_told(instance: Model) -> Iterator[None]:
    """Let an instance be written by its own methods or past them, and heard of or not, as its option ``write`` says."""
    model = type(instance)
    with (
        nullcontext() if goes_by_its_methods(model) else written_by_django(instance),
        withheld(_is_a_table_of(model)) if is_written_in_silence(model) else nullcontext(),
    ):
        yield


def _is_a_table_of(model: type[Model]) -> Callable[[Any, Any], bool]:
    """Return what tells the signals of a model and of its parents: of a child's delete Django tells those of all."""
    tables = {model, *model._meta.all_parents}
    return lambda sender, receiver: sender in tables


def save_links(
    shape: LinkShape, owner: Model, target_keys: set[Any], remote: str, *, add: bool, mirrored: set[Any]
) -> list[tuple[Any, Any]]:
    """Add or remove links of one owner, with the ``m2m_changed`` signals that the related manager would send.

    The manager itself is not used: it asks the router where to write, and the remote is not its answer.

    Args:
        owner: the remote row of the object on the declaring side.
        target_keys: remote keys of the objects at the other end; none of them is linked yet, or all are.
        add: whether to add or to remove.
        mirrored: the target keys whose mirrored link, in a symmetrical table, is written too.

    Returns:
        The pairs of remote keys that are linked now, or no longer.
    """
    rows, (source, target) = rows_of(shape.through, remote), shape.ends
    ordered = sorted(target_keys, key=repr)
    back = [key for key in ordered if key in mirrored and key != owner.pk]
    if not shape.field.remote_field.symmetrical:
        back = []
    pairs = [*((owner.pk, key) for key in ordered), *((key, owner.pk) for key in back)]
    action = "add" if add else "remove"
    send_m2m(shape, owner, target_keys, remote, f"pre_{action}")
    if add:
        links = [shape.through(**{source: one, target: other}) for one, other in pairs]
        there = connections[remote]
        rows.bulk_create(links, **statements_of(there).existing_links_stay(there, shape.through, source))
    else:
        going = Q(**{source: owner.pk, f"{target}__in": ordered})
        if back:
            going |= Q(**{f"{source}__in": back, target: owner.pk})
        rows.filter(going)._raw_delete(remote)
    send_m2m(shape, owner, target_keys, remote, f"post_{action}")
    return pairs
