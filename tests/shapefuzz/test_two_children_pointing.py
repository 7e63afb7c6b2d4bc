"""An object that is two children at once: each of them points somewhere, past what its other child's table says."""

from __future__ import annotations

import pytest
from django.core.management import call_command
from django.db import transaction

from synchro_triggers import synchro_paused, synchronize
from tests.replay.hearing import receiving
from tests.shapefuzz.test_found import both_vendors, marked
from tests.shapefuzz.writing import delete

PARENT = ("A", "models.Model", "a_no = models.AutoField(primary_key=True)", marked("a"))
LINK = "a_ptr = models.OneToOneField('A', models.CASCADE, parent_link=True)"
KEYS = {"the parent's key": [], "a number of its own": ["c_no = models.AutoField(primary_key=True)", LINK]}
POINTERS = {
    **{
        name: [f"to_t = models.ForeignKey('T', models.{name}, null=True, default=None, related_name='+')"]
        for name in ("SET_NULL", "SET_DEFAULT", "CASCADE", "PROTECT", "RESTRICT", "DO_NOTHING")
    },
    "generic": [
        "object_id = models.CharField(max_length=60)",
        "content_type = models.ForeignKey(ContentType, models.CASCADE)",
        "to_t = GenericForeignKey()",
    ],
}


@both_vendors
@pytest.mark.parametrize("pointer", POINTERS)
@pytest.mark.parametrize("key", KEYS)
@pytest.mark.parametrize("pointing", ["B", "C"])
@pytest.mark.parametrize("size", [1, 1000])
def test_what_either_child_points_to_is_who_has_the_number_now(project, local, heard, pointer, key, pointing, size):
    target, parent, *children = project(
        local,
        ("T", "models.Model", marked("t")),
        PARENT,
        *(
            (name, "A", marked(name.lower()), *lines, *(POINTERS[pointer] if name == pointing else ()))
            for name, lines in (("B", ()), ("C", KEYS[key]))
        ),
        SYNCHRO_BATCH_SIZE=size,
    )
    for number in range(3):  # so that numbers are others there
        target.objects.using("remote").create(mark_t=f"R{number}")
    parent.objects.using("remote").create(mark_a="R1")
    parent.objects.create(pk=5, mark_a="o2")
    for child in children:
        to_t = {"to_t": target.objects.create(pk=1, mark_t="o1")} if child.__name__ == pointing else {}
        values = {f"mark_{child.__name__.lower()}": "o2", **to_t}
        child(a_ptr_id=5, mark_a="o2", **values).save_base(raw=True, force_insert=True)
    synchronize()
    with transaction.atomic():  # whose foreign key is looked at in the end
        delete("default", target, 1)
        target.objects.create(pk=1, mark_t="o3")

    report = synchronize()

    assert report.failures == []
    new = target.objects.using("remote").get(pk__gt=3)
    assert new.mark_t == "o3"
    for child in children:
        row = child.objects.using("remote").get()
        assert (row.mark_a, getattr(row, f"mark_{child.__name__.lower()}")) == ("o2", "o2")
        if child.__name__ == pointing:
            assert str(row.object_id if pointer == "generic" else row.to_t_id) == str(new.pk)
    assert not synchronize().changed


@both_vendors
@pytest.mark.parametrize("pointer", POINTERS)
@pytest.mark.parametrize("pointing", ["B", "C"])
@pytest.mark.parametrize("changed", ["A", "B", "C"])
@pytest.mark.parametrize("size", [1, 1000])
def test_either_child_points_elsewhere_while_what_it_is_waits_for_its_turn(
    project, local, heard, pointer, pointing, changed, size
):
    target, *tables = project(
        local,
        ("T", "models.Model", marked("t")),
        PARENT,
        *((name, "A", marked(name.lower()), *(POINTERS[pointer] if name == pointing else ())) for name in "BC"),
        SYNCHRO_BATCH_SIZE=size,
    )
    parent, *children = tables
    target.objects.using("remote").create(mark_t="R1")  # so that numbers are others there
    parent.objects.create(pk=5, mark_a="o2")
    for child in children:
        to_t = {"to_t": target.objects.create(pk=1, mark_t="o1")} if child.__name__ == pointing else {}
        values = {f"mark_{child.__name__.lower()}": "o2", **to_t}
        child(a_ptr_id=5, mark_a="o2", **values).save_base(raw=True, force_insert=True)
    synchronize()
    with transaction.atomic():  # whose foreign key is looked at in the end
        delete("default", target, 1)
        target.objects.create(pk=1, mark_t="o3")
        table = next(each for each in tables if each.__name__ == changed)
        table.objects.update(**{f"mark_{changed.lower()}": "o4"})

    report = synchronize()

    assert report.failures == []
    new = target.objects.using("remote").get(mark_t="o3")
    for table in tables:
        row, name = table.objects.using("remote").get(), table.__name__
        assert getattr(row, f"mark_{name.lower()}") == ("o4" if name == changed else "o2")
        if name == pointing:
            assert str(row.object_id if pointer == "generic" else row.to_t_id) == str(new.pk)
    assert not synchronize().changed


