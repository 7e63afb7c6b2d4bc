"""Runs that are cut off: what they have brought is handed on with all that its senders had seen of it, and no more."""

from __future__ import annotations

import datetime

import pytest
from django.db.models.signals import post_save

from synchro_triggers.models import Conflict, Knowledge, Reference
from synchro_triggers.replay.choices import Choices
from synchro_triggers.replay.log.window import commit_mark, open_window
from synchro_triggers.replay.run import Run
from synchro_triggers.replay.state.checkpoint import load_checkpoint
from tests.nodes.nodes import MESH, NAMES, STAR
from tests.replay.hearing import later
from tests.testapp.models import Account, Document, Item

MODELS = {"new keys": Item, "kept keys": Document}


class Cut(BaseException):
    """The process of a run is killed."""


def cut_off(nodes, local, remote, **options):
    """Let a run bring all that it has to bring, and end before it notes that it is done."""

    def cut(done, of):
        raise Cut

    with pytest.raises(Cut):
        nodes.run(local, remote, progress=cut, **options)


def cut_off_at(nodes, local, remote, model, is_it):
    """Let a run end where it writes an object."""

    def cut(instance, using, **kwargs):
        if using == remote and is_it(instance):
            raise Cut

    post_save.connect(cut, sender=model)
    try:
        with pytest.raises(Cut):
            nodes.run(local, remote)
    finally:
        post_save.disconnect(cut, sender=model)


def small_window(follower):
    """Let a follower apply what is new in one transaction."""
    checkpoint = load_checkpoint(follower._context.remote, follower.source)
    end = follower.end_of_window(commit_mark("default"))
    known = {"without_origin": follower.node, "known_row": checkpoint.last_row}
    report = follower.perform_at_once(checkpoint, open_window("default", checkpoint.position, end=end, **known))
    assert report is not None
    return report


def conflicts(nodes):
    return [(name, each.kind, each.result) for name in NAMES for each in Conflict.objects.using(name)]


def came_with(nodes):
    """What each node keeps of runs that have not ended."""
    return [Knowledge.objects.using(name).exclude(came_with=0).exists() for name in NAMES]


@pytest.fixture(params=MODELS)
def model(request):
    return MODELS[request.param]


@pytest.fixture
def thing(nodes, model):
    """All nodes have it, and C has changed it last, which A has seen and B has not."""
    title = "name" if model is Item else "title"
    nodes.rows("b", model).create(**{title: "x"})
    nodes.rounds(MESH)
    later()
    nodes.rows("c", model).update(**{title: "of c"})
    later()
    nodes.run("c", "a")
    later()

    def change(name, text):
        assert nodes.rows(name, model).update(**{title: text}) == 1
        later()

    return change


def texts(nodes, model):
    return [row for (row,) in nodes.all(model, "name" if model is Item else "title")]


RULES = ("newest", "local", "remote")


@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize("way", [("b", "c"), ("c", "b")], ids="-to-".join)
def test_what_a_cut_off_run_has_brought_has_seen_what_its_author_had_seen(nodes, settings, model, thing, rule, way):
    settings.SYNCHRO_CONFLICT = rule
    thing("a", "of a")
    cut_off(nodes, "a", "b")
    later()

    nodes.run(*way)

    assert conflicts(nodes) == []
    nodes.rounds(MESH)
    assert texts(nodes, model) == ["of a"] * 3
    assert conflicts(nodes) == []
    assert came_with(nodes) == [False] * 3
    nodes.assert_at_rest(MESH)


@pytest.mark.parametrize("way", [("b", "c"), ("c", "b")], ids="-to-".join)
def test_what_is_written_upon_it_has_seen_the_same(nodes, settings, model, thing, way):
    settings.SYNCHRO_CONFLICT = "local" if way == ("c", "b") else "remote"
    thing("a", "of a")
    cut_off(nodes, "a", "b")
    later()
    thing("b", "of b")

    nodes.run(*way)

    nodes.rounds(MESH)
    assert texts(nodes, model) == ["of b"] * 3
    assert conflicts(nodes) == []
    nodes.assert_at_rest(MESH)


@pytest.mark.parametrize("way", [("b", "c"), ("c", "b")], ids="-to-".join)
def test_deletion_that_a_cut_off_run_has_brought_is_none_either(nodes, settings, model, thing, way):
    settings.SYNCHRO_CONFLICT = "local" if way == ("c", "b") else "remote"
    nodes.rows("a", model).all().delete()
    later()
    cut_off(nodes, "a", "b")
    later()

    nodes.run(*way)

    nodes.rounds(MESH)
    assert nodes.all(model, "pk") == [[], [], []]
    assert conflicts(nodes) == []
    nodes.assert_at_rest(MESH)


