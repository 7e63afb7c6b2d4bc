"""Histories of django-simple-history: rows that hold the key of their object in a plain column."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.apps import apps
from django.db.models import Model

_RECEIVERS = "simple_history.models.HistoricalRecords"


def options_of(is_listed: Callable[[type[Model]], bool]) -> dict[str, dict[str, Any]]:
    """Return the options of models that have a history, and of their histories.

    A history that is synchronised is data: the receivers that write it are not called while a replay writes. One that
    is not is written by them on each side.

    Args:
        is_listed: tells whether a model is synchronised.
    """
    found: dict[str, dict[str, Any]] = {}
    for history in apps.get_models():
        tracked = getattr(history, "instance_type", None)
        if tracked is None or not any(each.__module__ == "simple_history.models" for each in history.__mro__):
            continue
        if not tracked._meta.auto_created:  # the links of a many-to-many field are no objects, and have no keys to tell
            found.setdefault(history._meta.label, {})["references"] = _keys_of(tracked, history)
        if is_listed(history):
            found.setdefault(tracked._meta.label, {})["mute"] = (_RECEIVERS,)
    return found


def _keys_of(tracked: type[Model], history: type[Model]) -> dict[str, str]:
    """Return which columns of a history hold the key of its object, or that of a parent's row."""
    columns = {field.name for field in history._meta.concrete_fields if field.remote_field is None}
    keys = [field for field in tracked._meta.concrete_fields if field.primary_key and field.name in columns]
    return {field.name: field.model._meta.label for field in keys}
