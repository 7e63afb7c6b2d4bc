"""What hangs on an object that was deleted elsewhere, and that the deleter has not seen: a conflict, and on record."""

from __future__ import annotations

import pytest
from django.db.models import F

from synchro_triggers import Decision
from synchro_triggers.models import Conflict, Failure
from tests.nodes.nodes import MESH, NAMES, STAR
from tests.nodes.test_conflicts import PAIR
from tests.replay.hearing import later
from tests.shapeapp.models import CascadePet, Flea, NullPet, Owner, ProtectPet
from tests.testapp.models import Account, Entry, Keyed, KeyedChild, Node, Tag, Tagged

WAYS = {"ab": PAIR, "ba": PAIR, "ac": STAR, "ca": STAR}
"""Who deletes, and who has something hang on it; A's runs come first. By a hub, it is B."""

way = pytest.mark.parametrize("way", WAYS)
rules = pytest.mark.parametrize("rule", ["newest", "local", "remote", "keeps"])


def keeps(conflict):
    """A rule that says the same everywhere: what was deleted comes back."""
    return Decision.REMOTE if conflict.local is None else Decision.LOCAL


def records(nodes):
    return [each for name in NAMES for each in Conflict.objects.using(name)]


def over_parents(nodes):
    return [each for each in records(nodes) if each.kind in {"delete/child", "child/delete"}]


#: Parents p and q, and a child of p; what they are, what tells them, what points to them.
FAMILIES = {
    "kept keys": (Account, "name", Entry, "account"),
    "natural keys": (Keyed, "code", KeyedChild, "parent"),
    "automatic keys": (Node, "name", Node, "parent"),
    "SET_NULL": (Owner, "name", NullPet, "owner"),
}
families = pytest.mark.parametrize(("family", "way"), [(family, way) for family in FAMILIES for way in WAYS])


class Family:
    def __init__(self, nodes, way, family, pairs=None):
        self.nodes, self.pairs = nodes, pairs or WAYS[way]
        self.deleter, self.other = way
        self.parent, self.name, self.child, self.field = FAMILIES[family]
        nodes.rounds(self.pairs, 1)
        for name in "pq":
            nodes.rows("a", self.parent).create(**{self.name: name})
        self.make("a", "old", "p")
        nodes.rounds(self.pairs)
        later()

    def at(self, node, name):
        return self.nodes.rows(node, self.parent).get(**{self.name: name})

    def make(self, node, name, parent):
        self.nodes.rows(node, self.child).create(**{"name": name, self.field: self.at(node, parent)})

    def point(self, node, name, parent):
        assert self.nodes.rows(node, self.child).filter(name=name).update(**{self.field: self.at(node, parent)}) == 1

    def delete(self, name):
        self.nodes.rows(self.deleter, self.parent).get(**{self.name: name}).delete(using=self.deleter)

    def do(self, first, *steps):
        for step in steps if first else reversed(steps):
            step()
            later()

    def settled(self):
        """Let all synchronise, and return what all of them have: parents, and children with theirs."""
        names = self.name, f"{self.field}__{self.name}"
        told = self.nodes.rounds(self.pairs)
        involved = sorted({name for pair in self.pairs for name in pair})
        found = []
        for node in involved:
            of_child = {} if self.child is not self.parent else {f"{self.field}": None}
            parents = self.nodes.rows(node, self.parent).filter(**of_child).values_list(self.name, flat=True)
            children = self.nodes.rows(node, self.child)
            if of_child:
                children = children.exclude(parent=None)
            found.append((sorted(parents), sorted(children.values_list("name", names[1]), key=str)))
        assert found == [found[0]] * len(found), found
        self.nodes.assert_at_rest(self.pairs)
        assert not any(Failure.objects.using(name).exists() for name in NAMES)
        return found[0], told


def wins(rule, way, *, last):
    """Tell whether what hangs on the object wins, where the runs begin with A's, or with the hub's to C."""
    if rule in {"newest", "keeps"}:
        return rule == "keeps" or last
    # Where the two meet: pairs of a star bring what A has to the hub, which brings it to C, before C's comes.
    deleter_is_local = way[0] == "a"
    return (rule == "remote") is deleter_is_local


@pytest.mark.thinned("*")
@rules
@pytest.mark.parametrize("last", [True, False], ids=["the child is newer", "the delete is newer"])
@families
def test_child_that_the_deleter_has_not_seen(nodes, settings, family, way, last, rule):
    settings.SYNCHRO_CONFLICT = f"{__name__}.keeps" if rule == "keeps" else rule
    story = Family(nodes, way, family)
    story.do(last, lambda: story.delete("p"), lambda: story.make(story.other, "new", "p"))

    (parents, children), _ = story.settled()

    stays = wins(rule, way, last=last)
    assert parents == (["p", "q"] if stays else ["q"])
    empties = family == "SET_NULL"
    expected = [("new", "p" if stays else None)] if stays or empties else []
    assert children == expected + ([("old", None)] if empties else [])
    assert len(over_parents(nodes)) == 1
    lost = [each for each in records(nodes) if each not in over_parents(nodes)]
    assert len(lost) == (0 if stays else 1)  # with its values
    assert all('"new"' in (each.local_values or "") + (each.remote_values or "") for each in lost)