@both_vendors
@pytest.mark.parametrize("key", KEYS)
@pytest.mark.parametrize("pointed", ["A", "B", "C"])
@pytest.mark.parametrize("size", [1, 1000])
@pytest.mark.parametrize("listed", ["all", "only what points to it"])
def test_both_children_come_along(project, local, heard, key, pointed, size, listed):
    parent, *children, pointing = project(
        local,
        PARENT,
        *((name, "A", marked(name.lower()), *lines) for name, lines in (("B", ()), ("C", KEYS[key]))),
        ("D", "models.Model", marked("d"), f"to_t = models.ForeignKey('{pointed}', models.CASCADE, related_name='+')"),
        SYNCHRO_BATCH_SIZE=size,
        **({} if listed == "all" else {"SYNCHRO_MODELS": ["shapefuzz.D"]}),
    )
    with synchro_paused():
        parent.objects.create(pk=5, mark_a="o2")  # whose number is another one there
        for child in children:
            values = {f"mark_{child.__name__.lower()}": "o2"}
            child(a_ptr_id=5, mark_a="o2", **values).save_base(raw=True, force_insert=True)
    to_t = next(each for each in (parent, *children) if each.__name__ == pointed).objects.get()
    pointing.objects.create(mark_d="o3", to_t=to_t)

    report = synchronize()

    assert report.failures == []
    assert pointing.objects.using("remote").get().to_t.mark_a == "o2"
    for child in children:
        row = child.objects.using("remote").get()
        assert (row.mark_a, getattr(row, f"mark_{child.__name__.lower()}")) == ("o2", "o2")
    assert not synchronize().changed


@both_vendors
@pytest.mark.parametrize("size", [1, 1000])
def test_natural_key_leads_through_either_child(project, local, heard, size):
    lines = "def natural_key(self):\n    return (self.to_t,)"
    parent, *children, keyed = project(
        local,
        PARENT,
        *((name, "A", marked(name.lower())) for name in "BC"),
        (
            *(
                "X",
                "models.Model",
                marked("x"),
                "to_t = models.ForeignKey('B', models.CASCADE, related_name='+')",
                lines,
            ),
            *("objects = KeyedByHand()", "BY_HAND = ('to_t',)"),
        ),
        SYNCHRO_BATCH_SIZE=size,
    )
    parent.objects.using("remote").create(mark_a="R1")  # so that numbers are others there
    parent.objects.create(pk=5, mark_a="o2")
    for child in children:
        values = {f"mark_{child.__name__.lower()}": "o2"}
        child(a_ptr_id=5, mark_a="o2", **values).save_base(raw=True, force_insert=True)
    first = keyed.objects.create(mark_x="o3", to_t_id=5)
    synchronize()
    delete("default", keyed, first.pk)

    report = synchronize()

    assert report.failures == []
    assert not keyed.objects.using("remote").exists()
    assert not synchronize().changed


@both_vendors
@pytest.mark.parametrize("name", ["B", "C"])
@pytest.mark.parametrize("size", [1, 1000])
def test_dry_run_sees_that_either_child_gives_a_unique_value_up(project, local, heard, name, size):
    parent, *children = project(
        local,
        PARENT,
        *(
            (each, "A", marked(each.lower()), *(["u = models.IntegerField(unique=True)"] if each == name else ()))
            for each in "BC"
        ),
        SYNCHRO_BATCH_SIZE=size,
    )
    giving = next(each for each in children if each.__name__ == name)
    parent.objects.create(pk=5, mark_a="o2")
    for child in children:
        values = {f"mark_{child.__name__.lower()}": "o2", **({"u": 1} if child is giving else {})}
        child(a_ptr_id=5, mark_a="o2", **values).save_base(raw=True, force_insert=True)
    synchronize()
    giving.objects.update(u=2)
    giving.objects.create(mark_a="o3", u=1)

    for dry_run in (True, False):
        report = synchronize(dry_run=dry_run)
        assert (report.failures, report.created, report.updated) == ([], 1, 1)


