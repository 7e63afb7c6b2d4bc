"""Links of the admin's pages to this package's: for its own templates, and for those of projects."""

from __future__ import annotations

from typing import Any

from django import template
from django.core.exceptions import ImproperlyConfigured
from django.urls import NoReverseMatch, reverse
from django.utils.http import urlencode

from ..capture.keys import encode_key
from ..capture.tables import captured_models
from ..conf import get_settings
from ..exceptions import SynchroError
from ..replay.schema.shape import concrete_of
from ..web.address import page_address
from ..web.permissions import SEE, may

register = template.Library()


@register.inclusion_tag("synchro_triggers/admin/link.html", takes_context=True)
def synchro_link(context: Any) -> dict[str, str]:
    """Make a link to the page that synchronises, for those who may see it, where the project has it.

    Example:
        ``{% load synchro_triggers_admin %}{% synchro_link %}``
    """
    return {"address": page_address() if _may_see(context) or _is_let_in(context) else ""}


@register.inclusion_tag("synchro_triggers/admin/history_links.html", takes_context=True)
def synchro_history_links(context: Any) -> dict[str, str]:
    """Make links to what was logged of the object whose history is shown, and to what is known of it.

    There are none for an object that is not captured, and for those who may not see the log.

    Example:
        ``{% load synchro_triggers_admin %}{% synchro_history_links %}``
    """
    shown = context.get("object")
    model = type(shown)
    if not _may_see(context) or not hasattr(model, "_meta") or not _is_captured(model):
        return {}
    label, key = concrete_of(model)._meta.label, encode_key(shown.pk)
    site = getattr(context.get("request"), "current_app", None)
    query = urlencode({"model": label, "key": key})
    try:
        log, explanation = (
            reverse(f"admin:synchro_triggers_changelog_{view}", current_app=site) for view in ("changelist", "explain")
        )
    except NoReverseMatch:  # this site does not have the log
        return {}
    return {"log": f"{log}?{query}", "explanation": f"{explanation}?{query}"}


def _may_see(context: Any) -> bool:
    user = _user(context)
    return user is not None and user.is_active and user.has_perm(SEE)


def _is_let_in(context: Any) -> bool:
    """Tell whether somebody may see the page, if not the lists, by being of the staff."""
    user = _user(context)
    try:
        return user is not None and may(user, SEE)
    except (SynchroError, ImproperlyConfigured):  # `manage.py check` says what is wrong with the settings
        return False


def _user(context: Any) -> Any:
    return getattr(context.get("request"), "user", None)


def _is_captured(model: Any) -> bool:
    try:
        return concrete_of(model) in captured_models(get_settings().models)
    except ImproperlyConfigured:  # `manage.py check` tells; it must not take away pages that are not ours
        return False
