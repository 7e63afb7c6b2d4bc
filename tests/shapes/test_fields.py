"""Whatever a column can hold arrives as it is."""

from __future__ import annotations

import datetime
import math
import uuid
from collections.abc import Collection, Iterator
from contextlib import nullcontext
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from django.apps import apps
from django.contrib.postgres import fields as postgres_fields
from django.contrib.postgres.search import SearchVectorField
from django.contrib.postgres.signals import get_hstore_oids, register_type_handlers
from django.core.files.base import ContentFile
from django.db import connections, models
from django.db.backends.postgresql.psycopg_any import DateRange, DateTimeTZRange, NumericRange
from django.db.models import Field, JSONField, Model, Value
from django.db.models.functions import Concat, Left, Length
from django.db.models.signals import post_save, pre_save

from synchro_triggers import synchronize
from synchro_triggers.replay.write import read_back
from tests.databases import ALIASES, both
from tests.fieldapp.models import (
    Chapter,
    Clockwork,
    Elephant,
    Extended,
    PlainSpecimen,
    Prefilled,
    Required,
    Specimen,
    Untouchable,
    Words,
)
from tests.replay.hearing import hearing
from tests.shapes.sides import LOCAL, REMOTE, execute, on_remote, synchronize_and_compare

pytestmark = both

UTC = datetime.UTC
WARSAW = ZoneInfo("Europe/Warsaw")
JSON_NULL = Value(None, JSONField())
TEXTS = [
    "",
    " ",
    " \t\r\n x \n",
    "null",
    "NULL",
    "0",
    'it\'s 100% "q" `b` [c] \\ \\n {0} {} %s %(x)s $1 :a -- /* ; DROP TABLE x',
    "".join(map(chr, range(1, 32))) + "\x7f\x80\x85\u2028\ufeff\ufffe",
    "Zażółć gęślą jaźń ŻÓŁĆ straße ﬁ İı",
    "e\u0301 \u00e9 👩‍👩‍👧‍👦 𝔘 עברית \u202e x",
]

#: Values of every column of ``Specimen``; a null is added to each.
VALUES: dict[str, list[Any]] = {
    "any_case": ["word", "WORD", "other"],
    "big": [-(2**63), 2**63 - 1, 0, -1],
    "binary": [b"", b"\0", b"\xff\xfe\0\x80", b"\\x00", b"text", bytes(range(256))],
    "boolean": [False, True],
    "char": [*TEXTS[:-2], "ß", "ż" * 100],
    "choice": [Specimen.Level.LOW, Specimen.Level.HIGH, 7],
    "date": [datetime.date.min, datetime.date.max, datetime.date(2000, 2, 29), datetime.date(1582, 10, 10)],
    "datetime": [
        datetime.datetime.min.replace(tzinfo=UTC),
        datetime.datetime.max.replace(tzinfo=UTC),
        datetime.datetime(2024, 10, 27, 2, 30, tzinfo=WARSAW, fold=0),
        datetime.datetime(2024, 10, 27, 2, 30, tzinfo=WARSAW, fold=1),
        datetime.datetime(2024, 3, 31, 2, 30, tzinfo=WARSAW),
        datetime.datetime(1969, 12, 31, 23, 59, 59, 999999, tzinfo=UTC),
        datetime.datetime(2024, 1, 1, 0, 0, 0, 1, tzinfo=datetime.timezone(datetime.timedelta(hours=-9, minutes=-30))),
    ],
    "decimal": [Decimal(text) for text in ("0", "-0.00001", "9999999999.99999", "-9999999999.99999", "1.10", "1E+3")],
    "duration": [
        datetime.timedelta(),
        datetime.timedelta(microseconds=-1),
        datetime.timedelta(days=-1, hours=3, microseconds=7),
        datetime.timedelta(days=100_000, seconds=86_399, microseconds=999_999),
    ],
    "email": ["a@example.org", '"odd @ one"@example.org', "", "żółw@example.org"],
    "file": ["", "a/b c/ż'\"%.txt", "/absolute", "../up"],
    "file_path": ["/nowhere/x", "", "relative"],
    # No -0.0: Django's own save() loses its sign on PostgreSQL, and its bulk_create() in some releases.
    "float": [0.0, 0.1, 1 / 3, 5e-324, 1.7976931348623157e308, math.inf, -math.inf, math.nan, 2.0**53 + 2],
    "image": ["", "a.png", "ż.jpg"],
    "integer": [-(2**31), 2**31 - 1, 0],
    "ip": ["127.0.0.1", "0.0.0.0", "::", "2001:db8::1", "::ffff:10.0.0.1"],
    "json": [
        JSON_NULL,
        True,
        1,
        1.0,
        False,
        0,
        0.1,
        -0.0,
        1e300,
        2**70,
        "",
        "null",
        'ż " \\ \n \x01 👩‍👩‍👧',
        [],
        {},
        [None],
        [[], {}, [[]]],
        {"": None, "a": {"b": [None, True, 1, 1.0, {"ż": ""}]}},
        {"a": 1},
        {"a": True},
        {"a": 1.0},
        {"a": None},
    ],
    "points": [{}, {(1, 2): 3}, {(1, 2): 4, (0, 0): 0}],
    "positive": [0, 2**31 - 1],
    "positive_big": [0, 2**63 - 1],
    "slug": ["", "a-b_c", "zażółć"],
    "small": [-(2**15), 2**15 - 1],
    "text": [*TEXTS, "long \n" * 200_000],
    "time": [datetime.time.min, datetime.time.max, datetime.time(12, 0, 0, 1)],
    "url": ["", "https://żółw.example/?a=%20&b=%2F#c", "a" * 200],
    "uuid": [uuid.UUID(int=0), uuid.UUID(int=2**128 - 1), uuid.UUID("0123456789abcdef0123456789abcdef")],
    "width": [0, 2**15 - 1],
    "words": [Words(""), Words("one"), Words("one two")],
}


