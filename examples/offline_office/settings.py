"""Settings of the demo, seen from the office: ``default`` is the office's database, ``remote`` the main server's."""

import os
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

FOLDER = Path(os.environ.get("SYNCHRO_DEMO_FOLDER", Path(__file__).parent))


def database(variable: str, name: str) -> dict[str, Any]:
    """Read a ``postgresql://user:password@host:port/name`` URL from the environment, else take an SQLite file."""
    url = os.environ.get(variable)
    if not url:
        return {
            "ENGINE": "django.db.backends.sqlite3",
            "NAME": FOLDER / f"{name}.sqlite3",
            "OPTIONS": {"timeout": 20},
        }
    parts = urlsplit(url)
    return {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": parts.path.lstrip("/"),
        "USER": unquote(parts.username or ""),
        "PASSWORD": unquote(parts.password or ""),
        "HOST": parts.hostname or "",
        "PORT": parts.port or "",
    }


SECRET_KEY = "a demo has no secrets"
USE_TZ = True
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
INSTALLED_APPS = ["synchro_triggers", "world"]
DATABASES = {
    "default": database("SYNCHRO_DEMO_OFFICE_URL", "office"),
    "remote": database("SYNCHRO_DEMO_MAIN_URL", "main"),
}

SYNCHRO_REMOTE = "remote"
SYNCHRO_MODELS = ("world",)
