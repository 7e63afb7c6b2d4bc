"""What hangs, by others between, on an object that the remote has deleted: it goes too, or all of it comes back."""

from __future__ import annotations

import pytest
from django.contrib.contenttypes.models import ContentType

from synchro_triggers import synchronize
from synchro_triggers.models import Conflict
from tests.replay.hearing import later
from tests.shapefuzz.test_found import both_vendors, marked

sizes = pytest.mark.parametrize("size", [1, 2, 1000])
rules = pytest.mark.parametrize("rule", ["newest", "remote", "local"])

B = ("B", "models.Model", marked("b"), "to_a = models.ForeignKey('A', models.CASCADE)")
C = ("C", "models.Model", marked("c"), "to_b = models.ForeignKey('B', models.CASCADE)")


def deleted_there(project, local, *models, key="models.AutoField(primary_key=True)", **settings):
    """Open a project, and let both sides have an object that the remote's users will delete; return its models."""
    root, *others = project(local, ("A", "models.Model", f"a_no = {key}", marked("a")), *models, **settings)
    made = root.objects.create(mark_a="o1", pk="k1" if "Slug" in key else None)
    synchronize()
    later()
    return made, root, *others


def hanging(report):
    """Return what each remark says that hangs on A, without the key of A."""
    assert {each.model for each in report.remarks} <= {"shapefuzz.A"}
    return [each.reason.partition("on 'default': ")[2] for each in report.remarks]


def named(report):
    return {each for line in hanging(report) for each in line.partition("; ")[0].split(", ")}


def lost():
    return {(each.model_label, each.local_text or each.local_pk) for each in Conflict.objects.using("remote")}


def count(*models):
    return [model._base_manager.using("remote").count() for model in models]


@both_vendors
@sizes
@rules
@pytest.mark.parametrize("key", ["models.AutoField(primary_key=True)", "models.SlugField(primary_key=True)"])
def test_what_hangs_on_what_goes_is_named_and_on_record(project, heard, local, size, rule, key):
    made, a, b, c = deleted_there(project, local, B, C, key=key, SYNCHRO_BATCH_SIZE=size, SYNCHRO_CONFLICT=rule)
    child = b.objects.create(mark_b="o2", to_a=made)
    c.objects.create(mark_c="o3", to_b=child)
    c.objects.create(mark_c="o4", to_b=child)
    later()
    a.objects.using("remote").all().delete()

    told = synchronize(dry_run=True)
    report = synchronize()

    assert report.failures == [] and hanging(told) == hanging(report)
    if rule == "local":
        assert count(a, b, c) == [1, 1, 2]
        assert hanging(report) == ["shapefuzz.B 1; it stays (local)"]
    else:
        assert count(a, b, c) == [0, 0, 0]
        assert named(report) == {"shapefuzz.B 1", "shapefuzz.C 1", "shapefuzz.C 2"}
        assert {("shapefuzz.B", "1"), ("shapefuzz.C", "1"), ("shapefuzz.C", "2")} <= lost()
    assert not synchronize().changed


@both_vendors
@sizes
@pytest.mark.parametrize("rule", ["remote", "local", "newest"])
def test_what_comes_to_hang_later_on_what_was_left_asks_the_rule(project, heard, local, size, rule):
    made, a, b, c = deleted_there(project, local, B, C, SYNCHRO_BATCH_SIZE=size, SYNCHRO_CONFLICT=rule)
    child = b.objects.create(mark_b="o2", to_a=made)
    later()
    a.objects.using("remote").all().delete()
    synchronize()
    later()
    c.objects.create(mark_c="o3", to_b=child)

    report = synchronize()

    assert report.failures == []
    if rule == "remote":
        assert count(a, b, c) == [0, 0, 0]
        assert named(report) == {"shapefuzz.B 1", "shapefuzz.C 1"}
    else:
        assert count(a, b, c) == [1, 1, 1]
        assert [each[-8:] for each in hanging(report)] == ([] if rule == "local" else ["(newest)"])
    assert not synchronize().changed


@both_vendors
@sizes
def test_what_is_emptied_as_its_target_goes_is_named(project, heard, local, size):
    pointing = ("C", "models.Model", marked("c"), "to_b = models.ForeignKey('B', models.SET_NULL, null=True)")
    made, a, b, c = deleted_there(project, local, B, pointing, SYNCHRO_BATCH_SIZE=size, SYNCHRO_CONFLICT="remote")
    child = b.objects.create(mark_b="o2", to_a=made)
    c.objects.create(mark_c="o3", to_b=child)
    a.objects.using("remote").all().delete()

    report = synchronize()

    assert report.failures == []
    assert list(c.objects.using("remote").values_list("mark_c", "to_b")) == [("o3", None)]
    assert count(a, b) == [0, 0]
    assert named(report) == {"shapefuzz.B 1", "shapefuzz.C 1"}
    assert ("shapefuzz.C", "1") in lost()


