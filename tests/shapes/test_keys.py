"""Whatever a primary key can be, the object is found by it, moved and taken away."""

from __future__ import annotations

import datetime
import itertools
import unicodedata
import uuid
from decimal import Decimal
from typing import Any

import pytest
from django.db import connections
from django.db.models import Model

from synchro_triggers import SyncReport, synchro_paused, synchronize
from synchro_triggers.models import Reference
from tests.databases import ALIASES, Pair, both, both_committed
from tests.fieldapp.models import (
    KEYED,
    PAIRED,
    POINTERS,
    Badge,
    Booking,
    Currency,
    Hall,
    Measured,
    Mirrored,
    MirroredChild,
    Pin,
    PlainMirrored,
    Price,
    Ribbon,
    Seat,
    SelfNamed,
    SmallMirrored,
    Tariff,
)
from tests.mariadb_databases import not_makeable
from tests.replay.hearing import later
from tests.shapes.sides import LOCAL, REMOTE, checked_late, execute, on_remote, synchronize_and_compare

pytestmark = [both, pytest.mark.mariadb]

UTC = datetime.UTC

#: Values of keys of each kind; the last one is never used when a test begins.
KEYS: dict[str, list[Any]] = {
    "Big": [0, -(2**63), 2**63 - 1, 7],
    "Binary": [b"a", b"\0\xff", b"", b"\\x61", b"z"],
    "Boolean": [False, True],
    "Char": [
        *("", " ", "a", "A", " a", "a ", "a,b", "a\nb", "a\r\nb", "a\\b", "\\", "it's", '"', '["a", 1]', "null", "%s"),
        *("ż", "z\u0307", "👩‍👩‍👧", "x" * 100, "1", "01", "1.0", "last"),
    ],
    "Date": [datetime.date.min, datetime.date.max, datetime.date(2024, 2, 29), datetime.date(2000, 1, 1)],
    "DateTime": [
        datetime.datetime.min.replace(tzinfo=UTC),
        datetime.datetime.max.replace(tzinfo=UTC),
        datetime.datetime(2024, 2, 29, tzinfo=UTC),
        datetime.datetime(2024, 2, 29, 1, 2, 3, tzinfo=datetime.timezone(datetime.timedelta(hours=5, minutes=45))),
        datetime.datetime(2024, 2, 29, 12, 0, 0, 100, tzinfo=UTC),
        datetime.datetime(2000, 1, 1, tzinfo=UTC),
    ],
    "Decimal": [Decimal(text) for text in ("0", "-0.0001", "1.5", "99999999.9999", "100", "-12345678", "7")],
    "Duration": [
        datetime.timedelta(),
        datetime.timedelta(microseconds=-1),
        datetime.timedelta(days=-3, hours=5),
        datetime.timedelta(days=400, seconds=1),
        datetime.timedelta(seconds=90),
        datetime.timedelta(7),
    ],
    "Float": [0.0, 0.1, -1.5, 1e300, 5e-324, 1 / 3, 100.0, 7.25],
    "Ip": ["127.0.0.1", "::1", "2001:db8::ff00:42:8329", "10.0.0.1"],
    "Time": [datetime.time.min, datetime.time.max, datetime.time(12, 30), datetime.time(7)],
    "Uuid": [uuid.UUID(int=0), uuid.UUID(int=2**128 - 1), uuid.UUID(int=10**36), uuid.UUID(int=7)],
}


def keys_side_by_side(kind: str, vendor: Pair) -> list[Any]:
    """Return the keys of a kind that the remote can have side by side."""
    if vendor.remote != "mariadb":
        return KEYS[kind]
    if KEYED[kind]._meta.label_lower in not_makeable():
        pytest.skip(f"MariaDB has no table with a key of the kind {kind!r}")
    alike = {_without_case_accents_and_blanks(key): key for key in reversed(KEYS[kind])}
    return [key for key in KEYS[kind] if alike[_without_case_accents_and_blanks(key)] is key]


