"""Natural keys as models and their managers have them: what they consist of, and who has one on a database."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from copy import copy
from functools import partial
from typing import Any

from django.core.exceptions import ObjectDoesNotExist
from django.db import DatabaseError, connections, models
from django.db.models import Model
from django.utils.translation import gettext

from ...capture.tables import natural_key_fields, natural_key_of, natural_manager
from ...exceptions import ObjectNotApplied
from ...natural import NaturalManager
from ...unnamed import unnamed_on
from ...vendors.vendor import database_of
from ..schema.key_columns import KeyColumn
from ..schema.shape import field_at, is_foreign_key, shape_of

#: What ends the name of a look-up for NULL.
IS_NULL = "__isnull"


def ask_by_natural_key(manager: Any, alias: str, key: tuple[Any, ...]) -> Any:
    """Return what a manager finds by natural key on a database.

    A queryset may forget the database that its manager was given, and a manager may name another one. It is asked on
    a queryset that has been told, then; what comes from elsewhere all the same is no answer.

    Args:
        manager: of the model, as the model has it.
        key: the parts of the natural key.

    Raises:
        ObjectNotApplied: the answer came from another database.
        ObjectDoesNotExist, MultipleObjectsReturned: as the manager says.
    """
    with unnamed_on(alias):
        here = manager.db_manager(alias)
        if here.get_queryset().db == alias:
            found = here.get_by_natural_key(*key)
            if _came_from(found, alias):
                return found
        found = _on(here, alias).get_by_natural_key(*key)
    if _came_from(found, alias):
        return found
    raise ObjectNotApplied(
        gettext(
            "%(manager)s.get_by_natural_key() of %(model)s was asked on %(asked)r and has answered with an object of "
            "%(answered)r. Let it ask self.get_queryset(), or self.get(), and name no database."
        )
        % {
            "manager": type(manager).__qualname__,
            "model": manager.model._meta.label,
            "asked": alias,
            "answered": found._state.db,
        }
    )


def _came_from(found: Any, alias: str) -> bool:
    return found is None or found._state.db == alias


def _on(manager: Any, alias: str) -> Any:
    """Return a copy of a manager whose querysets are on a database, whatever they were made for."""
    told = copy(manager)
    told.get_queryset = lambda: manager.get_queryset().using(alias)
    return told


def natural_key_across(
    instance: Any,
    translate: Callable[[Any, Any], Any],
    held: Callable[[KeyColumn, Any], Callable[[], Any] | None],
    row_across: Callable[[Model], Model],
) -> tuple[Any, ...]:
    """Return the natural key that an object would have on the other side.

    A ``natural_key()`` of the user's own may hold a foreign key's number, or its target: both are others there.

    Args:
        instance: a local object, or a row of the remote.
        translate: returns what a foreign key's value is on the other side; ``None``: its target is not there.
        held: returns what tells the same of a column that holds a key; ``None``: it stays as it is.
        row_across: returns the row of a target there.

    Raises:
        ObjectDoesNotExist: something that the key speaks of is not there, so neither is the object.
    """
    here = natural_key_of(instance)  # reads the targets it asks for: the copies need not, and must not
    there = copy(instance)
    for attname, translated in _links(instance, translate, held):
        # The others need not be looked for: what they point to may be new, or gone, and lead back to this object.
        if _depends_on(instance, attname, here):
            if (value := translated()) is None:
                raise ObjectDoesNotExist
            there.__dict__[attname] = value
    return tuple(row_across(part) if isinstance(part, Model) else part for part in natural_key_of(there))


def _links(
    instance: Model,
    translate: Callable[[Any, Any], Any],
    held: Callable[[KeyColumn, Any], Callable[[], Any] | None],
) -> Iterator[tuple[str, Callable[[], Any]]]:
    """Yield the attributes that hold keys of others, and what tells their values on the other side."""
    shape = shape_of(type(instance))
    followed = {  # these stay as they are: unlike a foreign key, a generic one looks at its two columns each time
        attname
        for column in shape.key_columns
        if column.generic in instance._state.fields_cache and column.told_by is not None
        for attname in (column.told_by.attname, column.field.attname)
    }
    for field in shape.foreign_keys:
        value = instance.__dict__.get(field.attname)
        if value is not None and field.attname not in followed:
            yield field.attname, partial(translate, field, value)
    for column in shape.key_columns:
        if column.field.attname not in followed and (translated := held(column, instance)) is not None:
            yield column.field.attname, translated


def _depends_on(instance: Any, attname: str, here: tuple[Any, ...]) -> bool:
    """Tell whether a natural key of the user's own making holds a foreign key's number, or its target."""
    without = copy(instance)
    without.__dict__[attname] = None
    try:
        return natural_key_of(without) != here
    except DatabaseError:
        raise
    except Exception:  # the user's code fails without it, in whatever way
        return True


def looks_up_fields(manager: Any) -> bool:
    """Tell whether a manager finds objects by the fields that it names, and by nothing else."""
    own: Any = type(manager)
    return isinstance(manager, NaturalManager) and own.get_by_natural_key is NaturalManager.get_by_natural_key


def has_null(instance: Any) -> bool:
    """Tell whether an object's natural key has a NULL in it: the database lets any number of rows have the same one."""
    return None in natural_key_of(instance)


def named_paths(model: type[Model]) -> list[tuple[Any, str]]:
    """Return the fields of a natural key and their attribute names, or paths along foreign keys.

    Returns:
        Nothing where the key names no fields, or unknown ones, or where its manager may look up in another way.
    """
    manager = natural_manager(model)
    if manager is None or not looks_up_fields(manager):
        return []
    found = [field_at(model, name) for name in natural_key_fields(model)]
    return [] if None in found else [at for at in found if at is not None]


def as_lookups(values: Mapping[str, Any]) -> dict[str, Any]:
    """Return the arguments of ``filter()`` that find these values, NULL too."""
    return {
        name if value is not None else f"{name}{IS_NULL}": value if value is not None else True
        for name, value in values.items()
    }


def compare_exactly(model: type[Model], alias: str) -> bool:
    """Tell whether Python finds the natural keys of this model equal where the database does.

    A collation may ignore case, and a field of somebody's own may compare as it likes.
    """
    if not database_of(connections[alias]).IS_KNOWN:
        return False
    for name in natural_key_fields(model):
        if (found := field_at(model, name)) is None:
            return False
        field = found[0]
        while is_foreign_key(field):
            field = field.target_field
        if not isinstance(field, _EXACT) or getattr(field, "db_collation", None):
            return False
        if not type(field).__module__.startswith("django.db.models"):
            return False
    return True


_EXACT = (
    models.CharField,
    models.TextField,
    models.IntegerField,
    models.BooleanField,
    models.DateField,
    models.TimeField,
    models.UUIDField,
    models.DecimalField,
)
