from django.db import models
from safedelete.models import HARD_DELETE_NOCASCADE, SOFT_DELETE, SOFT_DELETE_CASCADE, SafeDeleteModel


class Author(SafeDeleteModel):
    _safedelete_policy = SOFT_DELETE_CASCADE

    name = models.CharField(max_length=50)


class Book(SafeDeleteModel):
    _safedelete_policy = SOFT_DELETE

    title = models.CharField(max_length=50)
    author = models.ForeignKey(Author, models.CASCADE)


class Shelf(SafeDeleteModel):
    _safedelete_policy = HARD_DELETE_NOCASCADE

    name = models.CharField(max_length=50)
    books = models.ManyToManyField(Book)