def _without_case_accents_and_blanks(key: Any) -> Any:
    return unicodedata.normalize("NFKD", key).casefold().rstrip() if isinstance(key, str) else key


def mark(model: type[Model], text: str) -> None:
    execute(f"UPDATE {model._meta.db_table} SET name = name || %s", text)


def counts(report: SyncReport, model: type[Model]) -> tuple[int, int, int]:
    """Return how many objects of a model were created, updated and deleted."""
    of_model = report.models[model._meta.label]
    return of_model.created, of_model.updated, of_model.deleted


def assert_one_reference_for_each(model: type[Model]) -> None:
    references = Reference.objects.using(REMOTE).filter(model_label=model._meta.label)
    assert references.count() == model.objects.count()


@pytest.mark.parametrize("kind", KEYS)
def test_row_is_found_by_its_key_moved_and_taken_away(capture_only, kind, vendor):
    keyed, pointer, (*keys, free) = KEYED[kind], POINTERS[kind], keys_side_by_side(kind, vendor)
    capture_only(keyed, pointer)
    for number, key in enumerate(keys):
        keyed.objects.create(pk=key, name=f"row {number}")
        pointer.objects.create(name=f"to {number}", target_id=key)
    report = synchronize_and_compare(keyed, pointer)
    assert counts(report, keyed) == counts(report, pointer) == (len(keys), 0, 0)

    mark(keyed, " changed")
    report = synchronize_and_compare(keyed, pointer)
    assert counts(report, keyed) == (0, len(keys), 0)
    assert_one_reference_for_each(keyed)

    with checked_late():
        keyed.objects.filter(pk=keys[0]).update(id=free)
        pointer.objects.filter(name="to 0").update(target_id=free)
    report = synchronize_and_compare(keyed, pointer)
    assert counts(report, keyed) == (1, 0, 1)
    assert counts(report, pointer) == (0, 1, 0)

    with checked_late():
        execute(f"DELETE FROM {keyed._meta.db_table}")
        for key in (*keys[1:], free):
            keyed.objects.create(pk=key, name="another")
    report = synchronize_and_compare(keyed, pointer)
    assert counts(report, keyed) == (0, len(keys), 0)
    assert_one_reference_for_each(keyed)

    pointer.objects.filter(target=free).delete()
    keyed.objects.filter(pk=free).delete()
    synchronize_and_compare(keyed, pointer)
    execute(f"DELETE FROM {pointer._meta.db_table}")
    execute(f"DELETE FROM {keyed._meta.db_table}")
    report = synchronize()
    assert report.failures == []
    assert not keyed.objects.using(REMOTE).exists()
    assert not Reference.objects.using(REMOTE).filter(model_label=keyed._meta.label).exists()


@pytest.mark.parametrize("kind", KEYS)
def test_row_with_a_key_of_two_columns_is_found_moved_and_taken_away(capture_only, kind, vendor):
    paired, (*parts, free) = PAIRED[kind], keys_side_by_side(kind, vendor)
    capture_only(paired)
    for at, part in enumerate(parts):
        paired.objects.bulk_create(paired(part=part, number=number, name=f"row {at} {number}") for number in (1, 2))
    report = synchronize_and_compare(paired)
    assert counts(report, paired) == (2 * len(parts), 0, 0)

    mark(paired, " changed")
    report = synchronize_and_compare(paired)
    assert counts(report, paired) == (0, 2 * len(parts), 0)
    assert_one_reference_for_each(paired)

    paired.objects.filter(part=parts[0], number=1).update(part=free)
    paired.objects.filter(part=parts[-1], number=2).update(number=3)
    report = synchronize_and_compare(paired)
    assert counts(report, paired) == (2, 0, 2)

    paired.objects.filter(number=3).delete()
    paired.objects.create(part=parts[-1], number=3, name="another")
    report = synchronize_and_compare(paired)
    assert counts(report, paired) == (0, 1, 0)

    execute(f"DELETE FROM {paired._meta.db_table} WHERE number = 3")
    synchronize_and_compare(paired)
    paired.objects.all().delete()
    synchronize_and_compare(paired)
    assert not Reference.objects.using(REMOTE).filter(model_label=paired._meta.label).exists()


