"""What points to a number that was given to another object meanwhile, and of which nothing was logged."""

from __future__ import annotations

from contextlib import nullcontext, suppress

import pytest
from django.db import transaction

from synchro_triggers import synchronize
from synchro_triggers.replay.write import batch_by_batch
from tests.replay.hearing import receiving
from tests.shapefuzz.test_found import both_vendors, marked
from tests.shapefuzz.writing import delete

POINTERS = {
    "nothing is done": ["to_a = models.ForeignKey('A', models.DO_NOTHING, related_name='+')"],
    "and there is no constraint": [
        "to_a = models.ForeignKey('A', models.DO_NOTHING, related_name='+', db_constraint=False)"
    ],
    "generic": [
        "object_id = models.CharField(max_length=60)",
        "content_type = models.ForeignKey(ContentType, models.CASCADE)",
        "to_a = GenericForeignKey()",
    ],
}


@both_vendors
@pytest.mark.parametrize("pointer", POINTERS)
@pytest.mark.parametrize("observed", [False, True])
@pytest.mark.parametrize("size", [1, 1000])
def test_what_points_to_a_number_leads_to_who_has_it_now(project, local, pointer, observed, size):
    target, pointing = project(
        local,
        ("A", "models.Model", marked("a")),
        ("B", "models.Model", marked("b"), *POINTERS[pointer]),
        SYNCHRO_BATCH_SIZE=size,
    )
    for number in range(3):  # so that numbers are others there
        target.objects.using("remote").create(mark_a=f"R{number}")
    target.objects.create(pk=1, mark_a="o1")
    pointing.objects.create(mark_b="o2", to_a=target(pk=1))
    synchronize()
    with transaction.atomic():  # whose foreign key is looked at in the end
        delete("default", target, 1)
        target.objects.create(pk=1, mark_a="o3")

    with receiving("post_save", target, lambda **told: None) if observed else nullcontext():
        report = synchronize()

    assert report.failures == []
    assert target.objects.using("remote").get(pk__gt=3).mark_a == "o3"
    row = pointing.objects.using("remote").get()
    there = row.object_id if pointer == "generic" else row.to_a_id
    assert target.objects.using("remote").get(pk=there).mark_a == "o3"
    assert not synchronize().changed


@both_vendors
@pytest.mark.parametrize("pointer", ["and there is no constraint", "generic"])
@pytest.mark.parametrize("size", [1, 1000])
def test_what_points_to_a_number_leads_to_who_has_it_now_where_the_remote_has_lost_the_row(
    project, local, heard, pointer, size
):
    target, pointing = project(
        local,
        ("A", "models.Model", marked("a")),
        ("B", "models.Model", marked("b"), *POINTERS[pointer]),
        SYNCHRO_BATCH_SIZE=size,
    )
    target.objects.using("remote").create(mark_a="R1")  # so that numbers are others there
    pointing.objects.create(mark_b="o2", to_a=target.objects.create(pk=1, mark_a="o1"))
    synchronize()
    delete("remote", target, target.objects.using("remote").get(mark_a="o1").pk)
    delete("default", target, 1)
    target.objects.create(pk=1, mark_a="o3")

    report = synchronize()

    assert report.failures == []
    assert pointing.objects.using("remote").get().to_a.mark_a == "o3"
    assert not synchronize().changed


@both_vendors
def test_generic_key_whose_number_is_given_again_in_a_later_run_is_mended_by_a_full_run(project, local):
    target, pointing = project(
        local,
        ("A", "models.Model", marked("a")),
        ("B", "models.Model", marked("b"), *POINTERS["generic"]),
    )
    for number in range(3):  # so that numbers are others there
        target.objects.using("remote").create(mark_a=f"R{number}")
    pointing.objects.create(mark_b="o2", to_a=target.objects.create(pk=1, mark_a="o1"))
    synchronize()
    delete("default", target, 1)
    synchronize()
    target.objects.create(pk=1, mark_a="o3")
    synchronize()
    assert pointing.objects.using("remote").get().to_a is None

    report = synchronize(full=True)

    assert report.failures == []
    assert pointing.objects.using("remote").get().to_a.mark_a == "o3"


@both_vendors
def test_object_that_was_brought_along_by_a_run_that_dies_is_not_doubled(project, local, monkeypatch):
    target, pointing = project(
        local,
        ("A", "models.Model", marked("a")),
        ("B", "models.Model", marked("b"), *POINTERS["nothing is done"]),
        SYNCHRO_BATCH_SIZE=1,
    )
    pointing.objects.create(mark_b="o2", to_a=target.objects.create(pk=1, mark_a="o1"))
    synchronize()
    with transaction.atomic():
        delete("default", target, 1)
        target.objects.create(pk=1, mark_a="o3")
    with monkeypatch.context() as patched, suppress(KeyboardInterrupt):
        patched.setattr(batch_by_batch, "Batch", dying_in(2))
        synchronize()

    report = synchronize()

    assert report.failures == []
    assert [row.mark_a for row in target.objects.using("remote").all()] == ["o3"]
    assert pointing.objects.using("remote").get().to_a.mark_a == "o3"
    assert not synchronize().changed


