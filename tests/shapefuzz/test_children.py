"""Rows of children that come to rows of parents which are there already."""

from __future__ import annotations

from random import Random

import pytest

from synchro_triggers import synchronize
from tests.shapefuzz.test_found import both_vendors, marked
from tests.shapefuzz.writing import insert

DEFAULT_KEY = "models.UUIDField(primary_key=True, default=uuid.uuid4)"
SHAPES = {
    "the same key": [("B", "A", marked("b"))],
    "a key of its own": [
        (
            *("B", "A", marked("b"), "b_no = models.AutoField(primary_key=True)"),
            "a_ptr = models.OneToOneField('A', models.CASCADE, parent_link=True)",
        )
    ],
    "a grandchild": [("C", "A", marked("c")), ("B", "C", marked("b"))],
}


@both_vendors
@pytest.mark.parametrize("shape", SHAPES)
def test_parent_whose_key_has_a_default_becomes_a_child(project, local, shape):
    parent, *others, child = project(local, ("A", "models.Model", f"a_no = {DEFAULT_KEY}", marked("a")), *SHAPES[shape])
    made = parent.objects.create(mark_a="o1")
    synchronize()
    for model in (*others, child):
        link = next(iter(model._meta.parents.values()))
        insert("default", model, {f"mark_{model.__name__.lower()}": "o1", link.attname: made.pk}, Random(1))

    report = synchronize()

    assert report.failures == []
    assert [(row.mark_a, row.mark_b) for row in child.objects.using("remote")] == [("o1", "o1")]
    assert parent.objects.using("remote").count() == 1
    assert not synchronize().changed
