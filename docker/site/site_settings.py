"""Settings of the demo in containers: those of `make demo-site`, on two PostgreSQL servers, both of them in use."""

import os
from typing import Any

from settings import *  # noqa: F403


def server(name: str) -> dict[str, Any]:
    return {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": name,
        "HOST": name,
        "USER": "synchro",
        "PASSWORD": os.environ["SYNCHRO_DEMO_PASSWORD"],
        "OPTIONS": {"connect_timeout": 5},
    }


ALLOWED_HOSTS = ["127.0.0.1", "localhost", "site"]
DATABASES = {"default": server("office"), "main": server("main")}

SYNCHRO_REMOTE = "main"
SYNCHRO_METRICS_TOKEN = os.environ["SYNCHRO_DEMO_TOKEN"]
