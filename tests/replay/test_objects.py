"""Objects arrive, change and go: keys, references, order, closure; and what a run reports."""

from __future__ import annotations

import json
from datetime import date
from io import StringIO

import pytest
from django.core.management import CommandError, call_command
from django.db import connections

from synchro_triggers import SynchroError, call_synchronize, reset_synchro, synchro_paused, synchronize
from synchro_triggers.models import ChangeLog, Checkpoint, Failure, Node, Reference
from tests.databases import both, both_committed
from tests.replay.hearing import LOCAL, REMOTE, hearing, later, names, receiving
from tests.testapp.models import (
    Account,
    Club,
    Document,
    Egg,
    Entry,
    Hen,
    Item,
    Keyed,
    KeyedChild,
    Membership,
    Numbered,
    OwnKey,
    Tag,
    Tagged,
    Unlisted,
)
from tests.testapp.models import Node as TreeNode

pytest_plugins = ["tests.thinning"]
pytestmark = both

PAGES_AND_BATCHES = pytest.mark.parametrize(
    ("page_rows", "batch_size"), [(20_000, 1000), (20_000, 1), (1, 1000), (3, 2)]
)


@pytest.fixture
def pages(monkeypatch, settings):
    """Set how much a run reads, and writes, at a time."""

    def set_sizes(page_rows, batch_size):
        monkeypatch.setattr("synchro_triggers.replay.run.PAGE_ROWS", page_rows)
        settings.SYNCHRO_BATCH_SIZE = batch_size

    return set_sizes


def remote(model):
    return model._base_manager.using(REMOTE)


def execute(sql, alias=LOCAL):
    with connections[alias].cursor() as cursor:
        cursor.execute(sql)


def run(**options):
    """Run the command; return what it printed."""
    out = StringIO()
    call_command("synchronize", stdout=out, stderr=out, **options)
    return out.getvalue()


# Create, update, delete ---------------------------------------------------------------------------


@pytest.mark.all_pairs
def test_created_object_arrives_with_its_values():
    Item.objects.create(name="Zoë's 100 %", cash=7)

    synchronize()

    assert remote(Item).values_list("name", "cash").get() == ("Zoë's 100 %", 7)


@pytest.mark.all_pairs
def test_changed_object_is_changed_in_its_place():
    item = Item.objects.create(name="a")
    synchronize()
    key = remote(Item).get().pk

    item.cash = 9
    item.save()
    synchronize()

    assert remote(Item).values_list("pk", "cash").get() == (key, 9)


@pytest.mark.all_pairs
def test_deleted_object_goes():
    item = Item.objects.create(name="a")
    Item.objects.create(name="b")
    synchronize()

    item.delete()
    synchronize()

    assert remote(Item).get().name == "b"


@pytest.mark.parametrize(
    "write",
    [
        lambda: Item.objects.update(cash=5),
        lambda: Item.objects.bulk_update([Item(pk=item.pk, cash=5) for item in Item.objects.all()], ["cash"]),
        lambda: execute("UPDATE testapp_item SET cash = 5"),
    ],
    ids=["update", "bulk_update", "raw SQL"],
)
def test_change_arrives_whoever_made_it(write):
    Item.objects.bulk_create([Item(name="a"), Item(name="b")])
    synchronize()

    write()
    synchronize()

    assert sorted(remote(Item).values_list("name", "cash")) == [("a", 5), ("b", 5)]


def test_object_arrives_with_its_values_of_now_not_of_then():
    item = Item.objects.create(name="first")
    Item.objects.filter(pk=item.pk).update(name="second")
    with synchro_paused():
        Item.objects.filter(pk=item.pk).update(name="third")

    synchronize()

    assert remote(Item).get().name == "third"


def test_paused_change_is_not_synchronised():
    with synchro_paused():
        Item.objects.create(name="a")

    report = synchronize()

    assert not report.changed and not remote(Item).exists()


