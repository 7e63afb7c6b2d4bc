"""The changelog: what was logged on LOCAL, the newest first."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from typing import Any

from django.conf import settings as django_settings
from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.db import connections
from django.http import HttpRequest, HttpResponse
from django.urls import path
from django.utils import timezone
from django.utils.translation import gettext, pgettext_lazy
from django.utils.translation import gettext_lazy as _

from ...capture.keys import logged_texts
from ...capture.own_tables import require_own_tables
from ...conf import get_settings, local_alias
from ...models import ChangeLog, Operation
from ...replay.log.browsing import Entry, Place, browse, entry_of, of_keys, of_labels, other_than
from ...replay.log.vendor import Condition
from ...replay.schema.shape import family_labels, model_of, read_key, root_of
from ...replay.status.waiting import waiting_for
from ..outside import outside_request_transactions
from .explaining import explanation_page
from .filters import KEY, MODEL, PASSED, STATE, WAITING, KeyFilter, LogModelFilter, StateFilter
from .keyset import Found, KeysetList
from .naming import names_of_nodes
from .objects import ObjectLinks
from .records import RecordAdmin, Shown


class LogList(KeysetList):
    """Rows that no queryset could read: a log may hold times and texts that Django has no values for."""

    def read(self, request: HttpRequest, place: Place) -> Found:
        page = browse(self.alias, place, self.list_per_page, conditions_of(request))
        rows = [_row(entry) for entry in page.entries]
        self.model_admin.prepare_rows(request, self.alias, rows)
        return Found(rows, page.goes_on, page.looked_to)


def conditions_of(request: HttpRequest) -> list[Condition]:
    """Return what is asked of rows of LOCAL's log.

    Raises:
        SynchroError: the remote for which they are to wait cannot be asked.
    """
    label, key, state = (request.GET.get(name, "") for name in (MODEL, KEY, STATE))
    found: list[Condition] = []
    if label:
        found.append(of_labels(_labels_with(label) if key else [label]))
    if key:
        found.append(of_keys(connections[local_alias()], _texts_of(label, key)))
    mark, _, remote = state.partition(":")
    if remote in get_settings().remotes and f"{mark}:" in {WAITING, PASSED}:
        waiting = waiting_for(remote)
        found.append(waiting if f"{mark}:" == WAITING else other_than(waiting))
    return found


def _labels_with(label: str) -> Sequence[str]:
    """Return under which labels an object is logged: of multi-table inheritance each table logs by itself."""
    model = model_of(label)
    return [label] if model is None else family_labels(root_of(model))


def _texts_of(label: str, key: str) -> list[str]:
    """Return what the log may have for a key: on SQLite the same one has several spellings."""
    model = model_of(label)
    if model is None:
        return [key]
    return sorted({key, *(logged_texts(root_of(model), [read_key(root_of(model), key)]) or ())})


def _row(entry: Entry) -> ChangeLog:
    at = entry.at
    if at is not None and not django_settings.USE_TZ:
        at = timezone.make_naive(at, timezone.get_default_timezone())
    row = ChangeLog(
        id=entry.id,
        model_label=entry.label,
        object_pk=entry.key,
        operation=entry.operation,
        changed_fields=entry.fields,
        old_values=entry.old_values or None,
        origin=entry.origin,
    )
    row.logged_at = at  # none where the log holds what is no time
    return row


class ChangeLogAdmin(RecordAdmin):
    """The log of LOCAL; it has the page, too, that tells what is known of one object."""

    is_everywhere = False
    list_display = ("id", "logged_at", "operation", "model_label", "its_object", "changed", "came_from", "explained")
    list_filter = (KeyFilter, StateFilter, LogModelFilter)
    details = list_display

    @admin.display(description=pgettext_lazy("synchro", "object"))
    def its_object(self, row: Any) -> Any:
        return row.object_link

    @admin.display(description=_("changed fields"))
    def changed(self, row: Any) -> str:
        return ", ".join(row.changed_fields.split(","))

    @admin.display(description=pgettext_lazy("synchro", "origin"))
    def came_from(self, row: Any) -> Any:
        return row.sender

    @admin.display(description=_("what is known of it"))
    def explained(self, row: Any) -> Any:
        return row.explanation_link

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[KeysetList]:
        return LogList

    def prepare_rows(self, request: HttpRequest, alias: str, rows: Iterable[Any]) -> None:
        links, aliases = ObjectLinks(request, self.admin_site), names_of_nodes(alias)
        for row in rows:
            gone = row.operation == Operation.DELETE
            row.object_link = links.to_object(row.model_label, row.object_pk, gone=gone)
            row.explanation_link = links.to_explanation(row.model_label, row.object_pk)
            row.sender = aliases.get(row.origin, row.origin) or gettext("users here")

    def read_record(self, request: HttpRequest, alias: str, number: int) -> Any:
        require_own_tables(alias)
        entry = entry_of(alias, number)
        rows = [] if entry is None else [_row(entry)]
        self.prepare_rows(request, alias, rows)
        return rows[0] if rows else None

    def lines_of(self, request: HttpRequest, record: Any) -> list[Shown]:
        found = super().lines_of(request, record)
        return (
            found
            if record.old_values is None
            else [*found, Shown(gettext("old values"), _spread(record.old_values), True)]
        )

    def get_urls(self) -> list[Any]:
        view = self.admin_site.admin_view(self.explain_view)
        name = "synchro_triggers_changelog_explain"
        return [path("explain/", outside_request_transactions(view), name=name), *super().get_urls()]

    def explain_view(self, request: HttpRequest) -> HttpResponse:
        """Tell what ``synchro_explain`` tells of an object.

        Raises:
            PermissionDenied: the user may not see the log.
        """
        if not self.has_view_permission(request):
            raise PermissionDenied
        return explanation_page(request, self.admin_site, self.opts, self.media)


def _spread(text: str) -> str:
    """Return JSON in lines; a text that is none stays."""
    try:
        return json.dumps(json.loads(text), indent=2, ensure_ascii=False)
    except ValueError:
        return text
