"""Columns that hold keys without being foreign keys: of generic ones, and those that an option names. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import wraps
from inspect import signature
from typing import Any

from django.apps import apps
from django.db.models import Field, Model

from ...conf import options_of


@dataclass(frozen=True)
class KeyColumn:
    """A column that holds the key of an object, or several in what is serialised, and is no foreign key.

    Attributes:
        field: the column.
        model: the model whose keys it holds, where that is always the same.
        told_by: else the field that tells it: the foreign key to the content type, or a text like ``app.Model``.
        rewrite: else the callable of the option ``references``, which finds the keys inside: it gets a value, what
            tells keys on the remote, and the object whose value it is.
        generic: the name of the ``GenericForeignKey``, if it is one's.
    """

    field: Field[Any, Any]
    model: type[Model] | None = None
    told_by: Field[Any, Any] | None = None
    rewrite: Callable[[Any, Callable[[Any, Any], Any], Any], Any] | None = None
    generic: str = ""

    def value_there(self, key: Any, remote_key: Any, written: Any) -> Any:
        """Return a key as it is held on the remote: as it is written where it is the same (``007`` stays that).

        Args:
            key, remote_key: what it is on both sides.
            written: what the column, or the callable, has for it.
        """
        if remote_key == key:
            return written
        if self.rewrite is not None:
            return str(remote_key) if isinstance(written, str) else remote_key
        return self.field.to_python(remote_key)


def key_columns_of(model: type[Model], copied: Mapping[str, Field[Any, Any]]) -> Iterator[KeyColumn]:
    """Yield the columns of a model that hold keys; what an option says of one goes before its generic foreign key.

    Args:
        model: a concrete model.
        copied: its fields that are copied, by name.
    """
    named = {each.column for each in options_of(model).references}
    for each in options_of(model).references:
        if each.column in copied and (not each.told_by or each.told_by in copied):
            yield KeyColumn(copied[each.column], each.model, copied.get(each.told_by), _with_object(each.rewrite))
    if not apps.is_installed("django.contrib.contenttypes"):
        return
    from django.contrib.contenttypes.fields import GenericForeignKey

    left = copied.keys() - named
    for field in model._meta.private_fields:
        if isinstance(field, GenericForeignKey) and field.ct_field in copied and field.fk_field in left:
            yield KeyColumn(copied[field.fk_field], told_by=copied[field.ct_field], generic=field.name)


def _with_object(found: Callable[..., Any] | None) -> Callable[..., Any] | None:
    """Return a callable that can be given the object as a third argument, also where this one does not take it."""
    if found is None:
        return None
    try:
        signature(found).bind(None, None, None)
    except TypeError:

        @wraps(found)
        def rewrite(value: Any, key_of: Any, instance: Any) -> Any:
            return found(value, key_of)

        return rewrite
    except ValueError:  # one that is written in C does not say what it takes
        pass
    return found
