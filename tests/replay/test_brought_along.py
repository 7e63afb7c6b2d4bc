"""Foreign keys lead to the right objects, which are brought along when they are not there yet."""

from __future__ import annotations

import pytest

from synchro_triggers import reset_synchro, synchro_paused, synchronize
from tests.databases import both
from tests.replay.hearing import REMOTE
from tests.testapp.models import (
    Account,
    Club,
    Egg,
    Entry,
    Hen,
    Keyed,
    KeyedChild,
    Membership,
    Tag,
    Unlisted,
)
from tests.testapp.models import Node as TreeNode

pytestmark = both


def remote(model):
    return model._base_manager.using(REMOTE)


def test_unlogged_parent_is_brought_along():
    account = Account.objects.create(name="a", cash=3)
    reset_synchro()
    Entry.objects.create(name="1", account=account)
    Entry.objects.create(name="2", account=account)

    report = synchronize()

    assert remote(Account).get().cash == 3
    assert remote(Account).get().entries.count() == 2
    assert report.models["testapp.Account"].created == 1


def test_parent_of_a_model_that_is_not_listed_is_brought_along():
    unlisted = Unlisted.objects.create(name="extra")
    club, tag = Club.objects.create(name="c"), Tag.objects.create(label="t")
    Membership.objects.create(club=club, member=tag, extra=unlisted, cash=5)

    synchronize()

    membership = remote(Membership).get()
    assert membership.cash == 5 and membership.extra.name == "extra"
    assert membership.extra._state.db == REMOTE


def test_parent_that_is_on_the_remote_already_is_found_by_its_natural_key_and_left_as_it_is():
    there = remote(Keyed).create(code="x", cash=99)
    here = Keyed.objects.create(code="x", cash=1)
    reset_synchro()
    KeyedChild.objects.create(name="c", parent=here)

    synchronize()

    assert remote(KeyedChild).get().parent_id == there.pk
    assert remote(Keyed).get().cash == 99


def test_logged_parent_and_child_are_linked_whatever_numbers_they_get():
    remote(Keyed).create(code="there before")
    remote(Keyed).create(code="this too")
    KeyedChild.objects.create(name="c", parent=Keyed.objects.create(code="x"))

    synchronize()

    assert remote(KeyedChild).get().parent.code == "x"


def test_chain_of_unlogged_self_references_is_brought_along():
    with synchro_paused():
        top = TreeNode.objects.create(name="top")
        middle = TreeNode.objects.create(name="middle", parent=top)
    TreeNode.objects.create(name="leaf", parent=middle)

    synchronize()

    leaf = remote(TreeNode).get(name="leaf")
    assert (leaf.parent.name, leaf.parent.parent.name, leaf.parent.parent.parent) == ("middle", "top", None)
    assert remote(TreeNode).count() == 3


def test_object_that_points_to_itself_arrives():
    node = TreeNode.objects.create(name="me")
    node.parent = node
    node.save()
    for name in "ab":
        remote(TreeNode).create(name=name)

    synchronize()

    me = remote(TreeNode).get(name="me")
    assert me.parent_id == me.pk


def test_self_reference_in_a_ring_arrives():
    one = TreeNode.objects.create(name="one")
    two = TreeNode.objects.create(name="two", parent=one)
    one.parent = two
    one.save()

    report = synchronize()

    assert report.failures == []
    assert remote(TreeNode).get(name="one").parent.name == "two"
    assert remote(TreeNode).get(name="two").parent.name == "one"


@pytest.mark.all_pairs
@pytest.mark.parametrize("logged", ["both", "one"])
def test_cycle_that_is_not_nullable_arrives(logged):
    if logged == "one":
        with synchro_paused():
            hen = Hen.objects.create(name="h", egg_id=0)
    else:
        hen = Hen.objects.create(name="h", egg_id=0)
    egg = Egg.objects.create(name="e", hen=hen)
    with synchro_paused():
        Hen.objects.update(egg=egg)

    report = synchronize()

    assert report.failures == []
    assert remote(Hen).get().egg.name == "e"
    assert remote(Egg).get().hen.name == "h"
    assert not synchronize().changed


def test_foreign_key_that_changes_is_changed():
    one, two = Keyed.objects.create(code="1"), Keyed.objects.create(code="2")
    child = KeyedChild.objects.create(name="c", parent=one)
    synchronize()

    child.parent = two
    child.save()
    synchronize()

    assert remote(KeyedChild).get().parent.code == "2"
