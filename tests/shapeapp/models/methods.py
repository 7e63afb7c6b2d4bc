"""Managers that hide rows, and models with a ``save()`` or ``delete()`` of their own."""

from __future__ import annotations

from django.db import models

from .relations import Author, Named


class PresentManager(models.Manager):
    def get_queryset(self):
        return super().get_queryset().filter(gone=False)


class Letter(Named):
    """Soft deletion: the default manager hides what is gone."""

    gone = models.BooleanField(default=False)
    answers = models.ForeignKey("self", models.CASCADE, null=True, related_name="answered_by")
    copies_to = models.ManyToManyField(Author, related_name="copied_letters")

    objects = PresentManager()
    everything = models.Manager()


class Parcel(Named):
    """Even the base manager, which ``save()`` updates through, hides what is gone."""

    gone = models.BooleanField(default=False)
    weight = models.IntegerField(default=0)
    letter = models.ForeignKey(Letter, models.CASCADE, null=True, related_name="parcels")

    objects = PresentManager()
    everything = models.Manager()

    class Meta:
        base_manager_name = "objects"
        default_manager_name = "everything"


class Stamp(Named):
    """Points to hidden ones."""

    letter = models.ForeignKey(Letter, models.CASCADE, null=True, related_name="stamps")
    parcel = models.ForeignKey(Parcel, models.CASCADE, null=True, related_name="stamps")


class Caller(Named):
    """Says when its own ``save()`` and ``delete()`` are called, with the alias; ``calls`` is a test's to clear."""

    size = models.IntegerField(default=0)

    calls: list[tuple[str, str, str]] = []

    def save(self, *args, **kwargs):
        self.calls.append(("save", self.name, kwargs.get("using") or "default"))
        super().save(*args, **kwargs)

    def delete(self, *args, **kwargs):
        self.calls.append(("delete", self.name, kwargs.get("using") or self._state.db or ""))
        return super().delete(*args, **kwargs)


class Trash(Named):
    """Its ``delete()`` only marks it; a bulk delete really removes it."""

    gone = models.BooleanField(default=False)

    def delete(self, using=None):
        self.gone = True
        self.save(using=using)


class Derived(Named):
    """Its ``save()`` fills another column."""

    length = models.IntegerField(default=0)

    def save(self, *args, **kwargs):
        self.length = len(self.name)
        super().save(*args, **kwargs)


class Careful(Named):
    """Checks itself in ``save()``, a foreign key and a unique value included."""

    number = models.IntegerField(unique=True)
    author = models.ForeignKey(Author, models.CASCADE, null=True, related_name="+")

    def save(self, *args, **kwargs):
        self.full_clean(validate_unique=False)
        super().save(*args, **kwargs)


class Ordered(Named):
    """Options that change how rows are read and saved."""

    number = models.IntegerField(default=0)
    author = models.ForeignKey(Author, models.CASCADE, null=True, related_name="ordered_things")

    class Meta:
        ordering = ("-author__name", "number")
        select_on_save = True
        default_related_name = "unused"


class Deferring(Named):
    """Its manager defers a column and joins another table."""

    class Manager(models.Manager):
        def get_queryset(self):
            return super().get_queryset().defer("text").select_related("author")

    text = models.TextField(default="")
    author = models.ForeignKey(Author, models.CASCADE, null=True, related_name="+")

    objects = Manager()
