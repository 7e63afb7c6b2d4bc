"""A site with django-ordered-model and django-sortedm2m: rows with places, which others move."""

from tests.sites import project

globals().update(
    project.settings(
        __name__,
        apps=["ordered_model", "sortedm2m", "tests.sites.with_ordered"],
        ROOT_URLCONF="tests.sites.urls",
        SYNCHRO_MODELS=("auth", "with_ordered"),
    )
)