#: Of these, another vendor keeps something else: a null, and whole numbers.
OF_ONE_VENDOR = {"nan", "-0.0", "1e+300"}

#: MariaDB has no such numbers, and a column for UUIDs refuses some that are none by the book.
NOT_ON_MARIADB = {"inf", "-inf", "UUID('01234567-89ab-cdef-0123-456789abcdef')"}


def specimens(*, for_another_vendor: bool = False, but: Collection[str] = ()) -> Iterator[dict[str, Any]]:
    """Yield, for each value of each column, the values of a row; none of those that are written like ``but``."""
    for field, values in VALUES.items():
        for number, value in enumerate([None, *values]):
            if repr(value) not in but and not (for_another_vendor and repr(value) in OF_ONE_VENDOR):
                # An image of unknown size would be opened to be measured.
                size = {"width": 1, "positive": 1} if field == "image" else {}
                yield {"name": f"{field} {number}", **size, field: value}


def stored(model: type[Model], alias: str) -> list[tuple[Any, ...]]:
    """Return the rows as the database has them, past Django's conversions; keys left out."""
    connection = connections[alias]
    quote = connection.ops.quote_name
    columns = [field.column for field in model._meta.local_concrete_fields if not field.primary_key]
    reals = {field.column for field in model._meta.local_concrete_fields if isinstance(field, models.DecimalField)}
    text = "CAST({} AS text)" if connection.vendor == "postgresql" else "{0}, typeof({0})"
    parts = [
        # Django reads 15 digits of what SQLite keeps as a double.
        f"printf('%%.15g', {quote(column)})" if column in reals and connection.vendor == "sqlite"
        else text.format(quote(column))
        for column in columns
    ]  # fmt: skip
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT {', '.join(parts)} FROM {quote(model._meta.db_table)} ORDER BY name", [])
        return cursor.fetchall()


def assert_stored_alike(model: type[Model]) -> None:
    """Assert that both databases, of one vendor, have the same in every column."""
    here, there = stored(model, LOCAL), stored(model, REMOTE)
    assert here
    assert [(one, other) for one, other in zip(here, there, strict=True) if one != other] == []


# Every kind of field ------------------------------------------------------------------------------


