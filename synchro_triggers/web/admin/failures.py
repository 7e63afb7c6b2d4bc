"""Failures: what could not be applied, and is tried again; to be tried with the next run, or given up."""

from __future__ import annotations

import datetime
from collections.abc import Collection, Iterable
from typing import Any

from django.contrib import admin, messages
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.utils.html import format_html
from django.utils.translation import gettext, ngettext, pgettext, pgettext_lazy
from django.utils.translation import gettext_lazy as _

from ...capture.own_tables import require_own_tables
from ...conf import LOCAL, get_settings, local_alias, replaying_from
from ...exceptions import Refused
from ...masking import without_credentials
from ...models import Failure, Operation
from ...moment import as_utc
from ...reaching import troubles_with
from ...replay.choices import Way
from ...replay.on_record import of_others
from ...replay.on_record.due_again import kept_on, make_due
from ...replay.on_record.kept import KeptInFull, drop
from ...replay.on_record.senders import other_nodes
from ...replay.state.chosen_failures import ChosenFailures
from ...replay.state.node import node_id
from ..address import page_address
from ..permissions import hidden, may_see_values
from .filters import DatabaseFilter, ModelFilter
from .naming import names_of_nodes
from .noting import note
from .objects import ObjectLinks
from .places import errors_as_messages
from .records import RecordAdmin, Shown, chosen_numbers

#: The button of the page that asks once more.
_CONFIRMED = "confirmed"


class FailureAdmin(RecordAdmin):
    """The failures of LOCAL's runs that a remote keeps, and of others' runs that LOCAL keeps."""

    list_display = (
        "id",
        "of_model",
        "its_object",
        "said",
        "attempts",
        "next_try",
        "tried_at",
        "operation",
        "explained",
    )
    list_filter = (DatabaseFilter, ModelFilter)
    actions = ("retry", "drop")
    details = (
        "of_model",
        "its_object",
        "operation",
        "sender",
        "attempts",
        "runs",
        "first_at",
        "tried_at",
        "next_try",
        "explained",
    )

    record_template = "synchro_triggers/admin/failure.html"

    def rows_on(self, alias: str) -> QuerySet[Any]:
        return self.received_on(alias)

    def prepare_rows(self, request: HttpRequest, alias: str, rows: Iterable[Any]) -> None:
        links, aliases = ObjectLinks(request, self.admin_site), names_of_nodes(alias)
        for row in rows:
            # What LOCAL keeps has another's key, by which it knows nothing itself.
            theirs, gone = alias == local_alias(), row.operation == Operation.DELETE
            row.object_link = links.to_object(row.model_label, row.key, gone=theirs or gone)
            row.explanation_link = "" if theirs else links.to_explanation(row.model_label, row.key)
            # It stands in the row's text, too, which Django shows.
            row.error = without_credentials(row.error) if may_see_values(request.user) else hidden()
            row.sent_by = aliases.get(row.source, row.source)

    def lines_of(self, request: HttpRequest, record: Any) -> list[Shown]:
        error = Shown(pgettext("synchro", "error"), record.error, as_written=True)
        return [
            error,
            *super().lines_of(request, record),
            Shown(gettext("what is known of it"), record.explanation_link),
        ]

    def more_of(self, request: HttpRequest, alias: str, record: Any) -> dict[str, Any]:
        may_act = self.has_synchronize_permission(request)
        return {"may_act": may_act, "number": record.pk, "checkbox": ACTION_CHECKBOX_NAME}

    # Columns ------------------------------------------------------------------------------------------

    @admin.display(description=pgettext_lazy("synchro", "object"))
    def its_object(self, row: Any) -> Any:
        return row.object_link

    @admin.display(description=pgettext_lazy("synchro", "error"))
    def said(self, row: Any) -> str:
        return str(row.error)

    @admin.display(description=_("sent by"))
    def sender(self, row: Any) -> Any:
        return row.sent_by

    @admin.display(description=_("last tried"))
    def tried_at(self, row: Any) -> Any:
        return row.last_at

    @admin.display(description=_("next try"))
    def next_try(self, row: Any) -> Any:
        return gettext("with the next run") if is_due(row) else row.next_at

    @admin.display(description=_("what is known of it"))
    def explained(self, row: Any) -> Any:
        return row.explanation_link

    # Actions ------------------------------------------------------------------------------------------

    @admin.action(description=_("Retry the selected failures with the next run"), permissions=["synchronize"])
    def retry(self, request: HttpRequest, queryset: QuerySet[Failure]) -> None:
        """Take away the pauses of failures."""
        alias = queryset.db
        with errors_as_messages(request, alias):
            kept = make_due(alias, chosen_numbers(request))
            note(request, alias, kept, f"Retried with the next run (on {alias!r}).")
            text = ngettext(
                "%(number)d failure is tried with the next run.",
                "%(number)d failures are tried with the next run.",
                len(kept),
            )
            said, address = text % {"number": len(kept)}, page_address()
            link = (
                format_html(' <a href="{}">{}</a>', address, pgettext("synchro", "Synchronization")) if address else ""
            )
            self.message_user(request, format_html("{}{}", said, link), messages.SUCCESS)

    @admin.action(description=_("Drop the selected failures"), permissions=["synchronize"])
    def drop(self, request: HttpRequest, queryset: QuerySet[Failure]) -> HttpResponse | None:
        """Forget failures, once somebody has read what that means."""
        alias = queryset.db
        with errors_as_messages(request, alias):
            if _CONFIRMED not in request.POST:
                return self._asked_once_more(request, alias)
            kept = list(kept_on(alias, chosen_numbers(request)))
            others, rest = apart_from_others(alias, kept)
            for node, sent in others.items():
                with errors_as_messages(request, alias):
                    self._note_dropped(request, alias, sent, of_others.drop(node, _numbered(sent)))
            for source, sent in by_source(alias, rest).items():
                with errors_as_messages(request, source, alias):
                    self._drop(request, source, alias, sent)
        return None

    def _drop(self, request: HttpRequest, source: str, alias: str, kept: list[Failure]) -> None:
        for each in (source, alias):
            require_own_tables(each)
        with replaying_from(source):
            gone = drop(Way(source, alias), _numbered(kept))
        self._note_dropped(request, alias, kept, gone)

    def _note_dropped(self, request: HttpRequest, alias: str, kept: list[Failure], gone: Iterable[KeptInFull]) -> None:
        numbers = {each.kept.id for each in gone}
        forgotten = [each for each in kept if each.pk in numbers]
        note(request, alias, forgotten, f"Dropped on {alias!r}: the change is not tried again.", gone=True)
        text = ngettext("%(number)d failure was dropped.", "%(number)d failures were dropped.", len(forgotten))
        self.message_user(request, text % {"number": len(forgotten)}, messages.SUCCESS)

    def _asked_once_more(self, request: HttpRequest, alias: str) -> HttpResponse:
        chosen: list[Any] = list(kept_on(alias, chosen_numbers(request)))
        self.prepare_rows(request, alias, chosen)
        request.current_app = self.admin_site.name
        context = {
            **self.admin_site.each_context(request),
            "title": gettext("Drop failures?"),
            "opts": self.opts,
            "media": self.media,
            "database": alias,
            "chosen": [(each.pk, each.model_label, each.object_link, each.error) for each in chosen],
            "checkbox": ACTION_CHECKBOX_NAME,
            "list_address": request.get_full_path(),
        }
        return TemplateResponse(request, "synchro_triggers/admin/drop_failures.html", context)


