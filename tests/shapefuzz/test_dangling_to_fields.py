"""What points by a ``to_field`` to what is gone on LOCAL, past its constraint; and deletes that empty what stays."""

from __future__ import annotations

import pytest
from django.db import connections

from synchro_triggers import synchronize
from tests.replay.hearing import later, receiving
from tests.shapefuzz.foreign import constraints_off
from tests.shapefuzz.test_found import both_vendors, marked
from tests.shapefuzz.writing import delete, execute

TARGET = ("A", "models.Model", marked("a"), "u_a = models.IntegerField(unique=True)")


def pointing(on_delete, *more):
    options = ", ".join([f"A, models.{on_delete}, null=True, related_name='+'", *more])
    return "B", "models.Model", marked("b"), f"to_a = models.ForeignKey({options})"


def delete_past_the_constraint(local, target, model):
    """Delete the first object of the target on LOCAL, although an object of the model points there."""
    if local == "sqlite":
        with constraints_off():
            delete("default", target, 1)
        return
    with connections["default"].cursor() as cursor:
        found = connections["default"].introspection.get_constraints(cursor, model._meta.db_table)
    [name] = [name for name, each in found.items() if each["foreign_key"]]
    execute("default", f'ALTER TABLE {model._meta.db_table} DROP CONSTRAINT "{name}"')
    delete("default", target, 1)


@both_vendors
@pytest.mark.parametrize("on_delete", ["SET_NULL", "CASCADE"])
def test_new_object_is_kept_and_what_it_has_pointed_to_goes(project, local, on_delete):
    target, model = project(local, TARGET, pointing(on_delete, "to_field='u_a'"))
    made = target.objects.create(mark_a="o1", u_a=5)
    synchronize()
    model.objects.create(mark_b="o2", to_a=made)
    delete_past_the_constraint(local, target, model)

    report = synchronize()

    kept = [(each.model, each.error) for each in report.failures]
    assert kept == [("shapefuzz.B", "its to_a, shapefuzz.A 5, is missing on 'default'")]
    assert report.deleted == 1
    assert not target.objects.using("remote").exists() and not model.objects.using("remote").exists()


@both_vendors
def test_delete_that_would_empty_what_still_has_the_value_is_kept(project, local):
    target, model = project(local, TARGET, pointing("SET_NULL", "to_field='u_a'"))
    model.objects.create(mark_b="o2", to_a=target.objects.create(mark_a="o1", u_a=5))
    synchronize()
    delete_past_the_constraint(local, target, model)

    reports = [synchronize(), synchronize()]

    for report in reports:
        [kept] = report.failures
        assert (kept.model, report.deleted) == ("shapefuzz.A", 0)
        assert "its deletion would empty to_a of shapefuzz.B 1, which 'default' still has" in kept.error
    assert model.objects.using("remote").get().to_a == target.objects.using("remote").get()
    model.objects.update(to_a=None)
    report = synchronize()
    assert (report.failures, report.deleted) == ([], 1)
    assert model.objects.using("remote").get().to_a is None


@both_vendors
def test_delete_is_undone_where_what_it_has_emptied_cannot_point_elsewhere(project, local):
    target, model = project(local, TARGET, pointing("SET_NULL"))
    first, second = (target.objects.create(mark_a=f"o{number}", u_a=number) for number in (1, 2))
    model.objects.create(mark_b="o3", to_a=second)
    synchronize()
    model.objects.using("remote").update(to_a=first)  # the remote's users did
    later()
    first.delete()

    def refuse(**told):
        raise ValueError("it stays")

    with receiving("pre_save", model, refuse):
        report = synchronize()

    assert [(each.model, report.deleted) for each in report.failures] == [("shapefuzz.A", 0)]
    assert model.objects.using("remote").get().to_a.mark_a == "o1"
    report = synchronize()
    assert (report.failures, report.deleted) == ([], 1)
    assert model.objects.using("remote").get().to_a.mark_a == "o2"
