"""What the database deletes by itself: Django's own way since 6.1."""

from __future__ import annotations

from django.db import models

#: Before Django 6.1 there is none, and the tests that need it are skipped.
DB_CASCADE = getattr(models, "DB_CASCADE", models.DO_NOTHING)


class Quay(models.Model):
    name = models.CharField(max_length=60)


class Berth(models.Model):
    name = models.CharField(max_length=60)
    quay = models.ForeignKey(Quay, DB_CASCADE)


class Mooring(models.Model):
    name = models.CharField(max_length=60)
    berth = models.ForeignKey(Berth, DB_CASCADE)
