"""``synchro_failures``: what is kept is listed and shown, tried at once, or forgotten, by number, model and key."""

from __future__ import annotations

import json
from contextlib import contextmanager
from io import StringIO

import pytest
from django.core.management import CommandError, call_command
from django.db.models.signals import m2m_changed, pre_delete, pre_save

from synchro_triggers import compare, synchro_paused, synchronize
from synchro_triggers.models import ChangeLog, Failure
from synchro_triggers.replay.state.lease import Lease
from synchro_triggers.replay.state.node import node_id
from tests.databases import both
from tests.shapeapp.models import Vehicle
from tests.testapp.models import Account, Item, Node, Tag, Tagged

LOCAL, REMOTE = "default", "remote"

pytestmark = both


@contextmanager
def refusing(model=Item, said="no", on=REMOTE, signals=(pre_save, pre_delete)):
    """Let a database refuse what is written to it of a model."""

    def refuse(sender, using, **told):
        if using == on:
            raise ValueError(said)

    for signal in signals:
        signal.connect(refuse, sender=model)
    try:
        yield
    finally:
        for signal in signals:
            signal.disconnect(refuse, sender=model)


def failures(*options):
    """Run the command; return its exit code, and what it says."""
    out, code, error = StringIO(), 0, ""
    try:
        call_command("synchro_failures", *map(str, options), stdout=out, stderr=StringIO())
    except CommandError as raised:
        code, error = raised.returncode, str(raised)
    return code, out.getvalue() + error


def as_json(*options):
    code, said = failures(*options, "--json")
    return code, json.JSONDecoder().raw_decode(said)[0]


def fail(runs=1, **options):
    for _ in range(runs):
        synchronize(**options)


def kept(alias=REMOTE):
    return Failure.objects.using(alias)


def number_of(key, alias=REMOTE):
    return kept(alias).get(object_pk=str(key)).pk


def state_of(model, name):
    """Return the counts of what differs, by ``synchro_compare``."""
    counts = compare(models=[f"testapp.{model.__name__}"]).models[REMOTE][f"testapp.{model.__name__}"]
    return getattr(counts, name)


# Looking ----------------------------------------------------------------------------------------------


def test_list_says_what_is_to_be_done_and_ends_with_1():
    item = Item.objects.create(name="a")
    with refusing():
        fail()

    code, said = failures()

    assert code == 1 and said.endswith("1 object is kept.")
    assert said.startswith(f"remote: 1 kept\n  {number_of(item.pk)}: testapp.Item {item.pk}: ValueError: no\n")
    assert "    insert, 2 attempts, first " in said
    assert failures("--model", "testapp.Tag")[:1] == (0,)


def test_shown_are_both_values_and_what_waits():
    synchronize()
    parent = Node.objects.create(name="a")
    synchronize()
    Node.objects.filter(pk=parent.pk).update(name="b")
    with refusing(Node):
        fail()
        child = Node.objects.create(name="child", parent=Node.objects.create(name="new"))
        fail()

    code, said = failures("--show", number_of(parent.pk))
    new = child.parent_id
    _, told = as_json("--model", "testapp.node", "--key", new, "--show")

    assert code == 0
    assert f"testapp.Node {parent.pk} of default (there " in said and "): update" in said
    assert "  * name: 'b' on 'default', 'a' on 'remote'\n    parent: NULL\n" in said
    [shown] = told[REMOTE]
    assert (shown["remote_key"], shown["operation"], shown["waiting"]) == (None, "I", [f"testapp.Node {child.pk}"])
    assert [each["field"] for each in shown["fields"]] == ["name", "parent"]


