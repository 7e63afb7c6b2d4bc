"""``synchro_triggers.contrib.health_check``: a check for django-health-check."""

from __future__ import annotations

import asyncio
import datetime
import json

import pytest
from django.core.management import call_command
from django.db import connections
from django.db.models.signals import pre_save
from django.test import RequestFactory
from health_check.exceptions import ServiceUnavailable, ServiceWarning
from health_check.views import HealthCheckView

from synchro_triggers import synchronize
from synchro_triggers.contrib.health_check import Synchronization
from synchro_triggers.models import ChangeLog
from tests.databases import ALIASES, both, both_committed, install_triggers
from tests.testapp.models import Item

LOCAL, REMOTE = ALIASES
CHECK = "synchro_triggers.contrib.health_check.Synchronization"


def an_hour_ago():
    return datetime.datetime.now(datetime.UTC) - datetime.timedelta(hours=1)


@both
@pytest.mark.all_pairs
def test_change_that_waits_too_long_is_a_warning():
    Synchronization(max_lag=300).run()
    Item.objects.create(name="a")
    ChangeLog.objects.update(logged_at=an_hour_ago())

    Synchronization().run()
    with pytest.raises(ServiceWarning, match=r"push remote: a change waits for 3,6\d\d s, and 300 are allowed"):
        Synchronization(max_lag=300).run()
    Synchronization(max_lag=300, ask_remotes=False).run()


@both
def test_kept_failures_are_a_warning():
    Item.objects.create(name="a")

    def refuse(using, **kwargs):
        if using == REMOTE:
            raise ValueError("no")

    pre_save.connect(refuse, sender=Item)
    try:
        synchronize()
    finally:
        pre_save.disconnect(refuse, sender=Item)

    Synchronization(max_failures=1).run()
    with pytest.raises(ServiceWarning, match="push remote: 1 objects are kept as failures, and 0 are allowed"):
        Synchronization().run()


@both
def test_triggers_that_do_not_fit_are_worse():
    call_command("synchro_install_triggers", "--uninstall", verbosity=0)
    try:
        with pytest.raises(ServiceUnavailable, match="synchro_install_triggers"):
            Synchronization(ask_remotes=False).run()
    finally:
        install_triggers(LOCAL)


def answer_of(**options):
    """Return status and body of django-health-check's page; each check runs in a thread of its own."""
    view = HealthCheckView.as_view(checks=[(CHECK, options)])
    request = RequestFactory().get("/health/", headers={"Accept": "application/json"})
    response = asyncio.run(view(request))
    return response.status_code, json.loads(response.content)


@both_committed
def test_page_shows_it_and_no_connection_stays():
    def open_connections():
        with connections[LOCAL].cursor() as cursor:
            cursor.execute("SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()")
            return cursor.fetchone()[0]

    is_counted = connections[LOCAL].vendor == "postgresql"
    before = open_connections() if is_counted else 0
    well = answer_of(max_lag=300)
    Item.objects.create(name="a")
    ChangeLog.objects.update(logged_at=an_hour_ago())
    ill = answer_of(max_lag=300)

    assert well[0] == 200 and ill[0] == 500 and "a change waits" in json.dumps(ill[1])
    assert (open_connections() if is_counted else 0) == before


@both_committed
def test_remote_that_is_down_is_a_warning(vendor, tmp_path, monkeypatch):
    lost = {"sqlite": {"NAME": str(tmp_path / "no" / "db")}, "postgres": {"HOST": "127.0.0.1", "PORT": "1"}}
    with monkeypatch.context() as patch:
        connections[REMOTE].close()
        for name, changed in lost[vendor.remote].items():
            patch.setitem(connections[REMOTE].settings_dict, name, changed)
        with pytest.raises(ServiceWarning, match="remote cannot be asked"):
            Synchronization().run()
    connections[REMOTE].close()
