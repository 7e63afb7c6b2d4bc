"""What a replay needs to know of a model: its key, its foreign keys, its inheritance. Pure."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, tzinfo
from functools import cache
from typing import Any

from django.apps import apps
from django.core.exceptions import ValidationError
from django.core.signals import setting_changed
from django.db.models import AutoField, Field, FileField, JSONField, Model
from django.db.models.fields import AutoFieldMixin
from django.db.models.fields.composite import CompositePrimaryKey

from ...capture.keys import decode_key
from ...capture.tables import captured_models, is_of_links, key_fields_of, model_for, skipped_names
from ...conf import get_settings
from ...key_texts import is_encodable
from .key_columns import KeyColumn, key_columns_of
from .keys import FormerKey, Unreadable
from .left_out import left_out
from .stored_types import plain_type


@dataclass(frozen=True)
class OtherParent:
    """A parent whose key the model does not share: its row is part of the object, under a key of its own.

    Attributes:
        link: the one-to-one field that points to it.
        model: the parent.
        holders: names of the attributes that hold the parent's key: the link's, and those that the model inherits.
    """

    link: Any
    model: type[Model]
    holders: tuple[str, ...]


_NOTHING: frozenset[Field[Any, Any]] = frozenset()


@dataclass(frozen=True, eq=False)  # one of each: ``shape_of``
class Shape:
    """How a concrete model is replayed.

    Attributes:
        model: the model.
        root: the model at the root of its multi-table inheritance, whose primary key it shares;
            references are stored under its label.
        copied: fields whose values are copied: concrete, stored, not skipped, not part of the key or of a parent's.
        skipped: fields of ``SYNCHRO_SKIP`` and of the option ``skip``, and those that are left out for now.
        foreign_keys: the copied and key fields that are foreign keys (links to parents left out).
        key_columns: the copied fields that hold keys without being foreign keys.
        key: the fields of the primary key (at the root).
        automatic_key: the database gives out the key.
        other_parents: the parents with keys of their own.
        computed: copied fields that would change themselves in ``pre_save`` (``auto_now`` and the like), and all JSON,
            whose text is kept.
    """

    model: type[Model]
    root: type[Model]
    copied: tuple[Field[Any, Any], ...]
    skipped: tuple[Field[Any, Any], ...]
    foreign_keys: tuple[Field[Any, Any], ...]
    key_columns: tuple[KeyColumn, ...]
    key: tuple[Field[Any, Any], ...]
    automatic_key: bool
    other_parents: tuple[OtherParent, ...]
    computed: tuple[Field[Any, Any], ...]

    @property
    def label(self) -> str:
        return self.model._meta.label

    @property
    def composite_key(self) -> bool:
        return isinstance(self.root._meta.pk, CompositePrimaryKey)


def shape_of(model: type[Model]) -> Shape:
    """Describe a concrete model; where fields are left out, as if they were skipped."""
    return _shape_of(model, left_out() or _NOTHING)


@cache
def _shape_of(model: type[Model], without: frozenset[Field[Any, Any]]) -> Shape:
    options = model._meta
    skip = skipped_names(model)
    root = root_of(model)
    key = key_fields_of(root)
    others = _other_parents(model, {field.attname for field in key})
    other_keys = tuple(field for parent in others for field in key_fields_of(root_of(parent.model)) if field not in key)
    stored = [
        field
        for field in options.concrete_fields
        if field.column is not None and not getattr(field, "generated", False)
    ]
    skipped = tuple(
        field for field in stored if field.name in skip or field.attname in skip or (without and field in without)
    )
    keys = (*key, *other_keys)
    copied = tuple(
        field for field in stored if field not in skipped and field not in keys and not is_parent_link(field)
    )
    return Shape(
        model=model,
        root=root,
        copied=copied,
        skipped=tuple(field for field in skipped if field not in keys and not is_parent_link(field)),
        foreign_keys=tuple(field for field in (*keys, *copied) if is_foreign_key(field)),
        key_columns=tuple(key_columns_of(model, {field.name: field for field in copied})),
        key=key,
        automatic_key=len(key) == 1 and isinstance(key[0], (AutoField, AutoFieldMixin)),
        other_parents=others,
        computed=tuple(
            field
            for field in (*copied, *keys, *(field for field in skipped if isinstance(field, JSONField)))
            if _computes_itself(field)
        ),
    )


def _other_parents(model: type[Model], own: set[str]) -> tuple[OtherParent, ...]:
    """Return the parents whose keys the model does not share, those of its parents among them.

    Args:
        own: names of the attributes that hold the key that it shares.
    """
    found = []
    for link in model._meta.concrete_fields:
        if is_parent_link(link) and not link.primary_key:
            parent: Any = link.remote_field.model._meta.concrete_model  # type: ignore[union-attr]
            line: list[Any] = [each._meta.pk for each in (parent, *parents_of(parent))]
            holders = dict.fromkeys(field.attname for field in (link, *line) if field.attname not in own)
            found.append(OtherParent(link, parent, tuple(holders)))
    return tuple(found)


def _forget_shapes(*, setting: str, **kwargs: Any) -> None:
    """Receiver of ``setting_changed``: what is skipped, and which model stands for a table, depend on settings."""
    if setting in {"SYNCHRO_OPTIONS", "SYNCHRO_KNOWN", "INSTALLED_APPS"}:
        _shape_of.cache_clear()
    if setting in {"SYNCHRO_MODELS", "INSTALLED_APPS"}:
        _models.clear()


setting_changed.connect(_forget_shapes, dispatch_uid="synchro_triggers.forget_shapes")


@cache
def root_of(model: type[Model]) -> type[Model]:
    """Return the model at the root of the inheritance chain that ``model`` shares its primary key with."""
    concrete: type[Model] = model._meta.concrete_model or model
    return (parents_of(model) or [concrete])[-1]


def parents_of(model: type[Model]) -> list[type[Model]]:
    """Return the parents that share the model's primary key, the nearest first."""
    found: list[type[Model]] = []
    while (link := model._meta.pk) is not None and is_parent_link(link):
        model = link.remote_field.model  # type: ignore[union-attr]  # a parent link has one
        found.append(model._meta.concrete_model or model)
    return found


