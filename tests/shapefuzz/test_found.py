"""What random projects have found, where the models of the other tests do not have the shape."""

from __future__ import annotations

import datetime

import pytest
from django.core.management import call_command
from django.db import transaction

from synchro_triggers import synchro_paused, synchronize
from tests.replay.hearing import receiving
from tests.shapefuzz.content import read
from tests.shapefuzz.writing import delete


def both_vendors(test):
    """Run a test on both vendors: each value of its other parameters once, all of them together with ``--whole``."""
    return pytest.mark.thinned("*")(pytest.mark.parametrize("local", ["sqlite", "postgres"])(test))


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


@both_vendors
@pytest.mark.parametrize("known", [False, True], ids=["new", "known"])
def test_parent_row_that_is_replaced_below_its_child_doubles_nothing(project, local, known):
    parent, child = project(
        local,
        ("A", "models.Model", marked("a")),
        ("B", "A", marked("b")),
        SYNCHRO_BATCH_SIZE=1,
    )
    child.objects.create(pk=7, mark_a="o1", mark_b="o2")
    if known:
        synchronize()
        child.objects.update(mark_b="o2, changed")
    with transaction.atomic():  # whose foreign key is looked at in the end
        delete("default", parent, 7)
        parent(pk=7, mark_a="o3").save_base(raw=True, force_insert=True)

    report = synchronize()

    assert report.failures == []
    assert [row.mark_a for row in parent.objects.using("remote").all()] == ["o3"]
    assert child.objects.using("remote").count() == 1
    assert not synchronize().changed


@both_vendors
def test_unique_values_handed_round_by_children_that_have_keys_of_their_own(project, local):
    parent, child = project(
        local,
        ("A", "models.Model", marked("a"), "u_a = models.CharField(max_length=20, unique=True)"),
        (
            *("B", "A", "b_no = models.UUIDField(primary_key=True, default=uuid.uuid4)"),
            *("a_ptr = models.OneToOneField(A, models.CASCADE, parent_link=True)", marked("b")),
        ),
        SYNCHRO_BATCH_SIZE=1,
    )
    parent.objects.create(mark_a="o1", u_a="one")
    for mark, value in (("o2", "two"), ("o3", "three")):
        child.objects.create(mark_a=mark, u_a=value, mark_b=mark)
    synchronize()
    for mark, value in (("o1", "spare"), ("o3", "one"), ("o2", "three"), ("o1", "two")):
        parent.objects.filter(mark_a=mark).update(u_a=value)

    report = synchronize()

    assert report.failures == []
    values = parent.objects.using("remote").order_by("mark_a").values_list("mark_a", "u_a")
    assert list(values) == [("o1", "two"), ("o2", "three"), ("o3", "one")]


@both_vendors
@pytest.mark.parametrize(
    ("on_delete", "key", "null"),
    [
        ("CASCADE", "AutoField", "null=True"),
        ("PROTECT", "DurationField", "null=False"),
        ("RESTRICT", "DurationField", "null=True"),
        ("CASCADE", "BinaryField", "null=False"),
    ],
)
def test_what_points_to_nothing_without_a_constraint_does_not_hold_a_delete_up(project, local, on_delete, key, null):
    target, pointing = project(
        local,
        ("A", "models.Model", f"a_no = models.{key}(primary_key=True)", marked("a")),
        (
            *("B", "models.Model", marked("b")),
            f"to_a = models.ForeignKey(A, models.{on_delete}, {null}, db_constraint=False, related_name='+')",
        ),
    )
    own = {"DurationField": {"a_no": datetime.timedelta(days=3)}, "BinaryField": {"a_no": b"key"}}
    gone = target.objects.create(mark_a="o1", **own.get(key, {}))
    pointing.objects.create(mark_b="o2", to_a_id=gone.pk)
    synchronize()
    there = pointing.objects.using("remote").get().to_a_id
    delete("default", target, gone.pk)

    report = synchronize()

    assert (report.failures, report.deleted) == ([], 1)
    assert not target.objects.using("remote").exists()
    assert pointing.objects.using("remote").get().to_a_id == there
    assert not synchronize().changed


@both_vendors
def test_what_points_to_nothing_by_a_generic_key_does_not_hold_a_delete_up(project, local):
    target, pointing = project(
        local,
        ("A", "models.Model", "a_no = models.TextField(primary_key=True)", marked("a"), "bs = GenericRelation('B')"),
        (
            *("B", "models.Model", marked("b"), "object_id = models.CharField(max_length=60)"),
            *("content_type = models.ForeignKey(ContentType, models.CASCADE)", "to = GenericForeignKey()"),
        ),
    )
    pointing.objects.create(mark_b="o2", to=target.objects.create(a_no="x", mark_a="o1"))
    synchronize()
    delete("default", target, "x")

    report = synchronize()

    assert (report.failures, report.deleted) == ([], 1)
    assert not target.objects.using("remote").exists()
    assert pointing.objects.using("remote").get().object_id == "x"


@both_vendors
def test_what_points_to_nothing_still_does_when_the_delete_fails(project, local):
    target, pointing = project(
        local,
        ("A", "models.Model", "a_no = models.TextField(primary_key=True)", marked("a")),
        (
            *("B", "models.Model", marked("b")),
            "to_a = models.ForeignKey(A, models.CASCADE, null=True, db_constraint=False, related_name='+')",
        ),
    )
    target.objects.create(a_no="x", mark_a="o1")
    pointing.objects.create(mark_b="o2", to_a_id="x")
    synchronize()
    delete("default", target, "x")

    def refuse(**told):
        raise ValueError("it stays")

    with receiving("pre_delete", target, refuse):
        report = synchronize()

    assert [failure.error for failure in report.failures] == ["ValueError: it stays"]
    assert pointing.objects.using("remote").get().to_a_id == "x"


@both_vendors
def test_unique_binary_values_are_swapped(project, local):
    [model] = project(local, ("A", "models.Model", marked("a"), "u_a = models.BinaryField(max_length=20, unique=True)"))
    for mark, value in (("o1", b"one"), ("o2", b"two")):
        model.objects.create(mark_a=mark, u_a=value)
    synchronize()
    for mark, value in (("o1", b"spare"), ("o2", b"one"), ("o1", b"two")):
        model.objects.filter(mark_a=mark).update(u_a=value)

    report = synchronize()

    assert report.failures == []
    values = model.objects.using("remote").order_by("mark_a").values_list("u_a", flat=True)
    assert [bytes(value) for value in values] == [b"two", b"one"]


@both_vendors
@pytest.mark.parametrize("dry_run", [False, True])
@pytest.mark.parametrize("natural", [False, True])
def test_unique_fields_may_have_any_names(project, heard, local, natural, dry_run):
    [model] = project(
        local,
        (
            *("A", "models.Model", marked("a"), "model = models.IntegerField(unique=True)"),
            "alias = models.IntegerField(unique=True)",
        ),
        SYNCHRO_OPTIONS={"shapefuzz.A": {"natural_key": ("model", "alias")}} if natural else {},
    )
    model.objects.create(mark_a="o1", model=1, alias=2)

    report = synchronize(dry_run=dry_run)

    assert (report.failures, report.created) == ([], 1)
