"""``save()`` of one instance with exactly the values that it has, and of rows that Django would not find.

Relies on: ``save()`` writes by ``_save_table()``, ``_do_insert()`` and ``_do_update()`` (part ``saving`` of
``expected``), and asks each field's ``pre_save()`` for its value, which is documented. Each hook concerns one
instance: saves of others, also of the same model in other threads, are as they were.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager
from functools import cache, partial, wraps
from types import MethodType
from typing import Any

from django.db.models import Manager, Model, QuerySet
from django.db.models.fields.proxy import OrderWrt

from .expected import is_as_expected
from .instances import marked

#: Methods of ``Model`` that writing one object calls.
WRITING = tuple(
    name
    for name in ("save", "save_base", "delete", "_save_table", "_do_insert", "_do_update", "_save_parents")
    if hasattr(Model, name)
)

#: Set on an instance while a replay saves it.
_REPLAYED = "_synchro_replayed"


def needs_hooks(model: type[Model]) -> bool:
    """Tell whether ``save()`` of a model's instances does more than write their values."""
    plain = type(model._base_manager) is Manager
    return not plain or _is_given_an_order(model) or _has_parents_with_default_keys(model)


@contextmanager
def written_by_django(instance: Model) -> Iterator[None]:
    """Let what ``Model.save()`` and ``Model.delete()`` call be Django's own for this one instance; blocks nest.

    It relies on nothing but that an instance's own attributes come before those of its class. Of ``save()`` and
    ``delete()`` themselves Django's are to be called by name: receivers get to see what is put into an instance.
    """
    names = [name for name in WRITING if getattr(type(instance), name) is not getattr(Model, name)]
    names = [name for name in names if name not in {"save", "delete", *instance.__dict__}]
    vars(instance).update({name: MethodType(getattr(Model, name), instance) for name in names})
    try:
        yield
    finally:
        for name in names:
            vars(instance).pop(name, None)


@contextmanager
def nothing_returned(instance: Model) -> Iterator[None]:
    """Let ``save()`` insert this one instance without asking for what the insert returns; Django fails at no row."""
    insert_then = _method(instance, "_do_insert")

    def insert(manager: Any, using: str, fields: Any, returning_fields: Any, raw: bool) -> Any:
        return insert_then(manager, using, fields, (), raw)

    with _replaced(instance, _do_insert=insert):
        yield


@contextmanager
def hidden_rows_seen(instance: Model) -> Iterator[None]:
    """Let ``save()`` update a row that ``Meta.base_manager_name`` hides, for this one instance.

    It would find nothing to update there, and insert the row a second time.
    """
    model: Any = type(instance)
    if type(model._base_manager) is Manager:
        yield
        return

    update_then = _method(instance, "_do_update")

    def update_any(base_rows: Any, using: str, *arguments: Any, **options: Any) -> Any:
        return update_then(QuerySet(base_rows.model, using=using), using, *arguments, **options)

    with _replaced(instance, _do_update=update_any):
        yield


@contextmanager
def order_kept(instance: Model) -> Iterator[None]:
    """Keep ``save()`` from giving this one new instance the last place of ``Meta.order_with_respect_to``.

    It puts that into the instance just before the statement, so it is taken back in between.
    """
    model: Any = type(instance)
    if not _is_given_an_order(model):
        yield
        return
    write_then, insert_then = _method(instance, "_save_table"), _method(instance, "_do_insert")
    kept: dict[str, Any] = {}

    def write(*arguments: Any, **options: Any) -> Any:
        kept["_order"] = instance.__dict__.get("_order")
        return write_then(*arguments, **options)

    def insert(*arguments: Any, **options: Any) -> Any:
        vars(instance).update(kept)
        return insert_then(*arguments, **options)

    with _replaced(instance, _save_table=write, _do_insert=insert):
        yield


@contextmanager
def parents_found(instance: Model) -> Iterator[None]:
    """Let ``save()`` look for the rows of parents when it adds this one child: they may be there already.

    Where a parent's key has a default, Django takes the row for as new as the child, and inserts it a second time.
    """
    model: Any = type(instance)
    if not instance._state.adding or not _has_parents_with_default_keys(model):
        yield
        return
    write_then = _method(instance, "_save_table")

    def write(raw: bool = False, cls: Any = None, *arguments: Any, **options: Any) -> Any:
        instance._state.adding = cls is model
        try:
            return write_then(raw, cls, *arguments, **options)
        finally:
            instance._state.adding = True

    with _replaced(instance, _save_table=write):
        yield


def _method(instance: Model, name: str) -> Callable[..., Any]:
    """Return a method as it is now: another block may have replaced it for this instance."""
    method: Callable[..., Any] = getattr(instance, name)
    return method


@contextmanager
def _replaced(instance: Model, **methods: Callable[..., Any]) -> Iterator[None]:
    """Replace methods of one instance for as long as the block takes; those that replaced them before come back."""
    if not is_as_expected("saving"):
        yield
        return
    before = {name: vars(instance)[name] for name in methods if name in instance.__dict__}
    vars(instance).update(methods)
    try:
        yield
    finally:
        for name in methods:
            vars(instance).pop(name, None)
        vars(instance).update(before)


@cache
def _is_given_an_order(model: type[Model]) -> bool:
    """Tell whether ``save()`` gives a new object the last place (``Meta.order_with_respect_to``)."""
    return any(isinstance(field, OrderWrt) for field in model._meta.concrete_fields)


@cache
def _has_parents_with_default_keys(model: type[Model]) -> bool:
    keys = [field for parent in model._meta.all_parents for field in parent._meta.pk_fields]
    return any(field.has_default() or field.has_db_default() for field in keys)


def values_kept(
    instance: Model, computed: Iterable[Any], value_of: Callable[[Model, Any, Callable[[], Any]], Any]
) -> AbstractContextManager[None]:
    """Keep ``auto_now`` and the like from renewing themselves while this one instance is saved.

    ``raw=True`` would do it too, but receivers leave raw saves alone. The fields' ``pre_save`` is wrapped once
    and looks at the instance, so that other threads' saves of the same model are not touched.

    Args:
        instance: the instance.
        computed: its fields that would compute their values.
        value_of: returns what is written instead: of the instance, a field, and what computes the field's value.
    """
    for field in computed:
        _respect_replay(field, value_of)
    return marked(instance, _REPLAYED)


def _respect_replay(field: Any, value_of: Callable[[Model, Any, Callable[[], Any]], Any]) -> None:
    if "pre_save" in field.__dict__:
        return
    original = field.pre_save

    @wraps(original)
    def pre_save(model_instance: Model, add: bool) -> Any:
        if _REPLAYED not in model_instance.__dict__:
            return original(model_instance, add)
        return value_of(model_instance, field, partial(original, model_instance, add))

    field.pre_save = pre_save
