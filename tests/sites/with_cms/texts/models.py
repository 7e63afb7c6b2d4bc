"""Plugins of the site's own: a text, and a picture of filer's."""

from __future__ import annotations

from cms.models import CMSPlugin
from django.db import models
from filer.fields.image import FilerImageField


class Text(CMSPlugin):
    body = models.TextField()


class Picture(CMSPlugin):
    image = FilerImageField(on_delete=models.CASCADE)
