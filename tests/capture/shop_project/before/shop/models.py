from django.db import models


class Order(models.Model):
    code = models.CharField(max_length=20)
    note = models.CharField(max_length=50, default="")
    amount = models.IntegerField(default=0)
    legacy = models.CharField(max_length=20, default="", db_index=True)


class Line(models.Model):
    order = models.ForeignKey(Order, models.CASCADE)
    text = models.CharField(max_length=50, default="")


class Obsolete(models.Model):
    name = models.CharField(max_length=20)
