"""A column of every kind."""

from __future__ import annotations

import json
from typing import Any

from django.core.files.storage import Storage
from django.db import models
from django.db.models.functions import Length, Now

from synchro_triggers import NaturalManager


class Untouchable(Storage):
    """A storage that nobody may open: of a file, the path is copied and nothing else."""

    def _open(self, name: str, mode: str = "rb") -> Any:
        raise AssertionError(f"{name!r} was opened")

    def _save(self, name: str, content: Any) -> str:
        raise AssertionError(f"{name!r} was saved")

    def exists(self, name: str) -> bool:
        raise AssertionError(f"{name!r} was looked for")

    def delete(self, name: str) -> None:
        raise AssertionError(f"{name!r} was deleted")


class Words:
    """A mutable value without equality of its own."""

    def __init__(self, text: str) -> None:
        self.words = text.split()

    def __repr__(self) -> str:
        return f"Words({' '.join(self.words)!r})"


class WordsField(models.TextField):
    """Text in the database, an object in Python."""

    def from_db_value(self, value: str | None, expression: Any, connection: Any) -> Words | None:
        return None if value is None else Words(value)

    def get_prep_value(self, value: Words | None) -> str | None:
        return None if value is None else " ".join(value.words)


class PointsField(models.TextField):
    """A dictionary whose keys JSON does not know."""

    def from_db_value(self, value: str | None, expression: Any, connection: Any) -> dict[Any, int] | None:
        return None if value is None else {(x, y): n for x, y, n in json.loads(value)}

    def get_prep_value(self, value: dict[Any, int] | None) -> str | None:
        return None if value is None else json.dumps([[x, y, n] for (x, y), n in value.items()])


class AnyCase(str):
    """Text that calls itself equal to the same in another letter case."""

    def __eq__(self, other: object) -> bool:
        return self.lower() == str(other).lower()

    def __hash__(self) -> int:
        return hash(self.lower())


class AnyCaseField(models.CharField):
    def from_db_value(self, value: str | None, expression: Any, connection: Any) -> AnyCase | None:
        return None if value is None else AnyCase(value)

    def get_prep_value(self, value: str | None) -> str | None:
        return None if value is None else "".join(value)


class CountedField(models.IntegerField):
    """Counts how often its row was saved."""

    def pre_save(self, model_instance: models.Model, add: bool) -> int:
        count: int = (getattr(model_instance, self.attname) or 0) + 1
        setattr(model_instance, self.attname, count)
        return count


class DjangosColumns(models.Model):
    """A column of every kind that Django has itself, each of which may be empty."""

    class Level(models.IntegerChoices):
        LOW = 1
        HIGH = 2

    name = models.CharField(max_length=60, unique=True)
    big = models.BigIntegerField(null=True)
    binary = models.BinaryField(null=True)
    boolean = models.BooleanField(null=True)
    char = models.CharField(max_length=100, null=True, db_column="it's")
    choice = models.SmallIntegerField(choices=Level, null=True)
    date = models.DateField(null=True, db_column="Group By")
    datetime = models.DateTimeField(null=True)
    decimal = models.DecimalField(max_digits=15, decimal_places=5, null=True)
    duration = models.DurationField(null=True)
    email = models.EmailField(null=True)
    file = models.FileField(null=True, storage=Untouchable())
    file_path = models.FilePathField(path="/nowhere", null=True)
    float = models.FloatField(null=True, db_column="a--b /* c")
    image = models.ImageField(null=True, storage=Untouchable(), width_field="width", height_field="positive")
    integer = models.IntegerField(null=True, db_column="order")
    ip = models.GenericIPAddressField(null=True)
    json = models.JSONField(null=True)
    positive = models.PositiveIntegerField(null=True)
    positive_big = models.PositiveBigIntegerField(null=True)
    slug = models.SlugField(null=True, allow_unicode=True, db_column="Żółć")
    small = models.SmallIntegerField(null=True)
    text = models.TextField(null=True)
    time = models.TimeField(null=True)
    url = models.URLField(null=True)
    uuid = models.UUIDField(null=True)
    width = models.PositiveSmallIntegerField(null=True)

    class Meta:
        abstract = True


class Columns(DjangosColumns):
    """The same, and columns with a mind of their own."""

    any_case = AnyCaseField(max_length=20, null=True)
    points = PointsField(null=True)
    words = WordsField(null=True)

    class Meta:
        abstract = True


class PlainSpecimen(Columns):
    """One whose every value an object brings along."""


class StandardSpecimen(DjangosColumns):
    """One that has nothing of a project's own about it."""


class Specimen(Columns):
    letters = models.GeneratedField(
        expression=Length("char"), output_field=models.IntegerField(null=True), db_persist=True
    )


class Required(models.Model):
    """Columns that must not be null."""

    name = models.CharField(max_length=60)
    file = models.FileField(storage=Untouchable())
    json = models.JSONField()
    kept = models.JSONField(default=dict)

    SYNCHRO_SKIP = ("kept",)


class Prefilled(models.Model):
    """Values that the database itself puts in."""

    name = models.CharField(max_length=60)
    number = models.IntegerField(db_default=5)
    code = models.CharField(max_length=10, db_default="new")
    made = models.DateTimeField(db_default=Now())
    stock = models.IntegerField(db_default=7)

    SYNCHRO_SKIP = ("stock",)


class Keepsake(models.Model):
    """Found by values that Python cannot hash."""

    name = models.CharField(max_length=60)
    words = WordsField()
    document = models.JSONField(null=True)

    objects = NaturalManager("words", "document")

    def natural_key(self) -> tuple[Words, Any]:
        return self.words, self.document


class Clockwork(models.Model):
    """Fields that renew themselves whenever their row is saved."""

    name = models.CharField(max_length=60)
    day = models.DateField(auto_now=True)
    moment = models.TimeField(auto_now_add=True)
    saves = CountedField(null=True)


class Chapter(models.Model):
    """Its order within its book is a column that Django adds."""

    name = models.CharField(max_length=60)
    book = models.ForeignKey(Required, models.CASCADE)
    seen_by = models.ManyToManyField(Specimen)

    class Meta:
        order_with_respect_to = "book"
