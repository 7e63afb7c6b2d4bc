"""The row of an object that LOCAL has deleted, and the natural key of another one, whose own row the remote deleted."""

from __future__ import annotations

import pytest
from django.core.management import call_command

from synchro_triggers import synchro_paused, synchronize
from tests.shapefuzz.test_found import both_vendors, marked

KINDS = ["automatic", "own", "kept", "linked", "own, without a reference", "kept, without a reference"]
NATURAL = ["a NULL that both have", "handed round there"]


@pytest.fixture
def twins(project, local, kind, natural, winner):
    """The model of two objects that both sides have: of one natural key, which is NULL, or of two."""
    kept = {"SYNCHRO_OPTIONS": {"shapefuzz.A": {"identity": "pk"}}} if kind.startswith("kept") else {}
    key = f"no = models.{'Integer' if kind.startswith('own') else 'Auto'}Field(primary_key=True)"
    [model, _] = project(
        local,
        ("A", "NaturalKeyModel", key, marked("a"), "u_a = models.IntegerField(null=True)", "_natural_key = ('u_a',)"),
        ("B", "models.Model", marked("b"), "to_a = models.ForeignKey('A', models.PROTECT)"),
        SYNCHRO_CONFLICT=winner,
        **kept,
    )
    values = (None, None) if natural == "a NULL that both have" else (1, 2)
    made = [model(no=number, mark_a=f"o{number}", u_a=value) for number, value in enumerate(values, 1)]
    if kind == "linked" or kind.endswith("without a reference"):
        for alias in ("default", "remote"):
            with synchro_paused(using=alias):
                model.objects.using(alias).bulk_create(made)
        if kind == "linked":
            call_command("synchro_link", verbosity=0)
    else:
        model.objects.bulk_create(made)
        assert synchronize().created == 2
    return model


@pytest.fixture
def winner():
    return "local"


def _delete_one_and_hand_its_natural_key_to_the_other(model):
    there = model.objects.using("remote")
    there.filter(no=2).delete()
    value = model.objects.get(no=2).u_a
    there.exclude(u_a=value).update(u_a=value)


@both_vendors
@pytest.mark.parametrize("natural", NATURAL)
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("is_logged", [True, False])
def test_row_goes_though_it_has_the_natural_key_of_another_object_that_had_a_row_of_its_own(
    twins, heard, kind, natural, is_logged
):
    if is_logged:
        _delete_one_and_hand_its_natural_key_to_the_other(twins)
    else:
        with synchro_paused(using="remote"):
            _delete_one_and_hand_its_natural_key_to_the_other(twins)
    twins.objects.get(no=1).delete()

    report = synchronize()

    # Without references, the natural key says that the row has been the other object's all the time.
    is_others = kind.endswith("without a reference") and natural == "handed round there"
    told = ["handed on"] if is_others else []
    if is_logged and not is_others and natural == "handed round there":
        told = ["local won"]
    assert report.failures == []
    assert [str(remark.kind) for remark in report.remarks] == told
    assert report.deleted == (0 if is_others else 1)
    assert twins.objects.using("remote").count() == (1 if is_others else 0)
    assert [row.no for row in twins.objects.all()] == [2]


@both_vendors
@pytest.mark.parametrize("natural", NATURAL)
@pytest.mark.parametrize("kind", KINDS)
def test_row_is_of_the_object_that_has_only_changed_its_number(twins, heard, kind, natural, project):
    hanging = twins._meta.apps.get_model("shapefuzz", "B")
    for alias in ("default", "remote"):
        with synchro_paused(using=alias):
            twins.objects.using(alias).filter(no=2).delete()
    hanging.objects.using("remote").create(mark_b="R1", to_a_id=1)
    value = twins.objects.get().u_a
    twins.objects.all().delete()
    twins.objects.create(no=7, mark_a="o1, renumbered", u_a=value)

    report = synchronize()

    assert (report.failures, report.deleted) == ([], 0)
    assert [(row.no, row.mark_a) for row in twins.objects.using("remote").all()] == [(1, "o1, renumbered")]


@both_vendors
@pytest.mark.parametrize("natural", ["a NULL that both have"])
@pytest.mark.parametrize("kind", KINDS[:4])
@pytest.mark.parametrize("winner", ["local", "remote"])
@pytest.mark.parametrize("first", ["deleted", "changed"])
def test_row_goes_and_is_not_that_of_another_object_which_local_has_changed(twins, heard, kind, natural, winner, first):
    _delete_one_and_hand_its_natural_key_to_the_other(twins)
    if first == "changed":
        twins.objects.filter(no=2).update(mark_a="o2, changed")
    twins.objects.get(no=1).delete()
    if first == "deleted":
        twins.objects.update(mark_a="o2, changed")

    report = synchronize()

    assert report.failures == []
    assert [(str(each.kind), each.key) for each in report.remarks if each.key == "2"] == [(f"{winner} won", "2")]
    assert report.deleted == 1
    there = [row.mark_a for row in twins.objects.using("remote").all()]
    assert there == (["o2, changed"] if winner == "local" else [])
