"""``django.contrib.admin``: its log, which outlives what it speaks of."""

from . import Known

KNOWN = Known(
    "django.contrib.admin",
    "Its log holds the keys of objects of all models as text.",
    options={"admin.LogEntry": {"references": {"object_id": ("content_type",)}}},
)