def test_every_field_class_of_django_has_a_case():
    base_classes = {
        Field,
        models.ForeignObject,
        postgres_fields.RangeField,
        postgres_fields.ranges.ContinuousRangeField,
    }
    provided = {
        provided
        for module in (models, postgres_fields)
        for provided in vars(module).values()
        if isinstance(provided, type) and issubclass(provided, Field) and not provided.system_check_removed_details
    }
    app = apps.get_app_config("fieldapp")
    tried = {type(field) for model in app.get_models() for field in model._meta.get_fields(include_hidden=True)}

    assert (provided | {SearchVectorField}) - base_classes - tried == set()


def test_every_column_has_values():
    columns = {field.name for field in Specimen._meta.concrete_fields}
    plain = {field.name for field in PlainSpecimen._meta.concrete_fields}

    assert columns - plain == {"letters"}
    assert columns - VALUES.keys() == {"id", "name", "letters"}
    assert {field.name for field in Elephant._meta.concrete_fields} - ELEPHANTS.keys() == {"id", "name"}


@pytest.fixture(
    params=[(Specimen, False), (Specimen, True), (PlainSpecimen, True)], ids=["", "observed", "plain, observed"]
)
def model(request) -> Iterator[type[Model]]:
    """A model, and whether somebody listens to its signals."""
    model, observed = request.param
    with hearing(model) if observed else nullcontext():
        yield model


def save_each(model):
    for values in specimens():
        model.objects.create(**values)


def create_in_bulk(model):
    model.objects.bulk_create(model(**values) for values in specimens())


def update_each(model):
    model.objects.bulk_create(model(name=values["name"]) for values in specimens())
    synchronize_and_compare(model)
    for values in specimens():
        model.objects.filter(name=values["name"]).update(**values)


@pytest.mark.parametrize("write", [save_each, create_in_bulk, update_each])
def test_every_value_arrives(capture_only, model, write):
    capture_only(model)

    write(model)

    synchronize_and_compare(model)
    assert_stored_alike(model)
    assert model.objects.using(REMOTE).count() == sum(len(values) + 1 for values in VALUES.values())


def test_no_value_is_taken_for_one_that_save_has_made_anew(capture_only, monkeypatch):
    """It is read back as it was written; but for the sign of a zero, which Django's own ``save()`` loses."""
    capture_only(Specimen)
    monkeypatch.setattr(Specimen, "save", lambda self, **options: Model.save(self, **options))
    mended = []
    monkeypatch.setattr(read_back.ReadBack, "_write", lambda self, names: mended.extend(names))
    Specimen.objects.bulk_create(Specimen(**values) for values in specimens(but=["-0.0"]))

    report = synchronize()

    assert not report.failures and not report.remarks and mended == []
    assert_stored_alike(Specimen)


def rotate(model: type[Model], values: dict[str, list[Any]]) -> None:
    """Give each row its neighbour's value of each column, by SQL: no adapter of Django's sees it."""
    table = model._meta.db_table
    execute(f"CREATE TEMPORARY TABLE before AS SELECT * FROM {table}")
    for field in values:
        column = connections[LOCAL].ops.quote_name(model._meta.get_field(field).column)
        count = len(values[field]) + 1
        for number in range(count):
            execute(
                f"UPDATE {table} SET {column} = (SELECT {column} FROM before WHERE name = %s) WHERE name = %s",
                f"{field} {(number + 1) % count}",
                f"{field} {number}",
            )
    execute("DROP TABLE before")


def test_every_value_replaces_another(capture_only, model):
    capture_only(model)
    update_each(model)
    synchronize_and_compare(model)

    for _ in range(2):
        rotate(model, VALUES)
        synchronize_and_compare(model)
        assert_stored_alike(model)

    model.objects.all().delete()
    synchronize_and_compare(model)


@pytest.mark.all_pairs
@pytest.mark.mariadb(core=True)
def test_every_value_that_both_vendors_know_arrives_on_the_other(capture_only, model, vendor):
    capture_only(model)
    mixed = vendor.local != vendor.remote
    but = NOT_ON_MARIADB if vendor.remote == "mariadb" else ()
    model.objects.bulk_create(model(**values) for values in specimens(for_another_vendor=mixed, but=but))

    synchronize_and_compare(model)


