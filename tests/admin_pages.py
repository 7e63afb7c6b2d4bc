"""What tests of the admin's pages have in common: a site with captured models, users, and what a page shows."""

from __future__ import annotations

import html
import re
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

from django.contrib import admin
from django.contrib.admin import AdminSite
from django.contrib.auth.models import Permission, User
from django.contrib.contenttypes.models import ContentType
from django.contrib.messages import get_messages
from django.db import connections
from django.http import HttpResponse
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import include, path, reverse

from synchro_triggers.admin import register
from synchro_triggers.models import ChangeLog, Conflict, Failure, Reference, Run
from tests.databases import ALIASES
from tests.testapp.models import Account, Item

TABLES = {"changelog": ChangeLog, "failure": Failure, "conflict": Conflict, "run": Run, "reference": Reference}

#: A project's own site, with models that are captured.
office = AdminSite(name="office")
office.register([Item, Account])
register(office)

urlpatterns = [
    path("admin/", admin.site.urls),
    path("office/", office.urls),
    path("synchro/", include("synchro_triggers.urls", namespace="synchro")),
]


def user_with(*codenames: str, name: str = "ann") -> User:
    """Return one of the staff who has permissions of this package's tables, and no others."""
    user = User.objects.create_user(name, password="x", is_staff=True)
    for codename in codenames:
        table = codename.rpartition("_")[2]
        kind = ContentType.objects.get_for_model(TABLES.get(table, ChangeLog))
        permission, _ = Permission.objects.get_or_create(
            content_type=kind, codename=codename, defaults={"name": codename}
        )
        user.user_permissions.add(permission)
    return user


def client_of(user: User) -> Client:
    client = Client()
    client.force_login(user)
    return client


def list_of(table: str) -> str:
    return reverse(f"admin:synchro_triggers_{table}_changelist")


def page_of(table: str, alias: str, number: int) -> str:
    return reverse(f"admin:synchro_triggers_{table}_change", args=[f"{alias}_3A{number}"])


def text_of(response: HttpResponse) -> str:
    """Return what a page says: without tags, and with single spaces."""
    assert response.status_code == 200, response
    body = re.sub(r"<(script|style).*?</\1>", "", response.content.decode(), flags=re.DOTALL)
    return " ".join(html.unescape(re.sub(r"<[^>]*>", " ", body)).split())


def cells_of(response: HttpResponse, column: str) -> list[str]:
    """Return the texts of a column of a list."""
    assert response.status_code == 200, response
    found = re.findall(rf'class="field-{column}[^"]*">(.*?)</t[dh]>', response.content.decode(), re.DOTALL)
    return [" ".join(html.unescape(re.sub(r"<[^>]*>", "", each)).split()) for each in found]


def link_named(response: HttpResponse, name: str) -> str:
    """Return the address of a link by its text; ``""``: there is none."""
    found = re.search(rf'<a href="([^"]*)"[^>]*>{re.escape(name)}</a>', response.content.decode())
    return html.unescape(found[1]) if found else ""


def messages_of(response: HttpResponse) -> list[str]:
    return [str(message) for message in get_messages(response.wsgi_request)]


@contextmanager
def queries() -> Iterator[dict[str, list[str]]]:
    """Give the statements that a block sends to each database, when it has ended."""
    sent: dict[str, list[str]] = {}
    with ExitStack() as stack:
        caught = {alias: stack.enter_context(CaptureQueriesContext(connections[alias])) for alias in ALIASES}
        yield sent
        sent |= {alias: [each["sql"] for each in found.captured_queries] for alias, found in caught.items()}