@both_vendors
@pytest.mark.parametrize("key", KEYS)
@pytest.mark.parametrize("order", ["BC", "CB"])
@pytest.mark.parametrize("size", [1, 1000])
@pytest.mark.parametrize("listed", ["all", "only what points to it"])
def test_what_points_to_both_children_arrives(project, local, heard, key, order, size, listed):
    parent, *children, pointing = project(
        local,
        PARENT,
        *((name, "A", marked(name.lower()), *lines) for name, lines in (("B", ()), ("C", KEYS[key]))),
        (
            *("D", "models.Model", marked("d")),
            *(f"to_{name} = models.ForeignKey('{name}', models.CASCADE, related_name='+')" for name in order),
        ),
        SYNCHRO_BATCH_SIZE=size,
        **({} if listed == "all" else {"SYNCHRO_MODELS": ["shapefuzz.D"]}),
    )
    _two_children_past_the_log(parent, children)
    pointing.objects.create(mark_d="o3", **{f"to_{each.__name__}": each.objects.get() for each in children})

    report = synchronize()

    assert report.failures == []
    there = pointing.objects.using("remote").get()
    for child in children:
        row = child.objects.using("remote").get()
        assert (row.mark_a, getattr(row, f"mark_{child.__name__.lower()}")) == ("o2", "o2")
        assert getattr(there, f"to_{child.__name__}") == row
    assert parent.objects.using("remote").count() == 1
    assert not synchronize().changed


TO_C = {
    "nullable": ["to_C = models.ForeignKey('C', models.SET_NULL, null=True, related_name='+')"],
    "unconstrained": ["to_C = models.ForeignKey('C', models.DO_NOTHING, db_constraint=False, related_name='+')"],
    "generic": [
        "object_id = models.CharField(max_length=60)",
        "content_type = models.ForeignKey(ContentType, models.CASCADE)",
        "to_C = GenericForeignKey()",
    ],
    "links": ["to_C = models.ManyToManyField('C', related_name='+')"],
    "another object": ["to_C = models.ForeignKey('C', models.CASCADE, null=True, related_name='+')"],
}


def _two_children_past_the_log(parent, children):
    with synchro_paused():
        parent.objects.create(pk=5, mark_a="o2")  # whose number is another one there
        for child in children:
            values = {f"mark_{child.__name__.lower()}": "o2"}
            child(a_ptr_id=5, mark_a="o2", **values).save_base(raw=True, force_insert=True)


@both_vendors
@pytest.mark.parametrize("way", TO_C)
@pytest.mark.parametrize("size", [1, 1000])
def test_what_points_to_the_second_child_in_another_way_arrives(project, local, heard, way, size):
    parent, *children, pointing = project(
        local,
        PARENT,
        *((name, "A", marked(name.lower())) for name in "BC"),
        ("D", "models.Model", marked("d"), "to_B = models.ForeignKey('B', models.CASCADE, null=True)", *TO_C[way]),
        SYNCHRO_BATCH_SIZE=size,
    )
    _two_children_past_the_log(parent, children)
    to_b, to_c = (child.objects.get() for child in children)
    if way == "another object":
        with transaction.atomic():
            pointing.objects.bulk_create([pointing(mark_d="o3", to_B=to_b), pointing(mark_d="o4", to_C=to_c)])
    elif way == "links":
        pointing.objects.create(mark_d="o3", to_B=to_b).to_C.add(to_c)
    else:
        pointing.objects.create(mark_d="o3", to_B=to_b, to_C=to_c)

    report = synchronize()

    assert report.failures == []
    for child in children:
        row = child.objects.using("remote").get()
        assert (row.mark_a, getattr(row, f"mark_{child.__name__.lower()}")) == ("o2", "o2")
    assert pointing.objects.using("remote").get(mark_d="o3").to_B == children[0].objects.using("remote").get()
    other = pointing.objects.using("remote").get(mark_d="o4" if way == "another object" else "o3")
    assert (other.to_C.get() if way == "links" else other.to_C) == children[1].objects.using("remote").get()
    assert not synchronize().changed


@both_vendors
@pytest.mark.parametrize("refused", ["B", "C"])
@pytest.mark.parametrize("size", [1, 1000])
def test_what_points_to_both_children_waits_for_either_and_leaves_the_other(project, local, refused, size):
    parent, *children, pointing = project(
        local,
        PARENT,
        *((name, "A", marked(name.lower())) for name in "BC"),
        (
            *("D", "models.Model", marked("d")),
            *(f"to_{name} = models.ForeignKey('{name}', models.CASCADE, related_name='+')" for name in "BC"),
        ),
        SYNCHRO_BATCH_SIZE=size,
    )
    _two_children_past_the_log(parent, children)
    pointing.objects.create(mark_d="o3", to_B_id=5, to_C_id=5)

    def refuse(instance, using, **told):
        if using == "remote":
            raise ValueError("it is not made")

    with receiving("pre_save", next(each for each in children if each.__name__ == refused), refuse):
        report = synchronize()

    assert {"shapefuzz.D"} <= {each.model for each in report.failures} <= {"shapefuzz.D", f"shapefuzz.{refused}"}
    assert all("it is not made" in each.error for each in report.failures)
    assert not pointing.objects.using("remote").exists()
    call_command("synchro_failures", "--retry", verbosity=0)
    assert synchronize().failures == []
    there = pointing.objects.using("remote").get()
    assert (there.to_B.mark_b, there.to_C.mark_c) == ("o2", "o2")
    assert parent.objects.using("remote").count() == 1
    assert not synchronize().changed
