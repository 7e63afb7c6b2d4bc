"""Both sides changed an object: who wins, and what does not count as a change of the remote's own users.

These tests let time pass with ``later()``: the winner hangs on the times that the triggers log.
"""

from __future__ import annotations

import pytest
from django.core.management import CommandError, call_command

from synchro_triggers import reset_synchro, synchronize
from synchro_triggers.models import ChangeLog, Node, Reference
from synchro_triggers.replay.log import users_changes
from synchro_triggers.replay.plan.conflicts import Conflict
from synchro_triggers.replay.report import Told
from tests.databases import both
from tests.replay.hearing import LOCAL, REMOTE, hearing, later, receiving
from tests.testapp.models import Account, Entry, Item, Keyed, Place, Restaurant

pytestmark = [both, pytest.mark.thinned("kept_in_memory")]


@pytest.fixture(autouse=True, params=[10_000, 0], ids=["few changes there", "too many there"])
def kept_in_memory(request, monkeypatch):
    monkeypatch.setattr(users_changes, "AT_MOST", request.param)


def remote(model):
    return model._base_manager.using(REMOTE)


def change(model, cash, alias=LOCAL):
    """Change the one object, later than everything before."""
    later()
    model._base_manager.using(alias).update(cash=cash)


@pytest.fixture
def item():
    made = Item.objects.create(name="a", cash=1)
    synchronize()
    return made


# Which of the two ---------------------------------------------------------------------------------


@pytest.mark.all_pairs
def test_object_that_the_remote_changed_later_is_left_alone(item):
    change(Item, 42)
    change(Item, 77, REMOTE)

    with hearing(Item) as heard:
        report = synchronize()

    assert remote(Item).get().cash == 77 and heard == []
    assert report.models["testapp.Item"].conflicts == 1
    assert report.updated == 0 and report.changed


@pytest.mark.all_pairs
def test_object_that_local_changed_later_is_written(item):
    change(Item, 77, REMOTE)
    change(Item, 42)

    report = synchronize()

    assert remote(Item).get().cash == 42
    assert (report.updated, report.conflicts) == (1, 0)


@pytest.mark.parametrize(
    ("policy", "order", "winner"),
    [
        ("newest", "remote first", 42),
        ("newest", "local first", 77),
        ("local", "remote first", 42),
        ("local", "local first", 42),
        ("remote", "remote first", 77),
        ("remote", "local first", 77),
    ],
)
def test_policy_says_who_wins(item, settings, policy, order, winner):
    settings.SYNCHRO_CONFLICT = policy
    changes = [(42, LOCAL), (77, REMOTE)]
    for cash, alias in changes if order == "local first" else reversed(changes):
        change(Item, cash, alias)

    synchronize()

    assert remote(Item).get().cash == winner


@pytest.mark.parametrize("policy", ["newest", "local", "remote"])
def test_object_that_only_local_changed_is_written_whatever_the_policy(item, settings, policy):
    settings.SYNCHRO_CONFLICT = policy
    change(Item, 42)

    report = synchronize()

    assert remote(Item).get().cash == 42 and report.conflicts == 0


def test_object_that_only_the_remote_changed_is_not_touched(item):
    change(Item, 77, REMOTE)

    report = synchronize()

    assert not report.changed and remote(Item).get().cash == 77


asked: list[Conflict] = []


def prefer_remote(conflict):
    asked.append(conflict)
    return "remote"


def answer_nonsense(conflict):
    return "both"


@pytest.mark.all_pairs
def test_callable_decides_and_is_told_everything(item, settings):
    settings.SYNCHRO_CONFLICT = f"{__name__}.prefer_remote"
    asked.clear()
    change(Item, 77, REMOTE)
    change(Item, 42)

    synchronize()

    assert remote(Item).get().cash == 77
    [conflict] = asked
    assert conflict.label == "testapp.Item"
    assert (conflict.local_pk, conflict.remote_pk) == (str(item.pk), str(remote(Item).get().pk))
    assert conflict.remote_at < conflict.local_at and conflict.local_at.tzinfo is not None


def test_callable_is_not_asked_where_there_is_no_conflict(item, settings):
    settings.SYNCHRO_CONFLICT = prefer_remote
    asked.clear()
    change(Item, 42)

    synchronize()

    assert asked == [] and remote(Item).get().cash == 42


def test_callable_that_answers_nonsense_is_named_and_the_object_kept(item, settings):
    settings.SYNCHRO_CONFLICT = f"{__name__}.answer_nonsense"
    change(Item, 77, REMOTE)
    change(Item, 42)

    [failure] = synchronize().failures

    assert "SYNCHRO_CONFLICT: the callable returned 'both' for testapp.Item" in failure.error
    assert "must return 'local' or 'remote'" in failure.error
    assert remote(Item).get().cash == 77


