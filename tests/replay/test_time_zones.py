"""The time zones of the project and of either alias have no say in keys, in values, nor in who is newer."""

from __future__ import annotations

import datetime
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import pytest
from django.db import connections
from django.utils import timezone

from synchro_triggers import synchronize
from synchro_triggers.capture.install import compare, run_statements
from synchro_triggers.models import ChangeLog, Checkpoint, Failure, Reference, options
from synchro_triggers.replay.status.local import read_local
from synchro_triggers.replay.status.remote import read_status
from tests.databases import both
from tests.fieldapp.models import KEYED, PAIRED, POINTERS
from tests.replay.hearing import LOCAL, REMOTE, hearing, later
from tests.testapp.models import Item, Numbered, Stamped

pytestmark = [both, pytest.mark.all_pairs, pytest.mark.thinned("zones")]


UTC = datetime.UTC
CHICAGO, KOLKATA, HOWE = "America/Chicago", "Asia/Kolkata", "Australia/Lord_Howe"

#: Time zones of LOCAL, of the remote and of the project.
ZONES = [
    (None, None, "UTC"),
    (None, None, CHICAGO),
    (KOLKATA, None, "UTC"),
    (None, KOLKATA, CHICAGO),
    (CHICAGO, CHICAGO, KOLKATA),
    (HOWE, CHICAGO, "Europe/Berlin"),
]


@contextmanager
def zone_of_alias(alias: str, name: str | None) -> Iterator[None]:
    connection = connections[alias]

    def switch(to: str | None) -> None:
        connection.settings_dict["TIME_ZONE"] = to
        for cached in ("timezone", "timezone_name"):
            connection.__dict__.pop(cached, None)
        if connection.vendor == "postgresql":
            with connection.cursor() as cursor:
                cursor.execute("SELECT set_config('TimeZone', %s, false)", [connection.timezone_name])

    before = connection.settings_dict["TIME_ZONE"]
    switch(name)
    try:
        yield
    finally:
        switch(before)


@pytest.fixture(params=ZONES, ids=["-".join(str(zone).rpartition("/")[2] for zone in zones) for zones in ZONES])
def zones(request, vendor, settings) -> Iterator[tuple[str | None, ...]]:
    local, remote, project = request.param
    settings.TIME_ZONE = project
    with ExitStack() as stack:
        for alias, name in ((LOCAL, local), (REMOTE, remote)):
            if name is not None:
                stack.enter_context(zone_of_alias(alias, name))
        yield request.param


def capture(settings: Any, *models: Any) -> None:
    settings.SYNCHRO_MODELS = tuple(model._meta.label for model in models)
    found = compare(LOCAL)
    run_statements(LOCAL, [sql for trigger in (*found.missing, *found.outdated) for sql in trigger.statements])


def instants(alias: str, model: Any, field: str = "pk") -> list[datetime.datetime]:
    """Return the times of all rows, as the database has them."""
    column = model._meta.pk.column if field == "pk" else field
    connection = connections[alias]
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute(f"SELECT extract(epoch FROM {column})::numeric FROM {model._meta.db_table}")
            found = [
                datetime.datetime(1970, 1, 1, tzinfo=UTC) + datetime.timedelta(microseconds=int(seconds * 10**6))
                for (seconds,) in cursor.fetchall()
            ]
        else:
            cursor.execute(f"SELECT {column} || '' FROM {model._meta.db_table}")
            zone = connection.timezone or UTC
            found = [
                datetime.datetime.fromisoformat(text).replace(tzinfo=zone).astimezone(UTC)
                for (text,) in cursor.fetchall()
            ]
    return sorted(found)


#: Around the beginning and the end of summer time in Chicago, and at noon.
TIMES = [
    datetime.datetime(2024, 3, 10, 7, 59, 59, 999999, tzinfo=UTC),
    datetime.datetime(2024, 3, 10, 8, 0, tzinfo=UTC),
    datetime.datetime(2024, 3, 10, 8, 30, 0, 1, tzinfo=UTC),
    datetime.datetime(2024, 11, 3, 5, 30, tzinfo=UTC),
    datetime.datetime(2024, 11, 3, 8, 30, tzinfo=UTC),
    datetime.datetime(2026, 7, 1, 12, 0, 15, 250000, tzinfo=UTC),
]
#: Two instants with the same time of the day in Chicago.
DOUBLED = [datetime.datetime(2024, 11, 3, 6, 30, tzinfo=UTC), datetime.datetime(2024, 11, 3, 7, 30, tzinfo=UTC)]


