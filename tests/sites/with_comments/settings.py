"""A site with django-contrib-comments: keys of objects of all models, as text."""

from tests.sites import project

globals().update(
    project.settings(
        __name__,
        apps=["django.contrib.sites", "django_comments", "tests.sites.with_comments"],
        ROOT_URLCONF="tests.sites.with_comments.urls",
        SYNCHRO_MODELS=("auth", "sites", "django_comments", "with_comments"),
    )
)
