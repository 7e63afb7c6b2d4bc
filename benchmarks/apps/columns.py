"""The six columns that every contender's model has."""

from __future__ import annotations

from django.db import models


class Columns(models.Model):
    name = models.CharField(max_length=100)
    number = models.IntegerField()
    amount = models.DecimalField(max_digits=12, decimal_places=2)
    active = models.BooleanField(default=True)
    seen_at = models.DateTimeField()

    class Meta:
        abstract = True
