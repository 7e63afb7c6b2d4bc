"""Models that inherit, and models that stand for others."""

from __future__ import annotations

from django.conf import settings
from django.db import models

from .relations import Named


class Vehicle(Named):
    """A parent with two children."""

    wheels = models.IntegerField(default=4)
    tows = models.ForeignKey("self", models.SET_NULL, null=True, related_name="towed_by")


class Car(Vehicle):
    doors = models.IntegerField(default=5)
    passengers = models.ManyToManyField("shapeapp.Author", related_name="cars")


class SportsCar(Car):
    """The second level."""

    speed = models.IntegerField(default=200)
    plate = models.CharField(max_length=20, unique=True, null=True)


class Truck(Vehicle):
    load = models.IntegerField(default=0)


class Garage(Named):
    """Points to the parent, the child and the proxy."""

    holds = models.ForeignKey(Vehicle, models.CASCADE, null=True, related_name="garages")
    shows = models.ForeignKey(Car, models.SET_NULL, null=True, related_name="showrooms")
    lends = models.ForeignKey("RedVehicle", models.SET_NULL, null=True, related_name="lent_by")


class RedVehicle(Vehicle):
    """A proxy."""

    class Meta:
        proxy = True


class Boat(models.Model):
    boat_id = models.AutoField(primary_key=True)
    draught = models.IntegerField(default=1)


class Amphibian(Car, Boat):
    """Has two parents with a key each."""

    splashes = models.BooleanField(default=True)


class Tram(Vehicle):
    """Below a parent, but with a key of its own: text."""

    line = models.CharField(max_length=20, primary_key=True)
    stops = models.IntegerField(default=0)


class Trailer(Vehicle):
    """The same with an automatic key."""

    trailer_id = models.AutoField(primary_key=True)
    length = models.IntegerField(default=0)


class Dated(Named):
    """Abstract, with a foreign key and a method."""

    day = models.DateField(null=True)
    about = models.ForeignKey(Vehicle, models.CASCADE, null=True, related_name="%(class)ss")

    class Meta:
        abstract = True


class Invoice(Dated):
    total = models.DecimalField(max_digits=10, decimal_places=2, default=0)


class Receipt(Dated):
    paid = models.BooleanField(default=False)


class PaidReceipt(Receipt):
    """A proxy with a manager of its own."""

    class Manager(models.Manager):
        def get_queryset(self):
            return super().get_queryset().filter(paid=True)

    objects = Manager()

    class Meta:
        proxy = True


class StockMember(Named):
    """Swapped out, as ``auth.User`` may be: it has no table."""

    class Meta:
        swappable = "SHAPEAPP_MEMBER"


class OwnMember(Named):
    """Takes the place of StockMember, with a key of another kind."""

    email = models.CharField(max_length=60, primary_key=True)


class Desk(Named):
    used_by = models.ForeignKey(settings.SHAPEAPP_MEMBER, models.CASCADE, related_name="desks")
    shared_with = models.ManyToManyField(settings.SHAPEAPP_MEMBER, related_name="shared_desks")


class Ledger(Named):
    """A table that somebody else makes: the app's ``post_migrate`` receiver plays him."""

    amount = models.IntegerField(default=0)
    payer = models.ForeignKey(Vehicle, models.DO_NOTHING, null=True, db_constraint=False, related_name="+")

    class Meta:
        managed = False
        db_table = "shapeapp_ledger"
