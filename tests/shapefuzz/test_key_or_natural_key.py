"""Where a key that both sides keep and a natural key say two things of an object, the natural key counts."""

from __future__ import annotations

from contextlib import nullcontext

import pytest

from synchro_triggers import compare, synchro_paused, synchronize
from tests.replay.hearing import receiving
from tests.shapefuzz.test_found import both_vendors, marked


@both_vendors
@pytest.mark.parametrize("observed", [False, True])
@pytest.mark.parametrize("change", ["delete", "update"])
def test_target_is_the_row_with_its_natural_key_and_not_the_one_with_its_key(project, local, observed, change):
    """LOCAL's x is the remote's z. What was known to point to x must not be looked for at the remote's x."""
    target, pointing = project(
        local,
        ("A", "models.Model", "a_no = models.SlugField(primary_key=True)", marked("a"), "u_a = models.IntegerField()"),
        (
            *("B", "models.Model", marked("b"), "to_a = models.ForeignKey('A', models.CASCADE)"),
            *("n_b = models.IntegerField()", "c_b = models.IntegerField(default=0)"),
        ),
        SYNCHRO_OPTIONS={"shapefuzz.A": {"natural_key": ("u_a",)}, "shapefuzz.B": {"natural_key": ("to_a", "n_b")}},
    )
    with synchro_paused(using="remote"):
        target.objects.using("remote").create(pk="x", mark_a="other", u_a=2)
        target.objects.using("remote").create(pk="z", mark_a="same", u_a=1)
        pointing.objects.using("remote").create(mark_b="other", to_a_id="x", n_b=1)
        pointing.objects.using("remote").create(mark_b="same", to_a_id="z", n_b=1)
    with synchro_paused():
        target.objects.create(pk="x", mark_a="same", u_a=1)
        here = pointing.objects.create(mark_b="same", to_a_id="x", n_b=1)
    if change == "delete":
        here.delete()
    else:
        pointing.objects.update(c_b=5)

    hears = receiving("post_save" if change == "update" else "post_delete", pointing, lambda **told: None)
    with hears if observed else nullcontext():
        report = synchronize()

    assert report.failures == []
    there = sorted(pointing.objects.using("remote").values_list("mark_b", "to_a", "c_b"))
    assert there == ([("other", "x", 0)] if change == "delete" else [("other", "x", 0), ("same", "z", 5)])


# The other way round: which of LOCAL's objects a row of the remote is -------------------------------


A = ("A", "models.Model", "a_no = models.SlugField(primary_key=True)", marked("a"), "u_a = models.IntegerField()")
NATURAL = {"SYNCHRO_OPTIONS": {"shapefuzz.A": {"natural_key": ("u_a",)}}}


def past_the_logs(model, *rows, **more):
    """Make rows on both sides, each with its key, its mark, and the number that is its natural key."""
    for alias, key, mark, number in rows:
        with synchro_paused(using=alias):
            model.objects.using(alias).create(pk=key, mark_a=mark, u_a=number, **more.get(alias + key, {}))


@both_vendors
def test_objects_that_have_changed_keys_are_equal(project, local):
    [model] = project(local, A, **NATURAL)
    past_the_logs(model, ("default", "x", "1", 1), ("default", "z", "2", 2))
    past_the_logs(model, ("remote", "x", "2", 2), ("remote", "z", "1", 1))

    assert compare().equal


@both_vendors
def test_row_with_the_key_of_an_object_that_is_another_one_is_only_on_the_remote(project, local):
    [model] = project(local, A, **NATURAL)
    past_the_logs(model, ("default", "x", "1", 1))
    past_the_logs(model, ("remote", "x", "2", 2), ("remote", "z", "1", 1))

    report = compare()

    assert [(each.only, each.remote_key) for each in report.differences] == [("remote", "x")]


@both_vendors
def test_row_with_the_key_of_an_object_that_is_not_there_by_its_natural_key_is_that_one(project, local):
    [model] = project(local, A, **NATURAL)
    past_the_logs(model, ("default", "x", "1", 1))
    past_the_logs(model, ("remote", "x", "2", 2))

    report = compare()

    assert [(each.only, each.local_key, each.remote_key) for each in report.differences] == [("", "x", "x")]


B = ("B", "models.Model", "b_no = models.SlugField(primary_key=True)", marked("b"))


@both_vendors
def test_links_are_those_of_the_objects_and_not_of_the_keys(project, local):
    model, linked = project(local, A, (*B, "to_a = models.ManyToManyField('A')"), **NATURAL)
    past_the_logs(model, ("default", "x", "1", 1), ("default", "z", "2", 2))
    past_the_logs(model, ("remote", "x", "2", 2), ("remote", "z", "1", 1))
    for alias, key in (("default", "x"), ("remote", "z")):
        with synchro_paused(using=alias):
            linked.objects.using(alias).create(pk="b").to_a.add(key)

    assert compare().equal
    with synchro_paused(using="remote"):
        linked.objects.using("remote").get().to_a.set(["x"])
    assert sorted(each.only for each in compare().differences) == ["local", "remote"]


@both_vendors
def test_foreign_keys_lead_to_the_objects_and_not_to_the_keys(project, local):
    model, pointing = project(local, A, (*B, "to_a = models.ForeignKey('A', models.CASCADE)"), **NATURAL)
    past_the_logs(model, ("default", "x", "1", 1), ("default", "z", "2", 2))
    past_the_logs(model, ("remote", "x", "2", 2), ("remote", "z", "1", 1))
    for alias, key in (("default", "x"), ("remote", "z")):
        with synchro_paused(using=alias):
            pointing.objects.using(alias).create(pk="b", to_a_id=key)

    assert compare().equal
    with synchro_paused(using="remote"):
        pointing.objects.using("remote").update(to_a="x")
    assert [[field.field for field in each.fields] for each in compare().differences] == [["to_a"]]


@both_vendors
@pytest.mark.parametrize("observed", [False, True])
@pytest.mark.parametrize("theirs", [False, True])
def test_delete_takes_along_what_is_not_locals_by_its_natural_key(project, local, observed, theirs):
    """A row that hangs on what goes has the key of LOCAL's x, and is z by its natural key, or nobody's."""
    pointed, model = project(
        local,
        ("P", "models.Model", marked("p")),
        (*A, "to_p = models.ForeignKey('P', models.CASCADE, null=True)"),
        **NATURAL,
    )
    going, staying = (pointed.objects.create(mark_p=name) for name in ("going", "staying"))
    assert synchronize().failures == []
    there = {each.mark_p: each for each in pointed.objects.using("remote")}
    past_the_logs(model, ("default", "x", "1", 1), **{"defaultx": {"to_p": staying}})
    if not theirs:
        past_the_logs(model, ("default", "z", "2", 2), **{"defaultz": {"to_p": staying}})
    past_the_logs(model, ("remote", "x", "2", 2), **{"remotex": {"to_p": there["going"]}})
    past_the_logs(model, ("remote", "z", "1", 1), **{"remotez": {"to_p": there["staying"]}})
    going.delete()

    with receiving("post_delete", pointed, lambda **told: None) if observed else nullcontext():
        report = synchronize()

    assert report.failures == []
    rows = sorted(model.objects.using("remote").values_list("pk", "u_a", "to_p__mark_p"))
    assert rows == ([] if theirs else [("x", 2, "staying")]) + [("z", 1, "staying")]
    assert [each.kind for each in report.remarks] == (["deleted along"] if theirs else [])
