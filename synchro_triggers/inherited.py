"""Options along multi-table inheritance, and those of a project over what is known of its apps. Pure.

A child has its parents' ``skip`` and ``references``, whose columns are its own, and their ``natural_key``, ``write``,
``mute``, ``conflict`` and ``unique`` unless it has its own.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from typing import Any, TypeAlias

from django.db.models import Model

from .exceptions import SynchroConfigurationError
from .option_references import HeldKey, column_of
from .options import SETTING, ModelOptions

#: Attributes of ``ModelOptions`` by model.
_Given: TypeAlias = Mapping[type[Any], Mapping[str, Any]]


def merged(own: _Given, known: _Given) -> dict[type[Model], ModelOptions]:
    """Return the options of each model that has any, children of multi-table inheritance included.

    Args:
        own: the attributes that the project has given.
        known: those that hold where it has not.

    Raises:
        SynchroConfigurationError: objects would be found by what is not synchronised.
    """
    return dict(_merged(own, known))


def _merged(own: _Given, known: _Given) -> Iterator[tuple[type[Model], ModelOptions]]:
    both = {model: {**known.get(model, {}), **own.get(model, {})} for model in {**own, **known}}
    children = {child for model in both for child in _children(model)}
    for model in dict.fromkeys([*both, *children]):
        given = both.get(model, {})
        natural_key = _natural_key(model, both)
        skip = frozenset[str]().union(*(own[base].get("skip", ()) for base in model.__mro__ if base in own))
        skip |= _known_skip(model, own, known) - {path.split("__")[0] for path in natural_key}
        if skipped := {name for name in natural_key for part in [name.split("__")[0]] if part in skip}:
            raise SynchroConfigurationError(
                f"{SETTING}: {model._meta.label} is found by {sorted(skipped)[0]!r} (natural_key), which is not "
                "synchronised (skip). Take it out of one of them."
            )
        references = _references(model, own, known)
        _require_told(model, references, skip)
        nearest = {name: _nearest(model, name, own, known) for name in ("write", "mute", "conflict", "unique")}
        nearest = {name: value for name, value in nearest.items() if value is not None}
        counters = frozenset[str]().union(
            *(each[base].get("counters", ()) for each in (own, known) for base in model.__mro__ if base in each)
        )
        _require_counted(model, counters, skip | {path.split("__")[0] for path in natural_key})
        nearest |= {"skip": skip, "natural_key": natural_key, "references": references, "counters": counters}
        yield model, ModelOptions(**{**given, **nearest})


def _references(model: type[Model], own: _Given, known: _Given) -> tuple[HeldKey, ...]:
    """Return what is said of a model's columns and its parents'; of each column, what the project says comes first."""
    found: dict[tuple[type[Any], str], HeldKey] = {}
    for given in (known, own):
        for base in model.__mro__:
            found |= {(base, held.column): held for held in given.get(base, {}).get("references", ())}
    return tuple(found.values())


def _require_told(model: type[Model], references: Collection[HeldKey], skip: Collection[str]) -> None:
    for held in references:
        if held.told_by in skip and held.column not in skip:
            raise SynchroConfigurationError(
                f"{SETTING}: {held.told_by!r} tells which model's key {held.column!r} of {model._meta.label} holds "
                "(references), and is not synchronised (skip). Take it out of one of them."
            )


def _require_counted(model: type[Model], counters: Collection[str], others: Collection[str]) -> None:
    for name in sorted(set(counters) & set(others)):
        raise SynchroConfigurationError(
            f"{SETTING}: differences of {name!r} of {model._meta.label} shall add up (counters), and it is not "
            "synchronised (skip), or tells the objects from one another (natural_key). Take it out of one of them."
        )


def _nearest(model: type[Model], name: str, *given: _Given) -> Any:
    """Return what is said of a model, or else of its nearest parent; what the project says comes first."""
    found = (each[base][name] for each in given for base in model.__mro__ if name in each.get(base, ()))
    return next(found, None)


def _known_skip(model: type[Model], own: _Given, known: _Given) -> frozenset[str]:
    """Return what is skipped of a model and its parents where a project has not said itself what is skipped of them."""
    bases: tuple[Any, ...] = model.__mro__
    return frozenset(
        name
        for base in bases
        if base in known and "skip" not in own.get(base, {})
        for name in known[base].get("skip", ())
        # Of a column that it has inherited the parent's options speak.
        if column_of(base, name) in base._meta.local_concrete_fields
    )


def _children(model: type[Model]) -> Iterator[type[Model]]:
    for child in _subclasses(model):
        if child._meta.concrete_model is child and not child._meta.abstract:
            yield child


def _subclasses(model: type[Model]) -> Iterator[type[Model]]:
    for child in model.__subclasses__():
        yield child
        yield from _subclasses(child)


def _natural_key(model: type[Model], own: _Given) -> tuple[str, ...]:
    """Return what is said nearest to the model, unless a class between has a natural key of its own."""
    for base in model.__mro__:
        names: Collection[str] = own.get(base, {}).get("natural_key", ())
        if names:
            return tuple(names)
        if {"natural_key", "_natural_key"} & vars(base).keys():
            return ()
    return ()
