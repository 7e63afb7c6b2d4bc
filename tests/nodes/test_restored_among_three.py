"""One of three databases is put back to a backup: in the end all are equal, and nothing is overwritten or doubled."""

from __future__ import annotations

import pytest
from django.db.models import F

from synchro_triggers import Refused, synchronize
from synchro_triggers.models import Conflict
from tests.managing import in_process
from tests.nodes.nodes import MESH, NAMES, STAR
from tests.replay.hearing import later
from tests.testapp.models import Account, Document, Item, Keyed, KeyedChild, Tag, Tagged

COUNTING = {"testapp.Item": {"counters": ("cash",)}}


def do(nodes, local, remote, *arguments):
    done = nodes.command(local, remote, *arguments)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def records():
    return sum(Conflict.objects.using(name).count() for name in NAMES)


def assert_equal(nodes, model, *fields):
    here, *others = nodes.all(model, *fields)
    assert others == [here, here]
    return here


def assert_linked(nodes):
    """Children, and ends of links, are the same objects on all nodes."""
    assert_equal(nodes, KeyedChild, "name", "parent__code")
    assert_equal(nodes, Tagged, "title", "tags__label")


def fill(nodes, at):
    """Make one object of each kind at a node."""
    parent = nodes.rows(at, Keyed).create(code=f"{at} parent", cash=1)
    nodes.rows(at, KeyedChild).create(name=f"{at} child", parent=parent)
    tagged = nodes.rows(at, Tagged).create(title=f"{at} tagged")
    tagged.tags.add(nodes.rows(at, Tag).create(label=f"{at} tag"))
    nodes.rows(at, Document).create(title=f"{at} document")
    nodes.rows(at, Account).create(name=f"{at} account")
    later()


def restore_an_office(nodes, backups, pairs, meanwhile):
    """A makes objects that the others get, and changes one; then it is put back, and its users go on."""
    nodes.rows("a", Item).create(name="old", cash=1)
    nodes.rows("a", Item).create(name="other", cash=1)
    nodes.rows("c", Item).create(name="C's", cash=1)
    fill(nodes, "a")
    nodes.rounds(pairs)
    backups.take("a")
    for name in ("lost 1", "lost 2"):
        nodes.rows("a", Item).create(name=name, cash=2)
    nodes.rows("a", Item).filter(name="old").update(name="old, changed in the lost time")
    nodes.rows("a", Keyed).create(code="lost", cash=2)
    nodes.rows("a", Document).create(title="lost")
    nodes.rows("a", Tagged).get().tags.add(nodes.rows("a", Tag).create(label="lost"))
    nodes.rows("a", Item).create(name="deleted later", cash=2)
    nodes.rounds(pairs)
    later()
    nodes.rows("c", Item).filter(name="lost 1").update(cash=20)
    nodes.rounds(pairs)
    backups.put_back("a")
    assert sorted(nodes.rows("a", Item).values_list("name", flat=True)) == ["C's", "old", "other"]
    if meanwhile:
        work_on(nodes)


def work_on(nodes, text="new"):
    nodes.rows("a", Item).create(name=f"{text} 1", cash=3)
    nodes.rows("a", Item).create(name=f"{text} 2", cash=3)
    nodes.rows("a", Item).filter(name="C's").update(cash=30)
    nodes.rows("a", Keyed).create(code=text, cash=3)
    nodes.rows("a", Document).create(title=text)
    nodes.rows("a", Tagged).get().tags.add(nodes.rows("a", Tag).create(label=text))
    parent = nodes.rows("a", Keyed).get(code="a parent")
    nodes.rows("a", KeyedChild).create(name=text, parent=parent)
    later()


@pytest.mark.parametrize("pairs", [STAR, MESH], ids=["star", "mesh"], indirect=False)
@pytest.mark.parametrize("meanwhile", [True, False])
def test_an_office_goes_on_after_its_backup_is_put_back(nodes, backups, pairs, meanwhile):
    restore_an_office(nodes, backups, pairs, meanwhile)
    with nodes.turn_of("a", "b"), pytest.raises(Refused, match="--keep-identity"):
        synchronize()

    do(nodes, "a", "b", "synchro_reset", "--keep-identity")
    work_on(nodes, "after")
    nodes.rounds(pairs, 5)

    names = assert_equal(nodes, Item, "name", "cash")
    expected = [("C's", 30), ("lost 1", 20), ("lost 2", 2), ("deleted later", 2), ("other", 1)]
    expected += [("old, changed in the lost time", 1), ("after 1", 3), ("after 2", 3)]
    expected += [("new 1", 3), ("new 2", 3)] if meanwhile else []
    assert names == sorted(expected)
    assert_equal(nodes, Keyed, "code", "cash")
    assert_equal(nodes, Document, "id", "title")
    assert_equal(nodes, Account, "name")
    assert_linked(nodes)
    assert records() == 0
    nodes.assert_at_rest(pairs)


