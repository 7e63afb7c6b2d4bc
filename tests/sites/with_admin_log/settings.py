"""A site whose log of the admin is synchronised with what it speaks of."""

from tests.sites import project

globals().update(
    project.settings(
        __name__,
        apps=["django.contrib.sites", "django.contrib.flatpages"],
        SYNCHRO_MODELS=("auth", "admin", "sites", "flatpages"),
    )
)
