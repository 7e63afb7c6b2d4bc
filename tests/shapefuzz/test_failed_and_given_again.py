"""A number whose object has failed and went past the log, and that was given to another object since."""

from __future__ import annotations

import pytest

from synchro_triggers import synchro_paused, synchronize
from synchro_triggers.replay import synchronizing
from tests.shapefuzz.test_found import both_vendors, marked


@both_vendors
@pytest.mark.parametrize("size", [1, 1000])
@pytest.mark.parametrize("again", [False, True])
def test_the_other_one_is_made_once_while_the_failure_waits(project, local, size, again):
    parent, child = project(
        local,
        ("A", "models.Model", marked("a"), "u_a = models.IntegerField(null=True, unique=True)"),
        ("B", "A", marked("b"), "to_a = models.ForeignKey('A', models.CASCADE, related_name='+')"),
        SYNCHRO_BATCH_SIZE=size,
    )
    parent.objects.using("remote").create(pk=100, mark_a="R1", u_a=7)
    first = parent.objects.create(pk=1, mark_a="o1", u_a=7)
    if again:
        parent.objects.create(pk=2, mark_a="o2")
        synchronize()
        with synchro_paused():
            parent.objects.get(pk=2).delete()
    child.objects.create(pk=2, mark_a="o3", mark_b="o3", to_a=first)
    while not synchronize().waiting:
        pass
    with synchro_paused():
        parent.objects.get(pk=2).delete()
    parent.objects.create(pk=2, mark_a="o4")
    reports = [synchronize()]
    parent.objects.filter(pk=2).update(u_a=8)

    reports += [synchronize(), synchronizing.retry_failures("remote")]

    assert sum(report.created for report in reports) == 1
    old = [("o2", None)] if again else []  # which nothing says is gone
    there = parent.objects.using("remote").values_list("mark_a", "u_a")
    assert sorted(there) == [("R1", 7), *old, ("o4", 8)]
