"""The ``SYNCHRO_*`` settings, read once into one frozen object and validated there; nothing else reads them.

Tests override settings, so the object is forgotten when Django's ``setting_changed`` fires.
"""

# Long: each setting has its reader here, and nothing else reads settings.

from __future__ import annotations

import warnings
from collections.abc import Callable, Hashable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from types import MappingProxyType
from typing import Any

from django.conf import settings as django_settings
from django.db.models import Model

from .exceptions import SynchroConfigurationError
from .inherited import merged
from .listed import _models_of, _without_minus, app_or_model, read_models, resolve_models
from .local import LOCAL as LOCAL
from .local import local_alias as local_alias
from .local import replaying_from as replaying_from
from .option_rules import MERGES, Rule, WrongRule, read_rule
from .options import ModelOptions, read_options
from .registry import Registry, read_registry

UNNAMED = ("remote", "local")

_BY_LABEL = ("SYNCHRO_OPTIONS", "SYNCHRO_KNOWN")

#: Settings that are lists of models; the second may be ``True`` or ``False`` as well.
_NAMING_MODELS = ("SYNCHRO_MODELS", "SYNCHRO_BATCH_SIGNALS")


@dataclass(frozen=True)
class BatchSignals:
    """``SYNCHRO_BATCH_SIGNALS`` and the option ``batch_signals``: all models, or those of the labels.

    Attributes:
        all: all models but those of ``without``.
        labels: these models.
        without: not these.
    """

    all: bool
    labels: frozenset[str]
    without: frozenset[str] = frozenset()

    def __contains__(self, label: object) -> bool:
        return (self.all or label in self.labels) and label not in self.without


@dataclass(frozen=True)
class Settings:
    """The validated settings.

    Attributes:
        remotes: aliases to synchronise to, in order; empty when ``SYNCHRO_REMOTE`` is ``None`` or absent.
        models: the concrete models of ``SYNCHRO_MODELS``, in order, each once.
        left_out: the concrete models that it leaves out with a minus sign, and derived ones.
        listed_by_itself: labels of those that it names themselves, and not their app alone.
        options: ``SYNCHRO_OPTIONS``, by concrete model; ``options_of`` asks them.
        conflict: the rule for conflicts; ``rules`` are those of single models.
        merge: one of ``MERGES``: what is merged where both sides have changed an object.
        allow_reset: whether the admin view offers to reset.
        staff_may_synchronize: whether the staff needs no permissions on the page, as with django-synchro.
        debug: whether the admin view re-raises errors.
        batch_size: objects per remote transaction.
        batch_seconds: seconds that a remote transaction lasts, until what is left is put off to the next one.
        batch_signals: models whose signals are sent a batch at a time, around one write for all; a test by label.
        retention: days that log rows are kept which all known nodes have passed; ``None``: no run prunes.
        unnamed: one of ``UNNAMED``: where queries go, while a replay writes, that name no database.
        metrics_token: with it, whoever asks is told the metrics; ``None``: only the staff is.
        registry: what is known of the apps that are installed, as ``SYNCHRO_KNOWN`` has changed it.
    """

    remotes: tuple[str, ...]
    models: tuple[type[Model], ...]
    left_out: frozenset[type[Model]]
    listed_by_itself: frozenset[str]
    options: Mapping[type[Model], ModelOptions]
    conflict: Rule
    merge: str
    allow_reset: bool
    staff_may_synchronize: bool
    debug: bool
    batch_size: int
    batch_seconds: float
    batch_signals: BatchSignals
    retention: float | None
    unnamed: str
    metrics_token: str | None = field(repr=False)
    registry: Registry

    @property
    def applied(self) -> tuple[str, ...]:
        """What was applied of that, a line an app."""
        return tuple(self.registry.lines(self.options, self.left_out))

    @cached_property
    def rules(self) -> Mapping[str, Rule]:
        """The rules for conflicts over objects of single models, by label; a model's links go with it."""
        found: dict[str, Rule] = {}
        for model, options in self.options.items():
            if options.conflict is not None:
                links: list[Any] = [each.remote_field.through for each in model._meta.local_many_to_many]
                links = [model, *(each for each in links if each._meta.auto_created)]
                found |= dict.fromkeys((each._meta.label for each in links), options.conflict)
        return found

    @cached_property
    def merged_by_field(self) -> frozenset[str]:
        """Labels of the models of whose objects only what LOCAL has changed is written; counters need that."""
        chosen = {model: self.options.get(model, _NO_OPTIONS).merge or self.merge for model in self.models}
        return frozenset(self.counters) | {model._meta.label for model, merge in chosen.items() if merge == "fields"}

    @cached_property
    def counters(self) -> Mapping[str, frozenset[str]]:
        """Names of the fields whose differences add up, by the labels of models that have any."""
        return {model._meta.label: each.counters for model, each in self.options.items() if each.counters}

    @cached_property
    def uniques(self) -> Mapping[str, Callable[..., Any]]:
        """What gives objects of single models other values where others have their unique ones, by label."""
        return {model._meta.label: each.unique for model, each in self.options.items() if each.unique is not None}

    @cached_property
    def captured(self) -> Hashable:
        """What says, together with the models themselves, which tables and columns are captured."""
        return self.models, self.left_out, tuple(self.options.items())

    @cached_property
    def mutes_anybody(self) -> bool:
        """Whether there are receivers that a replay does not call; asked in each transaction."""
        return any(each.mute or each.write == "rows" for each in self.options.values())

    @property
    def identity(self) -> frozenset[str]:
        """Labels of the models whose rows keep their primary key on the remote."""
        return frozenset(model._meta.label for model, options in self.options.items() if options.keeps_key)


