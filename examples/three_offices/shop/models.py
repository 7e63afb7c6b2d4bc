"""A wholesaler of tea: articles and customers have natural keys, orders and their lines have none."""

from __future__ import annotations

from django.db import models

from synchro_triggers import NaturalKeyModel


class Label(NaturalKeyModel):
    name = models.CharField(max_length=50, unique=True)

    _natural_key = ("name",)

    def __str__(self) -> str:
        return self.name


class Article(NaturalKeyModel):
    code = models.CharField(max_length=20, unique=True)
    name = models.CharField(max_length=100)
    price = models.DecimalField(max_digits=8, decimal_places=2)
    stock = models.IntegerField(default=0)
    labels = models.ManyToManyField(Label)

    _natural_key = ("code",)

    def __str__(self) -> str:
        return self.code


class Customer(NaturalKeyModel):
    email = models.EmailField(unique=True)
    name = models.CharField(max_length=100)
    phone = models.CharField(max_length=30, blank=True)
    note = models.TextField(blank=True)

    _natural_key = ("email",)

    def __str__(self) -> str:
        return self.email


class Order(models.Model):
    customer = models.ForeignKey(Customer, models.CASCADE, related_name="orders")
    delivery = models.DateField()


class Line(models.Model):
    order = models.ForeignKey(Order, models.CASCADE, related_name="lines")
    article = models.ForeignKey(Article, models.PROTECT)
    quantity = models.PositiveIntegerField()
