"""A wiki (django-wiki), with its attachments, images and notifications."""

from tests.sites import project

globals().update(
    project.settings(
        __name__,
        apps=[
            "django.contrib.sites",
            "django.contrib.humanize",
            "django_nyt",
            "mptt",
            "sekizai",
            "sorl.thumbnail",
            "wiki",
            "wiki.plugins.attachments",
            "wiki.plugins.notifications",
            "wiki.plugins.images",
            "wiki.plugins.macros",
        ],
        TEMPLATES=[project.templates(project.HERE, "sekizai.context_processors.sekizai")],
        SYNCHRO_MODELS=(
            "auth",
            "sites",
            "django_nyt",
            "wiki",
            "wiki.plugins.attachments",
            "wiki.plugins.images",
            "wiki.plugins.notifications",
        ),
    )
)
