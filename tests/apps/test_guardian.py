"""Permissions for single objects (django-guardian): a generic foreign key whose object id is text."""

from __future__ import annotations

import pytest
from django.contrib.auth.models import Group, User
from guardian.models import GroupObjectPermission, UserObjectPermission
from guardian.shortcuts import assign_perm, remove_perm

from synchro_triggers import synchro_paused, synchronize
from tests.databases import both
from tests.shapes.sides import REMOTE, on_remote, synchronize_and_compare
from tests.usingapp.models import Leaflet, Project

pytestmark = [both, pytest.mark.usefixtures("migrated_apart")]

CAPTURED = ("guardian", "auth", "usingapp")
COMPARED = ("guardian", "auth", Project, Leaflet)


@pytest.fixture
def projects() -> list[Project]:
    return [Project.objects.create(name=f"project {number}") for number in range(4)]


@pytest.fixture
def ann() -> User:
    return User.objects.create_user("ann")


@pytest.fixture
def editors() -> Group:
    return Group.objects.create(name="editors")


def granted(model=UserObjectPermission) -> set[tuple[str, str]]:
    """Return codename and object of each of the remote's permissions."""
    return {
        (row.permission.codename, on_remote(row.content_type.model_class(), pk=row.object_pk).name)
        for row in model.objects.using(REMOTE).select_related("permission", "content_type")
    }


def test_permissions_of_users_point_to_the_same_objects(projects, ann):
    leaflet = Leaflet.objects.create(name="leaflet")  # its key is a UUID
    assign_perm("lead_project", ann, projects[2])
    assign_perm("view_project", ann, projects[0])
    assign_perm("change_leaflet", ann, leaflet)
    synchronize_and_compare(*COMPARED)
    assert granted() == {("lead_project", "project 2"), ("view_project", "project 0"), ("change_leaflet", "leaflet")}

    remove_perm("lead_project", ann, projects[2])
    assign_perm("lead_project", ann, projects[3])
    UserObjectPermission.objects.filter(object_pk=str(projects[0].pk)).update(object_pk=str(projects[1].pk))
    synchronize_and_compare(*COMPARED)
    assert granted() == {("lead_project", "project 3"), ("view_project", "project 1"), ("change_leaflet", "leaflet")}


def test_permissions_of_groups_point_to_the_same_objects(projects, ann, editors):
    ann.groups.add(editors)
    assign_perm("view_project", editors, Project.objects.all())  # in bulk
    assign_perm("lead_project", editors, projects[1])
    synchronize_and_compare(*COMPARED)
    assert len(granted(GroupObjectPermission)) == 5

    remove_perm("view_project", editors, Project.objects.filter(name__in=["project 0", "project 1"]))
    synchronize_and_compare(*COMPARED)
    assert granted(GroupObjectPermission) == {
        ("lead_project", "project 1"),
        ("view_project", "project 2"),
        ("view_project", "project 3"),
    }


def test_permissions_go_with_their_user_and_stay_behind_their_object(projects, ann, editors):
    """Guardian leaves the permissions of a deleted object where they are: there is no generic relation."""
    for project in projects:
        assign_perm("view_project", ann, project)
        assign_perm("view_project", editors, project)
    synchronize_and_compare(*COMPARED)

    ann.delete()
    projects[0].delete()
    synchronize_and_compare("auth", Project)

    assert not UserObjectPermission.objects.using(REMOTE).exists()
    assert GroupObjectPermission.objects.using(REMOTE).count() == len(projects)


def test_object_that_was_never_logged_is_brought_along_by_its_permission(ann):
    with synchro_paused():
        project = Project.objects.create(name="quiet")
    assign_perm("view_project", ann, project)

    synchronize_and_compare(*COMPARED)

    assert granted() == {("view_project", "quiet")}


def test_guardians_own_look_up_of_content_types_finds_those_of_the_remote(projects, ann, monkeypatch):
    """It names no database."""
    assign_perm("view_project", ann, projects[0])
    monkeypatch.setattr("guardian.conf.settings.GET_CONTENT_TYPE", "guardian.ctypes.get_default_content_type")

    synchronize_and_compare(*COMPARED)


def test_guardian_that_asks_the_wrong_database_for_content_types_is_named(projects, ann, monkeypatch, settings):
    """Where what is unnamed means LOCAL, it refuses to save what is right on the remote; nothing else suffers."""
    settings.SYNCHRO_UNNAMED = "local"
    assign_perm("view_project", ann, projects[0])
    row = UserObjectPermission.objects.get()
    monkeypatch.setattr("guardian.conf.settings.GET_CONTENT_TYPE", "guardian.ctypes.get_default_content_type")

    report = synchronize()

    [failure] = report.failures
    assert (failure.model, failure.key) == ("guardian.UserObjectPermission", str(row.pk))
    assert "Cannot persist permission not designed for this class" in failure.error
    assert on_remote(Project, name="project 0") and on_remote(User, username="ann")

    monkeypatch.undo()
    synchronize_and_compare(*COMPARED)
