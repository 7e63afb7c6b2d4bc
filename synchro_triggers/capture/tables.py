"""Which tables and columns are captured: pure, from the models of ``SYNCHRO_MODELS``.

A captured *model* brings its own table, the tables of its multi-table parents and children's links to
them, the automatic through tables of its many-to-many fields in both directions, and the tables of
the through models that its own many-to-many fields name; but none of a model that the setting leaves out.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from functools import lru_cache
from types import MappingProxyType
from typing import Any

from django.db import models
from django.db.backends.utils import strip_quotes
from django.db.models import Field, Model
from django.db.models.fields.composite import CompositePrimaryKey

from ..conf import Settings, get_settings, local_alias, options_of
from ..exceptions import SynchroConfigurationError
from ..listed import resolve_models
from ..natural import follow, manager_over
from ..option_fields import wrong_skip
from ..unnamed import unnamed_on


@dataclass(frozen=True)
class CapturedColumn:
    """One concrete column.

    Attributes:
        name: the Django field's name, as it stands in ``changed_fields``.
        column: the database column.
        kind: the field's internal type (``'UUIDField'``, …), of a foreign key that of its target.
        skipped: of ``skipped_names``: a change of skipped columns alone is not logged.
        kept: its old value is stored when the row is deleted or the value changes, because the object
            is found by it: part of a natural key, or an end of a many-to-many link.
    """

    name: str
    column: str
    kind: str
    skipped: bool = False
    kept: bool = False


@dataclass(frozen=True)
class CapturedTable:
    """One captured table.

    Attributes:
        label: ``app.Model``; of an automatic through table ``app.Model_field``.
        table: the table's name as the model has it (``db_table``, unquoted).
        key: the primary key's columns, in order.
        columns: every column, the key's included.
    """

    label: str
    table: str
    key: tuple[CapturedColumn, ...]
    columns: tuple[CapturedColumn, ...]

    @property
    def kept(self) -> tuple[CapturedColumn, ...]:
        return tuple(column for column in self.columns if column.kept)


def captured_tables(captured: Iterable[type[Model]]) -> tuple[CapturedTable, ...]:
    """Describe the tables to capture for ``captured`` (concrete models), each once, in a stable order."""
    return _captured_tables(tuple(captured), get_settings().captured)


@lru_cache(maxsize=4)
def _captured_tables(captured: tuple[type[Model], ...], settings: Hashable) -> tuple[CapturedTable, ...]:
    return tuple(captured_table(model) for model in captured_models(captured))


def captured_models(captured: Iterable[type[Model]]) -> tuple[type[Model], ...]:
    """Return every model whose table is captured, one for each table: parents and through models included."""
    return _captured_models(tuple(captured), get_settings().captured)


@lru_cache(maxsize=64)
def _captured_models(captured: tuple[type[Model], ...], settings: Hashable) -> tuple[type[Model], ...]:
    return tuple(models[0] for models in models_by_table(captured).values())


def model_for(model: type[Model]) -> type[Model]:
    """Return the captured model that has the table of a concrete model: itself, as a rule."""
    settings = get_settings()
    known = _standing_for.get(id(settings))
    if known is None or known[0] is not settings:  # asked very often; to compare settings would cost more
        by_table = {table: models[0] for table, models in models_by_table(settings.models).items()}
        _standing_for.clear()
        known = _standing_for[id(settings)] = (settings, by_table)
    return known[1].get(strip_quotes(model._meta.db_table), model)


_standing_for: dict[int, tuple[Settings, dict[str, type[Model]]]] = {}


def models_by_table(captured: Iterable[type[Model]]) -> dict[str, list[type[Model]]]:
    """Return the models of each captured table.

    Several may have the same table, one of them as a rule unmanaged. A row is one object all the same, so one model
    stands for all: one from which another inherits, else the one that knows most columns, else one that makes the
    table, else the first that is listed.

    Args:
        captured: concrete models.

    Returns:
        Names of tables to their models, the one that stands for them first.
    """
    found: dict[type[Model], None] = {}
    for model in captured:
        for parent in (*model._meta.all_parents, model):
            concrete = parent._meta.concrete_model or parent
            found[concrete] = None
            for through in _through_models(concrete):
                for ancestor in (*through._meta.all_parents, through):
                    found[ancestor._meta.concrete_model or ancestor] = None
    tables: dict[str, list[type[Model]]] = {}
    for model in found:
        tables.setdefault(strip_quotes(model._meta.db_table), []).append(model)
    parents = {parent for model in found for parent in model._meta.all_parents}
    for models_ in tables.values():
        models_.sort(key=lambda model: (model not in parents, -len(stored_fields(model)), not model._meta.managed))
    return tables


def labels_of(entries: Iterable[object]) -> tuple[str, ...]:
    """Return the labels of the captured tables that belong to entries as in ``SYNCHRO_MODELS``; a text is one entry.

    Raises:
        SynchroConfigurationError: there is no such model, or it is not listed.
    """
    listed = set(captured_models(get_settings().models))
    found: dict[str, None] = {}
    for entry in (entries,) if isinstance(entries, str) else entries:
        named = map(model_for, captured_models(resolve_models((entry,))))
        models = [model for model in named if model in listed]
        if not models:
            raise SynchroConfigurationError(
                f"models: {entry!r} is not in SYNCHRO_MODELS, and so never synchronised; list it there first. "
                f"Captured are: {_some(sorted(model._meta.label for model in listed))}."
            )
        found.update(dict.fromkeys(model._meta.label for model in models))
    return tuple(found)


def _some(labels: list[str]) -> str:
    """Return the labels, of many the first twenty."""
    return ", ".join(labels[:20] or ["none"]) + (f" and {len(labels) - 20} more" if len(labels) > 20 else "")


def _through_models(model: type[Model]) -> Iterator[type[Model]]:
    left_out = get_settings().left_out
    for through in _linking_models(model):
        # An automatic table belongs to the model that declares the field.
        if (through._meta.auto_created or through._meta.concrete_model) not in left_out:
            yield through


def _linking_models(model: type[Model]) -> Iterator[type[Model]]:
    for field in model._meta.local_many_to_many:
        if is_many_to_many(field):
            through: Any = field.remote_field.through
            yield through
    for relation in model._meta.get_fields(include_hidden=True):
        if relation.many_to_many and relation.auto_created:  # the reverse side: only automatic tables
            through = getattr(relation, "through", None)
            if through is not None and through._meta.auto_created:
                yield through


def is_of_links(model: type[Model]) -> bool:
    """Tell an automatic many-to-many table: a link is no object, but a pair of keys, with nothing else to be copied.

    There are fields whose automatic tables hold more, as the place of each link in an order. Their rows are objects
    like those of a through model that users write themselves.
    """
    values = [field for field in stored_fields(model) if not field.primary_key] if model._meta.auto_created else []
    return len(values) == 2


def is_many_to_many(field: Any) -> bool:
    """Tell a ``ManyToManyField`` from look-alikes (a generic relation, taggit's manager) without a through table."""
    through = getattr(field.remote_field, "through", None)
    return bool(field.many_to_many) and isinstance(through, type) and issubclass(through, Model)


def captured_table(model: type[Model]) -> CapturedTable:
    """Describe the model's own table.

    Raises:
        SynchroConfigurationError: its ``SYNCHRO_SKIP`` names what cannot be skipped.
    """
    if (wrong := wrong_skip_of(model)) is not None:
        raise SynchroConfigurationError(wrong)
    skipped = skipped_names(model)
    with told_by({}):  # whatever is taken for a natural key just now: triggers stay as they are
        kept = kept_field_names(model)
    key_fields = key_fields_of(model)
    columns = tuple(
        CapturedColumn(
            name=field.name,
            column=str(field.column),
            kind=kind_of(field),
            skipped=field.name in skipped or field.attname in skipped,
            kept=kept is None or field.name in kept,
        )
        for field in stored_fields(model)
    )
    by_column = {column.column: column for column in columns}
    return CapturedTable(
        label=model._meta.label,
        table=model._meta.db_table,
        key=tuple(by_column[str(field.column)] for field in key_fields),
        columns=columns,
    )


def wrong_skip_of(model: type[Model]) -> str | None:
    """Say what is wrong with the ``SYNCHRO_SKIP`` of a model's class; ``None``: nothing."""
    return wrong_skip(model, natural_key_fields(model)) if hasattr(model, "SYNCHRO_SKIP") else None


def skipped_names(model: type[Model]) -> frozenset[str]:
    """Return the names of fields that stay the remote's own: the model's ``SYNCHRO_SKIP``, and its option ``skip``."""
    return options_of(model).skip | frozenset(getattr(model, "SYNCHRO_SKIP", ()))


def stored_fields(model: type[Model]) -> list[Field[Any, Any]]:
    """Return the fields with a column in the model's own table (not its parents'), generated ones left out."""
    return [
        field
        for field in model._meta.local_concrete_fields
        if field.column is not None and not getattr(field, "generated", False)
    ]


def key_fields_of(model: type[Model]) -> tuple[Field[Any, Any], ...]:
    """Return the fields of the primary key: one, or several of a ``CompositePrimaryKey``."""
    key: Any = model._meta.pk
    if isinstance(key, CompositePrimaryKey):
        return tuple(key.fields)  # type: ignore[arg-type]  # plain fields, by Django's own check
    return (key,)


def kept_field_names(model: type[Model]) -> frozenset[str] | None:
    """Return the names of the fields by which an object is found when its row is gone; ``None`` means all.

    A ``natural_key()`` of the user's own says nothing about its fields, so every value is kept then.
    """
    if is_of_links(model):
        return frozenset(field.name for field in model._meta.local_fields if field.remote_field)
    names = natural_key_fields(model)
    if names:
        return frozenset(name.split("__")[0] for name in names)
    if hasattr(model, "natural_key") and not _is_tagging_without_key(model):
        return None
    return frozenset()


def natural_key_fields(model: type[Model]) -> tuple[str, ...]:
    """Return the lookups of the natural key where the option, the model or its manager names them, else nothing."""
    if names := _given_natural_key(model):
        return names
    own = getattr(model, "_natural_key", ())
    if own:
        return tuple(own)
    if not hasattr(model, "natural_key"):
        return ()
    manager = natural_manager(model)
    return tuple(getattr(manager, "fields", ())) if manager is not None else ()


def natural_manager(model: type[Model]) -> models.Manager[Any] | None:
    """Return the manager that finds objects by natural key: the default one, else the first that can.

    Returns:
        ``None`` when the model has no natural key, or none that could be relied on.
    """
    if names := _given_natural_key(model):
        return manager_over(model, names)
    if not hasattr(model, "natural_key") or _is_tagging_without_key(model):
        return None
    managers = [model._default_manager, *model._meta.managers]
    return next((manager for manager in managers if hasattr(manager, "get_by_natural_key")), None)


def natural_key_of(instance: Any) -> tuple[Any, ...]:
    """Return the natural key of an object whose model has one."""
    if names := _given_natural_key(type(instance)):
        return tuple(follow(instance, name) for name in names)
    with unnamed_on(instance._state.db or local_alias()):
        return tuple(instance.natural_key())


#: What takes the place of natural keys for now, by concrete model.
_TOLD_BY: ContextVar[Mapping[type[Model], tuple[str, ...]]] = ContextVar("told_by", default=MappingProxyType({}))


@contextmanager
def told_by(fields: Mapping[type[Model], tuple[str, ...]]) -> Iterator[None]:
    """Take these fields for the natural keys of models, and of their children, while the block goes on.

    Triggers stay as they are: they do not keep the former values of these fields.
    """
    token = _TOLD_BY.set(fields)
    try:
        yield
    finally:
        _TOLD_BY.reset(token)


def _given_natural_key(model: type[Model]) -> tuple[str, ...]:
    """Return what is said of a model; of an automatic table that holds more than links, that they are there once."""
    if given := _TOLD_BY.get():
        for each in (model._meta.concrete_model or model, *model._meta.all_parents):
            if each in given:
                return given[each]
    together: Any = model._meta.unique_together if model._meta.auto_created and not is_of_links(model) else ()
    return options_of(model).natural_key or next((tuple(names) for names in together), ())


def _is_tagging_without_key(model: type[Model]) -> bool:
    """Tell models that have inherited taggit's ``natural_key()``, but no fields that would make one.

    Its generic taggings name the object id alone, which many rows share and which is another object's number on
    the other side; those with a foreign key name nothing, and ``natural_key()`` raises there.
    """
    definer: type = next((base for base in model.__mro__ if "natural_key" in base.__dict__), model)
    if (definer.__module__, definer.__qualname__) != ("taggit.models", "NaturalKeyModel"):
        return False
    names = set(getattr(model, "natural_key_fields", ()))
    unique = [{field.name} for field in model._meta.fields if field.unique]
    unique += [set(together) for together in model._meta.unique_together]
    unique += [set(constraint.fields) for constraint in model._meta.total_unique_constraints]
    return not any(fields <= names for fields in unique)


def kind_of(field: Any) -> str:
    """Return a field's internal type, of a foreign key that of its target."""
    while field.remote_field is not None and getattr(field, "target_field", None) is not None:
        field = field.target_field
    return str(field.get_internal_type())


# Keys and values as triggers write them -----------------------------------------------------------