@both_vendors
@sizes
@pytest.mark.parametrize("rule", ["remote", "local"])
def test_link_does_not_bring_back_what_its_end_hangs_on(project, heard, local, size, rule):
    tagged = ("C", "models.Model", marked("c"), "to_b = models.ManyToManyField('B')")
    made, a, b, c = deleted_there(project, local, B, tagged, SYNCHRO_BATCH_SIZE=size, SYNCHRO_CONFLICT=rule)
    child = b.objects.create(mark_b="o2", to_a=made)
    other = c.objects.create(mark_c="o3")
    a.objects.using("remote").all().delete()
    synchronize()
    if rule == "local":
        a.objects.using("remote").all().delete()
    other.to_b.add(child)

    report = synchronize()

    assert report.failures == []
    assert count(a, b, c, c.to_b.through) == ([0, 0, 1, 0] if rule == "remote" else [1, 1, 1, 1])
    if rule == "remote":
        assert hanging(report) == ["shapefuzz.B 1; it goes (remote)"]
    else:  # B was there, and has gone along with A
        assert sorted((each.model, str(each.kind)) for each in report.remarks) == [
            ("shapefuzz.A", "local won"),
            ("shapefuzz.B", "local won"),
        ]
    assert not synchronize().changed


@both_vendors
@sizes
@pytest.mark.parametrize("on_delete", ["CASCADE", "SET_NULL"])
def test_ring_of_which_one_goes(project, heard, local, size, on_delete):
    ring = (*B, f"other = models.ForeignKey('B', models.{on_delete}, null=True)")
    ring = (*ring[:3], "to_a = models.ForeignKey('A', models.CASCADE, null=True)", ring[4])
    made, a, b = deleted_there(project, local, ring, SYNCHRO_BATCH_SIZE=size, SYNCHRO_CONFLICT="remote")
    first = b.objects.create(mark_b="o2", to_a=made)
    second = b.objects.create(mark_b="o3", other=first)
    b.objects.filter(pk=first.pk).update(other=second)
    a.objects.using("remote").all().delete()

    report = synchronize()

    assert report.failures == []
    rows = list(b.objects.using("remote").values_list("mark_b", "to_a", "other"))
    assert rows == ([] if on_delete == "CASCADE" else [("o3", None, None)])
    assert a.objects.using("remote").count() == 0
    assert named(report) == {"shapefuzz.B 1", "shapefuzz.B 2"}


@both_vendors
@pytest.mark.parametrize("size", [1, 1000])
@pytest.mark.parametrize("rule", ["remote", "local", "newest"])
@pytest.mark.parametrize("moved", ["itself", "what hangs on it"])
def test_what_was_left_keeps_what_it_hangs_on_there_and_that_is_told(project, heard, local, size, rule, moved):
    goes, a, b, c = deleted_there(project, local, B, C, SYNCHRO_BATCH_SIZE=size, SYNCHRO_CONFLICT=rule)
    former = a.objects.create(mark_a="o2")
    child = b.objects.create(mark_b="o3", to_a=former)
    grandchild = c.objects.create(mark_c="o4", to_b=child)
    synchronize()
    later()
    if moved == "itself":
        b.objects.filter(pk=child.pk).update(to_a=goes)
        former.delete()
    else:
        grandchild.to_b = b.objects.create(mark_b="o5", to_a=goes)
        grandchild.save()
        child.delete()
    later()
    a.objects.using("remote").filter(mark_a="o1").delete()

    report = synchronize()

    assert report.failures == []
    remarks = {(each.model, each.key, each.reason.partition("on_delete")[1]) for each in report.remarks}
    marks = set(a.objects.using("remote").values_list("mark_a", flat=True))
    if rule == "local":
        assert remarks == {("shapefuzz.A", "1", "")}
        assert marks == ({"o1"} if moved == "itself" else {"o1", "o2"})
    else:
        left = ("shapefuzz.A", "2", "on_delete") if moved == "itself" else ("shapefuzz.B", "1", "on_delete")
        assert remarks == {("shapefuzz.A", "1", ""), left}
        assert (marks, count(b, c)) == ({"o2"}, [1, 1])
    assert not synchronize().changed


@both_vendors
@sizes
@pytest.mark.parametrize("null", [True, False])
@pytest.mark.parametrize("pointer", ["a generic key", "a column"])
def test_key_in_a_column_leads_to_nothing_where_what_it_led_to_goes(project, heard, local, size, null, pointer):
    lines = [marked("c"), f"held = models.CharField(max_length=60, null={null})"]
    options = {"shapefuzz.C": {"references": {"held": "shapefuzz.B"}}} if pointer == "a column" else {}
    if pointer == "a generic key":
        lines.append("content_type = models.ForeignKey(ContentType, models.CASCADE)")
        lines.append("to_b = GenericForeignKey('content_type', 'held')")
    made, a, b, c = deleted_there(
        *(project, local, B, ("C", "models.Model", *lines)),
        SYNCHRO_BATCH_SIZE=size,
        SYNCHRO_CONFLICT="remote",
        SYNCHRO_OPTIONS=options,
    )
    child = b.objects.create(mark_b="o2", to_a=made)
    kind = {"content_type": ContentType.objects.get_for_model(b)} if pointer == "a generic key" else {}
    c.objects.create(mark_c="o3", held=str(child.pk), **kind)
    a.objects.using("remote").all().delete()

    report = synchronize()

    assert report.failures == []
    assert count(a, b) == [0, 0]
    [(mark, held)] = c.objects.using("remote").values_list("mark_c", "held")
    assert mark == "o3" and (held is None) is null  # no delete takes it along
    assert named(report) == {"shapefuzz.B 1", "shapefuzz.C 1"}
    assert ("shapefuzz.C", "1") in lost()
    assert not synchronize().changed