@pytest.fixture
def keyed_and_paired(capture_only):
    models = [*KEYED.values(), *PAIRED.values()]
    capture_only(*models)
    return models


def fill(alias: str) -> None:
    """Make rows under every key of every kind."""
    for kind, keys in KEYS.items():
        numbered = list(enumerate(keys))
        rows = [KEYED[kind](pk=key, name=f"row {number}") for number, key in numbered]
        pairs = [PAIRED[kind](part=key, number=number, name=f"row {number}") for number, key in numbered]
        KEYED[kind].objects.using(alias).bulk_create(rows)
        PAIRED[kind].objects.using(alias).bulk_create(pairs)


@pytest.mark.mariadb(without="it has no table with a binary key")
def test_row_that_both_sides_had_before_is_found_by_its_key(keyed_and_paired):
    """Without a reference: what is changed is not made a second time, and what is deleted goes."""
    for alias in ALIASES:
        with synchro_paused(using=alias):
            fill(alias)

    for model in keyed_and_paired:
        execute(f"UPDATE {model._meta.db_table} SET name = name || ' changed' WHERE name <> 'row 0'")
        execute(f"DELETE FROM {model._meta.db_table} WHERE name = 'row 0'")
    report = synchronize_and_compare(*keyed_and_paired)

    expected = {model: (0, len(keys) - 1, 1) for kind, keys in KEYS.items() for model in (KEYED[kind], PAIRED[kind])}
    assert {model: counts(report, model) for model in keyed_and_paired} == expected


@pytest.mark.mariadb(without="it has no log of its own users' changes")
def test_change_that_the_remote_made_too_is_seen_whatever_the_key_is(keyed_and_paired, capture_only, settings):
    capture_only(*keyed_and_paired, alias=REMOTE)
    settings.SYNCHRO_CONFLICT = "remote"
    fill(LOCAL)
    synchronize_and_compare(*keyed_and_paired)
    later()

    for model in keyed_and_paired:
        execute(f"UPDATE {model._meta.db_table} SET name = 'theirs'", alias=REMOTE)
        mark(model, " ours")
    report = synchronize()

    conflicts = {model: report.models[model._meta.label].conflicts for model in keyed_and_paired}
    assert conflicts == {model: model.objects.count() for model in keyed_and_paired}
    assert all(set(model.objects.using(REMOTE).values_list("name")) == {("theirs",)} for model in keyed_and_paired)


@pytest.mark.mariadb(without="its columns tell the two hours of a doubled one apart by nothing")
def test_times_are_keys_without_time_zones_too(capture_only, settings):
    settings.USE_TZ = False
    settings.TIME_ZONE = "America/New_York"
    keyed, paired = KEYED["DateTime"], PAIRED["DateTime"]
    capture_only(keyed, paired)
    for number, hour in enumerate(range(1, 12, 3)):
        moment = datetime.datetime(2024, 11, 3, hour, 30, 0, number)
        keyed.objects.create(pk=moment, name=f"row {number}")
        paired.objects.create(part=moment, number=number, name=f"row {number}")
    synchronize_and_compare(keyed, paired)

    for model in (keyed, paired):
        mark(model, " changed")
    keyed.objects.filter(pk__hour__lt=3).delete()
    paired.objects.filter(number=0).delete()
    report = synchronize_and_compare(keyed, paired)

    assert counts(report, keyed) == counts(report, paired) == (0, 3, 1)


# Keys that are foreign keys ----------------------------------------------------------------------


