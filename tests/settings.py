"""Settings of the test project.

``DATABASES`` serves management commands (``tests/manage.py makemigrations``) and the editor; a test run
points both aliases at the vendor pair under test, see ``tests/databases.py``.
"""

from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent

SECRET_KEY = "only for tests"
USE_TZ = True
TIME_ZONE = "UTC"
LANGUAGE_CODE = "en"
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
ROOT_URLCONF = "tests.urls"
STATIC_URL = "static/"
SITE_ID = 1
SHAPEAPP_MEMBER = "shapeapp.OwnMember"
# Hashing a password is no part of any test, and the default hasher takes a quarter of a second.
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]

DATABASES: dict[str, dict[str, Any]] = {
    "default": {"ENGINE": "django.db.backends.sqlite3", "NAME": ROOT / "default.sqlite3"},
    "remote": {"ENGINE": "django.db.backends.sqlite3", "NAME": ROOT / "remote.sqlite3"},
}

SYNCHRO_REMOTE = "remote"
SYNCHRO_MODELS: tuple[object, ...] = (
    ("testapp", "Item", "Account", "Entry", "Keyed", "KeyedChild", "Person", "Ambiguous", "OwnKey", "Tag"),
    ("testapp", "tagged", "FRIEND", "club", "Numbered", "Stamped", "Document", "Node", "Restaurant"),
    ("testapp", "Placed", "Booked", "Queued", "Rooted", "Nicknamed", "Wearer", "Badge", "Plated", "Lorry", "Coach"),
    "testapp.Hen",
    "testapp.Egg",
    "testapp.Place",
    "shapeapp",
)

INSTALLED_APPS = [
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.sites",
    "django.contrib.flatpages",
    "django.contrib.redirects",
    "taggit",
    "mptt",
    "treebeard",
    "guardian",
    "synchro_triggers",
    "tests.clock",
    "tests.testapp",
    "tests.shapeapp",
    "tests.oddapp",
    "tests.fieldapp",
    "tests.migapp",
    "tests.usingapp",
]

# Guardian would make a user after each migration and flush, and would ask ``default`` for every content type.
ANONYMOUS_USER_NAME = None
GUARDIAN_GET_CONTENT_TYPE = "tests.usingapp.models.content_type_where_it_is"
SILENCED_SYSTEM_CHECKS = [
    "guardian.W001",  # its authentication backend is no part of any test
    "synchro_triggers.W013",  # natural keys that are not unique are made on purpose here
    "fields.E210",  # ImageField wants Pillow, which would only be needed to open an image
]

MIDDLEWARE = [
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.locale.LocaleMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
]

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ]
        },
    }
]
