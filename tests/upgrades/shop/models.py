"""The models whose objects the kept databases hold. Never changed: what was kept has their tables as they are here."""

from __future__ import annotations

import uuid

from django.db import models


class Customer(models.Model):
    """Known by its key alone, and so by a stored reference on the other side."""

    name = models.CharField(max_length=50)


class Label(models.Model):
    """Known by its natural key."""

    name = models.CharField(max_length=50, unique=True)


class Order(models.Model):
    number = models.IntegerField(unique=True)
    total = models.DecimalField(max_digits=10, decimal_places=2, default=0)
    customer = models.ForeignKey(Customer, on_delete=models.CASCADE)
    labels = models.ManyToManyField(Label)


class Parcel(models.Model):
    """Has the same key on both sides."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4)
    order = models.ForeignKey(Order, on_delete=models.CASCADE)
    packed_at = models.DateTimeField(null=True)
