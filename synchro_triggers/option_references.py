"""The option ``references``: which columns hold keys of objects without being foreign keys. Pure."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from django.apps import apps
from django.db.models import CharField, Field, JSONField, Model, TextField
from django.db.models.fields.composite import CompositePrimaryKey
from django.utils.module_loading import import_string

#: A callable of the option: it gets a column's value, what tells the key of an object on the remote, and the object
#: whose value it is, if it takes a third argument.
Rewrite = Callable[..., Any]


@dataclass(frozen=True)
class HeldKey:
    """What an entry of ``references`` says of one column; one of the last three is given.

    Attributes:
        column: the name of the field.
        model: the model of which it holds keys.
        told_by: the name of the field that tells the model of each row: a foreign key to ``ContentType``, or a text.
        rewrite: what finds the keys in what is serialised.
    """

    column: str
    model: type[Model] | None = None
    told_by: str = ""
    rewrite: Rewrite | None = None


class WrongReference(Exception):
    """An entry of ``references`` is wrong: what, and what to do."""


def read_held_key(model: type[Model], column: Any, name: str, value: object) -> HeldKey:
    """Read what ``references`` says of one column of a model.

    Args:
        model: a concrete model.
        column: a field of it with a column.
        name: how the option names it.
        value: ``'app.Model'`` or a model; ``('content_type',)``; a callable or its dotted path.

    Raises:
        WrongReference: the column can hold no key, or the value is wrong.
    """
    _require_plain(model, name, column)
    if isinstance(value, (list, tuple)):
        held = HeldKey(column.name, told_by=_told_by(model, name, value))
    else:
        found = _model_or_callable(name, value)
        if not isinstance(found, type):
            return HeldKey(column.name, rewrite=found)
        held = HeldKey(column.name, model=_target(name, found))
    if isinstance(column, JSONField):
        raise WrongReference(
            f"says of which model {name!r} holds a key, but that is JSON: name a callable that finds the keys in it."
        )
    return held


def column_of(model: type[Model], name: str) -> Field[Any, Any] | None:
    """Return the field with a column that has this name, or whose attribute has; ``None``: there is none."""
    fields = (field for field in model._meta.concrete_fields if field.column is not None)
    return next((field for field in fields if name in {field.name, field.attname}), None)


def _require_plain(model: type[Model], name: str, column: Any) -> None:
    if column.primary_key or column in getattr(model._meta, "pk_fields", ()):
        raise WrongReference(
            f"names {name!r}, which is (part of) the primary key of {model._meta.label}: take it out. A foreign key "
            "can be (part of) a primary key."
        )
    if column.is_relation:
        raise WrongReference(
            f"names {name!r}, which is a foreign key to {column.remote_field.model._meta.label} already, and is "
            "translated as such: take it out."
        )
    if column.model is not model:
        raise WrongReference(
            f"names {name!r}, a column of {column.model._meta.label}, from which {model._meta.label} inherits: give "
            "the option to that."
        )


def _told_by(model: type[Model], name: str, value: list[Any] | tuple[Any, ...]) -> str:
    if len(value) != 1 or not isinstance(value[0], str):
        raise WrongReference(
            f"has {value!r} for {name!r}: write ('content_type',), the one field that says which model's key it holds."
        )
    [told_by] = value
    field: Any = column_of(model, told_by)
    if field is None:
        known = ", ".join(field.name for field in model._meta.concrete_fields if field.column is not None)
        raise WrongReference(
            f"says that {told_by!r} tells the model of {name!r}: {model._meta.label} has no such field with a column "
            f"(it has: {known})."
        )
    is_content_type = field.is_relation and field.remote_field.model._meta.label == "contenttypes.ContentType"
    if not is_content_type and not isinstance(field, CharField | TextField):
        raise WrongReference(
            f"says that {told_by!r} tells the model of {name!r}, but it is neither a foreign key to ContentType nor a "
            "text like 'app.Model'. Where it is always the same model, name that: 'app.Model'."
        )
    return str(field.name)


def _model_or_callable(name: str, value: object) -> Any:
    if not isinstance(value, str):
        if callable(value):
            return value
        raise WrongReference(
            f"has {value!r} for {name!r}: write 'app.Model', ('content_type',), or the dotted path of a callable."
        )
    app, _, rest = value.partition(".")
    if app in apps.app_configs and "." not in rest:
        try:
            return apps.get_model(value)
        except (LookupError, ValueError) as error:
            known = ", ".join(sorted(model.__name__ for model in apps.get_app_config(app).get_models()))
            raise WrongReference(
                f"has {value!r} for {name!r}: there is no such model (the app {app!r} has: {known})."
            ) from error
    try:
        found = import_string(value)
    except ImportError as error:
        raise WrongReference(
            f"has {value!r} for {name!r}, which is neither a model ('app.Model') nor a callable that can be imported: "
            f"{error}."
        ) from error
    if not callable(found):
        raise WrongReference(f"has {value!r} for {name!r}, which is no callable: {found!r}.")
    return found


def _target(name: str, found: type[Any]) -> type[Model]:
    if not issubclass(found, Model) or found._meta.abstract:
        raise WrongReference(f"has {found!r} for {name!r}, which is no model with a table: write 'app.Model'.")
    if found._meta.app_label == "synchro_triggers":
        raise WrongReference(
            f"has {found._meta.label} for {name!r}, which belongs to synchro_triggers itself and is never captured."
        )
    if isinstance(found._meta.pk, CompositePrimaryKey):
        raise WrongReference(
            f"has {found._meta.label} for {name!r}, whose primary key has several columns: one column cannot hold it. "
            "Where its text does, name a callable."
        )
    return found
