"""A delete has failed, and LOCAL makes something again under the key of what is gone."""

from __future__ import annotations

import pytest
from django.apps import apps

from synchro_triggers import synchro_paused, synchronize
from synchro_triggers.replay import backlog, synchronizing
from tests.shapefuzz.test_found import both_vendors, marked

AUTOMATIC = "no = models.AutoField(primary_key=True)"
UNIQUE = "u_a = models.IntegerField(null=True, unique=True)"
KINDS = ["kept", "kept, without a reference", "own", "own, without a reference", "given again", "of a child"]


def of_kinds(*kinds):
    """Run a test with kinds of keys, on both vendors, while the failure pauses and while it is tried first."""

    def repeated(test):
        test = pytest.mark.parametrize("kind", kinds)(test)
        return both_vendors(pytest.mark.parametrize("pauses", [False, True])(test))

    return repeated


@pytest.fixture
def failed(project, local, kind, pauses):
    """The model of an object that LOCAL has deleted, and on which an object of the remote's users hangs."""
    kept = {"SYNCHRO_OPTIONS": {"shapefuzz.A": {"identity": "pk"}}} if kind.startswith("kept") else {}
    key = "no = models.IntegerField(primary_key=True)" if kind.startswith("own") else AUTOMATIC
    models = project(
        local,
        ("A", "models.Model", key, marked("a"), UNIQUE),
        ("B", "models.Model", marked("b"), "r_b = models.ForeignKey('A', models.PROTECT, related_name='+')"),
        ("C", "A", marked("c")),
        **kept,
    )
    model = models[2] if kind == "of a child" else models[0]
    if kind.endswith("without a reference"):
        for alias in ("default", "remote"):
            with synchro_paused(using=alias):
                model.objects.using(alias).create(pk=1, mark_a="o1")
    else:
        model.objects.create(pk=1, mark_a="o1")
        synchronize()
    models[1].objects.using("remote").create(mark_b="R1", r_b_id=1)
    model.objects.get().delete()
    assert len(synchronize().failures) == 1
    while pauses and not synchronize().waiting:
        pass
    return model


def _retry_without_what_hangs_on_it():
    apps.get_model("shapefuzz", "B").objects.using("remote").all().delete()
    return synchronizing.retry_failures("remote")


def _there():
    return sorted(apps.get_model("shapefuzz", "A").objects.using("remote").values_list("mark_a", flat=True))


@of_kinds(*KINDS)
def test_object_that_came_and_went_under_the_key_leaves_the_delete_to_be_done(failed):
    failed.objects.create(pk=1, mark_a="o2").delete()

    imagined, *reports = [synchronize(dry_run=True), synchronize(), synchronize(), synchronize()]

    assert [report.remarks for report in (imagined, *reports)] == [[]] * 4
    assert imagined.deleted == 0 and (imagined.failures or imagined.waiting)
    assert all(len(report.failures) + report.waiting == 1 for report in reports)
    assert _retry_without_what_hangs_on_it().deleted == 1
    assert _there() == []


@of_kinds(*KINDS)
def test_object_that_failed_under_the_key_and_went_leaves_the_delete_to_be_done(failed):
    with synchro_paused(using="remote"):
        apps.get_model("shapefuzz", "A").objects.using("remote").create(pk=500, mark_a="R2", u_a=7)
    failed.objects.create(pk=1, mark_a="o2", u_a=7)
    assert synchronize().failures
    failed.objects.get().delete()

    reports = [synchronize(), synchronize(), synchronize()]

    assert [report.remarks for report in reports] == [[]] * 3
    assert all(report.failures or report.waiting for report in reports)
    _retry_without_what_hangs_on_it()
    assert _there() == ["R2"]


@of_kinds(*KINDS)
def test_object_that_is_there_under_the_key_arrives(failed, kind):
    failed.objects.create(pk=1, mark_a="o2")

    reports = [synchronize(), synchronize(), synchronize()]

    is_another = kind in ("given again", "of a child")
    assert all(len(report.failures) + report.waiting == is_another for report in reports)
    assert _there() == (["o1", "o2"] if is_another else ["o2"])
    assert _retry_without_what_hangs_on_it().deleted == is_another
    assert _there() == ["o2"]


@of_kinds(*KINDS[:-1])  # of a child nobody knows whether its row was to go alone
def test_object_that_came_past_the_log_under_the_key_arrives_with_a_full_run(failed, kind):
    with synchro_paused():
        failed.objects.create(pk=1, mark_a="o2")

    synchronize(full=True)

    is_another = kind == "given again"
    assert _there() == (["o1", "o2"] if is_another else ["o2"])
    _retry_without_what_hangs_on_it()
    assert _there() == ["o2"]


@of_kinds(*KINDS)
def test_what_failed_in_an_earlier_page_is_kept_apart_as_well(failed, monkeypatch):
    monkeypatch.setattr(backlog, "PAGE_ROWS", 1)
    failed.objects.create(pk=1, mark_a="o2").delete()
    failed.objects.create(pk=1, mark_a="o3").delete()

    reports = [synchronize(), synchronize(), synchronize()]

    assert [report.remarks for report in reports] == [[]] * 3
    assert all(len(report.failures) + report.waiting == 1 for report in reports)
    assert _retry_without_what_hangs_on_it().deleted == 1
    assert _there() == []
