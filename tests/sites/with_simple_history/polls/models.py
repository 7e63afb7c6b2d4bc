"""Models with a history: with foreign keys, many-to-many fields, a key that is no number, and a parent table."""

from __future__ import annotations

import uuid

from django.db import models
from simple_history.models import HistoricalRecords


class Place(models.Model):
    name = models.CharField(max_length=50)


class Poll(models.Model):
    question = models.CharField(max_length=50)
    place = models.ForeignKey(Place, models.SET_NULL, null=True, blank=True)
    places = models.ManyToManyField(Place, related_name="polled", blank=True)
    changed_at = models.DateTimeField(auto_now=True)
    history = HistoricalRecords(m2m_fields=[places])


class Choice(models.Model):
    id = models.UUIDField(primary_key=True, default=uuid.uuid4)
    poll = models.ForeignKey(Poll, models.CASCADE)
    text = models.CharField(max_length=50)
    history = HistoricalRecords()


class Survey(Poll):
    """Has a parent's table, and a history of its own."""

    sponsor = models.CharField(max_length=50)
    history = HistoricalRecords(related_name="survey_history")


class Quiet(models.Model):
    """Its history is not synchronised: each side keeps its own."""

    text = models.CharField(max_length=50)
    history = HistoricalRecords()
