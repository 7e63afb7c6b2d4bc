"""``path('synchro/', include('synchro_triggers.urls', namespace='synchro'))``, reversed ``synchro:synchro``."""

from __future__ import annotations

from django.apps import apps
from django.core.exceptions import ImproperlyConfigured
from django.urls import path

from .monitoring_urls import urlpatterns as monitoring

if not apps.is_installed("django.contrib.admin"):
    raise ImproperlyConfigured(
        "synchro_triggers.urls: the page is one of Django's admin, and 'django.contrib.admin' is not in "
        "INSTALLED_APPS. Add it, with what it needs, or include 'synchro_triggers.monitoring_urls' instead: metrics "
        "and probes, without the page."
    )

from .web.views import synchro  # not before it is known that there is an admin

app_name = "synchro"

urlpatterns = [path("", synchro, name="synchro"), *monitoring]
