"""Lists without numbers of pages: each page begins beside an id, and nothing is counted or sorted."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.contrib.admin.utils import quote
from django.contrib.admin.views.main import ChangeList
from django.db.models import CharField, Model, QuerySet, Value
from django.db.models.functions import Coalesce
from django.http import HttpRequest
from django.urls import reverse

from ...capture.own_tables import require_own_tables
from ...replay.log.browsing import LOOKED_AT, Place
from .places import errors_as_messages, record_id

#: Parameters of an address: the page ends before an id, or begins after one.
BEFORE, AFTER = "before_id", "after_id"


@dataclass(frozen=True)
class Found:
    """The rows of a page.

    Attributes:
        rows: the newest first.
        goes_on: whether there are more, the way that they were read.
        looked_to: the id up to which was looked, where that was not all.
    """

    rows: Sequence[Any] = ()
    goes_on: bool = False
    looked_to: int | None = None


class KeysetList(ChangeList):
    """Django's change list, paged by ids. What is filtered is looked for in ``LOOKED_AT`` rows at a time.

    Attributes:
        alias: the database.
        newest, newer, older: queries of addresses of other pages; ``""``: there is none.
        looked_to: the id up to which was looked, where the page is not full and there may be more.
    """

    model_admin: Any
    alias: str
    newest: str
    newer: str
    older: str
    looked_to: int | None

    def get_results(self, request: HttpRequest) -> None:
        self.alias = self.model_admin.database_of(request)
        place, found = place_of(request.GET), Found()
        with errors_as_messages(request, self.alias):
            require_own_tables(self.alias)
            found = self.read(request, place)
        self.result_list = found.rows
        # One page is all that Django is told of: its own template would ask a paginator for the number of all rows.
        self.result_count = len(found.rows)
        self.full_result_count = self.paginator = None
        self.show_full_result_count = self.multi_page = self.can_show_all = False
        self.show_admin_actions = bool(found.rows)
        self._link_pages(place, found)

    def read(self, request: HttpRequest, place: Place) -> Found:
        """Return the rows of a page."""
        size, last = self.list_per_page, None
        beyond, up_to, order = ("pk__gt", "pk__lte", "pk") if place.goes_up else ("pk__lt", "pk__gte", "-pk")
        rows = self.queryset.order_by(order).filter(**{beyond: place.edge})
        if self.queryset.query.where and not self.query:  # many may have to be looked at for a page; a key has an index
            all_rows: QuerySet[Any] = QuerySet(self.model, using=self.alias)
            ids = all_rows.order_by(order).filter(**{beyond: place.edge})
            last = next(iter(ids.values_list("pk", flat=True)[LOOKED_AT - 1 : LOOKED_AT]), None)
        if last is not None:
            rows = rows.filter(**{up_to: last})
        found = list(rows[: size + 1])
        goes_on = len(found) > size
        found = found[:size]
        if place.goes_up:
            found.reverse()
        self.model_admin.prepare_rows(request, self.alias, found)
        return Found(found, goes_on, None if goes_on else last)

    def _link_pages(self, place: Place, found: Found) -> None:
        numbers = [row.pk for row in found.rows]
        ahead: int | None = found.looked_to
        if found.goes_on:
            ahead = numbers[0] if place.goes_up else numbers[-1]
        behind: int | None = None
        if place.goes_up:
            behind = numbers[-1] if numbers else place.edge + 1
        elif place.before is not None:
            behind = numbers[0] if numbers else place.edge - 1
        newer, older = (ahead, behind) if place.goes_up else (behind, ahead)
        self.looked_to = found.looked_to
        self.newest = "" if place == Place() else self.get_query_string()
        self.newer = "" if newer is None else self.get_query_string({AFTER: newer})
        self.older = "" if older is None else self.get_query_string({BEFORE: older})

    # What Django's own way would make of the addresses ------------------------------------------------

    def get_ordering(self, request: HttpRequest, queryset: QuerySet[Any]) -> list[Any]:
        return ["-pk"]

    def get_filters_params(self, params: Any = None) -> dict[str, Any]:
        given: dict[str, Any] = super().get_filters_params(params)
        return {name: value for name, value in given.items() if name not in {BEFORE, AFTER}}

    def get_query_string(self, new_params: Mapping[str, Any] | None = None, remove: Iterable[str] | None = None) -> str:
        """Return a query; another filter begins with its newest rows again."""
        query: str = super().get_query_string(dict(new_params or {}), [*(remove or ()), BEFORE, AFTER])
        return query

    def url_for_result(self, result: Model) -> str:
        address = f"admin:{self.opts.app_label}_{self.opts.model_name}_change"
        name = quote(record_id(self.alias, result.pk))
        return reverse(address, args=[name], current_app=self.model_admin.admin_site.name)


def with_value(queryset: QuerySet[Any], **values: str) -> QuerySet[Any]:
    """Return the rows whose fields have some values, found in the order of their ids.

    With an index on a field, a database would rather sort all rows that have the value, to show a hundred of them.
    """
    for name, value in values.items():
        plain = Coalesce(name, Value(""), output_field=CharField())
        queryset = queryset.alias(**{f"plain_{name}": plain}).filter(**{f"plain_{name}": value})
    return queryset


def place_of(params: Mapping[str, str]) -> Place:
    """Return where a page is to begin; what is no id counts as not said."""
    before, after = (_id_of(params.get(name, "")) for name in (BEFORE, AFTER))
    return Place(after=after) if after is not None else Place(before=before)


def _id_of(text: str) -> int | None:
    return int(text) if text.isascii() and text.isdecimal() and len(text) <= 18 else None
