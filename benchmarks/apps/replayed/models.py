"""What is replayed: objects with automatic keys and without a natural key, and tags for many-to-many relations."""

from django.db import models

from benchmarks.apps.columns import Columns


class Tag(models.Model):
    name = models.CharField(max_length=100)


class Item(Columns):
    tags = models.ManyToManyField(Tag)
