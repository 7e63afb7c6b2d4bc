"""Objects that are to be linked, and whose natural keys lead to what is not there any more."""

from __future__ import annotations

import pytest
from django.core.management import call_command

from synchro_triggers import synchro_paused, synchronize
from tests.shapefuzz.test_found import both_vendors, marked
from tests.shapefuzz.writing import delete

TO_A = "r_b = models.ForeignKey('A', models.CASCADE, db_constraint=False, related_name='+')"
NAMED = ("BY_HAND = ('u_b', 'r_b')", "def natural_key(self):\n    return (self.u_b, self.r_b)")
WAYS = {
    "model": ("NaturalKeyModel", "_natural_key = ('u_b', 'r_b')"),
    "path": ("NaturalKeyModel", "_natural_key = ('u_b', 'r_b__mark_a')"),
    "methods": ("models.Model", "objects = NaturalManager('u_b', 'r_b')", *NAMED),
    "by hand": ("models.Model", "objects = KeyedByHand()", *NAMED),
    "option": ("models.Model",),
}


@both_vendors
@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("there", [True, False])
def test_one_whose_natural_key_leads_nowhere_holds_up_no_other(project, local, way, there):
    base, *lines = WAYS[way]
    options = {"SYNCHRO_OPTIONS": {"shapefuzz.B": {"natural_key": ("u_b", "r_b")}}} if way == "option" else {}
    target, model = project(
        local,
        ("A", "models.Model", "a_no = models.CharField(max_length=20, primary_key=True)", marked("a")),
        ("B", base, marked("b"), "u_b = models.IntegerField(default=0)", TO_A, *lines),
        **options,
    )
    for alias in ("default", "remote"):
        with synchro_paused(using=alias):
            for name in ("o1", "o2") if there or alias == "default" else ("o2",):
                made = target.objects.using(alias).create(a_no=name, mark_a=name)
                model._base_manager.using(alias).create(mark_b=name, r_b=made)
    with synchro_paused():
        delete("default", target, "o1")

    call_command("synchro_link", verbosity=0)

    model._base_manager.filter(mark_b="o2").update(mark_b="changed")
    report = synchronize()
    assert (report.failures, report.created, report.updated) == ([], 0, 1)
    marks = sorted(row.mark_b for row in model._base_manager.using("remote"))
    assert marks == ["changed", "o1"][: 1 + there]
