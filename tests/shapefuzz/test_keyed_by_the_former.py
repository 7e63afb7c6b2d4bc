"""Deletes of what has the key of an object whose number was given to another one in the same run."""

from __future__ import annotations

import pytest
from django.core.management import call_command
from django.db import connection

from synchro_triggers import synchro_paused, synchronize
from tests.shapefuzz.test_found import both_vendors, marked

TO_A = "to_a = models.{}('A', models.CASCADE, related_name='+'{})"
KEYS = {
    "its key": [TO_A.format("OneToOneField", ", primary_key=True")],
    "a part of its key": [
        "pk = models.CompositePrimaryKey('to_a', 'no')",
        TO_A.format("ForeignKey", ""),
        "no = models.IntegerField(default=7)",
    ],
}


@pytest.fixture
def copied(project, local):
    """Opens a project whose objects are on both sides, and were never synchronised."""

    def open_it(keys, on_delete, **settings):
        models = project(
            local,
            ("A", "models.Model", marked("a"), "u_a = models.IntegerField(unique=True)"),
            (
                *("B", "models.Model", marked("b"), *KEYS[keys]),
                f"also = models.ForeignKey('A', models.{on_delete}, to_field='u_a', related_name='+')",
            ),
            **settings,
        )
        for alias in ("remote", "default"):
            with synchro_paused(using=alias):
                make(*models, alias, "o1", 1)
        call_command("synchro_link", verbosity=0)
        return models

    return open_it


def make(target, keyed, alias, mark, number, key=1):
    target(pk=key, mark_a=mark, u_a=number).save(using=alias, force_insert=True)
    keyed(to_a_id=key, mark_b=mark, also_id=number).save(using=alias, force_insert=True)


def empty(*models):
    with connection.cursor() as cursor:
        for model in models:
            cursor.execute(f"DELETE FROM {model._meta.db_table}")


@both_vendors
@pytest.mark.parametrize("keys", KEYS)
@pytest.mark.parametrize("on_delete", ["PROTECT", "CASCADE"])
@pytest.mark.parametrize("both", [False, True])
@pytest.mark.parametrize("size", [1, 1000])
def test_object_that_has_the_key_of_a_former_one_goes_with_it(copied, heard, local, keys, on_delete, both, size):
    target, keyed = copied(keys, on_delete, SYNCHRO_BATCH_SIZE=size)
    empty(keyed, target)
    if both:
        make(target, keyed, "default", "o2", 2)
    else:
        target.objects.create(pk=1, mark_a="o2", u_a=2)

    report = synchronize()

    assert (report.failures, report.remarks) == ([], [])
    assert report.deleted == 2 and report.created == 1 + both
    assert [row.mark_a for row in target.objects.using("remote")] == ["o2"]
    assert [(row.mark_b, row.to_a.mark_a) for row in keyed.objects.using("remote")] == [("o2", "o2")] * both
    assert not synchronize().changed


@both_vendors
def test_objects_that_have_no_references_go_like_those_that_have_some(copied, local):
    target, keyed = copied("its key", "CASCADE")
    make(target, keyed, "default", "o3", 3, key=5)
    synchronize()
    empty(keyed, target)
    make(target, keyed, "default", "o2", 2, key=5)
    target.objects.create(pk=1, mark_a="o4", u_a=4)

    report = synchronize()

    assert (report.failures, report.remarks, report.deleted, report.created) == ([], [], 4, 3)
    assert [(row.mark_b, row.to_a.mark_a) for row in keyed.objects.using("remote")] == [("o2", "o2")]
    assert not synchronize().changed


@both_vendors
@pytest.mark.parametrize("keys", KEYS)
def test_object_made_anew_with_the_key_of_a_living_one_has_its_row(copied, heard, local, keys):
    _, keyed = copied(keys, "PROTECT")
    empty(keyed)
    keyed(to_a_id=1, mark_b="o2", also_id=1).save(force_insert=True)

    report = synchronize()

    assert (report.failures, report.remarks) == ([], [])
    assert [(row.mark_b, row.to_a.mark_a) for row in keyed.objects.using("remote")] == [("o2", "o1")]
    assert not synchronize().changed


@both_vendors
def test_object_goes_that_is_keyed_by_the_former_one_through_another(project, heard, local):
    target, between, keyed = project(
        local,
        ("A", "models.Model", marked("a")),
        ("B", "models.Model", marked("b"), *KEYS["its key"]),
        ("C", "models.Model", marked("c"), "to_b = models.OneToOneField('B', models.CASCADE, primary_key=True)"),
    )
    for alias in ("remote", "default"):
        with synchro_paused(using=alias):
            for model, values in ((target, {"pk": 1}), (between, {"to_a_id": 1}), (keyed, {"to_b_id": 1})):
                model(**values).save(using=alias, force_insert=True)
    call_command("synchro_link", verbosity=0)
    empty(keyed, between, target)
    target(pk=1, mark_a="o2").save(force_insert=True)
    between(to_a_id=1, mark_b="o2").save(force_insert=True)

    report = synchronize()

    assert (report.failures, report.remarks, report.deleted, report.created) == ([], [], 3, 2)
    assert [row.to_a.mark_a for row in between.objects.using("remote")] == ["o2"]
    assert not keyed.objects.using("remote").exists()
    assert not synchronize().changed
