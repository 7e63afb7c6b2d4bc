"""Other people's apps, captured; content types, permissions and sites that the two sides have made for themselves.

What a module's tests find is made once for all of them; what a test writes is rolled back.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Any

import pytest
from django.apps import apps
from django.contrib.auth.management import create_permissions
from django.contrib.contenttypes.models import ContentType
from django.contrib.sites.models import Site
from django.test import override_settings

from synchro_triggers import synchro_paused
from tests.databases import Prepared, install_triggers
from tests.shapes.sides import LOCAL, REMOTE, move_remote_keys_on

APPS = ("contenttypes", "auth", "admin", "sites", "flatpages", "redirects", "taggit", "guardian", "usingapp")


@pytest.fixture
def prepared(request: pytest.FixtureRequest) -> Prepared:
    """Capture what the module's ``CAPTURED`` names; new remote objects get other keys than local ones."""
    apart = "migrated_apart" in request.fixturenames
    return Prepared(request.module.__name__, partial(_prepare, request.module.CAPTURED, apart))


@pytest.fixture(autouse=True)
def captured(request: pytest.FixtureRequest, db: None, settings: Any) -> None:
    """Say in the settings what is captured."""
    settings.SYNCHRO_MODELS = request.module.CAPTURED


@pytest.fixture
def migrated_apart(db: None) -> Iterator[None]:
    """Say that the remote has other keys for everything that ``migrate`` makes on each side."""
    ContentType.objects.clear_cache()
    Site.objects.clear_cache()
    assert not set(_keys(ContentType, LOCAL)) & set(_keys(ContentType, REMOTE))

    yield

    ContentType.objects.clear_cache()
    Site.objects.clear_cache()


def _prepare(captured: Any, apart: bool, alias: str) -> None:
    with override_settings(SYNCHRO_MODELS=captured):
        install_triggers(alias)
        if alias == REMOTE:
            move_remote_keys_on(*APPS)
        if alias == REMOTE and apart:
            with synchro_paused(using=REMOTE):
                _migrate_apart()


def _migrate_apart() -> None:
    """Make everything anew on the remote that ``migrate`` has made there."""
    ContentType.objects.using(REMOTE).all().delete()  # permissions go with them
    Site.objects.using(REMOTE).all().delete()
    ContentType.objects.clear_cache()
    for app in reversed(list(apps.get_app_configs())):
        create_permissions(app, verbosity=0, using=REMOTE)
    Site.objects.using(REMOTE).create(domain="example.com", name="example.com")


def _keys(model: Any, alias: str) -> list[int]:
    return list(model.objects.using(alias).values_list("pk", flat=True))