@pytest.fixture
def numbers_differ(vendor, db):
    """Let the remote's halls have other numbers than LOCAL's."""
    for _ in range(10):
        Hall.objects.using(REMOTE).create(name="to use a number up").delete()


@pytest.fixture
def halls(capture_only, numbers_differ):
    """Halls, whose automatic keys differ, with everything whose key is made of theirs."""
    capture_only(Hall, Seat, Booking, Badge, Ribbon, Pin)
    for number in range(3):
        hall = Hall.objects.create(name=f"hall {number}")
        Seat.objects.bulk_create(Seat(hall=hall, number=seat, colour="red") for seat in ("1a", 'ż "2", 3', ""))
        Booking.objects.create(name=f"booking {number}", hall=hall, number="1a")
        badge = Badge.objects.create(hall=hall, title=f"badge {number}")
        ribbon = Ribbon.objects.create(badge=badge, colour="red")
        Pin.objects.create(name=f"pin {number}", ribbon=ribbon)
    synchronize_and_compare(*HALL_MODELS)
    assert set(Hall.objects.values_list("pk")).isdisjoint(Hall.objects.using(REMOTE).values_list("pk"))
    return list(Hall.objects.order_by("name"))


HALL_MODELS = (Hall, Seat, Booking, Badge, Ribbon, Pin)


def test_keys_made_of_foreign_keys_follow_their_targets(halls):
    execute("UPDATE fieldapp_seat SET colour = 'blue' WHERE number <> '1a'")
    execute("UPDATE fieldapp_badge SET title = title || ' x'")
    execute("UPDATE fieldapp_ribbon SET colour = 'blue'")
    report = synchronize_and_compare(*HALL_MODELS)

    assert counts(report, Seat) == (0, 6, 0)
    assert counts(report, Badge) == counts(report, Ribbon) == (0, 3, 0)


def test_new_rows_arrive_key_first(halls):
    """The log names what points before what it points to, which is not logged."""
    with synchro_paused():
        hall = Hall.objects.create(name="new hall")
        badge = Badge.objects.create(hall=hall, title="new badge")
        Seat.objects.create(hall=hall, number="1a")
    Booking.objects.create(name="new booking", hall=hall, number="1a")
    Pin.objects.create(name="new pin", ribbon=Ribbon.objects.create(badge=badge))

    report = synchronize()

    assert report.failures == []
    assert on_remote(Pin, name="new pin").ribbon.badge.hall.name == "new hall"
    assert on_remote(Booking, name="new booking").hall.name == "new hall"


def test_parts_of_a_key_of_two_columns_change_by_sql(halls):
    first, second, third = halls
    with checked_late():
        execute("UPDATE fieldapp_seat SET number = 'moved' WHERE hall_id = %s AND number = '1a'", first.pk)
        execute("UPDATE fieldapp_booking SET number = 'moved' WHERE hall_id = %s", first.pk)
        execute("DELETE FROM fieldapp_seat WHERE hall_id = %s AND number = ''", third.pk)
        execute("UPDATE fieldapp_seat SET hall_id = %s WHERE hall_id = %s AND number = ''", third.pk, second.pk)
    report = synchronize_and_compare(*HALL_MODELS)
    assert report.models["fieldapp.Seat"].failed == 0

    with checked_late():
        execute("UPDATE fieldapp_seat SET hall_id = %s WHERE hall_id = %s AND number = '1a'", first.pk, second.pk)
        execute("UPDATE fieldapp_booking SET hall_id = %s WHERE hall_id = %s", first.pk, second.pk)
    synchronize_and_compare(*HALL_MODELS)


def test_one_to_one_key_is_handed_on_by_sql(halls):
    """The badge of a hall becomes another hall's, with the ribbon that has its key and the pin that points to it."""
    first, new = halls[0], Hall.objects.create(name="new hall")
    with checked_late():
        for table, column in (("badge", "hall_id"), ("ribbon", "badge_id"), ("pin", "ribbon_id")):
            execute(f"UPDATE fieldapp_{table} SET {column} = %s WHERE {column} = %s", new.pk, first.pk)

    synchronize_and_compare(*HALL_MODELS)

    assert on_remote(Pin, name="pin 0").ribbon.badge.hall.name == "new hall"


