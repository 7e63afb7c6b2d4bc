"""A site with django-activity-stream: who has done what, who follows whom."""

from tests.sites import project

globals().update(
    project.settings(
        __name__,
        apps=["django.contrib.sites", "actstream", "tests.sites.with_activity"],
        ROOT_URLCONF="tests.sites.urls",
        SYNCHRO_MODELS=("auth", "actstream", "with_activity"),
    )
)
