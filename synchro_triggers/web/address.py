"""Where the page is, if the project has it."""

from __future__ import annotations

from django.urls import NoReverseMatch, reverse


def page_address() -> str:
    """Return the address of the page that synchronises; ``""``: the project does not have it."""
    try:
        return reverse("synchro:synchro")
    except NoReverseMatch:
        return ""