def is_due(row: Failure) -> bool:
    """Tell whether the next run tries a failure."""
    return row.next_at is None or as_utc(row.next_at) <= datetime.datetime.now(datetime.UTC)


def _numbered(kept: Iterable[Failure]) -> ChosenFailures:
    return ChosenFailures(numbers=tuple(each.pk for each in kept))


def apart_from_others(alias: str, kept: Iterable[Failure]) -> tuple[dict[str, list[Failure]], list[Failure]]:
    """Return the failures that nodes have sent which are no remote of this project, by node; and all others."""
    others = set(other_nodes()) if alias == LOCAL else set()
    found: dict[str, list[Failure]] = {}
    rest = []
    for each in kept:
        if each.source in others:
            found.setdefault(each.source, []).append(each)
        else:
            rest.append(each)
    return found, rest


def by_source(alias: str, kept: Collection[Failure]) -> dict[str, list[Failure]]:
    """Return failures that a database keeps, by the alias of the database that has sent them.

    Raises:
        SynchroError: that one cannot be asked; who drops a failure must look there what has become of the object.
        Refused: it is none of this project's any more.
    """
    if alias != LOCAL:
        return {LOCAL: list(kept)} if kept else {}
    sources = {each.source for each in kept}
    found: dict[str, str] = {}

    def look(name: str) -> None:
        if (node := node_id(name)) in sources:
            found[node] = name

    troubles = troubles_with(get_settings().remotes, look) if sources else []
    if unknown := sorted(sources - found.keys()):
        if troubles:
            raise troubles[0]
        raise Refused(
            gettext("Node %(node)s has sent this, which is no remote of this project: drop it there.")
            % {"node": unknown[0]}
        )
    return {found[source]: [each for each in kept if each.source == source] for source in sorted(sources)}
