"""New objects that nobody observes never become instances: their rows go over as they are stored."""

from __future__ import annotations

import datetime
from collections.abc import Iterator
from typing import Any

import pytest
from django.db import connections, transaction
from django.db.models import Model

from synchro_triggers import synchro_paused, synchronize
from synchro_triggers.capture import install
from synchro_triggers.capture.keys import encode_key
from synchro_triggers.models import ChangeLog, Reference, Window
from synchro_triggers.replay.identity.arrivals import write_arrivals
from synchro_triggers.replay.log.own_windows import microseconds
from synchro_triggers.replay.log.window import current_position
from synchro_triggers.replay.plan import reading
from synchro_triggers.replay.report import Told
from synchro_triggers.replay.rows import as_stored, selecting
from tests.databases import both
from tests.fieldapp.models import PlainSpecimen, Required, StandardSpecimen
from tests.replay.hearing import receiving
from tests.shapeapp.models import Author, Book
from tests.shapes.sides import LOCAL, REMOTE, execute, move_remote_keys_on, on_remote, synchronize_and_compare
from tests.shapes.test_fields import VALUES, assert_stored_alike, specimens
from tests.testapp.models import Node, Numbered, Stamped, Tag, Tagged

pytestmark = both

OWN = {field.name for field in StandardSpecimen._meta.concrete_fields}

UTC_OF_TEN_IN_WARSAW = datetime.datetime(2024, 7, 1, 8, tzinfo=datetime.UTC)

#: Rows that are left to the other writers: times at the ends of what Python can read, addresses of several spellings.
BY_OTHERS = {
    "postgresql": {"datetime 1", "datetime 2"},
    "sqlite": {"ip 3", "ip 4", "ip 5"},
}


@pytest.fixture
def carried(monkeypatch) -> list[int]:
    """How many rows went over as they are stored, a number for each statement."""
    numbers: list[int] = []
    insert = as_stored.AsStored.insert

    def counted(self: Any, rows: Any) -> list[str]:
        keys = insert(self, rows)
        numbers.append(len(keys))
        return keys

    monkeypatch.setattr(as_stored.AsStored, "insert", counted)
    return numbers


@pytest.fixture
def no_instances(monkeypatch) -> None:
    """No row becomes an instance, on either side."""

    def refuse(*args: Any, **options: Any) -> None:
        raise AssertionError("a row has become an instance")

    monkeypatch.setattr(selecting, "bare_instance", refuse)
    monkeypatch.setattr(reading, "load_instances", refuse)


def standard_specimens() -> Iterator[dict[str, Any]]:
    return (values for values in specimens() if values["name"].split()[0] in OWN)


def references(model: type[Model]) -> dict[str, str]:
    rows = Reference.objects.using(REMOTE).filter(model_label=model._meta.label)
    return dict(rows.values_list("local_pk", "remote_pk"))


def keys_by_name(model: type[Model], alias: str, name: str = "name") -> dict[Any, str]:
    return {each: encode_key(key) for each, key in model._base_manager.using(alias).values_list(name, "pk")}


def test_new_objects_never_become_instances(no_instances):
    Numbered.objects.bulk_create(Numbered(name=f"n{number}", number=number) for number in range(3))
    Stamped.objects.bulk_create(Stamped(name=f"n{number}") for number in range(2))

    report = synchronize()

    created = {label: counts.created for label, counts in report.models.items()}
    assert created == {"testapp.Numbered": 3, "testapp.Stamped": 2}
    here, there = keys_by_name(Numbered, LOCAL), keys_by_name(Numbered, REMOTE)
    assert references(Numbered) == {here[name]: there[name] for name in here}
    assert there.keys() == {"n0", "n1", "n2"}


def test_every_value_of_djangos_own_fields_goes_over_as_it_is_stored(capture_only, carried, vendor):
    capture_only(StandardSpecimen)
    StandardSpecimen.objects.bulk_create(StandardSpecimen(**values) for values in standard_specimens())
    connection = connections[LOCAL]
    all_ = StandardSpecimen.objects.count()
    assert all_ == sum(len(VALUES[name]) + 1 for name in VALUES.keys() & OWN)

    synchronize_and_compare(StandardSpecimen)

    assert_stored_alike(StandardSpecimen)
    assert carried == [all_ - len(BY_OTHERS[connection.vendor])]


def test_fields_of_a_project_are_left_to_the_others(capture_only, carried):
    capture_only(PlainSpecimen, Required)
    PlainSpecimen.objects.create(name="custom fields")
    Required.objects.create(name="skipped ones", json=1)

    synchronize_and_compare(PlainSpecimen)

    assert carried == []
    assert on_remote(Required, name="skipped ones").json == 1


