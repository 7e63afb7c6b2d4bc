"""``synchro_link``: by which fields objects are found, what it says of those that differ, and what it leaves alone."""

from __future__ import annotations

import json
from io import StringIO

import pytest
from django.core.management import CommandError, call_command

from synchro_triggers import counterparts, synchro_paused, synchronize
from synchro_triggers.models import Arrival, Introduction, Reference
from tests.databases import both
from tests.testapp.models import (
    Club,
    Egg,
    Entry,
    Hen,
    Item,
    Keyed,
    KeyedChild,
    Membership,
    Node,
    Numbered,
    Place,
    Restaurant,
    Tag,
    Tagged,
    Unlisted,
)

LOCAL, REMOTE = "default", "remote"

pytestmark = both


def make(alias, model, *rows, first=1):
    """Make rows that no log sees, with keys from ``first`` on."""
    with synchro_paused(using=alias):
        made = [model(pk=first + number, **row) for number, row in enumerate(rows)]
        return model.objects.using(alias).bulk_create(made)


def link(*options):
    """Run the command; return its exit code, and what it says, the error's line too."""
    out, code, error = StringIO(), 0, ""
    try:
        call_command("synchro_link", *options, stdout=out, stderr=StringIO())
    except CommandError as raised:
        code, error = raised.returncode, str(raised)
    return code, out.getvalue() + error


def linked_as_json(*options):
    code, said = link(*options, "--json")
    told, _ = json.JSONDecoder().raw_decode(said)
    return code, told[REMOTE]


def pairs(model, name="name"):
    """Return what is linked, by a value of both sides."""
    found = counterparts(model, list(model.objects.values_list("pk", flat=True)))
    here, there = (dict(model.objects.using(alias).values_list("pk", name)) for alias in (LOCAL, REMOTE))
    return {(here[key], there[remote_key]) for key, remote_key in found.items()}


# By fields --------------------------------------------------------------------------------------------


@pytest.mark.all_pairs
@pytest.mark.mariadb
def test_objects_with_other_keys_are_found_by_a_field():
    make(LOCAL, Item, {"name": "a"}, {"name": "b"}, {"name": "c"})
    make(REMOTE, Item, {"name": "c"}, {"name": "b"}, {"name": "A"}, {"name": "a"}, first=101)

    code, said = link("--by", "testapp.Item:name")
    Item.objects.filter(name="a").update(cash=7)
    report = synchronize()

    assert code == 0 and "testapp.Item: 3 linked, 0 known before, 0 without a counterpart" in said
    assert pairs(Item) == {(name, name) for name in "abc"}
    assert (report.created, report.updated) == (0, 1)
    assert Item.objects.using(REMOTE).get(name="a").cash == 7


def test_a_single_model_need_not_be_said_twice():
    make(LOCAL, Item, {"name": "a", "cash": 1}, {"name": "a", "cash": 2})
    make(REMOTE, Item, {"name": "a", "cash": 2}, {"name": "a", "cash": 1}, first=101)

    code, _ = link("--model", "testapp.Item", "--by", "name,cash")

    assert code == 0 and pairs(Item, "cash") == {(1, 1), (2, 2)}


def test_foreign_keys_are_compared_by_what_they_point_to():
    for alias, first in ((LOCAL, 1), (REMOTE, 51)):
        parents = make(alias, Keyed, {"code": "x"}, {"code": "y"}, first=first)
        parents = parents if alias == LOCAL else parents[::-1]
        make(alias, KeyedChild, *({"name": "same", "parent_id": each.pk} for each in parents), first=first)

    code, _ = link("--by", "testapp.KeyedChild:parent,name")

    assert code == 0 and pairs(KeyedChild, "parent__code") == {("x", "x"), ("y", "y")}


def test_objects_that_point_to_what_was_not_found_are_told_apart_from_others():
    for alias, first in ((LOCAL, 1), (REMOTE, 51)):
        make(alias, Club, {"name": f"of {alias}"}, first=first)
        make(alias, Unlisted, {"name": "x"}, first=1)
        tag = make(alias, Tag, {"label": "x"}, first=first)[0]
        make(alias, Membership, {"club_id": first, "member_id": tag.pk, "extra_id": 1}, first=first)

    code, said = link("--model", "testapp.Membership", "--by", "club,member")

    assert code == 1 and "testapp.Membership: nothing was linked" in said
    assert "1 without a counterpart, 1 of them since what they point to has none" in said


