"""Children with a key of their own, of which something cannot be read: that is told of them, and stops no other."""

from __future__ import annotations

import pytest

from synchro_triggers import compare, synchro_paused, synchronize
from tests.shapefuzz.test_found import both_vendors, marked
from tests.shapefuzz.writing import execute

GARBAGE = {"sqlite": "yesterday", "postgres": "infinity"}


@both_vendors
@pytest.mark.parametrize("size", [1, 1000])
@pytest.mark.parametrize("garbled", ["b_no", "v_b"])
def test_child_with_a_key_of_its_own(project, heard, local, size, garbled):
    parent, child = project(
        local,
        ("A", "models.Model", marked("a")),
        (
            *("B", "A", "b_no = models.DateTimeField(primary_key=True)"),
            "a_ptr = models.OneToOneField(A, models.CASCADE, parent_link=True)",
            *(marked("b"), "v_b = models.DateTimeField(null=True)"),
        ),
        SYNCHRO_BATCH_SIZE=size,
    )
    for number in (1, 2, 3):
        child.objects.create(mark_a=f"o{number}", mark_b=f"o{number}", b_no=f"2024-01-0{number} 12:00Z")
    execute("default", f"UPDATE shapefuzz_b SET {garbled} = %s WHERE mark_b = 'o2'", [GARBAGE[local]])

    report = synchronize()

    # Of what was logged with the key that could be read, LOCAL has no row any more.
    assert {each.model for each in report.failures} == {"shapefuzz.A", "shapefuzz.B"}
    assert all("cannot be read on 'default'" in each.error for each in report.failures), report.failures
    assert sorted(row.mark_b for row in child.objects.using("remote")) == ["o1", "o3"]
    assert parent.objects.using("remote").count() == 2
    report = compare()
    assert sorted((each.model, each.only, each.state) for each in report.differences) == [
        ("shapefuzz.A", "local", "kept"),
        ("shapefuzz.B", "local", "kept"),
    ]
    assert [counts.equal for counts in report.models["remote"].values()] == [2, 2]


@both_vendors
def test_link_that_has_led_to_a_key_that_cannot_be_read_explains_no_other(project, local):
    """Links that are gone are told of by the ends that the log has kept."""
    target, linked = project(
        local,
        ("A", "models.Model", "a_no = models.DateTimeField(primary_key=True)", marked("a")),
        ("B", "models.Model", marked("b"), "m_b = models.ManyToManyField('A', related_name='+')"),
    )
    owner = linked.objects.create(mark_b="o1")
    for day in (1, 2):
        owner.m_b.add(target.objects.create(pk=f"2024-01-0{day} 12:00Z", mark_a=f"o{day}"))
    synchronize()
    with synchro_paused():
        execute("default", "INSERT INTO shapefuzz_a (a_no, mark_a) VALUES (%s, 'odd')", [GARBAGE[local]])
        execute("default", "INSERT INTO shapefuzz_b_m_b (b_id, a_id) VALUES (1, %s)", [GARBAGE[local]])
    execute("default", "DELETE FROM shapefuzz_b_m_b WHERE a_id = %s", [GARBAGE[local]])
    owner.m_b.remove(target.objects.get(mark_a="o2"))

    report = compare()

    assert [(each.model, each.only, each.state) for each in report.differences] == [
        ("shapefuzz.A", "local", "differs"),
        ("shapefuzz.B_m_b", "remote", "pending"),
    ]
