"""A site whose periodic tasks are kept in its database by django-celery-beat."""

from tests.sites import project

globals().update(project.settings(__name__, apps=["django_celery_beat"], SYNCHRO_MODELS=("auth", "django_celery_beat")))
