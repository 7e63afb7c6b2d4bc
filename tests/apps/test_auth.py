"""Users, groups and permissions: found by Django's own natural keys, whatever numbers they have."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from django.contrib.auth.models import Group, Permission, User
from django.contrib.auth.signals import user_logged_in
from django.contrib.contenttypes.models import ContentType
from django.db import connections

from synchro_triggers import synchro_paused, synchronize
from tests.databases import both, install_triggers
from tests.shapes.sides import REMOTE, on_remote, synchronize_and_compare
from tests.usingapp.models import Project

pytestmark = [both, pytest.mark.usefixtures("migrated_apart")]

CAPTURED = COMPARED = ("auth", "contenttypes")
LONG_AGO = datetime(2020, 2, 2, tzinfo=UTC)


def permission(codename: str, app_label: str, alias: str = "default") -> Permission:
    return Permission.objects.using(alias).get(codename=codename, content_type__app_label=app_label)


def may(username: str, *names: str) -> bool:
    """Tell whether the remote's user has the permissions, as Django itself reads them."""
    user = on_remote(User, username=username)
    granted = Permission.objects.using(REMOTE).filter(user=user) | Permission.objects.using(REMOTE).filter(
        group__user=user
    )
    return set(names) <= {f"{one.content_type.app_label}.{one.codename}" for one in granted.distinct()}


def test_users_and_groups_arrive_with_passwords_and_permissions():
    editors, readers = Group.objects.create(name="editors"), Group.objects.create(name="readers")
    editors.permissions.add(permission("add_user", "auth"), permission("add_tag", "taggit"))
    ann = User.objects.create_user("ann", "ann@example.com", "first", last_name="Ångström")
    bob = User.objects.create_superuser("bob", password="second")
    ann.groups.set([editors, readers])
    ann.user_permissions.add(permission("add_tag", "testapp"))
    synchronize_and_compare(*COMPARED)
    assert on_remote(User, username="ann").check_password("first")
    assert may("ann", "auth.add_user", "taggit.add_tag", "testapp.add_tag") and not may("bob", "auth.add_user")

    ann.set_password("third")
    ann.save()
    User.objects.filter(pk=bob.pk).update(is_active=False, username="robert")
    ann.groups.remove(readers)
    bob.groups.add(readers)
    editors.permissions.set([permission("view_user", "auth"), permission("lead_project", "usingapp")])
    ann.user_permissions.clear()
    synchronize_and_compare(*COMPARED)
    assert on_remote(User, username="ann").check_password("third")
    assert may("ann", "auth.view_user", "usingapp.lead_project") and not may("ann", "auth.add_user")


def test_users_and_groups_go_with_their_links():
    groups = [Group.objects.create(name=name) for name in ("a", "b")]
    users = [User.objects.create_user(name) for name in ("ann", "bob", "cy")]
    for group in groups:
        group.permissions.set(Permission.objects.filter(content_type__app_label="auth"))
        group.user_set.set(users)
    synchronize_and_compare(*COMPARED)

    users[0].delete()
    User.objects.filter(username="bob").delete()
    groups[0].delete()
    synchronize_and_compare(*COMPARED)

    assert set(User.objects.using(REMOTE).values_list("username", "groups__name")) == {("cy", "b")}


def test_users_groups_and_permissions_of_both_sides_are_matched_by_their_natural_keys():
    for alias, names in (("default", ("ann", "bob")), (REMOTE, ("bob", "ann"))):
        with synchro_paused(using=alias):
            for name in names:
                User.objects.using(alias).create(username=name, date_joined=LONG_AGO)
                Group.objects.using(alias).create(name=f"group of {name}")
    there = dict(User.objects.using(REMOTE).values_list("username", "pk"))
    User.objects.filter(username="ann").update(first_name="Ann")
    User.objects.get(username="bob").groups.add(Group.objects.get(name="group of bob"))
    Permission.objects.filter(content_type__app_label="auth", codename="add_user").update(name="May add users")

    report = synchronize_and_compare(*COMPARED)

    assert {label for label, counts in report.models.items() if counts.created} == {"auth.User_groups"}
    assert dict(User.objects.using(REMOTE).values_list("username", "pk")) == there
    assert on_remote(Permission, codename="add_user", content_type__app_label="auth").name == "May add users"


def test_permission_and_content_type_that_the_remote_lacks_are_brought_along():
    for model in ("alpha", "omega"):
        content_type = ContentType.objects.create(app_label="removed", model=model)
        Permission.objects.create(codename=f"use_{model}", name=f"Can use {model}", content_type=content_type)
    group = Group.objects.create(name="group")
    group.permissions.set(Permission.objects.filter(content_type__app_label="removed"))
    synchronize_and_compare(*COMPARED)

    ContentType.objects.get(app_label="removed", model="alpha").delete()
    synchronize_and_compare(*COMPARED)
    assert [one.codename for one in Group.objects.using(REMOTE).get().permissions.all()] == ["use_omega"]


def test_permissions_that_are_not_captured_are_matched_not_made_again(settings):
    """A project that lists only users and groups; permissions and content types are what each side has made."""
    settings.SYNCHRO_MODELS = (("auth", "User", "Group"),)
    install_triggers()
    before = Permission.objects.using(REMOTE).count()
    group = Group.objects.create(name="group")
    group.permissions.set(Permission.objects.filter(content_type__app_label="usingapp"))
    User.objects.create_user("ann").groups.add(group)

    report = synchronize_and_compare(User, Group, Permission)

    assert Permission.objects.using(REMOTE).count() == before
    assert "auth.Permission" not in report.models and "contenttypes.ContentType" not in report.models
    assert may("ann", "usingapp.add_project", "usingapp.lead_project")


def test_links_written_past_the_orm_arrive():
    project = Permission.objects.filter(content_type=ContentType.objects.get_for_model(Project))
    users = User.objects.bulk_create(User(username=f"user {number}") for number in range(3))
    User.user_permissions.through.objects.bulk_create(
        User.user_permissions.through(user=user, permission=permission) for user in users for permission in project
    )
    synchronize_and_compare(*COMPARED)

    with connections["default"].cursor() as cursor:
        cursor.execute("DELETE FROM auth_user_user_permissions WHERE user_id = %s", [users[0].pk])
        cursor.execute("UPDATE auth_user SET username = 'renamed' WHERE id = %s", [users[1].pk])
    synchronize_and_compare(*COMPARED)

    assert not may("user 0", "usingapp.add_project") and may("renamed", "usingapp.add_project")


def test_user_whom_both_sides_have_made_is_one(settings):
    settings.SYNCHRO_CONFLICT = "local"
    User.objects.db_manager(REMOTE).create_user("ann", first_name="There")
    User.objects.create_user("ann", first_name="Here")

    synchronize_and_compare(*COMPARED)

    assert list(User.objects.using(REMOTE).values_list("username", "first_name")) == [("ann", "Here")]


def test_login_at_the_office_brings_no_old_password_back():
    ann = User.objects.create_user("ann", password="old")
    synchronize_and_compare(*COMPARED)
    there = on_remote(User, username="ann")
    there.set_password("new")
    there.last_login = LONG_AGO
    there.save()

    user_logged_in.send(User, request=None, user=ann)  # as django.contrib.auth.login() does

    ann.refresh_from_db()
    assert ann.last_login.year > LONG_AGO.year and not synchronize().changed
    there.refresh_from_db()
    assert there.check_password("new") and there.last_login == LONG_AGO