_NO_OPTIONS = ModelOptions()


def options_of(model: type[Model]) -> ModelOptions:
    """Return what ``SYNCHRO_OPTIONS`` says of a model; a proxy has those of its concrete model."""
    return get_settings().options.get(model._meta.concrete_model or model, _NO_OPTIONS)


@lru_cache(maxsize=1)
def get_settings() -> Settings:
    """Return the settings of this project.

    Raises:
        SynchroConfigurationError: a setting is wrong; the message names it, the value and the remedy.
    """
    warn_when_remote_is_missing()
    registry = _read("SYNCHRO_KNOWN")
    models, left_out, by_itself = read_models(_given("SYNCHRO_MODELS"), "SYNCHRO_MODELS", registry.derived)
    registry = registry.in_project(models)
    options = _read_options(_given("SYNCHRO_OPTIONS"), registry.options)
    return Settings(
        remotes=_read("SYNCHRO_REMOTE"),
        models=models,
        left_out=left_out,
        listed_by_itself=frozenset(model._meta.label for model in by_itself),
        options=options,
        conflict=_read("SYNCHRO_CONFLICT"),
        merge=_read("SYNCHRO_MERGE"),
        allow_reset=_read("SYNCHRO_ALLOW_RESET"),
        staff_may_synchronize=_read("SYNCHRO_STAFF_MAY_SYNCHRONIZE"),
        debug=_read("SYNCHRO_DEBUG"),
        batch_size=_read("SYNCHRO_BATCH_SIZE"),
        batch_seconds=_read("SYNCHRO_BATCH_SECONDS"),
        batch_signals=_batch_signals(_read("SYNCHRO_BATCH_SIGNALS"), options),
        retention=_read("SYNCHRO_RETENTION"),
        unnamed=_read("SYNCHRO_UNNAMED"),
        metrics_token=_read("SYNCHRO_METRICS_TOKEN"),
        registry=registry,
    )


def metrics_token() -> str | None:
    """Return ``SYNCHRO_METRICS_TOKEN`` alone: who has it is told also what is wrong with other settings.

    Raises:
        SynchroConfigurationError: it is none; the message does not repeat it.
    """
    token: str | None = _read("SYNCHRO_METRICS_TOKEN")
    return token


