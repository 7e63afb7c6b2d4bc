"""Settings of a small project whose models change: ``before`` and ``after`` hold its code, one set of migrations."""

import json
import os

SECRET_KEY = "only for tests"
USE_TZ = True
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
DATABASES = json.loads(os.environ["SYNCHRO_TEST_DATABASES"])
INSTALLED_APPS = ["synchro_triggers", "shop"]
MIGRATION_MODULES = {"shop": os.environ.get("SHOP_MIGRATIONS", "shop_migrations")}
SYNCHRO_REMOTE = "remote"
SYNCHRO_MODELS = ("shop",)
