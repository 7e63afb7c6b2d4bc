"""``SYNCHRO_OPTIONS``: what concerns one model, for models of other people too. Pure.

Options for an app apply to those of its models that have the fields; options for a model are more specific and win,
key by key. What a child of multi-table inheritance has of its parents stands in ``inherited``.
"""

# Long: each option has its reader here, and they share how they tell what is wrong.

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from django.db.models import Field, Model

from .exceptions import SynchroConfigurationError
from .option_fields import is_key, wrong_counter
from .option_references import HeldKey, WrongReference, column_of, read_held_key
from .option_rules import MERGES, Rule, WrongRule, read_callable, read_rule

SETTING = "SYNCHRO_OPTIONS"

#: By what the model does itself; past its methods, with its signals; or past its receivers too.
WAYS = ("save", "signals", "rows")


@dataclass(frozen=True)
class ModelOptions:
    """The options of one model.

    Attributes:
        skip: names of fields that stay the remote's own; those of the model's ``SYNCHRO_SKIP`` come to them.
        natural_key: names of the fields (paths such as ``parent__code`` too) that tell its objects from one another;
            empty: as the model itself says.
        keeps_key: ``identity: 'pk'``: rows keep their primary key on the remote, even an automatic one.
        batch_signals: whether its signals are sent a batch at a time; ``None``: as ``SYNCHRO_BATCH_SIGNALS`` says.
        references: which of its columns hold keys of objects without being foreign keys.
        write: one of ``WAYS``: how a replay writes its objects.
        mute: dotted paths of receivers, or of modules and packages of such, that a replay does not call.
        conflict: the rule for conflicts over its objects; ``None``: as ``SYNCHRO_CONFLICT`` says.
        merge: one of ``MERGES``: what is merged where both sides have changed an object; ``None``: as
            ``SYNCHRO_MERGE`` says.
        counters: names of fields whose differences add up.
        unique: what gives one of two objects other values that want the same unique ones; ``None``: the one is kept as
            a failure.
    """

    skip: frozenset[str] = frozenset()
    natural_key: tuple[str, ...] = ()
    keeps_key: bool = False
    batch_signals: bool | None = None
    references: tuple[HeldKey, ...] = ()
    write: str = "save"
    mute: tuple[str, ...] = ()
    conflict: Rule | None = None
    merge: str | None = None
    counters: frozenset[str] = frozenset()
    unique: Callable[..., Any] | None = None


@dataclass(frozen=True)
class _Entry:
    """One value of the setting.

    Attributes:
        label: what it was given for.
        models: the concrete models that this is.
        is_app: it is an app's.
        given_in: the setting, or else what it was given in.
    """

    label: str
    models: tuple[type[Model], ...]
    is_app: bool
    given_in: str = SETTING

    def error(self, key: str, text: str, kind: type[SynchroConfigurationError] | None = None) -> Exception:
        return (kind or SynchroConfigurationError)(f"{self.given_in}[{self.label!r}][{key!r}] {text}")


class NotThere(SynchroConfigurationError):
    """An option names what the model, as it is installed, does not have."""


def read_options(
    value: object,
    models_of: Callable[[str], tuple[bool, tuple[type[Model], ...]]],
) -> dict[type[Model], dict[str, Any]]:
    """Read the setting.

    Args:
        value: the setting.
        models_of: finds out what a label stands for: whether it is an app, and which models it means.

    Returns:
        The attributes of ``ModelOptions`` that were given for each model; ``inherited`` makes options of them.

    Raises:
        SynchroConfigurationError: a label, key, field or value is wrong; the message names it and the remedy.
    """
    if not isinstance(value, Mapping):
        raise SynchroConfigurationError(
            f"{SETTING} must be a dict like {{'app.Model': {{'skip': ('field',)}}}}, not {value!r}."
        )
    of_apps: dict[type[Model], dict[str, Any]] = {}
    of_models: dict[type[Model], dict[str, Any]] = {}
    named: dict[tuple[bool, tuple[type[Model], ...]], str] = {}
    for label, given in value.items():
        if not isinstance(label, str):
            raise SynchroConfigurationError(f"{SETTING}: cannot read the label {label!r}; write 'app.Model' or 'app'.")
        entry = _entry(label, *models_of(label))
        if (other := named.setdefault((entry.is_app, entry.models), label)) != label:
            raise SynchroConfigurationError(
                f"{SETTING} names the same {'app' if entry.is_app else 'model'} twice: {other!r} and {label!r}. "
                "Make one entry of them."
            )
        for model, options in _read_entry(entry, given).items():
            (of_apps if entry.is_app else of_models).setdefault(model, {}).update(options)
    return {model: {**of_apps.get(model, {}), **of_models.get(model, {})} for model in {**of_apps, **of_models}}