# Keys and references ------------------------------------------------------------------------------


@pytest.mark.all_pairs
def test_automatic_key_that_is_taken_on_the_remote_overwrites_nothing():
    item = Item.objects.create(name="local")
    remote(Item).create(pk=item.pk, name="remote")
    _set_sequence_behind(Item)

    synchronize()

    assert sorted(remote(Item).values_list("name", flat=True)) == ["local", "remote"]
    assert remote(Item).get(name="remote").pk == item.pk


def _set_sequence_behind(model):
    """Let the remote's sequence know of a row that was inserted with its key."""
    from django.core.management.color import no_style

    for sql in connections[REMOTE].ops.sequence_reset_sql(no_style(), [model]):
        execute(sql, REMOTE)


def test_explicit_key_that_is_there_on_the_remote_is_written_over():
    remote(Account).create(name="James", cash=77)
    later()
    Account.objects.create(name="James", cash=7)

    report = synchronize()

    assert remote(Account).get().cash == 7
    assert (report.created, report.updated) == (0, 1)


def test_key_that_the_program_gives_out_is_kept():
    document = Document.objects.create(title="t")

    synchronize()

    assert remote(Document).get().pk == document.pk


def test_model_in_synchro_identity_keeps_its_automatic_key(settings):
    settings.SYNCHRO_IDENTITY = {"testapp.Item": "pk"}
    Item.objects.create(pk=4711, name="a")

    synchronize()

    assert remote(Item).get().pk == 4711


def test_object_once_synchronised_is_known_by_its_reference():
    local = Item.objects.create(name="local")
    other = remote(Item).create(pk=local.pk, name="other")
    _set_sequence_behind(Item)
    synchronize()

    local.cash = 42
    local.save()
    synchronize()

    assert remote(Item).get(name="local").cash == 42
    assert remote(Item).get(pk=other.pk).cash == 0
    assert remote(Item).count() == 2


def test_references_are_stored_in_the_remote_database():
    item = Item.objects.create(name="a")

    synchronize()

    reference = Reference.objects.using(REMOTE).get()
    assert (reference.model_label, reference.local_pk) == ("testapp.Item", str(item.pk))
    assert reference.remote_pk == str(remote(Item).get().pk)
    assert reference.source == Node.objects.get().node_id
    assert not Reference.objects.exists()


def test_reference_whose_remote_row_is_gone_is_dropped_and_the_object_made_again():
    item = Item.objects.create(name="a")
    synchronize()
    remote(Item).all().delete()
    ChangeLog.objects.using(REMOTE).all().delete()

    item.cash = 1
    item.save()
    synchronize()
    item.cash = 2
    item.save()
    synchronize()

    assert remote(Item).get().cash == 2
    assert Reference.objects.using(REMOTE).get().remote_pk == str(remote(Item).get().pk)


def test_object_deleted_and_made_again_with_its_automatic_key_is_another_one():
    item = Item.objects.create(name="old")
    synchronize()
    item.delete()
    synchronize()

    Item.objects.create(pk=item.pk, name="new")
    synchronize()

    assert remote(Item).get().name == "new"


# Once per run -------------------------------------------------------------------------------------


@pytest.mark.thinned("page_rows,batch_size")
@PAGES_AND_BATCHES
def test_object_logged_often_is_written_once(pages, page_rows, batch_size):
    pages(page_rows, batch_size)
    first, second = Item.objects.create(name="a"), Item.objects.create(name="b")
    for cash in range(1, 6):
        Item.objects.filter(pk=first.pk).update(cash=cash)
        Item.objects.filter(pk=second.pk).update(cash=-cash)

    with hearing(Item) as heard:
        report = synchronize()

    assert names(heard) == ["pre_save", "post_save"] * 2
    assert (report.created, report.updated, report.unchanged) == (2, 0, 0)
    assert sorted(remote(Item).values_list("name", "cash")) == [("a", 5), ("b", -5)]


