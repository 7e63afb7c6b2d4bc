"""What the settings of all products share, and the databases of a process.

``tests/sites/trial.py`` says in the environment which side a process is, and where the databases are.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

from tests.processes import ENGINES

HERE = Path(__file__).parent

SQLITE = "django.db.backends.sqlite3"
POSTGRES = "django.db.backends.postgresql"

#: Whose databases the aliases of each side are. The main server knows its own alone, but where it sends to the office.
ALIASES = {
    "office": {"default": "office", "main": "main"},
    "main": {"default": "main"},
    "sending": {"default": "main", "office": "office"},
}
REMOTES = {"office": "main", "sending": "office"}

#: What every product needs, synchro_triggers among it.
DJANGO_APPS = [
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "synchro_triggers",
]

MIDDLEWARE = [
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
]

CONTEXT_PROCESSORS = [
    "django.template.context_processors.request",
    "django.contrib.auth.context_processors.auth",
    "django.contrib.messages.context_processors.messages",
]


def settings(package: str, *, apps: list[str], **others: Any) -> dict[str, Any]:
    """Return the settings of a product's site, for ``globals().update(...)``.

    Args:
        package: that of the settings, with ``urls`` and ``templates`` in it.
        apps: what comes to ``DJANGO_APPS``.
        **others: what differs, or comes to it.
    """
    folder = Path(os.environ.get("SITE_FOLDER", "/nowhere"))
    side = os.environ.get("SITE_SIDE", "office")
    name = package.rpartition(".")[0]
    found = {
        "SECRET_KEY": "only for tests",
        "USE_TZ": True,
        "SITE_ID": 1,
        "STATIC_URL": "static/",
        "MEDIA_URL": "media/",
        "MEDIA_ROOT": folder / f"media_{ALIASES[side]['default']}",
        "ALLOWED_HOSTS": ["*"],
        "DEFAULT_AUTO_FIELD": "django.db.models.BigAutoField",
        "ROOT_URLCONF": f"{name}.urls",
        "PASSWORD_HASHERS": ["django.contrib.auth.hashers.MD5PasswordHasher"],
        "EMAIL_BACKEND": "django.core.mail.backends.locmem.EmailBackend",
        "INSTALLED_APPS": [*DJANGO_APPS, *apps],
        "MIDDLEWARE": MIDDLEWARE,
        "TEMPLATES": [templates(HERE / name.rpartition(".")[2] / "templates")],
        "DATABASES": _databases(side),
        "SYNCHRO_REMOTE": REMOTES.get(side),
    }
    return {**found, **others, **json.loads(os.environ.get("SITE_SETTINGS", "{}"))}


def templates(folder: Path, *more: str) -> dict[str, Any]:
    """Return the entry of ``TEMPLATES``, with the names of more context processors."""
    return {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [folder],
        "APP_DIRS": True,
        "OPTIONS": {"context_processors": [*CONTEXT_PROCESSORS, *more]},
    }


def _databases(side: str) -> dict[str, Any]:
    known = json.loads(os.environ.get("SITE_DATABASES", "{}"))
    if known:
        return {alias: known[whose] for alias, whose in ALIASES[side].items()}
    # A process that waits to be copied, or an editor. What it loads may hang on the engines; it connects to nothing.
    engines = json.loads(os.environ.get(ENGINES, "{}")) or dict.fromkeys(ALIASES[side], SQLITE)
    return {alias: {"ENGINE": engine, "NAME": ":memory:"} for alias, engine in engines.items()}