def test_foreign_keys_are_shown_as_they_are_here():
    Node.objects.using(REMOTE).create(name="theirs")
    child = Node.objects.create(name="child", parent=Node.objects.create(name="a"))
    synchronize()
    Node.objects.filter(pk=child.pk).update(name="b")
    with refusing(Node):
        fail()
    parent, theirs = (Node.objects.using(REMOTE).get(name=name).pk for name in ("a", "theirs"))

    _, equal = failures("--show", number_of(child.pk))
    Node.objects.using(REMOTE).filter(name="child").update(parent=theirs)
    _, differing = failures("--show", number_of(child.pk))

    here = f"{child.parent_id} (there: {parent})" if parent != child.parent_id else str(parent)
    assert f"  * parent: '{here}' on 'default', '" in differing
    assert f"    parent: '{child.parent_id}'\n" in equal


def test_deletes_and_links_are_shown_by_what_the_log_has_kept():
    tag, tagged = Tag.objects.create(label="x"), Tagged.objects.create(title="t")
    synchronize()
    with refusing(Tagged.tags.through, signals=(m2m_changed,)), refusing(Tag):
        tagged.tags.add(tag)
        fail()
        link = kept().get()
        _, of_link = failures("--show", link.pk)
        kept().all().delete()
        key = tag.pk
        tag.delete()
        fail()
        _, of_delete = failures("--model", "testapp.Tag", "--key", key, "--show")

    assert f"tagged: '{tagged.pk}'" in of_link and f"tag: '{key}'" in of_link
    assert "): delete" in of_delete and "label: 'x'" in of_delete


def test_other_direction_is_listed_where_it_is_kept():
    synchronize(both=True)
    item = Item.objects.using(REMOTE).create(name="theirs")
    with refusing(on=LOCAL):
        fail(pull=True)

    code, pushed = failures()
    _, said = failures("--pull")
    _, shown = failures("--pull", "--show")
    retried, _ = failures("--pull", "--retry", number_of(item.pk, LOCAL))

    assert code == 0 and pushed == "remote: 0 kept\n  and 1 here of what has come from there: --pull lists them\n"
    assert said.startswith("remote: 1 kept of what has come from there\n") and f"testapp.Item {item.pk}" in said
    assert f"testapp.Item {item.pk} of remote (not known there): insert" in shown and "name: 'theirs'" in shown
    assert retried == 0 and Item.objects.filter(name="theirs").exists() and not kept(LOCAL).exists()


def test_secrets_in_errors_are_masked_in_every_output():
    item = Item.objects.create(name="a")
    with refusing(said="cannot reach postgres://ann:verysecret@db/x (password='verysecret')"):
        fail(2)
        commands = [
            ("synchro_failures",),
            ("synchro_failures", "--show"),
            ("synchro_failures", "--retry"),
            ("synchro_status",),
            ("synchro_status", "--check"),
            ("synchro_compare", "-v", "2"),
            ("synchro_explain", "testapp.Item", item.pk),
            ("synchronize", "--both"),
            ("synchronize", "--full"),
            ("synchro_failures", "--model", "testapp.Item", "--drop"),
        ]
        for command in commands:
            for options in ((), ("--json",)):
                out = StringIO()
                try:
                    call_command(*map(str, command), *options, stdout=out, stderr=out)
                except CommandError as error:
                    out.write(str(error))
                assert "verysecret" not in out.getvalue(), (command, options)
                fail()


# Trying -----------------------------------------------------------------------------------------------


def test_chosen_ones_are_tried_whatever_their_pause_and_others_wait():
    one, two = Item.objects.create(name="one"), Tag.objects.create(label="two")
    with refusing(), refusing(Tag):
        fail(3)

    code, said = failures("--model", "testapp.Item", "--key", one.pk, "--retry")

    assert (code, "1 tried: 1 arrived, 0 kept." in said) == (0, True)
    assert Item.objects.using(REMOTE).exists() and [each.key for each in kept()] == [str(two.pk)]
    assert as_json("--retry", number_of(two.pk))[1]["tried"] == {"number": 1, "kept": 0, "untried": 0}
    assert not kept().exists()