@pytest.mark.thinned("page_rows,batch_size")
@PAGES_AND_BATCHES
def test_mixed_story_ends_equal_whatever_is_read_and_written_at_a_time(pages, page_rows, batch_size):
    pages(page_rows, batch_size)
    account = Account.objects.create(name="old")
    gone = Item.objects.create(name="gone")
    synchronize()
    gone.delete()
    Entry.objects.bulk_create(Entry(name=f"e{number}", account=account) for number in range(4))
    Entry.objects.filter(name="e1").update(account=Account.objects.create(name="new"))
    Entry.objects.filter(name="e2").delete()
    account.cash = 3
    account.save()

    report = synchronize()

    assert report.failures == []
    assert sorted(remote(Entry).values_list("name", "account_id")) == [("e0", "old"), ("e1", "new"), ("e3", "old")]
    assert dict(remote(Account).values_list("name", "cash")) == {"old": 3, "new": 0}
    assert not remote(Item).exists()
    assert not synchronize().changed


@pytest.mark.thinned("page_rows,batch_size")
@PAGES_AND_BATCHES
def test_object_added_and_deleted_between_two_runs_causes_no_action(pages, page_rows, batch_size):
    pages(page_rows, batch_size)
    item = Item.objects.create(name="a")
    Item.objects.update(cash=1)
    item.delete()

    with hearing(Item) as heard:
        report = synchronize()

    assert heard == [] and not report.changed
    assert not remote(Item).exists()


def test_added_and_deleted_object_with_natural_key_leaves_its_namesake_alone():
    remote(Keyed).create(code="x", cash=1)
    Keyed.objects.create(code="x").delete()

    report = synchronize()

    assert not report.changed and remote(Keyed).get().cash == 1


@pytest.mark.thinned("page_rows,batch_size")
@PAGES_AND_BATCHES
def test_object_changed_and_deleted_is_only_deleted(pages, page_rows, batch_size):
    item = Item.objects.create(name="a")
    synchronize()
    pages(page_rows, batch_size)
    item.name = "b"
    item.save()
    item.delete()

    with hearing(Item) as heard:
        synchronize()

    assert names(heard) == ["pre_delete", "post_delete"]
    assert not remote(Item).exists()


def test_one_object_goes_and_another_comes_in_one_run():
    first = Item.objects.create(name="James", cash=7)
    first.name = "Bond"
    first.save()
    first.delete()
    second = Item.objects.create(name="Vimes", cash=7)
    second.cash = 77
    second.save()

    synchronize()

    assert remote(Item).values_list("name", "cash").get() == ("Vimes", 77)


# Deletes ------------------------------------------------------------------------------------------


def test_deleted_object_is_found_by_its_reference_whatever_its_key_there():
    for name in "xyz":
        remote(Item).create(name=name)
    item = Item.objects.create(name="a")
    synchronize()
    assert remote(Item).get(name="a").pk != item.pk

    item.delete()
    synchronize()

    assert sorted(remote(Item).values_list("name", flat=True)) == ["x", "y", "z"]
    assert not Reference.objects.using(REMOTE).exists()


@pytest.mark.all_pairs
def test_deleted_object_without_reference_is_found_by_its_natural_key():
    remote(Keyed).create(code="x")
    remote(Keyed).create(code="y")
    keyed = Keyed.objects.create(code="x")
    reset_synchro()

    keyed.delete()
    synchronize()

    assert remote(Keyed).get().code == "y"


def test_deleted_object_is_found_by_a_natural_key_of_the_users_own_making():
    remote(OwnKey).create(code="x", day=date(2024, 2, 29))
    remote(OwnKey).create(code="x", day=date(2025, 1, 1))
    own = OwnKey.objects.create(code="x", day=date(2024, 12, 24))
    reset_synchro()

    own.delete()
    synchronize()

    assert remote(OwnKey).get().day.year == 2025


