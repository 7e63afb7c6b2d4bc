"""A site that keeps versions of its objects with django-reversion."""

from tests.sites import project

globals().update(
    project.settings(
        __name__,
        apps=["reversion", "tests.sites.with_reversion.library"],
        SYNCHRO_MODELS=("auth", "reversion", "library"),
    )
)
