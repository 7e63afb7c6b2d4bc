"""What apps of others do in methods and managers, where they name no database, or the wrong one."""

from __future__ import annotations

from django.db import connection, models, transaction


class Validating(models.Model):
    """Checks itself, uniqueness and foreign key included, before it is saved."""

    code = models.CharField(max_length=20, unique=True)
    above = models.ForeignKey("self", models.CASCADE, null=True, blank=True)

    def save(self, *args, **options):
        self.full_clean()
        super().save(*args, **options)


class WithoutParameters(models.Model):
    """Its ``save()`` and ``delete()`` take none."""

    name = models.CharField(max_length=20)

    def save(self):
        super().save()

    def delete(self):
        super().delete()


class OnlyForcing(models.Model):
    """Its ``save()`` takes one of Django's parameters, its ``delete()`` another."""

    name = models.CharField(max_length=20)

    def save(self, force_insert=False):
        super().save(force_insert=force_insert)

    def delete(self, keep_parents=False):
        super().delete(keep_parents=keep_parents)


class ForgettingManager(models.Manager):
    """Its querysets forget for which database they were asked."""

    def get_queryset(self):
        return models.QuerySet(self.model).order_by("code")

    def get_by_natural_key(self, code):
        return self.get(code=code)


class StubbornManager(models.Manager):
    """Looks up on ``default``, and says so."""

    def get_by_natural_key(self, code):
        return models.QuerySet(self.model, using="default").get(code=code)


class Coded(models.Model):
    code = models.CharField(max_length=20)
    text = models.CharField(max_length=20, default="")

    class Meta:
        abstract = True

    def natural_key(self):
        return (self.code,)


class Forgetting(Coded):
    objects = ForgettingManager()


class Stubborn(Coded):
    objects = StubbornManager()


class Asking(Coded):
    """Its ``natural_key()`` asks for another object, by the number that it has here."""

    above = models.IntegerField(null=True)
    objects = ForgettingManager()

    def natural_key(self):
        return (Asking.objects.get(pk=self.pk).code,)


class Note(models.Model):
    """What receivers write."""

    text = models.CharField(max_length=60)


def note(text: str) -> None:
    Note.objects.create(text=text)


@transaction.atomic
def note_and_fail(text: str) -> None:
    note(text)
    raise LookupError(text)


def count_by_cursor() -> int:
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM fieldapp_note")
        return cursor.fetchone()[0]
