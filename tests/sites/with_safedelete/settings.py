"""A site with django-safedelete: what is deleted is only marked, by save(), and managers hide it."""

from tests.sites import project

globals().update(
    project.settings(
        __name__,
        apps=["safedelete", "tests.sites.with_safedelete"],
        ROOT_URLCONF="tests.sites.urls",
        SYNCHRO_MODELS=("auth", "with_safedelete"),
    )
)
