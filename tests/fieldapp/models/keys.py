"""Every kind of primary key, and what points to it."""

from __future__ import annotations

import uuid
from typing import Any

from django.db import models

from synchro_triggers import NaturalKeyModel

KEY_FIELDS: dict[str, models.Field[Any, Any]] = {
    "Big": models.BigIntegerField(),
    "Binary": models.BinaryField(max_length=20),
    "Boolean": models.BooleanField(),
    "Char": models.CharField(max_length=100),
    "Date": models.DateField(),
    "DateTime": models.DateTimeField(),
    "Decimal": models.DecimalField(max_digits=12, decimal_places=4),
    "Duration": models.DurationField(),
    "Float": models.FloatField(),
    "Ip": models.GenericIPAddressField(),
    "Time": models.TimeField(),
    "Uuid": models.UUIDField(),
}


def _model(name: str, **fields: Any) -> type[models.Model]:
    return type(name, (models.Model,), {"__module__": __name__, "name": models.CharField(max_length=60), **fields})


def _as_key(field: models.Field[Any, Any]) -> models.Field[Any, Any]:
    key = field.clone()
    key.primary_key = key._unique = True
    return key


#: Models with a primary key of each kind, by the kind's name, and models that point to them.
KEYED = {kind: _model(f"Keyed{kind}", id=_as_key(field)) for kind, field in KEY_FIELDS.items()}
POINTERS = {
    kind: _model(f"Pointer{kind}", target=models.ForeignKey(model, models.CASCADE, null=True))
    for kind, model in KEYED.items()
}
#: Models with a primary key of two columns, one of each kind.
PAIRED = {
    kind: _model(f"Paired{kind}", pk=models.CompositePrimaryKey("part", "number"), part=field, number=number)
    for kind, (field, number) in ((kind, (field.clone(), models.IntegerField())) for kind, field in KEY_FIELDS.items())
}


class JsonKeyed(models.Model):
    """A key of a type that Python cannot look up."""

    id = models.JSONField(primary_key=True)
    name = models.CharField(max_length=60)


class TextList(models.TextField):
    """Somebody's own field: a list of words, one string in the database."""

    def from_db_value(self, value: str | None, *args: Any) -> list[str] | None:
        return None if value is None else value.split(",")

    def to_python(self, value: Any) -> list[str] | None:
        return value.split(",") if isinstance(value, str) else value

    def get_prep_value(self, value: Any) -> str | None:
        return ",".join(value) if isinstance(value, list) else value


class ListKeyed(models.Model):
    """A key of a type that Python cannot look up, of somebody's own."""

    id = TextList(primary_key=True)
    name = models.CharField(max_length=60)


class LowerCaseField(models.CharField):
    """Somebody's own field: reads text of any letter case, and writes small letters."""

    def from_db_value(self, value: str | None, *args: Any) -> str | None:
        return None if value is None else value.lower()

    def to_python(self, value: Any) -> Any:
        return None if value is None else str(value).lower()

    def get_prep_value(self, value: Any) -> Any:
        return self.to_python(value)


class LowerCaseKeyed(models.Model):
    id = LowerCaseField(primary_key=True, max_length=20)
    name = models.CharField(max_length=60)


class JsonCoded(models.Model):
    """Others point to its code, of a type that Python cannot look up."""

    code = models.JSONField(unique=True)
    name = models.CharField(max_length=60)


class JsonPointer(models.Model):
    name = models.CharField(max_length=60)
    target = models.ForeignKey(JsonKeyed, models.CASCADE, null=True)


class ListPointer(models.Model):
    name = models.CharField(max_length=60)
    target = models.ForeignKey(ListKeyed, models.CASCADE, null=True)


class JsonCodePointer(models.Model):
    name = models.CharField(max_length=60)
    target = models.ForeignKey(JsonCoded, models.CASCADE, null=True, to_field="code")


class PointerToPointer(models.Model):
    """Brings along what points to a key that cannot be looked up."""

    name = models.CharField(max_length=60)
    target = models.ForeignKey(JsonPointer, models.CASCADE, null=True)


class JsonLinked(models.Model):
    name = models.CharField(max_length=60)
    targets = models.ManyToManyField(JsonKeyed)


class LongKeyed(models.Model):
    """A key of any length."""

    id = models.TextField(primary_key=True)
    name = models.CharField(max_length=60)