def wrong_settings() -> list[SynchroConfigurationError]:
    """Return all that is wrong: an error for each setting, and for each entry of one that is a list or a dict."""
    errors: dict[str, SynchroConfigurationError] = {}
    for name in SETTINGS:
        try:
            _read(name)
        except SynchroConfigurationError as error:
            errors.setdefault(str(error), error)
            for each in _wrong_entries(name):
                errors.setdefault(str(each), each)
    return list(errors.values())


def _wrong_entries(name: str) -> Iterator[SynchroConfigurationError]:
    """Yield what is wrong with single entries of a setting, whatever the others say."""
    for entry in _entries(name):
        try:
            _read_entry(name, entry)
        except SynchroConfigurationError as error:
            yield error


def _entries(name: str) -> tuple[Any, ...]:
    value = _given(name)
    kinds = {**dict.fromkeys(_BY_LABEL, Mapping), **dict.fromkeys(("SYNCHRO_REMOTE", *_NAMING_MODELS), (list, tuple))}
    return tuple(value) if name in kinds and isinstance(value, kinds[name]) else ()  # type: ignore[arg-type]


def _read_entry(name: str, entry: Any) -> object:
    if name == "SYNCHRO_REMOTE":
        return check_remote(entry, name)
    if name == "SYNCHRO_OPTIONS":
        return _read_options({entry: getattr(django_settings, name)[entry]})
    if name == "SYNCHRO_KNOWN":
        return read_registry({entry: getattr(django_settings, name)[entry]})
    return _models_of(_without_minus(entry)[0], name)


def named_models(name: str) -> Iterator[tuple[object, tuple[type[Model], ...]]]:
    """Yield each entry of a setting that names models, and the concrete models that it stands for.

    Entries that leave out, or cannot be read, are passed over.
    """
    for entry in _entries(name):
        if not _without_minus(entry)[1]:
            with suppress(SynchroConfigurationError):
                models = _models_of(entry, name)[1]
                yield entry, tuple(model._meta.concrete_model or model for model in models)


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
            stacklevel=1,  # one place, whoever asks: a process says it once
        )


