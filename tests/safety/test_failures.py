"""Nothing lost to a bad row: it is kept with all that is known of it, tried again first, and shown."""

from __future__ import annotations

import ast
import json
import re
from contextlib import contextmanager, nullcontext
from datetime import datetime
from io import StringIO

import pytest
from django.core.management import CommandError, call_command
from django.db.models.signals import pre_delete, pre_save

from synchro_triggers import synchronize
from synchro_triggers.models import ChangeLog, Checkpoint, Failure
from tests.databases import both, both_committed
from tests.replay.hearing import later, receiving
from tests.testapp.models import Ambiguous, Item, Keyed, KeyedChild, Node, Numbered, Tag

pytestmark = [both, pytest.mark.mariadb]

REMOTE = "remote"


def on_remote(model):
    return model.objects.using(REMOTE)


@contextmanager
def refusing(model, names: set[str]):
    """Let a receiver on the remote refuse objects of these names; yield the names it was asked about, in order."""
    asked = []

    def refuse(instance, using, **told):
        if using == REMOTE:
            asked.append(instance.name)
            if instance.name in names:
                raise ValueError(f"no {instance.name} today")

    for signal in (pre_save, pre_delete):
        signal.connect(refuse, sender=model)
    try:
        yield asked
    finally:
        for signal in (pre_save, pre_delete):
            signal.disconnect(refuse, sender=model)


def kept() -> Failure:
    return on_remote(Failure).get()


def status(*arguments: str) -> str:
    output = StringIO()
    call_command("synchro_status", *arguments, stdout=output)
    return output.getvalue()


# What is kept -------------------------------------------------------------------------------------


def create_bad() -> Item:
    return Item.objects.create(name="bad")


def update_bad() -> Item:
    item = create_bad()
    synchronize()
    Item.objects.update(cash=5)
    return item


def delete_bad() -> Item:
    item = create_bad()
    synchronize()
    Item.objects.all().delete()
    return item


@both_committed  # time stands still in a transaction
@pytest.mark.all_pairs
@pytest.mark.parametrize(("work", "operation"), [(create_bad, "I"), (update_bad, "U"), (delete_bad, "D")])
def test_kept_failure_says_what_it_is_what_went_wrong_how_often_and_when(work, operation):
    key = str(work().pk or ChangeLog.objects.latest("id").object_pk)

    with refusing(Item, {"bad"}):
        synchronize()
        first = kept()
        synchronize()
        second = kept()

    assert (first.model_label, first.object_pk, first.operation) == ("testapp.Item", key, operation)
    assert first.error == "ValueError: no bad today"
    assert first.attempts >= 1 and second.attempts > first.attempts
    assert first.first_at <= first.last_at < second.last_at and second.first_at == first.first_at
    assert not Failure.objects.exists(), "it is kept on the remote, and there only"
    assert synchronize().failures == [] and not on_remote(Failure).exists()
    assert sorted(on_remote(Item).values_list("name", "cash")) == sorted(Item.objects.values_list("name", "cash"))


def test_object_that_failed_as_new_stays_new_whatever_is_logged_of_it_before_it_succeeds():
    """Else its delete would look for a namesake on the remote, and take that along."""
    on_remote(Ambiguous).bulk_create([Ambiguous(name="x", note="theirs"), Ambiguous(name="x", note="twin")])
    here = Ambiguous.objects.create(name="x")
    synchronize()
    Ambiguous.objects.update(note="changed")
    synchronize()
    on_remote(Ambiguous).filter(note="twin").delete()
    here.delete()

    assert synchronize().failures == []
    assert on_remote(Ambiguous).get().note == "theirs" and not on_remote(Failure).exists()


def test_object_that_failed_as_new_and_was_changed_since_is_kept_as_new():
    create_bad()
    with refusing(Item, {"bad"}):
        synchronize()
        Item.objects.update(cash=5)
        synchronize()

    assert kept().operation == "I"


def test_object_that_failed_as_changed_and_was_deleted_since_is_kept_as_deleted():
    update_bad()
    with refusing(Item, {"bad"}):
        synchronize()
        assert kept().operation == "U"
        Item.objects.all().delete()
        synchronize()

    assert kept().operation == "D"
    assert synchronize().deleted == 1 and not on_remote(Item).exists()


def test_object_that_was_repaired_here_succeeds_with_its_new_values_and_is_forgotten():
    on_remote(Numbered).create(number=7, name="theirs")
    here = Numbered.objects.create(number=7, name="ours")
    synchronize()
    assert "number" in kept().error

    here.number = 8
    here.save()

    assert synchronize().failures == [] and not on_remote(Failure).exists()
    assert sorted(on_remote(Numbered).values_list("number", "name")) == [(7, "theirs"), (8, "ours")]


def test_failure_of_somebody_elses_node_is_neither_tried_nor_forgotten():
    stranger = on_remote(Failure).create(
        source="another node",
        model_label="testapp.Item",
        object_pk="1",
        operation="I",
        logged_at="2026-01-01T00:00Z",
        error="theirs",
    )
    Item.objects.create(pk=1, name="ours")

    assert synchronize().failures == []
    assert kept() == stranger


