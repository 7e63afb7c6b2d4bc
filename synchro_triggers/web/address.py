"""Where the page is, and the one that explains an object, if the project has them."""

from __future__ import annotations

from django.urls import NoReverseMatch, reverse


def page_address() -> str:
    """Return the address of the page that synchronises; ``""``: the project does not have it."""
    try:
        return reverse("synchro:synchro")
    except NoReverseMatch:
        return ""


def explanation_address() -> str:
    """Return the address of the page that tells what is known of an object; ``""``: no admin of the project has it."""
    try:
        return reverse("admin:synchro_triggers_changelog_explain")
    except NoReverseMatch:
        return ""
