"""Values that only one row may have."""

from __future__ import annotations

from typing import Any

from django.contrib.postgres.constraints import ExclusionConstraint
from django.contrib.postgres.fields import RangeOperators
from django.db import models
from django.db.models import F, Func, Q, Value
from django.db.models.functions import Lower

from .relations import Author, Named


class Slot(Named):
    number = models.IntegerField(unique=True)


class Chair(Named):
    """``unique_together`` of a foreign key and a number."""

    author = models.ForeignKey(Author, models.CASCADE, related_name="chairs")
    row = models.IntegerField()
    seat = models.CharField(max_length=3)

    class Meta:
        unique_together = [("author", "row"), ("row", "seat")]
        ordering = ["author__name", "row"]


class Champion(Named):
    """At most one of a league is the first."""

    league = models.CharField(max_length=20)
    first = models.BooleanField(default=False)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["league"], condition=Q(first=True), name="shapeapp_one_first")]


class Handle(Named):
    """Unique without regard to letter case."""

    handle = models.CharField(max_length=40)

    class Meta:
        constraints = [models.UniqueConstraint(Lower("handle"), name="shapeapp_handle_lower")]


class Initial(Named):
    """One letter: there are few free ones."""

    letter = models.CharField(max_length=1, unique=True)


class Ticket(Named):
    """A checked number: few of those nobody has are allowed."""

    number = models.PositiveSmallIntegerField(unique=True)

    class Meta:
        constraints = [models.CheckConstraint(condition=Q(number__gte=1, number__lte=50), name="shapeapp_ticket_range")]


class Shift(Named):
    starts = models.TimeField(unique=True)
    length = models.DurationField(unique=True)


class Typed(Named):
    """A unique value of each kind, none of which may be empty."""

    uuid = models.UUIDField(unique=True)
    day = models.DateField(unique=True)
    at = models.DateTimeField(unique=True)
    amount = models.DecimalField(max_digits=8, decimal_places=2, unique=True)
    ratio = models.FloatField(unique=True)
    email = models.EmailField(unique=True)
    address = models.GenericIPAddressField(unique=True)
    small = models.SmallIntegerField(unique=True)
    slug = models.SlugField(unique=True)


class PostgresExclusion(ExclusionConstraint):
    """An exclusion constraint that is left out on other vendors."""

    def constraint_sql(self, model: Any, schema_editor: Any) -> str | None:
        if schema_editor.connection.vendor != "postgresql":
            return None
        sql: str = super().constraint_sql(model, schema_editor)
        return sql


class Booking(Named):
    """On PostgreSQL, no two bookings of a room overlap."""

    room = models.IntegerField()
    start = models.IntegerField()
    end = models.IntegerField()

    class Meta:
        constraints = [
            PostgresExclusion(
                name="shapeapp_booking_overlap",
                expressions=[
                    (Func(F("room"), F("room"), Value("[]"), function="int4range"), RangeOperators.OVERLAPS),
                    (Func(F("start"), F("end"), function="int4range"), RangeOperators.OVERLAPS),
                ],
            )
        ]
