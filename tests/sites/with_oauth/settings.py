"""A site with django-oauth-toolkit: secrets that are hashed when they are saved, tokens that others hang on."""

from tests.sites import project

globals().update(
    project.settings(
        __name__,
        apps=["oauth2_provider"],
        ROOT_URLCONF="tests.sites.with_oauth.urls",
        SYNCHRO_MODELS=("auth", "oauth2_provider"),
    )
)
