"""A project that is just enough to import all of this package, for autodoc."""

SECRET_KEY = "no secret: nothing is served"
INSTALLED_APPS = ["django.contrib.contenttypes", "django.contrib.auth", "synchro_triggers"]
DATABASES = {"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"}}
SYNCHRO_REMOTE = None
SYNCHRO_MODELS = ("auth",)
USE_TZ = True