@cache
def family_labels(root: type[Model]) -> tuple[str, ...]:
    """Return the labels under which the log may speak of an object: those of a root model and of its children."""
    return tuple(
        model._meta.label for model in apps.get_models() if not model._meta.proxy and root_of(model) is root_of(root)
    )


def telling_labels(root: type[Model]) -> tuple[str, ...]:
    """Return the labels under which the log tells that objects come and go: the root's, where its table is captured.

    The row of a child may come and go alone.
    """
    captured = {model._meta.label for model in captured_models(get_settings().models)}
    return (root._meta.label,) if root._meta.label in captured else family_labels(root)


@dataclass(frozen=True)
class Table:
    """One of the tables in which an object lies: its model's own, or that of a parent that shares its key.

    Attributes:
        model: the model that has the table.
        key: the fields of its primary key.
        numbers: which of the shape's ``copied`` fields are columns of it.
    """

    model: type[Model]
    key: tuple[Any, ...]
    numbers: tuple[int, ...]


@cache
def tables_of(shape: Shape) -> tuple[Table, ...]:
    """Return the tables in which an object lies, the root's first; without those of parents with keys of their own."""
    return tuple(
        Table(
            model,
            shape.key if model is shape.root else (model._meta.pk,),
            tuple(number for number, field in enumerate(shape.copied) if field in model._meta.local_concrete_fields),
        )
        for model in reversed([shape.model, *parents_of(shape.model)])
    )


def is_parent_link(field: Any) -> bool:
    """Tell the one-to-one field of multi-table inheritance."""
    return bool(field.remote_field and getattr(field.remote_field, "parent_link", False))


def is_foreign_key(field: Any) -> bool:
    """Tell a foreign key (or one-to-one field) with a column of its own."""
    return bool(field.is_relation and field.concrete and (field.many_to_one or field.one_to_one))


def leads_elsewhere(field: Any) -> bool:
    """Tell whether a field's value may be another one on the remote: of a foreign key, or a column that holds keys."""
    return is_foreign_key(field) or key_column_at(field) is not None


def key_column_at(field: Any) -> KeyColumn | None:
    """Return the column that holds keys that a field is; ``None``: it is none."""
    columns = shape_of(field.model).key_columns if field.concrete and not field.model._meta.abstract else ()
    return next((column for column in columns if column.field == field), None)


def target_of(field: Any) -> tuple[type[Model], str]:
    """Return the concrete model a foreign key points to, and the attribute there that it holds."""
    target = field.target_field
    return concrete_of(field.remote_field.model), target.attname


