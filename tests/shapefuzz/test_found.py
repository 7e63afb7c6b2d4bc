"""What random projects have found, where the models of the other tests do not have the shape."""

from __future__ import annotations

from contextlib import ExitStack

import pytest
from django.apps import apps
from django.core.management import call_command
from django.db import transaction

from synchro_triggers import synchro_paused, synchronize
from tests.replay.hearing import SIGNALS, receiving
from tests.shapefuzz.content import read
from tests.shapefuzz.plans import ModelPlan, Project
from tests.shapefuzz.world import opened
from tests.shapefuzz.writing import delete


@pytest.fixture
def project(request, databases, django_db_blocker, tmp_path):
    """Opens a project on two databases of one vendor; returns its models."""
    with django_db_blocker.unblock(), ExitStack() as stack:

        def open_it(vendor, *models, **settings):
            plans = [ModelPlan(name, bases, lines) for name, bases, *lines in models]
            settings = {"USE_TZ": True, **settings}
            project = Project(0, vendor, vendor, tuple(plans), settings=tuple(settings.items()))
            stack.enter_context(opened(project, databases, tmp_path))
            return [apps.get_model("shapefuzz", plan.name) for plan in plans]

        yield open_it


both_vendors = pytest.mark.parametrize("local", ["sqlite", "postgres"])


def marked(letter):
    return f"mark_{letter} = models.CharField(max_length=80, default='')"


@both_vendors
def test_child_row_that_came_and_went_alone_is_no_failure(project, local):
    parent, child = project(
        local,
        ("A", "models.Model", "a_no = models.TextField(primary_key=True)", marked("a")),
        ("B", "A", marked("b")),
    )
    child.objects.create(a_no="x", mark_a="o1", mark_b="o1")
    delete("default", child, "x")

    report = synchronize()

    assert report.failures == []
    assert read("remote").one(("shapefuzz.A", "o1")) is not None
    assert not child.objects.using("remote").exists()
    assert parent.objects.using("remote").count() == 1


@both_vendors
def test_copies_whose_natural_key_has_a_null_in_it_are_linked_by_key_and_values(project, local):
    [model] = project(
        local,
        ("A", "NaturalKeyModel", marked("a"), "u_a = models.IntegerField(null=True)", "_natural_key = ('u_a',)"),
    )
    for alias in ("default", "remote"):
        with synchro_paused(using=alias):
            model._base_manager.using(alias).bulk_create([model(mark_a=name) for name in ("o1", "o2")])
    call_command("synchro_link", verbosity=0)

    model._base_manager.get(mark_a="o1").delete()
    model._base_manager.filter(mark_a="o2").update(u_a=7)
    report = synchronize()

    assert report.failures == [] and report.created == 0
    assert [(row.mark_a, row.u_a) for row in model._base_manager.using("remote").all()] == [("o2", 7)]


@both_vendors
def test_delete_is_not_confused_by_another_child_with_a_key_of_its_own(project, local):
    parent, child, _ = project(
        local,
        ("A", "models.Model", "a_no = models.CharField(max_length=20, primary_key=True)", marked("a")),
        ("B", "A", marked("b")),
        (
            *("C", "A", "c_no = models.AutoField(primary_key=True)"),
            *("a_ptr = models.OneToOneField(A, models.CASCADE, parent_link=True)", marked("c")),
        ),
    )
    child.objects.create(a_no="x", mark_a="o1", mark_b="o1")
    synchronize()
    child.objects.get().delete()

    with receiving("post_delete", child, lambda **told: None):  # so that it goes by itself
        report = synchronize()

    assert report.failures == []
    assert not parent.objects.using("remote").exists()


@both_vendors
def test_copies_that_point_to_one_another_are_linked(project, local):
    first, second = project(
        local,
        (
            *("A", "models.Model", marked("a")),
            "to_b = models.ForeignKey('B', models.SET_NULL, null=True, related_name='+')",
        ),
        (
            *("B", "models.Model", marked("b")),
            "to_a = models.ForeignKey('A', models.CASCADE, related_name='+')",
        ),
    )
    for alias in ("default", "remote"):
        with synchro_paused(using=alias):
            a = first.objects.using(alias).create(mark_a="o1")
            b = second.objects.using(alias).create(mark_b="o1", to_a_id=a.pk)
            first.objects.using(alias).update(to_b_id=b.pk)
    call_command("synchro_link", verbosity=0)

    second.objects.create(mark_b="o2", to_a_id=first.objects.get().pk)
    report = synchronize()

    assert (report.created, report.failures) == (1, [])
    assert first.objects.using("remote").count() == 1
    assert sorted(second.objects.using("remote").values_list("mark_b", flat=True)) == ["o1", "o2"]