def test_rows_whose_keys_are_foreign_keys_go_and_come_back(halls):
    Seat.objects.filter(hall=halls[0]).delete()
    Ribbon.objects.filter(badge__hall=halls[1]).delete()
    halls[2].delete()
    synchronize_and_compare(*HALL_MODELS)

    Seat.objects.create(hall=halls[0], number="1a", colour="new")
    Ribbon.objects.create(badge_id=halls[1].pk, colour="new")
    synchronize_and_compare(*HALL_MODELS)

    execute("DELETE FROM fieldapp_seat WHERE hall_id = %s", halls[0].pk)
    Seat.objects.create(hall=halls[0], number="1a", colour="newer")
    Hall.objects.all().delete()
    report = synchronize()
    assert report.failures == []
    assert not any(model.objects.using(REMOTE).exists() for model in HALL_MODELS)


def test_new_row_has_the_key_that_its_program_gives_it(capture_only):
    capture_only(SelfNamed)
    SelfNamed.objects.create(name="by default")
    SelfNamed.objects.bulk_create([SelfNamed(name="in bulk"), SelfNamed(pk=uuid.UUID(int=5), name="by hand")])

    synchronize_and_compare(SelfNamed)


# Foreign keys to something else than the key ------------------------------------------------------


@pytest.fixture
def prices(capture_only, numbers_differ):
    capture_only(Currency, Price, SelfNamed, Hall, Badge, Tariff)
    for code in ("EUR", "a, 'b'", ""):
        currency = Currency.objects.create(code=code)
        Price.objects.create(name=f"price in {code}", currency=currency)
    synchronize_and_compare(Currency, Price)


@pytest.mark.mariadb(without="its foreign keys forbid to change what others point to")
def test_value_that_others_point_to_changes_with_them(prices):
    with checked_late():
        execute("UPDATE fieldapp_currency SET code = 'ECU' WHERE code = 'EUR'")
        execute("UPDATE fieldapp_price SET currency_id = 'ECU' WHERE currency_id = 'EUR'")

    report = synchronize_and_compare(Currency, Price)

    assert counts(report, Currency) == counts(report, Price) == (0, 1, 0)


@pytest.mark.mariadb(without="its foreign keys forbid to change what others point to")
def test_values_that_others_point_to_are_swapped(prices):
    with checked_late():
        for table, column in (("currency", "code"), ("price", "currency_id")):
            for old, new in (("EUR", "-"), ("", "EUR"), ("-", "")):
                execute(f"UPDATE fieldapp_{table} SET {column} = %s WHERE {column} = %s", new, old)

    report = synchronize_and_compare(Currency, Price)

    assert counts(report, Currency) == counts(report, Price) == (0, 2, 0)


@pytest.mark.mariadb(without="its foreign keys forbid to change what others point to")
def test_value_that_others_point_to_is_taken_over_by_a_new_row(prices):
    with checked_late():
        execute("DELETE FROM fieldapp_currency WHERE code = 'EUR'")
        Currency.objects.create(code="EUR", rate=7)

    synchronize_and_compare(Currency, Price)

    assert on_remote(Price, name="price in EUR").currency.rate == 7


