"""Runs, and references: which object is which row."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django.contrib import admin
from django.db.models import Q, QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext, pgettext, pgettext_lazy
from django.utils.translation import gettext_lazy as _

from ...key_texts import is_gone_key, key_of_gone, printable_key, read_full_key, stored_key
from ...masking import without_credentials
from ...models import Outcome, Run
from ..permissions import hidden, may_see_values
from .filters import DatabaseFilter, DirectionFilter, ModelFilter, OutcomeFilter, RemoteFilter
from .naming import names_of_nodes
from .records import RecordAdmin, Shown


class RunAdmin(RecordAdmin):
    """The runs that LOCAL has on record."""

    is_everywhere = False
    list_display = (
        "id",
        "begun_at",
        "remote",
        "direction",
        "begun_by",
        "seconds",
        "outcome",
        "written",
        "deleted",
        "links",
        "kept",
        "conflicts",
    )
    list_filter = (RemoteFilter, DirectionFilter, OutcomeFilter)
    details = (*list_display[1:5], "ended_at", *list_display[5:], "remote_node", "host", "pid")

    @admin.display(description=pgettext_lazy("synchro", "seconds"))
    def seconds(self, row: Run) -> str:
        return "" if row.ended_at is None else f"{(row.ended_at - row.begun_at).total_seconds():.1f}"

    @admin.display(description=pgettext_lazy("synchro", "outcome"))
    def outcome(self, row: Run) -> Any:
        return Outcome(row.outcome).label if row.outcome in Outcome else row.outcome

    def lines_of(self, request: HttpRequest, record: Run) -> list[Shown]:
        text = without_credentials(record.error) if may_see_values(request.user) else hidden()
        error = [Shown(pgettext("synchro", "error"), text, as_written=True)] if record.error else []
        return [*error, *super().lines_of(request, record)]


class ReferenceAdmin(RecordAdmin):
    """Which row of a database is which object, by the names that its makers gave it. Found by a key of either side."""

    list_display = ("id", "of_model", "maker", "key_there", "key_here", "state", "met_at", "version_of")
    list_filter = (DatabaseFilter, ModelFilter)
    search_fields = ("local_pk",)
    search_help_text = _("A primary key, in full: of the object where it was made, or of the row here.")
    details = (*list_display[1:], "number", "logged", "remote_won", "replaced_at", "came_with")

    def get_search_results(self, request: HttpRequest, queryset: QuerySet[Any], search_term: str) -> tuple[Any, bool]:
        """Look for a key as it is: no part of one is found, which would mean to read them all."""
        if not search_term:
            return queryset, False
        key = stored_key(search_term)
        return queryset.filter(Q(local_pk=key) | Q(remote_pk=key)), False

    def prepare_rows(self, request: HttpRequest, alias: str, rows: Iterable[Any]) -> None:
        aliases = names_of_nodes(alias)
        for row in rows:
            row.names = aliases

    @admin.display(description=_("made by"))
    def maker(self, row: Any) -> Any:
        return row.names.get(row.source, row.source)

    @admin.display(description=_("its key there"))
    def key_there(self, row: Any) -> str:
        return printable_key(read_full_key(row.local_pk, row.local_text))

    @admin.display(description=_("its key here"))
    def key_here(self, row: Any) -> str:
        text = row.remote_pk if is_gone_key(row.remote_pk) else read_full_key(row.remote_pk, row.remote_text)
        return printable_key(key_of_gone(text))

    @admin.display(description=pgettext_lazy("synchro", "state"))
    def state(self, row: Any) -> str:
        if is_gone_key(row.remote_pk):
            return pgettext("synchro", "gone")
        return gettext("deleted where it was made") if row.ended else pgettext("synchro", "there")

    @admin.display(description=_("last changed by"))
    def version_of(self, row: Any) -> Any:
        author = row.source if row.author == "" else row.author
        return row.names.get(author, author)