KEYS = {
    "numbers": ("models.AutoField", 5),
    "texts": ("models.CharField", "five"),
    "bytes": ("models.BinaryField", b"\x05"),
}
keys_of_all_kinds = pytest.mark.parametrize("kind", KEYS)
kinds_and_sizes = pytest.mark.parametrize(("kind", "size"), [("numbers", 1), ("texts", 1000), ("bytes", 1000)])


def pair_in_a_ring(kind, **options):
    """Two models: the second one's primary key points to the first, which points back."""
    given = "".join(f", {name}={value}" for name, value in options.items())
    field = KEYS[kind][0]
    length = ", max_length=20" if kind == "texts" else ""
    return (
        (
            *("A", "models.Model", f"a_no = {field}(primary_key=True{length})", marked("a")),
            f"to_b = models.ForeignKey('B', models.CASCADE, related_name='+'{given})",
        ),
        (
            *("B", "models.Model", marked("b")),
            "b_no = models.OneToOneField('A', models.CASCADE, primary_key=True, related_name='+')",
            "only = models.OneToOneField('A', models.CASCADE, related_name='+')",
        ),
    )


@pytest.fixture(params=["bulk", "one by one"])
def heard(request):
    """Whether somebody listens to all that is written."""
    with ExitStack() as stack:
        for signal in SIGNALS.values() if request.param != "bulk" else ():
            signal.connect(_listen, weak=False)
            stack.callback(signal.disconnect, _listen)
        yield


def _listen(**told):
    pass


@both_vendors
@kinds_and_sizes
@pytest.mark.parametrize("options", [{"null": True}, {}], ids=["may be NULL", "may not"])
def test_ring_is_never_cut_at_a_primary_key(project, heard, local, kind, size, options):
    first, second = project(local, *pair_in_a_ring(kind, **options), SYNCHRO_BATCH_SIZE=size)
    key = KEYS[kind][1]
    with transaction.atomic():
        first.objects.create(pk=key, mark_a="o1", to_b_id=key)
        second.objects.create(pk=key, mark_b="o1", only_id=key)

    report = synchronize()

    assert (report.failures, report.created) == ([], 2)
    there = first.objects.using("remote").get()
    assert there.to_b.b_no == there.to_b.only == there
    assert not synchronize().changed


@both_vendors
@keys_of_all_kinds
def test_what_a_delete_would_take_along_brings_a_ring_with_it(project, heard, local, kind):
    first, second, gone, moved = project(
        local,
        *pair_in_a_ring(kind, null=True),
        ("C", "models.Model", marked("c")),
        (
            *("D", "models.Model", marked("d")),
            "to_c = models.ForeignKey('C', models.CASCADE, null=True, related_name='+')",
            "to_a = models.ForeignKey('A', models.CASCADE, null=True, related_name='+')",
        ),
    )
    moved.objects.create(to_c=gone.objects.create())
    synchronize()
    key = KEYS[kind][1]
    with synchro_paused():
        first.objects.create(pk=key, mark_a="o1")
        second.objects.create(pk=key, mark_b="o1", only_id=key)
        first.objects.update(to_b_id=key)
        moved.objects.update(to_c=None, to_a=key)
    gone.objects.get().delete()

    report = synchronize()

    assert (report.failures, report.deleted) == ([], 1)
    there = moved.objects.using("remote").get().to_a
    assert there.to_b.b_no == there.to_b.only == there


@both_vendors
@kinds_and_sizes
def test_primary_key_that_moves_in_a_ring_hands_a_unique_reference_over(project, heard, local, kind, size):
    first, second = project(local, *pair_in_a_ring(kind, null=True), SYNCHRO_BATCH_SIZE=size)
    key, other = KEYS[kind][1], 2 * KEYS[kind][1]
    for each in (key, other):
        first.objects.create(pk=each)
    second.objects.create(pk=key, mark_b="o1", only_id=key)
    first.objects.update(to_b_id=key)
    synchronize()

    with transaction.atomic():
        second.objects.update(b_no=other)
        first.objects.update(to_b_id=other)
    report = synchronize()

    assert report.failures == []
    moved = second.objects.using("remote").get()
    assert moved.b_no != moved.only
    assert {each.to_b for each in first.objects.using("remote").all()} == {moved}
    assert not synchronize().changed
