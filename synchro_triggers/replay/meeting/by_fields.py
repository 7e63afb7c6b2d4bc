"""Fields that tell objects from one another for ``synchro_link --by``, as a natural key would."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

from django.apps import apps
from django.db import connections
from django.db.models import Count, Model

from ...capture.tables import labels_of, skipped_names
from ...conf import get_settings
from ...exceptions import Refused, SynchroConfigurationError
from ...vendors.vendor import database_of
from ..identity.telling import keeps_key
from ..rows.selecting import rows_of
from ..rows.shown_values import difference_of
from ..schema.shape import field_at, is_foreign_key, root_of, shape_of

#: Root models to names of fields, or paths along foreign keys.
ByFields = Mapping[type[Model], tuple[str, ...]]

#: Values that several objects have, which are named in a refusal.
_NAMED = 3


def read_by(entries: Iterable[str], chosen: Sequence[str] | None) -> ByFields:
    """Read what was given as ``--by``: ``app.Model:field,field``, or ``field,field`` of a single model.

    Args:
        entries: as they were given.
        chosen: what was given as ``--model``; ``None``: nothing, which means all.

    Raises:
        SynchroConfigurationError: there is no such model or field, or objects cannot be told by it.

    Example:
        >>> read_by(["shop.Item:shop,number"], None)
        {<class 'shop.models.Item'>: ('shop', 'number')}
    """
    found: dict[type[Model], tuple[str, ...]] = {}
    labels = labels_of(chosen) if chosen else None
    for entry in entries:
        label, colon, listed = entry.rpartition(":")
        if not colon and "." in listed:
            raise SynchroConfigurationError(f"--by {entry!r} names no field: write {entry}:field,field.")
        if not colon:
            if chosen is None or len(chosen) != 1:
                raise SynchroConfigurationError(
                    f"--by {entry!r} does not say of which model: write --by app.Model:{listed}, or give one --model."
                )
            [label] = chosen
        model = _model_of(label, labels)
        if model in found:
            raise SynchroConfigurationError(f"--by speaks of {model._meta.label} twice: name all fields in one.")
        names = tuple(name for each in listed.split(",") if (name := each.strip()))
        if not names:
            raise SynchroConfigurationError(f"--by {entry!r} names no field: write {model._meta.label}:field,field.")
        for name in names:
            _require_field(model, name)
        found[model] = names
    return found


def _model_of(label: str, labels: Collection[str] | None) -> type[Model]:
    labels_of([label])  # refuses what is not listed
    if label.count(".") != 1:
        raise SynchroConfigurationError(f"--by: {label!r} is no single model: write app.Model:field,field.")
    model: type[Model] = apps.get_model(label)
    model = model._meta.concrete_model or model
    own, root = model._meta.label, root_of(model)
    if root is not model:
        raise SynchroConfigurationError(
            f"--by: {own} inherits from {root._meta.label}: say it of that, whose rows its objects have."
        )
    if keeps_key(shape_of(model), get_settings().identity):
        raise SynchroConfigurationError(
            f"--by: {own} keeps its keys, which tell its objects: there is nothing to be linked."
        )
    if labels is not None and own not in labels:
        raise SynchroConfigurationError(f"--by speaks of {own}, which is none of those of --model.")
    return model


def _require_field(model: type[Model], name: str) -> None:
    found, own = field_at(model, name), name.split("__")[0]
    if found is None:
        fields = ", ".join(each.name for each in model._meta.concrete_fields if each.column is not None)
        raise SynchroConfigurationError(
            f"--by: {model._meta.label} has no field {name!r} with a column (it has: {fields})."
        )
    field = next(each for each in model._meta.concrete_fields if own in {each.name, each.attname})
    if {field.name, field.attname} & skipped_names(model):
        raise SynchroConfigurationError(
            f"--by: {model._meta.label} has a field {name!r}, which is skipped: each side has its own values."
        )
    _refuse_number(model, name, found[0])


def _refuse_number(model: type[Model], name: str, field: Any) -> None:
    """Refuse a number that each side has given out, and that means another object on the other one."""
    if not field.primary_key or is_foreign_key(field) or keeps_key(shape_of(field.model), get_settings().identity):
        return
    way, _, _ = name.rpartition("__")
    instead = f"name {way!r}, whose objects are compared" if way else "--trust-keys says that the keys are the same"
    raise SynchroConfigurationError(
        f"--by: {name!r} of {model._meta.label} is a number that each side gives out by itself: {instead}."
    )


def require_told_apart(by: ByFields, alias: str) -> None:
    """Refuse to link by fields of which several objects of a database have the same values, NULL left out.

    Where a database confuses texts it is asked object by object.

    Raises:
        Refused: with the values.
    """
    if database_of(connections[alias]).CONFUSES_TEXTS:
        return
    for model, names in by.items():
        found = [field_at(model, name) for name in names]
        attnames = [at[1] for at in found if at is not None]
        rows = rows_of(model, alias).filter(**{f"{name}__isnull": False for name in attnames})
        several = rows.order_by().values(*attnames).annotate(_times=Count("pk")).filter(_times__gt=1)
        said = [_described(model, names, values, times) for *values, times in _some(several, attnames)]
        if said:
            more = " and others" if len(said) > _NAMED else ""
            raise Refused(
                f"--by {','.join(names)} does not tell all objects of {model._meta.label} from one another: "
                f"{'; '.join(said[:_NAMED])}{more} on {alias!r}. Nothing was linked. Name more fields, or mend them."
            )


def _some(rows: Any, names: list[str]) -> list[tuple[Any, ...]]:
    return list(rows.order_by(*names).values_list(*names, "_times")[: _NAMED + 1])


def _described(model: type[Model], names: Iterable[str], values: Iterable[Any], times: int) -> str:
    shown = []
    for name, value in zip(names, values, strict=True):
        found = field_at(model, name)
        assert found is not None  # of which objects were asked
        shown.append(f"{name}={difference_of(found[0], value, value).local!r}")
    return f"{', '.join(shown)} is that of {times:,} objects"