# What a change of the remote's own users is --------------------------------------------------------


def test_remote_change_that_lost_is_not_brought_up_again(item):
    change(Item, 77, REMOTE)
    change(Item, 42)
    synchronize()

    report = synchronize()
    change(Item, 43)
    again = synchronize()

    assert not report.changed
    assert again.conflicts == 0 and remote(Item).get().cash == 43


def test_remote_change_that_won_is_settled_by_a_later_local_change(item):
    change(Item, 42)
    change(Item, 77, REMOTE)
    assert synchronize().conflicts == 1

    change(Item, 43)
    report = synchronize()

    assert report.conflicts == 0 and remote(Item).get().cash == 43


@pytest.mark.parametrize("policy", ["newest", "remote"])
def test_what_a_run_wrote_there_is_no_change_of_the_remotes_users(item, settings, policy):
    settings.SYNCHRO_CONFLICT = policy
    for cash in (2, 3, 4):
        change(Item, cash)
        later()
        report = synchronize()

        assert report.conflicts == 0 and remote(Item).get().cash == cash


def test_run_tags_what_it_writes_with_its_origin(item):
    source = Node.objects.get().node_id

    origins = set(ChangeLog.objects.using(REMOTE).values_list("origin", flat=True))

    assert origins == {source}


def test_change_logged_before_the_run_and_met_by_it_is_no_conflict_afterwards(item, settings):
    """The remote changed, local changed and won; the remote's old change must not win under 'remote' later."""
    change(Item, 77, REMOTE)
    change(Item, 42)
    synchronize()
    settings.SYNCHRO_CONFLICT = "remote"

    change(Item, 43)
    report = synchronize()

    assert report.conflicts == 0 and remote(Item).get().cash == 43


def test_remote_that_changed_before_they_ever_met_wins_when_it_is_newer():
    Account.objects.create(name="a", cash=1)
    later()
    remote(Account).create(name="a", cash=2)

    report = synchronize()

    assert remote(Account).get().cash == 2 and report.conflicts == 1


def test_namesake_that_the_remote_made_later_wins_when_found_by_natural_key():
    Keyed.objects.create(code="x", cash=1)
    later()
    remote(Keyed).create(code="x", cash=2)

    report = synchronize()

    assert remote(Keyed).get().cash == 2 and report.conflicts == 1
    change(Keyed, 3)
    synchronize()
    assert remote(Keyed).get().cash == 3


def test_change_of_one_object_is_no_conflict_for_another(item):
    other = remote(Item).create(name="other")
    change(Item, 42)
    later()
    remote(Item).filter(pk=other.pk).update(cash=77)

    report = synchronize()

    assert report.conflicts == 0 and remote(Item).get(name="a").cash == 42


def test_change_of_a_parent_table_counts_for_the_child():
    Restaurant.objects.create(name="a", stars=1)
    synchronize()
    later()
    Restaurant.objects.update(stars=2)
    later()
    remote(Place).update(name="theirs")

    report = synchronize()

    there = remote(Restaurant).get()
    assert (there.name, there.stars) == ("theirs", 1) and report.conflicts == 1


def test_what_a_receiver_wrote_there_during_a_run_is_no_change_of_the_remotes_users(item):
    def touch(using, **told):
        if using == REMOTE:
            remote(Item).update(cash=99)

    with receiving("post_save", Account, touch):
        later()
        Account.objects.create(name="a")
        change(Item, 42)
        later()
        synchronize()
    change(Item, 43)

    report = synchronize()

    assert report.conflicts == 0 and remote(Item).get().cash == 43


def test_paused_change_on_the_remote_does_not_count(item):
    from synchro_triggers import synchro_paused

    change(Item, 42)
    later()
    with synchro_paused(using=REMOTE):
        remote(Item).update(cash=77)

    synchronize()

    assert remote(Item).get().cash == 42


@pytest.mark.all_pairs
def test_remote_that_logs_nothing_is_always_written(item):
    call_command("synchro_install_triggers", databases=[REMOTE], uninstall=True, verbosity=0)
    change(Item, 42)
    change(Item, 77, REMOTE)

    report = synchronize()

    assert remote(Item).get().cash == 42 and report.conflicts == 0


# Deleted on one side, changed on the other --------------------------------------------------------


@pytest.mark.all_pairs
def test_object_deleted_there_later_than_it_was_changed_here_stays_away(item):
    change(Item, 42)
    later()
    remote(Item).all().delete()

    report = synchronize()

    assert not remote(Item).exists() and report.conflicts == 1