@pytest.mark.thinned("*")
@rules
@pytest.mark.parametrize("last", [True, False], ids=["the move is newer", "the delete is newer"])
@families
def test_child_that_was_moved_to_what_is_deleted(nodes, settings, family, way, last, rule):
    settings.SYNCHRO_CONFLICT = f"{__name__}.keeps" if rule == "keeps" else rule
    story = Family(nodes, way, family)
    story.do(last, lambda: story.delete("q"), lambda: story.point(story.other, "old", "q"))

    (parents, children), _ = story.settled()

    stays = wins(rule, way, last=last)
    assert parents == (["p", "q"] if stays else ["p"])
    [(name, parent)] = children
    assert name == "old" and (parent == "q" if stays else parent in {"p", None})
    assert len(over_parents(nodes)) == 1


@pytest.mark.thinned("*")
@families
def test_child_that_was_moved_and_edited_at_once_is_the_same_everywhere(nodes, family, way):
    """What was changed with a move that is lost is lost with it, or stays, but on all nodes; the record has it."""
    story = Family(nodes, way, family)
    rows = nodes.rows(story.other, story.child).filter(name="old")
    move = lambda: rows.update(name="edited", **{story.field: story.at(story.other, "q")})  # noqa: E731
    story.do(False, lambda: story.delete("q"), move)

    (parents, children), _ = story.settled()

    assert parents == ["p"]
    assert [name for name, _ in children] in (["old"], ["edited"])
    assert any("edited" in f"{each.local_values} {each.remote_values}" for each in records(nodes))


@pytest.mark.thinned("*")
@pytest.mark.parametrize("last", [True, False], ids=["the edit is newer", "the delete is newer"])
@families
def test_child_that_was_edited_elsewhere(nodes, family, way, last):
    """What the record says is what has become of it: where the edit stands, its parent does."""
    story = Family(nodes, way, family)
    edit = lambda: nodes.rows(story.other, story.child).filter(name="old").update(name="edited")  # noqa: E731
    story.do(last, lambda: story.delete("p"), edit)

    (parents, children), _ = story.settled()

    assert parents == (["p", "q"] if last else ["q"])
    assert children == ([("edited", "p")] if last else [("old", None)] if family == "SET_NULL" else [])
    assert records(nodes)


@pytest.mark.thinned("*")
@pytest.mark.parametrize("last", [True, False], ids=["the move is newer", "the delete is newer"])
@way
@pytest.mark.parametrize("family", ["natural keys", "automatic keys"])
def test_child_that_was_moved_off_what_is_deleted(nodes, family, way, last):
    """The deleter has taken it along: that is a conflict over the child alone, and its parent is gone."""
    story = Family(nodes, way, family)
    story.do(last, lambda: story.delete("p"), lambda: story.point(story.other, "old", "q"))

    (parents, children), _ = story.settled()

    assert (parents, children) == (["q"], [("old", "q")] if last else [])
    assert [each.kind for each in records(nodes)] in ([["delete/update"]], ["delete/update"], ["update/delete"])


@pytest.mark.thinned("*")
@pytest.mark.parametrize("rule", ["newest", "local", "remote"])
@pytest.mark.parametrize("last", [True, False])
@way
def test_what_protects_an_object_keeps_it(nodes, settings, way, last, rule):
    settings.SYNCHRO_CONFLICT = rule
    story = Family(nodes, way, "SET_NULL")
    protect = lambda: nodes.rows(story.other, ProtectPet).create(name="new", owner=story.at(story.other, "q"))  # noqa: E731
    story.do(last, lambda: story.delete("q"), protect)

    (parents, _), _ = story.settled()

    assert parents == ["p", "q"]
    [record] = over_parents(nodes)
    assert record.rule == "on_delete"


@pytest.mark.thinned("*")
@pytest.mark.parametrize("last", [True, False], ids=["the link is newer", "the delete is newer"])
@pytest.mark.parametrize("end", ["tagged", "tag"])
@pytest.mark.parametrize("way", ["ab", "ba"])
def test_link_that_the_deleter_of_an_end_has_not_seen(nodes, way, end, last):
    deleter, other = way
    for label in "lm":
        nodes.rows("a", Tag).create(label=label)
    nodes.rows("a", Tagged).create(title="t").tags.add(nodes.rows("a", Tag).get(label="l"))
    nodes.rounds(PAIR)
    later()
    gone = nodes.rows(deleter, Tagged) if end == "tagged" else nodes.rows(deleter, Tag).filter(label="m")
    steps = [
        lambda: gone.all().delete(),
        lambda: nodes.rows(other, Tagged).get().tags.add(nodes.rows(other, Tag).get(label="m")),
    ]
    for step in steps if last else reversed(steps):
        step()
        later()

    nodes.rounds(PAIR)

    expected = [("t", "l"), ("t", "m")] if last else [] if end == "tagged" else [("t", "l")]
    for name in "ab":
        assert sorted(nodes.rows(name, Tagged).values_list("title", "tags__label")) == expected
        assert nodes.rows(name, Tag).count() == (2 if last or end == "tagged" else 1)
    assert len(over_parents(nodes)) == 1
    nodes.assert_at_rest(PAIR)