@pytest.mark.parametrize("both", [True, False])
def test_both_ways_from_the_office(nodes, backups, both):
    def runs(times):
        for _ in range(times):
            for office in ("a", "c"):
                with nodes.turn_of(office, "b"):
                    synchronize(both=True)

    nodes.rows("a", Item).create(name="old", cash=1)
    runs(2)
    backups.take("a")
    nodes.rows("a", Item).create(name="lost", cash=2)
    nodes.rows("a", Item).filter(name="old").update(cash=5)
    runs(2)
    backups.put_back("a")
    nodes.rows("a", Item).create(name="new", cash=3)
    with nodes.turn_of("a", "b"), pytest.raises(Refused):
        synchronize(both=both)

    do(nodes, "a", "b", "synchro_reset", "--keep-identity")
    runs(3)

    assert assert_equal(nodes, Item, "name", "cash") == [("lost", 2), ("new", 3), ("old", 5)]
    assert records() == 0


@pytest.mark.parametrize("said_at_the_hub", [True, False])
def test_the_hub_goes_on_after_its_backup_is_put_back(nodes, backups, said_at_the_hub):
    nodes.rows("b", Item).create(name="old", cash=1)
    nodes.rows("a", Item).create(name="A's", cash=1)
    fill(nodes, "b")
    nodes.rounds(STAR)
    backups.take("b")
    nodes.rows("b", Item).create(name="lost", cash=2)
    nodes.rows("a", Item).create(name="A's lost", cash=2)
    nodes.rounds(STAR)
    later()
    backups.put_back("b")
    nodes.rows("b", Item).create(name="new", cash=3)
    nodes.rows("b", Item).create(name="new, too", cash=3)
    if said_at_the_hub:  # which has no remotes, and cannot know that it has lost something
        with nodes.turn_of("b"):
            assert in_process("synchro_reset", "--keep-identity").returncode == 0
    with nodes.turn_of("a", "b"), pytest.raises(Refused, match="--keep-identity --database b"):
        synchronize(pull=True)

    do(nodes, "a", "b", "synchro_reset", "--keep-identity", "--database", "b")
    nodes.rows("b", Item).create(name="after", cash=4)
    nodes.rows("c", Item).create(name="C's", cash=5)
    for _ in range(3):
        for office in ("a", "c"):
            with nodes.turn_of(office, "b"):
                report = synchronize(both=True)
                assert not report.failures

    assert assert_equal(nodes, Item, "name", "cash") == [
        ("A's", 1),
        ("A's lost", 2),
        ("C's", 5),
        ("after", 4),
        ("lost", 2),
        ("new", 3),
        ("new, too", 3),
        ("old", 1),
    ]
    assert_linked(nodes)
    assert_equal(nodes, Document, "id", "title")
    assert records() == 0
    nodes.assert_at_rest(STAR)


def test_counters_add_up(nodes, backups, settings):
    settings.SYNCHRO_OPTIONS = COUNTING
    for name in ("lost time", "since", "both", "neither"):
        nodes.rows("a", Item).create(name=name, cash=100)
    nodes.rows("c", Item).create(name="C's", cash=100)
    nodes.rounds(STAR)
    add(nodes, "a", "C's", -1)
    add(nodes, "c", "since", -2)
    nodes.rounds(STAR)
    backups.take("a")
    add(nodes, "a", "lost time", -10)
    add(nodes, "a", "both", -10)
    nodes.rounds(STAR)
    add(nodes, "c", "C's", -20)
    add(nodes, "c", "lost time", -20)
    nodes.rounds(STAR)
    backups.put_back("a")
    add(nodes, "a", "since", -5)
    add(nodes, "a", "C's", -5)
    add(nodes, "a", "both", -5)
    nodes.rows("a", Item).create(name="new", cash=50)
    later()

    said = do(nodes, "a", "b", "synchro_reset", "--keep-identity")
    add(nodes, "a", "lost time", -3)
    add(nodes, "a", "new", -3)
    nodes.rounds(STAR)

    both = nodes.rows("a", Item).get(name="both")
    assert f"the time that is lost has changed them, too: testapp.Item {both.pk} cash." in said
    expected = {"lost time": 67, "since": 93, "both": 95, "neither": 100, "C's": 74, "new": 47}
    assert dict(assert_equal(nodes, Item, "name", "cash")) == expected
    assert records() == 0
    for at in NAMES:
        for name in expected:
            add(nodes, at, name, 1)
    nodes.rounds(STAR)
    assert dict(assert_equal(nodes, Item, "name", "cash")) == {name: due + 3 for name, due in expected.items()}
    nodes.assert_at_rest(STAR)


