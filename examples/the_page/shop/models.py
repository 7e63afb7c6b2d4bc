"""A wholesaler of tea: articles and customers have natural keys, orders have none."""

from __future__ import annotations

from django.db import models

from synchro_triggers import NaturalKeyModel


class Article(NaturalKeyModel):
    code = models.CharField(max_length=20, unique=True)
    name = models.CharField(max_length=100)
    barcode = models.CharField(max_length=13, unique=True)
    price = models.DecimalField(max_digits=8, decimal_places=2)
    stock = models.IntegerField(default=0)

    _natural_key = ("code",)

    def __str__(self) -> str:
        return self.code


class Customer(NaturalKeyModel):
    email = models.EmailField(unique=True)
    name = models.CharField(max_length=100)
    phone = models.CharField(max_length=30, blank=True)

    _natural_key = ("email",)

    def __str__(self) -> str:
        return self.email


class Order(models.Model):
    customer = models.ForeignKey(Customer, models.CASCADE, related_name="orders")
    article = models.ForeignKey(Article, models.PROTECT)
    quantity = models.PositiveIntegerField()

    def __str__(self) -> str:
        return f"{self.quantity} × {self.article} for {self.customer}"
