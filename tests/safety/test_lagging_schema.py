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
from tests.testapp.models import Account, Item, Restaurant, Tag, Tagged

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
    "table": ("ALTER TABLE testapp_item RENAME TO elsewhere", r"there is no testapp_item \(testapp\.Item\)"),
    "table of links": ("ALTER TABLE testapp_tagged_tags RENAME TO elsewhere", "there is no testapp_tagged_tags"),
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
