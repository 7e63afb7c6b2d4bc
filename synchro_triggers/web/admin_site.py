"""Whose pages the page is one of."""

from __future__ import annotations

from django.contrib.admin.sites import AdminSite, site
from django.urls import NoReverseMatch, get_script_prefix, resolve, reverse


def admin_site() -> AdminSite:
    """Return the admin site that the project's URLs lead to, which need not be the default one; that, if none."""
    try:
        address = reverse("admin:index").removeprefix(get_script_prefix())  # which is no part of what is resolved
    except NoReverseMatch:
        return site
    index = resolve(f"/{address}").func
    found = getattr(index, "admin_site", None)  # as Django marks a site's views
    return found if isinstance(found, AdminSite) else site