def test_trees_are_found_by_parent_and_name():
    make(LOCAL, Node, {"name": "root"}, {"name": "a", "parent_id": 1}, {"name": "b", "parent_id": 1})
    make(LOCAL, Node, {"name": "leaf", "parent_id": 2}, {"name": "leaf", "parent_id": 3}, first=4)
    make(REMOTE, Node, {"name": "root"}, first=60)
    make(REMOTE, Node, {"name": "b", "parent_id": 60}, {"name": "a", "parent_id": 60}, first=51)
    make(REMOTE, Node, {"name": "leaf", "parent_id": 51}, {"name": "leaf", "parent_id": 52}, first=41)

    code, _ = link("--model", "testapp.Node", "--by", "parent,name")

    assert code == 0
    assert counterparts(Node, [1, 2, 3, 4, 5]) == {1: 60, 2: 52, 3: 51, 4: 42, 5: 41}


def test_models_that_point_to_one_another_are_found():
    for alias, first in ((LOCAL, 1), (REMOTE, 51)):
        with synchro_paused(using=alias):
            Hen.objects.using(alias).bulk_create([Hen(pk=first, name="h", egg_id=first + 1)])
            Egg.objects.using(alias).bulk_create([Egg(pk=first + 1, name="e", hen_id=first)])

    code, said = link("--by", "testapp.Hen:name", "--by", "testapp.Egg:name")

    assert code == 0, said
    assert (pairs(Hen), pairs(Egg)) == ({("h", "h")}, {("e", "e")})


def test_models_in_a_cycle_of_which_one_has_other_keys_are_found_by_the_values_of_the_other():
    for alias, first in ((LOCAL, 1), (REMOTE, 51)):
        with synchro_paused(using=alias):
            Hen.objects.using(alias).bulk_create([Hen(pk=7, name="h", egg_id=first)])
            Egg.objects.using(alias).bulk_create([Egg(pk=first, name="e", hen_id=7)])

    code, said = link("--by", "testapp.Egg:name")

    assert code == 0, said
    assert (pairs(Hen), pairs(Egg)) == ({("h", "h")}, {("e", "e")})


def test_children_are_found_with_their_parents():
    with synchro_paused(using=LOCAL), synchro_paused(using=REMOTE):
        for alias, first in ((LOCAL, 1), (REMOTE, 51)):
            Restaurant(pk=first, name="r", stars=2).save(using=alias)
            Place(pk=first + 1, name="p").save(using=alias)

    code, said = link("--by", "testapp.Place:name")

    assert code == 0, said
    assert pairs(Place) == {("r", "r"), ("p", "p")} and pairs(Restaurant, "stars") == {(2, 2)}


def test_links_are_those_of_what_was_found():
    with synchro_paused(using=LOCAL), synchro_paused(using=REMOTE):
        for alias, first in ((LOCAL, 1), (REMOTE, 51)):
            tag = Tag.objects.using(alias).create(pk=first, label="x")
            Tagged.objects.using(alias).create(pk=first, title="t").tags.add(tag)

    code, said = link("--by", "testapp.Tagged:title")

    assert code == 0, said
    assert pairs(Tagged, "title") == {("t", "t")}


# What is left -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("side", [LOCAL, REMOTE])
def test_fields_that_do_not_tell_one_from_another_are_refused(side):
    make(LOCAL, Item, {"name": "a"}, {"name": "b"})
    make(REMOTE, Item, {"name": "a"}, {"name": "b"}, first=101)
    make(side, Item, {"name": "b"}, first=900)

    code, said = link("--by", "testapp.Item:name")

    assert code == 3 and f"name='b' is that of 2 objects on {side!r}" in said and "Nothing was linked" in said
    assert not Reference.objects.using(REMOTE).exists() and not Introduction.objects.using(REMOTE).exists()


def test_objects_without_a_value_are_left_and_named():
    make(LOCAL, Node, {"name": "a"}, {"name": "a"}, {"name": "b"})
    make(REMOTE, Node, {"name": "a"}, {"name": "b"}, first=51)

    code, said = link("--model", "testapp.Node", "--by", "parent,name")

    assert code == 0 and "1 linked" in said and "2 of them left" in said
    assert said.count("NULL in parent, name, which others have too") == 2 and "    1: " in said and "    2: " in said
    assert counterparts(Node, [1, 2, 3]) == {3: 52}


def test_objects_with_the_same_key_and_other_values_are_named_with_both():
    make(LOCAL, Item, {"name": "a", "cash": 1}, {"name": "b"})
    make(REMOTE, Item, {"name": "z", "cash": 1}, {"name": "b"})

    code, said = link("--model", "testapp.Item")
    _, told = linked_as_json("--model", "testapp.Item")

    assert code == 0  # each is an object of its own, as far as anybody knows
    assert "    1 ('remote': 1): not linked: the same key, and other values\n" in said
    assert "      name: 'a' on 'default', 'z' on 'remote'\n" in said
    [left] = told["left"]
    assert (left["model"], left["key"], left["remote_key"]) == ("testapp.Item", "1", "1")
    assert left["fields"] == [{"field": "name", "local": "a", "remote": "z"}]


