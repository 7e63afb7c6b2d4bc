"""Other people's apps, captured; content types, permissions and sites that the two sides have made for themselves.

All of it happens inside the test's transaction: the triggers go with it.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from django.apps import apps
from django.contrib.auth.management import create_permissions
from django.contrib.contenttypes.models import ContentType
from django.contrib.sites.models import Site

from tests.databases import install_triggers
from tests.shapes.sides import LOCAL, REMOTE, move_remote_keys_on

APPS = ("contenttypes", "auth", "sites", "flatpages", "redirects", "taggit", "guardian", "usingapp")


@pytest.fixture(autouse=True)
def captured(request: pytest.FixtureRequest, db: None, settings: Any) -> None:
    """Capture what the module's ``CAPTURED`` names; new remote objects get other keys than local ones."""
    move_remote_keys_on(*APPS)
    if "migrated_apart" in request.fixturenames:
        request.getfixturevalue("migrated_apart")
    settings.SYNCHRO_MODELS = request.module.CAPTURED
    install_triggers()


@pytest.fixture
def migrated_apart(db: None) -> Iterator[None]:
    """Give the remote other keys for everything that ``migrate`` makes on each side."""
    ContentType.objects.using(REMOTE).all().delete()  # permissions go with them
    Site.objects.using(REMOTE).all().delete()
    ContentType.objects.clear_cache()
    for app in reversed(list(apps.get_app_configs())):
        create_permissions(app, verbosity=0, using=REMOTE)
    Site.objects.using(REMOTE).create(domain="example.com", name="example.com")
    assert not set(_keys(ContentType, LOCAL)) & set(_keys(ContentType, REMOTE))

    yield

    ContentType.objects.clear_cache()
    Site.objects.clear_cache()


def _keys(model: Any, alias: str) -> list[int]:
    return list(model.objects.using(alias).values_list("pk", flat=True))
