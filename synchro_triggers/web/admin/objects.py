"""Objects of which records speak: links to their own pages in the admin, and to what is known of them."""

from __future__ import annotations

from functools import cached_property

from django.contrib.admin import AdminSite
from django.contrib.admin.utils import quote
from django.core.exceptions import ValidationError
from django.db.models import Model
from django.http import HttpRequest
from django.urls import NoReverseMatch, reverse
from django.utils.html import format_html
from django.utils.http import urlencode
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import pgettext

from ...capture.keys import decode_key
from ...capture.tables import captured_models
from ...conf import get_settings, local_alias
from ...key_texts import printable_key
from ...replay.rows.utc import zone_of
from ...replay.schema.shape import concrete_of, model_of, root_of, shown_key

#: Characters of a key that a list shows.
_LENGTH = 60


class ObjectLinks:
    """Makes links for one page, at no query per row.

    Args:
        request: whose page it is.
        site: the admin that it belongs to.
    """

    def __init__(self, request: HttpRequest, site: AdminSite) -> None:
        self._request, self._site = request, site
        self._links_of_models: dict[str, bool] = {}

    def to_object(self, label: str, key: str, *, gone: bool = False) -> str:
        """Return what a list shows of an object of LOCAL: its key, as a link where the admin has a page of it.

        Args:
            label: its model's.
            key: its key, as the log has it.
            gone: it was deleted, or the key is not LOCAL's.
        """
        shown = printable_key(shown_key(label, key))
        text = shown if len(shown) <= _LENGTH else f"{shown[:_LENGTH]}…"
        address = "" if gone else self._address(label, key)
        return format_html('<a href="{}">{}</a>', address, text) if address else text

    def to_explanation(self, label: str, key: str) -> SafeString | str:
        """Return a link to what is known of an object; ``""``: nothing would be."""
        model = model_of(label)
        if model is None or concrete_of(model) not in self._captured or printable_key(key) != key:
            return ""
        address = self._explanations and f"{self._explanations}?{urlencode({'model': label, 'key': key})}"
        if not address:
            return ""
        shown = printable_key(shown_key(label, key))
        return format_html(
            '<a href="{}" aria-label="{}">{}</a>', address, _("Explain %s") % shown, pgettext("synchro", "Explain")
        )

    def _address(self, label: str, key: str) -> str:
        if not self._has_page(label):
            return ""
        model = model_of(label)
        assert model is not None  # it has a page
        try:
            number = decode_key(root_of(model), key, zone_of(local_alias()))
            name = f"admin:{model._meta.app_label}_{model._meta.model_name}_change"
            return reverse(name, args=[quote(str(number))], current_app=self._site.name)
        except (ValueError, ArithmeticError, TypeError, ValidationError, NoReverseMatch):
            return ""  # no key of this model, or a site whose addresses are its own

    def _has_page(self, label: str) -> bool:
        if label not in self._links_of_models:
            model = model_of(label)
            self._links_of_models[label] = (
                model is not None
                and self._site.is_registered(model)
                and self._site.get_model_admin(model).has_view_permission(self._request)
            )
        return self._links_of_models[label]

    @cached_property
    def _explanations(self) -> str:
        """The address of the page that tells what is known of an object; ``""``: this site does not have the log."""
        try:
            return reverse("admin:synchro_triggers_changelog_explain", current_app=self._site.name)
        except NoReverseMatch:
            return ""

    @cached_property
    def _captured(self) -> frozenset[type[Model]]:
        return frozenset(captured_models(get_settings().models))
