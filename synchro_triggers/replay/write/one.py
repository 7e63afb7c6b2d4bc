"""Writing one object to the remote through the ORM, with the signals that a receiver would expect."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache, partial
from typing import Any

from django.db.models import Manager, Model, Q
from django.db.models.fields.proxy import OrderWrt

from ...unnamed import unnamed_on
from ..rows.mysql import existing_links_stay
from ..rows.selecting import rows_of
from ..rows.trees import is_tree, rows_as_they_are
from ..rows.values import values_kept
from ..schema.link_shapes import LinkShape
from ..schema.shape import Shape
from .signals import send_m2m


def save(instance: Model, shape: Shape, remote: str, **options: Any) -> None:
    """Save through the ORM with exactly the values that the instance has."""
    if _is_saved_as_it_is(shape):
        _call(instance.save, remote, options)
        return
    with (
        values_kept(instance, shape),
        _hidden_rows_seen(instance),
        _order_kept(instance, shape),
        _parents_found(instance, shape),
        rows_as_they_are(instance),
    ):
        _call(instance.save, remote, options)


def _call(method: Callable[..., Any], remote: str, options: dict[str, Any]) -> None:
    """Call ``save()`` or ``delete()`` with the options that it takes; one that takes no database finds the remote."""
    taken = _options_taken(method.__func__)  # type: ignore[attr-defined]
    given = {"using": remote, **options}
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


@contextmanager
def nothing_returned(instance: Model) -> Iterator[None]:
    """Let ``save()`` insert this one instance without asking for what the insert returns; Django fails at no row."""

    def insert(manager: Any, using: str, fields: Any, returning_fields: Any, raw: bool) -> Any:
        model: Any = type(instance)
        return model._do_insert(instance, manager, using, fields, (), raw)

    instance.__dict__["_do_insert"] = insert
    try:
        yield
    finally:
        del instance.__dict__["_do_insert"]


@cache
def _is_saved_as_it_is(shape: Shape) -> bool:
    plain = not shape.computed and type(shape.model._base_manager) is Manager and not is_tree(shape.model)
    return plain and not _is_given_an_order(shape) and not _has_parents_with_default_keys(shape)


@cache
def _is_given_an_order(shape: Shape) -> bool:
    """Tell whether ``save()`` gives a new object the last place (``Meta.order_with_respect_to``)."""
    return any(isinstance(field, OrderWrt) for field in shape.model._meta.concrete_fields)


@cache
def _has_parents_with_default_keys(shape: Shape) -> bool:
    keys = [field for parent in shape.model._meta.all_parents for field in parent._meta.pk_fields]
    return any(field.has_default() or field.has_db_default() for field in keys)


def delete(instance: Model, remote: str, **options: Any) -> None:
    """Delete through the ORM."""
    with rows_as_they_are(instance):
        _call(instance.delete, remote, options)


def save_links(
    shape: LinkShape, owner: Model, target_keys: set[Any], remote: str, *, add: bool, mirrored: set[Any]
) -> list[tuple[Any, Any]]:
    """Add or remove links of one owner, with the ``m2m_changed`` signals that the related manager would send.

    The manager itself is not used: it asks the router where to write, and the remote is not its answer.

    Args:
        shape: the table.
        owner: the remote row of the object on the declaring side.
        target_keys: remote keys of the objects at the other end; none of them is linked yet, or all are.
        remote: the remote alias.
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
        rows.bulk_create(links, **existing_links_stay(shape.through, source, remote))
    else:
        going = Q(**{source: owner.pk, f"{target}__in": ordered})
        if back:
            going |= Q(**{f"{source}__in": back, target: owner.pk})
        rows.filter(going)._raw_delete(remote)
    send_m2m(shape, owner, target_keys, remote, f"post_{action}")
    return pairs


# What receivers write ---------------------------------------------------------------------------------


# Values that change themselves --------------------------------------------------------------------


@contextmanager
def _hidden_rows_seen(instance: Model) -> Iterator[None]:
    """Let ``save()`` update a row that ``Meta.base_manager_name`` hides, for this one instance.

    It would find nothing to update there, and insert the row a second time.
    """
    if type(type(instance)._base_manager) is Manager:
        yield
        return

    def update_any(base_rows: Any, using: str, *arguments: Any, **options: Any) -> Any:
        return type(instance)._do_update(instance, rows_of(base_rows.model, using), using, *arguments, **options)

    instance.__dict__["_do_update"] = update_any
    try:
        yield
    finally:
        del instance.__dict__["_do_update"]


@contextmanager
def _order_kept(instance: Model, shape: Shape) -> Iterator[None]:
    """Keep ``save()`` from giving this one new instance the last place of ``Meta.order_with_respect_to``.

    It puts that into the instance just before the statement, so it is taken back in between.
    """
    if not _is_given_an_order(shape):
        yield
        return
    model: Any = type(instance)
    before = instance.__dict__.get("_do_insert")  # ``nothing_returned``
    insert_then = before or partial(model._do_insert, instance)
    kept: dict[str, Any] = {}

    def write(*arguments: Any, **options: Any) -> Any:
        kept["_order"] = instance.__dict__.get("_order")
        return model._save_table(instance, *arguments, **options)

    def insert(*arguments: Any, **options: Any) -> Any:
        instance.__dict__.update(kept)
        return insert_then(*arguments, **options)

    instance.__dict__ |= {"_save_table": write, "_do_insert": insert}
    try:
        yield
    finally:
        for name in ("_save_table", "_do_insert"):
            instance.__dict__.pop(name, None)
        if before is not None:
            instance.__dict__["_do_insert"] = before


@contextmanager
def _parents_found(instance: Model, shape: Shape) -> Iterator[None]:
    """Let ``save()`` look for the rows of parents when it adds this one child: they may be there already.

    Where a parent's key has a default, Django takes the row for as new as the child, and inserts it a second time.
    """
    if not instance._state.adding or not _has_parents_with_default_keys(shape):
        yield
        return
    before = instance.__dict__.get("_save_table")  # ``_order_kept``
    write_then = before or partial(type(instance)._save_table, instance)  # type: ignore[attr-defined]

    def write(raw: bool = False, cls: Any = None, *arguments: Any, **options: Any) -> Any:
        instance._state.adding = cls is type(instance)
        try:
            return write_then(raw, cls, *arguments, **options)
        finally:
            instance._state.adding = True

    instance.__dict__["_save_table"] = write
    try:
        yield
    finally:
        del instance.__dict__["_save_table"]
        if before is not None:
            instance.__dict__["_save_table"] = before
