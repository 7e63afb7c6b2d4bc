"""``compare()`` and ``synchro_compare``: whether both sides are equal, what differs, and why."""

from __future__ import annotations

import json
from io import StringIO

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone

from synchro_triggers import Refused, State, SynchroConfigurationError, compare, synchro_paused, synchronize
from synchro_triggers.models import ChangeLog, Checkpoint, Node, Reference
from synchro_triggers.replay.compare import closer_look
from synchro_triggers.replay.state.node import node_id
from tests.counting import captured
from tests.databases import both
from tests.replay.hearing import REMOTE, receiving
from tests.replay.test_several_remotes import third as third  # a fixture
from tests.settings import SYNCHRO_MODELS as EVERYTHING
from tests.shapes.sides import LOCAL, execute
from tests.testapp.models import Account, Entry, Friend, Item, Keyed, KeyedChild, Tag, Tagged

pytestmark = both


@pytest.fixture(autouse=True)
def few_models(settings):
    """A comparison goes through each captured model: of the hundred, those that these tests write."""
    settings.SYNCHRO_MODELS = [("testapp", *MODELS)]


MODELS = ("Item", "Account", "Entry", "Keyed", "KeyedChild", "Tag", "Tagged", "Friend")


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


def test_equal_sides_are_equal(settings):
    settings.SYNCHRO_MODELS = EVERYTHING
    a_bit_of_everything()
    synchronize()

    report = compare()

    assert found(report) == []
    assert report.equal and not report.differs
    assert len(report.models[REMOTE]) > 90
    counts = report.models[REMOTE]["testapp.Entry"]
    assert (counts.local, counts.remote, counts.equal) == (3, 3, 3)
    links = report.models[REMOTE]["testapp.Tagged_tags"]
    assert (links.local, links.remote, links.equal) == (3, 3, 3)


@pytest.mark.mariadb(core=True)
def test_equal_sides_need_no_closer_look(monkeypatch):
    a_bit_of_everything()
    synchronize()
    monkeypatch.setattr(closer_look.CloserLook, "at", lambda self, keys: pytest.fail(f"looked at {keys}"))

    assert compare().equal


@pytest.mark.mariadb(core=True)
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
    silently(
        lambda: (remote(KeyedChild).update(parent_id=there), remote(Entry).filter(name="entry 1").update(account="b"))
    )

    assert found() == [("Entry", "differs", "", ["account"]), ("KeyedChild", "differs", "", ["parent"])]


def test_skipped_fields_are_not_compared_and_that_is_said():
    Account.objects.create(name="a", visits=1)
    synchronize()
    silently(lambda: remote(Account).update(visits=7))

    report = compare()

    assert report.equal
    assert report.models[REMOTE]["testapp.Account"].not_compared == ("visits",)


@pytest.mark.mariadb(core=True)
def test_rows_of_one_side_are_named_also_where_both_sides_have_as_many():
    one, _ = Item.objects.create(name="a"), Item.objects.create(name="b")
    synchronize()
    there = remote(Item).get(name="b").pk
    silently(lambda: remote(Item).filter(name="b").delete())
    silently(lambda: remote(Item).create(name="c"))

    report = compare()

    assert found(report) == [("Item", "differs", "local", []), ("Item", "differs", "remote", [])]
    assert there and [each.local_key for each in report.differences] == [str(one.pk + 1), None]
    counts = report.models[REMOTE]["testapp.Item"]
    assert (counts.local, counts.remote, counts.equal, counts.only_local, counts.only_remote) == (2, 2, 1, 1, 1)


def test_two_objects_that_lead_to_one_row_are_no_equals():
    Item.objects.create(name="a"), Item.objects.create(name="a")
    synchronize()
    [first, second] = remote(Item).order_by("pk")
    references = Reference.objects.using(REMOTE).filter(model_label="testapp.Item")
    assert references.filter(remote_pk=str(second.pk)).update(remote_pk=str(first.pk)) == 1
    silently(second.delete)

    [difference] = compare().differences

    assert difference.state is State.DIFFERS and "several objects of 'default' are this row" in difference.reason


