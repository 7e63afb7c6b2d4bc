"""``synchro_failures`` of what no database of this project has sent, of models that are gone, and of forged rows."""

from __future__ import annotations

import pytest
from django.core.management import call_command

from synchro_triggers import compare, synchro_paused, synchronize
from synchro_triggers.models import ChangeLog, Checkpoint, Failure, Reference
from synchro_triggers.replay.state.lease import Lease
from synchro_triggers.replay.state.node import node_id
from tests.databases import both
from tests.replay.test_failures_command import as_json, fail, failures, kept, number_of, refusing
from tests.testapp.models import Item, Tag, Tagged

LOCAL, REMOTE = "default", "remote"

pytestmark = both

#: The identity of a node that this project knows by no alias.
GONE = "0b1c2d3e-0000-4000-8000-00000000beef"


def keep(alias=LOCAL, **values):
    """Let a database keep a failure as if a run of another node had left it."""
    told = {
        "source": GONE,
        "model_label": "testapp.Item",
        "object_pk": "7",
        "operation": "I",
        "error": "ValueError: no",
    }
    return Failure.objects.using(alias).create(**{**told, "logged_at": "2026-01-01T00:00:00+00:00", **values})


# Of a node that is gone -------------------------------------------------------------------------------


def test_failures_of_a_node_that_is_gone_are_listed_by_its_identity_and_end_with_1():
    failure = keep()

    code, said = failures("--pull")
    _, told = as_json("--pull")
    pushed_code, pushed = failures()

    assert code == 1 and said.endswith("1 object is kept.")
    assert f"node {GONE}, which is no remote of this project: 1 kept of what has come from there\n" in said
    assert f"  {failure.pk}: testapp.Item 7: ValueError: no\n" in said
    assert [each["id"] for each in told[GONE]] == [failure.pk] and told[REMOTE] == []
    assert (
        pushed_code == 0 and "1 kept here of what has come from a node that is no remote: --pull lists them" in pushed
    )


def test_alias_that_was_taken_out_of_the_settings_leaves_failures_that_can_be_dropped(settings):
    synchronize(both=True)
    item = Item.objects.using(REMOTE).create(name="theirs")
    with refusing(on=LOCAL):
        fail(pull=True)
    settings.SYNCHRO_REMOTE = None

    code, said = failures("--pull")
    dropped, told = failures("--pull", "--drop", number_of(item.pk, LOCAL))

    assert code == 1 and f"testapp.Item {item.pk}: ValueError: no" in said
    assert dropped == 0 and f"testapp.Item {item.pk}: forgotten; " in told
    assert not kept(LOCAL).exists() and failures("--pull") == (0, "Nothing is kept here.\n")


@pytest.mark.parametrize("which", [["ID"], None], ids=["by number", "by model and key"])
def test_failures_of_a_node_that_is_gone_are_shown_and_dropped(which):
    failure, other = keep(), keep(object_pk="8")
    chosen = ["--drop", failure.pk] if which else ["--model", "testapp.Item", "--key", "7", "--drop"]
    shown_by = ["--show", failure.pk] if which else ["--model", "testapp.Item", "--key", "7", "--show"]

    shown, text = failures("--pull", *shown_by)
    code, said = failures("--pull", *chosen)

    assert (
        shown == 0 and f"{failure.pk}: testapp.Item 7 of {GONE} (not known there): insert\n  ValueError: no\n" in text
    )
    assert code == 0 and "testapp.Item 7: forgotten; it comes to 'default' when it changes again there" in said
    assert [each.pk for each in kept(LOCAL)] == [other.pk]


def test_dropped_delete_of_a_node_that_is_gone_leaves_the_row_to_nobody():
    synchronize(both=True)
    item = Item.objects.using(REMOTE).create(name="theirs")
    synchronize(pull=True)
    [here] = Item.objects.values_list("pk", flat=True)
    for model in (Reference, Checkpoint):  # as if another one had sent it, which is not there any more
        model.objects.filter(source=node_id(REMOTE)).update(source=GONE)
    failure = keep(object_pk=str(item.pk), operation="D", old_values='["{}"]')

    _, shown = failures("--pull", "--show", failure.pk)
    _, said = failures("--pull", "--drop", failure.pk)

    assert f"(there {here}): delete" in shown
    assert "its row stays on 'default', and nothing deletes it any more" in said
    assert Item.objects.filter(pk=here).exists()
    assert not Reference.objects.filter(source=GONE, local_pk=str(item.pk), ended=0).exists()