def test_object_logged_without_a_change_is_not_written(capture_only):
    capture_only(Specimen)
    Specimen.objects.bulk_create(Specimen(**values) for values in specimens())
    synchronize_and_compare(Specimen)
    rows = Specimen.objects.count()

    Specimen.objects.update(name=Concat("name", Value("x")))
    Specimen.objects.update(name=Left("name", Length("name") - 1))
    report = synchronize()

    assert (report.unchanged, report.updated, report.failures) == (rows, 0, [])


# What a column may not be, or may become ----------------------------------------------------------


def json_columns_of_remote() -> tuple[str, str]:
    with connections[REMOTE].cursor() as cursor:
        cursor.execute("SELECT CAST(json AS text), CAST(kept AS text) FROM fieldapp_required")
        return cursor.fetchone()


def test_null_of_json_arrives_where_a_column_must_not_be_null(capture_only):
    capture_only(Required)
    Required.objects.create(name="a", json=JSON_NULL)
    synchronize_and_compare(Required)
    assert json_columns_of_remote() == ("null", "{}")

    Required.objects.update(json={})
    synchronize_and_compare(Required)
    Required.objects.update(json=JSON_NULL)
    synchronize_and_compare(Required)

    assert json_columns_of_remote() == ("null", "{}")


def test_null_of_json_in_a_skipped_field_of_the_remote_is_left_alone(capture_only):
    capture_only(Required)
    Required.objects.create(name="a", json=1)
    synchronize_and_compare(Required)
    Required.objects.using(REMOTE).update(kept=JSON_NULL)

    Required.objects.update(json=2)
    synchronize_and_compare(Required)

    assert json_columns_of_remote() == ("2", "null")


def test_values_that_the_database_puts_in_are_copied_but_for_skipped_fields(capture_only):
    capture_only(Prefilled)
    with connections[LOCAL].cursor() as cursor:
        cursor.execute("INSERT INTO fieldapp_prefilled (name) VALUES ('by the database')")
    Prefilled.objects.create(name="by Django")
    Prefilled.objects.create(name="by hand", number=0, code="", stock=1)
    long_ago = datetime.datetime(2001, 2, 3, tzinfo=UTC)
    Prefilled.objects.update(made=long_ago)

    synchronize_and_compare(Prefilled)

    assert on_remote(Prefilled, name="by hand").stock == 7
    Prefilled.objects.using(REMOTE).update(stock=99)
    Prefilled.objects.update(number=models.F("number") + 1, stock=2)
    synchronize_and_compare(Prefilled)
    assert set(Prefilled.objects.using(REMOTE).values_list("stock", flat=True)) == {99}


def test_fields_that_renew_themselves_are_copied_and_receivers_hear_no_raw_save(capture_only):
    capture_only(Clockwork)
    heard = []

    def listen(sender, instance, raw, using, **told):
        if using == REMOTE:
            heard.append((raw, instance.day, instance.moment, instance.saves))

    long_ago = (datetime.date(2001, 2, 3), datetime.time(4, 5, 6, 7), 40)
    Clockwork.objects.create(name="a")
    Clockwork.objects.update(day=long_ago[0], moment=long_ago[1], saves=long_ago[2])
    for signal in (pre_save, post_save):
        signal.connect(listen, sender=Clockwork)
    try:
        synchronize_and_compare(Clockwork)
        Clockwork.objects.update(saves=None)
        synchronize_and_compare(Clockwork)
    finally:
        for signal in (pre_save, post_save):
            signal.disconnect(listen, sender=Clockwork)

    assert heard == [(False, *long_ago)] * 2 + [(False, *long_ago[:2], None)] * 2
    there = on_remote(Clockwork)
    there.save(using=REMOTE)
    assert (there.saves, there.day > long_ago[0]) == (1, True)


def test_file_that_a_receiver_puts_there_is_stored(capture_only, monkeypatch):
    capture_only(Specimen)
    saved = []
    monkeypatch.setattr(Untouchable, "save", lambda self, name, content, **options: saved.append(name) or f"new/{name}")

    def attach(sender, instance, using, **told):
        if using == REMOTE:
            instance.file = ContentFile(b"x", name="receipt.txt")

    pre_save.connect(attach, sender=Specimen)
    try:
        Specimen.objects.create(name="a")
        assert synchronize().failures == []
    finally:
        pre_save.disconnect(attach, sender=Specimen)

    assert saved == ["receipt.txt"]
    assert on_remote(Specimen).file.name == "new/receipt.txt"


