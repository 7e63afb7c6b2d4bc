"""Which apps of ``known/`` this project has, and what ``SYNCHRO_KNOWN`` makes of them.

Nothing here imports such an app: what is not loaded when Django's apps are ready is not in use.
"""

from __future__ import annotations

import sys
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cache
from importlib import import_module
from pkgutil import iter_modules
from typing import Any

from django.apps import apps
from django.db.models import Model
from django.utils.module_loading import import_string

from . import known
from .exceptions import SynchroConfigurationError
from .known import Known
from .options import ModelOptions, add_known, read_known_options

SETTING = "SYNCHRO_KNOWN"


@dataclass(frozen=True)
class Registry:
    """What the entries say that apply in this project.

    Attributes:
        entries: those entries.
        derived: the models that an app's name does not bring in.
        options: of each concrete model the values of ``ModelOptions`` that they give, below the project's own.
        steps_aside: base classes, and their methods that step aside for what a replay writes.
        passed_over: of each app what the installed version does not have.
        given: of each app the options by label or class, those that its ``find`` has found among them.
    """

    entries: tuple[Known, ...]
    derived: frozenset[type[Model]]
    options: Mapping[type[Model], Mapping[str, Any]]
    steps_aside: Mapping[type[Any] | None, tuple[str, ...]]
    passed_over: Mapping[str, tuple[str, ...]]
    given: Mapping[str, Mapping[str, Mapping[str, object]]]

    def in_project(self, models: Collection[type[Model]]) -> Registry:
        """Return the same with what the entries find in this project.

        Args:
            models: those that are synchronised.

        Raises:
            SynchroConfigurationError: what an entry of the project's own finds is wrong, or raises.
        """
        found = {entry.app: _found_by(entry, models) for entry in self.entries if entry.find}
        if not any(found.values()):
            return self
        given = {app: {**known, **found.get(app, {})} for app, known in self.given.items()}
        options, passed_over = _read_given(given)
        passed = {app: (*self.passed_over.get(app, ()), *passed_over.get(app, ())) for app in given}
        passed = {app: tuple(dict.fromkeys(texts)) for app, texts in passed.items()}
        return replace(self, options=options, passed_over=passed, given=given)

    def lines(self, options: Mapping[type[Model], ModelOptions], left_out: frozenset[type[Model]]) -> Iterator[str]:
        """Yield what was applied, a line an app.

        Args:
            options: those of all models in the end, where the project's own have won.
            left_out: the models that nothing has brought in.
        """
        for entry in self.entries:
            said = [f"{label} is left out" for label in entry.left_out if left_out & set(_models_of(label))]
            for label, given in self.given[entry.app].items():
                models = _models_of(label)
                for name, value in given.items():
                    number = sum(_holds(options.get(model), self.options.get(model, {}), name) for model in models)
                    if number:
                        shown = tuple(value) if isinstance(value, Mapping) else value
                        said.append(f"{label}: {name} {shown!r}" + (f" ({number} models)" if number > 1 else ""))
            for path, methods in entry.steps_aside.items():
                if _class_at(path) in self.steps_aside:
                    said.append(f"{path}: {' and '.join(methods)} step aside")
            said += [f"passed over: {each}" for each in self.passed_over.get(entry.app, ())]
            if said:
                yield f"{entry.app}: {'; '.join(said)}. {entry.why}"


def _holds(options: ModelOptions | None, given: Mapping[str, Any], name: str) -> bool:
    """Tell whether an option of a model is what an entry has given, or has it in it."""
    attribute = {"identity": "keeps_key"}.get(name, name)
    if options is None or attribute not in given:
        return False
    there, value = getattr(options, attribute), given[attribute]
    if isinstance(value, frozenset) or name in {"mute", "references"}:  # a parent's come to them
        return set(value) <= set(there)
    return bool(value == there)


def read_registry(value: object) -> Registry:
    """Return what applies in this project.

    Args:
        value: the setting.

    Raises:
        SynchroConfigurationError: a value of the setting, or an entry of the project's own, is wrong.
    """
    entries = tuple(entry for entry in _entries(value).values() if _is_in_use(entry))
    given = {entry.app: entry.options for entry in entries}
    options, passed_over = _read_given(given)
    aside: dict[type[Any] | None, tuple[str, ...]] = {}
    for entry in entries:
        for path, methods in entry.steps_aside.items():
            if (base := _class_at(path)) is None:
                continue
            there = tuple(name for name in methods if name in vars(base))
            aside[base] = (*aside.get(base, ()), *there)
            passed_over.setdefault(entry.app, []).extend(f"{path}.{name}()" for name in methods if name not in there)
    derived = frozenset(model for entry in entries for label in entry.left_out for model in _models_of(label))
    passed = {app: tuple(dict.fromkeys(texts)) for app, texts in passed_over.items()}
    return Registry(entries, derived, options, aside, passed, given)


