"""django-celery-beat."""

from . import Known

KNOWN = Known(
    "django_celery_beat",
    "Each side has a scheduler of its own, which notes in the tasks what it has sent.",
    left_out=("django_celery_beat.PeriodicTasks",),
    options={"django_celery_beat.PeriodicTask": {"skip": ("last_run_at", "total_run_count", "date_changed")}},
)
