"""Models with odd names and odd columns. They are captured only by the tests that ask for them.

The tables of unmanaged ones are made by these tests, since the two vendors spell them differently.
"""

from __future__ import annotations

from django.db import models

BEGINNING = "a_name_of_sixty_three_characters_that_no_database_shortens"


class Select(models.Model):
    """Upper case, spaces, reserved words and what looks like quoting or formatting."""

    order = models.IntegerField(default=0)
    group = models.IntegerField(default=0, db_column="Group By")
    apostrophe = models.IntegerField(default=0, db_column="it's")
    comment = models.IntegerField(default=0, db_column="a--b /* c")
    braces = models.IntegerField(default=0, db_column="{label} $1 {}")
    letters = models.IntegerField(default=0, db_column="Żółć")

    class Meta:
        db_table = "Select From"


class Reserved(models.Model):
    user = models.CharField(max_length=20, primary_key=True, db_column="user")
    table = models.IntegerField(default=0)
    new = models.IntegerField(default=0)
    old = models.IntegerField(default=0)

    class Meta:
        db_table = "order"


class Long1(models.Model):
    value = models.IntegerField(default=0, db_column=f"{BEGINNING}_col1")
    other = models.IntegerField(default=0, db_column=f"{BEGINNING}_col2")

    class Meta:
        db_table = f"{BEGINNING}_tab1"


class Long2(models.Model):
    value = models.IntegerField(default=0)

    class Meta:
        db_table = f"{BEGINNING}_tab2"


class Quoted(models.Model):
    """Quoted by its author, with what looks like a schema in it."""

    name = models.CharField(max_length=20, unique=True)
    above = models.ForeignKey("self", models.CASCADE, null=True)
    friends = models.ManyToManyField("self")

    class Meta:
        db_table = '"Main.Quoted Name"'


class Dotted(models.Model):
    name = models.CharField(max_length=20, db_column="public.name")
    quoted = models.ForeignKey(Quoted, models.CASCADE)

    class Meta:
        db_table = "public.Dotted"


class InSchema(models.Model):
    """In another schema, as one tells Django."""

    name = models.CharField(max_length=20)
    code = models.CharField(max_length=20, unique=True)

    class Meta:
        managed = False
        db_table = '"Other Schema"."In.It"'


class Percent(models.Model):
    """Django itself can neither make nor read this table with parameters; SQL can."""

    rate = models.IntegerField(default=0, db_column="rate %s (%)")

    class Meta:
        managed = False
        db_table = "100%s"


class Apostrophe(models.Model):
    """Django itself cannot flush this table on SQLite."""

    rate = models.IntegerField(default=0)

    class Meta:
        managed = False
        db_table = "l'été {0}"


class Settled(models.Model):
    """Values of kinds that equality judges oddly."""

    settings = models.JSONField(null=True)
    ratio = models.FloatField(null=True)
    blob = models.BinaryField(null=True)
    day = models.DateField(null=True)


class Doubled(models.Model):
    """A column that the database computes, and that is unique."""

    number = models.IntegerField()
    doubled = models.GeneratedField(
        expression=models.F("number") * 2, output_field=models.IntegerField(), db_persist=True, unique=True
    )


class Collated(models.Model):
    """Text that the database calls equal whatever its case is."""

    key = models.CharField(max_length=20, primary_key=True)
    name = models.CharField(max_length=20)

    class Meta:
        managed = False


class Legacy(models.Model):
    """A table made long ago by somebody who liked capitals."""

    name = models.CharField(max_length=20)
    code = models.IntegerField(default=0)

    class Meta:
        managed = False


class Parent(models.Model):
    """A table whose children go with it, by the database's own rule."""

    name = models.CharField(max_length=20)

    class Meta:
        managed = False


class Child(models.Model):
    parent = models.ForeignKey(Parent, models.DO_NOTHING)

    class Meta:
        managed = False


class Grandchild(models.Model):
    """Django would delete it with a child; the database does so too, of whose cascades Django hears nothing."""

    child = models.ForeignKey(Child, models.CASCADE)

    class Meta:
        managed = False


class Point(models.Model):
    """A primary key of two columns."""

    pk = models.CompositePrimaryKey("x", "y")
    x = models.IntegerField()
    y = models.CharField(max_length=20)
    name = models.CharField(max_length=20, default="")


class SlotOverview(models.Model):
    """Another model over the table of ``shapeapp.Slot``, as one writes for a report."""

    name = models.CharField(max_length=60)
    number = models.IntegerField(unique=True)

    class Meta:
        managed = False
        db_table = "shapeapp_slot"


class AuthorOverview(models.Model):
    """Knows fewer columns than ``shapeapp.Author``."""

    name = models.CharField(max_length=60)

    class Meta:
        managed = False
        db_table = "shapeapp_author"


class BookOverview(models.Model):
    """Points to an overview."""

    name = models.CharField(max_length=60)
    author = models.ForeignKey(AuthorOverview, models.DO_NOTHING)

    class Meta:
        managed = False
        db_table = "shapeapp_book"


class ArticleTopic(models.Model):
    """Over an automatic many-to-many table."""

    article = models.ForeignKey("shapeapp.Article", models.DO_NOTHING, related_name="+")
    topic = models.ForeignKey("shapeapp.Topic", models.DO_NOTHING, related_name="+")

    class Meta:
        managed = False
        db_table = "shapeapp_article_topics"


class Reading(models.Model):
    """Its table has partitions."""

    id = models.IntegerField()
    day = models.IntegerField()
    state = models.TextField()
    pk = models.CompositePrimaryKey("id", "day")

    class Meta:
        managed = False


class Dated(models.Model):
    """Its table has partitions, and its key a time."""

    id = models.IntegerField()
    at = models.DateTimeField()
    pk = models.CompositePrimaryKey("id", "at")

    class Meta:
        managed = False


class ItemTotal(models.Model):
    """A view on ``testapp.Item``."""

    id = models.BigIntegerField(primary_key=True)
    number = models.IntegerField()

    class Meta:
        managed = False
