"""``compare()`` and ``synchro_compare``: whether both sides are equal, what differs, and why."""

from __future__ import annotations

import json
from io import StringIO

import pytest
from django.core.management import CommandError, call_command
from django.db.models.signals import pre_save

from synchro_triggers import State, SynchroConfigurationError, compare, synchro_paused, synchronize
from synchro_triggers.models import ChangeLog, Checkpoint, Failure, Reference
from synchro_triggers.replay.compare import closer_look, comparison, going_through
from synchro_triggers.replay.state.node import node_id
from tests.databases import both
from tests.replay.hearing import REMOTE, receiving
from tests.shapes.sides import LOCAL, execute
from tests.testapp.models import Account, Ambiguous, Entry, Friend, Item, Keyed, KeyedChild, Numbered, Tag, Tagged

pytestmark = [both, pytest.mark.all_pairs]


def remote(model):
    return model._base_manager.using(REMOTE)


def silently(write, *, using=REMOTE):
    """Do something that no log knows."""
    with synchro_paused(using=using):
        return write()


def found(report=None):
    """Return what a comparison has found, each as a tuple of what matters."""
    report = compare() if report is None else report
    return [
        (each.model.partition(".")[2], each.state.value, each.only, [field.field for field in each.fields])
        for each in report.differences
    ]


def a_bit_of_everything():
    account = Account.objects.create(name="a")
    for number in range(3):
        Entry.objects.create(name=f"entry {number}", account=account)
    keyed = Keyed.objects.create(code="k", cash=1)
    KeyedChild.objects.create(name="child", parent=keyed)
    tagged = Tagged.objects.create(title="t")
    tagged.tags.add(*(Tag.objects.create(label=label) for label in "xyz"))
    one, other = Friend.objects.create(name="one"), Friend.objects.create(name="other")
    one.friends.add(other)


def test_equal_sides_are_equal():
    a_bit_of_everything()
    synchronize()

    report = compare()

    assert found(report) == []
    assert report.equal and not report.differs
    counts = report.models[REMOTE]["testapp.Entry"]
    assert (counts.local, counts.remote, counts.equal) == (3, 3, 3)
    links = report.models[REMOTE]["testapp.Tagged_tags"]
    assert (links.local, links.remote, links.equal) == (3, 3, 3)


def test_equal_sides_need_no_closer_look(monkeypatch):
    a_bit_of_everything()
    synchronize()
    monkeypatch.setattr(closer_look.CloserLook, "at", lambda self, keys: pytest.fail(f"looked at {keys}"))

    assert compare().equal


def test_what_differs_is_named_with_both_values():
    a_bit_of_everything()
    synchronize()
    silently(lambda: remote(Keyed).update(cash=2))

    [difference] = compare().differences

    assert (difference.model, difference.state, difference.only) == ("testapp.Keyed", State.DIFFERS, "")
    assert difference.local_key == str(Keyed.objects.get().pk)
    assert difference.remote_key == str(remote(Keyed).get().pk)
    [field] = difference.fields
    assert (field.field, field.local, field.remote) == ("cash", "1", "2")


def test_foreign_key_to_another_object_differs():
    a_bit_of_everything()
    Account.objects.create(name="b")
    keyed = Keyed.objects.create(code="other")
    synchronize()
    assert found() == []
    there = remote(Keyed).get(code=keyed.code).pk
    silently(lambda: (remote(KeyedChild).update(parent_id=there), remote(Entry).filter(name="entry 1").update(account="b")))

    assert found() == [("Entry", "differs", "", ["account"]), ("KeyedChild", "differs", "", ["parent"])]