def test_deleted_object_that_had_another_natural_key_before_is_found_by_what_the_remote_knows():
    remote(Keyed).create(code="old")
    remote(Keyed).create(code="new")
    keyed = Keyed.objects.create(code="old")
    reset_synchro()

    keyed.code = "new"
    keyed.save()
    keyed.delete()
    synchronize()

    assert remote(Keyed).get().code == "new"


def test_untracked_delete_leaves_the_remote_alone():
    remote(Item).create(name="James", cash=7)
    item = Item.objects.create(name="James", cash=7)
    reset_synchro()

    item.delete()
    report = synchronize()

    assert remote(Item).count() == 1 and not report.changed


def test_delete_of_an_object_with_an_explicit_key_needs_no_reference():
    remote(Account).create(name="a")
    remote(Account).create(name="b")
    account = Account.objects.create(name="a")
    reset_synchro()

    account.delete()
    synchronize()

    assert remote(Account).get().name == "b"


def test_cascade_is_deleted_on_the_remote_too():
    account = Account.objects.create(name="a")
    Entry.objects.create(name="e", account=account)
    synchronize()

    account.delete()
    report = synchronize()

    assert report.failures == []
    assert not remote(Account).exists() and not remote(Entry).exists()


# Foreign keys and what they bring along -----------------------------------------------------------


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


# The report ---------------------------------------------------------------------------------------


def test_report_counts_by_model():
    Item.objects.bulk_create([Item(name="stays"), Item(name="changes"), Item(name="goes"), Item(name="reverts")])
    synchronize()
    Item.objects.filter(name="changes").update(cash=1)
    Item.objects.filter(name="goes").delete()
    Item.objects.filter(name="reverts").update(cash=1)
    Item.objects.filter(name="reverts").update(cash=0)
    Item.objects.create(name="new")
    Account.objects.create(name="a")

    report = synchronize()

    counts = report.models["testapp.Item"]
    assert (counts.created, counts.updated, counts.deleted, counts.unchanged) == (1, 1, 1, 1)
    assert (counts.conflicts, counts.failed) == (0, 0)
    assert report.models["testapp.Account"].created == 1
    assert (report.created, report.updated, report.deleted) == (2, 1, 1)
    assert report.remotes == (REMOTE,) and report.seconds > 0 and report.changed


def test_report_of_a_run_with_nothing_to_do_says_so():
    Item.objects.create(name="a")
    synchronize()

    report = synchronize()

    assert report.changed is False
    assert report.models == {} and report.failures == []


def test_object_that_is_the_same_already_is_neither_written_nor_heard():
    item = Item.objects.create(name="a")
    synchronize()
    Item.objects.filter(pk=item.pk).update(cash=1)
    Item.objects.filter(pk=item.pk).update(cash=0)

    with hearing(Item) as heard:
        report = synchronize()

    assert heard == []
    assert report.unchanged == 1 and not report.changed


def test_progress_is_told_up_to_the_end(monkeypatch):
    monkeypatch.setattr("synchro_triggers.replay.run.PAGE_ROWS", 2)
    Item.objects.bulk_create(Item(name=str(number)) for number in range(5))
    told = []

    synchronize(progress=lambda done, total: told.append((done, total)))

    assert told == [(2, 5), (4, 5), (5, 5)]


def test_progress_of_a_run_of_one_model_is_told_up_to_the_end():
    Item.objects.create(name="a")
    Account.objects.create(name="b")
    told = []

    synchronize(models=["testapp.Account"], progress=lambda done, total: told.append((done, total)))

    assert told[-1][0] == told[-1][1]


def test_call_synchronize_returns_the_message():
    Item.objects.create(name="a")

    first, second = call_synchronize(), call_synchronize()

    assert first == "Synchronization performed successfully."
    assert second == "No changes since last synchronization."


