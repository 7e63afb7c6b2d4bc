"""Objects whose keys are those of others (one-to-one, composite), and what these were before they were given again."""

from __future__ import annotations

import pytest
from django.db import transaction

from synchro_triggers import synchro_paused, synchronize
from synchro_triggers.replay.meeting.linking import link_objects
from tests.shapefuzz.test_found import both_vendors, marked
from tests.shapefuzz.writing import delete

KEYS = {
    "one-to-one": [
        "to_a = models.OneToOneField('A', models.CASCADE, primary_key=True, related_name='+')",
    ],
    "composite": [
        "pk = models.CompositePrimaryKey('to_a_id', 'no')",
        "to_a = models.ForeignKey('A', models.CASCADE, related_name='+')",
        "no = models.IntegerField(default=7)",
    ],
    "natural": [
        "to_a = models.ForeignKey('A', models.CASCADE, related_name='+')",
        "objects = NaturalManager('to_a')",
        "def natural_key(self):\n    return (self.to_a_id,)",
    ],
}


@pytest.fixture
def linked(project, local):
    """Opens a project of an ``A`` and of a ``B`` that protects it, both of which were on both sides from the start."""

    def open_it(keys, size):
        target, pointing = project(
            local,
            ("A", "models.Model", marked("a"), "u_a = models.IntegerField(unique=True)"),
            (
                *("B", "models.Model", *KEYS[keys], marked("b")),
                "by_u = models.ForeignKey('A', models.PROTECT, related_name='+', to_field='u_a')",
            ),
            SYNCHRO_BATCH_SIZE=size,
        )
        for alias in ("default", "remote"):
            with synchro_paused(using=alias):
                made = target.objects.using(alias).create(pk=1, mark_a="o1", u_a=3)
                pointing.objects.using(alias).create(mark_b="o2", by_u=made, to_a=made)
        link_objects("remote", ["shapefuzz.A"])
        return target, pointing

    return open_it


@both_vendors
@pytest.mark.parametrize("keys", KEYS)
@pytest.mark.parametrize("size", [1, 1000])
@pytest.mark.parametrize("first", ["A", "B"])
@pytest.mark.parametrize("made_again", [False, True])
def test_object_goes_with_what_its_key_was_of(linked, heard, local, keys, size, first, made_again):
    target, pointing = linked(keys, size)
    key = pointing.objects.get().pk
    with transaction.atomic():
        if first == "B":
            delete("default", pointing, key)
        delete("default", target, 1)
        if first == "A":
            delete("default", pointing, key)
    made = target.objects.create(pk=1, mark_a="o3", u_a=4)
    if made_again:
        pointing.objects.create(mark_b="o4", by_u=made, to_a=made)

    report = synchronize()

    assert report.failures == []
    assert list(target.objects.using("remote").values_list("mark_a", "u_a")) == [("o3", 4)]
    there = pointing.objects.using("remote").values_list("mark_b", "to_a__mark_a", "by_u__mark_a")
    assert list(there) == ([("o4", "o3", "o3")] if made_again else [])
    assert not synchronize().changed