def read_known_options(
    given_in: str, label: str, model: type[Model], given: object
) -> tuple[dict[str, Any], tuple[str, ...]]:
    """Read options that a project has not given itself; what its version of an app does not have is passed over.

    Args:
        given_in: where they were given, for the message.
        label: what they were given for.
        model: one of the models for which this stands.
        given: the options.

    Returns:
        The attributes of ``ModelOptions`` that they give, and what was passed over.

    Raises:
        SynchroConfigurationError: an option or a value is wrong.
    """
    found: dict[str, Any] = {}
    missing: list[str] = []
    for key, value in _require_options(given_in, label, given).items():
        name, read = _READERS[key]
        for each in _one_by_one(model, key, value):
            try:
                for _, option in read(_Entry(label, (model,), False, given_in), key, each):
                    add_known(found, {name: option})
            except NotThere as error:
                missing.append(str(error))
    return found, tuple(missing)


def _one_by_one(model: type[Model], key: str, value: Any) -> list[Any]:
    """Return a value in parts, of which some may be of fields that are not there.

    Of a column that a model has inherited its parent's options speak: what stands for a base class stands for both.
    """
    if key == "skip" and isinstance(value, (list, tuple)):
        return [(each,) for each in value]
    if key == "references" and isinstance(value, Mapping):
        columns = {name: column_of(model, name) for name in value}
        return [{name: value[name]} for name, column in columns.items() if column is None or column.model is model]
    return [value]


def add_known(found: dict[str, Any], read: Mapping[str, Any]) -> None:
    """Add attributes of ``ModelOptions``, in place: fields and receivers add up, of the rest what comes last holds."""
    for name, option in read.items():
        if name == "skip":
            option = found.get(name, frozenset()) | option
        elif name == "mute":
            option = tuple(dict.fromkeys((*found.get(name, ()), *option)))
        elif name == "references":
            columns = {held.column for held in option}
            option = (*(held for held in found.get(name, ()) if held.column not in columns), *option)
        found[name] = option


def _entry(label: str, is_app: bool, models: tuple[type[Model], ...]) -> _Entry:
    # A proxy stands for its concrete model, but an app's proxies of another app's models do not make those its own.
    concrete = tuple(
        dict.fromkeys(
            model._meta.concrete_model or model
            for model in models
            if not is_app or model._meta.concrete_model in {model, *models}
        )
    )
    for model in concrete:
        if model._meta.app_label == "synchro_triggers":
            raise SynchroConfigurationError(
                f"{SETTING}[{label!r}]: {model._meta.label} belongs to synchro_triggers itself and is never captured."
            )
    return _Entry(label, concrete, is_app)


def _read_entry(entry: _Entry, given: object) -> dict[type[Model], dict[str, Any]]:
    found: dict[type[Model], dict[str, Any]] = {}
    for key, value in _require_options(SETTING, entry.label, given).items():
        name, read = _READERS[key]
        for model, option in read(entry, key, value):
            found.setdefault(model, {})[name] = option
    return found


def _require_options(given_in: str, label: str, given: object) -> Mapping[str, object]:
    if not isinstance(given, Mapping):
        raise SynchroConfigurationError(
            f"{given_in}[{label!r}] must be a dict of options like {{'skip': ('field',)}}, not {given!r}."
        )
    for key in given:
        if not isinstance(key, str) or key not in _READERS:
            known = ", ".join(map(repr, sorted(_READERS)))
            raise SynchroConfigurationError(f"{given_in}[{label!r}]: there is no option {key!r} (there are {known}).")
    return given


_Read = Iterator[tuple[type[Model], Any]]


def _read_skip(entry: _Entry, key: str, value: object) -> _Read:
    names = _read_names(entry, key, value)
    for name in names:
        if not any(column_of(model, name) for model in entry.models):
            raise _no_field(entry, key, name)
    for model in entry.models:
        columns = {name: column for name in names if (column := column_of(model, name)) is not None}
        for name, column in columns.items():
            if is_key(model, column):
                raise entry.error(
                    key, f"names {name!r}, which is (part of) the primary key of {model._meta.label}: take it out."
                )
        yield model, frozenset(columns)


def _read_natural_key(entry: _Entry, key: str, value: object) -> _Read:
    names = _read_names(entry, key, value)
    if not names:
        raise entry.error(key, f"names no field: {value!r}. Name the fields that tell the objects from one another.")
    for name in names:
        if not any(_column_at(model, name) for model in entry.models):
            raise _no_field(entry, key, name)
    fitting = [model for model in entry.models if all(_column_at(model, name) for name in names)]
    if not fitting:
        raise entry.error(key, f"is {value!r}, but no model of this app has all of these fields.")
    for model in fitting:
        yield model, names


def _read_identity(entry: _Entry, key: str, value: object) -> _Read:
    if value != "pk":
        raise entry.error(key, f"must be 'pk', not {value!r}; leave it out where the remote gives out keys of its own.")
    for model in entry.models:
        yield model, True


def _read_batch_signals(entry: _Entry, key: str, value: object) -> _Read:
    if not isinstance(value, bool):
        raise entry.error(key, f"must be True or False, not {value!r}.")
    for model in entry.models:
        yield model, value