def add(nodes, at, name, number):
    assert nodes.rows(at, Item).filter(name=name).update(cash=F("cash") + number) == 1
    later()


@pytest.mark.parametrize("after", [True, False])
def test_what_is_deleted_before_the_reset_is_deleted_everywhere(nodes, backups, after):
    for name in ("old", "going", "gone in the lost time", "gone before", "C's"):
        nodes.rows("c" if name == "C's" else "a", Item).create(name=name)
    nodes.rows("a", Keyed).create(code="going", cash=1)
    nodes.rows("a", Account).create(name="going")
    nodes.rounds(STAR)
    nodes.rows("a", Item).filter(name="gone before").delete()
    nodes.rounds(STAR)
    backups.take("a")
    nodes.rows("a", Item).create(name="lost")
    nodes.rows("a", Item).filter(name="gone in the lost time").delete()
    nodes.rounds(STAR)
    backups.put_back("a")
    if after:
        do(nodes, "a", "b", "synchro_reset", "--keep-identity")
    for name in ("going", "C's"):
        assert nodes.rows("a", Item).filter(name=name).delete()[0]
    assert nodes.rows("a", Keyed).filter(code="going").delete()[0]
    assert nodes.rows("a", Account).filter(name="going").delete()[0]
    nodes.rows("a", Item).create(name="new")
    if not after:
        do(nodes, "a", "b", "synchro_reset", "--keep-identity")
    nodes.rounds(STAR)

    assert assert_equal(nodes, Item, "name") == ["lost", "new", "old"]
    assert assert_equal(nodes, Keyed, "code") == assert_equal(nodes, Account, "name") == []
    assert records() == 0
    nodes.assert_at_rest(STAR)


def test_what_both_sides_have_changed_is_a_conflict(nodes, backups):
    nodes.rows("a", Item).create(name="old", cash=1)
    nodes.rounds(STAR)
    backups.take("a")
    nodes.rows("a", Item).update(cash=2)
    nodes.rounds(STAR)
    backups.put_back("a")
    nodes.rows("a", Item).update(cash=3)
    later()

    do(nodes, "a", "b", "synchro_reset", "--keep-identity")
    nodes.rounds(STAR)

    assert assert_equal(nodes, Item, "name", "cash") == [("old", 3)]
    [record] = [each for name in NAMES for each in Conflict.objects.using(name).all()]
    assert (record.kind, {record.local_values, record.remote_values}) == (
        "update/update",
        {'{"name": "old", "cash": 2}', '{"name": "old", "cash": 3}'},
    )
    nodes.assert_at_rest(STAR)


def test_fields_that_were_changed_apart_are_merged(nodes, backups, settings):
    settings.SYNCHRO_MERGE = "fields"
    nodes.rows("a", Item).create(name="old", cash=1)
    nodes.rows("c", Item).create(name="C's", cash=1)
    nodes.rounds(STAR)
    nodes.rows("a", Item).filter(name="C's").update(cash=2)
    backups.take("a")
    nodes.rounds(STAR)
    nodes.rows("a", Item).filter(name="old").update(name="changed")
    nodes.rounds(STAR)
    nodes.rows("c", Item).filter(name="C's").update(name="C's, too")
    backups.put_back("a")
    nodes.rows("a", Item).filter(name="old").update(cash=3)
    nodes.rows("a", Item).create(name="new", cash=3)

    do(nodes, "a", "b", "synchro_reset", "--keep-identity")
    nodes.rounds(STAR)

    assert assert_equal(nodes, Item, "name", "cash") == [("C's, too", 2), ("changed", 3), ("new", 3)]
    assert records() == 0
    nodes.assert_at_rest(STAR)


