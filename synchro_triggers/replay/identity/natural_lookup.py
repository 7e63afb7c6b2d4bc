"""Asking managers of others for an object by its natural key; what they answer is looked at before it is used."""

from __future__ import annotations

from collections.abc import Mapping
from copy import copy
from typing import Any

from django.db import DatabaseError, connections, models
from django.db.models import Model
from django.utils.translation import gettext

from ...capture.tables import natural_key_fields, natural_key_of
from ...exceptions import ObjectNotApplied
from ...natural import NaturalManager
from ...unnamed import unnamed_on
from ..schema.shape import field_at, is_foreign_key


def ask_by_natural_key(manager: Any, alias: str, key: tuple[Any, ...]) -> Any:
    """Return what a manager finds by natural key on a database.

    A queryset may forget the database that its manager was given, and a manager may name another one. It is asked on
    a queryset that has been told, then; what comes from elsewhere all the same is no answer.

    Args:
        manager: of the model, as the model has it.
        alias: the database.
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


def depends_on(instance: Any, attname: str, here: tuple[Any, ...]) -> bool:
    """Tell whether a natural key of the user's own making holds a foreign key's number."""
    without = copy(instance)
    without.__dict__[attname] = None
    try:
        return natural_key_of(without) != here
    except DatabaseError:
        raise
    except Exception:  # his code cannot do without it, in whatever way
        return True


def looks_up_fields(manager: Any) -> bool:
    """Tell whether a manager finds objects by the fields that it names, and by nothing else."""
    own: Any = type(manager)
    return isinstance(manager, NaturalManager) and own.get_by_natural_key is NaturalManager.get_by_natural_key


_IS_NULL = "__isnull"


def as_lookups(values: Mapping[str, Any]) -> dict[str, Any]:
    return {
        name if value is not None else f"{name}{_IS_NULL}": value if value is not None else True
        for name, value in values.items()
    }


def compare_exactly(model: type[Model], alias: str) -> bool:
    """Tell whether Python finds the natural keys of this model equal where the database does.

    A collation may ignore case, and a field of somebody's own may compare as it likes.
    """
    if connections[alias].vendor not in {"postgresql", "sqlite", "mysql"}:
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
