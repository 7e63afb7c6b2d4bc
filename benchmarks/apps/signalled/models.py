"""One log row a save, written by signal handlers: the way of django-synchro."""

from __future__ import annotations

from typing import Any

from django.db import models
from django.db.models.signals import post_delete, post_save
from django.dispatch import receiver

from benchmarks.apps.columns import Columns


class Row(Columns):
    pass


class Entry(models.Model):
    label = models.CharField(max_length=200)
    object_pk = models.TextField()
    operation = models.CharField(max_length=1)
    logged_at = models.DateTimeField(auto_now_add=True)


@receiver(post_save, sender=Row)
def log_save(sender: type[Row], instance: Row, created: bool, using: str, **options: Any) -> None:
    Entry.objects.using(using).create(
        label=sender._meta.label, object_pk=str(instance.pk), operation="I" if created else "U"
    )


@receiver(post_delete, sender=Row)
def log_delete(sender: type[Row], instance: Row, using: str, **options: Any) -> None:
    Entry.objects.using(using).create(label=sender._meta.label, object_pk=str(instance.pk), operation="D")
