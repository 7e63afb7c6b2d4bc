"""A remote whose schema lags: one error before anything is written, which says what is missing, and what to run."""

from __future__ import annotations

import pytest
from django.core.management import CommandError, call_command
from django.db import connections

from synchro_triggers import synchronize
from synchro_triggers.capture import install
from synchro_triggers.exceptions import Refused
from synchro_triggers.models import Failure
from tests.databases import both
from tests.testapp.models import Account, Item, Place, Restaurant, Tag, Tagged

pytestmark = both

REMOTE = "remote"


@pytest.fixture
def spoil():
    def do(sql):
        install.uninstall(REMOTE)
        with connections[REMOTE].cursor() as cursor:
            cursor.execute(sql)

    return do


LAGGING = {
    "column": ("ALTER TABLE testapp_item RENAME COLUMN cash TO money", r"testapp_item \(testapp\.Item\) has no cash"),
    "column of a parent": ("ALTER TABLE testapp_place RENAME COLUMN name TO title", "testapp_place .* has no name"),
}


@pytest.mark.parametrize("what", LAGGING)
def test_lagging_remote_is_one_error_before_anything_is_written(spoil, what):
    sql, said = LAGGING[what]
    Item.objects.bulk_create(Item(name=str(number)) for number in range(50))
    Account.objects.create(name="a")
    Tagged.objects.create(title="t").tags.add(Tag.objects.create(label="l"))
    Restaurant.objects.create(name="r")
    spoil(sql)

    with pytest.raises(Refused, match=said) as caught:
        synchronize()
    with pytest.raises(CommandError) as ended:
        call_command("synchronize")

    assert "`manage.py migrate --database remote`" in str(caught.value) and ended.value.returncode == 3
    assert not Tag.objects.using(REMOTE).exists() and not Failure.objects.using(REMOTE).exists()


#: Tables, with what is left out where the remote has none, and an object that comes all the same.
TABLES = {
    "testapp_item": ({"testapp.Item"}, Tag),
    "testapp_tagged_tags": ({"testapp.Tagged_tags"}, Item),
    "testapp_place": ({"testapp.Place", "testapp.Restaurant"}, Item),
    "testapp_restaurant": ({"testapp.Restaurant"}, Place),
}


@pytest.mark.parametrize("table", TABLES)
def test_table_that_the_remote_lacks_is_left_out_with_what_needs_it(spoil, table):
    names, other = TABLES[table]
    Item.objects.bulk_create(Item(name=str(number)) for number in range(3))
    Tagged.objects.create(title="t").tags.add(Tag.objects.create(label="l"))
    Restaurant.objects.create(name="r")
    spoil(f"ALTER TABLE {table} RENAME TO elsewhere")

    report = synchronize()

    assert {each.name for each in report.left_out} == names and not report.failures
    assert all("`manage.py migrate --database remote`" in each.reason for each in report.left_out)
    assert other.objects.using(REMOTE).exists()

    with connections[REMOTE].cursor() as cursor:
        cursor.execute(f"ALTER TABLE elsewhere RENAME TO {table}")
    report = synchronize()
    assert not (report.left_out or report.failures)
    assert Item.objects.using(REMOTE).count() == 3 and Restaurant.objects.using(REMOTE).get().name == "r"
    assert [tag.label for tag in Tagged.objects.using(REMOTE).get().tags.using(REMOTE)] == ["l"]
    assert not synchronize().changed


def test_first_run_goes_on_where_local_itself_lacks_a_table():
    Tag.objects.create(label="l")
    install.uninstall("default")
    with connections["default"].cursor() as cursor:
        cursor.execute("ALTER TABLE testapp_item RENAME TO elsewhere")
    install.install("default")
    Tag.objects.create(label="m")

    report = synchronize()

    assert [each.reason for each in report.left_out] == [
        "'default' has no table 'testapp_item': run `manage.py migrate --database default`"
    ]
    assert Tag.objects.using(REMOTE).count() == 2


def test_run_of_other_models_is_not_stopped_by_it(spoil):
    Tag.objects.create(label="l")
    spoil(LAGGING["column"][0])

    assert synchronize(models=["testapp.Tag"]).created == 1


def test_skipped_column_is_not_needed_there(spoil):
    Account.objects.create(name="a", visits=1)
    spoil("ALTER TABLE testapp_account DROP COLUMN visits")

    report = synchronize()

    assert report.created == 1 and not report.left_out


def test_remote_that_is_ahead_does_not_lag(spoil):
    Item.objects.create(name="a")
    spoil("ALTER TABLE testapp_item ADD COLUMN colour varchar(10)")

    assert synchronize().created == 1