def test_more_than_a_few_are_all_tried(monkeypatch):
    monkeypatch.setattr(
        "synchro_triggers.replay.kept._IDLE_SECONDS", 600
    )  # each run tries all, however long that takes
    Item.objects.bulk_create(Item(name=str(number)) for number in range(30))
    tag = Tag.objects.create(label="x")
    with refusing(), refusing(Tag):
        fail(3)

    code, said = failures("--model", "testapp.Item", "--retry")

    assert code == 0 and "30 tried: 30 arrived, 0 kept." in said
    assert [each.key for each in kept()] == [str(tag.pk)]


def test_all_that_were_tried_are_counted():
    Item.objects.create(name="a")
    tag = Tag.objects.create(label="b")
    with refusing(), refusing(Tag):
        fail(2)  # now both pause

    with refusing(Tag):
        code, said = failures("--retry")
        told = as_json("--retry")[1]

    assert code == 1 and "2 tried: 1 arrived, 1 kept.\n" in said and f"testapp.Tag {tag.pk}: ValueError: no" in said
    assert told["tried"] == {"number": 1, "kept": 1, "untried": 0}
    assert failures("--retry") == (0, "Synchronization performed successfully.\n1 tried: 1 arrived, 0 kept.\n")
    assert failures("--retry") == (0, "No changes since last synchronization.\n0 tried: 0 arrived, 0 kept.\n")


def test_what_fails_again_ends_with_1():
    item = Item.objects.create(name="a")
    with refusing():
        fail()
        code, said = failures("--retry", number_of(item.pk))

    assert code == 1 and "1 tried: 0 arrived, 1 kept." in said and "ValueError: no" in said


# Forgetting -------------------------------------------------------------------------------------------


def test_dropped_insert_is_told_by_compare_and_comes_when_it_changes():
    item = Item.objects.create(name="a")
    with refusing():
        fail()

    code, said = failures("--drop", number_of(item.pk))

    assert code == 0 and f"testapp.Item {item.pk}: forgotten; it comes to 'remote' when it changes again" in said
    assert "synchro_compare" in said and not kept().exists()
    assert (state_of(Item, "only_local"), state_of(Item, "kept")) == (1, 0)
    assert not synchronize().changed
    Item.objects.update(cash=1)
    assert synchronize().created == 1


def test_dropped_update_stays_as_it_is_there():
    item = Item.objects.create(name="a")
    synchronize()
    Item.objects.update(name="b")
    with refusing():
        fail()

    _, said = failures("--model", "testapp.Item", "--key", item.pk, "--drop")

    assert "stays as it is, until it changes again on 'default'" in said
    assert not synchronize().changed and state_of(Item, "differing") == 1
    Item.objects.update(cash=1)
    synchronize()
    assert state_of(Item, "differing") == 0


@pytest.mark.parametrize("again", [False, True], ids=["gone", "its key given out again"])
def test_dropped_delete_leaves_the_row_to_nobody(again):
    item = Item.objects.create(name="a")
    key = item.pk
    synchronize()
    item.delete()
    with refusing():
        fail()

    code, said = failures("--drop", number_of(key))
    if again:  # and nothing tells any more that it was another object's
        call_command("synchro_prune", "--keep", "0", verbosity=0)
        assert not ChangeLog.objects.exists()
        Item.objects.create(pk=key, name="other")
    report = synchronize()

    assert code == 0 and "its row stays on 'remote', and nothing deletes it any more" in said
    assert report.created == int(again) and report.updated == report.deleted == 0
    assert sorted(Item.objects.using(REMOTE).values_list("name", flat=True)) == (["a", "other"] if again else ["a"])
    assert (state_of(Item, "only_remote"), state_of(Item, "differing")) == (1, 0)