def test_foreign_keys_that_differ_are_named_as_they_are_here():
    for alias, first in ((LOCAL, 1), (REMOTE, 51)):
        make(alias, Keyed, {"code": "x"}, {"code": "y"}, first=first)
        make(alias, KeyedChild, {"name": "c", "parent_id": first if alias == LOCAL else first + 1}, first=7)

    _, said = link("--model", "testapp.KeyedChild")
    link("--model", "testapp.Keyed")
    _, known = link("--model", "testapp.KeyedChild")

    assert "    7 ('remote': 7): not linked: the same key, and other values\n" in said
    assert "      parent: '1 (there: 51)' on 'default', '52' on 'remote'\n" in said
    assert said == known


def test_values_of_what_was_linked_are_compared():
    make(LOCAL, Numbered, {"number": 1, "name": "a"}, {"number": 2, "name": "b"})
    make(REMOTE, Numbered, {"number": 2, "name": "B"}, {"number": 1, "name": "a"}, first=101)

    code, said = link("--by", "testapp.Numbered:number")

    assert code == 1 and "2 linked" in said and "1 object differs" in said
    assert "    2 ('remote': 101): differs\n      name: 'b' on 'default', 'B' on 'remote'\n" in said


def test_what_was_changed_since_the_import_is_on_its_way_and_no_difference():
    make(LOCAL, Item, {"name": "a"}, {"name": "b"})
    make(REMOTE, Item, {"name": "a"}, {"name": "b"})
    Item.objects.filter(name="b").update(cash=3)

    assert link("--model", "testapp.Item")[0] == 0


def test_new_objects_are_none_of_what_differs():
    make(LOCAL, Item, {"name": "a"}, {"name": "new"})
    make(REMOTE, Item, {"name": "a"})
    make(REMOTE, Item, {"name": "theirs"}, first=700)

    code, said = link("--model", "testapp.Item")

    assert code == 0
    assert "1 linked, 0 known before, 1 without a counterpart; 1 on 'remote' that is nobody's here" in said


def test_many_are_named_in_part_and_all_of_them_as_json():
    make(LOCAL, Item, *({"name": f"a{number}"} for number in range(23)))
    make(REMOTE, Item, *({"name": f"b{number}"} for number in range(23)))

    _, said = link("--model", "testapp.Item")
    code, told = linked_as_json("--model", "testapp.Item")

    assert said.count("other values\n") == 20 and "    ... and 3 more (--json names all)" in said
    assert code == 1 and len(told["left"]) == 23  # nothing was linked


def test_second_time_finds_the_same_differences():
    make(LOCAL, Item, {"name": "a"})
    make(REMOTE, Item, {"name": "a", "cash": 1})

    link("--model", "testapp.Item", "--trust-keys")
    code, said = link("--model", "testapp.Item")

    assert code == 1 and "0 linked, 1 known before" in said and "cash: '0' on 'default', '1' on 'remote'" in said


# Where nothing is linked -------------------------------------------------------------------------------


@pytest.mark.all_pairs
def test_nothing_linked_is_no_word_that_both_sides_have_nothing_in_common():
    make(LOCAL, Item, {"name": "a"}, {"name": "b"})
    make(REMOTE, Item, {"name": "b"}, {"name": "a"}, first=101)
    make(LOCAL, Numbered, {"number": 1})
    make(REMOTE, Numbered, {"number": 1})

    dry, told = link("--dry-run"), linked_as_json("--dry-run")
    code, said = link()

    assert dry == (code, "Dry run: nothing was written.\n" + said) and (code, told[0]) == (1, 1)
    assert told[1]["in_doubt"] == ["testapp.Item"]
    assert "0 linked, 0 known before, 2 without a counterpart; 2 on 'remote' that are nobody's here" in said
    assert "testapp.Item: nothing was linked, and both sides have objects" in said
    assert "synchro_link --by testapp.Item:FIELD" in said and "synchro_link --strangers --model testapp.Item" in said
    assert "testapp.Numbered" not in said.split("nothing was linked")[1]
    words = dict(Introduction.objects.using(REMOTE).values_list("model_label", "word"))
    assert words["testapp.Numbered"] == "linked" and not words.get("testapp.Item")
    Item.objects.update(cash=1)
    with pytest.raises(CommandError, match=r"testapp\.Item \(2 to be created"):
        call_command("synchronize")
    assert Item.objects.using(REMOTE).count() == 2

    code, said = link("--by", "testapp.Item:name")

    assert (code, "in common" in said) == (0, False), said
    assert (synchronize().created, Item.objects.using(REMOTE).filter(cash=1).count()) == (0, 2)