def test_times_are_keys(zones, settings):
    keyed, paired, pointer = KEYED["DateTime"], PAIRED["DateTime"], POINTERS["DateTime"]
    capture(settings, keyed, paired, pointer)
    for number, time in enumerate(TIMES):
        keyed.objects.create(pk=time, name=str(number))
        paired.objects.create(part=time, number=number, name=str(number))
        pointer.objects.create(name=str(number), target_id=time)
    assert synchronize().failures == []

    for model in (keyed, paired, pointer):
        model.objects.update(name="changed")
    report = synchronize()
    assert (report.created, report.updated, report.failures) == (0, 3 * len(TIMES), [])
    assert instants(REMOTE, keyed) == instants(REMOTE, pointer, "target_id") == TIMES
    assert Reference.objects.using(REMOTE).filter(model_label=keyed._meta.label).count() == len(TIMES)

    pointer.objects.all().delete()
    keyed.objects.filter(pk=TIMES[1]).delete()
    paired.objects.filter(part=TIMES[1]).delete()
    report = synchronize()
    assert report.failures == []
    assert instants(REMOTE, keyed) == instants(REMOTE, paired, "part") == [TIMES[0], *TIMES[2:]]
    assert not synchronize().changed


@pytest.mark.vendor("postgres")
def test_both_times_of_a_doubled_hour_are_keys_and_values(zones, settings):
    keyed = KEYED["DateTime"]
    capture(settings, keyed, Stamped)
    keyed.objects.bulk_create([keyed(pk=time, name="n") for time in DOUBLED])
    Stamped.objects.bulk_create([Stamped(name="n")])
    Stamped.objects.update(changed=DOUBLED[0])
    assert synchronize().failures == []
    assert instants(REMOTE, keyed) == DOUBLED

    Stamped.objects.update(changed=DOUBLED[1])
    keyed.objects.filter(pk=DOUBLED[0]).update(name="first")
    report = synchronize()
    assert (report.updated, report.failures) == (2, [])
    assert instants(REMOTE, Stamped, "changed") == DOUBLED[1:]

    keyed.objects.filter(pk=DOUBLED[0]).delete()
    assert synchronize().failures == []
    assert instants(REMOTE, keyed) == DOUBLED[1:]


@pytest.mark.vendor("sqlite", "postgres-to-sqlite")
@pytest.mark.parametrize("heard", [False, True], ids=["bulk", "one by one"])
def test_later_time_of_a_doubled_hour_is_kept_where_the_remote_cannot_tell_it(settings, heard):
    keyed, paired, pointer = KEYED["DateTime"], PAIRED["DateTime"], POINTERS["DateTime"]
    capture(settings, keyed, paired, pointer, Stamped)
    models = (keyed, paired, pointer, Stamped)
    with zone_of_alias(REMOTE, CHICAGO), hearing(*(models if heard else ())):
        for number, time in enumerate(DOUBLED):
            keyed.objects.create(pk=time, name=str(number))
            paired.objects.create(part=time, number=1, name=str(number))
            pointer.objects.create(name=str(number), target_id=time)
        Stamped.objects.bulk_create([Stamped(name="0"), Stamped(name="1")])
        for number, time in enumerate(DOUBLED):
            Stamped.objects.filter(name=str(number)).update(changed=time)

        for _ in range(2):
            foreseen, report = synchronize(dry_run=True), synchronize()
            assert {failure.model for failure in report.failures} == {model._meta.label for model in models}
            assert len(report.failures) == foreseen.failed == 4
            [said] = [failure.error for failure in report.failures if failure.model == keyed._meta.label]
            assert "its id, 2024-11-03 07:30:00 UTC" in said and CHICAGO in said
            for model in models:
                assert [row.name for row in model.objects.using(REMOTE).all()] == ["0"], model

        for model in models:
            model.objects.filter(name="1").delete()
        report = synchronize()

        assert (report.failures, report.deleted) == ([], 0)
        for model in models:
            assert [row.name for row in model.objects.using(REMOTE).all()] == ["0"], model
        assert not Failure.objects.using(REMOTE).exists()


@pytest.mark.vendor("postgres")
def test_two_times_that_are_one_without_time_zones_are_not_taken_for_one_another(settings):
    keyed = KEYED["DateTime"]
    capture(settings, keyed)
    keyed.objects.bulk_create([keyed(pk=time, name=str(number)) for number, time in enumerate(DOUBLED)])
    settings.USE_TZ = False
    settings.TIME_ZONE = CHICAGO

    report = synchronize()

    assert len(report.failures) == 1
    assert instants(REMOTE, keyed) == DOUBLED[1:]