def test_call_synchronize_raises_for_what_could_not_be_applied():
    remote(Numbered).create(number=1, name="theirs")
    numbered = Numbered.objects.create(number=1, name="ours")

    with pytest.raises(SynchroError, match=rf"1 object could not be applied.*testapp.Numbered {numbered.pk}: "):
        call_synchronize()


# The command --------------------------------------------------------------------------------------


def test_command_prints_the_message_and_a_table():
    Item.objects.create(name="a")

    printed = run()

    assert "Synchronization performed successfully." in printed
    [line] = [line for line in printed.splitlines() if line.startswith("testapp.Item")]
    assert line.split()[1:] == ["1", "-", "-", "-", "-", "-"]
    assert run() == "No changes since last synchronization.\n"


def test_command_prints_nothing_at_verbosity_0():
    Item.objects.create(name="a")

    assert run(verbosity=0) == ""
    assert remote(Item).exists()


def test_json_is_the_report():
    Item.objects.create(name="a")

    told = json.loads(run(as_json=True))

    assert told["changed"] is True and told["created"] == 1 and told["dry_run"] is False
    assert told["remotes"] == [REMOTE] and told["failures"] == []
    assert told["models"]["testapp.Item"]["created"] == 1
    assert json.loads(run(as_json=True))["changed"] is False


def test_json_of_a_run_with_failures_is_still_json(capsys):
    remote(Numbered).create(number=1)
    numbered = Numbered.objects.create(number=1)
    out = StringIO()

    with pytest.raises(CommandError):
        call_command("synchronize", as_json=True, stdout=out)

    [failure] = json.loads(out.getvalue())["failures"]
    assert (failure["model"], failure["key"]) == ("testapp.Numbered", str(numbered.pk))
    assert "IntegrityError" in failure["error"]


@pytest.mark.all_pairs
@pytest.mark.thinned("batch_size")
@pytest.mark.parametrize("batch_size", [1, 1000])
def test_dry_run_counts_and_writes_nothing(settings, batch_size):
    settings.SYNCHRO_BATCH_SIZE = batch_size
    synchronize()  # makes the identities of both databases
    gone = Item.objects.create(name="gone")
    changed = Item.objects.create(name="changed")
    synchronize()
    gone.delete()
    Item.objects.filter(pk=changed.pk).update(cash=1)
    account = Account.objects.create(name="a")
    Entry.objects.create(name="e", account=account)
    before = _state_of_remote()

    with hearing(Item, Account, Entry) as heard:
        report = synchronize(dry_run=True)

    assert report.dry_run and report.changed and heard == []
    assert (report.created, report.updated, report.deleted) == (2, 1, 1)
    assert _state_of_remote() == before
    again = synchronize()
    assert again.models == report.models and not again.dry_run


def test_dry_run_of_a_cycle_counts_each_object_once():
    hen = Hen.objects.create(name="h", egg_id=0)
    Hen.objects.update(egg=Egg.objects.create(name="e", hen=hen))

    report = synchronize(dry_run=True)

    assert report.failures == [] and report.created == 2


def test_dry_run_says_what_would_fail_and_keeps_nothing():
    remote(Keyed).create(code="x")
    remote(OwnKey).bulk_create(OwnKey(code="x", day=date(2024, 1, day)) for day in (1, 2))
    OwnKey.objects.create(code="x", day=date(2024, 5, 5))

    report = synchronize(dry_run=True)

    assert report.failed == 1 and not Failure.objects.using(REMOTE).exists()


def test_dry_run_of_links_counts_them():
    tagged = Tagged.objects.create(title="t")
    tagged.tags.add(Tag.objects.create(label="x"))

    report = synchronize(dry_run=True)

    assert report.failures == []
    assert report.models["testapp.Tagged_tags"].created == 1
    assert not remote(Tagged).exists()


def test_command_says_of_a_dry_run_that_nothing_was_written():
    Item.objects.create(name="a")

    printed = run(dry_run=True)

    assert "Dry run: nothing was written." in printed and "testapp.Item" in printed
    assert not remote(Item).exists()