UNREADABLE = {
    "postgresql": [("date", "'infinity'"), ("datetime", "'-infinity'"), ("decimal", "'NaN'"), ("time", "'24:00'")],
    "sqlite": [
        ("date", "'2026-02-31'"),
        ("datetime", "'yesterday'"),
        ("datetime", "'2026-02-31 10:00:00'"),
        ("time", "'10:60:00'"),
        ("uuid", "'no UUID'"),
    ],
}


def test_what_python_cannot_read_is_kept_alone(capture_only, carried):
    capture_only(StandardSpecimen)
    bad = UNREADABLE[connections[LOCAL].vendor]
    StandardSpecimen.objects.bulk_create(StandardSpecimen(name=f"{number}") for number in range(len(bad) + 3))
    table, quote = StandardSpecimen._meta.db_table, connections[LOCAL].ops.quote_name
    for number, (name, value) in enumerate(bad):
        column = quote(StandardSpecimen._meta.get_field(name).column)
        execute(f"UPDATE {table} SET {column} = {value} WHERE name = %s", str(number))

    failures = synchronize().failures

    keys = keys_by_name(StandardSpecimen, LOCAL)
    assert {failure.key for failure in failures} == {keys[str(number)] for number in range(len(bad))}
    assert carried == [3]
    assert set(keys_by_name(StandardSpecimen, REMOTE)) == {str(len(bad) + number) for number in range(3)}


@pytest.mark.vendor("postgres")
@pytest.mark.filterwarnings("ignore:.*received a naive datetime")
def test_times_without_a_zone_are_left_to_those_who_know_which_zone_is_meant(capture_only, carried, settings):
    """The text of such a column has no zone, and would become an instant of the session's."""
    settings.TIME_ZONE = "Europe/Warsaw"
    capture_only(StandardSpecimen)
    table = StandardSpecimen._meta.db_table
    execute(f"ALTER TABLE {table} ALTER COLUMN datetime TYPE timestamp")
    install.install(LOCAL)
    StandardSpecimen.objects.create(name="new")
    execute(f"UPDATE {table} SET datetime = '2024-07-01 10:00'")
    StandardSpecimen.objects.create(name="later", boolean=True)
    synchronize()
    made = on_remote(StandardSpecimen, name="new").datetime

    execute(f"UPDATE {table} SET datetime = '2024-07-01 10:00', boolean = false")
    synchronize()

    assert made == on_remote(StandardSpecimen, name="new").datetime == UTC_OF_TEN_IN_WARSAW
    assert carried == [1], "the one that has no time"


@pytest.mark.vendor("postgres")
def test_what_cannot_be_read_so_spoils_no_transaction_of_the_caller(capture_only, carried):
    """Addresses that are texts on LOCAL: an older project's column. The caller's transaction goes on."""
    capture_only(StandardSpecimen)
    execute(f"ALTER TABLE {StandardSpecimen._meta.db_table} ALTER COLUMN ip TYPE varchar(39) USING host(ip)")
    install.install(LOCAL)
    StandardSpecimen.objects.create(name="new")
    execute(f"UPDATE {StandardSpecimen._meta.db_table} SET ip = '10.0.0.1'")

    with transaction.atomic():
        assert synchronize().failures == []

    assert on_remote(StandardSpecimen, name="new").ip == "10.0.0.1"
    assert carried == []


def test_one_that_clashes_does_not_hold_up_the_others():
    Numbered.objects.using(REMOTE).create(name="there", number=7)
    Numbered.objects.bulk_create(Numbered(name=f"n{number}", number=number) for number in range(5, 10))

    report = synchronize()

    assert [failure.key for failure in report.failures] == [keys_by_name(Numbered, LOCAL)["n7"]]
    assert set(keys_by_name(Numbered, REMOTE)) == {"there", "n5", "n6", "n8", "n9"}
    assert len(references(Numbered)) == 4


def test_a_value_is_free_again_in_the_same_batch():
    first = Numbered.objects.create(name="first", number=1)
    synchronize()
    first.delete()
    Numbered.objects.create(name="second", number=1)

    assert synchronize().failures == []

    assert set(keys_by_name(Numbered, REMOTE)) == {"second"}


def test_receivers_find_on_the_remote_what_was_made_before_and_no_more(carried):
    Numbered.objects.create(name="before", number=1)
    Stamped.objects.create(name="heard")
    Numbered.objects.create(name="after", number=2)
    there: list[set[str]] = []

    with receiving("post_save", Stamped, lambda **told: there.append(set(keys_by_name(Numbered, REMOTE)))):
        synchronize()

    assert there == [{"before"}]
    assert carried == []


