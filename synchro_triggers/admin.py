"""What ``django.contrib.admin`` finds by itself: the tables of this package, in the project's own admin site."""

from __future__ import annotations

from django.contrib import admin

from .web.admin.sites import register

register(admin.site)
