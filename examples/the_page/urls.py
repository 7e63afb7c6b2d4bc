"""The admin, the page, and the way to it."""

from django.contrib import admin
from django.urls import include, path
from django.views.generic import RedirectView

urlpatterns = [
    path("", RedirectView.as_view(pattern_name="synchro:synchro")),
    path("admin/", admin.site.urls),
    path("synchro/", include("synchro_triggers.urls", namespace="synchro")),
]
