"""``path('synchro/', include('synchro_triggers.urls', namespace='synchro'))``, reversed ``synchro:synchro``."""

from __future__ import annotations

from django.urls import path

from .web.probes import healthz, metrics, readyz
from .web.views import synchro

app_name = "synchro"

urlpatterns = [
    path("", synchro, name="synchro"),
    path("metrics", metrics, name="metrics"),
    path("healthz", healthz, name="healthz"),
    path("readyz", readyz, name="readyz"),
]