# The next run -------------------------------------------------------------------------------------


@pytest.mark.parametrize("batch_size", [1, 3, 1000])
def test_kept_objects_are_tried_first_in_their_order_and_everything_else_goes_through(settings, batch_size):
    settings.SYNCHRO_BATCH_SIZE = batch_size
    for name in ("one", "bad", "two", "worse", "three"):
        Item.objects.create(name=name)
    with refusing(Item, {"bad", "worse"}):
        assert synchronize().failed == 2
        assert set(on_remote(Item).values_list("name", flat=True)) == {"one", "two", "three"}
        Item.objects.create(name="four")
        assert synchronize().failed == 2
    Item.objects.create(name="five")

    with refusing(Item, set()) as asked:
        assert synchronize().failures == []

    assert asked == ["bad", "worse", "five"]
    assert on_remote(Item).count() == 7 and not on_remote(Failure).exists()


@pytest.mark.parametrize("batch_size", [1, 1000])
def test_dependents_wait_with_what_they_wait_for_and_arrive_with_it(settings, batch_size):
    settings.SYNCHRO_BATCH_SIZE = batch_size
    root = Node.objects.create(name="bad")
    child = Node.objects.create(name="child", parent=root)
    Node.objects.create(name="grandchild", parent=child)
    Node.objects.create(name="stranger")

    with refusing(Node, {"bad"}):
        report = synchronize()

    assert set(on_remote(Node).values_list("name", flat=True)) == {"stranger"}
    assert report.failed == 3
    errors = dict(on_remote(Failure).values_list("object_pk", "error"))
    assert errors[str(root.pk)] == "ValueError: no bad today"
    assert f"waits for testapp.Node {root.pk}, which failed" in errors[str(child.pk)]

    Node.objects.create(name="late", parent=child)
    assert synchronize().failures == []
    parents = dict(on_remote(Node).values_list("name", "parent__name"))
    assert parents == {"bad": None, "child": "bad", "grandchild": "child", "late": "child", "stranger": None}


def test_dependents_of_another_model_wait_in_later_runs_too():
    parent = Keyed.objects.create(code="x")

    def refuse(instance, using, **told):
        if using == REMOTE:
            raise ValueError("no")

    pre_save.connect(refuse, sender=Keyed)
    try:
        assert synchronize().failed == 1
        KeyedChild.objects.create(name="c", parent=parent)  # logged long after its parent has failed
        assert {failure.model for failure in synchronize().failures} == {"testapp.Keyed", "testapp.KeyedChild"}
    finally:
        pre_save.disconnect(refuse, sender=Keyed)

    assert synchronize().failures == []
    assert on_remote(KeyedChild).get().parent.code == "x"


# --on-error stop ----------------------------------------------------------------------------------


@pytest.mark.all_pairs
@pytest.mark.parametrize("batch_size", [1, 2, 1000])
def test_stop_at_the_first_leaves_it_and_the_rest_for_the_next_run(settings, batch_size):
    settings.SYNCHRO_BATCH_SIZE = batch_size
    for name in ("one", "bad", "two", "worse", "three"):
        Item.objects.create(name=name)

    with refusing(Item, {"bad", "worse"}), pytest.raises(CommandError, match="no bad today") as error:
        call_command("synchronize", on_error="stop", verbosity=0)

    assert error.value.returncode == 1 and "worse" not in str(error.value)
    assert set(on_remote(Item).values_list("name", flat=True)) == {"one"}
    assert kept().error == "ValueError: no bad today"
    assert on_remote(Checkpoint).get().last_check is None, "the run has not come to its end"
    pending = json.loads(status("--json"))["remotes"][REMOTE]["pending"]
    assert 3 <= pending["testapp.Item"] <= 5

    with refusing(Item, {"bad"}), pytest.raises(CommandError, match="no bad today"):
        call_command("synchronize", on_error="stop", verbosity=0)
    assert set(on_remote(Item).values_list("name", flat=True)) == {"one"}, (
        "what is kept comes first, and stops it again"
    )

    call_command("synchronize", on_error="stop", verbosity=0)
    assert sorted(on_remote(Item).values_list("name", flat=True)) == ["bad", "one", "three", "two", "worse"]
    assert not on_remote(Failure).exists() and not synchronize().changed


# synchro_status -----------------------------------------------------------------------------------


def of_remote(output):
    """Return the lines of a status that are about the remote, however slow this machine is."""
    lines = re.sub(r"\d+ s old", "SECONDS old", output).splitlines()
    return lines[next(index for index, line in enumerate(lines) if line.startswith("remote: ")) :]


def test_status_before_the_first_run():
    ChangeLog.objects.all().delete()  # flushing the tables of the test before is logged as well
    Item.objects.create(name="a")

    assert of_remote(status()) == [
        "remote: last run never",
        "  pending: 1 objects in 1 log rows, the oldest SECONDS old",
        "    testapp.Item: 1",
        "  failed: 0",
    ]


