"""Objects that have keys of the users' own and natural keys too, linked after one side was copied from the other."""

from __future__ import annotations

import datetime
import uuid

import pytest
from django.core.management import call_command

from synchro_triggers import synchro_paused, synchronize
from tests.shapefuzz.content import plain, read
from tests.shapefuzz.test_found import both_vendors, marked

KEYS = {
    "of their own": "a_no = models.IntegerField(primary_key=True)",
    "that are kept": "a_no = models.AutoField(primary_key=True)",
}
DAY = datetime.datetime(2026, 1, 1, tzinfo=datetime.UTC)
VALUES = {
    "TextField": ("x", "y", "z"),
    "DurationField": tuple(datetime.timedelta(days=number) for number in (1, 2, 3)),
    "UUIDField": tuple(map(uuid.UUID, (f"{number:032}" for number in (1, 2, 3)))),
    "DateTimeField": tuple(DAY + datetime.timedelta(number) for number in (1, 2, 3)),
    "BinaryField": (b"x", b"y", b"z"),
}


@both_vendors
@pytest.mark.parametrize("keys", KEYS)
@pytest.mark.parametrize("made_again", [False, True])
def test_natural_key_of_an_object_that_goes_is_handed_on_after_linking(project, heard, local, keys, made_again):
    options = {"natural_key": ("u_a",)} | ({"identity": "pk"} if keys == "that are kept" else {})
    [model] = project(
        local,
        ("A", "models.Model", KEYS[keys], marked("a"), "u_a = models.CharField(max_length=20, null=True)"),
        SYNCHRO_OPTIONS={"shapefuzz.A": options},
    )
    for alias in ("default", "remote"):
        with synchro_paused(using=alias):
            model.objects.using(alias).bulk_create([model(pk=6, mark_a="o1"), model(pk=1, mark_a="o2", u_a="w2")])
    call_command("synchro_link", verbosity=0)
    model.objects.all().delete() if made_again else model.objects.get(pk=6).delete()
    model(pk=1, mark_a="o3").save()

    report = synchronize()

    assert report.failures == []
    assert read("remote").rows.keys() == {("shapefuzz.A", "o3")}
    assert model.objects.using("remote").get().pk == 1
    assert not synchronize().changed


@both_vendors
@pytest.mark.parametrize("kind", VALUES)
def test_objects_with_keys_of_any_kind_are_linked_by_their_natural_keys(project, local, kind):
    [model] = project(
        local,
        ("A", "models.Model", f"a_no = models.{kind}(primary_key=True)", "u_a = models.IntegerField(unique=True)"),
        SYNCHRO_OPTIONS={"shapefuzz.A": {"natural_key": ("u_a",)}},
    )
    here, there, third = VALUES[kind]
    for alias, key in (("default", here), ("remote", there)):
        with synchro_paused(using=alias):
            model.objects.using(alias).create(pk=key, u_a=1)
            model.objects.using(alias).create(pk=third, u_a=3)
    call_command("synchro_link", verbosity=0)
    model.objects.filter(u_a=1).update(u_a=2)

    report = synchronize()

    assert (report.failures, report.created, report.updated) == ([], 0, 1)
    assert {plain(row.pk): row.u_a for row in model.objects.using("remote")} == {plain(there): 2, plain(third): 3}
