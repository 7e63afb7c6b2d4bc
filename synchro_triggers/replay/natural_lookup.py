"""Asking managers of others for an object by its natural key; what they answer is looked at before it is used."""

from __future__ import annotations

from copy import copy
from typing import Any

from django.utils.translation import gettext

from ..exceptions import ObjectNotApplied
from ..unnamed import unnamed_on


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
