from django.db import models


class Label(models.Model):
    name = models.CharField(max_length=20)


class Purchase(models.Model):
    code = models.CharField(max_length=20, unique=True)
    remark = models.CharField(max_length=50, null=True, db_index=True)
    amount = models.BigIntegerField(default=0)
    added = models.CharField(max_length=20, default="")
    labels = models.ManyToManyField(Label)


class Line(models.Model):
    order = models.ForeignKey(Purchase, models.CASCADE)
    text = models.CharField(max_length=50, default="")

    class Meta:
        db_table = "Shop Lines"
