"""The judge of random projects: what an object was before its key changed, and the remote has kept."""

from __future__ import annotations

import pytest

from synchro_triggers import synchro_paused, synchronize
from tests.replay.hearing import later
from tests.shapefuzz import ledger
from tests.shapefuzz.content import read
from tests.shapefuzz.oracle import Oracle, Sides
from tests.shapefuzz.plans import Project
from tests.shapefuzz.test_found import both_vendors, marked
from tests.shapefuzz.world import World
from tests.shapefuzz.writing import delete, insert


@pytest.fixture
def judging(databases, tmp_path):
    """Makes an oracle that takes what is there for known; returns what lets it judge a run."""

    def make(vendor):
        ledger.forget()
        names = dict.fromkeys(("default", "remote"), "")
        oracle = Oracle(World(Project(0, vendor, vendor, ()), databases, tmp_path, names))
        oracle.world.troubled.add("the remote's own users")
        oracle.settle(Sides(read("default"), read("remote")))
        oracle.note_keys(read("default"))

        def judge(tamper=lambda: None):
            before = Sides(read("default"), read("remote"))
            report = synchronize()
            tamper()
            return oracle.judge(before, Sides(read("default"), read("remote")), report, [])

        return judge

    return make


@both_vendors
@pytest.mark.parametrize("kept", [True, False])
@pytest.mark.parametrize("tampered", ["nothing", "the kept row", "one more"])
def test_object_that_fails_under_its_new_key_is_there_twice_only_where_it_was_told_that_the_old_row_stays(
    project, judging, local, kept, tampered
):
    [model] = project(
        local,
        (
            *("A", "models.Model", "a_no = models.CharField(max_length=9, primary_key=True)", marked("a")),
            "u_a = models.IntegerField(unique=True)",
        ),
        SYNCHRO_CONFLICT="remote",
    )
    model.objects.create(a_no="old", mark_a="o1", u_a=1)
    model.objects.create(a_no="other", mark_a="o2", u_a=2)
    synchronize()
    later()
    judge = judging(local)
    if kept:  # then the remote's users have changed it, and win
        model.objects.using("remote").filter(a_no="old").update(u_a=3)
    model.objects.filter(a_no="old").update(a_no="new", u_a=4)
    model.objects.using("remote").filter(a_no="other").update(u_a=4)  # as long as that is so, it fails
    assert judge() == []
    assert model.objects.using("remote").filter(a_no="old").exists() is kept
    later()
    model.objects.filter(a_no="new").update(u_a=5)

    def tamper():
        if tampered != "nothing":
            [row] = [each for each in model.objects.using("remote") if each.a_no == "old"] or [None]
            if row is not None and tampered == "the kept row":
                delete("remote", model, "old")
            insert("remote", model, {"a_no": "more", "mark_a": "o1", "u_a": 9}, None)

    found = judge(tamper)

    keys = sorted(model.objects.using("remote").filter(mark_a="o1").values_list("a_no", flat=True))
    more = ["more"] * (tampered != "nothing")
    assert keys == sorted(["new", *more, *(["old"] if kept and tampered != "the kept row" else [])])
    assert any(f"is there {len(keys)} times" in each for each in found) is (tampered != "nothing")
    assert found == [] or tampered != "nothing"


@both_vendors
@pytest.mark.parametrize("changed", [False, True])
def test_one_of_two_rows_is_as_it_was_though_the_other_one_has_gone(project, judged, local, changed):
    [model] = project(
        local,
        (
            *("A", "models.Model", "a_no = models.CharField(max_length=9, primary_key=True)", marked("a")),
            "note_a = models.CharField(max_length=9, default='')",
        ),
        SYNCHRO_CONFLICT="remote",
    )
    model.objects.create(a_no="old", mark_a="o1")
    synchronize()
    later()
    there = model.objects.using("remote")
    there.update(note_a="theirs")  # and so it stays when LOCAL gives it another key
    model.objects.update(a_no="new")
    synchronize()
    assert there.count() == 2
    later()

    def write():
        model.objects.update(note_a="ours")
        there.filter(a_no="old").delete()
        if changed:
            with synchro_paused(using="remote"):
                there.update(note_a="other")

    found = judged(local, write)

    assert [each.note_a for each in there] == ["ours"]
    assert ("overwritten in silence" in str(found)) is changed and bool(found) is changed
