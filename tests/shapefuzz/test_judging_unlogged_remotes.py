"""The judge of random projects: a remote without triggers, of which nobody knows what its users have done."""

from __future__ import annotations

import pytest
from django.core.management import call_command

from synchro_triggers import synchronize
from tests.shapefuzz import ledger
from tests.shapefuzz.content import read
from tests.shapefuzz.oracle import Oracle, Sides
from tests.shapefuzz.plans import Project
from tests.shapefuzz.test_found import both_vendors, marked
from tests.shapefuzz.world import World
from tests.shapefuzz.writing import delete


@both_vendors
@pytest.mark.parametrize("logs", [False, True])
@pytest.mark.parametrize("leads_to", ["the object with its number", "another object", "nothing"])
def test_key_leads_to_another_object_only_where_that_has_its_targets_number_and_nobody_could_know(
    project, databases, tmp_path, local, logs, leads_to
):
    target, holder = project(
        local,
        ("A", "models.Model", marked("a")),
        (
            *("B", "models.Model", marked("b"), "r0_b = models.ForeignKey('A', models.CASCADE, null=True)"),
            "m_b = models.ManyToManyField('A', related_name='b_m')",
        ),
        SYNCHRO_CONFLICT="local",
    )
    if not logs:
        call_command("synchro_install_triggers", "--database", "remote", "--uninstall", verbosity=0)
    first = target.objects.create(mark_a="o1")
    synchronize()
    ledger.forget()
    oracle = Oracle(World(Project(0, local, local, (), logs_on_remote=logs), databases, tmp_path, {}))
    oracle.settle(Sides(read("default"), read("remote")))
    oracle.note_keys(read("default"), remote=[read("remote")])
    there = target.objects.using("remote")
    number = there.get().pk
    delete("remote", target, number)
    there.create(pk=number, mark_a="R2")
    other = there.create(pk=number + 50, mark_a="R3")
    owner = holder.objects.create(mark_b="o4", r0_b=first)
    owner.m_b.add(first)
    before = Sides(read("default"), read("remote"))

    report = synchronize()

    if leads_to != "the object with its number":
        end = other if leads_to == "another object" else None
        holder.objects.using("remote").update(r0_b=end)
    found = oracle.judge(before, Sides(read("default"), read("remote")), report, [])

    leads = holder.objects.using("remote").get().r0_b
    if leads_to == "the object with its number":
        assert leads.mark_a == ("o1" if logs else "R2")
        assert found == []
    else:
        assert any("B o4 " in each and "r0_b_id is" in each for each in found)
