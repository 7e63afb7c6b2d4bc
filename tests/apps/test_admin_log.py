"""The admin's own log: content type and key of what it speaks of, in columns that are no generic foreign key."""

from __future__ import annotations

import pytest
from django.contrib.admin.models import ADDITION, DELETION, LogEntry
from django.contrib.auth.models import Group, User
from django.contrib.contenttypes.models import ContentType

from synchro_triggers import synchronize
from tests.databases import both
from tests.replay.hearing import receiving
from tests.shapes.sides import REMOTE, on_remote
from tests.usingapp.models import Leaflet, Project

pytestmark = [both, pytest.mark.usefixtures("migrated_apart")]

CAPTURED = ("auth", "admin", "usingapp")


@pytest.fixture
def office(settings, client):
    """A user's browser in the office's admin."""
    settings.SYNCHRO_OPTIONS = {"admin.LogEntry": {"references": {"object_id": ("content_type",)}}}
    Group.objects.using(REMOTE).create(name="the remote's own")
    client.force_login(User.objects.create_superuser("ann"))
    return client


@pytest.fixture(params=["bulk", "one by one"], autouse=True)
def writing(request):
    if request.param == "bulk":
        yield
        return
    with receiving("post_save", LogEntry, lambda **told: None):
        yield


def log_there():
    """Return name, flag and object id of the remote's log, the oldest first."""
    rows = LogEntry.objects.using(REMOTE).order_by("pk")
    return [(row.object_repr, row.action_flag, row.object_id) for row in rows]


def test_remotes_log_speaks_of_the_same_objects(office):
    office.post("/admin/auth/group/add/", {"name": "writers"})
    office.post("/admin/auth/group/add/", {"name": "readers"})
    assert synchronize().failures == []

    keys = {name: str(on_remote(Group, name=name).pk) for name in ("writers", "readers")}
    assert log_there() == [(name, ADDITION, keys[name]) for name in ("writers", "readers")]
    for entry in LogEntry.objects.using(REMOTE).select_related("content_type", "user"):
        assert entry.content_type.model == "group" and entry.user.username == "ann"
    assert not synchronize().changed


def test_log_of_an_object_stays_one_when_it_is_deleted(office):
    office.post("/admin/auth/group/add/", {"name": "writers"})
    synchronize()
    key = str(on_remote(Group, name="writers").pk)

    here = Group.objects.get(name="writers")
    office.post(f"/admin/auth/group/{here.pk}/delete/", {"post": "yes"})
    assert not Group.objects.filter(name="writers").exists()
    report = synchronize()

    assert report.failures == []
    assert log_there() == [("writers", ADDITION, key), ("writers", DELETION, key)]
    assert not synchronize().changed
    assert not synchronize(full=True).changed


def test_log_speaks_of_uuids_and_of_numbers(office):
    leaflet = Leaflet.objects.create(name="leaflet")
    project = Project.objects.create(name="project")
    for each in (leaflet, project):
        LogEntry.objects.create(
            user=User.objects.get(),
            content_type=ContentType.objects.get_for_model(each, for_concrete_model=False),
            object_id=str(each.pk),
            object_repr=each.name,
            action_flag=ADDITION,
        )

    assert synchronize().failures == []

    there = on_remote(Project, name="project")
    assert [each[2] for each in log_there()] == [str(leaflet.pk), str(there.pk)]