@pytest.mark.parametrize(
    ("changed", "gone", "said", "left"),
    [
        (True, False, "and --repair logs it to be sent after all.", ["B", "a"]),
        (False, True, "; --repair logs no delete: what shall not stay there, delete there.", ["a", "b"]),
        (True, True, "and --repair logs it to be sent after all, but no delete.", ["B", "a"]),
    ],
    ids=["an update", "a delete", "both"],
)
def test_what_is_said_of_repairs_is_what_they_do(changed, gone, said, left):
    for name in "ab":
        Item.objects.create(name=name)
    synchronize()
    Item.objects.filter(name="b").update(name="B" if changed else "b")
    if gone:
        Item.objects.filter(name="a").delete()
    with refusing():
        fail()

    _, told = failures("--drop", "--model", "testapp.Item")
    compare(repair="local")
    synchronize()

    assert told.rstrip().endswith(said)
    assert sorted(Item.objects.using(REMOTE).values_list("name", flat=True)) == left


def test_proxy_names_the_failures_of_its_model():
    vehicle = Vehicle.objects.create(name="a")
    with refusing(Vehicle):
        fail()

    code, said = failures("--model", "shapeapp.RedVehicle", "--key", vehicle.pk)

    assert code == 1 and f"shapeapp.Vehicle {vehicle.pk}: ValueError: no" in said


def test_row_of_a_dropped_delete_is_not_taken_for_what_came_past_the_log_under_its_key():
    item = Item.objects.create(name="a")
    key = item.pk
    synchronize()
    item.delete()
    with refusing():
        fail()
    failures("--drop", number_of(key))
    call_command("synchro_prune", "--keep", "0", verbosity=0)

    with synchro_paused():
        Item.objects.create(pk=key, name="other")
    Item.objects.update(cash=1)

    synchronize()

    assert sorted(Item.objects.using(REMOTE).values_list("name", "cash")) == [("a", 0), ("other", 1)]


def test_dropped_delete_of_a_kept_key_is_made_again_as_the_same():
    account = Account.objects.create(name="a", cash=1)
    synchronize()
    account.delete()
    with refusing(Account):
        fail()

    failures("--model", "testapp.Account", "--key", "a", "--drop")
    Account.objects.create(name="a", cash=2)
    synchronize()

    assert Account.objects.using(REMOTE).get().cash == 2 and not kept().exists()


def test_dropped_one_for_which_others_wait_is_named_with_them():
    child = Node.objects.create(name="child", parent=Node.objects.create(name="parent"))
    with refusing(Node):
        fail()

    _, said = failures("--drop", number_of(child.parent_id))

    assert f"What waits for it stays kept, and brings it along: testapp.Node {child.pk}" in said
    synchronize()
    assert Node.objects.using(REMOTE).get(name="child").parent.name == "parent"


def test_nothing_is_dropped_under_a_run():
    item = Item.objects.create(name="a")
    with refusing():
        fail()

    with Lease(REMOTE, node_id(LOCAL)).held():
        code, said = failures("--drop", number_of(item.pk))

    assert code == 4 and "is under way" in said and kept().exists()


# Wrong usage ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--drop",), "--drop wants to know which"),
        (("--drop", "99"), "No failure 99 is kept on 'remote': `manage.py synchro_failures` lists them."),
        (("--show", "99"), "No failure 99 is kept"),
        (("--retry", "99"), "No failure 99 is kept"),
        (
            ("--model", "testapp.Item", "--key", "99", "--drop"),
            "No such failure of testapp.Item 99 is kept",
        ),
        (("--model", "testapp.Item", "--key", "nonsense", "--show"), "No such failure of testapp.Item nonsense"),
        (("--key", "1"), "--key says more of one --model"),
        (
            ("--model", "testapp.Nope"),
            "There is no model 'testapp.Nope', and nothing of it is kept; write",
        ),
        (("--retry", "--drop", "1"), "--retry and --drop are different things"),
        (("--model", "testapp.Item", "--retry", "1"), "Numbers and --model both say which"),
        (("--remote", "nope"), "there is no database 'nope'"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else "",
)
def test_wrong_usage_ends_with_2(options, said):
    Item.objects.create(name="a")
    with refusing():
        fail()

    code, text = failures(*options)

    assert code == 2 and said in text, text
    assert kept().count() == 1