class LongPointer(models.Model):
    name = models.CharField(max_length=60)
    target = models.ForeignKey(LongKeyed, models.CASCADE)


class Mirrored(models.Model):
    """May keep its automatic key."""

    name = models.CharField(max_length=60)


class SmallMirrored(models.Model):
    id = models.SmallAutoField(primary_key=True)
    name = models.CharField(max_length=60)


class PlainMirrored(models.Model):
    id = models.AutoField(primary_key=True, db_column="Nº")
    name = models.CharField(max_length=60)
    mirrored = models.ForeignKey(Mirrored, models.CASCADE, null=True)

    class Meta:
        db_table = "Mirror of glass"


class MirroredChild(Mirrored):
    """Shares its parent's automatic key."""

    size = models.IntegerField(default=0)


class SelfNamed(models.Model):
    """Gives itself a key."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4)
    name = models.CharField(max_length=60)


class Hall(models.Model):
    """Has another number on the other side."""

    name = models.CharField(max_length=60)


class Seat(models.Model):
    """A part of its key is a foreign key."""

    pk = models.CompositePrimaryKey("hall", "number")
    hall = models.ForeignKey(Hall, models.CASCADE)
    number = models.CharField(max_length=20)
    colour = models.CharField(max_length=60, default="")


class Booking(models.Model):
    """Points to a key of two columns, in Django's own way."""

    name = models.CharField(max_length=60)
    hall = models.ForeignKey(Hall, models.CASCADE)
    number = models.CharField(max_length=20)
    seat = models.ForeignObject(
        Seat, models.CASCADE, from_fields=["hall", "number"], to_fields=["hall", "number"], related_name="bookings"
    )


class Badge(NaturalKeyModel):
    """Its key is its hall's."""

    hall = models.OneToOneField(Hall, models.CASCADE, primary_key=True)
    title = models.CharField(max_length=60, default="")

    _natural_key = ("hall",)


class Ribbon(models.Model):
    """Its key is that of a badge, which is that of a hall."""

    badge = models.OneToOneField(Badge, models.CASCADE, primary_key=True)
    colour = models.CharField(max_length=60, default="")


class Pin(models.Model):
    """Points to a key that is a key of a key."""

    name = models.CharField(max_length=60)
    ribbon = models.ForeignKey(Ribbon, models.CASCADE)


class Currency(models.Model):
    """Others point to its code, which is not its key."""

    code = models.CharField(max_length=20, unique=True)
    rate = models.IntegerField(default=1)


class Price(models.Model):
    name = models.CharField(max_length=60)
    currency = models.ForeignKey(Currency, models.CASCADE, to_field="code")


class Tariff(NaturalKeyModel):
    """Found by what it points to."""

    currency = models.ForeignKey(Currency, models.CASCADE, to_field="code")
    seat_type = models.ForeignKey(SelfNamed, models.CASCADE)
    badge = models.ForeignKey(Badge, models.CASCADE, null=True)
    price = models.IntegerField(default=0)

    _natural_key = ("currency", "seat_type", "badge")


class Measured(NaturalKeyModel):
    """Found by values of kinds that are not written alike everywhere."""

    length = models.DurationField()
    print = models.BinaryField()
    ratio = models.FloatField()
    number = models.DecimalField(max_digits=12, decimal_places=4)
    moment = models.DateTimeField(null=True)
    done = models.BooleanField()

    _natural_key = ("length", "print", "ratio", "number", "moment", "done")


class Hook(models.Model):
    """Others with keys of types that Python cannot look up hang on it."""

    name = models.CharField(max_length=60)


class ListHanger(models.Model):
    id = TextList(primary_key=True)
    name = models.CharField(max_length=60)
    hook = models.ForeignKey(Hook, models.CASCADE)


class JsonHanger(models.Model):
    id = models.JSONField(primary_key=True)
    name = models.CharField(max_length=60)
    hook = models.ForeignKey(Hook, models.CASCADE)


class JsonHangerPart(models.Model):
    """Hangs on what hangs on it: Django looks at each row of that."""

    name = models.CharField(max_length=60)
    hanger = models.ForeignKey(JsonHanger, models.CASCADE)


class ListProtector(models.Model):
    id = TextList(primary_key=True)
    name = models.CharField(max_length=60)
    hook = models.ForeignKey(Hook, models.PROTECT)