def _state_of_remote():
    models = (Item, Account, Entry, Reference, Failure, Checkpoint, ChangeLog)
    return {model: list(model._base_manager.using(REMOTE).order_by("pk").values()) for model in models}


def test_model_option_takes_only_that_model_and_leaves_the_rest_for_later():
    Item.objects.create(name="a")
    Account.objects.create(name="b")

    run(models=["testapp.Account"])
    assert (remote(Account).count(), remote(Item).count()) == (1, 0)
    report = synchronize()

    assert remote(Item).count() == 1
    assert report.models["testapp.Item"].created == 1
    assert report.models["testapp.Account"].created == 0


def test_model_option_may_be_given_several_times_and_spelt_as_in_the_setting():
    Item.objects.create(name="a")
    Account.objects.create(name="b")
    Numbered.objects.create(number=1)

    call_command("synchronize", "--model", "testapp.item", "--model", "testapp.ACCOUNT", verbosity=0)

    assert (remote(Item).count(), remote(Account).count(), remote(Numbered).count()) == (1, 1, 0)


def test_model_option_brings_the_models_own_links():
    Tagged.objects.create(title="t").tags.add(Tag.objects.create(label="x"))

    synchronize(models=["testapp.Tagged"])

    assert [tag.label for tag in remote(Tagged).get().tags.all()] == ["x"]


# Errors -------------------------------------------------------------------------------------------


@pytest.fixture
def stumbling_block():
    """Three new objects, of which the remote refuses the second."""
    remote(Numbered).create(number=2, name="theirs")
    return [Numbered.objects.create(number=number, name="ours") for number in (1, 2, 3)]


@pytest.mark.all_pairs
def test_quarantine_keeps_the_object_and_goes_on(stumbling_block):
    report = synchronize()

    assert sorted(remote(Numbered).values_list("number", "name")) == [(1, "ours"), (2, "theirs"), (3, "ours")]
    [failure] = report.failures
    assert (failure.model, failure.key) == ("testapp.Numbered", str(stumbling_block[1].pk))
    assert report.failed == 1 and report.created == 2
    kept = Failure.objects.using(REMOTE).get()
    assert (kept.model_label, kept.object_pk, kept.attempts) == ("testapp.Numbered", str(stumbling_block[1].pk), 2)
    assert "number" in kept.error


def test_kept_object_is_tried_again_first_until_it_succeeds(stumbling_block):
    synchronize()
    assert synchronize().failed == 1
    remote(Numbered).filter(name="theirs").delete()
    later_one = Item.objects.create(name="later")
    order = []

    def note_number(instance, **told):
        order.append(instance.number)

    def note_name(instance, **told):
        order.append(instance.name)

    with receiving("post_save", Numbered, note_number), receiving("post_save", Item, note_name):
        report = synchronize()

    assert order == [2, later_one.name]
    assert report.failures == [] and remote(Numbered).count() == 3
    assert not Failure.objects.using(REMOTE).exists()


def test_kept_object_that_was_deleted_since_is_forgotten(stumbling_block):
    synchronize()

    stumbling_block[1].delete()
    report = synchronize()

    assert report.failures == [] and not Failure.objects.using(REMOTE).exists()
    assert remote(Numbered).get(number=2).name == "theirs"


@pytest.mark.thinned("batch_size")
@pytest.mark.parametrize("batch_size", [1, 2, 1000])
def test_stop_leaves_the_first_failure_and_the_rest_for_the_next_run(stumbling_block, settings, batch_size):
    settings.SYNCHRO_BATCH_SIZE = batch_size

    report = synchronize(on_error="stop")

    assert sorted(remote(Numbered).values_list("number", "name")) == [(1, "ours"), (2, "theirs")]
    assert [failure.key for failure in report.failures] == [str(stumbling_block[1].pk)]

    remote(Numbered).filter(name="theirs").delete()
    assert synchronize(on_error="stop").failures == []
    assert sorted(remote(Numbered).values_list("number", "name")) == [(1, "ours"), (2, "ours"), (3, "ours")]