def test_strangers_need_the_word_that_they_are():
    make(LOCAL, Item, {"name": "a"})
    make(REMOTE, Item, {"name": "z"}, first=101)
    Item.objects.update(cash=1)
    assert link("--trust-keys", "--model", "testapp.Item")[0] == 1

    call_command("synchro_link", "--strangers", "--model", "testapp.Item", verbosity=0)

    assert synchronize().created == 1
    assert link("--model", "testapp.Item")[0] == 0  # all are known by now
    assert sorted(Item.objects.using(REMOTE).values_list("name", flat=True)) == ["a", "z"]


@pytest.mark.parametrize("run", [True, False], ids=["sent", "nothing sent"])
def test_strangers_are_not_asked_about_twice(run):
    make(LOCAL, Item, {"name": "a"})
    make(REMOTE, Item, {"name": "z"}, first=101)
    call_command("synchro_link", "--strangers", "--model", "testapp.Item", verbosity=0)
    if run:
        synchronize()

    assert link("--model", "testapp.Item")[0] == 0


@pytest.mark.parametrize("side", [LOCAL, REMOTE])
def test_what_one_side_alone_has_is_no_doubt(side):
    make(side, Item, {"name": "a"})

    code, said = link("--model", "testapp.Item")

    assert code == 0 and "0 linked" in said
    assert Introduction.objects.using(REMOTE).get().word == "linked"


def test_what_the_log_has_seen_being_made_is_new_and_no_doubt():
    Item.objects.create(pk=1, name="ours")
    make(REMOTE, Item, {"name": "theirs"}, first=101)

    assert link("--model", "testapp.Item")[0] == 0
    assert synchronize().created == 1


# Without writing --------------------------------------------------------------------------------------


@pytest.mark.all_pairs
def test_dry_run_says_the_same_and_writes_nothing():
    make(LOCAL, Numbered, {"number": 1, "name": "a"}, {"number": 2, "name": "b"}, {"number": 3})
    make(REMOTE, Numbered, {"number": 2, "name": "B"}, {"number": 1, "name": "a"}, first=101)
    options = ("--model", "testapp.Numbered", "--by", "number")

    dry, told = link(*options, "--dry-run"), linked_as_json(*options, "--dry-run")

    for model in (Reference, Introduction, Arrival):
        assert not model.objects.using(LOCAL).exists() and not model.objects.using(REMOTE).exists()
    assert dry[1].startswith("Dry run: nothing was written.\n") and told[1]["dry_run"] is True
    done = link(*options)
    assert dry == (done[0], "Dry run: nothing was written.\n" + done[1])


# Wrong usage ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--by", "name"), "--by 'name' does not say of which model: write --by app.Model:name, or give one --model"),
        (("--by", "testapp.Nope:name"), "there is no model 'Nope'"),
        (("--by", "testapp.Unlisted:name"), "'testapp.Unlisted' is not in SYNCHRO_MODELS"),
        (("--by", "testapp.Item:nam"), "testapp.Item has no field 'nam' with a column (it has: id, name, cash)"),
        (("--by", "testapp.Item:"), "names no field"),
        (("--by", "testapp.Item:id"), "--trust-keys says that the keys are the same"),
        (("--by", "testapp.KeyedChild:parent__id,name"), "each side gives out by itself: name 'parent', whose objects"),
        (("--by", "testapp.Item"), "--by 'testapp.Item' names no field: write testapp.Item:field,field."),
        (("--by", "testapp.Entry:visits"), "which is skipped"),
        (("--by", "testapp.Tagged:tags"), "testapp.Tagged has no field 'tags' with a column"),
        (("--by", "testapp.Restaurant:stars"), "testapp.Restaurant inherits from testapp.Place: say it of that"),
        (("--by", "testapp.Account:cash"), "testapp.Account keeps its keys, which tell its objects"),
        (("--by", "testapp.Item:name", "--by", "testapp.Item:cash"), "--by speaks of testapp.Item twice"),
        (("--model", "testapp.Tag", "--by", "testapp.Item:name"), "testapp.Item, which is none of those of --model"),
        (("--by", "testapp.Item:name", "--strangers"), "--strangers links nothing"),
        (("--dry-run", "--strangers"), "--strangers"),
        (("--pull",), "--pull says more of --strangers"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else "",
)
def test_wrong_usage_ends_with_2(options, said, settings):
    settings.SYNCHRO_OPTIONS = {"testapp.Entry": {"skip": ["visits"]}}
    call_command("synchro_install_triggers", verbosity=0)
    make(LOCAL, Item, {"name": "a"})

    code, text = link(*options)

    assert code == 2 and said in text, text
    assert not Reference.objects.using(REMOTE).exists()


def test_refusal_of_a_first_meeting_tells_of_the_ways():
    make(LOCAL, Item, {"name": "a"})
    make(REMOTE, Item, {"name": "a"})
    Item.objects.update(cash=1)
    Entry.objects.all().delete()

    with pytest.raises(CommandError, match=r"synchro_link --dry-run.*--by app.Model:field.*--strangers"):
        call_command("synchronize")
