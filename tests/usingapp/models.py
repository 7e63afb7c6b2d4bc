"""Models that are built on other people's apps: tags, trees, permissions for single objects."""

from __future__ import annotations

import uuid

from django.contrib.contenttypes.models import ContentType
from django.db import models
from mptt.models import MPTTModel, TreeForeignKey
from taggit.managers import TaggableManager
from taggit.models import GenericUUIDTaggedItemBase, TaggedItemBase
from treebeard.al_tree import AL_Node
from treebeard.mp_tree import MP_Node
from treebeard.ns_tree import NS_Node


class Recipe(models.Model):
    """Tagged through taggit's own generic table."""

    name = models.CharField(max_length=50)
    tags = TaggableManager()


class UuidTagging(GenericUUIDTaggedItemBase, TaggedItemBase):
    """A generic through model for keys that are UUIDs."""


class Leaflet(models.Model):
    id = models.UUIDField(primary_key=True, default=uuid.uuid4)
    name = models.CharField(max_length=50)
    tags = TaggableManager(through=UuidTagging)


class MovieTagging(TaggedItemBase):
    """A through model with a foreign key, and with a field of its own."""

    content_object = models.ForeignKey("Movie", models.CASCADE)
    weight = models.IntegerField(default=0)


class Movie(models.Model):
    name = models.CharField(max_length=50)
    tags = TaggableManager(through=MovieTagging)


class PathNode(MP_Node):
    """treebeard's materialized path: a unique column that is rewritten for whole subtrees."""

    name = models.CharField(max_length=50)


class RangeNode(NS_Node):
    """treebeard's nested sets."""

    name = models.CharField(max_length=50)


class ListNode(AL_Node):
    """treebeard's adjacency list."""

    name = models.CharField(max_length=50)
    parent = models.ForeignKey("self", models.CASCADE, null=True, db_index=True, related_name="children_set")
    sib_order = models.PositiveIntegerField()


class Genre(MPTTModel):
    """mptt: nested sets that ``save()`` and ``delete()`` keep."""

    name = models.CharField(max_length=50)
    parent = TreeForeignKey("self", models.CASCADE, null=True, related_name="children")


class Project(models.Model):
    """Its objects are given to users and groups by guardian."""

    name = models.CharField(max_length=50)

    class Meta:
        permissions = (("lead_project", "Can lead project"),)


def content_type_where_it_is(obj: models.Model | type[models.Model]) -> ContentType:
    """Return the content type of an object in the object's own database; guardian would ask ``default``."""
    alias = obj._state.db if isinstance(obj, models.Model) else None
    return ContentType.objects.db_manager(alias).get_for_model(obj)