@pytest.mark.mariadb(core=True)
def test_links_of_one_side_are_named_with_both_ends():
    a_bit_of_everything()
    synchronize()
    tagged, there = Tagged.objects.get(), remote(Tagged).get()
    x, z = Tag.objects.get(label="x"), remote(Tag).get(label="z")
    silently(lambda: there.tags.remove(remote(Tag).get(label="x")))
    silently(lambda: Tagged.tags.through.objects.filter(tag__label="z").delete(), using=LOCAL)

    report = compare()

    assert found(report) == [("Tagged_tags", "differs", "local", []), ("Tagged_tags", "differs", "remote", [])]
    [here, only_there] = report.differences
    assert json.loads(here.local_key) == [tagged.pk, x.pk]
    assert json.loads(only_there.remote_key) == [there.pk, z.pk]


# What is explained --------------------------------------------------------------------------------


@pytest.mark.mariadb(core=True)
def test_what_is_logged_and_not_yet_replayed_is_pending():
    a_bit_of_everything()
    synchronize()

    Item.objects.create(name="new")
    Keyed.objects.update(cash=9)
    Entry.objects.filter(name="entry 0").delete()
    tagged = Tagged.objects.get()
    tagged.tags.remove(Tag.objects.get(label="x"))
    tagged.tags.add(Tag.objects.create(label="late"))

    report = compare()
    assert found(report) == [
        ("Item", "pending", "local", []),
        ("Entry", "pending", "remote", []),
        ("Keyed", "pending", "", ["cash"]),
        ("Tag", "pending", "local", []),
        ("Tagged_tags", "pending", "local", []),
        ("Tagged_tags", "pending", "remote", []),
    ]
    assert not report.differs and not report.equal
    synchronize()
    assert compare().equal


@pytest.mark.mariadb(core=True)
def test_what_is_kept_as_a_failure_is_kept():
    Item.objects.create(name="a")
    with receiving("pre_save", Item, refuse):
        synchronize()

    [difference] = compare().differences

    assert (difference.state, difference.only) == (State.KEPT, "local")
    assert "not on a Sunday" in difference.reason


def refuse(sender, **told):
    raise ValueError("not on a Sunday")


def test_delete_that_is_kept_as_a_failure_is_kept():
    item = Item.objects.create(name="a")
    synchronize()
    item.delete()
    with receiving("pre_delete", Item, refuse):
        synchronize()

    [difference] = compare().differences

    assert (difference.state, difference.only) == (State.KEPT, "remote")


def test_what_the_remote_has_won_is_in_conflict(settings):
    settings.SYNCHRO_CONFLICT = "remote"
    Item.objects.create(name="a")
    synchronize()
    remote(Item).update(name="there")
    Item.objects.update(name="here")
    assert synchronize().conflicts == 1

    assert found() == [("Item", "conflict", "", ["name"])]


def test_what_the_remote_has_logged_for_local_is_pending():
    Item.objects.create(name="a")
    synchronize()
    Checkpoint.objects.using(LOCAL).create(source=node_id(REMOTE))  # LOCAL receives from there, too
    remote(Item).update(name="b")
    remote(Item).create(name="new there")

    assert found() == [("Item", "pending", "", ["name"]), ("Item", "pending", "remote", [])]


def test_row_whose_number_is_another_objects_by_now_is_not_the_objects_any_more():
    Item.objects.create(name="a")
    synchronize()
    Reference.objects.using(REMOTE).update(replaced_at=timezone.now())

    assert found() == [("Item", "differs", "local", []), ("Item", "differs", "remote", [])]


# Others are at work -------------------------------------------------------------------------------


def test_what_is_replayed_while_it_is_looked_at_does_not_differ(monkeypatch):
    Item.objects.create(name="a")
    look = closer_look.CloserLook.at
    looks = []

    def at(self, keys):
        seen = look(self, keys)
        looks.append(len(seen))
        if len(looks) == 1:
            synchronize()  # a follower, just after the look
        return seen

    monkeypatch.setattr(closer_look.CloserLook, "at", at)

    assert compare().equal
    assert looks == [1, 0]