@pytest.mark.all_pairs
def test_status_lists_the_last_run_what_is_pending_and_what_failed():
    create_bad()
    with refusing(Item, {"bad"}):
        synchronize()
    Item.objects.create(name="new")
    Item.objects.filter(name="new").update(cash=1)
    Tag.objects.create(label="a")

    lines = of_remote(status())

    failure, last_run = kept(), on_remote(Checkpoint).get().last_check
    assert lines[-2] == "  last runs:" and lines[-1].endswith(": done (1 kept as failures)")
    assert lines[:-2] == [
        f"remote: last run {last_run:%Y-%m-%d %H:%M:%S}",
        "  pending: 2 objects in 3 log rows, the oldest SECONDS old",
        "    testapp.Item: 1",
        "    testapp.Tag: 1",
        "  failed: 1",
        f"    testapp.Item {failure.object_pk}: ValueError: no bad today ({failure.attempts} attempts, "
        f"first {failure.first_at:%Y-%m-%d %H:%M:%S}, last {failure.last_at:%Y-%m-%d %H:%M:%S})",
    ]


@pytest.mark.all_pairs
def test_status_as_json_is_the_same():
    create_bad()
    with refusing(Item, {"bad"}):
        synchronize()
    Tag.objects.create(label="a")

    told = json.loads(status("--json"))["remotes"]

    failure = kept()
    assert list(told) == [REMOTE]
    [run], lag, clock = (told[REMOTE].pop(name) for name in ("runs", "lag", "clock"))
    assert (run["outcome"], run["kept"], run["begun_by"]) == ("done", 1, "API") and run["seconds"] >= 0
    assert 0 <= lag < 60 and abs(clock) < 60
    assert told[REMOTE] == {
        "remote": REMOTE,
        "last_run": on_remote(Checkpoint).get().last_check.isoformat(),
        "under_way": "",
        "refused": "",
        "conflicts": 0,
        "open_conflicts": 0,
        "lagging": {},
        "left_out": {},
        "note": "",
        "logs": True,
        "has_sent": False,
        "blind": "",
        "pending": {"testapp.Tag": 1},
        "pending_rows": 1,
        "failures": [
            {
                "model": "testapp.Item",
                "key": failure.object_pk,
                "operation": "I",
                "error": "ValueError: no bad today",
                "attempts": failure.attempts,
                "first_at": failure.first_at.isoformat(),
                "last_at": failure.last_at.isoformat(),
                "next_at": None,
            }
        ],
    }
    assert datetime.fromisoformat(told[REMOTE]["failures"][0]["first_at"]).tzinfo is not None


def test_status_of_a_run_without_anything_left():
    Item.objects.create(name="a")
    synchronize()

    assert of_remote(status())[1:3] == ["  pending: 0 objects in 0 log rows", "  failed: 0"]
    assert json.loads(status("--json"))["remotes"][REMOTE]["failures"] == []


def test_status_changes_nothing():
    Item.objects.create(name="a")
    synchronize()
    Item.objects.create(name="b")
    before = on_remote(Checkpoint).values().get()

    status()

    assert on_remote(Checkpoint).values().get() == before and on_remote(Item).count() == 1


def test_status_without_a_remote_says_so(settings):
    settings.SYNCHRO_REMOTE = None

    assert status().splitlines()[-1] == "No remote is configured (SYNCHRO_REMOTE): changes are only logged."
    assert json.loads(status("--json"))["remotes"] == {}


# Who has it ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("listened", [False, True], ids=["bulk", "receivers"])
def test_failure_names_who_has_the_unique_value_and_the_way_out_works(settings, listened):
    theirs = on_remote(Numbered).create(number=7, name="theirs")
    later()
    Numbered.objects.create(number=7, name="ours")
    Numbered.objects.create(number=8)

    with receiving("post_save", Numbered, lambda **told: None) if listened else nullcontext():
        [failure] = synchronize().failures

    assert f"unique number=7 is taken on 'remote' by testapp.Numbered {theirs.pk}, which stays there" in failure.error
    [said] = re.findall(r"say so with SYNCHRO_OPTIONS = (\{.*\}), and run synchro_install_triggers", failure.error)
    settings.SYNCHRO_OPTIONS = ast.literal_eval(said)
    call_command("synchro_install_triggers", verbosity=0)
    assert synchronize().failures == []
    assert sorted(on_remote(Numbered).values_list("number", "name")) == [(7, "ours"), (8, "")]
    assert on_remote(Numbered).get(number=7).pk == theirs.pk


def test_changed_value_that_is_taken_is_named_without_that_way_out():
    changed = Numbered.objects.create(number=6)
    assert synchronize().failures == []
    theirs = on_remote(Numbered).create(number=7)

    Numbered.objects.filter(pk=changed.pk).update(number=7)
    [failure] = synchronize().failures

    assert f"unique number=7 is taken on 'remote' by testapp.Numbered {theirs.pk}, which stays there" in failure.error
    assert "SYNCHRO_OPTIONS" not in failure.error