@pytest.mark.parametrize("way", ["ab", "ba"])
def test_object_that_comes_back_has_the_links_that_it_had(nodes, way):
    deleter, other = way
    nodes.rows("a", Tagged).create(title="t").tags.add(nodes.rows("a", Tag).create(label="l"))
    nodes.rounds(PAIR)
    later()
    nodes.rows(deleter, Tagged).all().delete()
    later()
    nodes.rows(other, Tagged).update(title="edited")

    nodes.rounds(PAIR)

    for name in "ab":
        assert list(nodes.rows(name, Tagged).values_list("title", "tags__label")) == [("edited", "l")]
    nodes.assert_at_rest(PAIR)


@pytest.mark.parametrize("last", [True, False])
def test_all_that_hangs_on_an_object_has_one_fate(nodes, last):
    """Two children, one older and one newer than the delete, and a grandchild: one decision is over all."""
    story = Family(nodes, "ba", "automatic keys")
    story.make("a", "older", "p")
    later()
    story.delete("p")
    later()
    if last:
        story.make("a", "newer", "p")
    nodes.rows("a", Node).create(name="grandchild", parent=nodes.rows("a", Node).get(name="older"))
    if not last:  # all are older
        nodes.rows("b", Node).filter(name="q").update(name=F("name"))
    later()

    (parents, children), _ = story.settled()

    assert parents == ["p", "q"]
    assert children == sorted([("older", "p"), ("grandchild", "older")] + ([("newer", "p")] if last else []))


@pytest.mark.parametrize("size", [1, 1000])
@pytest.mark.parametrize("rule", ["newest", "remote"])
def test_what_hangs_on_something_that_stays_deleted_is_on_record_at_each_level(nodes, settings, rule, size):
    """The pet was deleted, and came back for its flea; before the deleter hears of that, it deletes their owner."""
    settings.SYNCHRO_CONFLICT, settings.SYNCHRO_BATCH_SIZE = rule, size
    owner = nodes.rows("a", Owner).create(name="owner")
    pet = nodes.rows("a", CascadePet).create(name="pet", owner=owner)
    nodes.rounds(PAIR)
    nodes.rows("b", CascadePet).get().delete()
    later()
    nodes.rows("a", Flea).create(name="flea", pet=pet)
    nodes.run("b", "a")
    assert nodes.rows("a", Flea).exists()
    later()
    nodes.rows("b", Owner).get().delete()
    later()

    nodes.run("a", "b")

    assert nodes.rows("b", CascadePet).count() + nodes.rows("b", Flea).count() == 0
    lost = {each.model_label: each.local_values for each in Conflict.objects.using("b") if each.kind == "update/delete"}
    assert "pet" in lost["shapeapp.CascadePet"]
    assert "flea" in lost["shapeapp.Flea"]


@pytest.mark.parametrize("by", ["a", "b", "c"])
@pytest.mark.parametrize("rule", ["newest", "keeps"])
@pytest.mark.parametrize("family", ["automatic keys", "kept keys"])
def test_in_a_mesh_all_end_equal(nodes, settings, by, rule, family):
    settings.SYNCHRO_CONFLICT = f"{__name__}.keeps" if rule == "keeps" else rule
    others = [name for name in NAMES if name != by]
    story = Family(nodes, by + others[0], family, MESH)
    story.make(others[0], "one", "p")
    later()
    story.delete("p")
    later()
    story.make(others[1], "two", "p")
    later()

    (parents, children), _ = story.settled()

    assert parents == ["p", "q"]
    assert ("two", "p") in children


@pytest.mark.parametrize("rule", ["newest", "local", "remote"])
def test_delete_of_a_kept_key_that_comes_through_a_hub_is_no_conflict(nodes, settings, rule):
    settings.SYNCHRO_CONFLICT = rule
    nodes.rows("a", Account).create(name="p")
    nodes.rounds(STAR)
    later()
    nodes.rows("c", Account).all().delete()

    nodes.rounds(STAR)

    assert nodes.all(Account, "name") == [[], [], []]
    assert records(nodes) == []


@pytest.mark.parametrize("kind", ["raises", "nonsense", "merges"])
@pytest.mark.parametrize("way", ["ab", "ba"])
def test_rule_that_fails_keeps_the_object_and_is_named(nodes, settings, way, kind):
    settings.SYNCHRO_CONFLICT = f"{__name__}.{kind}"
    story = Family(nodes, way, "kept keys")
    story.do(True, lambda: story.delete("p"), lambda: story.make(story.other, "new", "p"))

    report = nodes.run("a", "b")

    [failure] = report.failures
    assert "Account" in str(failure.error) or "Account" in failure.model
    assert nodes.rows(story.other, Entry).filter(name="new").exists()
    assert nodes.rows(story.other, Account).filter(name="p").exists()
    assert records(nodes) == []


def raises(conflict):
    raise ValueError("no idea")


def nonsense(conflict):
    return 42


def merges(conflict):
    return Decision.merged({"cash": 7})
