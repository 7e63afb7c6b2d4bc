"""Which models the entries of a setting stand for. Pure."""

from __future__ import annotations

from collections.abc import Iterable

from django.apps import AppConfig, apps
from django.db.models import Model

from .exceptions import SynchroConfigurationError


def resolve_models(entries: object, named: str = "models") -> tuple[type[Model], ...]:
    """Resolve every spelling of ``SYNCHRO_MODELS`` to concrete models.

    Args:
        entries: ``'app_label'``, ``'dotted.app.name'``, ``'app_label.Model'`` or
            ``('app', 'Model', 'model2', ...)`` in any order; letter case of models does not matter. With a minus
            sign in front (``'-app.Model'``) an entry leaves out what an app's name has brought in.
        named: what they were given as, for the message.

    Returns:
        Each concrete model once, in the order of the setting; a proxy stands for its concrete model.

    Raises:
        SynchroConfigurationError: an app or a model is unknown, or is this package's own, or cannot be left out.
    """
    return read_models(entries, named)[0]


def read_models(
    entries: object, named: str, derived: frozenset[type[Model]] = frozenset()
) -> tuple[tuple[type[Model], ...], frozenset[type[Model]], frozenset[type[Model]]]:
    """Return the models of ``resolve_models``, those that were left out, and those that are listed by themselves.

    Args:
        entries, named: as there.
        derived: models that an app's name does not bring in, nor what inherits from them.
    """
    if isinstance(entries, str) or not isinstance(entries, Iterable):
        raise SynchroConfigurationError(
            f"{named} must be a list or tuple of entries, not {entries!r}; "
            "write ('my_app',) with a comma for a single one."
        )
    brought_in: dict[type[Model], None] = {}
    by_app: set[type[Model]] = set()
    by_itself: dict[type[Model], object] = {}
    left_out: dict[type[Model], object] = {}
    for entry in entries:
        positive, is_negative = _without_minus(entry)
        is_app, models = _models_of(positive, named)
        for model in models:
            concrete = model._meta.concrete_model or model
            if concrete._meta.app_label == "synchro_triggers":
                raise SynchroConfigurationError(
                    f"{named}: {concrete._meta.label} belongs to synchro_triggers itself and cannot be captured."
                )
            if is_negative:
                left_out.setdefault(concrete, entry)
                continue
            brought_in[concrete] = None
            if is_app:
                by_app.add(concrete)
            else:
                by_itself.setdefault(concrete, entry)
    _require_brought_in_by_an_app(left_out, by_app, by_itself, named)
    passed = _derived_among(brought_in, by_itself, derived)
    found = tuple(model for model in brought_in if model not in left_out and model not in passed)
    _require_no_parent_left_out(found, left_out, named)
    return found, frozenset(left_out) | passed, frozenset(by_itself)


def _derived_among(
    brought_in: Iterable[type[Model]], by_itself: Iterable[type[Model]], derived: frozenset[type[Model]]
) -> set[type[Model]]:
    """Return the derived models among those that were brought in, but for those that somebody has asked for."""
    wanted = {each for model in by_itself for each in (model, *model._meta.all_parents)}
    return {model for model in brought_in if derived & {model, *model._meta.all_parents}} - wanted


def _require_brought_in_by_an_app(
    left_out: dict[type[Model], object], by_app: set[type[Model]], by_itself: dict[type[Model], object], named: str
) -> None:
    for model, entry in left_out.items():
        if model in by_itself:
            raise SynchroConfigurationError(
                f"{named}: {entry!r} leaves out {model._meta.label}, which {by_itself[model]!r} lists by itself: "
                "take one of them out."
            )
        if model not in by_app:
            raise SynchroConfigurationError(
                f"{named}: {entry!r} leaves out {model._meta.label}, which no app's name brings in: "
                f"take it out, or list the app {model._meta.app_label!r}."
            )


def _require_no_parent_left_out(found: Iterable[type[Model]], left_out: dict[type[Model], object], named: str) -> None:
    for model in found:
        if (parent := next((each for each in model._meta.all_parents if each in left_out), None)) is not None:
            raise SynchroConfigurationError(
                f"{named}: {left_out[parent]!r} leaves out {parent._meta.label}, of which each {model._meta.label} "
                "is one: leave that out too."
            )


def _without_minus(entry: object) -> tuple[object, bool]:
    """Return an entry without the minus sign in front, and whether it had one."""
    if isinstance(entry, str):
        return entry.removeprefix("-"), entry.startswith("-")
    if isinstance(entry, (list, tuple)) and entry and isinstance(entry[0], str) and entry[0].startswith("-"):
        return (entry[0].removeprefix("-"), *entry[1:]), True
    return entry, False


def _models_of(entry: object, named: str) -> tuple[bool, list[type[Model]]]:
    """Return whether an entry is an app, and the models that it stands for."""
    if isinstance(entry, str):
        config = _find_app(entry)
        if config is not None:
            return True, list(config.get_models())
        app, _, name = entry.rpartition(".")
        config = _find_app(app) if app else None
        if config is None:
            raise SynchroConfigurationError(
                f"{named}: there is no installed app {entry!r}; use an app label, a dotted app name or "
                "'app_label.Model' (INSTALLED_APPS has: " + ", ".join(sorted(apps.app_configs)) + ")."
            )
        return False, [_find_model(config, name, named)]
    if isinstance(entry, (list, tuple)) and entry and all(isinstance(part, str) for part in entry):
        app, *names = entry
        if not names:
            return _models_of(app, named)
        config = _find_app(app)
        if config is None:
            raise SynchroConfigurationError(f"{named}: there is no installed app {app!r} (in {entry!r}).")
        return False, [_find_model(config, name, named) for name in names]
    raise SynchroConfigurationError(
        f"{named}: cannot read the entry {entry!r}; write 'app', 'app.Model' or ('app', 'Model', ...)."
    )


def app_or_model(label: str) -> tuple[bool, tuple[type[Model], ...]]:
    is_app, models = _models_of(label, "SYNCHRO_OPTIONS")
    return is_app, tuple(models)


def _find_app(name: str) -> AppConfig | None:
    if name in apps.app_configs:
        return apps.app_configs[name]
    return next((config for config in apps.get_app_configs() if config.name == name), None)


def _find_model(config: AppConfig, name: str, named: str) -> type[Model]:
    try:
        return config.get_model(name)
    except LookupError:
        known = ", ".join(sorted(model.__name__ for model in config.get_models()))
        raise SynchroConfigurationError(
            f"{named}: there is no model {name!r} in the app {config.label!r} (it has: {known})."
        ) from None
