"""What points to nothing on both sides, on the remote by a key that an object will get there yet."""

from __future__ import annotations

import pytest
from django.contrib.contenttypes.models import ContentType

from synchro_triggers import synchronize
from synchro_triggers.replay.report import Told
from tests.replay.hearing import later, receiving
from tests.shapefuzz.test_found import both_vendors, marked

POINTERS = {
    "a generic key": [
        "object_id = models.CharField(max_length=60, null=True)",
        "content_type = models.ForeignKey(ContentType, models.CASCADE)",
        "to_a = GenericForeignKey()",
    ],
    "a column": ["object_id = models.BigIntegerField(null=True)"],
}


def opened(project, local, pointer, key="models.AutoField(primary_key=True)", **settings):
    """Open a project, and let both sides have an object that points to nothing yet; return its models."""
    target, pointing = project(
        local,
        ("A", "models.Model", f"a_no = {key}", marked("a")),
        ("B", "models.Model", marked("b"), *POINTERS[pointer]),
        SYNCHRO_OPTIONS={"shapefuzz.B": {"references": {"object_id": "shapefuzz.A"}}} if pointer == "a column" else {},
        **settings,
    )
    target.objects.create(mark_a="o1", pk="k1" if "Slug" in key else None)
    kind = {"content_type": ContentType.objects.get_for_model(target)} if pointer == "a generic key" else {}
    pointing.objects.create(mark_b="o1", object_id=None, **kind)
    synchronize()
    later()
    return target, pointing


def told(report):
    return sorted((each.model, str(each.kind)) for each in report.remarks)


@both_vendors
@pytest.mark.parametrize("pointer", POINTERS)
@pytest.mark.parametrize("winner", ["local", "remote"])
@pytest.mark.parametrize("at_once", [False, True])
@pytest.mark.parametrize("size", [1, 1000])
def test_number_that_the_remote_will_give_out_yet_does_not_stay_in_silence(
    project, heard, local, pointer, winner, at_once, size
):
    target, pointing = opened(project, local, pointer, SYNCHRO_CONFLICT=winner, SYNCHRO_BATCH_SIZE=size)
    pointing.objects.using("remote").update(object_id=5)
    later()
    pointing.objects.update(object_id=900)

    def make():
        for number in range(6):
            target.objects.create(pk=20 + number, mark_a=f"n{number}")

    if at_once:
        make()
    report = synchronize()
    if not at_once:
        make()
        assert synchronize().failures == []

    assert report.failures == []
    assert target.objects.using("remote").filter(pk=5).exists()
    row = pointing.objects.using("remote").get()
    if winner == "local":
        assert int(row.object_id) < 0
        assert told(report) == [("shapefuzz.B", "local won"), ("shapefuzz.B", str(Told.POINTS_NOWHERE))]
    else:
        assert int(row.object_id) == 5
        assert told(report) == [("shapefuzz.B", "remote won")]
    assert not synchronize().changed


@both_vendors
@pytest.mark.parametrize("pointer", POINTERS)
def test_number_of_what_was_deleted_there_stays_also_where_it_was_the_highest(project, heard, local, pointer):
    target, pointing = opened(project, local, pointer)
    target.objects.using("remote").create(mark_a="R1")
    gone = target.objects.create(mark_a="o2")
    pointing.objects.update(object_id=gone.pk)
    synchronize()
    former = target.objects.using("remote").get(mark_a="o2").pk
    assert int(pointing.objects.using("remote").get().object_id) == former != gone.pk
    gone.delete()
    synchronize()
    pointing.objects.update(mark_b="changed")

    report = synchronize()

    assert (report.failures, report.remarks) == ([], [])
    row = pointing.objects.using("remote").get()
    assert (int(row.object_id), row.mark_b) == (former, "changed")
    target.objects.create(mark_a="o3")
    assert synchronize().failures == []
    assert not target.objects.using("remote").filter(pk=former).exists()


@both_vendors
def test_key_of_the_users_own_that_leads_nowhere_is_locals(project, heard, local):
    key = "models.SlugField(primary_key=True)"
    target, pointing = opened(project, local, "a generic key", key=key)
    pointing.objects.update(object_id="k2")
    synchronize()
    later()
    pointing.objects.update(object_id="k3")
    report = synchronize()

    assert (report.failures, report.remarks) == ([], [])
    assert pointing.objects.using("remote").get().object_id == "k3"
    for mark in ("k2", "k3"):
        target.objects.create(pk=mark, mark_a=mark)
    assert synchronize().failures == []
    assert pointing.objects.using("remote").get().to_a.mark_a == pointing.objects.get().to_a.mark_a == "k3"


@both_vendors
def test_number_that_was_made_up_for_what_has_failed_is_not_told(project, local):
    _, pointing = opened(project, local, "a generic key")
    pointing.objects.update(object_id=900)

    def refuse(using, **told):
        if using == "remote":
            raise ValueError("not today")

    with receiving("pre_save", pointing, refuse):
        report = synchronize()

    assert [each.model for each in report.failures] == ["shapefuzz.B"] and report.remarks == []
    assert told(synchronize()) == [("shapefuzz.B", str(Told.POINTS_NOWHERE))]
