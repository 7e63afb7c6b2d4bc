"""Unique values are handed round by objects whose keys are the same on both sides, and of which no run has written any.

Each side may be a copy of the other, or both were loaded from one file.
"""

from __future__ import annotations

import pytest
from django.core.management import call_command
from django.db import transaction

from synchro_triggers import synchro_paused, synchronize
from tests.shapefuzz.test_found import both_vendors, marked

KEYS = {
    "texts": ("models.CharField(max_length=9, primary_key=True)", "w9", "w2", {}),
    "numbers": ("models.AutoField(primary_key=True)", 9, 2, {}),
    "kept numbers": ("models.AutoField(primary_key=True)", 9, 2, {"shapefuzz.A": {"identity": "pk"}}),
}


@both_vendors
@pytest.mark.parametrize("points", ["nowhere else", "to itself", "to the other"])
@pytest.mark.parametrize("kind", KEYS)
def test_unique_values_are_swapped(project, heard, local, kind, points):
    key, first, second, options = KEYS[kind]
    [model] = project(
        local,
        (
            *("A", "models.Model", f"a_no = {key}", marked("a")),
            *(
                "u = models.CharField(max_length=9, unique=True)",
                "to = models.ForeignKey('A', models.RESTRICT, null=True)",
            ),
        ),
        SYNCHRO_OPTIONS=options,
    )
    for alias in ("default", "remote"):
        with synchro_paused(using=alias):
            model.objects.using(alias).create(pk=first, u="x")
            model.objects.using(alias).create(pk=second, u="y", to_id=first)
    call_command("synchro_link", verbosity=0)
    with transaction.atomic():
        model.objects.filter(pk=second).update(u="t", **({} if points == "nowhere else" else {"to": None}))
        moved = {"nowhere else": {}, "to itself": {"to_id": first}, "to the other": {"to_id": second}}[points]
        model.objects.filter(pk=first).update(u="y", **moved)
        model.objects.filter(pk=second).update(u="x")

    report = synchronize()

    assert report.failures == []
    columns = ("pk", "u", "to_id")
    assert set(model.objects.using("remote").values_list(*columns)) == set(model.objects.values_list(*columns))
    assert not synchronize().changed
