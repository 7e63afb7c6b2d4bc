"""The URLs of the test project: the admin, and synchro's view as the README includes it."""

from django.contrib import admin
from django.urls import include, path

urlpatterns = [
    path("admin/", admin.site.urls),
    path("synchro/", include("synchro_triggers.urls", namespace="synchro")),
]