@pytest.mark.parametrize("on_error", ["stop", "quarantine"])
def test_command_exits_non_zero_and_says_what_failed_and_why(stumbling_block, on_error):
    with pytest.raises(CommandError) as caught:
        run(on_error=on_error)

    assert caught.value.returncode == 1
    said = str(caught.value)
    assert said.startswith("1 object could not be applied; kept")
    assert f"testapp.Numbered {stumbling_block[1].pk}: IntegrityError: " in said


def test_only_the_first_failures_are_spelt_out():
    remote(Numbered).bulk_create(Numbered(number=number) for number in range(7))
    Numbered.objects.bulk_create(Numbered(number=number) for number in range(7))

    with pytest.raises(CommandError) as caught:
        run()

    assert str(caught.value).startswith("7 objects could not be applied")
    assert str(caught.value).endswith("... and 2 more")


def test_receiver_that_raises_keeps_its_object_and_no_other():
    def refuse(instance, using, **told):
        if using == REMOTE and instance.name == "bad":
            raise ValueError("not on\nFriday")

    Item.objects.bulk_create([Item(name="good"), Item(name="bad"), Item(name="fine")])

    with receiving("pre_save", Item, refuse):
        report = synchronize()

    assert sorted(remote(Item).values_list("name", flat=True)) == ["fine", "good"]
    assert [failure.error for failure in report.failures] == ["ValueError: not on Friday"]
    assert synchronize().failures == [] and remote(Item).count() == 3


def test_child_of_a_failed_parent_waits_and_arrives_with_it():
    def refuse(instance, using, **told):
        if using == REMOTE:
            raise ValueError("no")

    KeyedChild.objects.create(name="c", parent=Keyed.objects.create(code="x"))

    with receiving("pre_save", Keyed, refuse):
        report = synchronize()

    assert {failure.model for failure in report.failures} == {"testapp.Keyed", "testapp.KeyedChild"}
    assert not remote(KeyedChild).exists()
    assert synchronize().failures == [] and remote(KeyedChild).get().parent.code == "x"


def test_bad_on_error_is_refused():
    with pytest.raises(SynchroError, match="on_error must be 'quarantine' or 'stop', not 'ignore'"):
        synchronize(on_error="ignore")


# Several remotes ----------------------------------------------------------------------------------


@pytest.fixture
def third(request, monkeypatch):
    """One more remote, in memory."""
    request.getfixturevalue("transactional_db")
    added = connections.configure_settings(
        {LOCAL: {}, "third": {"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"}}
    )
    monkeypatch.setitem(connections.settings, "third", added["third"])
    connections["third"].connect()  # Django's tests let a connection to another alias be used, but not made
    call_command("migrate", database="third", run_syncdb=True, verbosity=0)
    yield "third"
    connections["third"].close()
    del connections["third"]


@both_committed
def test_each_of_several_remotes_has_its_own_checkpoint(third, settings):
    Item.objects.create(name="a")
    synchronize(REMOTE)
    Item.objects.create(name="b")
    settings.SYNCHRO_REMOTE = [REMOTE, third]

    report = synchronize()

    assert report.remotes == (REMOTE, third)
    assert sorted(remote(Item).values_list("name", flat=True)) == ["a", "b"]
    assert sorted(Item.objects.using(third).values_list("name", flat=True)) == ["a", "b"]
    assert report.created == 3
    assert not synchronize().changed


@both_committed
def test_remote_option_names_one_of_several(third, settings):
    settings.SYNCHRO_REMOTE = [REMOTE, third]
    Item.objects.create(name="a")

    call_command("synchronize", remote=third, verbosity=0)

    assert Item.objects.using(third).exists() and not remote(Item).exists()
