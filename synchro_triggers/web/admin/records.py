"""What the pages of all tables have in common: nothing is added, changed or deleted, but by actions of their own."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from django.contrib import admin
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.contrib.admin.utils import quote, unquote
from django.core.exceptions import PermissionDenied
from django.db.models import Model, QuerySet
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.http import urlencode
from django.utils.text import capfirst
from django.utils.translation import gettext as _
from django.utils.translation import pgettext_lazy

from ...capture.own_tables import require_own_tables
from ...conf import local_alias
from ...key_texts import printable_key
from ...replay.state.node import node_id
from ..outside import outside_request_transactions
from ..permissions import DECIDE, SYNCHRONIZE, may
from .keyset import KeysetList, with_value
from .noting import entries_of
from .places import DATABASE, database_of_list, errors_as_messages, read_record_id, record_id


@dataclass(frozen=True)
class Shown:
    """A line of a record's page.

    Attributes:
        name: what is shown, for people.
        value: it; ``None`` or ``""``: there is none.
        as_written: a text whose lines and spaces are kept.
    """

    name: str
    value: Any
    as_written: bool = False


class RecordAdmin(admin.ModelAdmin):  # type: ignore[type-arg]
    """A list that is read by ids, and a page of each record.

    Attributes:
        is_everywhere: whether each database has records of its own to be shown; else those of LOCAL are.
        details: fields of a record's page.
    """

    is_everywhere: ClassVar[bool] = True
    details: ClassVar[Sequence[str]] = ()
    change_list_template = "synchro_triggers/admin/list.html"
    record_template = "synchro_triggers/admin/record.html"

    list_per_page = 50
    show_full_result_count = False
    show_facets = admin.ShowFacets.NEVER
    sortable_by = ()
    ordering = ("-pk",)

    class Media:
        css: ClassVar[dict[str, Sequence[str]]] = {"all": ("synchro_triggers/admin.css",)}

    @admin.display(description=pgettext_lazy("synchro", "model"))
    def of_model(self, row: Any) -> str:
        return printable_key(row.model_label)

    # Who may ------------------------------------------------------------------------------------------

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    def has_synchronize_permission(self, request: HttpRequest) -> bool:
        """Tell whether failures may be retried and dropped."""
        return may(request.user, SYNCHRONIZE)

    def has_decide_permission(self, request: HttpRequest) -> bool:
        """Tell whether conflicts may be decided otherwise."""
        return may(request.user, DECIDE)

    # What is read -------------------------------------------------------------------------------------

    def database_of(self, request: HttpRequest) -> str:
        """Return the database of a list."""
        return database_of_list(request) if self.is_everywhere else local_alias()

    def rows_on(self, alias: str) -> QuerySet[Any]:
        """Return the records of a database that are shown."""
        return QuerySet(self.model, using=alias)

    def received_on(self, alias: str) -> QuerySet[Any]:
        """Return what a database has of LOCAL's runs; LOCAL itself: of everybody's."""
        rows: QuerySet[Any] = QuerySet(self.model, using=alias)
        return rows if alias == local_alias() else with_value(rows, source=node_id(local_alias()))

    def prepare_rows(self, request: HttpRequest, alias: str, rows: Iterable[Any]) -> None:
        """Give rows what their columns show that does not stand in them."""

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        return self.rows_on(self.database_of(request))

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[KeysetList]:
        return KeysetList

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        said = {"title": capfirst(self.opts.verbose_name_plural), "subtitle": _("on “%s”") % self.database_of(request)}
        response: HttpResponse = super().changelist_view(request, {**said, **(extra_context or {})})
        return response

    def response_action(
        self, request: HttpRequest, queryset: QuerySet[Any], *args: Any, **kwargs: Any
    ) -> HttpResponse | None:
        chosen_numbers(request)
        response: HttpResponse | None = super().response_action(request, queryset, *args, **kwargs)
        return response

    def get_urls(self) -> list[Any]:
        found: list[Any] = super().get_urls()
        for each in found:
            outside_request_transactions(each.callback)
        return found

    # A record's page ----------------------------------------------------------------------------------

    def read_record(self, request: HttpRequest, alias: str, number: int) -> Any:
        """Return a record; ``None``: there is none (any more)."""
        require_own_tables(alias)
        record = self.rows_on(alias).filter(pk=number).first()
        self.prepare_rows(request, alias, [record] if record is not None else [])
        return record

    def lines_of(self, request: HttpRequest, record: Any) -> list[Shown]:
        """Return what a record's page shows."""
        return [Shown(*self._named(name, record)) for name in self.details]

    def _named(self, name: str, record: Any) -> tuple[str, Any]:
        shown = getattr(self, name, None)
        if shown is not None:
            return str(shown.short_description), shown(record)
        value = (
            getattr(record, f"get_{name}_display")()
            if hasattr(record, f"get_{name}_display")
            else getattr(record, name)
        )
        return str(self.opts.get_field(name).verbose_name), value  # type: ignore[union-attr]

    def more_of(self, request: HttpRequest, alias: str, record: Any) -> dict[str, Any]:
        """Return what else the template of a record's page wants."""
        return {}

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """Show a record, and who has decided what about it.

        Raises:
            PermissionDenied: the user may not see it.
            Http404: it cannot be there.
        """
        if not self.has_view_permission(request):
            raise PermissionDenied
        at = read_record_id(unquote(object_id))
        if at is None:
            raise Http404(_("There is no such record."))
        alias, number = at if self.is_everywhere else (local_alias(), at[1])
        record, context = None, {}
        with errors_as_messages(request, alias):
            record = self.read_record(request, alias, number)
            if record is None:
                self.message_user(request, _("There is no such record any more."), "WARNING")
            else:
                context = {"lines": self.lines_of(request, record), **self.more_of(request, alias, record)}
        if record is None:
            return HttpResponseRedirect(self.list_address(alias))
        context |= {
            "opts": self.opts,
            "title": capfirst(self.opts.verbose_name),
            "subtitle": _("number %(number)s on “%(database)s”") % {"number": number, "database": alias},
            "media": self.media,
            "list_address": self.list_address(alias),
            "entries": entries_of(self.model, record_id(alias, number)),
        }
        request.current_app = self.admin_site.name
        return TemplateResponse(
            request, self.record_template, {**self.admin_site.each_context(request), **context, **(extra_context or {})}
        )

    def history_view(
        self, request: HttpRequest, object_id: str, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """Lead to the record's page, which shows that too."""
        return HttpResponseRedirect(self._address("change", object_id))

    def list_address(self, alias: str) -> str:
        """Return the address of the list of a database."""
        address = self._address("changelist")
        return f"{address}?{urlencode({DATABASE: alias})}" if self.is_everywhere else address

    def record_address(self, alias: str, number: int) -> str:
        """Return the address of a record's page."""
        return self._address("change", quote(record_id(alias, number)))

    def _address(self, view: str, *args: str) -> str:
        name = f"admin:{self.opts.app_label}_{self.opts.model_name}_{view}"
        return reverse(name, args=args, current_app=self.admin_site.name)


def chosen_numbers(request: HttpRequest) -> list[int]:
    """Return the ids of the rows that were chosen.

    Raises:
        PermissionDenied: what was sent are no ids.
    """
    chosen = request.POST.getlist(ACTION_CHECKBOX_NAME)
    if not all(each.isascii() and each.isdecimal() and len(each) <= 18 for each in chosen):
        raise PermissionDenied
    return [int(each) for each in chosen]
