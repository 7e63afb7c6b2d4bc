"""An object that is two children at once: what becomes of one child when the other is gone with their parent's row."""

from __future__ import annotations

import pytest
from django.db import transaction

from synchro_triggers import synchronize
from tests.shapefuzz.test_found import both_vendors, marked
from tests.shapefuzz.writing import delete

PARENT = ("A", "models.Model", "a_no = models.AutoField(primary_key=True)", marked("a"))
LINK = "a_ptr = models.OneToOneField('A', models.CASCADE, parent_link=True)"
STAYING = {
    "the parent's key": ("B", "A", marked("b")),
    "a key of its own": ("B", "A", "b_no = models.CharField(max_length=9, primary_key=True)", LINK, marked("b")),
    "a number of its own": ("B", "A", "b_no = models.AutoField(primary_key=True)", LINK, marked("b")),
}
CHILD = {
    "the parent's key": ("C", "A", marked("c")),
    "a number of its own": ("C", "A", "c_no = models.AutoField(primary_key=True)", LINK, marked("c")),
}


@both_vendors
@pytest.mark.parametrize("staying", STAYING)
@pytest.mark.parametrize("going", CHILD)
@pytest.mark.parametrize("size", [1, 1000])
def test_child_that_is_gone_goes_where_the_other_one_stays_with_the_number(project, local, heard, staying, going, size):
    parent, other, child = project(local, PARENT, STAYING[staying], CHILD[going], SYNCHRO_BATCH_SIZE=size)
    parent.objects.using("remote").create(mark_a="R1")  # so that numbers are others there
    gone = child.objects.create(a_no=4, mark_a="o1", mark_c="o1")
    key = {"b_no": "x"} if staying == "a key of its own" else {}
    other(a_ptr_id=gone.a_no, mark_b="o2", **key).save_base(raw=True, force_insert=True)
    synchronize()
    with transaction.atomic():  # past the other child's row
        delete("default", child, gone.pk)
        delete("default", parent, gone.a_no)
        parent(pk=gone.a_no, mark_a="o3").save_base(raw=True, force_insert=True)

    report = synchronize()

    assert report.failures == []
    assert not child.objects.using("remote").exists()
    assert list(other.objects.using("remote").values_list("mark_a", "mark_b")) == [("o3", "o2")]
    assert sorted(parent.objects.using("remote").values_list("mark_a", flat=True)) == ["R1", "o3"]
    assert not synchronize().changed


@both_vendors
@pytest.mark.parametrize("staying", STAYING)
@pytest.mark.parametrize("beside", CHILD)
@pytest.mark.parametrize("size", [1, 1000])
def test_both_children_stay_with_the_number(project, local, heard, staying, beside, size):
    parent, other, child, hanging = project(
        local,
        PARENT,
        STAYING[staying],
        CHILD[beside],
        ("D", "models.Model", marked("d"), "to_c = models.ForeignKey('C', models.CASCADE)"),
        SYNCHRO_BATCH_SIZE=size,
    )
    parent.objects.using("remote").create(mark_a="R1")  # so that numbers are others there
    made = child.objects.create(a_no=4, mark_a="o1", mark_c="o1")
    key = {"b_no": "x"} if staying == "a key of its own" else {}
    other(a_ptr_id=made.a_no, mark_b="o2", **key).save_base(raw=True, force_insert=True)
    synchronize()
    hanging.objects.using("remote").create(mark_d="R2", to_c=child.objects.using("remote").get())
    with transaction.atomic():  # past the rows of both children
        delete("default", parent, made.a_no)
        parent(pk=made.a_no, mark_a="o3").save_base(raw=True, force_insert=True)

    report = synchronize()

    assert report.failures == []
    assert list(child.objects.using("remote").values_list("mark_a", "mark_c")) == [("o3", "o1")]
    assert list(other.objects.using("remote").values_list("mark_a", "mark_b")) == [("o3", "o2")]
    assert sorted(parent.objects.using("remote").values_list("mark_a", flat=True)) == ["R1", "o3"]
    assert not synchronize().changed


NAMED = (*PARENT, "u_a = models.CharField(max_length=20, unique=True)", "m_a = models.ManyToManyField('T')")
NATURAL = {"SYNCHRO_OPTIONS": {"shapefuzz.A": {"natural_key": ("u_a",)}}}


