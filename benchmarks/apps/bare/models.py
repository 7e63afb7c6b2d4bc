"""The least that a trigger can do: insert one row, in SQLite; ``capture.py`` makes the trigger."""

from django.db import models

from benchmarks.apps.columns import Columns


class Row(Columns):
    pass


class Entry(models.Model):
    label = models.CharField(max_length=200)
    object_pk = models.TextField()
    operation = models.CharField(max_length=1)
