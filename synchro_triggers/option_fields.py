"""What is wrong with fields that options name: those that are skipped, and those whose differences add up. Pure."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from django.db.models import DecimalField, Field, IntegerField, Model

from .option_references import column_of
from .option_rules import COUNTER_LENGTH


def wrong_skip(model: type[Model], natural_key: Collection[str]) -> str | None:
    """Say what is wrong with the ``SYNCHRO_SKIP`` of a model's class; ``None``: nothing.

    Args:
        model: a concrete model.
        natural_key: the fields that tell its objects from one another; a skipped one could not.
    """
    value = getattr(model, "SYNCHRO_SKIP", ())
    where = f"{model._meta.label}.SYNCHRO_SKIP"
    if isinstance(value, str) or not isinstance(value, (list, tuple, set, frozenset)):
        return (
            f"{where} must be a list or tuple of field names, not {value!r}; write ('field',) with a comma for a "
            "single one."
        )
    own_key = {path.split("__")[0] for path in natural_key}
    for name in value:
        column = column_of(model, name)
        if column is None:
            known = ", ".join(field.name for field in model._meta.concrete_fields if field.column is not None)
            return f"{where} names {name!r}: there is no such field with a column (it has: {known})."
        if is_key(model, column):
            return f"{where} names {name!r}, which is (part of) the primary key: take it out."
        if own_key & {column.name, column.attname}:
            return f"{where} names {name!r}, by which the objects are found (natural key): take it out of one of them."
    return None


def wrong_counter(model: type[Model], field: Field[Any, Any]) -> str | None:
    """Say why the differences of a field cannot add up; ``None``: they can."""
    if any(link is not None and not link.primary_key for link in model._meta.parents.values()):
        return "whose objects have rows under several keys (multi-table inheritance): counters need one key."
    if is_key(model, field) or field.unique or field.remote_field is not None:
        return "which is a key, or unique: take it out."
    if not isinstance(field, (IntegerField, DecimalField)):
        return "which holds no whole numbers or decimals, so that differences would not add up exactly: take it out."
    if len(f"{model._meta.label}.{field.name}") > COUNTER_LENGTH:
        return f"whose name, with that of its model, is longer than {COUNTER_LENGTH} characters."
    if field.null:
        return "which may be NULL: nothing can be added to that. Give it null=False and a default of 0."
    return None


def is_key(model: type[Model], field: Field[Any, Any]) -> bool:
    """Tell whether a field is (part of) the primary key of a model."""
    return field.primary_key or field in getattr(model._meta, "pk_fields", ())