def check_remote(alias: object, named: str = "remote") -> str:
    """Return ``alias`` when it can be synchronised to.

    Args:
        alias, named: the alias, and what it was given as, for the message.

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


def required_remotes(alias: str | None, wanted: str = "synchronise to") -> tuple[str, ...]:
    """Return the same where there must be one.

    Args:
        wanted: what for, for the message.

    Raises:
        SynchroConfigurationError: there is none, or as ``check_remote``.
    """
    if remotes := chosen_remotes(alias):
        return remotes
    raise SynchroConfigurationError(
        f"There is no remote to {wanted}: SYNCHRO_REMOTE is not set. Set it to an alias of DATABASES, or name one with "
        "--remote."
    )


def _read_remotes(value: object) -> tuple[str, ...]:
    if value is None:
        return ()
    names = value if isinstance(value, (list, tuple)) else (value,)
    remotes = tuple(check_remote(name, "SYNCHRO_REMOTE") for name in names)
    if len(set(remotes)) != len(remotes):
        raise SynchroConfigurationError(f"SYNCHRO_REMOTE names a database twice: {value!r}.")
    return remotes


def _read_conflict(value: object) -> Rule:
    try:
        return read_rule(value)
    except WrongRule as error:
        raise SynchroConfigurationError(f"SYNCHRO_CONFLICT: {error}".replace(": must", " must")) from error


def _read_word(name: str, words: tuple[str, ...], value: object) -> str:
    if value not in words:
        raise SynchroConfigurationError(f"{name} must be {' or '.join(map(repr, words))}, not {value!r}.")
    return str(value)


def _read_bool(name: str, value: object) -> bool:
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


def _read_retention(value: object) -> float | None:
    if value is not None and (not isinstance(value, (int, float)) or isinstance(value, bool) or not 0 <= value < 1e5):
        raise SynchroConfigurationError(f"SYNCHRO_RETENTION must be None, or a number of days from 0, not {value!r}.")
    return None if value is None else float(value)


def _read_metrics_token(value: object) -> str | None:
    """Read a secret, which no message repeats."""
    if value is None:
        return None
    if not isinstance(value, str) or len(value) < 16 or not value.isascii() or not value.isprintable() or " " in value:
        raise SynchroConfigurationError(
            "SYNCHRO_METRICS_TOKEN must be None, or a text of at least 16 printable ASCII characters without spaces, "
            "as `python -c 'import secrets; print(secrets.token_urlsafe())'` makes one."
        )
    return value


def _read_batch_signals(value: object) -> bool | tuple[type[Model], ...]:
    """Read ``True``, ``False``, or models as in ``SYNCHRO_MODELS``."""
    if isinstance(value, Mapping):
        raise SynchroConfigurationError(
            f"SYNCHRO_BATCH_SIGNALS must be True, False or a list of models, not {value!r}; for single models there "
            "is SYNCHRO_OPTIONS = {'app.Model': {'batch_signals': True}}."
        )
    return value if isinstance(value, bool) else resolve_models(value, "SYNCHRO_BATCH_SIGNALS")


def _read_options(
    value: object, known: Mapping[type[Model], Mapping[str, Any]] = MappingProxyType({})
) -> dict[type[Model], ModelOptions]:
    return merged(read_options(value, app_or_model), known)


def _batch_signals(value: bool | tuple[type[Model], ...], options: Mapping[type[Model], ModelOptions]) -> BatchSignals:
    """Return for which models signals are sent a batch at a time; what ``options`` say of a model comes first."""
    chosen = {model._meta.label: each.batch_signals for model, each in options.items()}
    models = () if isinstance(value, bool) else value
    return BatchSignals(
        all=value is True,
        labels=frozenset([*(model._meta.label for model in models), *(label for label in chosen if chosen[label])]),
        without=frozenset(
            model._meta.label
            for model, each in options.items()
            if each.batch_signals is False or each.write == "rows"  # then nobody hears anything
        ),
    )


#: The settings: what each is where a project does not give it, and what reads it.
SETTINGS: dict[str, tuple[object, Callable[[Any], Any]]] = {
    "SYNCHRO_REMOTE": (None, _read_remotes),
    "SYNCHRO_MODELS": ((), lambda value: read_models(value, "SYNCHRO_MODELS")),
    "SYNCHRO_OPTIONS": ({}, _read_options),
    "SYNCHRO_CONFLICT": ("newest", _read_conflict),
    "SYNCHRO_MERGE": ("objects", lambda value: _read_word("SYNCHRO_MERGE", MERGES, value)),
    "SYNCHRO_ALLOW_RESET": (True, lambda value: _read_bool("SYNCHRO_ALLOW_RESET", value)),
    "SYNCHRO_STAFF_MAY_SYNCHRONIZE": (False, lambda value: _read_bool("SYNCHRO_STAFF_MAY_SYNCHRONIZE", value)),
    "SYNCHRO_DEBUG": (False, lambda value: _read_bool("SYNCHRO_DEBUG", value)),
    "SYNCHRO_BATCH_SIZE": (1000, _read_batch_size),
    "SYNCHRO_BATCH_SECONDS": (1, _read_batch_seconds),
    "SYNCHRO_BATCH_SIGNALS": (False, _read_batch_signals),
    "SYNCHRO_RETENTION": (None, _read_retention),
    "SYNCHRO_UNNAMED": ("remote", lambda value: _read_word("SYNCHRO_UNNAMED", UNNAMED, value)),
    "SYNCHRO_METRICS_TOKEN": (None, _read_metrics_token),
    "SYNCHRO_KNOWN": ({}, read_registry),
}


def _given(name: str) -> object:
    return getattr(django_settings, name, SETTINGS[name][0])


def _read(name: str) -> Any:
    return SETTINGS[name][1](_given(name))


def check_alias(alias: str) -> str:
    """Return ``alias`` when ``DATABASES`` has it.

    Raises:
        SynchroConfigurationError: it has not.
    """
    if alias not in django_settings.DATABASES:
        known = ", ".join(sorted(django_settings.DATABASES))
        raise SynchroConfigurationError(f"There is no database {alias!r} (DATABASES has: {known}).")
    return alias
