"""What becomes of those who point to a deleted object."""

from __future__ import annotations

from django.db import models

from .relations import Named


class Owner(Named):
    pass


def nobody() -> int:
    """Return the key of the owner of what is nobody's."""
    return Owner.objects.get(name="nobody").pk


class CascadePet(Named):
    owner = models.ForeignKey(Owner, models.CASCADE, related_name="cascade_pets")


class Flea(Named):
    """The second level of a cascade."""

    pet = models.ForeignKey(CascadePet, models.CASCADE, related_name="fleas")


class ProtectPet(Named):
    owner = models.ForeignKey(Owner, models.PROTECT, related_name="protect_pets")


class RestrictPet(Named):
    """May go with its owner's pets, not with the owner alone."""

    owner = models.ForeignKey(Owner, models.RESTRICT, related_name="restrict_pets")
    friend = models.ForeignKey(CascadePet, models.CASCADE, null=True, related_name="restrict_friends")


class NullPet(Named):
    owner = models.ForeignKey(Owner, models.SET_NULL, null=True, related_name="null_pets")


class DefaultPet(Named):
    owner = models.ForeignKey(Owner, models.SET_DEFAULT, default=nobody, related_name="default_pets")


class NothingPet(Named):
    """May point to an owner that is gone."""

    owner = models.ForeignKey(Owner, models.DO_NOTHING, db_constraint=False, related_name="nothing_pets")


class DatabasePet(Named):
    """The database itself deletes it with its owner, see the app's ``post_migrate`` receiver."""

    owner = models.ForeignKey(Owner, models.DO_NOTHING, related_name="database_pets")


class DatabaseNullPet(Named):
    """The database itself takes its owner away."""

    owner = models.ForeignKey(Owner, models.DO_NOTHING, null=True, related_name="database_null_pets")


class Kept(Named):
    """Its key is its own, so that a row may come back with the same one."""

    code = models.CharField(max_length=30, primary_key=True)
    size = models.IntegerField(default=0)