@both_vendors
@pytest.mark.parametrize("staying", ["a key of its own", "a number of its own"])
@pytest.mark.parametrize("size", [1, 1000])
@pytest.mark.parametrize("first", ["the child", "the other one"])
def test_child_that_has_gone_to_another_parent_does_not_go_with_the_row_of_its_former(
    project, local, heard, staying, size, first
):
    _, parent, child, hanging = project(
        local,
        ("T", "models.Model", marked("t")),
        NAMED,
        STAYING[staying],
        ("D", "models.Model", marked("d"), "to_b = models.ForeignKey('B', models.CASCADE)"),
        SYNCHRO_BATCH_SIZE=size,
        **NATURAL,
    )
    parent.objects.using("remote").create(mark_a="R1", u_a="R1")  # so that numbers are others there
    key = {"b_no": "x"} if staying == "a key of its own" else {}
    made = child.objects.create(a_no=1, mark_a="o1", mark_b="o1", u_a="w", **key)
    synchronize()
    hanging.objects.using("remote").create(mark_d="R2", to_b=child.objects.using("remote").get())
    parent.objects.create(pk=8, mark_a="o2", u_a="v")
    if first == "the child":
        child.objects.filter(pk=made.pk).update(a_ptr_id=8)
        delete("default", parent, 1)
        parent.objects.create(pk=9, mark_a="o3", u_a="w")
    else:
        parent.objects.filter(pk=1).update(u_a="another")
        parent.objects.create(pk=9, mark_a="o3", u_a="w")
        child.objects.filter(pk=made.pk).update(a_ptr_id=8)
        delete("default", parent, 1)

    report = synchronize()

    assert report.failures == []
    assert list(child.objects.using("remote").values_list("mark_a", "mark_b")) == [("o2", "o1")]
    assert sorted(parent.objects.using("remote").values_list("mark_a", "u_a")) == [
        *[("R1", "R1"), ("o2", "v"), ("o3", "w")]
    ]
    assert [row.mark_d for row in hanging.objects.using("remote")] == ["R2"]
    assert not synchronize().changed


@both_vendors
@pytest.mark.parametrize("staying", ["a key of its own", "a number of its own"])
@pytest.mark.parametrize("size", [1, 1000])
@pytest.mark.parametrize("number", [1, 9])
def test_links_of_a_former_parent_go_where_a_child_brings_another_one_to_its_row(
    project, local, heard, staying, size, number
):
    tag, parent, child = project(
        local, ("T", "models.Model", marked("t")), NAMED, STAYING[staying], SYNCHRO_BATCH_SIZE=size, **NATURAL
    )
    parent.objects.using("remote").create(mark_a="R1", u_a="R1")  # so that numbers are others there
    key = {"b_no": "x"} if staying == "a key of its own" else {}
    made = child.objects.create(a_no=1, mark_a="o1", mark_b="o1", u_a="w", **key)
    made.m_a.add(*(tag.objects.create(mark_t=f"t{each}") for each in range(3)))
    synchronize()
    with transaction.atomic():  # whose foreign keys are looked at in the end
        made.m_a.clear()
        delete("default", parent, 1)
        parent(pk=number, mark_a="o2", u_a="w").save_base(raw=True, force_insert=True)
        parent.objects.get(pk=number).m_a.add(tag.objects.get(mark_t="t2"))
        child.objects.filter(pk=made.pk).update(a_ptr_id=number)

    report = synchronize()

    assert report.failures == []
    assert list(child.objects.using("remote").values_list("mark_a", "mark_b")) == [("o2", "o1")]
    assert sorted(parent.objects.using("remote").values_list("mark_a", flat=True)) == ["R1", "o2"]
    links = parent.m_a.through.objects.using("remote").values_list("a__mark_a", "t__mark_t")
    assert sorted(links) == [("o2", "t2")]
    assert not synchronize().changed


@both_vendors
@pytest.mark.parametrize("staying", ["a key of its own", "a number of its own"])
@pytest.mark.parametrize("size", [1, 1000])
def test_generic_key_of_a_former_parent_does_not_lead_to_whom_a_child_brings_to_its_row(
    project, local, heard, staying, size
):
    _, parent, child, pointing = project(
        local,
        ("T", "models.Model", marked("t")),
        NAMED,
        STAYING[staying],
        (
            *("D", "models.Model", marked("d"), "object_id = models.CharField(max_length=60)"),
            "content_type = models.ForeignKey(ContentType, models.CASCADE)",
            "to_a = GenericForeignKey()",
        ),
        SYNCHRO_BATCH_SIZE=size,
        **NATURAL,
    )
    parent.objects.using("remote").create(mark_a="R1", u_a="R1")  # so that numbers are others there
    key = {"b_no": "x"} if staying == "a key of its own" else {}
    made = child.objects.create(a_no=1, mark_a="o1", mark_b="o1", u_a="w", **key)
    pointing.objects.create(mark_d="o2", to_a=parent.objects.get())
    synchronize()
    with transaction.atomic():  # whose foreign keys are looked at in the end
        delete("default", parent, 1)
        parent(pk=9, mark_a="o3", u_a="w").save_base(raw=True, force_insert=True)
        child.objects.filter(pk=made.pk).update(a_ptr_id=9)

    report = synchronize()

    assert report.failures == []
    assert list(child.objects.using("remote").values_list("mark_a", "mark_b")) == [("o3", "o1")]
    assert parent.objects.using("remote").count() == 2
    assert pointing.objects.using("remote").get().to_a is None
    assert not synchronize().changed
