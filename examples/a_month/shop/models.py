"""A wholesaler of coffee. All models have natural keys, which tell what an object is after a long absence."""

from __future__ import annotations

from django.db import models

from synchro_triggers import NaturalKeyModel


class Article(NaturalKeyModel):
    code = models.CharField(max_length=20, unique=True)
    name = models.CharField(max_length=100)
    price = models.DecimalField(max_digits=8, decimal_places=2)

    _natural_key = ("code",)

    def __str__(self) -> str:
        return self.code


class Customer(NaturalKeyModel):
    email = models.EmailField(unique=True)
    phone = models.CharField(max_length=30, blank=True)

    _natural_key = ("email",)

    def __str__(self) -> str:
        return self.email


class Order(NaturalKeyModel):
    number = models.CharField(max_length=20, unique=True)
    customer = models.ForeignKey(Customer, models.CASCADE, related_name="orders")

    _natural_key = ("number",)

    def __str__(self) -> str:
        return self.number


class Line(NaturalKeyModel):
    order = models.ForeignKey(Order, models.CASCADE, related_name="lines")
    article = models.ForeignKey(Article, models.PROTECT)
    quantity = models.PositiveIntegerField()

    _natural_key = ("order", "article")

    class Meta:
        constraints = [models.UniqueConstraint(fields=["order", "article"], name="article_once_an_order")]

    def __str__(self) -> str:
        return f"{self.quantity} {self.article}"