def test_natural_key_of_keys_that_differ_finds_its_object(prices):
    """It is made of a text that others point to, a key that is kept, and a key that is a number of its own."""
    kind = SelfNamed.objects.create(name="kind")
    hall = Hall.objects.create(name="hall")
    badge = Badge.objects.create(hall=hall, title="badge")
    synchronize_and_compare(SelfNamed, Hall, Badge)
    there = Badge.objects.using(REMOTE).get()
    for alias, key in ((LOCAL, badge.pk), (REMOTE, there.pk)):
        with synchro_paused(using=alias):
            tariffs = Tariff.objects.using(alias)
            tariffs.create(currency_id="EUR", seat_type_id=kind.pk, badge_id=key)
            tariffs.create(currency_id="EUR", seat_type_id=kind.pk, badge=None)
            tariffs.create(currency_id="", seat_type_id=kind.pk, badge_id=key)

    execute("UPDATE fieldapp_tariff SET price = 9 WHERE currency_id = 'EUR'")
    execute("DELETE FROM fieldapp_tariff WHERE currency_id = ''")
    report = synchronize()

    assert report.failures == []
    assert counts(report, Tariff) == (0, 2, 1)


def test_natural_key_that_is_the_key_of_another_object_finds_its_object(capture_only, numbers_differ):
    capture_only(Hall, Badge)
    Hall.objects.create(name="hall")
    synchronize_and_compare(Hall)
    for alias in ALIASES:
        with synchro_paused(using=alias):
            Badge.objects.using(alias).create(hall=Hall.objects.using(alias).get())

    execute("UPDATE fieldapp_badge SET title = 'changed'")
    report = synchronize_and_compare(Hall, Badge)

    assert counts(report, Badge) == (0, 1, 0)


def test_deleted_object_is_found_by_a_natural_key_of_any_kind(capture_only):
    """All that is left of it is what its trigger wrote."""
    capture_only(Measured)
    measured = [
        dict(zip(Measured._natural_key, values, strict=True))
        for values in itertools.product(
            (datetime.timedelta(days=-1, microseconds=7), datetime.timedelta(seconds=90)),
            (b"\0\xff", b""),
            (1 / 3, 1e300, 100.0),
            (Decimal("0.1000"), Decimal("-12345678")),
            (datetime.datetime(2024, 2, 29, 12, 0, 0, 100, tzinfo=UTC), None),
            (True, False),
        )
    ]
    for alias in ALIASES:
        with synchro_paused(using=alias):
            order = measured if alias == LOCAL else reversed(measured)
            Measured.objects.using(alias).bulk_create(Measured(**values) for values in order)
    kept = Measured.objects.create(**{**measured[0], "number": 4})
    Measured.objects.exclude(pk=kept.pk).delete()

    synchronize_and_compare(Measured)

    assert Measured.objects.using(REMOTE).count() == 1


# Automatic keys that are kept ---------------------------------------------------------------------

MIRRORS = [Mirrored, SmallMirrored, PlainMirrored]


@pytest.fixture
def mirror(capture_only, settings):
    def keep(*models: type[Model]) -> None:
        capture_only(*models)
        settings.SYNCHRO_OPTIONS = {model._meta.label: {"identity": "pk"} for model in models}

    return keep


def keys_of(model: type[Model], alias: str) -> dict[str, int]:
    return dict(model.objects.using(alias).values_list("name", "pk"))


@pytest.mark.parametrize("model", MIRRORS)
@pytest.mark.all_pairs
def test_kept_keys_are_the_same_and_the_remotes_next_one_is_free(mirror, model):
    mirror(model)
    model.objects.create(name="first")
    model.objects.bulk_create(model(name=f"bulk {number}") for number in range(3))
    model.objects.create(pk=4711, name="high")
    synchronize_and_compare(model)
    assert keys_of(model, LOCAL) == keys_of(model, REMOTE)

    theirs = model.objects.using(REMOTE).create(name="theirs")
    assert theirs.pk > 4711
    theirs.delete()
    execute(f"DELETE FROM {connections[LOCAL].ops.quote_name(model._meta.db_table)} WHERE name = 'high'")
    model.objects.create(pk=20_000, name="higher")
    model.objects.filter(name="higher").delete()
    model.objects.create(pk=42, name="low")
    synchronize_and_compare(model)

    assert keys_of(model, LOCAL) == keys_of(model, REMOTE)
    assert model.objects.using(REMOTE).create(name="theirs").pk not in keys_of(model, LOCAL).values()


