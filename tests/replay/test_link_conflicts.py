"""Both sides changed a link: the rule decides, and it is told who won, whichever way links are written."""

from __future__ import annotations

import pytest

from synchro_triggers import synchronize
from synchro_triggers.replay.log import users_changes
from synchro_triggers.replay.report import Told
from tests.databases import both
from tests.replay.hearing import REMOTE, later
from tests.replay.routes import batches, route  # noqa: F401  (fixtures)
from tests.testapp.models import Friend, Tag, Tagged

pytestmark = [both, pytest.mark.usefixtures("route", "batches"), pytest.mark.thinned("route", "batches")]


@pytest.fixture(params=[10_000, 0], ids=["few changes there", "too many there"])
def kept_in_memory(request, monkeypatch):
    monkeypatch.setattr(users_changes, "AT_MOST", request.param)


@pytest.fixture
def tagged():
    """Two tags are linked, on both sides."""
    made = Tagged.objects.create(title="t")
    made.tags.add(*(Tag.objects.create(label=label) for label in "ab"))
    Tag.objects.create(label="c")
    synchronize()
    later()
    return made


def tags(alias):
    return "".join(sorted(Tagged.objects.using(alias).get().tags.using(alias).values_list("label", flat=True)))


def change(alias, *, add="", remove=""):
    """Add and remove links, later than everything before."""
    later()
    row = Tagged.objects.using(alias).get()
    if add:
        row.tags.add(*Tag.objects.using(alias).filter(label__in=add))
    if remove:
        row.tags.remove(*Tag.objects.using(alias).filter(label__in=remove))
    later()


LAST_WINS = [("newest", "remote", "local"), ("newest", "local", "remote")]
RULES = [*LAST_WINS, ("local", "local", "local"), ("remote", "remote", "remote")]


@pytest.mark.parametrize(("policy", "first", "winner"), RULES)
def test_link_that_is_added_again_here_and_removed_there(tagged, settings, policy, first, winner):
    settings.SYNCHRO_CONFLICT = policy
    steps = [
        lambda: (change("default", remove="a"), change("default", add="a")),
        lambda: change(REMOTE, remove="a"),
    ]
    for step in steps if first == "local" else reversed(steps):
        step()

    dry, report = synchronize(dry_run=True), synchronize()

    [told] = report.remarks
    assert told.kind == (Told.LOCAL_WON if winner == "local" else Told.REMOTE_WON)
    assert told.model == "testapp.Tagged_tags" and f"Tagged {tagged.pk} and testapp.Tag " in told.reason
    assert "changed on 'default'" in told.reason and "deleted on 'remote'" in told.reason
    assert [each.kind for each in dry.remarks] == [told.kind]
    assert tags(REMOTE) == ("ab" if winner == "local" else "b")
    assert report.conflicts == (winner == "remote") and report.failures == []
    assert synchronize().remarks == []


@pytest.mark.parametrize(("policy", "first", "winner"), RULES)
def test_link_that_is_removed_here_and_made_again_there(tagged, settings, policy, first, winner, kept_in_memory):
    settings.SYNCHRO_CONFLICT = policy
    steps = [
        lambda: change("default", remove="a"),
        lambda: (change(REMOTE, remove="a"), change(REMOTE, add="a")),
    ]
    for step in steps if first == "local" else reversed(steps):
        step()

    report = synchronize()

    [told] = report.remarks
    assert told.kind == (Told.LOCAL_WON if winner == "local" else Told.REMOTE_WON)
    assert "deleted on 'default'" in told.reason and "changed on 'remote'" in told.reason
    assert tags(REMOTE) == ("b" if winner == "local" else "ab")


def test_same_change_on_both_sides_is_no_conflict(tagged):
    change(REMOTE, add="c", remove="a")
    change("default", add="c", remove="a")

    report = synchronize()

    assert (report.remarks, report.conflicts) == ([], 0) and tags(REMOTE) == "bc"


def test_other_links_of_the_same_owner_are_merged(tagged):
    change(REMOTE, remove="b")
    change("default", add="c", remove="a")

    report = synchronize()

    assert (report.remarks, report.conflicts) == ([], 0) and tags(REMOTE) == "c"


def test_one_link_in_conflict_does_not_hold_up_the_others(tagged):
    change("default", remove="a")
    change("default", add="ac", remove="b")
    change(REMOTE, remove="a")

    report = synchronize()

    assert [told.kind for told in report.remarks] == [Told.REMOTE_WON]
    assert tags(REMOTE) == "c" and report.failures == []


def test_what_has_been_settled_is_not_told_again(tagged):
    change(REMOTE, remove="a")
    change("default", remove="a")
    change("default", add="a")
    assert len(synchronize().remarks) == 1

    change("default", remove="a")
    assert synchronize().remarks == []
    change("default", add="a")
    assert synchronize().remarks == []
    assert tags(REMOTE) == "ab"


def test_what_was_removed_before_the_two_have_met_is_no_conflict():
    for alias in (REMOTE,):
        row = Friend.objects.using(alias).create(name="theirs")
        row.follows.add(row)
        row.follows.clear()
    one = Friend.objects.create(name="a")
    synchronize()
    one.follows.add(one)

    report = synchronize()

    assert report.remarks == [] and report.models["testapp.Friend_follows"].created == 1


def test_rule_that_raises_fails_that_link_alone(tagged, settings):
    settings.SYNCHRO_CONFLICT = lambda conflict: "nonsense"
    change("default", remove="a")
    change("default", add="ac")
    change(REMOTE, remove="a")

    report = synchronize()

    [failure] = report.failures
    assert failure.model == "testapp.Tagged_tags" and "must return 'local' or 'remote'" in failure.error
    assert tags(REMOTE) == "bc"


def test_symmetrical_links_are_told_once():
    one, other = (Friend.objects.create(name=name) for name in "ab")
    one.friends.add(other)
    synchronize()
    later()
    one.friends.remove(other)
    one.friends.add(other)
    later()
    there = Friend.objects.using(REMOTE).get(name="a")
    there.friends.clear()

    report = synchronize()

    assert [told.kind for told in report.remarks] == [Told.REMOTE_WON]
    assert not Friend.friends.through.objects.using(REMOTE).exists()
