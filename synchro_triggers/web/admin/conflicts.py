"""Conflicts: both versions side by side, and whose is to stand from now on."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from django.contrib import admin, messages
from django.contrib.admin.utils import unquote
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.utils.translation import gettext, pgettext, pgettext_lazy
from django.utils.translation import gettext_lazy as _

from ...conf import local_alias
from ...exceptions import SynchroError
from ...key_texts import printable_key
from ...masking import without_credentials
from ...models import Afterwards, Conflict, ConflictKind, Winner
from ...replay.on_record.listing import fields_of
from ...replay.on_record.renaming import rename
from ...replay.on_record.taking import take
from ...replay.schema.shape import concrete_of, model_of, shape_of, shown_key
from ...replay.schema.unique_sets import natural_set, unique_sets
from ..permissions import may_see_values
from .filters import DatabaseFilter, ModelFilter, OpenFilter
from .naming import names_of_nodes
from .noting import note
from .objects import ObjectLinks
from .places import errors_as_messages, read_record_id
from .records import RecordAdmin, Shown


@dataclass(frozen=True)
class FieldOfBoth:
    """A field of both versions; ``None``: it is NULL."""

    name: str
    local: str | None
    remote: str | None
    differs: bool


class ConflictAdmin(RecordAdmin):
    """The conflicts of LOCAL's runs that a remote has on record, and of others' runs that LOCAL has."""

    list_display = ("id", "model_label", "its_object", "kind", "sender", "result", "rule", "decided_at", "afterwards")
    list_filter = (DatabaseFilter, OpenFilter, ModelFilter)
    actions = ("take_local", "take_remote")
    details = (
        "model_label",
        "its_object",
        "there",
        "kind",
        "sender",
        "result",
        "rule",
        "decided_at",
        "afterwards",
        "taken_at",
        "explained",
    )
    record_template = "synchro_triggers/admin/conflict.html"

    def rows_on(self, alias: str) -> QuerySet[Any]:
        return self.received_on(alias)

    def prepare_rows(self, request: HttpRequest, alias: str, rows: Iterable[Any]) -> None:
        links, aliases = ObjectLinks(request, self.admin_site), names_of_nodes(alias)
        for row in rows:
            # LOCAL's key of it: where LOCAL has it on record itself, it is the one that has received.
            key = row.remote_key if alias == local_alias() else row.local_key
            row.object_link = links.to_object(row.model_label, key)
            row.explanation_link = links.to_explanation(row.model_label, key)
            row.other_key = row.local_key if alias == local_alias() else row.remote_key
            row.names = aliases
            row.database = alias

    # Columns ------------------------------------------------------------------------------------------

    @admin.display(description=pgettext_lazy("synchro", "object"))
    def its_object(self, row: Any) -> Any:
        return row.object_link

    @admin.display(description=_("its key in the other database"))
    def there(self, row: Any) -> str:
        return printable_key(shown_key(row.model_label, row.other_key))

    @admin.display(description=pgettext_lazy("synchro", "sender"))
    def sender(self, row: Any) -> Any:
        return row.names.get(row.source, row.source)

    @admin.display(description=_("taken afterwards"))
    def afterwards(self, row: Any) -> Any:
        return Afterwards(row.taken).label if row.taken in Afterwards else pgettext("synchro", "open")

    @admin.display(description=_("what is known of it"))
    def explained(self, row: Any) -> Any:
        return row.explanation_link

    # A conflict's page --------------------------------------------------------------------------------

    def more_of(self, request: HttpRequest, alias: str, record: Any) -> dict[str, Any]:
        fields = [
            FieldOfBoth(each.field, _of(each.local), _of(each.remote), differs) for each, differs in fields_of(record)
        ]
        sides = [
            (gettext("the sender's (local)"), record.local_values, record.local_author, record.local_at),
            (gettext("this database's (remote)"), record.remote_values, record.remote_author, record.remote_at),
        ]
        lines = [
            Shown(name, _told(values, record.names.get(author, author), at, record.kind))
            for name, values, author, at in sides
        ]
        return {
            "versions": lines,
            "fields": fields if may_see_values(request.user) else [],
            "local_gone": record.local_values is None,
            "remote_gone": record.remote_values is None,
            "may_decide": self.has_decide_permission(request) and record.kind != ConflictKind.UNIQUE,
            "wants_other_values": record.kind == ConflictKind.UNIQUE and record.taken == "",
            "clashing": _clashing(alias, record) if record.kind == ConflictKind.UNIQUE else (),
            "may_rename": self.has_decide_permission(request),
            "number": record.pk,
        }

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """Show a conflict; on POST of ``take`` decide it, of ``rename`` give one of two objects another value.

        Raises:
            PermissionDenied: the user may not see it, or not decide it.
        """
        if request.method != "POST":
            return super().change_view(request, object_id, form_url, extra_context)
        if not (self.has_view_permission(request) and self.has_decide_permission(request)):
            raise PermissionDenied
        at = read_record_id(unquote(object_id))
        if at is not None and "rename" in request.POST:
            with errors_as_messages(request, local_alias(), at[0]):
                self._rename(request, *at)
        elif at is not None:
            self._decide(request, at[0], [at[1]], request.POST.get("take", ""), force="force" in request.POST)
        return HttpResponseRedirect(request.get_full_path())

    # Deciding -----------------------------------------------------------------------------------------

    @admin.action(description=_("Take the sender's version (local) of the selected conflicts"), permissions=["decide"])
    def take_local(self, request: HttpRequest, queryset: QuerySet[Conflict]) -> None:
        """Let the sender's versions stand."""
        self._decide(request, queryset.db, list(queryset.values_list("pk", flat=True)), Winner.LOCAL)

    @admin.action(
        description=_("Take this database's version (remote) of the selected conflicts"), permissions=["decide"]
    )
    def take_remote(self, request: HttpRequest, queryset: QuerySet[Conflict]) -> None:
        """Let the versions of the database that has received stand."""
        self._decide(request, queryset.db, list(queryset.values_list("pk", flat=True)), Winner.REMOTE)

    def _decide(
        self, request: HttpRequest, alias: str, numbers: Iterable[int], side: str, *, force: bool = False
    ) -> None:
        if side not in {Winner.LOCAL, Winner.REMOTE}:
            messages.error(request, gettext("Say whose version is to be taken."))
            return
        for number in sorted(numbers):
            with errors_as_messages(request, alias):
                self._take(request, alias, number, side, force=force)

    def _take(self, request: HttpRequest, alias: str, number: int, side: str, *, force: bool) -> None:
        record = self.rows_on(alias).filter(pk=number).first()
        if record is None:
            raise SynchroError(gettext("There is no such record any more."))
        taken = take(alias, record, side, force=force)
        note(request, alias, [record], f"Took {side} on {alias!r}: {taken.done}.")
        name = f"{record.model_label} {printable_key(record.remote_key)}"
        text = gettext("%(object)s on “%(database)s”: %(side)s taken, %(done)s.")
        said = text % {"object": name, "database": alias, "side": side, "done": taken.done}
        messages.success(request, without_credentials(f"{said} {taken.advice}"))

    def _rename(self, request: HttpRequest, alias: str, number: int) -> None:
        """Give one of two objects that want the same unique values another one."""
        record = self.rows_on(alias).filter(pk=number).first()
        if record is None:
            raise SynchroError(gettext("There is no such record any more."))
        side = Winner.LOCAL if request.POST.get("side") == Winner.LOCAL else Winner.REMOTE
        given = request.POST.get("field", ""), request.POST.get("value", "")
        done = rename(alias, record, given, side=side)
        values = "; ".join(f"{name} = {value}" for name, value in done.after.items())
        note(request, alias, [record], f"Gave {done.model} {done.key} on {done.database!r} other values: {values}.")
        text = gettext("%(object)s on “%(database)s” has %(values)s now. The next run brings what has waited for that.")
        said = text % {"object": f"{done.model} {done.key}", "database": done.database, "values": values}
        messages.success(request, without_credentials(said))


def _clashing(alias: str, record: Conflict) -> tuple[str, ...]:
    """Return the fields of which two objects may want the same values."""
    model = model_of(record.model_label)
    if model is None:
        return ()
    shape = shape_of(concrete_of(model))
    names = dict.fromkeys(name for each in (*unique_sets(shape, alias), *natural_set(shape)) for name in each.names)
    same = {each.field for each, differs in fields_of(record) if not differs}
    return tuple(name for name in names if name in same)


def _of(value: str | None) -> str | None:
    return None if value is None else without_credentials(value)


def _told(values: str | None, author: str, at: Any, kind: str) -> str:
    if values is None:
        what = pgettext("synchro", "removed") if kind == ConflictKind.LINKS else pgettext("synchro", "deleted")
    else:
        what = pgettext("synchro", "changed")
    who = author or gettext("nobody knows whom")
    when = gettext("at an unknown time") if at is None else f"{at:%Y-%m-%d %H:%M:%S}"
    return gettext("%(what)s by %(who)s, %(when)s") % {"what": what, "who": who, "when": when}
