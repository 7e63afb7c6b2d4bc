"""Fields of others' models may have any name, also one that a parameter of this package's functions has."""

from __future__ import annotations

import pytest

from synchro_triggers import synchronize
from tests.shapefuzz.test_found import both_vendors, marked

NAMES = ("model", "alias", "shape", "keys", "using")


def values(text):
    return dict.fromkeys(NAMES, text)


@both_vendors
@pytest.mark.parametrize("natural", [True, False], ids=["natural key", "unique"])
def test_field_may_be_called_like_a_parameter(project, heard, local, natural):
    fields = [f"{name} = models.CharField(max_length=9, unique=True)" for name in NAMES]
    [plane] = project(
        local,
        ("Plane", "models.Model", marked("p"), *fields),
        SYNCHRO_OPTIONS={"shapefuzz.Plane": {"natural_key": NAMES} if natural else {}},
    )
    there = plane.objects.using("remote").create(mark_p="theirs", **values("other"))
    one, two = (plane.objects.create(mark_p=mark, **values(mark)) for mark in ("one", "two"))
    synchronize()

    for each, text in ((one, "none"), (two, "one"), (one, "two")):
        plane.objects.filter(pk=each.pk).update(**values(text))
    report = synchronize()

    assert report.failures == []
    rows = plane.objects.using("remote")
    assert dict(rows.values_list("mark_p", "model")) == {"theirs": "other", "one": "two", "two": "one"}

    third = plane.objects.create(mark_p="third", **values("other"))
    failures = synchronize().failures
    if natural:
        assert failures == [] and rows.get(pk=there.pk).mark_p == "third"
    else:
        [failure] = failures
        assert failure.key == str(third.pk)
        assert "{'shapefuzz.Plane': {'natural_key': ('model',)}}" in failure.error
        third.delete()
    plane.objects.all().delete()
    assert synchronize().failures == []
    assert rows.count() == (0 if natural else 1)
