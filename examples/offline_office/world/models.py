"""Countries, their subdivisions and currencies; and notes, which nothing but their automatic key identifies."""

from __future__ import annotations

from django.db import models

from synchro_triggers import NaturalKeyModel


class Currency(NaturalKeyModel):
    code = models.CharField(max_length=3, unique=True)
    name = models.CharField(max_length=100)

    _natural_key = ("code",)

    class Meta:
        verbose_name_plural = "currencies"

    def __str__(self) -> str:
        return self.code


class Country(NaturalKeyModel):
    code = models.CharField(max_length=2, unique=True)
    name = models.CharField(max_length=100)
    currencies = models.ManyToManyField(Currency)

    _natural_key = ("code",)

    class Meta:
        verbose_name_plural = "countries"

    def __str__(self) -> str:
        return self.code


class Subdivision(NaturalKeyModel):
    code = models.CharField(max_length=10, unique=True)
    name = models.CharField(max_length=200)
    kind = models.CharField(max_length=100)
    country = models.ForeignKey(Country, models.CASCADE, related_name="subdivisions")
    parent = models.ForeignKey("self", models.CASCADE, null=True, related_name="parts")

    _natural_key = ("code",)

    def __str__(self) -> str:
        return self.code


class Note(models.Model):
    country = models.ForeignKey(Country, models.CASCADE, related_name="notes")
    text = models.CharField(max_length=200)
    written = models.DateTimeField(auto_now_add=True)
    changed = models.DateTimeField(auto_now=True)

    def __str__(self) -> str:
        return self.text
