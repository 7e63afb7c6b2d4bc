"""System checks: a setup that is wrong is said when the project starts, not at the first run.

None of them asks a database; those that do are in ``database_checks``. Each has an id; ``docs/reference/checks.md``
lists them.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from difflib import get_close_matches
from typing import Any

from django import get_version
from django.apps import AppConfig, apps
from django.conf import settings as django_settings
from django.core import checks
from django.core.exceptions import ImproperlyConfigured
from django.db import connections, router
from django.db.models import Model

from .capture.tables import (
    captured_models,
    is_many_to_many,
    models_by_table,
    natural_key_fields,
    natural_manager,
    wrong_skip_of,
)
from .conf import LOCAL, SETTINGS, get_settings, named_models, options_of, wrong_settings
from .database_checks import check_rules
from .django_inside.expected import PARTS, is_as_expected
from .django_inside.receivers import SIGNALS, can_withhold, live_receivers
from .exceptions import SynchroConfigurationError
from .muted import is_importable, is_named
from .natural import is_unique
from .unnamed import ReplayRouter
from .vendors.vendor import address_of, database_of

#: Names that are no settings, but that somebody may take for one: what to do instead.
_ELSEWHERE = {
    "SYNCHRO_IDENTITY": "Write SYNCHRO_OPTIONS = {'app.Model': {'identity': 'pk'}}.",
    "SYNCHRO_SKIP": "It belongs to the class of a model; in the settings, "
    "write SYNCHRO_OPTIONS = {'app.Model': {'skip': ('field',)}}.",
}


def register_checks() -> None:
    for check in (
        check_settings,
        check_names,
        check_drivers,
        check_databases,
        check_nothing_captured,
        check_options_of_others,
        check_tables,
        check_skipped,
        check_natural_keys,
        check_routers,
        check_muted,
        check_django,
    ):
        checks.register(check)
    checks.register(check_rules, checks.Tags.database)


# Settings -----------------------------------------------------------------------------------------


def check_settings(app_configs: Sequence[AppConfig] | None, **kwargs: Any) -> list[checks.CheckMessage]:
    """Report each setting that is wrong (``synchro_triggers.E001``)."""
    return [checks.Error(str(error), id="synchro_triggers.E001") for error in wrong_settings()]


def check_names(app_configs: Sequence[AppConfig] | None, **kwargs: Any) -> list[checks.CheckMessage]:
    """Warn of ``SYNCHRO_*`` names that nobody reads, and of names that look like one (``synchro_triggers.W012``)."""
    return [
        checks.Warning(
            f"There is no setting {name}.",
            hint=_ELSEWHERE.get(name) or (f"Is {nearest} meant?" if nearest else f"There are {', '.join(SETTINGS)}."),
            id="synchro_triggers.W012",
        )
        for name in sorted(set(dir(django_settings)) - SETTINGS.keys())
        if (nearest := _nearest(name)) or name.startswith("SYNCHRO_")
    ]


def _nearest(name: str) -> str:
    """Return the setting that may be meant; empty: none is like it."""
    if name.startswith("SYNCHRO_"):
        known = {each.removeprefix("SYNCHRO_"): each for each in SETTINGS}
        return next((known[end] for end in get_close_matches(name.removeprefix("SYNCHRO_"), known, n=1)), "")
    # A misspelt beginning is as silent as a misspelt end; settings of other apps are less alike.
    return next(iter(get_close_matches(name, SETTINGS, n=1, cutoff=0.9) if name.startswith("S") else ()), "")


# Databases ----------------------------------------------------------------------------------------


def check_drivers(
    app_configs: Sequence[AppConfig] | None, databases: Iterable[str] | None = None, **kwargs: Any
) -> list[checks.CheckMessage]:
    """Report that what PostgreSQL needs is not installed (``synchro_triggers.E002``)."""
    lacking = [alias for alias in dict.fromkeys((LOCAL, *_remotes(), *(databases or ()))) if _lacks_packages(alias)]
    if not lacking:
        return []
    return [
        checks.Error(
            f"{' and '.join(map(repr, lacking))} on PostgreSQL: that needs django-pgtrigger and psycopg, "
            "which are not both installed.",
            hint="pip install 'django-synchro-triggers[postgres]'",
            id="synchro_triggers.E002",
        )
    ]


def check_databases(app_configs: Sequence[AppConfig] | None, **kwargs: Any) -> list[checks.CheckMessage]:
    """Report remotes that are LOCAL, or one another, under a second name (``synchro_triggers.E003``)."""
    found: list[checks.CheckMessage] = []
    seen: dict[tuple[str, ...], str] = {}
    for alias in (LOCAL, *_remotes()):
        at = _address(alias)
        if at is None:
            continue
        if (other := seen.setdefault(at, alias)) != alias:
            found.append(
                checks.Error(
                    f"SYNCHRO_REMOTE: {other!r} and {alias!r} are one and the same database, under two names in "
                    "DATABASES.",
                    hint=f"Let {alias!r} lead to the database that shall receive.",
                    id="synchro_triggers.E003",
                )
            )
    return found


def _remotes() -> tuple[str, ...]:
    try:
        return get_settings().remotes
    except SynchroConfigurationError:
        return ()  # said by ``check_settings``


def _address(alias: str) -> tuple[str, ...] | None:
    """Return where an alias leads to; ``None`` where its engine or its driver cannot be imported, too."""
    try:
        return address_of(connections[alias])
    except ImproperlyConfigured:
        return None


def _lacks_packages(alias: str) -> bool:
    try:
        return database_of(connections[alias]).lacks_packages()
    except ImproperlyConfigured as error:
        return "psycopg" in str(error)  # Django's own words; other engines' drivers are not ours to ask for


# Models -------------------------------------------------------------------------------------------


def check_nothing_captured(app_configs: Sequence[AppConfig] | None, **kwargs: Any) -> list[checks.CheckMessage]:
    """Warn that nothing is synchronised, or nothing of what an entry names (``synchro_triggers.W011``)."""
    try:
        settings = get_settings()
    except SynchroConfigurationError:
        return []
    if settings.remotes and not settings.models:
        return [
            checks.Warning(
                "SYNCHRO_REMOTE names a database, but SYNCHRO_MODELS names no model: nothing is synchronised.",
                hint="List apps and models in SYNCHRO_MODELS, or set SYNCHRO_REMOTE = None.",
                id="synchro_triggers.W011",
            )
        ]
    return [
        checks.Warning(f"SYNCHRO_MODELS: the app {entry!r} has no models.", id="synchro_triggers.W011")
        for entry, models in named_models("SYNCHRO_MODELS")
        if not models
    ]


def check_options_of_others(app_configs: Sequence[AppConfig] | None, **kwargs: Any) -> list[checks.CheckMessage]:
    """Warn of settings for models that are never synchronised (``synchro_triggers.W014``)."""
    written = set(_written_models())
    if not written:
        return []  # said by ``check_settings`` or ``check_nothing_captured``
    if any(map(_may_lead_anywhere, written)):
        return []  # what it leads to is brought along, whatever it is
    return [
        checks.Warning(
            f"{name} names {entry!r}, but nothing of that is synchronised: it has no effect.",
            hint="List it in SYNCHRO_MODELS, or take it out.",
            id="synchro_triggers.W014",
        )
        for name in ("SYNCHRO_OPTIONS", "SYNCHRO_BATCH_SIGNALS")
        for entry, models in named_models(name)
        if written.isdisjoint(models)
    ]


def _may_lead_anywhere(model: type[Model]) -> bool:
    """Tell whether a model has a generic foreign key, or the like by the option ``references``."""
    generic = any(hasattr(field, "ct_field") for field in model._meta.private_fields)
    return generic or any(held.model is None for held in options_of(model).references)


def check_tables(app_configs: Sequence[AppConfig] | None, **kwargs: Any) -> list[checks.CheckMessage]:
    """Warn of captured models that share a table (``synchro_triggers.W010``): one stands for all of them."""
    try:
        tables = models_by_table(get_settings().models)
    except SynchroConfigurationError:
        return []  # said by ``check_settings``
    return [
        checks.Warning(
            f"{', '.join(sorted(model._meta.label for model in models))} share the table {table!r}. "
            f"{models[0]._meta.label} is used: its rows are synchronised once, as objects of that model.",
            hint="Leave the others out of SYNCHRO_MODELS. "
            "The one that knows most columns is used, else one that is managed, else the first.",
            id="synchro_triggers.W010",
        )
        for table, models in tables.items()
        if len(models) > 1
    ]


def check_skipped(app_configs: Sequence[AppConfig] | None, **kwargs: Any) -> list[checks.CheckMessage]:
    """Report a ``SYNCHRO_SKIP`` that names what cannot be skipped (``synchro_triggers.E004``)."""
    return [
        checks.Error(said, id="synchro_triggers.E004")
        for model in _written_models()
        if (said := wrong_skip_of(model)) is not None
    ]


def check_natural_keys(app_configs: Sequence[AppConfig] | None, **kwargs: Any) -> list[checks.CheckMessage]:
    """Warn of natural keys that several objects may have (``synchro_triggers.W013``).

    A ``natural_key()`` of the user's own does not say of which fields it is made; nothing is said of it.
    """
    return [
        checks.Warning(
            f"{model._meta.label}: its natural key ({', '.join(names)}) is not unique. Two objects with the same one "
            "stop synchronising.",
            hint="Declare it: unique=True, or a UniqueConstraint over these fields or some of them. Where any of the "
            "objects will do, give NaturalManager (or _natural_manager_kwargs) allow_many=True. "
            "SILENCED_SYSTEM_CHECKS silences this for all models.",
            id="synchro_triggers.W013",
        )
        for model in _written_models()
        if (names := natural_key_fields(model))
        and not getattr(natural_manager(model), "allow_many", False)
        and not is_unique(model, names)
        and not any(names == known.get("natural_key") for known in _known_of(model))
    ]


def check_routers(app_configs: Sequence[AppConfig] | None, **kwargs: Any) -> list[checks.CheckMessage]:
    """Warn of routers that send unnamed queries elsewhere than a replay does (``synchro_triggers.W015``).

    A replay's answer comes first: what names no database goes to the remote, whatever they say. What they say of
    LOCAL is no contradiction, for that is what it stands in for.
    """
    remotes = _remotes()
    if not remotes or get_settings().unnamed != "remote":
        return []
    elsewhere: dict[tuple[str, str], list[str]] = {}
    for each in router.routers:
        for model in apps.get_models() if not isinstance(each, ReplayRouter) else ():
            for alias in sorted(_answers_of(each, model) - {LOCAL, *remotes}):
                elsewhere.setdefault((_name_of(each), alias), []).append(model._meta.label)
    return [
        checks.Warning(
            f"DATABASE_ROUTERS: {name} sends queries about {_some(labels)} to {alias!r}. While a replay writes, what "
            "names no database goes to the remote, whatever a router says.",
            hint=f"Where receivers and save() mean {alias!r}, let them say so: .using({alias!r}). "
            "SYNCHRO_UNNAMED = 'local' lets routers decide, for all models.",
            id="synchro_triggers.W015",
        )
        for (name, alias), labels in sorted(elsewhere.items())
    ]


def check_muted(app_configs: Sequence[AppConfig] | None, **kwargs: Any) -> list[checks.CheckMessage]:
    """Warn of an option ``mute`` that mutes nobody (``synchro_triggers.W017``)."""
    try:
        get_settings()
    except SynchroConfigurationError:
        return []  # said by ``check_settings``
    return [
        checks.Warning(
            f"SYNCHRO_OPTIONS[{label!r}]['mute'] names {path!r}, {wrong}.",
            hint="Look for a mistake in the path, or take it out.",
            id="synchro_triggers.W017",
        )
        for label, models in named_models("SYNCHRO_OPTIONS")
        for path in getattr(django_settings, "SYNCHRO_OPTIONS", {})[label].get("mute", ())
        if (wrong := _mutes_nobody(path, models))
    ]


def _mutes_nobody(path: str, models: Sequence[type[Model]]) -> str:
    """Return why a path mutes none of the receivers of some models; ``''``: it does."""
    if not is_importable(path):
        return "which cannot be imported"
    links = [field for model in models for field in model._meta.local_many_to_many if is_many_to_many(field)]
    senders = [*models, *(field.remote_field.through for field in links)]
    if not can_withhold():
        return ""  # said by ``check_django``, and no run begins
    connected = [each for signal in SIGNALS for sender in senders for each in live_receivers(signal, sender)]
    if any(is_named(receiver, path) for receiver in connected):
        return ""
    labels = _some([model._meta.label for model in models])
    return f"but no receiver of {labels} that is connected by now is that, or in it"


def check_django(app_configs: Sequence[AppConfig] | None, **kwargs: Any) -> list[checks.CheckMessage]:
    """Warn where Django is not inside what this package relies on (``synchro_triggers.W016``)."""
    return [
        checks.Warning(
            f"Django {get_version()} is not inside as synchro_triggers expects ({part.relies_on}): {part.otherwise}.",
            hint="Look for a newer synchro_triggers that knows this Django.",
            id="synchro_triggers.W016",
        )
        for name, part in PARTS.items()
        if not is_as_expected(name)
    ]


def _known_of(model: type[Model]) -> Iterator[Mapping[str, Any]]:
    """Yield what is known of a model and its parents, which is not for the project to mend."""
    known = get_settings().registry.options
    return (known[base] for base in model.__mro__ if base in known)


def _answers_of(each: Any, model: type[Model]) -> set[str]:
    """Return the databases to which a router sends queries about a model."""
    asked = (getattr(each, name, None) for name in ("db_for_read", "db_for_write"))
    return {alias for ask in asked if ask is not None and (alias := ask(model)) is not None}


def _name_of(each: Any) -> str:
    return f"{type(each).__module__}.{type(each).__qualname__}"


def _some(labels: Sequence[str], most: int = 3) -> str:
    more = f" and {len(labels) - most} more" if len(labels) > most else ""
    return ", ".join(labels[:most]) + more


def _written_models() -> Iterator[type[Model]]:
    """Yield the captured models, and those that are brought along as targets of foreign keys and the like."""
    try:
        waiting = list(captured_models(get_settings().models))
    except SynchroConfigurationError:
        return
    found = set(waiting)
    while waiting:
        model = waiting.pop(0)
        yield model
        fields = model._meta.concrete_fields
        targets = [field.remote_field.model for field in fields if field.remote_field is not None]
        targets += [held.model for held in options_of(model).references if held.model is not None]
        for target in [*targets, *model._meta.all_parents]:
            concrete = target._meta.concrete_model or target
            if concrete not in found:
                found.add(concrete)
                waiting.append(concrete)
