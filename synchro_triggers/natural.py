"""``NaturalManager`` and ``NaturalKeyModel``: natural keys with one line, as django-synchro had them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import cache
from typing import Any, ClassVar, Self

from django.core.exceptions import ImproperlyConfigured, MultipleObjectsReturned, ValidationError
from django.db import models
from django.db.models.base import ModelBase


class NaturalManager(models.Manager[Any]):
    """A manager with ``get_by_natural_key`` over the named fields.

    ``NaturalManager('code', 'day')`` makes a subclass of itself that carries its arguments as class
    attributes, because Django instantiates managers without arguments (related managers, migrations).
    A subclass may also set ``fields`` (and ``allow_many``) itself and be instantiated without arguments.

    A synchronisation takes a key with ``None`` in it for an object's own only where no other has it, on either side.

    Args:
        *fields: names of the fields (lookups such as ``parent__code`` work too) that make the natural key.
        manager: the manager class to extend; default ``django.db.models.Manager``.
        allow_many: take the first object when several match, instead of raising ``MultipleObjectsReturned``.

    Raises:
        ImproperlyConfigured: no field is named.
        ValidationError: ``manager`` is not a subclass of ``Manager``.
    """

    fields: ClassVar[tuple[str, ...]] = ()
    allow_many: ClassVar[bool] = False

    def __new__(cls, *fields: Any, manager: Any = models.Manager, allow_many: bool = False) -> NaturalManager:
        if cls.fields:  # prepared: by the lines below, or by a subclass that names its fields
            return super().__new__(cls)
        if not fields:
            raise ImproperlyConfigured(
                f"{cls.__name__} needs the names of the fields of the natural key, for example {cls.__name__}('code')."
            )
        if not all(isinstance(field, str) for field in fields):
            raise ImproperlyConfigured(f"{cls.__name__}: field names must be strings, not {fields!r}.")
        if not (isinstance(manager, type) and issubclass(manager, models.Manager)):
            name = getattr(manager, "__name__", repr(manager))
            raise ValidationError(f"{name} manager class must be a subclass of django.db.models.Manager.")
        bases: tuple[type, ...] = (cls, manager)
        if issubclass(cls, manager) or issubclass(manager, cls):  # the narrower one is both
            bases = (cls if issubclass(cls, manager) else manager,)
        # The prepared class cannot be imported by name, so a migration cannot refer to it.
        attributes = {
            "fields": fields,
            "allow_many": allow_many,
            "use_in_migrations": False,
            "__module__": cls.__module__,
        }
        prepared: type[Self] = type(f"{cls.__name__}Of{manager.__name__}", bases, attributes)
        instance = super().__new__(prepared)
        # Python calls __init__ (with the arguments) only on what __new__ returns as an instance of cls: it is one.
        return instance

    def __init__(self, *fields: Any, **options: Any) -> None:
        super().__init__()

    def get_by_natural_key(self, *key: Any) -> Any:
        """Return the object whose natural key is ``key``.

        Raises:
            DoesNotExist: there is none.
            MultipleObjectsReturned: there are several and ``allow_many`` is off.
        """
        lookups = dict(zip(self.fields, key, strict=True))
        try:
            return self.get(**lookups)
        except MultipleObjectsReturned:
            if not self.allow_many:
                raise
            return self.filter(**lookups).order_by("pk")[0]


@cache
def manager_over(model: type[models.Model], fields: tuple[str, ...]) -> NaturalManager:
    """Return a ``NaturalManager`` over the fields of a model that knows nothing of it."""
    manager = NaturalManager(*fields)
    manager.model, manager.name = model, "natural_key"
    return manager


class _NaturalKeyModelBase(ModelBase):
    def __new__(mcs, name: str, bases: tuple[type, ...], attrs: dict[str, Any], **kwargs: Any) -> type:
        if any(isinstance(base, _NaturalKeyModelBase) for base in bases):
            mcs._add_manager(name, bases, attrs)
        new: type = super().__new__(mcs, name, bases, attrs, **kwargs)
        return new

    @staticmethod
    def _add_manager(name: str, bases: tuple[type, ...], attrs: dict[str, Any]) -> None:
        def inherited(attribute: str, default: Any) -> Any:
            own = attrs.get(attribute)
            return own or next((value for base in bases if (value := getattr(base, attribute, None))), default)

        if not {"_natural_key", "objects", "_natural_manager_kwargs"} & attrs.keys() and inherited("_natural_key", ()):
            return  # a subclass that adds nothing to its parent's natural key inherits the manager too
        fields = inherited("_natural_key", ())
        if isinstance(fields, str):
            raise ImproperlyConfigured(f"{name}._natural_key must be a tuple: write ({fields!r},) with a comma.")
        meta = attrs.get("Meta")
        if not fields and getattr(meta, "abstract", False):
            return  # an abstract base may leave the key to its children
        options = dict(inherited("_natural_manager_kwargs", {}))
        objects = attrs.get("objects", _inherited_manager(bases))
        if objects is not None:
            options.setdefault("manager", type(objects))
        if not fields:
            raise ImproperlyConfigured(f"{name} is a NaturalKeyModel and needs _natural_key = ('field', ...).")
        attrs["objects"] = NaturalManager(*fields, **options)


def _inherited_manager(bases: tuple[type, ...]) -> models.Manager[Any] | None:
    """Return the manager named ``objects`` of the first base that has one; an abstract base does not show it."""
    for base in bases:
        options = getattr(base, "_meta", None)
        if options is not None and "objects" in options.managers_map:
            manager: models.Manager[Any] = options.managers_map["objects"]
            return manager
    return None


class NaturalKeyModel(models.Model, metaclass=_NaturalKeyModelBase):
    """A model whose natural key is the tuple of the fields named in ``_natural_key``.

    ``_natural_manager_kwargs`` are passed to ``NaturalManager``; a manager named ``objects`` is extended.
    """

    _natural_key: ClassVar[tuple[str, ...]] = ()
    _natural_manager_kwargs: ClassVar[dict[str, Any]] = {}

    class Meta:
        abstract = True

    def natural_key(self) -> tuple[Any, ...]:
        """Return the values of the natural key's fields, also of one field as a tuple."""
        return tuple(follow(self, name) for name in self._natural_key)


