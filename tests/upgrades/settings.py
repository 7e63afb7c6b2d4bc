"""The project whose databases are kept: an office that synchronises with the main server, both ways."""

import json
import os
from typing import Any

SECRET_KEY = "only for tests"
USE_TZ = True
TIME_ZONE = "UTC"
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

DATABASES: dict[str, dict[str, Any]] = json.loads(os.environ["SYNCHRO_TEST_DATABASES"])
INSTALLED_APPS = ["django.contrib.contenttypes", "synchro_triggers", "tests.upgrades.shop"]

SYNCHRO_REMOTE = "main"
SYNCHRO_MODELS = ("shop",)
SYNCHRO_CONFLICT = "local"  # who was earlier is a matter of milliseconds
SYNCHRO_OPTIONS = {"shop.Label": {"natural_key": ["name"]}}
