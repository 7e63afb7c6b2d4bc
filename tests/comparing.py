"""Are both databases equal? Told from the tables alone, without anything that this package stores.

Every object is turned into what can be compared across databases: its field values; instead of a foreign
key's number, what identifies its target; the links of an automatic many-to-many table as pairs of such.
"""

from __future__ import annotations

import datetime
from collections import Counter
from collections.abc import Iterable, Iterator
from typing import Any

from django.apps import apps
from django.contrib.auth.models import Permission
from django.contrib.contenttypes.fields import GenericForeignKey
from django.contrib.contenttypes.models import ContentType
from django.db import connections, models
from django.db.models import AutoField, BigAutoField, Model, QuerySet, SmallAutoField

from synchro_triggers.capture.tables import skipped_names

#: The first of these fields that a model has says which object is which; a test gives it unique values.
IDENTIFYING = ("name", "code", "label", "title", "number", "username", "domain", "url", "slug", "codename")

GONE = "<gone>"
"""Stands for the target of a foreign key that points to no row."""

Values = dict[str, Any]


def assert_same(*which: str | type[Model], remote: str = "remote") -> None:
    """Assert that no foreign key dangles where it must not, and that both databases hold the same objects.

    Args:
        *which: models and app labels; default: the apps ``testapp`` and ``shapeapp`` (captured models only).
        remote: what to compare ``default`` with.
    """
    for alias in ("default", remote):
        if connections[alias].vendor != "mysql":  # which has checked each statement, and takes seconds to look again
            connections[alias].check_constraints()
    found = differences(*which, remote=remote)
    assert not found, "the databases differ:\n  " + "\n  ".join(found)


def differences(*which: str | type[Model], remote: str = "remote") -> list[str]:
    """Return a line for each object that differs, sorted by model; see ``assert_same``."""
    tables = _tables(which or ("testapp", "shapeapp"))
    here, there = Side("default", tables), Side(remote, tables)
    return [line for model in tables for line in _differences_of(model, here.rows(model), there.rows(model))]


def _differences_of(model: type[Model], here: list[Values], there: list[Values]) -> Iterator[str]:
    only_here = Counter(map(_frozen, here)) - Counter(map(_frozen, there))
    only_there = Counter(map(_frozen, there)) - Counter(map(_frozen, here))
    surplus = {_frozen(values): values for values in there}
    for frozen, count in sorted(only_here.items()):
        values = next(values for values in here if _frozen(values) == frozen)
        twin = next((key for key in only_there if _same_object(surplus[key], values)), None)
        if twin is None:
            yield f"{model._meta.label}: missing{_times(count)}: {_shown(values)}"
            continue
        only_there[twin] -= 1
        if not only_there[twin]:
            del only_there[twin]
        other = surplus[twin]
        changed = ", ".join(
            f"{field} is {other.get(field)!r} instead of {value!r}"
            for field, value in values.items()
            if repr(value) != repr(other.get(field))
        )
        yield f"{model._meta.label} {_identity(values)!r}: {changed}"
    for frozen, count in sorted(only_there.items()):
        yield f"{model._meta.label}: surplus{_times(count)}: {_shown(surplus[frozen])}"


def _frozen(values: Values) -> str:
    return repr(sorted(values.items()))


def _same_object(one: Values, other: Values) -> bool:
    return _identity(one) is not None and _identity(one) == _identity(other)


def _identity(values: Values) -> Any:
    return next((values[name] for name in IDENTIFYING if name in values), None)


def _shown(values: Values) -> str:
    return ", ".join(f"{field}={value!r}" for field, value in values.items())


def _times(count: int) -> str:
    return f" {count} times" if count > 1 else ""


# Which tables -------------------------------------------------------------------------------------


def _tables(which: Iterable[str | type[Model]]) -> list[type[Model]]:
    """Return concrete models and automatic through models; of an app, those that SYNCHRO_MODELS names."""
    found: dict[type[Model], None] = {}
    for entry in which:
        for model in _captured_of_app(entry) if isinstance(entry, str) else [entry]:
            if model._meta.proxy or model._meta.swapped:
                continue
            found[model] = None
            for field in model._meta.local_many_to_many:
                through: Any = field.remote_field.through
                if through._meta.auto_created:
                    found[through] = None
    return list(found)


def _captured_of_app(label: str) -> list[type[Model]]:
    from django.conf import settings

    config = apps.get_app_config(label)
    names: set[str] = set()
    for entry in settings.SYNCHRO_MODELS:
        if isinstance(entry, str) and entry in (label, config.name):
            return list(config.get_models())
        app, *listed = entry.split(".") if isinstance(entry, str) else entry
        if app in (label, config.name):
            names.update(name.lower() for name in listed)
    return [model for model in config.get_models() if model._meta.model_name in names]