def follow(instance: Any, path: str) -> Any:
    """Return the value at a path such as ``city__name``; ``None`` where a foreign key on the way is empty."""
    for name in path.split("__"):
        if instance is None:
            return None
        instance = getattr(instance, name)
    return instance


# Whether a natural key is unique ------------------------------------------------------------------


def is_unique(model: type[models.Model], paths: Iterable[str]) -> bool:
    """Tell whether the model promises that no two objects have the same values at these paths.

    A path such as ``city__code`` stands for its foreign key where the rest of the paths through that key are unique
    over there.
    """
    known: set[str] = set()
    through: dict[str, set[str]] = {}
    for path in paths:
        name, _, rest = path.partition("__")
        if rest:
            through.setdefault(name, set()).add(rest)
        else:
            known.add(name)
    fields = {field.name: field for field in model._meta.concrete_fields}
    fields |= {field.attname: field for field in model._meta.concrete_fields}
    for name, rests in through.items():
        remote = fields[name].remote_field if name in fields else None
        if remote is not None and is_unique(remote.model, rests):
            known.add(name)
    names = {fields[name].name for name in known if name in fields}
    return any(each <= names for each in _unique_sets(model))


def _unique_sets(model: type[models.Model]) -> Iterator[set[str]]:
    """Yield the sets of fields of which the model says that they are unique together."""
    for base in (model, *model._meta.all_parents):
        yield from ({field.name} for field in base._meta.local_concrete_fields if field.unique)
        yield {field.name for field in base._meta.pk_fields}
        yield from (set(together) for together in base._meta.unique_together)
        for constraint in base._meta.constraints:
            if isinstance(constraint, models.UniqueConstraint) and constraint.condition is None:
                # What is unique as an expression (``Lower('code')``) is unique as a value.
                yield {*constraint.fields, *(name for each in constraint.expressions for name in _names_in(each))}


def _names_in(expression: Any) -> Iterator[str]:
    parts: Iterable[Any] = expression.flatten() if hasattr(expression, "flatten") else (expression,)
    yield from (part.name for part in parts if isinstance(part, models.F))  # type: ignore[attr-defined]