@pytest.mark.parametrize("way", [("b", "c"), ("c", "b")], ids="-to-".join)
def test_what_nobody_had_seen_is_a_conflict_all_the_same(nodes, model, thing, way):
    thing("a", "of a")
    cut_off(nodes, "a", "b")
    thing("c", "again of c")

    nodes.run(*way)

    assert len(conflicts(nodes)) == 1
    nodes.rounds(MESH)
    assert texts(nodes, model) == ["again of c"] * 3
    assert len(conflicts(nodes)) == 1
    nodes.assert_at_rest(MESH)


@pytest.mark.parametrize("by_field", [False, True], ids=["whole", "by field"])
@pytest.mark.parametrize("way", [("b", "c"), ("c", "b")], ids="-to-".join)
def test_what_its_sender_has_learnt_since_it_was_brought_has_not_come_with_it(nodes, settings, way, by_field):
    """The next run is cut off too, after it has brought another object and before it comes to this one."""
    settings.SYNCHRO_BATCH_SIZE = 1
    if by_field:
        settings.SYNCHRO_MERGE = "fields"
    nodes.rows("b", Item).bulk_create([Item(name="first"), Item(name="x"), Item(name="last")])
    nodes.rounds(MESH)
    later()
    nodes.rows("a", Item).filter(name="x").update(cash=1)
    later()
    cut_off(nodes, "a", "b")
    nodes.run("a", "c")
    later()
    nodes.rows("c", Item).filter(name="x").update(cash=2)
    later()
    nodes.rows("a", Item).filter(name="first").update(cash=5)
    nodes.run("c", "a")
    later()
    cut_off_at(nodes, "a", "b", Item, lambda item: item.name == "x")
    later()
    nodes.rows("b", Item).filter(name="x").update(cash=7)
    later()

    nodes.run(*way)

    assert [each[1] for each in conflicts(nodes)] == ["update/update"]
    nodes.rounds(MESH)
    assert nodes.all(Item, "cash") == [[0, 5, 7]] * 3
    assert {each[1] for each in conflicts(nodes)} == {"update/update"}  # A hands its version on to B, too
    nodes.assert_at_rest(MESH)


def test_small_window_of_a_follower_brings_what_its_sender_has_seen_just_before(nodes, settings):
    """Between two looks of A's follower, A has received something and changed it."""
    settings.SYNCHRO_CONFLICT = "remote"
    nodes.rows("b", Item).create(name="x")
    nodes.rounds(MESH)
    with nodes.turn_of("a", "b"):
        follower = Run("b", Choices())
        follower.perform()
    later()
    nodes.rows("c", Item).update(cash=1)
    later()
    nodes.run("c", "a")
    later()
    nodes.rows("a", Item).update(cash=2)
    later()

    with nodes.turn_of("a", "b"):
        report = small_window(follower)
    assert report.updated == 1

    assert nodes.run("b", "c").conflicts == 0
    assert nodes.all(Item, "cash") == [[2]] * 3
    nodes.assert_at_rest(MESH)
    assert conflicts(nodes) == []


@pytest.mark.parametrize("at_once", [False, True])
def test_what_it_has_come_with_goes_along_when_it_is_handed_on(nodes, model, thing, at_once):
    with nodes.turn_of("b", "c"):
        follower = Run("c", Choices())
        follower.perform()
    thing("a", "of a")
    cut_off(nodes, "a", "b")
    later()

    with nodes.turn_of("b", "c"):
        report = small_window(follower) if at_once else follower.perform()
    assert report.updated == 1

    assert came_with(nodes) == [False, True, True]
    number = Reference.objects.using("c").filter(came_with__isnull=False).values_list("came_with", flat=True).first()
    heard = dict(Knowledge.objects.using("c").filter(came_with=number).values_list("author", "number"))
    assert heard[nodes.identity("a")] > 0 or heard[nodes.identity("c")] > 0
    nodes.run("a", "b")
    nodes.run("b", "c")
    assert came_with(nodes) == [False] * 3


@pytest.mark.parametrize("by_field", [False, True], ids=["whole", "by field"])
def test_what_was_written_upon_it_and_handed_on_has_seen_the_same(nodes, settings, by_field):
    settings.SYNCHRO_CONFLICT = "remote"
    if by_field:
        settings.SYNCHRO_MERGE = "fields"
    nodes.rows("b", Item).create(name="x")
    nodes.rounds(MESH)
    later()
    nodes.rows("c", Item).update(cash=1)
    later()
    cut_off(nodes, "c", "a")
    later()
    nodes.rows("a", Item).update(cash=2)
    later()

    nodes.run("a", "b")
    report = nodes.run("b", "c")

    assert report.conflicts == 0 and conflicts(nodes) == []
    nodes.rounds(MESH)
    assert nodes.all(Item, "cash") == [[2]] * 3
    nodes.assert_at_rest(MESH)


