"""Settings of one place of the demo: ``SYNCHRO_DEMO_PLACE`` says which, the hub, the north or the south office.

``default`` is the place's own database, as everywhere. An office also reaches the hub's; nobody reaches an office's.
"""

import os
from pathlib import Path
from typing import Any

FOLDER = Path(os.environ.get("SYNCHRO_DEMO_FOLDER", Path(__file__).parent))
PLACE = os.environ.get("SYNCHRO_DEMO_PLACE", "hub")
URLS = {
    "hub": "SYNCHRO_DEMO_MAIN_URL",
    "north": "SYNCHRO_DEMO_OFFICE_URL",
    "south": "SYNCHRO_DEMO_SECOND_OFFICE_URL",
}


def database(place: str) -> dict[str, Any]:
    """Read a ``postgresql://user:password@host:port/name`` URL from the environment, else take an SQLite file."""
    url = os.environ.get(URLS[place])
    if not url:
        return {
            "ENGINE": "django.db.backends.sqlite3",
            "NAME": FOLDER / f"{place}.sqlite3",
            "OPTIONS": {"timeout": 20},
        }
    from psycopg.conninfo import conninfo_to_dict  # not there where all places are on SQLite

    found = conninfo_to_dict(url)
    names = {"NAME": "dbname", "USER": "user", "PASSWORD": "password", "HOST": "host", "PORT": "port"}
    return {"ENGINE": "django.db.backends.postgresql", **{ours: found.get(its, "") for ours, its in names.items()}}


SECRET_KEY = "a demo has no secrets"
USE_TZ = True
TIME_ZONE = "UTC"
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
INSTALLED_APPS = ["synchro_triggers", "shop"]
DATABASES = {"default": database(PLACE)}
if PLACE != "hub":
    DATABASES["hub"] = database("hub")

SYNCHRO_REMOTE = None if PLACE == "hub" else "hub"
SYNCHRO_MODELS = ("shop",)