def test_kept_key_changed_by_sql_and_used_again(mirror):
    mirror(Mirrored)
    for number in (5, 6):
        Mirrored.objects.create(pk=number, name=f"row {number}")
    synchronize_and_compare(Mirrored)

    execute("UPDATE fieldapp_mirrored SET id = 50 WHERE id = 5")
    execute("DELETE FROM fieldapp_mirrored WHERE id = 6")
    Mirrored.objects.create(pk=6, name="another")
    synchronize_and_compare(Mirrored)

    assert keys_of(Mirrored, REMOTE) == {"row 5": 50, "another": 6}


def test_kept_keys_of_children_and_of_what_points_to_them(mirror):
    mirror(Mirrored, MirroredChild, PlainMirrored)
    child = MirroredChild.objects.create(pk=77, name="child", size=1)
    PlainMirrored.objects.create(pk=88, name="pointer", mirrored=child)

    synchronize_and_compare(Mirrored, MirroredChild, PlainMirrored)

    assert keys_of(MirroredChild, REMOTE) == {"child": 77}
    assert on_remote(PlainMirrored, pk=88).mirrored_id == 77
    assert MirroredChild.objects.using(REMOTE).create(name="theirs").pk > 77


def test_remote_row_with_a_kept_key_is_the_same_object(mirror):
    """A mirror has no rows of its own: what is under the key is taken for the object, and written over."""
    mirror(Mirrored)
    Mirrored.objects.using(REMOTE).create(pk=7, name="theirs")
    Mirrored.objects.using(REMOTE).create(pk=8, name="theirs too")
    Mirrored.objects.create(pk=7, name="ours")

    report = synchronize()

    assert report.failures == []
    assert counts(report, Mirrored) == (0, 1, 0)
    assert keys_of(Mirrored, REMOTE) == {"ours": 7, "theirs too": 8}


def test_key_that_is_not_kept_leaves_the_remote_row_with_that_key_alone(capture_only):
    capture_only(Mirrored)
    Mirrored.objects.using(REMOTE).create(pk=7, name="theirs")
    Mirrored.objects.create(pk=7, name="ours")

    assert synchronize().failures == []

    there = keys_of(Mirrored, REMOTE)
    assert there["theirs"] == 7 and there["ours"] != 7


@both_committed  # a rollback would leave the sequence at its end
def test_kept_key_too_high_for_the_sequence_is_kept_all_the_same(mirror):
    mirror(Mirrored)
    Mirrored.objects.create(pk=2**63 - 1, name="the last there is")
    Mirrored.objects.create(pk=-5, name="negative")

    synchronize_and_compare(Mirrored)

    assert keys_of(Mirrored, REMOTE) == {"the last there is": 2**63 - 1, "negative": -5}


def test_key_that_is_the_key_of_another_object_follows_that_one_when_it_was_given_out_again(capture_only):
    """SQLite's row numbers: the hall that has the number now is another one, and so is its badge."""
    capture_only(Hall, Badge, Ribbon)
    hall = Hall.objects.create(name="old")
    Ribbon.objects.create(badge=Badge.objects.create(hall=hall, title="old"), colour="red")
    synchronize_and_compare(Hall, Badge)
    old, key = Hall.objects.using(REMOTE).get().pk, hall.pk

    Ribbon.objects.all().delete()
    Badge.objects.all().delete()
    hall.delete()
    Badge.objects.create(hall=Hall.objects.create(pk=key, name="new"), title="new")
    synchronize_and_compare(Hall, Badge)

    badge = Badge.objects.using(REMOTE).get()
    assert (badge.title, badge.hall.name) == ("new", "new") and badge.pk != old
    assert not Ribbon.objects.using(REMOTE).exists()
