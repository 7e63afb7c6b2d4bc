"""The ``SYNCHRO_*`` settings, read once into one frozen object and validated there.

Nothing else in the package reads ``django.conf.settings`` for them. Tests override settings, so the
object is forgotten when Django's ``setting_changed`` fires.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from django.apps import AppConfig, apps
from django.conf import settings as django_settings
from django.db import DEFAULT_DB_ALIAS
from django.db.models import Model
from django.utils.module_loading import import_string

from .exceptions import SynchroConfigurationError

#: The database whose changes are captured and replayed elsewhere.
LOCAL = DEFAULT_DB_ALIAS

CONFLICT_POLICIES = ("newest", "local", "remote")


@dataclass(frozen=True)
class BatchSignals:
    """``SYNCHRO_BATCH_SIGNALS``: all models, or those of the labels."""

    all: bool
    labels: frozenset[str]

    def __contains__(self, label: object) -> bool:
        return self.all or label in self.labels


@dataclass(frozen=True)
class Settings:
    """The validated settings.

    Attributes:
        remotes: aliases to synchronise to, in order; empty when ``SYNCHRO_REMOTE`` is ``None`` or absent.
        models: the concrete models of ``SYNCHRO_MODELS``, in order, each once.
        conflict: one of ``CONFLICT_POLICIES``, or the callable that decides.
        identity: labels (``app.Model``) of models whose rows keep their primary key on the remote.
        allow_reset: whether the admin view offers to reset.
        debug: whether the admin view re-raises errors.
        batch_size: objects per remote transaction.
        batch_seconds: seconds that a remote transaction lasts, until what is left is put off to the next one.
        batch_signals: models whose signals are sent a batch at a time, around one write for all; a test by label.
    """

    remotes: tuple[str, ...]
    models: tuple[type[Model], ...]
    conflict: str | Callable[..., str]
    identity: frozenset[str]
    allow_reset: bool
    debug: bool
    batch_size: int
    batch_seconds: float
    batch_signals: BatchSignals


@lru_cache(maxsize=1)
def get_settings() -> Settings:
    """Return the settings of this project.

    Raises:
        SynchroConfigurationError: a setting is wrong; the message names it, the value and the remedy.
    """
    warn_when_remote_is_missing()
    return Settings(
        remotes=_read_remotes(getattr(django_settings, "SYNCHRO_REMOTE", None)),
        models=resolve_models(getattr(django_settings, "SYNCHRO_MODELS", ()), "SYNCHRO_MODELS"),
        conflict=_read_conflict(getattr(django_settings, "SYNCHRO_CONFLICT", "newest")),
        identity=_read_identity(getattr(django_settings, "SYNCHRO_IDENTITY", {})),
        allow_reset=_read_bool("SYNCHRO_ALLOW_RESET", True),
        debug=_read_bool("SYNCHRO_DEBUG", False),
        batch_size=_read_batch_size(getattr(django_settings, "SYNCHRO_BATCH_SIZE", 1000)),
        batch_seconds=_read_batch_seconds(getattr(django_settings, "SYNCHRO_BATCH_SECONDS", 1)),
        batch_signals=_read_batch_signals(getattr(django_settings, "SYNCHRO_BATCH_SIGNALS", False)),
    )


def forget_settings(*, setting: str, **kwargs: Any) -> None:
    """Receiver of ``setting_changed``: the next reader reads the settings again."""
    if setting.startswith("SYNCHRO_") or setting in {"INSTALLED_APPS", "DATABASES"}:
        get_settings.cache_clear()


def warn_when_remote_is_missing() -> None:
    """Warn when ``SYNCHRO_REMOTE`` is absent: ``None`` must be a decision, not an oversight."""
    if not hasattr(django_settings, "SYNCHRO_REMOTE"):
        warnings.warn(
            "SYNCHRO_REMOTE is not set: changes are only logged and nothing is synchronised. "
            "Set SYNCHRO_REMOTE = None to say so on purpose.",
            RuntimeWarning,
            stacklevel=2,
        )


def check_remote(alias: object, named: str = "remote") -> str:
    """Return ``alias`` when it can be synchronised to.

    Args:
        alias: the alias.
        named: what it was given as, for the message.

    Raises:
        SynchroConfigurationError: it is no alias of ``DATABASES``, or LOCAL itself.
    """
    if not isinstance(alias, str) or alias not in django_settings.DATABASES:
        known = ", ".join(sorted(django_settings.DATABASES))
        raise SynchroConfigurationError(f"{named}: there is no database {alias!r} (DATABASES has: {known}).")
    if alias == LOCAL:
        raise SynchroConfigurationError(
            f"{named}: {alias!r} is the database whose changes are captured; name another one."
        )
    return alias


def chosen_remotes(alias: str | None) -> tuple[str, ...]:
    """Return the remote that a caller names, else those of ``SYNCHRO_REMOTE``.

    Raises:
        SynchroConfigurationError: as ``check_remote``.
    """
    return get_settings().remotes if alias is None else (check_remote(alias),)


def resolve_models(entries: object, named: str = "models") -> tuple[type[Model], ...]:
    """Resolve every spelling of ``SYNCHRO_MODELS`` to concrete models.

    Args:
        entries: ``'app_label'``, ``'dotted.app.name'``, ``'app_label.Model'`` or
            ``('app', 'Model', 'model2', ...)`` in any order; letter case of models does not matter.
        named: what they were given as, for the message.

    Returns:
        Each concrete model once, in the order of the setting; a proxy stands for its concrete model.

    Raises:
        SynchroConfigurationError: an app or a model is unknown, or is this package's own.
    """
    if isinstance(entries, str) or not isinstance(entries, Iterable):
        raise SynchroConfigurationError(
            f"{named} must be a list or tuple of entries, not {entries!r}; "
            "write ('my_app',) with a comma for a single one."
        )
    found: dict[type[Model], None] = {}
    for entry in entries:
        for model in _models_of(entry, named):
            concrete = model._meta.concrete_model or model
            if concrete._meta.app_label == "synchro_triggers":
                raise SynchroConfigurationError(
                    f"{named}: {concrete._meta.label} belongs to synchro_triggers itself and cannot be captured."
                )
            found[concrete] = None
    return tuple(found)


def _models_of(entry: object, named: str) -> list[type[Model]]:
    if isinstance(entry, str):
        config = _find_app(entry)
        if config is not None:
            return list(config.get_models())
        app, _, name = entry.rpartition(".")
        config = _find_app(app) if app else None
        if config is None:
            raise SynchroConfigurationError(
                f"{named}: there is no installed app {entry!r}; use an app label, a dotted app name or "
                "'app_label.Model' (INSTALLED_APPS has: " + ", ".join(sorted(apps.app_configs)) + ")."
            )
        return [_find_model(config, name, named)]
    if isinstance(entry, (list, tuple)) and entry and all(isinstance(part, str) for part in entry):
        app, *names = entry
        if not names:
            return _models_of(app, named)
        config = _find_app(app)
        if config is None:
            raise SynchroConfigurationError(f"{named}: there is no installed app {app!r} (in {entry!r}).")
        return [_find_model(config, name, named) for name in names]
    raise SynchroConfigurationError(
        f"{named}: cannot read the entry {entry!r}; write 'app', 'app.Model' or ('app', 'Model', ...)."
    )


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


def _read_remotes(value: object) -> tuple[str, ...]:
    if value is None:
        return ()
    names = value if isinstance(value, (list, tuple)) else (value,)
    remotes = tuple(check_remote(name, "SYNCHRO_REMOTE") for name in names)
    if len(set(remotes)) != len(remotes):
        raise SynchroConfigurationError(f"SYNCHRO_REMOTE names a database twice: {value!r}.")
    return remotes


def _read_conflict(value: object) -> str | Callable[..., str]:
    if isinstance(value, str) and "." in value:
        try:
            value = import_string(value)
        except ImportError as error:
            raise SynchroConfigurationError(f"SYNCHRO_CONFLICT: cannot import {value!r}: {error}.") from error
    if callable(value) or (isinstance(value, str) and value in CONFLICT_POLICIES):
        return value
    raise SynchroConfigurationError(
        f"SYNCHRO_CONFLICT must be one of {', '.join(map(repr, CONFLICT_POLICIES))} "
        f"or the dotted path of a callable, not {value!r}."
    )


def _read_identity(value: object) -> frozenset[str]:
    if not isinstance(value, Mapping):
        raise SynchroConfigurationError(f"SYNCHRO_IDENTITY must be a dict like {{'app.Model': 'pk'}}, not {value!r}.")
    for label, kind in value.items():
        if kind != "pk":
            raise SynchroConfigurationError(f"SYNCHRO_IDENTITY[{label!r}] must be 'pk', not {kind!r}.")
    return frozenset(model._meta.label for label in value for model in _models_of(label, "SYNCHRO_IDENTITY"))


def _read_bool(name: str, default: bool) -> bool:
    value = getattr(django_settings, name, default)
    if not isinstance(value, bool):
        raise SynchroConfigurationError(f"{name} must be True or False, not {value!r}.")
    return value


def _read_batch_size(value: object) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or value < 1:
        raise SynchroConfigurationError(f"SYNCHRO_BATCH_SIZE must be a whole number of at least 1, not {value!r}.")
    return value


def _read_batch_seconds(value: object) -> float:
    if not isinstance(value, (int, float)) or isinstance(value, bool) or not 0 < value < float("inf"):
        raise SynchroConfigurationError(f"SYNCHRO_BATCH_SECONDS must be a number of seconds above 0, not {value!r}.")
    return float(value)


def _read_batch_signals(value: object) -> BatchSignals:
    """Read ``True``, ``False``, models as in ``SYNCHRO_MODELS``, or a dict of labels to ``True`` or ``False``."""
    if isinstance(value, bool):
        return BatchSignals(value, frozenset())
    if isinstance(value, Mapping):
        for label, chosen in value.items():
            if not isinstance(chosen, bool):
                raise SynchroConfigurationError(
                    f"SYNCHRO_BATCH_SIGNALS[{label!r}] must be True or False, not {chosen!r}."
                )
        value = tuple(label for label, chosen in value.items() if chosen)
    labels = frozenset(model._meta.label for model in resolve_models(value, "SYNCHRO_BATCH_SIGNALS"))
    return BatchSignals(False, labels)


def check_alias(alias: str) -> str:
    """Return ``alias`` when ``DATABASES`` has it.

    Raises:
        SynchroConfigurationError: it has not.
    """
    if alias not in django_settings.DATABASES:
        known = ", ".join(sorted(django_settings.DATABASES))
        raise SynchroConfigurationError(f"There is no database {alias!r} (DATABASES has: {known}).")
    return alias
