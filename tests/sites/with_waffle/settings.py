"""A site with django-waffle: switches that are known by their names, and are remembered in a cache."""

from tests.sites import project

globals().update(
    project.settings(
        __name__,
        apps=["waffle"],
        ROOT_URLCONF="tests.sites.urls",
        SYNCHRO_MODELS=("auth", "waffle"),
    )
)
