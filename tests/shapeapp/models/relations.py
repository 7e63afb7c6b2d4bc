"""What points to what, and how."""

from __future__ import annotations

from django.contrib.contenttypes.fields import GenericForeignKey, GenericRelation
from django.contrib.contenttypes.models import ContentType
from django.db import models

from synchro_triggers import NaturalKeyModel, NaturalManager


class Named(models.Model):
    name = models.CharField(max_length=60)

    class Meta:
        abstract = True

    def __str__(self) -> str:
        return self.name


# Self-references ----------------------------------------------------------------------------------


class Branch(Named):
    """A tree; a slug may be empty, or belongs to one branch."""

    parent = models.ForeignKey("self", models.CASCADE, null=True, related_name="children")
    slug = models.CharField(max_length=40, unique=True, null=True)
    weight = models.IntegerField(default=0)


class Ouroboros(Named):
    """Must point to one of its kind; the first one bites its own tail."""

    tail = models.ForeignKey("self", models.CASCADE, related_name="heads")


class Rank(Named):
    """Points to its kind, or itself, by something else than the primary key."""

    code = models.CharField(max_length=20, unique=True)
    above = models.ForeignKey("self", models.SET_NULL, to_field="code", null=True, related_name="below")


# Cycles -------------------------------------------------------------------------------------------


class Author(Named):
    favourite = models.ForeignKey("Book", models.SET_NULL, null=True, related_name="fans")


class Book(Named):
    author = models.ForeignKey(Author, models.CASCADE, related_name="books")


class Padlock(Named):
    """It and its key cannot be without one another."""

    opened_by = models.ForeignKey("PadlockKey", models.CASCADE, related_name="opens")


class PadlockKey(Named):
    made_for = models.ForeignKey(Padlock, models.CASCADE, related_name="keys")


class Rock(Named):
    blunts = models.ForeignKey("Scissors", models.SET_NULL, null=True)


class Scissors(Named):
    cut = models.ForeignKey("Paper", models.SET_NULL, null=True)


class Paper(Named):
    wraps = models.ForeignKey(Rock, models.SET_NULL, null=True)


class Alpha(Named):
    """The first of three that point to one another in a ring, and must."""

    beta = models.ForeignKey("Beta", models.CASCADE)


class Beta(Named):
    gamma = models.ForeignKey("Gamma", models.CASCADE)


class Gamma(Named):
    alpha = models.ForeignKey(Alpha, models.CASCADE)


# To one -------------------------------------------------------------------------------------------


class Guest(Named):
    """Points to a model that is not captured."""

    home = models.ForeignKey("testapp.Unlisted", models.CASCADE, related_name="guests")


class Passport(Named):
    """One-to-one, and must have its holder."""

    holder = models.OneToOneField(Author, models.CASCADE, related_name="passport")


class Membercard(Named):
    """One-to-one, may be nobody's."""

    holder = models.OneToOneField(Author, models.SET_NULL, null=True, related_name="membercard")


# To many ------------------------------------------------------------------------------------------


class Topic(Named):
    """Its many-to-many field goes through a proxy."""

    experts = models.ManyToManyField(
        Author, through="Expertise", through_fields=("topic", "author"), related_name="expert_of"
    )


class Article(Named):
    """Has every kind of many-to-many field."""

    topics = models.ManyToManyField(Topic, related_name="articles")
    related = models.ManyToManyField("self")
    cites = models.ManyToManyField("self", symmetrical=False, related_name="cited_by")
    reviewers = models.ManyToManyField(Author, through="Review", related_name="reviewed")
    contributors = models.ManyToManyField(
        Author, through="Contribution", through_fields=("article", "author"), related_name="contributed"
    )
    notes = GenericRelation("shapeapp.Note")


class Review(models.Model):
    """A through model with nothing of its own but a natural pair."""

    article = models.ForeignKey(Article, models.CASCADE)
    author = models.ForeignKey(Author, models.CASCADE)


class Contribution(Named):
    """A through model with fields of its own and more foreign keys, one of them to an end's model."""

    article = models.ForeignKey(Article, models.CASCADE)
    author = models.ForeignKey(Author, models.CASCADE, related_name="contributions")
    invited_by = models.ForeignKey(Author, models.SET_NULL, null=True, related_name="invitations")
    topic = models.ForeignKey(Topic, models.CASCADE, null=True)
    share = models.IntegerField(default=0)


class Expertise(Contribution):
    """A proxy."""

    class Meta:
        proxy = True


# Generic ------------------------------------------------------------------------------------------


class Note(Named):
    """Points to anything with a number."""

    content_type = models.ForeignKey(ContentType, models.CASCADE, null=True)
    object_id = models.PositiveBigIntegerField(null=True)
    target = GenericForeignKey("content_type", "object_id")


class Sticker(Named):
    """Points to anything, by text."""

    content_type = models.ForeignKey(ContentType, models.CASCADE)
    object_id = models.CharField(max_length=100)
    target = GenericForeignKey()


class Shelf(Named):
    """Its key is text; stickers on it go with it."""

    code = models.CharField(max_length=20, primary_key=True)
    stickers = GenericRelation(Sticker)


# Natural keys -------------------------------------------------------------------------------------


class Country(NaturalKeyModel):
    name = models.CharField(max_length=60)
    people = models.IntegerField(default=0)

    _natural_key = ("name",)


class City(NaturalKeyModel):
    """Found by its name and, through the foreign key, by its country."""

    name = models.CharField(max_length=60)
    country = models.ForeignKey(Country, models.CASCADE, related_name="cities")
    people = models.IntegerField(default=0)

    _natural_key = ("name", "country")


class Street(NaturalKeyModel):
    """Found by look-ups that go through two foreign keys."""

    name = models.CharField(max_length=60)
    city = models.ForeignKey(City, models.CASCADE, related_name="streets")
    length = models.IntegerField(default=0)

    _natural_key = ("name", "city__name", "city__country__name")


class HouseManager(models.Manager):
    def get_by_natural_key(self, name, *street):
        return self.get(name=name, street=Street.objects.db_manager(self.db).get_by_natural_key(*street))


class House(Named):
    """A natural key as Django's documentation writes one."""

    street = models.ForeignKey(Street, models.CASCADE, related_name="houses")
    floors = models.IntegerField(default=1)

    objects = HouseManager()

    def natural_key(self):
        return (self.name, *self.street.natural_key())

    natural_key.dependencies = ["shapeapp.street"]


class Department(Named):
    """A natural key that goes through a foreign key to itself."""

    parent = models.ForeignKey("self", models.CASCADE, null=True, related_name="parts")
    budget = models.IntegerField(default=0)

    objects = NaturalManager("name", "parent")

    def natural_key(self):
        return self.name, self.parent


class ByName(models.Manager):
    def get_by_natural_key(self, name):
        return self.get(name=name)


class Office(Named):
    """It and its clerks point to one another; each has a natural key of its own making."""

    head = models.ForeignKey("Clerk", models.SET_NULL, null=True, related_name="heads")

    objects = ByName()

    def natural_key(self):
        return (self.name,)


class Clerk(Named):
    office = models.ForeignKey(Office, models.CASCADE, related_name="clerks")
    deputy = models.ForeignKey("self", models.SET_NULL, null=True, related_name="stands_in_for")

    objects = ByName()

    def natural_key(self):
        return (self.name,)
