"""The page that tells everything that is known of one object, as ``synchro_explain`` does."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from django.contrib.admin import AdminSite
from django.contrib.admin.utils import quote
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.http import urlencode
from django.utils.translation import gettext as _

from ...capture.tables import captured_models
from ...conf import get_settings, local_alias
from ...masking import without_credentials
from ...replay.explain.explaining import explain
from ...replay.explain.named import Named, is_key, objects_with
from ...replay.explain.parts import Explanation
from ...replay.explain.telling import lines_of
from ..address import page_address
from .filters import KEY, MODEL
from .objects import ObjectLinks
from .places import errors_as_messages, record_id


@dataclass
class Part:
    """What one database knows.

    Attributes:
        heading: a line.
        lines: those that belong to it, each with the steps by which it is indented.
    """

    heading: str
    lines: list[tuple[int, str]] = field(default_factory=list)


def explanation_page(request: HttpRequest, site: AdminSite, opts: Any, media: Any) -> HttpResponse:
    """Return the page; what is asked for are a model's label, and a key as LOCAL's log has it or a unique value."""
    label, key = request.GET.get(MODEL, ""), request.GET.get(KEY, "")
    parts: list[Part] = []
    others: list[Named] = []
    conflicts: list[tuple[str, str]] = []
    if label and key:
        with errors_as_messages(request, local_alias()):
            others = objects_with(label, key)
            if len(others) == 1 and not is_key(label, key):
                key, others = others[0].key, []
            explanation, _problems = explain(label, key, get_settings().remotes)  # the problems are told in it, too
            parts = in_parts(lines_of(explanation))
            conflicts = _conflicts_of(explanation, site)
    log = reverse("admin:synchro_triggers_changelog_changelist", current_app=site.name)
    request.current_app = site.name
    context = {
        **site.each_context(request),
        "title": _("What is known of an object"),
        "subtitle": f"{label} {key}",
        "opts": opts,
        "media": media,
        "label": label,
        "key": key,
        "models": sorted({model._meta.label for model in captured_models(get_settings().models)} | {label} - {""}),
        "others": [(each, f"?{urlencode({MODEL: label, KEY: each.key})}") for each in others],
        "page_address": page_address(),
        "conflicts": conflicts,
        "parts": parts,
        "object_link": ObjectLinks(request, site).to_object(label, key) if parts else "",
        "log_address": f"{log}?{urlencode({MODEL: label, KEY: key})}" if label and key else log,
    }
    return TemplateResponse(request, "synchro_triggers/admin/explanation.html", context)


def _conflicts_of(explanation: Explanation, site: AdminSite) -> list[tuple[str, str]]:
    """Return the open conflicts that an object is in, by what they are called, with the addresses of their pages."""
    return [
        (
            _("Conflict %(number)s on “%(database)s”") % {"number": each.id, "database": each.database},
            reverse(
                "admin:synchro_triggers_conflict_change",
                args=[quote(record_id(each.database, each.id))],
                current_app=site.name,
            ),
        )
        for found in (explanation.local.conflicts, *(remote.conflicts for remote in explanation.remotes))
        for each in found
        if each.is_open
    ]


def in_parts(lines: Iterable[str]) -> list[Part]:
    """Return lines below those that they are indented below.

    Example:
        >>> in_parts(["main: 12", "  name: office 3"])
        [Part(heading='main: 12', lines=[(1, 'name: office 3')])]
    """
    parts: list[Part] = []
    for line in map(without_credentials, lines):
        text = line.lstrip(" ")
        steps = (len(line) - len(text)) // 2
        if steps and parts:
            parts[-1].lines.append((steps, text))
        else:
            parts.append(Part(text))
    return parts
