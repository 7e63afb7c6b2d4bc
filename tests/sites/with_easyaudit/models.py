from django.db import models


class Label(models.Model):
    text = models.CharField(max_length=50)


class Ticket(models.Model):
    title = models.CharField(max_length=50)
    after = models.ForeignKey("self", models.SET_NULL, null=True, blank=True)
    labels = models.ManyToManyField(Label)