def test_what_is_another_each_time_is_changing(monkeypatch):
    Item.objects.create(name="a")
    synchronize()
    silently(lambda: remote(Item).update(cash=1))
    look = closer_look.CloserLook.at

    def at(self, keys):
        seen = look(self, keys)
        silently(lambda: remote(Item).update(cash=remote(Item).get().cash + 1))
        return seen

    monkeypatch.setattr(closer_look.CloserLook, "at", at)

    report = compare()

    assert found(report) == [("Item", "changing", "", ["cash"])]
    assert report.models[REMOTE]["testapp.Item"].equal == 0 and not report.differs


# Many ---------------------------------------------------------------------------------------------


def test_pages_and_closer_looks_fit_together(monkeypatch):
    monkeypatch.setattr("synchro_triggers.replay.compare.going_through._CLOSER", 2)
    for module in ("equal_rows", "links", "objects"):
        monkeypatch.setattr(f"synchro_triggers.replay.compare.{module}.PAGE", 3)
    monkeypatch.setattr("synchro_triggers.replay.compare.objects._KEYS", 3)
    tags = Tag.objects.bulk_create(Tag(label=f"tag {number}") for number in range(10))
    Tagged.objects.create(title="t").tags.add(*tags)
    synchronize()
    assert compare().equal
    silently(lambda: remote(Tag).filter(label__in=["tag 1", "tag 2", "tag 3", "tag 9"]).update(label="other"))

    report = compare(models=["testapp.Tag"])

    assert set(report.models[REMOTE]) == {"testapp.Tag", "testapp.Tagged_tags"}
    counts = report.models[REMOTE]["testapp.Tag"]
    assert (counts.local, counts.remote, counts.equal, counts.differing) == (10, 10, 6, 4)


def test_more_differences_than_are_named_are_counted(monkeypatch):
    monkeypatch.setattr("synchro_triggers.replay.compare.report.NAMED", 2)
    Item.objects.bulk_create(Item(name=str(number)) for number in range(5))
    synchronize()
    silently(lambda: remote(Item).update(cash=1))

    report = compare()

    assert len(report.differences) == 2 and report.total("differing") == 5


def test_number_of_queries_does_not_depend_on_the_number_of_objects():
    account = Account.objects.create(name="a")
    asked = []
    for number in (10, 300):
        Entry.objects.bulk_create(Entry(name="e", account=account) for _ in range(number))
        synchronize()
        with captured(LOCAL, REMOTE) as (here, there):
            assert compare(models=["testapp.Entry"]).models[REMOTE]["testapp.Entry"].equal >= number
        asked.append((len(here), len(there)))

    assert asked[0] == asked[1]


# Several remotes ----------------------------------------------------------------------------------


@pytest.mark.vendor("sqlite", "postgres")
def test_each_of_several_remotes_is_compared(third, settings):
    settings.SYNCHRO_REMOTE = [REMOTE, third]
    Item.objects.create(name="a")
    synchronize()
    silently(lambda: Item.objects.using(third).update(name="b"), using=third)

    report = compare()

    assert report.remotes == (REMOTE, third)
    assert [each.remote for each in report.differences] == [third]


@pytest.mark.vendor("sqlite", "postgres")
def test_remote_that_is_refused_keeps_no_other_from_being_compared(third, settings):
    settings.SYNCHRO_REMOTE = [third, REMOTE]
    Item.objects.create(name="a")
    assert node_id(third)  # which makes it
    assert Node.objects.using(third).update(node_id=node_id(LOCAL)) == 1

    with pytest.raises(Refused) as caught:
        compare()

    assert caught.value.comparison is not None
    assert list(caught.value.comparison.models) == [REMOTE]
    assert "1 pending" in run(code=3)


# Repairing ----------------------------------------------------------------------------------------


def break_everything():
    """Let each kind of difference be there that a run can mend."""
    silently(lambda: remote(Keyed).update(cash=2))
    silently(lambda: remote(Entry).filter(name="entry 1").delete())
    silently(lambda: Tagged.tags.through.objects.using(REMOTE).filter(tag__label="x").delete())


