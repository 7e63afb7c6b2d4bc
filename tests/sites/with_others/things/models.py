"""Models as these apps want them."""

from __future__ import annotations

from django.contrib.auth.models import User
from django.db import models
from parler.models import TranslatableModel, TranslatedFields
from polymorphic.models import PolymorphicModel
from taggit.managers import TaggableManager


class Thing(PolymorphicModel):
    name = models.CharField(max_length=50)
    owner = models.ForeignKey(User, models.CASCADE)
    tags = TaggableManager(blank=True)


class Tool(Thing):
    weight = models.IntegerField(default=0)
    fits = models.ManyToManyField(Thing, related_name="+")


class PowerTool(Tool):
    watts = models.IntegerField(default=0)


class Word(TranslatableModel):
    number = models.IntegerField()
    translations = TranslatedFields(
        text=models.CharField(max_length=50), thing=models.ForeignKey(Thing, models.CASCADE)
    )