def test_order_within_another_object_and_links_arrive(capture_only):
    capture_only(Chapter)
    book = Required.objects.create(name="book", json=[])
    chapters = [Chapter.objects.create(name=f"chapter {number}", book=book) for number in range(3)]
    chapters[0].seen_by.add(Specimen.objects.create(name="reader"))
    synchronize_and_compare(Chapter, Required)

    book.set_chapter_order([chapters[number].pk for number in (2, 0, 1)])
    synchronize_and_compare(Chapter, Required)

    names = [chapter.name for chapter in Chapter.objects.using(REMOTE)]
    assert names == ["chapter 2", "chapter 0", "chapter 1"]


def test_image_of_unknown_size_is_kept_as_a_failure_and_holds_up_nobody(capture_only):
    """Django opens it to measure it as soon as its row is read."""
    capture_only(Specimen)
    execute("INSERT INTO fieldapp_specimen (name, image) VALUES ('image', 'unknown.png')")
    execute("INSERT INTO fieldapp_specimen (name) VALUES ('other')")

    report = synchronize()

    assert [failure.error for failure in report.failures] == ["AssertionError: 'unknown.png' was opened"]
    assert [other.name for other in Specimen.objects.using(REMOTE)] == ["other"]


@pytest.mark.vendor("postgres")
@pytest.mark.parametrize("column, value", [("date", "infinity"), ("datetime", "4000-01-01 BC"), ("decimal", "NaN")])
def test_value_that_python_or_django_does_not_know_is_kept_as_a_failure(capture_only, column, value):
    capture_only(Specimen)
    name = connections[LOCAL].ops.quote_name(Specimen._meta.get_field(column).column)
    execute(f"INSERT INTO fieldapp_specimen (name, {name}) VALUES ('unknown', %s)", value)
    execute("INSERT INTO fieldapp_specimen (name) VALUES ('other')")

    report = synchronize()

    assert len(report.failures) == 1
    assert [other.name for other in Specimen.objects.using(REMOTE)] == ["other"]

    execute(f"UPDATE fieldapp_specimen SET {name} = NULL")
    synchronize_and_compare(Specimen)


def test_times_arrive_without_time_zones(capture_only, settings):
    settings.USE_TZ = False
    settings.TIME_ZONE = "America/New_York"
    capture_only(Specimen)
    moments = [
        datetime.datetime.min,
        datetime.datetime(9999, 6, 1),
        datetime.datetime(2024, 11, 3, 1, 30, fold=0),
        datetime.datetime(2024, 11, 3, 1, 30, fold=1),
        datetime.datetime(2024, 3, 10, 2, 30, 0, 1),
    ]
    for number, moment in enumerate(moments):
        Specimen.objects.create(name=f"moment {number}", datetime=moment)
    synchronize_and_compare(Specimen)

    Specimen.objects.update(datetime=models.F("datetime") + datetime.timedelta(days=180, microseconds=1))
    synchronize_and_compare(Specimen)


# Columns that only PostgreSQL has -----------------------------------------------------------------