def test_nothing_of_a_node_is_dropped_under_its_run():
    failure = keep()

    with Lease(LOCAL, GONE).held():
        code, said = failures("--pull", "--drop", failure.pk)

    assert code == 4 and "is under way" in said and kept(LOCAL).exists()


def test_failure_of_a_node_that_is_no_remote_cannot_be_tried_from_here():
    failure = keep()

    code, said = failures("--pull", "--retry", failure.pk)

    assert code == 2 and kept(LOCAL).exists()
    assert f"Failure {failure.pk} has come from node {GONE}, which is no remote of this project" in said


def test_named_remote_is_all_that_is_looked_at():
    keep()

    assert failures("--pull", "--remote", REMOTE) == (0, "remote: 0 kept of what has come from there\n")


# Of a model that is gone ------------------------------------------------------------------------------


@pytest.mark.parametrize("label", ["gone.Model", "GONE.model"])
def test_failures_of_a_model_that_is_gone_are_chosen_by_its_label(label):
    source = node_id(LOCAL)
    keep(REMOTE, source=source, model_label="gone.Model")
    keep(REMOTE, source=source)

    code, said = failures("--model", label)
    shown, text = failures("--model", label, "--key", "7", "--show")
    dropped, told = failures("--model", label, "--drop")

    assert code == 1 and "1 object is kept." in said and "gone.Model 7: ValueError: no" in said
    assert shown == 0 and "gone.Model 7 of default (not known there): insert" in text
    assert dropped == 0 and "gone.Model 7: forgotten" in told
    assert [each.model_label for each in kept()] == ["testapp.Item"]


def test_label_of_no_model_of_which_nothing_is_kept_is_wrong_usage():
    keep(REMOTE, source=node_id(LOCAL))

    code, said = failures("--model", "gone.Model")

    assert code == 2 and "There is no model 'gone.Model', and nothing of it is kept; write 'app.Model'." in said


# Forged -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("operation", ["X", "", "i"])
def test_rows_that_no_trigger_has_written_are_listed_shown_and_dropped(operation):
    failure = keep(REMOTE, source=node_id(LOCAL), operation=operation, old_values="{not json", object_pk="']; --")

    listed, text = failures()
    shown, said = failures("--show", failure.pk)
    dropped, _ = failures("--drop", failure.pk)

    assert (listed, shown, dropped) == (1, 0, 0)
    assert f"): {operation or 'nothing'}\n" in said and "testapp.Item ']; --: ValueError: no" in text
    assert not kept().exists()


def test_rows_that_no_trigger_has_written_do_not_end_a_run():
    keep(REMOTE, source=node_id(LOCAL), operation="X", old_values="{not json", other_rows="[[1]]")
    keep(REMOTE, source=node_id(LOCAL), object_pk="8", operation="D", old_values='{"a": 1}', other_rows="[[1]]")
    Item.objects.create(name="a")

    report = synchronize()

    assert report.created == 1 and Item.objects.using(REMOTE).get().name == "a"


def test_rows_that_no_trigger_has_written_explain_no_difference():
    tagged = Tagged.objects.create(title="t")
    tagged.tags.add(Tag.objects.create(label="x"))
    synchronize()
    through = Tagged.tags.through
    with synchro_paused():
        through.objects.all().delete()
    keep(REMOTE, source=node_id(LOCAL), model_label=through._meta.label, object_pk="9", old_values="[1, {}]")
    keep(REMOTE, source=node_id(LOCAL), model_label=through._meta.label, object_pk="8", old_values="{not json")

    report = compare(models=["testapp.Tagged"])

    assert report.total("unexplained") == 1


def test_prune_has_no_need_of_failures_that_are_kept_of_a_node_that_is_gone():
    keep()
    Item.objects.create(name="a")
    synchronize()

    call_command("synchro_prune", "--keep", "0", verbosity=0)

    assert not ChangeLog.objects.exists() and kept(LOCAL).exists()
