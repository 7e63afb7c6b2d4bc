"""What lists may be filtered by: the database, and what is found without looking at all rows."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from django.contrib.admin import SimpleListFilter
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, pgettext, pgettext_lazy

from ...capture.tables import captured_models
from ...conf import get_settings
from ...key_texts import printable_key
from ...models import Direction, Outcome
from .keyset import with_value
from .places import DATABASE, database_of_list, databases

#: Parameters of a list's address.
MODEL, KEY, STATE = "model", "key", "state"

#: Before the alias of a remote, in ``STATE``: rows of LOCAL's log that wait for it, and all others.
WAITING, PASSED = "waiting:", "passed:"


class DatabaseFilter(SimpleListFilter):
    """Chooses the database: one is always shown."""

    title = pgettext_lazy("synchro", "database")
    parameter_name = DATABASE

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        self._chosen = database_of_list(request)
        return [(alias, alias) for alias in databases()]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        return queryset  # the ModelAdmin asks that database already

    def choices(self, changelist: Any) -> Iterator[Any]:
        for alias, name in self.lookup_choices:
            query = changelist.get_query_string({DATABASE: alias})
            yield {"selected": alias == self._chosen, "query_string": query, "display": name}


class ModelFilter(SimpleListFilter):
    """Chooses a model; one that is gone can be asked for by its label."""

    title = pgettext_lazy("synchro", "model")
    parameter_name = MODEL

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        labels = {model._meta.label for model in captured_models(get_settings().models)}
        asked = request.GET.get(MODEL)
        return [(label, printable_key(label)) for label in sorted(labels | ({asked} if asked else set()))]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any] | None:
        return with_value(queryset, model_label=str(self.value())) if self.value() else None


class OfTheLog(SimpleListFilter):
    """A filter of the log, whose rows are not read by Django's querysets."""

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> None:
        return None


class LogModelFilter(OfTheLog, ModelFilter):
    """Chooses a model."""


class KeyFilter(OfTheLog):
    """Shows that the rows of one object are looked for, and lets that be undone; links lead here."""

    title = gettext_lazy("primary key")
    parameter_name = KEY

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        asked = request.GET.get(KEY)
        return [(asked, asked)] if asked else []


class StateFilter(OfTheLog):
    """Chooses what waits for a remote, or does not."""

    title = pgettext_lazy("synchro", "remote")
    parameter_name = STATE

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [
            (f"{mark}{remote}", text % {"remote": remote})
            for remote in get_settings().remotes
            for mark, text in ((WAITING, _("waits for %(remote)s")), (PASSED, _("does not wait for %(remote)s")))
        ]


class RemoteFilter(SimpleListFilter):
    """Chooses a remote's runs."""

    title = pgettext_lazy("synchro", "remote")
    parameter_name = "remote"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [(remote, remote) for remote in get_settings().remotes]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any] | None:
        return with_value(queryset, remote=str(self.value())) if self.value() else None


class DirectionFilter(SimpleListFilter):
    title = pgettext_lazy("synchro", "direction")
    parameter_name = "direction"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [(str(value), str(label)) for value, label in Direction.choices]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any] | None:
        return with_value(queryset, direction=str(self.value())) if self.value() else None


class OutcomeFilter(SimpleListFilter):
    title = pgettext_lazy("synchro", "outcome")
    parameter_name = "outcome"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [(str(value), str(label)) for value, label in Outcome.choices if value]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any] | None:
        return with_value(queryset, outcome=str(self.value())) if self.value() else None


class OpenFilter(SimpleListFilter):
    """Chooses conflicts of which nobody has said since that the decision was right."""

    title = pgettext_lazy("synchro", "state")
    parameter_name = "open"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("yes", pgettext("synchro", "open")), ("no", pgettext("synchro", "decided"))]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any] | None:
        if self.value() not in {"yes", "no"}:
            return None
        return queryset.filter(taken="") if self.value() == "yes" else queryset.exclude(taken="")