#: Values of every column of ``Elephant``; a null is added to each.
ELEPHANTS: dict[str, list[Any]] = {
    "array": [[], [None], ["", "a,b", '"q"', "{}", "NULL", "null", "\\", "ż", " "]],
    "nested": [[], [[1, None], [None, 2]], [[-(2**31)]]],
    "dates": [
        [],
        [datetime.datetime(2024, 10, 27, 2, 30, tzinfo=WARSAW, fold=1), datetime.datetime(1, 1, 1, tzinfo=UTC)],
    ],
    "blobs": [[], [b"", b"\0", b"\xff\\x00"]],
    "documents": [[{}, [], 1, "x", {"a": None}], [True], [1], [1.0]],
    "integers": [NumericRange(empty=True), (1, 5), NumericRange(1, 5, "[]"), NumericRange(), NumericRange(None, 3)],
    "big_integers": [NumericRange(-(2**63), 2**63 - 1), NumericRange(1, None)],
    "decimals": [
        NumericRange(empty=True),
        NumericRange(Decimal("0.10"), Decimal("1e30"), "()"),
        NumericRange(Decimal("0.10"), Decimal("0.10"), "[]"),
        NumericRange(None, None, "()"),
        NumericRange(None, Decimal("-1.5"), "(]"),
    ],
    "days": [DateRange(datetime.date(2024, 2, 28), datetime.date(2024, 2, 29), "[]"), DateRange(None, None)],
    "times": [
        DateTimeTZRange(datetime.datetime(1, 1, 1, tzinfo=UTC), datetime.datetime(9999, 12, 31, tzinfo=UTC), "()"),
        DateTimeTZRange(datetime.datetime(2024, 10, 27, 2, 30, tzinfo=WARSAW, fold=1), None),
        DateTimeTZRange(empty=True),
    ],
    "vector": ["", "'a':1A 'it''s':2,3B 'ż'"],
    "precise": [Decimal("123456789012345678901234567890.123456789012345678901234567891"), Decimal("-1E-30")],
    "real": [-0.0, 0.0, math.nan, math.inf, 1e-310],
}


def elephants() -> Iterator[Elephant]:
    for field, values in ELEPHANTS.items():
        for number, value in enumerate([None, *values]):
            yield Elephant(name=f"{field} {number}", **{field: value})


@pytest.mark.vendor("postgres")
def test_every_value_of_a_column_of_postgresql_arrives_and_replaces_another(capture_only):
    capture_only(Elephant)
    Elephant.objects.bulk_create(elephants())
    synchronize_and_compare(Elephant)
    assert_stored_alike(Elephant)

    for _ in range(2):
        rotate(Elephant, ELEPHANTS)
        synchronize_and_compare(Elephant)
        assert_stored_alike(Elephant)

    Elephant.objects.filter(array__isnull=False).delete()
    synchronize_and_compare(Elephant)


@pytest.mark.vendor("postgres-to-sqlite")
def test_model_that_the_remote_cannot_have_is_left_out_and_told_until_it_is_taken_out_of_the_settings(capture_only):
    capture_only(Elephant, Specimen)
    Elephant.objects.create(name="too big")
    Specimen.objects.create(name="fits")

    [left_out] = synchronize().left_out
    assert (left_out.name, left_out.objects) == ("fieldapp.Elephant", 1)
    assert "'remote' has no table 'fieldapp_elephant'" in left_out.reason

    capture_only(Specimen)
    assert synchronize().failures == []
    assert on_remote(Specimen).name == "fits"


@pytest.fixture
def extensions(vendor):
    """The types ``hstore`` and ``citext``, and a table with columns of them."""
    needed = ("hstore", "citext")
    with connections[LOCAL].cursor() as cursor:
        cursor.execute("SELECT name FROM pg_available_extensions WHERE name = ANY (%s)", [list(needed)])
        missing = {*needed} - {name for (name,) in cursor.fetchall()}
    if missing:
        pytest.skip(f"this PostgreSQL server comes without {', '.join(missing)}; --postgres=docker has them")
    for alias in ALIASES:
        for name in needed:
            execute(f"CREATE EXTENSION {name}", alias=alias)
        get_hstore_oids.cache_clear()
        register_type_handlers(connections[alias])
        execute(
            "CREATE TABLE fieldapp_extended (id serial PRIMARY KEY, name text, pairs hstore, code citext)", alias=alias
        )


@pytest.mark.vendor("postgres")
@pytest.mark.usefixtures("extensions")
def test_values_of_types_of_extensions_arrive(capture_only):
    capture_only(Extended)
    pairs = [None, {}, {"": None}, {"a": "", "ż=>": '"', "NULL": "NULL"}]
    for number, value in enumerate(pairs):
        Extended.objects.create(name=f"pairs {number}", pairs=value, code="Code")
    synchronize_and_compare(Extended)
    assert_stored_alike(Extended)

    Extended.objects.update(code="CODE")
    execute("UPDATE fieldapp_extended SET pairs = pairs || 'n=>NULL'")
    synchronize_and_compare(Extended)
    assert_stored_alike(Extended)
