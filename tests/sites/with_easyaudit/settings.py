"""A site with django-easy-audit: receivers write down what changes, after the commit."""

from tests.sites import project

globals().update(
    project.settings(
        __name__,
        apps=["easyaudit", "tests.sites.with_easyaudit"],
        MIDDLEWARE=[*project.MIDDLEWARE, "easyaudit.middleware.easyaudit.EasyAuditMiddleware"],
        ROOT_URLCONF="tests.sites.urls",
        SYNCHRO_MODELS=("auth", "easyaudit", "with_easyaudit"),
    )
)