@pytest.mark.vendor("postgres")
def test_session_that_writes_in_another_zone_logs_the_same_key(settings):
    keyed = KEYED["DateTime"]
    capture(settings, keyed)
    time = TIMES[-1]
    with connections[LOCAL].cursor() as cursor:
        for number, zone in enumerate((KOLKATA, CHICAGO, "UTC")):
            cursor.execute("SELECT set_config('TimeZone', %s, false)", [zone])
            if not number:
                cursor.execute(f"INSERT INTO {keyed._meta.db_table} (id, name) VALUES (%s, 'a')", [time])
            cursor.execute(f"UPDATE {keyed._meta.db_table} SET name = %s", [f"n{number}"])

    assert ChangeLog.objects.filter(model_label=keyed._meta.label).values("object_pk").distinct().count() == 1


def test_newer_change_wins_whatever_the_zones(zones):
    Item.objects.create(name="a", cash=0)
    synchronize()
    for number, (first, second) in enumerate([(LOCAL, REMOTE), (REMOTE, LOCAL)] * 3):
        later()
        Item.objects.using(first).update(cash=10 * number + 1)
        later()
        Item.objects.using(second).update(cash=10 * number + 2)

        report = synchronize()

        assert report.failures == []
        assert Item.objects.using(REMOTE).get().cash == 10 * number + 2, (number, first, second)


@pytest.mark.parametrize("project", ["UTC", CHICAGO, KOLKATA])
def test_newer_change_wins_without_time_zones(settings, project):
    settings.USE_TZ = False
    settings.TIME_ZONE = project
    Item.objects.create(name="a", cash=0)
    synchronize()
    for number in range(4):
        later()
        Item.objects.using(REMOTE if number % 2 else LOCAL).update(cash=10 * number + 1)
        later()
        Item.objects.using(LOCAL if number % 2 else REMOTE).update(cash=10 * number + 2)

        synchronize()

        assert Item.objects.using(REMOTE).get().cash == 10 * number + 2


def near(time: datetime.datetime | None) -> bool:
    assert time is not None
    if timezone.is_naive(time):
        time = timezone.make_aware(time, timezone.get_default_timezone())
    return abs(datetime.datetime.now(UTC) - time) < datetime.timedelta(minutes=2)


def test_our_own_times_are_now(zones):
    Item.objects.create(name="a")
    Numbered.objects.using(REMOTE).create(number=1)
    Numbered.objects.create(number=1)

    synchronize()

    checkpoint = Checkpoint.objects.using(REMOTE).get()
    failure = Failure.objects.using(REMOTE).get()
    reference = Reference.objects.using(REMOTE).get()
    times = [
        *ChangeLog.objects.values_list("logged_at", flat=True),
        *(checkpoint.last_check, failure.logged_at, failure.first_at, failure.last_at, reference.met_at),
    ]
    assert all(map(near, times))
    assert near(options.last_check)
    assert ChangeLog.objects.filter(logged_at__gt=timezone.now() - datetime.timedelta(minutes=2)).count() == 2
    assert not ChangeLog.objects.filter(logged_at__gt=timezone.now() + datetime.timedelta(minutes=2)).exists()


def assert_status_is_of_now():
    synchronize()
    Item.objects.create(name="a")
    found, here = read_status(REMOTE), read_local()
    [run] = found.runs
    assert abs(found.clock) < 60 and 0 <= found.lag < 60
    assert near(run.begun_at) and near(run.ended_at) and near(here.log_since)


def test_status_tells_of_now(zones):
    assert_status_is_of_now()


@pytest.mark.parametrize("project", ["UTC", CHICAGO, KOLKATA])
def test_status_tells_of_now_without_time_zones(settings, project):
    settings.USE_TZ = False
    settings.TIME_ZONE = project

    assert_status_is_of_now()


def test_last_check_cuts_where_it_was_set(zones):
    Item.objects.create(name="before")
    later()
    cut = timezone.now()
    later()
    Item.objects.create(name="after")

    options.last_check = cut

    assert options.last_check == cut
    report = synchronize()
    assert [each.name for each in Item.objects.using(REMOTE).all()] == ["after"]
    assert report.created == 1


@pytest.mark.parametrize("project", ["UTC", CHICAGO, KOLKATA])
def test_last_check_cuts_where_it_was_set_without_time_zones(settings, project):
    settings.USE_TZ = False
    settings.TIME_ZONE = project
    Item.objects.create(name="before")
    later()
    cut = timezone.make_naive(datetime.datetime.now(UTC), timezone.get_default_timezone())
    later()
    Item.objects.create(name="after")

    options.last_check = cut

    assert options.last_check == cut
    synchronize()
    assert [each.name for each in Item.objects.using(REMOTE).all()] == ["after"]
    assert near(options.last_check)
