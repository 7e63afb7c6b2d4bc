"""The fence: whatever the log says, what ``SYNCHRO_MODELS`` does not list is written as a target only."""

from __future__ import annotations

import json

import pytest
from django.contrib.auth.models import Group, User
from django.utils import timezone

from synchro_triggers import synchronize
from synchro_triggers.models import ChangeLog, Failure
from synchro_triggers.replay.choices import Choices
from synchro_triggers.replay.log.window import open_window
from synchro_triggers.replay.report import Told
from synchro_triggers.replay.run import Run
from synchro_triggers.replay.state.checkpoint import load_checkpoint
from synchro_triggers.replay.state.node import node_id
from tests.databases import both
from tests.replay.hearing import later
from tests.testapp.models import Club, Item, Membership, Tag, Unlisted

pytestmark = both

LOCAL, REMOTE = "default", "remote"


def remote(model):
    return model._base_manager.using(REMOTE)


def log(model, key, operation, **old_values):
    ChangeLog.objects.create(
        model_label=model._meta.label,
        object_pk=str(key),
        operation=operation,
        old_values=json.dumps(old_values) if old_values else None,
    )


@pytest.fixture
def forged():
    """Rows of the log that speak of unlisted models: of an insert, a change, a link and a delete."""
    for model in (User, Group, Unlisted):
        assert not ChangeLog.objects.filter(model_label=model._meta.label).exists()
    group = Group.objects.create(name="admins")
    user = User.objects.create(username="eve", is_superuser=True)
    user.groups.add(group)
    remote(User).create(username="bob")
    remote(User).create(username="eve")
    later()
    log(Unlisted, Unlisted.objects.create(name="x").pk, "I")
    log(User, user.pk, "U")
    log(User.groups.through, User.groups.through.objects.get().pk, "I")
    log(User, 4711, "D", username="bob")
    Item.objects.create(name="listed")


def untouched():
    return (
        not remote(Unlisted).exists()
        and not remote(Group).exists()
        and set(remote(User).values_list("username", "is_superuser")) == {("bob", False), ("eve", False)}
        and not remote(User.groups.through).exists()
    )


@pytest.mark.parametrize("options", [{}, {"full": True}, {"dry_run": True}], ids=["a run", "full", "dry run"])
def test_log_rows_of_unlisted_models_write_nothing_and_are_told(forged, options):
    report = synchronize(**options)

    assert untouched()
    assert report.created >= 1 and report.failures == []
    told = {(remark.kind, remark.model) for remark in report.remarks}
    labels = ("auth.User", "auth.User_groups", "testapp.Unlisted")
    assert told == {(Told.SKIPPED, label) for label in labels}
    assert report.told == {Told.SKIPPED: 4}


def test_log_rows_of_unlisted_models_are_not_for_a_follower_either(forged):
    source = node_id(LOCAL)
    checkpoint = load_checkpoint(REMOTE, source)
    run = Run(REMOTE, Choices())

    assert run.perform_at_once(checkpoint, open_window(LOCAL, checkpoint.position)) is None
    run.perform()

    assert untouched() and remote(Item).exists()


def test_run_of_a_listed_model_does_not_take_unlisted_ones_along(forged):
    synchronize(models=["testapp.Item"])

    assert untouched() and remote(Item).exists()


def test_kept_failure_of_an_unlisted_model_is_not_tried(forged):
    row = {"source": node_id(LOCAL), "error": "x", "logged_at": timezone.now()}
    key = str(Unlisted.objects.get().pk)
    Failure.objects.using(REMOTE).create(model_label="testapp.Unlisted", object_pk=key, operation="I", **row)

    synchronize()

    assert untouched()


def test_what_was_logged_before_its_model_was_taken_off_the_list_is_not_written(settings):
    Item.objects.create(name="a")
    Tag.objects.create(label="b")
    settings.SYNCHRO_MODELS = tuple(
        tuple(name for name in entry if name != "Item") if isinstance(entry, tuple) else entry
        for entry in settings.SYNCHRO_MODELS
    )

    report = synchronize()

    assert not remote(Item).exists() and remote(Tag).get().label == "b"
    assert [(each.model, each.reason) for each in report.remarks] == [("testapp.Item", "it is not in SYNCHRO_MODELS")]


def test_target_of_a_listed_model_is_written():
    member = {"club": Club.objects.create(name="c"), "member": Tag.objects.create(label="t")}
    Membership.objects.create(extra=Unlisted.objects.create(name="x"), **member)

    synchronize()

    assert remote(Unlisted).get().name == "x" and remote(Membership).exists()
