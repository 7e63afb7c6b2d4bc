"""``django.contrib.sessions``."""

from . import Known

KNOWN = Known(
    "django.contrib.sessions",
    "Sessions belong to the site that has opened them.",
    left_out=("sessions.Session",),
)