def _empty(alias: str, tables: list[type[Model]]) -> list[type[Model]]:
    quote = connections[alias].ops.quote_name
    asked = [f"SELECT {n} WHERE EXISTS (SELECT 1 FROM {quote(each._meta.db_table)})" for n, each in enumerate(tables)]
    filled: set[int] = set()
    for start in range(0, len(asked), 400):  # SQLite takes 500 at once
        with connections[alias].cursor() as cursor:
            cursor.execute(" UNION ALL ".join(asked[start : start + 400]))
            filled.update(number for (number,) in cursor.fetchall())
    return [model for number, model in enumerate(tables) if number not in filled]


# One database -------------------------------------------------------------------------------------


class Side:
    """The objects of one database; each table is read once.

    Args:
        alias: the database.
        tables: models that will be asked for; one query tells which of their tables are empty.
    """

    def __init__(self, alias: str, tables: Iterable[type[Model]] = ()) -> None:
        self._alias = alias
        self._read: dict[type[Model], dict[Any, Model]] = {model: {} for model in _empty(alias, list(tables))}
        self._content_types: dict[Any, tuple[str, str]] | None = None

    def rows(self, model: type[Model]) -> list[Values]:
        """Return every object of a model as comparable values."""
        return [self._values(instance) for instance in self._instances(model).values()]

    def _instances(self, model: type[Model]) -> dict[Any, Model]:
        if model not in self._read:
            # Not by a manager: it may hide rows.
            self._read[model] = {row.pk: row for row in QuerySet(model, using=self._alias)}
        return self._read[model]

    def _values(self, instance: Model) -> Values:
        skipped = skipped_names(type(instance))
        generic = {
            name
            for field in instance._meta.private_fields
            if isinstance(field, GenericForeignKey)
            for name in (field.ct_field, field.fk_field)
        }
        values = {
            field.name: self._comparable(instance, field)
            for field in instance._meta.concrete_fields
            if field.column is not None and field.name not in skipped | generic and not _is_number_of_its_own(field)
        }
        for field in instance._meta.private_fields:
            if isinstance(field, GenericForeignKey):
                values[field.name] = self._generic(instance, field)
        return values

    def _comparable(self, instance: Model, field: Any) -> Any:
        value = instance.__dict__.get(field.attname)
        if field.is_relation and value is not None:
            target = field.remote_field.model._meta.concrete_model
            return self._identity_of(target, field.target_field.attname, value)
        return _plain(value)

    def _identity_of(self, model: type[Model], attname: str, value: Any) -> Any:
        if model is ContentType:
            return self._content_type(value)
        instances = self._instances(model)
        found = instances.get(value)
        if found is None or getattr(found, attname) != value:
            found = next((one for one in instances.values() if getattr(one, attname) == value), None)
        if found is None:
            return GONE
        if model is Permission:  # several are called «Can add tag»
            return tuple(sorted(self._values(found).items()))
        fields = {field.name: field for field in model._meta.concrete_fields}
        name = next((name for name in IDENTIFYING if name in fields), None)
        return _plain(found.__dict__[fields[name].attname]) if name else self._values(found)

    def _generic(self, instance: Model, field: GenericForeignKey) -> Any:
        type_field: Any = instance._meta.get_field(field.ct_field)
        key, type_key = getattr(instance, field.fk_field), getattr(instance, type_field.attname)
        if key is None or type_key is None:
            return (None if type_key is None else self._content_type(type_key), key)
        label = self._content_type(type_key)
        try:
            model: Any = apps.get_model(*label)
            value = model._meta.pk.to_python(key)
        except (LookupError, TypeError, ValueError):
            return (label, key)
        concrete = model._meta.concrete_model
        return (label, self._identity_of(concrete, concrete._meta.pk.attname, value))

    def _content_type(self, key: Any) -> Any:
        if self._content_types is None:
            rows = QuerySet(ContentType, using=self._alias).values_list("pk", "app_label", "model")
            self._content_types = {pk: (app_label, model) for pk, app_label, model in rows}
        return self._content_types.get(key, GONE)


def _is_number_of_its_own(field: Any) -> bool:
    """Tell an automatic key, and the link to a parent: they are different numbers on the other side."""
    if field.is_relation:
        return bool(getattr(field.remote_field, "parent_link", False))
    return isinstance(field, (AutoField, BigAutoField, SmallAutoField))


def _plain(value: Any) -> Any:
    if isinstance(value, memoryview):
        return bytes(value)
    if isinstance(value, datetime.datetime) and value.tzinfo is not None:
        return value.astimezone(datetime.UTC)
    if isinstance(value, models.fields.files.FieldFile):
        return value.name
    return value