def concrete_of(model: type[Model]) -> type[Model]:
    """Return the model that is replayed for a model: not a proxy, nor another one over the same table."""
    return model_for(model._meta.concrete_model or model)


@cache
def field_at(model: type[Model], path: str) -> tuple[Any, str] | None:
    """Return the field that a path like ``city__name`` stands for, and the same path with its attribute's name.

    Args:
        model: where the path begins.
        path: names of fields; the last may be its attribute's (``city__country_id``).

    Returns:
        ``None`` where it is something else than fields with columns, and foreign keys on the way.
    """
    *through, last = path.split("__")
    following: Any = model
    field: Any = None
    for name in [*through, last]:
        fields = following._meta.concrete_fields if following is not None else ()
        field = next((each for each in fields if name in {each.name, each.attname}), None)
        if field is None or field.column is None:
            return None
        following = field.remote_field.model if is_foreign_key(field) else None
    return field, "__".join([*through, field.attname])


def points_to_key(field: Any) -> bool:
    """Tell a foreign key that holds its target's primary key from one with a ``to_field``."""
    model, attname = target_of(field)
    key = key_fields_of(root_of(model))
    return len(key) == 1 and attname in {key[0].attname, model._meta.pk.attname}


#: Models by changelog label, as far as they have been asked for; a label without one is looked up each time.
_models: dict[str, type[Model]] = {}


def model_of(label: str) -> type[Model] | None:
    """Return the model of a changelog label, automatic through models included; ``None``: it is gone.

    What was logged for another model over the same table is taken for the one that is captured.
    """
    model = _models.get(label)
    if model is None and (model := _find_model(label)) is not None:
        _models[label] = model
    return model


def _find_model(label: str) -> type[Model] | None:
    with suppress(LookupError, ValueError):
        return concrete_of(apps.get_model(label))
    app_label, _, name = label.partition(".")
    if app_label in apps.app_configs:
        for model in apps.get_app_config(app_label).get_models(include_auto_created=True):
            if model.__name__ == name:
                return concrete_of(model)
    return None


def _computes_itself(field: Field[Any, Any]) -> bool:
    if getattr(field, "auto_now", False) or getattr(field, "auto_now_add", False):
        return True
    if isinstance(field, JSONField):
        return True  # its text is copied, past Python's numbers
    if isinstance(field, FileField):
        return True  # an empty path where there was none
    own = type(field).pre_save
    return own is not Field.pre_save and not type(field).__module__.startswith("django.db.models")


def read_key(model: type[Model], text: str, zone: tzinfo = UTC) -> Any:
    """Read a logged key; one that the model cannot read is ``Unreadable``, and finds nothing."""
    try:
        return decode_key(model, text, zone)
    except (ValueError, ArithmeticError, TypeError, ValidationError):
        if FormerKey.is_one(text) and gives_keys_again(root_of(model)):
            return FormerKey(text)
        return Unreadable(text)


def shown_key(label: str, text: str) -> str:
    """Return a change's key as people know it: without the mark of an object whose key is another's now."""
    model = model_of(label)
    key = read_key(model, text) if model is not None and FormerKey.is_one(text) else text
    return key.number if isinstance(key, FormerKey) else text


def gives_keys_again(model: type[Model], kept_keys: Collection[str] = ()) -> bool:
    """Tell whether an object under a used key of the model is another object.

    The database gives out the key, or that of an object which the key names. Where keys are kept, or are the users'
    own, the key is what makes the object. Rows of children and links of automatic tables are no objects of their own.
    """
    shape = shape_of(model)
    if shape.root is not shape.model or shape.label in kept_keys or is_of_links(model):
        return False
    return shape.automatic_key or any(
        is_foreign_key(field)
        and points_to_key(field)
        and (target := root_of(target_of(field)[0])) is not model
        and gives_keys_again(target, kept_keys)
        for field in shape.key
    )


def read_keys(model: type[Model], texts: Sequence[str], zone: tzinfo = UTC) -> list[Any]:
    """Read logged keys, all of one model."""
    kind = plain_type(model._meta.pk)
    if kind is int or (kind is str and is_encodable("".join(texts))):
        with suppress(ValueError):
            return list(map(kind, texts))
    return [read_key(model, text, zone) for text in texts]
