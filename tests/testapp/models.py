"""Models of the tests: small, and each for one way a model can be."""

from __future__ import annotations

import uuid

from django.db import models

from synchro_triggers import NaturalKeyModel, NaturalManager


class Item(models.Model):
    """Nothing to be found by but its automatic key."""

    name = models.CharField(max_length=100)
    cash = models.IntegerField(default=0)


class Account(models.Model):
    """Keeps its key, and skips a field."""

    name = models.CharField(max_length=50, primary_key=True)
    cash = models.IntegerField(default=0)
    visits = models.PositiveIntegerField(default=0)

    SYNCHRO_SKIP = ("visits",)


class Entry(models.Model):
    name = models.CharField(max_length=50)
    visits = models.PositiveIntegerField(default=0)
    account = models.ForeignKey(Account, models.CASCADE, related_name="entries")


class LoudManager(models.Manager):
    def foo(self):
        return "bar"


class KeyedManager(NaturalManager, LoudManager):
    fields = ("code",)


class Keyed(NaturalKeyModel):
    code = models.CharField(max_length=50)
    cash = models.IntegerField(default=0)
    visits = models.PositiveIntegerField(default=0)

    SYNCHRO_SKIP = ("visits",)
    _natural_key = ("code",)

    objects = LoudManager()
    others = KeyedManager()


class KeyedChild(models.Model):
    name = models.CharField(max_length=50)
    parent = models.ForeignKey(Keyed, models.CASCADE, related_name="children")


class Person(NaturalKeyModel):
    """A natural key that is not unique, and says so."""

    first_name = models.CharField(max_length=50)
    last_name = models.CharField(max_length=50)
    city = models.CharField(max_length=50, default="")

    _natural_key = ("first_name", "last_name")
    _natural_manager_kwargs = {"allow_many": True}


class Ambiguous(models.Model):
    """A natural key that is not unique, and does not say so."""

    name = models.CharField(max_length=50)
    note = models.CharField(max_length=50, default="")
    objects = NaturalManager("name")

    def natural_key(self):
        return (self.name,)


class OwnKey(models.Model):
    """A natural key and manager of the user's own making."""

    class Manager(models.Manager):
        def get_by_natural_key(self, code, year):
            return self.get(code=code, day__year=year)

    code = models.CharField(max_length=50)
    day = models.DateField()
    note = models.CharField(max_length=50, default="")
    objects = Manager()

    def natural_key(self):
        return self.code, self.day.year


class Tag(models.Model):
    label = models.CharField(max_length=50)
    objects = NaturalManager("label")

    def natural_key(self):
        return (self.label,)


class Tagged(models.Model):
    title = models.CharField(max_length=50)
    tags = models.ManyToManyField(Tag, related_name="tagged")


class Friend(models.Model):
    name = models.CharField(max_length=50)
    friends = models.ManyToManyField("self")
    follows = models.ManyToManyField("self", symmetrical=False, related_name="followers")


class Unlisted(models.Model):
    """Not in SYNCHRO_MODELS."""

    name = models.CharField(max_length=50, default="")


class Club(models.Model):
    name = models.CharField(max_length=50)
    members = models.ManyToManyField(Tag, through="Membership", related_name="clubs")


class Membership(models.Model):
    """A through model with one more foreign key, to a model that is not captured."""

    club = models.ForeignKey(Club, models.CASCADE)
    member = models.ForeignKey(Tag, models.CASCADE)
    extra = models.ForeignKey(Unlisted, models.CASCADE)
    cash = models.IntegerField(default=0)


class Numbered(models.Model):
    """Has a unique column, to be fought for."""

    number = models.IntegerField(unique=True)
    name = models.CharField(max_length=50, default="")


class Stamped(models.Model):
    """Would renew its times at every save."""

    name = models.CharField(max_length=50)
    created = models.DateTimeField(auto_now_add=True)
    changed = models.DateTimeField(auto_now=True)


class Document(models.Model):
    id = models.UUIDField(primary_key=True, default=uuid.uuid4)
    title = models.CharField(max_length=50)


class Node(models.Model):
    name = models.CharField(max_length=50)
    parent = models.ForeignKey("self", models.CASCADE, null=True, related_name="children")


class Place(models.Model):
    name = models.CharField(max_length=50)


class Restaurant(Place):
    stars = models.IntegerField(default=0)


class Hen(models.Model):
    name = models.CharField(max_length=50)
    egg = models.ForeignKey("Egg", models.CASCADE, related_name="hens")


class Egg(models.Model):
    name = models.CharField(max_length=50)
    hen = models.ForeignKey(Hen, models.CASCADE, related_name="eggs")


# Values of which only one row can have the same, in all ways to say so ----------------------------


class Placed(models.Model):
    name = models.CharField(max_length=50)
    row = models.IntegerField()
    seat = models.IntegerField()

    class Meta:
        unique_together = [("row", "seat")]


class Booked(models.Model):
    name = models.CharField(max_length=50)
    room = models.CharField(max_length=50)
    day = models.DateField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["room", "day"], name="testapp_booked_once")]


class Queued(models.Model):
    """SQLite cannot wait for the commit, and has no such constraint."""

    name = models.CharField(max_length=50)
    turn = models.IntegerField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["turn"], deferrable=models.Deferrable.DEFERRED, name="testapp_queued_turn")
        ]


class Rooted(models.Model):
    """One alone may have no place; SQLite has no such constraint."""

    name = models.CharField(max_length=50)
    place = models.IntegerField(null=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["place"], nulls_distinct=False, name="testapp_rooted_place")]


class CaselessField(models.CharField):
    """Tells no letter case, where the database has such a collation at hand."""

    def db_parameters(self, connection):
        found = super().db_parameters(connection)
        return {**found, "collation": "NOCASE"} if connection.vendor == "sqlite" else found


class Nicknamed(models.Model):
    name = models.CharField(max_length=50)
    nick = CaselessField(max_length=50, unique=True)


class Wearer(models.Model):
    name = models.CharField(max_length=50)


class Badge(models.Model):
    name = models.CharField(max_length=50)
    wearer = models.OneToOneField(Wearer, models.CASCADE)


class Plated(models.Model):
    name = models.CharField(max_length=50)
    plate = models.CharField(max_length=50, unique=True)


class Lorry(Plated):
    load = models.IntegerField(default=0)


class Coach(Plated):
    seats = models.IntegerField(default=0)