@pytest.mark.parametrize("by_field", [False, True], ids=["whole", "by field"])
def test_what_comes_to_the_sender_after_its_window_has_not_come_with_it(nodes, settings, by_field):
    """A run to A is cut off before it comes to an object, and goes on while A sends to B."""
    settings.SYNCHRO_BATCH_SIZE = 1
    if by_field:
        settings.SYNCHRO_MERGE = "fields"
    nodes.rows("b", Item).bulk_create([Item(name=name) for name in ("first", "x", "y")])
    nodes.rounds(MESH)
    later()
    nodes.rows("a", Item).filter(name="first").update(cash=5)
    nodes.rows("a", Item).filter(name="x").update(name="x of a")
    later()
    nodes.rows("c", Item).filter(name="y").update(cash=1)
    nodes.rows("c", Item).filter(name="x").update(cash=1)
    later()
    cut_off_at(nodes, "c", "a", Item, lambda item: item.name.startswith("x"))
    went_on, merge = [], settings.SYNCHRO_MERGE if by_field else "objects"

    def go_on(instance, using, **kwargs):
        if using == "b" and instance.name == "first":
            went_on.append(nodes.start("c", "a", SYNCHRO_MERGE=merge).wait(600))

    post_save.connect(go_on, sender=Item)
    nodes.run("a", "b")
    post_save.disconnect(go_on, sender=Item)
    assert went_on == [0]
    later()
    nodes.rows("b", Item).filter(name__startswith="x").update(cash=7)
    later()

    nodes.run("b", "c")

    assert "update/update" in [kind for _, kind, _ in conflicts(nodes)]
    nodes.rounds(MESH)
    assert nodes.all(Item, "cash") == [[1, 5, 7]] * 3
    nodes.assert_at_rest(MESH)


@pytest.mark.parametrize("clock", [0, -1], ids=["", "its clock is behind"])
@pytest.mark.parametrize("again", [False, True], ids=["once", "again"])
@pytest.mark.parametrize("by_field", [False, True], ids=["whole", "by field"])
@pytest.mark.parametrize("at_once", [False, True], ids=["run", "at once"])
def test_what_was_written_upon_a_change_beside_a_run_has_seen_it(nodes, settings, by_field, again, at_once, clock):
    """C's users change an object while C sends to A: its number is of a window that is not closed yet."""
    settings.SYNCHRO_BATCH_SIZE, settings.SYNCHRO_CONFLICT = 1, "newest" if again else "remote"
    if by_field:
        settings.SYNCHRO_MERGE = "fields"
    nodes.rows("b", Item).bulk_create([Item(name="first"), Item(name="x")])
    nodes.rounds(MESH)
    with nodes.turn_of("a", "b"):
        follower = Run("b", Choices())
        follower.perform()
    later()

    def write(number):
        with nodes.clock_of("c", datetime.timedelta(hours=clock)):
            assert nodes.rows("c", Item).filter(name="x").update(cash=number) == 1

    def write_beside(instance, using, **kwargs):
        if using == "a" and instance.name == "first":
            write(2)

    nodes.rows("c", Item).filter(name="first").update(cash=1)
    write(1)
    later()
    post_save.connect(write_beside, sender=Item)
    nodes.run("c", "a")
    post_save.disconnect(write_beside, sender=Item)
    assert nodes.rows("a", Item).get(name="x").cash == 2
    later()
    if again:
        write(4)
        later()
    nodes.rows("a", Item).filter(name="x").update(cash=3)
    later()

    with nodes.turn_of("a", "b"):
        assert (small_window(follower) if at_once else follower.perform()).updated >= 1
    nodes.run("b", "c")

    assert [(name, kind) for name, kind, _ in conflicts(nodes)] == [("c", "update/update")] * again
    nodes.rounds(MESH)
    assert nodes.all(Item, "cash") == [[1, 3]] * 3
    assert bool(conflicts(nodes)) is again
    nodes.assert_at_rest(MESH)


def test_loser_of_a_conflict_is_no_conflict_again_where_the_winner_is_sent_on_first(nodes):
    """The remote's version has won in a run that was cut off."""
    nodes.rounds(STAR, 1)
    nodes.rows("a", Account).create(name="x", cash=1)
    later()
    nodes.rows("c", Account).create(name="x", cash=2)
    nodes.run("a", "b")
    cut_off(nodes, "b", "c")
    assert conflicts(nodes) == [("c", "create/create", "remote")]

    nodes.rounds((("c", "b"), ("b", "c"), ("b", "a")))

    assert nodes.all(Account, "cash") == [[2]] * 3
    assert conflicts(nodes) == [("c", "create/create", "remote")]
