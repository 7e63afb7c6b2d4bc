"""Rows of children that the remote's users have deleted alone, and what LOCAL lets point there."""

from __future__ import annotations

import pytest

from synchro_triggers import synchronize
from tests.shapefuzz.test_found import both_vendors, marked
from tests.shapefuzz.writing import delete

TO_B = "to_b = models.ForeignKey('B', models.CASCADE, related_name='+'{})"
POINTERS = {
    "a foreign key": [TO_B.format("")],
    "one without a constraint": [TO_B.format(", db_constraint=False")],
    "a to_field": [TO_B.format(", to_field='u_b', db_constraint=False")],
    "a generic key": [
        "object_id = models.CharField(max_length=60)",
        "content_type = models.ForeignKey(ContentType, models.CASCADE)",
        "to_b = GenericForeignKey()",
    ],
}


def opened(project, local, *more, child=()):
    """Open a project with a parent whose keys differ on both sides, and a child of it, and what else is given."""
    models = project(
        local,
        ("A", "models.Model", marked("a"), "own_a = models.CharField(max_length=20, default='')"),
        ("B", "A", marked("b"), "u_b = models.IntegerField(unique=True)", *child),
        *more,
        SYNCHRO_OPTIONS={"shapefuzz.A": {"skip": ("own_a",)}},
    )
    models[0].objects.using("remote").create(mark_a="R1")
    return models


@both_vendors
@pytest.mark.parametrize("kind", POINTERS)
def test_child_whose_row_went_alone_there_comes_again_with_what_points_to_it(project, heard, local, kind):
    parent, child, pointing = opened(project, local, ("C", "models.Model", marked("c"), *POINTERS[kind]))
    made = child.objects.create(mark_a="o1", mark_b="o1", u_b=5)
    synchronize()
    [there] = child.objects.using("remote")
    delete("remote", child, there.pk)
    parent.objects.using("remote").filter(pk=there.pk).update(mark_a="theirs", own_a="theirs")
    pointing.objects.create(mark_c="o2", to_b=made)

    imagined = synchronize(dry_run=True)
    report = synchronize()

    assert (report.failures, report.created) == ([], imagined.created)
    found = pointing.objects.using("remote").get().to_b
    assert found is not None and (found.pk, found.mark_b) == (there.pk, "o1")
    assert (found.mark_a, found.own_a) == ("theirs", "theirs")  # LOCAL has not changed these
    assert not synchronize().changed


@both_vendors
def test_child_whose_row_went_alone_there_comes_again_with_a_link_to_it(project, heard, local):
    _, child, owner = opened(
        project, local, ("C", "models.Model", marked("c"), "m_c = models.ManyToManyField('B', related_name='+')")
    )
    made, pointing = child.objects.create(mark_a="o1", mark_b="o1", u_b=5), owner.objects.create(mark_c="o2")
    synchronize()
    delete("remote", child, child.objects.using("remote").get().pk)
    pointing.m_c.add(made)

    report = synchronize()

    assert report.failures == []
    assert [row.mark_b for row in owner.objects.using("remote").get().m_c.all()] == ["o1"]
    assert not synchronize().changed


@both_vendors
@pytest.mark.parametrize("changed", [False, True])
def test_child_whose_row_went_alone_there_comes_again_in_a_ring(project, heard, local, changed):
    _, child, pointing = opened(
        project,
        local,
        ("C", "models.Model", marked("c"), *POINTERS["one without a constraint"]),
        child=["to_c = models.ForeignKey('C', models.SET_NULL, null=True, related_name='+')"],
    )
    made = child.objects.create(mark_a="o1", mark_b="o1", u_b=5)
    first = pointing.objects.create(mark_c="o2", to_b=made)
    child.objects.update(to_c=first)
    synchronize()
    delete("remote", child, child.objects.using("remote").get().pk)
    if changed:
        child.objects.update(u_b=6, to_c=pointing.objects.create(mark_c="o3", to_b=made))
    else:
        pointing.objects.update(mark_c="o3")

    report = synchronize()

    assert report.failures == []
    there = child.objects.using("remote").get()
    assert (there.u_b, there.to_c.mark_c) == (6 if changed else 5, "o3")
    assert there.to_c.to_b == there
    assert not synchronize().changed


@both_vendors
def test_what_points_to_a_child_that_cannot_come_again_waits(project, heard, local):
    _, child, pointing = opened(
        project, local, ("C", "models.Model", marked("c"), *POINTERS["one without a constraint"])
    )
    made = child.objects.create(mark_a="o1", mark_b="o1", u_b=5)
    synchronize()
    delete("remote", child, child.objects.using("remote").get().pk)
    stranger = child.objects.using("remote").create(mark_a="R2", mark_b="R2", u_b=5)
    pointing.objects.create(mark_c="o2", to_b=made)

    [failure] = synchronize().failures

    assert failure.model == "shapefuzz.C"
    assert not pointing.objects.using("remote").exists()
    stranger.delete()
    assert synchronize().failures == []
    assert pointing.objects.using("remote").get().to_b.mark_b == "o1"


TO_PROXIES = {
    "cascade": "to_a = models.ForeignKey('{}', models.CASCADE, related_name='+')",
    "set null": "to_a = models.ForeignKey('{}', models.SET_NULL, null=True, related_name='+')",
    "protect": "to_a = models.ForeignKey('{}', models.PROTECT, related_name='+')",
    "restrict": "to_a = models.ForeignKey('{}', models.RESTRICT, related_name='+')",
    "link": "to_a = models.ManyToManyField('{}', related_name='+')",
}


@both_vendors
@pytest.mark.parametrize("own_key", [True, False])
@pytest.mark.parametrize("kind", TO_PROXIES)
@pytest.mark.parametrize("end", ["P", "A"])
def test_what_points_to_a_parent_by_its_proxy_stays_where_the_child_goes_alone(
    project, heard, local, own_key, kind, end
):
    own = ["b_no = models.BigAutoField(primary_key=True)"] if own_key else []
    parent, _, child, pointing = project(
        local,
        ("A", "models.Model", marked("a")),
        ("P", "A", "Meta: proxy = True"),
        ("B", "A", marked("b"), *own, "a_ptr = models.OneToOneField('A', models.CASCADE, parent_link=True)"),
        ("C", "models.Model", marked("c"), TO_PROXIES[kind].format(end)),
    )
    made = child.objects.create(mark_a="o1", mark_b="o1")
    links = kind == "link"
    holder = pointing.objects.create(mark_c="o2", **({} if links else {"to_a_id": made.a_ptr_id}))
    if links:
        holder.to_a.add(made.a_ptr_id)
    synchronize()
    delete("default", child, made.pk)

    imagined = synchronize(dry_run=True)
    report = synchronize()

    assert report.failures == imagined.failures == [] and report.deleted == imagined.deleted == 1
    assert not child.objects.using("remote").exists()
    there = parent.objects.using("remote").get()
    [leading] = pointing.objects.using("remote").values_list("to_a", flat=True)
    assert (there.mark_a, leading) == ("o1", there.pk)
    assert not synchronize().changed
