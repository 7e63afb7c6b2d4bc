"""Columns that only PostgreSQL has."""

from __future__ import annotations

from django.contrib.postgres.fields import (
    ArrayField,
    BigIntegerRangeField,
    DateRangeField,
    DateTimeRangeField,
    DecimalRangeField,
    HStoreField,
    IntegerRangeField,
)
from django.contrib.postgres.search import SearchVectorField
from django.db import models

from synchro_triggers import NaturalManager


class Elephant(models.Model):
    name = models.CharField(max_length=60, unique=True)
    array = ArrayField(models.CharField(max_length=20, null=True), null=True)
    nested = ArrayField(ArrayField(models.IntegerField(null=True)), null=True)
    dates = ArrayField(models.DateTimeField(), null=True)
    blobs = ArrayField(models.BinaryField(), null=True)
    documents = ArrayField(models.JSONField(), null=True)
    integers = IntegerRangeField(null=True)
    big_integers = BigIntegerRangeField(null=True)
    decimals = DecimalRangeField(null=True)
    days = DateRangeField(null=True)
    times = DateTimeRangeField(null=True)
    vector = SearchVectorField(null=True)
    precise = models.DecimalField(max_digits=60, decimal_places=30, null=True)
    real = models.FloatField(null=True)

    class Meta:
        required_db_vendor = "postgresql"


class ArrayKeyed(models.Model):
    """A key of a type that Python cannot look up."""

    id = ArrayField(models.IntegerField(), primary_key=True)
    name = models.CharField(max_length=60)

    class Meta:
        required_db_vendor = "postgresql"


class ArrayPointer(models.Model):
    name = models.CharField(max_length=60)
    target = models.ForeignKey(ArrayKeyed, models.CASCADE, null=True)

    class Meta:
        required_db_vendor = "postgresql"


class RangeKeyed(models.Model):
    id = IntegerRangeField(primary_key=True)
    name = models.CharField(max_length=60)

    class Meta:
        required_db_vendor = "postgresql"


class Period(models.Model):
    """Found by a range and an array."""

    name = models.CharField(max_length=60)
    days = DateRangeField()
    numbers = ArrayField(models.IntegerField())

    objects = NaturalManager("days", "numbers")

    class Meta:
        required_db_vendor = "postgresql"

    def natural_key(self):
        return self.days, self.numbers


class Extended(models.Model):
    """Columns of types that extensions bring: a test makes the table."""

    name = models.CharField(max_length=60)
    pairs = HStoreField(null=True)
    code = models.TextField(null=True)

    class Meta:
        managed = False
        required_db_vendor = "postgresql"
