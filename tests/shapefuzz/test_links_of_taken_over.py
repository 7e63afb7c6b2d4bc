"""Links of an object that is gone, whose row another one takes over by its natural key."""

from __future__ import annotations

import pytest
from django.db import transaction

from synchro_triggers import synchronize
from tests.shapefuzz.test_found import both_vendors, marked


def linked(project, local):
    """Return models of which the second has a natural key, and an object that is linked; numbers are others there."""
    tag, model, pointing = project(
        local,
        ("T", "models.Model", marked("t")),
        (
            *("A", "models.Model", marked("a"), "u_a = models.IntegerField(unique=True)"),
            "m_a = models.ManyToManyField('T', related_name='+')",
        ),
        ("D", "models.Model", marked("d"), "to_a = models.ForeignKey('A', models.SET_NULL, null=True)"),
        SYNCHRO_OPTIONS={"shapefuzz.A": {"natural_key": ("u_a",)}},
    )
    model.objects.using("remote").create(mark_a="R1", u_a=7)
    old = model.objects.create(mark_a="o1", u_a=1)
    old.m_a.add(*(tag.objects.create(mark_t=f"t{number}") for number in range(3)))
    pointing.objects.create(mark_d="o3")
    synchronize()
    return tag, model, pointing, old


def links(model):
    rows = model.m_a.through.objects.using("remote")
    return sorted(rows.values_list("a__mark_a", "t__mark_t"))


@both_vendors
@pytest.mark.parametrize("before", [False, True], ids=["in its turn", "brought along before"])
def test_links_go_with_the_object_that_is_gone(project, heard, local, before):
    tag, model, pointing, old = linked(project, local)
    if before:
        pointing.objects.update(mark_d="o4")
    old.delete()
    new = model.objects.create(mark_a="o5", u_a=1)
    new.m_a.add(tag.objects.get(mark_t="t2"))
    if before:
        pointing.objects.update(to_a=new)

    report = synchronize()

    assert report.failures == []
    assert [row.mark_a for row in model.objects.using("remote").order_by("pk")] == ["R1", "o5"]
    assert links(model) == [("o5", "t2")]
    assert not synchronize().changed


@both_vendors
def test_links_of_an_object_that_has_only_another_number_stay(project, heard, local):
    _, model, _, old = linked(project, local)
    with transaction.atomic():  # whose foreign keys are looked at in the end
        model.objects.filter(pk=old.pk).update(id=100)
        model.m_a.through.objects.update(a_id=100)

    report = synchronize()

    assert report.failures == []
    assert links(model) == [("o1", "t0"), ("o1", "t1"), ("o1", "t2")]
    assert not synchronize().changed
