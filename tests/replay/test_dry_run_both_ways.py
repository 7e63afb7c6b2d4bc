"""A dry run of both ways tells what a real one does: the way back finds what the way there would have sent."""

from __future__ import annotations

import pytest

from synchro_triggers import SynchroError, synchro_paused, synchronize
from synchro_triggers.models import Reference
from synchro_triggers.replay.meeting.linking import call_strangers
from tests.databases import both
from tests.replay.hearing import LOCAL, REMOTE
from tests.testapp.models import Account, Item, Keyed, Numbered, Tag

pytestmark = both


def make(model, alias, logged=True, **values):
    if logged:
        return model._base_manager.using(alias).create(**values)
    with synchro_paused(using=alias):
        return model._base_manager.using(alias).create(**values)


def own_rows_on_each_side():
    make(Item, LOCAL, name="ours")
    make(Item, REMOTE, logged=False, name="theirs")


def strangers():
    make(Item, LOCAL, logged=False, name="ours")
    make(Item, REMOTE, logged=False, name="theirs")
    call_strangers(REMOTE)


def not_said_what_they_are():
    make(Item, LOCAL, logged=False, name="ours")
    make(Item, REMOTE, logged=False, name="theirs")


def a_remote_that_has_never_sent():
    make(Item, LOCAL, name="ours")
    make(Item, REMOTE, name="theirs")
    make(Numbered, REMOTE, number=1)
    make(Keyed, REMOTE, code="k")
    make(Tag, REMOTE, label="t")


def older_rows_of_the_remote_that_are_changed():
    make(Item, LOCAL, name="ours")
    theirs = make(Item, REMOTE, logged=False, name="theirs")
    Item.objects.using(REMOTE).filter(pk=theirs.pk).update(name="theirs, changed")


def met_and_both_have_more():
    own_rows_on_each_side()
    synchronize(both=True, full=True)
    make(Item, LOCAL, name="more of ours")
    make(Item, REMOTE, logged=False, name="more of theirs")


def rows_of_local_alone():
    make(Item, LOCAL, logged=False, name="ours")


def rows_of_the_remote_alone():
    make(Item, REMOTE, logged=False, name="theirs")
    make(Account, REMOTE, logged=False, name="theirs")


SCENES = {
    each.__name__: each
    for each in (
        own_rows_on_each_side,
        strangers,
        not_said_what_they_are,
        a_remote_that_has_never_sent,
        older_rows_of_the_remote_that_are_changed,
        met_and_both_have_more,
        rows_of_local_alone,
        rows_of_the_remote_alone,
    )
}


def outcome(**options):
    """Return what a run does, or how it is refused."""
    try:
        report = synchronize(**options)
    except SynchroError as error:
        return type(error), str(error)
    counts = {label: (each.created, each.deleted, each.failed) for label, each in report.models.items()}
    return {label: each for label, each in counts.items() if any(each)}


@pytest.mark.parametrize(
    "options", [{"both": True, "full": True}, {"both": True}, {"pull": True, "full": True}], ids=str
)
@pytest.mark.thinned("scene", "options")
@pytest.mark.parametrize("scene", SCENES)
def test_dry_run_tells_what_the_run_does(scene, options):
    SCENES[scene]()
    before = Reference.objects.count(), Reference.objects.using(REMOTE).count(), Item.objects.count()

    dry = outcome(dry_run=True, **options)
    written = Reference.objects.count(), Reference.objects.using(REMOTE).count(), Item.objects.count()
    real = outcome(**options)

    assert dry == real and written == before
