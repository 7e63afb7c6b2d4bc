"""An office and its hub are put back, one after the other: what both have lost comes from a third."""

from __future__ import annotations

import pytest
from django.utils import timezone

from synchro_triggers import Refused, synchronize
from synchro_triggers.models import Conflict, Failure, Knowledge, Node, Reference
from synchro_triggers.replay.log.history import fingerprint
from tests.nodes.nodes import NAMES, STAR
from tests.replay.hearing import later
from tests.testapp.models import Item


def do(nodes, local, remote, *arguments):
    done = nodes.command(local, remote, *arguments)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def restore_both(nodes, backups, *, failing=False):
    """A makes and changes objects that B and C get. B is put back, and gets them again from C; A is put back, too."""
    nodes.rows("a", Item).create(name="old", cash=1)
    nodes.rows("c", Item).create(name="C's", cash=1)
    nodes.rounds(STAR)
    backups.take("a")
    backups.take("b")
    nodes.rows("a", Item).create(name="lost", cash=2)
    nodes.rows("a", Item).filter(name="C's").update(cash=2)
    nodes.rounds(STAR)
    if failing:  # so C does not say that it knows all that A has done
        kept = Failure(source="b", model_label="testapp.Keyed", object_pk="9", operation="I", logged_at=timezone.now())
        kept.save(using="c")
    backups.put_back("b")
    do(nodes, "c", "b", "synchro_reset", "--keep-identity", "--database", "b")
    nodes.run("c", "b")
    assert nodes.rows("b", Item).get(name="lost").cash == 2
    backups.put_back("a")
    Node.objects.using("a").update(fingerprint=fingerprint("a"))  # in the same place


@pytest.mark.parametrize("failing", [True, False])
@pytest.mark.parametrize("pull", [True, False])
def test_what_the_hub_has_from_a_third_tells_that_the_office_has_lost_it(nodes, backups, pull, failing):
    restore_both(nodes, backups, failing=failing)
    nodes.rows("a", Item).create(name="new", cash=3)
    later()

    with nodes.turn_of("a", "b"), pytest.raises(Refused, match="was put back to an older state"):
        synchronize(pull=pull)
    do(nodes, "a", "b", "synchro_reset", "--keep-identity")
    nodes.rows("a", Item).create(name="after", cash=4)
    Failure.objects.using("c").all().delete()
    nodes.rounds(STAR, 5)

    here, *others = nodes.all(Item, "name", "cash")
    assert here == [("C's", 2), ("after", 4), ("lost", 2), ("new", 3), ("old", 1)]
    assert others == [here, here]
    assert sum(Conflict.objects.using(name).count() for name in NAMES) == 0
    nodes.assert_at_rest(STAR)


def test_where_nothing_tells_when_it_was_lost_nothing_is_guessed(nodes, backups):
    restore_both(nodes, backups)
    Reference.objects.using("b").filter(author__isnull=False).update(author=None, number=None, time=None)
    Reference.objects.using("b").filter(number__gt=1).update(number=None, time=None)
    Knowledge.objects.using("b").filter(author=nodes.identity("a")).update(number=99)

    done = nodes.command("a", "b", "synchro_reset", "--keep-identity")

    assert done.returncode == 3
    assert "--new-identity" in done.stderr
    assert nodes.run("b", "c")
