"""Books whose versions follow their chapters, and hold keys of authors and readers."""

from __future__ import annotations

from django.contrib.auth.models import User
from django.db import models


class Author(models.Model):
    name = models.CharField(max_length=50)


class Book(models.Model):
    title = models.CharField(max_length=50)
    author = models.ForeignKey(Author, models.CASCADE)
    readers = models.ManyToManyField(User, blank=True)


class Chapter(models.Model):
    book = models.ForeignKey(Book, models.CASCADE)
    title = models.CharField(max_length=50)


class Atlas(Book):
    """Has a parent's table: two versions for one object."""

    scale = models.IntegerField(default=1)
