"""A site that keeps the history of its objects with django-simple-history."""

from tests.sites import project

globals().update(
    project.settings(
        __name__,
        apps=["simple_history", "tests.sites.with_simple_history.polls"],
        MIDDLEWARE=[*project.MIDDLEWARE, "simple_history.middleware.HistoryRequestMiddleware"],
        SYNCHRO_MODELS=("auth", "polls"),
    )
)
