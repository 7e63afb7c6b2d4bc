"""A project with django-synchro, as it was before it moved: on the databases of the running test."""

import json
import os

from tests.process_settings import *  # noqa: F403

INSTALLED_APPS = [
    *[f"django.contrib.{name}" for name in ("admin", "auth", "contenttypes", "sessions", "messages", "sites")],
    "tests.testapp",
    "dbsettings",
    "synchro.apps.SynchroConfig",
]
SYNCHRO_MODELS = (
    (
        "testapp",
        "Item",
        "Account",
        "Entry",
        "Keyed",
        "KeyedChild",
        "Person",
        "OwnKey",
        "Tag",
        "Tagged",
        "Friend",
        "Club",
    ),
    ("testapp", "Place", "Restaurant", "Numbered"),
)
SYNCHRO_REMOTE = "remote"
TIME_ZONE = os.environ.get("OLD_TIME_ZONE", "UTC")
CACHES = {"default": {"BACKEND": "django.core.cache.backends.dummy.DummyCache"}}
LANGUAGES = json.loads(os.environ.get("OLD_LANGUAGES", '[["en", "English"]]'))
SILENCED_SYSTEM_CHECKS = ["models.W042"]
