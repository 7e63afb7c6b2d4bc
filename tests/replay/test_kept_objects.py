"""An object that cannot be applied is kept, said, and tried again; the others go on."""

from __future__ import annotations

from io import StringIO

import pytest
from django.apps import apps
from django.core.management import CommandError, call_command

from synchro_triggers import SynchroError, reset_synchro, synchronize
from synchro_triggers.models import Failure, Node
from tests.databases import both
from tests.replay.hearing import REMOTE, hearing, receiving
from tests.testapp.models import (
    Item,
    Keyed,
    KeyedChild,
    Numbered,
)

pytestmark = both


def remote(model):
    return model._base_manager.using(REMOTE)


def run(**options):
    """Run the command; return what it printed."""
    out = StringIO()
    call_command("synchronize", stdout=out, stderr=out, **options)
    return out.getvalue()


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


@pytest.mark.all_pairs
def test_what_this_package_notes_is_heard_by_no_receiver(stumbling_block):
    own = [*apps.get_app_config("synchro_triggers").get_models()]
    Node.objects.using(REMOTE).all()._raw_delete(REMOTE)

    with hearing(*own) as heard:
        assert synchronize().failed == 1
        remote(Numbered).filter(name="theirs").delete()
        assert synchronize().failed == 0
        reset_synchro()

    assert heard == []


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