def test_repair_logs_what_differs_and_the_next_run_brings_it():
    a_bit_of_everything()
    synchronize()
    break_everything()

    report = compare(repair="local")

    assert report.differs and report.logged == 3
    assert {each[1] for each in found()} == {"pending"}
    assert synchronize().failures == []
    assert compare().equal
    assert remote(Keyed).get().cash == 1


def test_repair_deletes_nothing():
    Item.objects.create(name="a")
    synchronize()
    silently(lambda: remote(Item).create(name="theirs"))

    assert compare(repair="local").logged == 0
    synchronize()

    assert found() == [("Item", "differs", "remote", [])]


def test_repair_from_the_remote_logs_there():
    a_bit_of_everything()
    synchronize()
    break_everything()
    silently(lambda: remote(Item).create(name="theirs"))
    before = ChangeLog.objects.using(REMOTE).count()

    report = compare(repair="remote")

    logged = list(ChangeLog.objects.using(REMOTE).order_by("id")[before:].values_list("model_label", "object_pk"))
    assert report.logged == 2
    assert logged == [
        ("testapp.Item", str(remote(Item).get(name="theirs").pk)),
        ("testapp.Keyed", str(remote(Keyed).get().pk)),
    ]


# The command --------------------------------------------------------------------------------------


def run(*options, code=0):
    """Run the command; return what it printed, and assert how it ended."""
    out = StringIO()
    try:
        call_command("synchro_compare", *options, stdout=out, stderr=out)
        ended = 0
    except CommandError as error:
        ended = error.returncode
        out.write(str(error))
    assert ended == code, out.getvalue()
    return out.getvalue()


def test_command_says_that_both_sides_are_equal():
    Item.objects.create(name="a")
    synchronize()

    assert run().splitlines()[0].endswith("compared: equal")
    assert run("-v", "0") == ""


def test_command_names_what_differs_and_ends_with_1():
    item = Item.objects.create(name="a")
    synchronize()
    there = remote(Item).get().pk
    silently(lambda: remote(Item).update(name="b"))

    printed = run(code=1)

    assert f"{item.pk} ('remote': {there}): differs" in printed
    assert "name: 'a' on 'default', 'b' on 'remote'" in printed
    assert "1 object differs" in printed


def test_command_names_what_is_pending_when_asked_and_ends_with_0():
    Item.objects.create(name="a")

    assert "1 pending" in run() and "pending; only on default" not in run()
    assert "pending; only on 'default'" in run("-v", "2")


def test_json_is_the_report():
    Item.objects.create(name="a")
    synchronize()
    silently(lambda: remote(Item).update(cash=3))

    told = json.loads(run("--json", code=1).partition("\n}")[0] + "\n}")

    assert (told["equal"], told["differs"]) == (False, True)
    assert told["differences"][0]["fields"] == [{"field": "cash", "local": "0", "remote": "3"}]
    assert told["models"]["remote"]["testapp.Item"]["differing"] == 1


@pytest.mark.mariadb(core=True)
def test_repair_and_run_end_equal():
    a_bit_of_everything()
    synchronize()
    break_everything()

    printed = run("--repair", "--run")

    assert "3 logged on 'default'" in printed and printed.splitlines()[-1].endswith("compared: equal")


@pytest.mark.parametrize(
    "options", [("--from", "remote"), ("--run",), ("--repair", "--run", "--from", "remote"), ("--model", "auth.User")]
)
def test_wrong_usage_ends_with_2(options):
    run(*options, code=2)


def test_wrong_side_to_repair_from_is_refused():
    with pytest.raises(SynchroConfigurationError, match="repair must be"):
        compare(repair="both")


def test_schema_that_lags_is_refused():
    execute("ALTER TABLE testapp_item RENAME COLUMN cash TO money", alias=REMOTE)
    try:
        assert "testapp_item (testapp.Item) has no cash" in run(code=3)
    finally:
        execute("ALTER TABLE testapp_item RENAME COLUMN money TO cash", alias=REMOTE)