@pytest.mark.all_pairs
def test_object_changed_here_later_than_it_was_deleted_there_comes_back(item):
    remote(Item).all().delete()
    change(Item, 42)

    report = synchronize()

    assert remote(Item).get().cash == 42
    assert (report.created, report.conflicts) == (1, 0)


def test_object_deleted_here_later_than_it_was_changed_there_goes(item):
    change(Item, 77, REMOTE)
    later()
    item.delete()

    synchronize()

    assert not remote(Item).exists()


def test_object_changed_there_later_than_it_was_deleted_here_stays(item):
    later()
    item.delete()
    change(Item, 77, REMOTE)

    report = synchronize()

    assert remote(Item).get().cash == 77 and report.conflicts == 1


@pytest.mark.parametrize(("policy", "left"), [("local", 0), ("remote", 1)])
def test_policy_decides_about_deletes_too(item, settings, policy, left):
    settings.SYNCHRO_CONFLICT = policy
    change(Item, 77, REMOTE)
    later()
    item.delete()

    synchronize()

    assert remote(Item).count() == left


def test_child_of_a_parent_that_the_remote_deleted_brings_it_back():
    account = Account.objects.create(name="a", cash=1)
    synchronize()
    later()
    remote(Account).all().delete()
    later()

    Entry.objects.create(name="e", account=account)
    report = synchronize()

    assert report.failures == []
    assert remote(Entry).get().account.cash == 1


# The pieces of synchronising both ways ------------------------------------------------------------


@pytest.mark.all_pairs
def test_what_came_from_the_remote_is_not_sent_back():
    """Rows that a run of the remote wrote here carry its node as their origin."""
    synchronize()  # makes the identities
    node = Node.objects.using(REMOTE).get().node_id
    Item.objects.create(name="theirs")
    ChangeLog.objects.update(origin=node)
    Item.objects.create(name="ours")

    report = synchronize()

    assert [item.name for item in remote(Item)] == ["ours"] and report.created == 1


@pytest.mark.all_pairs
def test_what_came_from_somebody_else_is_passed_on():
    synchronize()
    Item.objects.create(name="from a third")
    ChangeLog.objects.update(origin="00000000-0000-0000-0000-000000000000")

    synchronize()

    assert remote(Item).get().name == "from a third"


@pytest.mark.all_pairs
def test_object_that_came_from_the_remote_is_known_by_the_reference_stored_here():
    there = remote(Item).create(name="theirs", cash=1)
    here = Item.objects.create(name="theirs", cash=1)
    reset_synchro()
    _received(here, there)

    change(Item, 5)
    report = synchronize()

    assert (report.created, report.updated) == (0, 1)
    assert remote(Item).values_list("pk", "cash").get() == (there.pk, 5)


def test_object_that_came_from_the_remote_is_deleted_there():
    there = remote(Item).create(name="theirs")
    here = Item.objects.create(name="theirs")
    reset_synchro()
    _received(here, there)

    here.delete()
    synchronize()

    assert not remote(Item).exists()


def _received(here, there):
    """Store what a run of the remote would have stored here."""
    synchronize()
    Reference.objects.create(
        source=Node.objects.using(REMOTE).get().node_id,
        model_label=type(here)._meta.label,
        local_pk=str(there.pk),
        remote_pk=str(here.pk),
    )


def test_same_database_under_two_names_is_refused():
    synchronize()
    Node.objects.using(REMOTE).update(node_id=Node.objects.get().node_id)

    with pytest.raises(CommandError, match=r"carry the same identity .* one is a copy of the other"):
        call_command("synchronize", verbosity=0)


# What receivers write on the way ------------------------------------------------------------------


@pytest.mark.parametrize("options", [{}, {"testapp.Item": {"identity": "pk"}}], ids=["mapped keys", "kept keys"])
def test_write_of_a_receiver_does_not_hide_what_the_remote_s_users_have_changed(settings, options):
    settings.SYNCHRO_OPTIONS, settings.SYNCHRO_BATCH_SIZE = options, 1
    item = Item.objects.create(name="a", cash=1)
    synchronize()
    change(Item, 77, REMOTE)
    later()
    Account.objects.create(name="first in the log")
    later()
    Item.objects.update(cash=42)

    def touch(using, **told):
        Item._base_manager.using(using).update(name="touched")

    with receiving("post_save", Account, touch):
        report = synchronize()

    assert remote(Item).get().cash == 42
    assert [(told.kind, told.key) for told in report.remarks] == [(Told.LOCAL_WON, str(item.pk))]
    assert synchronize().remarks == []