def _read_given(
    given: Mapping[str, Mapping[str, Mapping[str, object]]],
) -> tuple[dict[type[Model], dict[str, Any]], dict[str, list[str]]]:
    """Return the attributes of ``ModelOptions`` by model, and what was passed over by app."""
    options: dict[type[Model], dict[str, Any]] = {}
    passed_over: dict[str, list[str]] = {}
    for app, by_label in given.items():
        for label, each in by_label.items():
            for model in _models_of(label):
                read, missing = read_known_options(f"{app}: options", label, model, each)
                add_known(options.setdefault(model, {}), read)
                passed_over.setdefault(app, []).extend(missing)
    return options, passed_over


def _found_by(entry: Known, models: Collection[type[Model]]) -> Mapping[str, Mapping[str, object]]:
    try:
        found: Mapping[str, Mapping[str, object]] = import_string(entry.find)(frozenset(models).__contains__)
    except Exception as error:
        text = f"{SETTING}: {entry.find}, which finds options for {entry.app!r}, has raised {type(error).__name__}"
        raise SynchroConfigurationError(f"{text}: {error}.") from error
    return found


# Entries ------------------------------------------------------------------------------------------


@cache
def _own_entries() -> dict[str, Known]:
    modules = (import_module(f"{known.__name__}.{each.name}") for each in iter_modules(known.__path__))
    return {module.KNOWN.app: module.KNOWN for module in modules}


def _entries(value: object) -> dict[str, Known]:
    """Return ours, as the setting has changed them, by app."""
    if not isinstance(value, Mapping):
        raise SynchroConfigurationError(
            f"{SETTING} must be a dict like {{'wagtail': None, 'my.app': 'project.synchro_known'}}, not {value!r}."
        )
    found = dict(_own_entries())
    for app, given in value.items():
        if given is None:
            if app not in found:
                raise SynchroConfigurationError(
                    f"{SETTING} turns off {app!r}, of which nothing is known (there are {', '.join(sorted(found))})."
                )
            del found[app]
        else:
            found[app] = _read_entry(app, given)
    return found


def _read_entry(app: object, path: object) -> Known:
    where = f"{SETTING}[{app!r}]"
    if not isinstance(path, str):
        raise SynchroConfigurationError(
            f"{where} must be None, or the dotted path of a module with a KNOWN, not {path!r}."
        )
    try:
        entry = getattr(import_module(path), "KNOWN", None)
    except ImportError as error:
        raise SynchroConfigurationError(f"{where}: cannot import {path!r}: {error}.") from error
    if not isinstance(entry, Known):
        raise SynchroConfigurationError(
            f"{where}: {path!r} has no KNOWN, an instance of synchro_triggers.known.Known, but {entry!r}."
        )
    if entry.app != app:
        raise SynchroConfigurationError(f"{where}: {path!r} speaks of {entry.app!r}; let both name the same app.")
    _require_right_kinds(where, entry)
    return entry


def _require_right_kinds(where: str, entry: Known) -> None:
    """Raise where an attribute is of another kind than ``Known`` says; options are read when they are applied."""
    if not _are_texts(entry.left_out):
        raise SynchroConfigurationError(f"{where}: left_out must be a tuple of labels, not {entry.left_out!r}.")
    if not isinstance(entry.options, Mapping) or not _are_texts(tuple(entry.options)):
        raise SynchroConfigurationError(f"{where}: options must be a dict by label or class, not {entry.options!r}.")
    for path, methods in entry.steps_aside.items() if isinstance(entry.steps_aside, Mapping) else [(None, None)]:
        if not isinstance(path, str) or not _are_texts(methods):
            raise SynchroConfigurationError(
                f"{where}: steps_aside must be a dict like {{'package.module.Class': ('save',)}}, "
                f"not {entry.steps_aside!r}."
            )
    for label in (*entry.left_out, *entry.options, *entry.steps_aside):
        if "." not in label:
            raise SynchroConfigurationError(f"{where}: {label!r} names no model; write 'app_label.Model'.")


def _are_texts(value: object) -> bool:
    return isinstance(value, (tuple, list)) and all(isinstance(each, str) for each in value)


# What a label stands for --------------------------------------------------------------------------


def _is_in_use(entry: Known) -> bool:
    if any(config.name == entry.app for config in apps.get_app_configs()):
        return True
    bases = [base for path in (*entry.options, *entry.steps_aside) if (base := _class_at(path)) is not None]
    return any(issubclass(model, tuple(bases)) for model in apps.get_models()) if bases else False


def _models_of(label: str) -> list[type[Model]]:
    """Return the installed concrete models that a label, or the dotted path of a base class, stands for."""
    if label.count(".") == 1:
        app, _, name = label.partition(".")
        try:
            model = apps.get_model(app, name)
        except LookupError:  # not installed, or not in this version
            return []
        return [model._meta.concrete_model or model]
    base = _class_at(label)
    if base is None:
        return []
    return [model for model in apps.get_models() if issubclass(model, base) and not model._meta.proxy]


def _class_at(path: str) -> type[Any] | None:
    """Return the class at a dotted path, where its module is loaded."""
    if path.count(".") == 1:
        return None
    module, _, name = path.rpartition(".")
    found = getattr(sys.modules.get(module), name, None)
    return found if isinstance(found, type) else None
