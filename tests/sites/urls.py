"""Addresses of the sites whose products have no pages that a story opens."""

from django.contrib import admin
from django.urls import path

urlpatterns = [path("admin/", admin.site.urls)]