def dying_in(number):
    """Return what a run applies, and dies of in the transaction of this number."""
    transactions = []

    class Dying(batch_by_batch.Batch):
        def apply(self):
            transactions.append(self)
            if len(transactions) == number:
                raise KeyboardInterrupt
            return super().apply()

    return Dying


@both_vendors
@pytest.mark.parametrize("kind", ["generic", "and there is no constraint"])
def test_number_is_given_again_where_another_key_of_what_points_there_points_nowhere(project, local, kind):
    target, pointing = project(
        local,
        ("A", "models.Model", marked("a")),
        (
            *("B", "models.Model", marked("b"), *POINTERS[kind]),
            "also_to_a = models.ForeignKey('A', models.DO_NOTHING, related_name='+')",
        ),
    )
    pointing.objects.create(mark_b="o2", also_to_a=target.objects.create(pk=1, mark_a="o1"), to_a=target(pk=8))
    synchronize()
    with transaction.atomic():  # whose foreign key is looked at in the end
        delete("default", target, 1)
        target.objects.create(pk=1, mark_a="o3")

    report = synchronize()

    assert report.failures == []
    assert [row.mark_a for row in target.objects.using("remote").all()] == ["o3"]
    assert pointing.objects.using("remote").get().also_to_a.mark_a == "o3"
    assert not synchronize().changed


@both_vendors
@pytest.mark.parametrize("size", [1, 1000])
@pytest.mark.parametrize("unique", ["OneToOneField('A', models.CASCADE, null=True)", "IntegerField(unique=True)"])
def test_unique_value_of_a_childs_row_stays_with_the_number(project, local, size, unique):
    parent, child = project(
        local,
        ("A", "models.Model", marked("a")),
        (
            *("B", "A", marked("b"), f"u_b = models.{unique}"),
            "to_b = models.OneToOneField('B', models.CASCADE, null=True, related_name='+')",
        ),
        SYNCHRO_BATCH_SIZE=size,
    )
    parent.objects.create(pk=1, mark_a="o1")
    column = child._meta.get_field("u_b").attname
    first = child.objects.create(pk=2, mark_a="o2", mark_b="o2", **{column: 1})
    child.objects.create(pk=3, mark_a="o3", mark_b="o3", to_b=first, **{column: 3})
    synchronize()
    with transaction.atomic():  # past the child's row, and what points to it
        delete("default", parent, 2)
        parent(pk=2, mark_a="o4").save_base(raw=True, force_insert=True)

    report = synchronize()

    assert report.failures == []
    there = child.objects.using("remote")
    assert sorted(there.values_list("mark_a", "mark_b", "to_b__mark_a")) == [("o3", "o3", "o4"), ("o4", "o2", None)]
    assert parent.objects.using("remote").count() == 3
    assert not synchronize().changed


@both_vendors
@pytest.mark.parametrize("size", [1, 1000])
@pytest.mark.parametrize("dies", [False, True])
def test_rows_of_all_children_stay_with_the_number(project, local, monkeypatch, size, dies):
    parent, *children = project(
        local,
        ("A", "models.Model", marked("a")),
        ("B", "A", marked("b")),
        ("C", "A", marked("c")),
        ("D", "C", marked("d")),
        SYNCHRO_BATCH_SIZE=size,
    )
    parent.objects.using("remote").create(mark_a="R1")  # so that numbers are others there
    parent.objects.create(pk=1, mark_a="o1")
    for child in children:
        child(pk=1, **{f"mark_{child.__name__.lower()}": "o2"}).save_base(raw=True, force_insert=True)
    synchronize()
    with transaction.atomic():  # past all of the children's rows
        delete("default", parent, 1)
        parent(pk=1, mark_a="o3").save_base(raw=True, force_insert=True)
    with monkeypatch.context() as patched, suppress(KeyboardInterrupt):
        if dies:
            patched.setattr(batch_by_batch, "Batch", dying_in(2))
            synchronize()

    assert synchronize(dry_run=True).failures == []
    report = synchronize()

    assert report.failures == []
    for child in children:
        name = f"mark_{child.__name__.lower()}"
        assert list(child.objects.using("remote").values_list("mark_a", name)) == [("o3", "o2")]
    assert sorted(parent.objects.using("remote").values_list("mark_a", flat=True)) == ["R1", "o3"]
    assert not synchronize().changed
