"""Compares the office and the main server object by object; runs in a process of the office.

Which object is which is told by what the package has learnt, its references; where it has none, by natural key. Keys
in other columns (foreign, generic, the option ``references``) are translated in the same way, so that a key that leads
to another object is a difference.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterator
from copy import deepcopy
from dataclasses import dataclass
from typing import Any

from django.apps import apps
from django.contrib.contenttypes.models import ContentType
from django.db.models import FileField, Model, QuerySet

from synchro_triggers.capture.tables import captured_models, is_of_links
from synchro_triggers.conf import LOCAL, get_settings
from synchro_triggers.models import Failure, Node
from synchro_triggers.replay.identity.references import Identity
from synchro_triggers.replay.schema.shape import shape_of

REMOTE = "main"

NOWHERE = "-nowhere-"

_QUOTED_NOWHERE = re.compile(f"""["']?{NOWHERE}["']?""")


@dataclass(frozen=True)
class Gone:
    """Stands for the key of an object that the office does not have: on the main server, too, it must lead nowhere."""

    model: type[Model]


class Sides:
    """Both databases, and which object is which."""

    def __init__(self) -> None:
        source, target = (Node.objects.using(alias).get().node_id for alias in (LOCAL, REMOTE))
        self._identity = Identity(REMOTE, source, target, get_settings().identity)
        self._natural: dict[type[Model], dict[Any, Any]] = {}
        types = QuerySet(ContentType, using=LOCAL)
        self._types = {row.pk: (row.app_label, row.model) for row in types}

    def load(self, model: type[Model], keys: list[Any]) -> None:
        self._identity.load(model, keys)

    def there(self, model: type[Model], key: Any) -> Any:
        """Return the key on the main server of an object of the office; ``None``: it is not known there."""
        shape = shape_of(model._meta.concrete_model or model)
        found = self._identity.find(shape.root, key)
        if found is not None:
            return found
        if self._identity.keeps_key(shape):
            if shape.root._meta.pk.remote_field is not None:
                return self.there(shape.root._meta.pk.remote_field.model, key)
            return key
        return self._by_natural_key(shape.root).get(key)

    def translated(self, model: type[Model], key: Any) -> Any:
        """Return what must stand on the main server for a key that stands at the office."""
        here = QuerySet(model, using=LOCAL).filter(pk=key)
        if self._identity.keeps_key(shape_of(model._meta.concrete_model or model)):
            return self.there(model, key)
        return self.there(model, key) if here.exists() else Gone(model)

    def in_text(self, model: Any, key: Any) -> Any:
        """Return what must stand for a key inside a text; where it leads nowhere, what is no key of main's."""
        model = apps.get_model(model) if isinstance(model, str) else model
        there = self.translated(model, model._meta.pk.to_python(key))
        if isinstance(there, Gone):
            return NOWHERE
        return str(there) if isinstance(key, str) else there

    def is_right(self, expected: Any, found: Any) -> bool:
        """Tell whether the main server has what it must have."""
        if isinstance(expected, Gone):
            return not QuerySet(expected.model, using=REMOTE).filter(pk=found).exists()
        if expected == found:
            return True
        parts = _QUOTED_NOWHERE.split(_text(expected))
        pattern = r"""["']?-?\d+["']?""".join(map(re.escape, parts))
        return len(parts) > 1 and re.fullmatch(pattern, _text(found)) is not None

    def typed(self, type_key: Any) -> Any:
        """Return the model of a content type of the office."""
        label = self._types.get(type_key)
        try:
            return None if label is None else apps.get_model(*label)
        except LookupError:
            return None

    def _by_natural_key(self, root: type[Model]) -> dict[Any, Any]:
        """Return office's keys to main's of all that has a natural key of its own, which no two objects share."""
        if root not in self._natural:
            here, there = (self._natural_keys(root, alias) for alias in (LOCAL, REMOTE))
            self._natural[root] = {key: there[text] for text, key in here.items() if text in there}
        return self._natural[root]

    def _natural_keys(self, root: type[Model], alias: str) -> dict[str, Any]:
        if not hasattr(root, "natural_key") and root._meta.auto_created is False:
            return {}
        rows = QuerySet(root, using=alias)
        tell = self._ends_text if root._meta.auto_created else _natural_text
        texts = [(tell(row), row.pk) for row in rows]
        shared = {text for text, count in Counter(text for text, _ in texts).items() if count > 1}
        return {text: key for text, key in texts if text not in shared}

    def _ends_text(self, row: Any) -> str:
        """Return which objects a row of an automatic many-to-many table links, by their keys on the main server."""
        ends: list[Any] = [field for field in row._meta.concrete_fields if field.remote_field is not None]
        keys = [getattr(row, end.attname) for end in ends]
        if row._state.db == LOCAL:
            keys = [self.there(end.remote_field.model, key) for end, key in zip(ends, keys, strict=True)]
        return repr(keys)


def _text(value: Any) -> str:
    """Return a text of a value, in which the names of JSON stand in the order of the alphabet."""
    return json.dumps(value, sort_keys=True, default=str) if isinstance(value, (dict, list)) else repr(value)


def _natural_text(row: Any) -> str:
    if isinstance(row, ContentType):
        return repr((row.app_label, row.model))
    try:
        return repr(row.natural_key())
    except AttributeError:  # an abstract base class that has the method, but not what it asks for
        return repr(row)


class Rows:
    """The rows of one model on both sides."""

    def __init__(self, sides: Sides, model: type[Model]) -> None:
        self._sides, self._model, self._shape = sides, model, shape_of(model)

    def translated(self, row: Model) -> dict[str, Any]:
        """Return the values of a row of the office as they must be on the main server."""
        values = self._values(row)
        for field in self._shape.foreign_keys:
            if values.get(field.attname) is not None and field.target_field.primary_key:
                values[field.attname] = self._sides.translated(field.remote_field.model, values[field.attname])
        for column in self._shape.key_columns:
            name = column.field.attname
            if column.rewrite is not None and values[name] is not None:
                made = column.rewrite(deepcopy(getattr(row, name)), self._sides.in_text, row)
                values[name] = _plain(column.field, made)
            elif values[name] not in (None, ""):
                values[name] = self._held(column, values[name], row)
        return values

    def _held(self, column: Any, key: Any, row: Model) -> Any:
        model = column.model
        if model is None:
            told = getattr(row, column.told_by.attname)
            model = self._sides.typed(told) if column.told_by.remote_field is not None else apps.get_model(told)
        if model is None:
            return key
        there = self._sides.translated(model, model._meta.pk.to_python(key))
        return there if isinstance(there, Gone) else column.field.to_python(there)

    def _values(self, row: Model) -> dict[str, Any]:
        return {field.attname: _plain(field, getattr(row, field.attname)) for field in self._shape.copied}

    def differences(self) -> Iterator[str]:
        label = self._model._meta.label
        here, there = ({row.pk: row for row in QuerySet(self._model, using=alias)} for alias in (LOCAL, REMOTE))
        self.number = len(here)
        self._sides.load(self._model, list(here))
        for key, row in here.items():
            at = self._sides.there(self._model, key)
            other = there.pop(at, None)
            if other is None:
                yield f"{label} {key}: not there (its key there: {at})"
                continue
            found = self._values(other)
            for name, value in self.translated(row).items():
                if not self._sides.is_right(value, found[name]):
                    yield f"{label} {key} ({at} there): {name}: {value!r:.600} there: {found[name]!r:.600}"
        for key, row in there.items():
            yield f"{label}: only there: {key} {self._values(row)!r:.300}"


def _plain(field: Any, value: Any) -> Any:
    """Return a value that can be compared."""
    if isinstance(field, FileField):
        return str(value)
    own = not type(field).__module__.startswith("django.")  # it may give out what cannot be compared
    return field.get_prep_value(value) if own or field.get_internal_type() == "JSONField" else value


class Links:
    """The links of a many-to-many field without a model of its own, as pairs of keys: they have no other values."""

    def __init__(self, sides: Sides, through: type[Model]) -> None:
        self._sides, self._through = sides, through
        self._ends: list[Any] = [field for field in through._meta.concrete_fields if field.remote_field is not None]

    def differences(self) -> Iterator[str]:
        names = [end.attname for end in self._ends]
        here, there = (list(QuerySet(self._through, using=alias).values_list(*names)) for alias in (LOCAL, REMOTE))
        self.number = len(here)
        translated = Counter(
            tuple(self._sides.there(end.remote_field.model, key) for end, key in zip(self._ends, pair, strict=True))
            for pair in here
        )
        label = self._through._meta.label
        for pair in translated - Counter(there):
            yield f"{label}: link {pair}: not there"
        for pair in Counter(there) - translated:
            yield f"{label}: link {pair}: only there"


def forget_content_types() -> None:
    """Delete all content types, with the permissions that hang on them."""
    ContentType.objects.all().delete()


def compare() -> dict[str, Any]:
    """Compare all that is captured: how many objects, what differs, what is kept as a failure."""
    sides = Sides()
    number, lines = 0, []
    for model in captured_models(get_settings().models):
        compared = Links(sides, model) if is_of_links(model) else Rows(sides, model)
        lines += compared.differences()
        number += compared.number
    kept = [f"{each.model_label} {each.object_pk}: {each.error}" for each in Failure.objects.using(REMOTE)]
    return {"objects": number, "differences": lines, "kept": kept}