def test_links_follow_their_new_ends(carried):
    tags = Tag.objects.bulk_create(Tag(label=f"t{number}") for number in range(2))
    for number in range(3):
        Tagged.objects.create(title=f"o{number}").tags.set(tags)

    assert synchronize().failures == []

    assert carried == [3], "tags have a natural key"
    assert Tagged.tags.through.objects.using(REMOTE).count() == 6
    assert not synchronize().changed


def parents(alias: str) -> dict[str, str | None]:
    return dict(Node._base_manager.using(alias).values_list("name", "parent__name"))


def test_foreign_keys_lead_to_the_rows_that_their_targets_are_there(carried):
    move_remote_keys_on("testapp")
    roots = Node.objects.bulk_create(Node(name=f"root {number}") for number in range(3))
    synchronize()
    Node.objects.bulk_create(Node(name=f"n{number}", parent=roots[number % 3]) for number in range(5))
    Node.objects.create(name="alone")
    Node.objects.create(name="last", parent=Node.objects.create(name="new root"))

    assert synchronize().failures == []

    assert carried == [3, 7]
    assert parents(REMOTE) == parents(LOCAL)
    assert keys_by_name(Node, REMOTE) == {
        name: references(Node)[key] for name, key in keys_by_name(Node, LOCAL).items()
    }
    assert not synchronize().changed


def test_models_that_point_to_one_another_come_in_their_order(carried):
    authors = Author.objects.bulk_create(Author(name=f"a{number}") for number in range(3))
    Book.objects.bulk_create(Book(name=f"b{number}", author=author) for number, author in enumerate(authors))

    synchronize_and_compare()

    assert carried == [3, 3]


def test_a_target_that_is_gone_there_is_left_to_the_others(carried):
    """Its row was deleted there past the log: it is made again, and what points to it comes with it."""
    author, other = Author.objects.create(name="gone there"), Author.objects.create(name="there")
    synchronize()
    with synchro_paused(using=REMOTE):
        Author.objects.using(REMOTE).filter(name="gone there").delete()
    carried.clear()
    Book.objects.create(name="one", author=author)
    Book.objects.create(name="two", author=other)

    synchronize_and_compare()

    assert carried == [1]


def test_a_target_whose_key_was_given_out_again_is_the_new_one(carried):
    old = Node.objects.create(name="old")
    synchronize()
    key = old.pk
    old.delete()
    Node.objects.create(name="child", parent=Node.objects.create(pk=key, name="new"))

    assert synchronize().failures == []

    assert parents(REMOTE) == {"new": None, "child": "new"}


def test_what_is_changed_while_it_is_read_comes_as_of_its_last_change(carried, monkeypatch):
    number_windows()
    Stamped.objects.bulk_create(Stamped(name=f"n{number}") for number in range(3))
    read = as_stored.AsStored.read

    def changing(self: Any, keys: list[str]) -> Any:
        found = read(self, keys)
        Stamped.objects.using(LOCAL).filter(name="n1").update(name="changed")
        return found

    monkeypatch.setattr(as_stored.AsStored, "read", changing)
    synchronize()

    assert carried == [2]
    assert set(keys_by_name(Stamped, REMOTE)) == {"n0", "changed", "n2"}
    monkeypatch.undo()
    assert synchronize().updated == 0
    assert not synchronize().changed


def test_an_object_that_the_remote_knows_already_is_left_to_the_others():
    """It has the object that had the key before, whose deletion was not logged."""
    old = Numbered.objects.create(name="old", number=1)
    synchronize()
    key = old.pk
    with synchro_paused():
        old.delete()
    Numbered.objects.create(pk=key, name="new", number=2)

    report = synchronize()

    assert report.failures == []
    assert set(keys_by_name(Numbered, REMOTE)) == {"old", "new"}, "nobody has logged that it is gone"
    assert references(Numbered) == {encode_key(key): keys_by_name(Numbered, REMOTE)["new"]}
    assert [remark.kind for remark in report.remarks] == [Told.VANISHED]


def number_windows() -> None:
    """Let LOCAL number what its users change, as where others ask for it."""
    Window.objects.create(number=1, position=current_position(LOCAL))


def test_versions_come_along(carried):
    number_windows()
    for number in range(2):
        Numbered.objects.create(name=f"n{number}", number=number)
        synchronize()
    assert carried == [1, 1]

    write_arrivals(REMOTE)

    rows = sorted(
        Reference.objects.using(REMOTE).filter(model_label="testapp.Numbered"), key=lambda row: int(row.local_pk)
    )
    times = dict(ChangeLog.objects.filter(model_label="testapp.Numbered").values_list("object_pk", "logged_at"))
    assert [row.time for row in rows] == [microseconds(times[row.local_pk]) for row in rows]
    assert [row.number for row in rows] == [2, 3]
    assert None not in {row.seen for row in rows}
