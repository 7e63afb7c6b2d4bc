"""Keys that lead to a child of which there is but the parent's row: nowhere, whatever number that row has there."""

from __future__ import annotations

import pytest
from django.contrib.contenttypes.models import ContentType

from synchro_triggers import compare, synchronize
from synchro_triggers.replay.report import Told
from tests.replay.hearing import later
from tests.shapefuzz.test_found import both_vendors, marked
from tests.shapefuzz.writing import insert

POINTERS = {
    "a generic key": [
        "held = models.CharField(max_length=60, null=True)",
        "content_type = models.ForeignKey(ContentType, models.CASCADE, null=True)",
        "to_b = GenericForeignKey('content_type', 'held')",
    ],
    "a column": ["held = models.BigIntegerField(null=True)"],
    "in JSON": ["held = models.JSONField(null=True)"],
    "a foreign key": [
        "to_b = models.ForeignKey('B', models.CASCADE, related_name='+', null=True, db_constraint=False)",
    ],
}
OPTIONS = {"a column": "shapefuzz.B", "in JSON": "tests.shapefuzz.managers.keys_in_b"}
pointers = pytest.mark.parametrize("pointer", POINTERS)


def held(pointer, number):
    """Return the values of an object that points to a number."""
    if pointer == "a foreign key":
        return {"to_b_id": number}
    if pointer == "in JSON":
        return {"held": {"key": number}}
    return {"held": str(number) if pointer == "a generic key" else number}


@pytest.fixture
def pointing_to_a_parent(project):
    """Lets LOCAL's object point to the child of a number that a parent's row gets later; returns the models."""

    def make(local, pointer):
        references = {"shapefuzz.C": {"references": {"held": OPTIONS[pointer]}}} if pointer in OPTIONS else {}
        parent, child, pointing = project(
            local,
            ("A", "models.Model", marked("a")),
            ("B", "A", marked("b")),
            ("C", "models.Model", marked("c"), *POINTERS[pointer]),
            SYNCHRO_OPTIONS=references,
        )
        kind = {"content_type": ContentType.objects.get_for_model(child)} if pointer == "a generic key" else {}
        pointing.objects.create(mark_c="o1", **kind, **held(pointer, 5))
        report = synchronize()
        assert [str(each.kind) for each in report.remarks] == [Told.POINTS_NOWHERE]
        later()
        for number in (3, 5):
            parent.objects.create(pk=number, mark_a=f"n{number}")
        assert not synchronize().failures
        return parent, child, pointing

    return make


def differing():
    return [(each.model, [field.field for field in each.fields]) for each in compare().differences]


@both_vendors
@pointers
def test_both_sides_are_equal(pointing_to_a_parent, local, pointer):
    parent, _, pointing = pointing_to_a_parent(local, pointer)
    assert not synchronize().changed

    assert compare().equal

    pointing.objects.update(mark_c="o2")  # and now it has the number that the parent's row has there
    assert synchronize().updated == 1
    number = parent.objects.using("remote").get(mark_a="n5").pk
    assert pointing.objects.using("remote").filter(**held(pointer, number)).count() == 1
    assert compare().equal


@both_vendors
@pointers
def test_child_that_comes_to_be_there_makes_them_differ(pointing_to_a_parent, local, pointer):
    _, child, _ = pointing_to_a_parent(local, pointer)
    insert("default", child, {"a_ptr_id": 5, "mark_b": "n5"}, None)
    assert not synchronize().failures

    [(model, [field])] = differing()

    assert model == "shapefuzz.C" and field == ("to_b" if pointer == "a foreign key" else "held")


@both_vendors
@pointers
def test_key_that_leads_somewhere_on_the_remote_differs(pointing_to_a_parent, local, pointer):
    _, child, pointing = pointing_to_a_parent(local, pointer)
    theirs = child.objects.using("remote").create(mark_a="R1", mark_b="R1")
    pointing.objects.using("remote").update(**held(pointer, theirs.pk))

    assert [fields for model, fields in differing() if model == "shapefuzz.C"] == [
        ["to_b" if pointer == "a foreign key" else "held"]
    ]
