"""A user model of the project's own, with another key than ``auth.User``, and what points to it."""

from __future__ import annotations

import uuid

from django.conf import settings
from django.contrib.auth.models import AbstractUser
from django.db import models


class Person(AbstractUser):
    id = models.UUIDField(primary_key=True, default=uuid.uuid4)
    manager = models.ForeignKey("self", models.SET_NULL, null=True, related_name="team")


class Task(models.Model):
    name = models.CharField(max_length=50)
    owner = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="tasks")
    watchers = models.ManyToManyField(settings.AUTH_USER_MODEL, related_name="watched")