def _read_references(entry: _Entry, key: str, value: object) -> _Read:
    if not isinstance(value, Mapping):
        raise entry.error(key, f"must be a dict like {{'column': 'app.Model'}}, not {value!r}.")
    found: dict[type[Model], dict[str, HeldKey]] = {}
    for name, target in value.items():
        if not isinstance(name, str):
            raise entry.error(key, f"holds {name!r}, which is no field name: write names as strings.")
        columns = {model: column for model in entry.models if (column := column_of(model, name)) is not None}
        if not columns:
            raise _no_field(entry, key, name)
        for model, column in columns.items():
            if entry.is_app and column.model in columns.keys() - {model}:
                continue  # it is a parent's, which is of the app too
            try:
                held = read_held_key(model, column, name, target)
            except WrongReference as error:
                raise entry.error(key, str(error)) from error
            if found.setdefault(model, {}).setdefault(held.column, held) is not held:
                raise entry.error(key, f"names {held.column!r} of {model._meta.label} twice: take one of them out.")
    for model, each in found.items():
        yield model, tuple(each.values())


def _read_write(entry: _Entry, key: str, value: object) -> _Read:
    if value not in WAYS:
        raise entry.error(key, f"must be 'save', 'signals' or 'rows', not {value!r}.")
    for model in entry.models:
        yield model, value


def _read_conflict(entry: _Entry, key: str, value: object) -> _Read:
    try:
        rule = read_rule(value)
    except WrongRule as error:
        raise entry.error(key, str(error)) from error
    for model in entry.models:
        yield model, rule


def _read_merge(entry: _Entry, key: str, value: object) -> _Read:
    if value not in MERGES:
        raise entry.error(key, f"must be 'objects' or 'fields', not {value!r}.")
    for model in entry.models:
        yield model, value


def _read_counters(entry: _Entry, key: str, value: object) -> _Read:
    names = _read_names(entry, key, value)
    for name in names:
        if not any(column_of(model, name) for model in entry.models):
            raise _no_field(entry, key, name)
    for model in entry.models:
        columns = [column for name in names if (column := column_of(model, name)) is not None]
        for column in columns:
            if wrong := wrong_counter(model, column):
                raise entry.error(key, f"names {column.name!r} of {model._meta.label}, {wrong}")
        if columns:
            yield model, frozenset(column.name for column in columns)


def _read_unique(entry: _Entry, key: str, value: object) -> _Read:
    try:
        found = read_callable(value)
    except WrongRule as error:
        raise entry.error(key, str(error)) from error
    for model in entry.models:
        yield model, found


def _read_mute(entry: _Entry, key: str, value: object) -> _Read:
    if isinstance(value, str) or not isinstance(value, (list, tuple, set, frozenset)):
        raise entry.error(
            key,
            f"must be a list or tuple of dotted paths, not {value!r}; write ('pkg.module.function',) with a comma for "
            "a single one.",
        )
    for path in value:
        if not isinstance(path, str) or not all(part.isidentifier() for part in path.split(".")):
            raise entry.error(
                key,
                f"holds {path!r}, which is no dotted path: write 'pkg.module.function', 'pkg.module' or 'pkg'.",
            )
    for model in entry.models:
        yield model, tuple(value)


#: Option: the attribute of ``ModelOptions``, and what reads it.
_READERS: dict[str, tuple[str, Callable[[_Entry, str, object], _Read]]] = {
    "skip": ("skip", _read_skip),
    "natural_key": ("natural_key", _read_natural_key),
    "identity": ("keeps_key", _read_identity),
    "batch_signals": ("batch_signals", _read_batch_signals),
    "references": ("references", _read_references),
    "write": ("write", _read_write),
    "mute": ("mute", _read_mute),
    "conflict": ("conflict", _read_conflict),
    "merge": ("merge", _read_merge),
    "counters": ("counters", _read_counters),
    "unique": ("unique", _read_unique),
}


def _read_names(entry: _Entry, key: str, value: object) -> tuple[str, ...]:
    if isinstance(value, str) or not isinstance(value, (list, tuple, set, frozenset)):
        raise entry.error(
            key,
            f"must be a list or tuple of field names, not {value!r}; write ('field',) with a comma for a single one.",
        )
    for name in value:
        if not isinstance(name, str):
            raise entry.error(key, f"holds {name!r}, which is no field name: write names as strings.")
    if key == "natural_key" and (isinstance(value, (set, frozenset)) or len(set(value)) < len(value)):
        raise entry.error(key, f"must name its fields in an order and each once, not {value!r}.")
    return tuple(value)


def _no_field(entry: _Entry, key: str, name: str) -> Exception:
    if entry.is_app:
        return entry.error(key, f"names {name!r}, which no model of this app has as a field with a column.")
    [model] = entry.models
    known = ", ".join(field.name for field in model._meta.concrete_fields if field.column is not None)
    said = f"names {name!r}: {model._meta.label} has no such field with a column (it has: {known})."
    return entry.error(key, said, NotThere)


def _column_at(model: type[Model], path: str) -> Field[Any, Any] | None:
    """Return the field that a path like ``city__name`` leads to, along foreign keys."""
    *through, last = path.split("__")
    following: Any = model
    for name in through:
        field: Any = column_of(following, name)
        if field is None or field.remote_field is None:
            return None
        following = field.remote_field.model
    return column_of(following, last)
