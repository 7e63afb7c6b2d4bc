"""A site with django-auditlog: receivers write down what changes, and by whom."""

from tests.sites import project

globals().update(
    project.settings(
        __name__,
        apps=["auditlog", "tests.sites.with_auditlog"],
        MIDDLEWARE=[*project.MIDDLEWARE, "auditlog.middleware.AuditlogMiddleware"],
        ROOT_URLCONF="tests.sites.urls",
        SYNCHRO_MODELS=("auth", "auditlog", "with_auditlog"),
    )
)