def test_what_was_not_sent_when_the_backup_was_made_is_sent(nodes, backups):
    nodes.rows("a", Item).create(name="old", cash=1)
    nodes.rows("a", Item).create(name="going", cash=1)
    nodes.rounds(STAR)
    nodes.rows("a", Item).create(name="unsent", cash=1)
    nodes.rows("a", Item).filter(name="old").update(cash=2)
    nodes.rows("a", Item).filter(name="going").delete()
    later()
    backups.take("a")
    nodes.run("a", "b")
    nodes.rows("a", Item).create(name="lost", cash=1)
    nodes.run("a", "b")
    backups.put_back("a")
    nodes.rows("a", Item).create(name="new", cash=1)

    do(nodes, "a", "b", "synchro_reset", "--keep-identity")
    nodes.rounds(STAR)

    expected = [("lost", 1), ("new", 1), ("old", 2), ("unsent", 1)]
    assert assert_equal(nodes, Item, "name", "cash") == expected
    assert records() == 0
    nodes.assert_at_rest(STAR)


def test_what_was_deleted_in_the_lost_time_before_anybody_had_it_is_there_everywhere(nodes, backups):
    nodes.rounds(STAR)
    nodes.rows("a", Item).create(name="unsent")
    later()
    backups.take("a")
    nodes.rows("a", Item).all().delete()
    nodes.rows("a", Item).create(name="lost")
    nodes.rounds(STAR)
    backups.put_back("a")

    do(nodes, "a", "b", "synchro_reset", "--keep-identity")
    nodes.rounds(STAR)

    assert assert_equal(nodes, Item, "name") == ["lost", "unsent"]
    nodes.assert_at_rest(STAR)


def test_it_happens_again(nodes, backups):
    """Once from a backup of the successor, and once from one of the node that it has succeeded."""
    nodes.rows("a", Item).create(name="old")
    nodes.rounds(STAR)
    backups.take("a")
    due = ["old"]
    for number in range(3):
        nodes.rows("a", Item).create(name=f"lost {number}")
        nodes.rounds(STAR)
        backups.put_back("a")
        nodes.rows("a", Item).create(name=f"new {number}")
        with nodes.turn_of("a", "b"), pytest.raises(Refused, match="--keep-identity"):
            synchronize()
        do(nodes, "a", "b", "synchro_reset", "--keep-identity")
        if number == 1:
            backups.take("a")
        nodes.rounds(STAR)

        due += [f"lost {number}", f"new {number}"]
        assert assert_equal(nodes, Item, "name") == sorted(due)
        nodes.assert_at_rest(STAR)


def test_what_others_have_pruned_meanwhile_is_fetched_with_all(nodes, backups):
    nodes.rows("a", Item).create(name="old")
    nodes.rounds(STAR)
    backups.take("a")
    nodes.rows("a", Item).create(name="lost")
    nodes.rounds(STAR)
    with nodes.turn_of("b", "a", "c"):
        assert in_process("synchro_prune", "--keep", "0").returncode == 0
    assert nodes.logged("b") == 0
    backups.put_back("a")
    nodes.rows("a", Item).create(name="new")

    do(nodes, "a", "b", "synchro_reset", "--keep-identity")
    with nodes.turn_of("a", "b"), pytest.raises(Refused, match="--full --both"):
        synchronize()
    do(nodes, "a", "b", "synchronize", "--full", "--both")
    nodes.rounds(STAR)

    assert assert_equal(nodes, Item, "name") == ["lost", "new", "old"]
    assert records() == 0
    nodes.assert_at_rest(STAR)


def test_the_others_prune_on(nodes, backups):
    """The node that is no more holds nothing back."""
    nodes.rows("a", Item).create(name="old")
    nodes.rounds(STAR)
    backups.take("a")
    nodes.rows("a", Item).create(name="lost")
    nodes.rounds(STAR)
    backups.put_back("a")
    do(nodes, "a", "b", "synchro_reset", "--keep-identity")
    nodes.rows("b", Item).create(name="new")
    nodes.rounds(STAR)

    with nodes.turn_of("b", "a", "c"):
        assert in_process("synchro_prune", "--keep", "0").returncode == 0

    assert nodes.logged("b") == 0
    assert assert_equal(nodes, Item, "name") == ["lost", "new", "old"]
    nodes.assert_at_rest(STAR)
