"""What points to an object that cannot be read on LOCAL: it waits, and says for whom; what is beside it goes on."""

from __future__ import annotations

import pytest

from synchro_triggers import synchronize
from tests.shapefuzz.test_found import both_vendors, marked
from tests.shapefuzz.writing import Raw, update

GARBAGE = {"sqlite": "yesterday", "postgres": "infinity"}
WHEN = "v_a = models.DateTimeField(null=True)"
POINTERS = {
    "a foreign key": "models.ForeignKey('A', models.CASCADE, null=True, related_name='+')",
    "a to_field": "models.ForeignKey('A', models.CASCADE, null=True, to_field='u_a', related_name='+')",
    "a column": "models.IntegerField(null=True)",
}


@pytest.fixture
def opened(project, local):
    """Opens a project of an ``A``, and a ``B`` that points to it."""

    def open_it(kind="a foreign key", **settings):
        held = {"shapefuzz.B": {"references": {"to_a": "shapefuzz.A"}}} if kind == "a column" else {}
        return project(
            local,
            ("A", "models.Model", marked("a"), WHEN, "u_a = models.IntegerField(unique=True, null=True)"),
            ("B", "models.Model", marked("b"), f"to_a = {POINTERS[kind]}"),
            SYNCHRO_OPTIONS=held,
            **settings,
        )

    return open_it


@both_vendors
@pytest.mark.parametrize("kind", POINTERS)
@pytest.mark.parametrize("size", [1, 1000])
def test_what_points_to_an_unreadable_object_waits_for_it(opened, heard, local, kind, size):
    target, pointing = opened(kind, SYNCHRO_BATCH_SIZE=size)
    bad = target.objects.create(mark_a="bad", u_a=7)
    value = {"a foreign key": bad.pk, "a to_field": 7, "a column": bad.pk}[kind]
    field = pointing._meta.get_field("to_a")
    made = [pointing.objects.create(mark_b=mark) for mark in ("o1", "waits", "o2")]
    update("default", field, value, made[1].pk)
    update("default", target._meta.get_field("v_a"), Raw(GARBAGE[local]), bad.pk)

    report = synchronize()

    errors = {(each.model, each.key): each.error for each in report.failures}
    assert errors.keys() == {("shapefuzz.A", str(bad.pk)), ("shapefuzz.B", str(made[1].pk))}
    assert "it cannot be read on 'default'" in errors["shapefuzz.A", str(bad.pk)]
    said = f"waits for shapefuzz.A {bad.pk}, which failed: it cannot be read on 'default'"
    assert said in errors["shapefuzz.B", str(made[1].pk)]
    assert [row.mark_b for row in pointing.objects.using("remote").order_by("mark_b")] == ["o1", "o2"]
    target.objects.update(v_a=None)
    assert synchronize().failures == []
    assert pointing.objects.using("remote").count() == 3


@both_vendors
@pytest.mark.parametrize("size", [1, 1000])
def test_link_to_an_unreadable_object_waits_for_it(project, heard, local, size):
    target, owner = project(
        local,
        ("A", "models.Model", marked("a"), WHEN),
        ("B", "models.Model", marked("b"), "m_b = models.ManyToManyField('A', related_name='+')"),
        SYNCHRO_BATCH_SIZE=size,
    )
    bad, good = (target.objects.create(mark_a=mark) for mark in ("bad", "good"))
    for each in (bad, good):
        owner.objects.create(mark_b=each.mark_a).m_b.add(each)
    update("default", target._meta.get_field("v_a"), Raw(GARBAGE[local]), bad.pk)

    report = synchronize()

    assert {each.model for each in report.failures} == {"shapefuzz.A", "shapefuzz.B_m_b"}
    [link] = [each for each in report.failures if each.model == "shapefuzz.B_m_b"]
    assert f"shapefuzz.A {bad.pk}" in link.error and "cannot be read on 'default'" in link.error
    there = owner.objects.using("remote")
    assert [row.mark_a for row in there.get(mark_b="good").m_b.all()] == ["good"]
    assert not there.get(mark_b="bad").m_b.exists()
    target.objects.update(v_a=None)
    assert synchronize().failures == []
    assert [row.mark_a for row in there.get(mark_b="bad").m_b.all()] == ["bad"]


@both_vendors
@pytest.mark.parametrize("on_delete", ["CASCADE", "PROTECT"])
@pytest.mark.parametrize("size", [1, 1000])
def test_delete_waits_for_an_unreadable_object_that_hangs_on_it_there(project, heard, local, on_delete, size):
    target, pointing = project(
        local,
        ("A", "models.Model", marked("a")),
        *[("B", "models.Model", marked("b"), f"to_a = models.ForeignKey('A', models.{on_delete})", WHEN)],
        SYNCHRO_BATCH_SIZE=size,
    )
    going, staying = (target.objects.create(mark_a=mark) for mark in ("goes", "stays"))
    made = pointing.objects.create(mark_b="o1", to_a=going)
    synchronize()
    pointing.objects.update(to_a=staying)
    update("default", pointing._meta.get_field("v_a"), Raw(GARBAGE[local]), made.pk)
    going.delete()

    report = synchronize()

    errors = {each.model: each.error for each in report.failures}
    assert errors.keys() == {"shapefuzz.A", "shapefuzz.B"}
    said = "its deletion would take shapefuzz.B 1 along, which 'default' still has: it cannot be read on 'default'"
    assert said in errors["shapefuzz.A"]
    pointing.objects.update(v_a=None)
    assert synchronize().failures == []
    assert [row.mark_a for row in target.objects.using("remote")] == ["stays"]
    assert pointing.objects.using("remote").get().to_a.mark_a == "stays"
