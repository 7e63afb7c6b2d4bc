"""A project whose ``AUTH_USER_MODEL`` is its own; its databases stand beside those of the running test."""

import json
import os

from tests.settings import PASSWORD_HASHERS, SECRET_KEY  # noqa: F401

USE_TZ = True
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
AUTH_USER_MODEL = "people.Person"

INSTALLED_APPS = [
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "synchro_triggers",
    "tests.shapes.swapped_user.people",
]
# Tables without migrations are made first: so that those of people can point to them, they have none either.
MIGRATION_MODULES = {"auth": None, "contenttypes": None}

SYNCHRO_REMOTE = "remote"
SYNCHRO_MODELS = ("django.contrib.auth", "people")

DATABASES = json.loads(os.environ["SYNCHRO_TEST_DATABASES"])
for database in DATABASES.values():
    database["TEST"] = {"NAME": f"{database['NAME']}_swapped"}
