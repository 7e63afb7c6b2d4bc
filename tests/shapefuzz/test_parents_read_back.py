"""What an overridden ``save()`` of a child makes of the row of a parent with a key of its own is written again, too."""

from __future__ import annotations

from contextlib import nullcontext

import pytest

from synchro_triggers import Told, synchronize
from tests.replay.hearing import later, receiving
from tests.shapefuzz.plans import TriggerPlan
from tests.shapefuzz.remote_triggers import create_trigger
from tests.shapefuzz.test_found import both_vendors, marked

#: What ``save()`` of the child does on the remote.
WAYS = {
    "writes nothing": "if self._state.db == 'default' or self.note_a != 'changed':\n        super().save(*a, **o)",
    "before": "self.note_a = f'of {self._state.db}'\n    super().save(*a, **o)",
    "past it": (
        "super().save(*a, **o)\n    "
        "A.objects.using(self._state.db).filter(mark_a=self.mark_a).update(note_a=f'of {self._state.db}')"
    ),
    "again": "super().save(*a, **o)\n    self.note_a = f'of {self._state.db}'\n    super().save(using=self._state.db)",
}


def noted(letter):
    return marked(letter), f"note_{letter} = models.CharField(max_length=120, null=True)"


def with_a_key_of_its_own(letter, parent):
    return (
        *(letter, parent, f"{letter.lower()}_no = models.IntegerField(primary_key=True)", *noted(letter.lower())),
        f"{parent.lower()}_row = models.OneToOneField('{parent}', models.CASCADE, parent_link=True)",
    )


def with_a_number(letter):
    return letter, "models.Model", f"{letter.lower()}_no = models.AutoField(primary_key=True)", *noted(letter.lower())


A = with_a_number("A")
#: The child, Z, whose ``save()`` it is, after the parents to which it leads: A has the note.
FAMILIES = {
    "a key of its own": (A, with_a_key_of_its_own("Z", "A")),
    "two parents": (A, with_a_number("B"), ("Z", "B, A", *noted("z"))),
    "a parent's parent": (A, ("B", "A", *noted("b")), with_a_key_of_its_own("Z", "B")),
    "a parent's parent, with keys of their own": (A, with_a_key_of_its_own("B", "A"), with_a_key_of_its_own("Z", "B")),
}


@pytest.fixture
def family(project):
    """Opens a project; returns A and Z, of which LOCAL has an object whose numbers are others' on the remote."""

    def open_it(local, kind, way):
        *parents, child = FAMILIES[kind]
        models = project(local, *parents, (*child, f"def save(self, *a, **o):\n    {WAYS[way]}"))
        models[0].objects.using("remote").bulk_create([models[0](mark_a=f"R{number}") for number in range(3)])
        fields = {each.attname for each in models[-1]._meta.concrete_fields}
        values = {"z_no": 7, "b_no": 8} if kind != "two parents" else {}
        values |= {f"mark_{letter}": "o1" for letter in "abz"} | {"note_z": "z"}
        made = models[-1](**{name: value for name, value in values.items() if name in fields})
        made.save_base(force_insert=True)
        return models[0], models[-1]

    return open_it


@both_vendors
@pytest.mark.parametrize("kind", FAMILIES)
@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("heard", [False, True])
def test_what_save_makes_of_the_row_of_a_parent_with_a_key_of_its_own_is_written_again(
    project, family, local, kind, way, heard
):
    parent, child = family(local, kind, way)
    with receiving("post_save", child, lambda **told: None) if heard else nullcontext():
        reports = [synchronize()]
        later()
        parent.objects.update(note_a="changed")
        child.objects.update(note_z="changed")
        reports.append(synchronize())

    assert [(each.failures, each.remarks) for each in reports] == [([], []), ([], [])]
    assert child.objects.using("remote").values_list("mark_a", "note_a", "note_z").get() == ("o1", "changed", "changed")
    assert parent.objects.using("remote").filter(mark_a__startswith="R", note_a=None).count() == 3
    assert not synchronize().changed


@both_vendors
@pytest.mark.parametrize("kind", FAMILIES)
def test_what_something_else_makes_of_it_when_it_is_written_again_is_told(project, family, local, kind):
    _, child = family(local, kind, "before")
    create_trigger(None, TriggerPlan("A", "change"))

    report = synchronize()

    assert report.failures == []
    [remark] = report.remarks
    assert (remark.kind, remark.model) == (Told.DIFFERS, "shapefuzz.Z")
    assert "makes note_a anew" in remark.reason
    assert child.objects.using("remote").values_list("note_a", "note_z").get() == ("t:o1", "z")
