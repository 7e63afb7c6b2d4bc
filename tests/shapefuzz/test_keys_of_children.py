"""Keys, primary and natural ones, that are foreign keys to a child of multi-table inheritance."""

from __future__ import annotations

import pytest

from synchro_triggers import synchro_paused, synchronize
from tests.shapefuzz.test_found import both_vendors, marked

A = ("A", "models.Model", marked("a"))
B = ("B", "A", marked("b"))
KEYS = {
    "the key": ("to_b = models.OneToOneField('B', models.CASCADE, primary_key=True, related_name='+')",),
    "a part of the key": (
        "pk = models.CompositePrimaryKey('to_b', 'part')",
        "to_b = models.ForeignKey('B', models.CASCADE, related_name='+')",
        "part = models.IntegerField(default=1)",
    ),
}


@both_vendors
@pytest.mark.parametrize("key", KEYS)
def test_key_that_leads_to_a_child_leads_to_the_same_object(project, local, key):
    parent, child, model = project(local, A, B, ("C", "models.Model", marked("c"), *KEYS[key]))
    for number in range(3):  # so that numbers are others there
        parent.objects.using("remote").create(mark_a=f"R{number}")
    made = child.objects.create(mark_a="o1", mark_b="o1")
    model.objects.create(to_b=made, mark_c="o1")

    report = synchronize()

    assert (report.failures, report.created) == ([], 2)
    assert [(row.mark_c, row.to_b.mark_b) for row in model.objects.using("remote")] == [("o1", "o1")]
    assert not synchronize().changed


@both_vendors
def test_key_that_leads_to_a_child_whose_number_was_given_out_again(project, local):
    _, child, model = project(local, A, B, ("C", "models.Model", marked("c"), *KEYS["the key"]))
    model.objects.create(to_b=child.objects.create(pk=1, mark_b="o1"), mark_c="o1")
    synchronize()
    child.objects.get().delete()
    model.objects.create(to_b=child.objects.create(pk=1, mark_b="o2"), mark_c="o2")

    report = synchronize()

    assert report.failures == []
    assert [(row.mark_c, row.to_b.mark_b) for row in model.objects.using("remote")] == [("o2", "o2")]
    assert not synchronize().changed


@both_vendors
def test_natural_key_that_leads_to_a_child_is_looked_for_by_what_the_child_is_there(project, local):
    parent, child, model = project(
        local,
        A,
        ("B", "A", marked("b"), "u_b = models.IntegerField(unique=True)"),
        (
            *("C", "NaturalKeyModel", marked("c"), "_natural_key = ('to_b',)"),
            "to_b = models.OneToOneField('B', models.CASCADE, related_name='+')",
        ),
        SYNCHRO_OPTIONS={"shapefuzz.B": {"natural_key": ("u_b",)}},
    )
    with synchro_paused(using="remote"):
        parent.objects.using("remote").create(mark_a="R1")
    for alias in ("default", "remote"):
        with synchro_paused(using=alias):
            for number in (1, 2):
                made = child.objects.using(alias).create(mark_a=f"o{number}", mark_b=f"o{number}", u_b=number)
                model._base_manager.using(alias).create(mark_c=f"o{number}", to_b_id=made.pk)

    model._base_manager.filter(mark_c="o2").update(mark_c="changed")
    report = synchronize()

    assert (report.failures, report.created, report.updated) == ([], 0, 1)
    there = {row.to_b.mark_b: row.mark_c for row in model._base_manager.using("remote")}
    assert there == {"o1": "o1", "o2": "changed"}
