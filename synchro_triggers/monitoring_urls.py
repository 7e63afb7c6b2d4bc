"""Metrics and probes alone, for a project without Django's admin.

``path('synchro/', include('synchro_triggers.monitoring_urls', namespace='synchro'))``, reversed ``synchro:metrics``.
"""

from __future__ import annotations

from django.urls import path

from .web.probes import healthz, metrics, readyz

app_name = "synchro"

urlpatterns = [
    path("metrics", metrics, name="metrics"),
    path("healthz", healthz, name="healthz"),
    path("readyz", readyz, name="readyz"),
]
