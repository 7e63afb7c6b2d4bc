"""A comparison names rows whose keys cannot be read, and sees the others, wherever such a key stands."""

from __future__ import annotations

import uuid

import pytest
from django.contrib.contenttypes.models import ContentType

from synchro_triggers import compare, synchro_paused, synchronize
from tests.shapefuzz.test_found import both_vendors, marked
from tests.shapefuzz.writing import execute

GARBLED = {
    "sqlite": {"DateTimeField": ("0000", "yesterday"), "DateField": ("0000", "soon"), "DecimalField": ("", "a lot")},
    "postgres": {
        "DateTimeField": ("-infinity", "infinity"),
        "DateField": ("-infinity", "infinity"),
        "DecimalField": ("NaN", "NaN"),
    },
}
FINE = {"DateTimeField": "2024-01-15 12:00:00", "DateField": "2024-01-15", "DecimalField": "7"}


@both_vendors
@pytest.mark.parametrize("kind", FINE)
@pytest.mark.parametrize("at", [0, 1])
@pytest.mark.parametrize("alias", ["default", "remote"])
def test_key_that_cannot_be_read_hides_nothing(project, local, kind, at, alias):
    digits = "max_digits=8, decimal_places=2, " * (kind == "DecimalField")
    project(local, ("A", "models.Model", f"a_no = models.{kind}({digits}primary_key=True)", marked("a")), USE_TZ=False)
    rows = [("default", FINE[kind], "here"), ("remote", FINE[kind], "there"), (alias, GARBLED[local][kind][at], "odd")]
    for each, key, mark in rows:
        with synchro_paused(using=each):
            execute(each, "INSERT INTO shapefuzz_a (a_no, mark_a) VALUES (%s, %s)", [key, mark])

    report = compare()

    odd = "local" if alias == "default" else "remote"
    assert sorted((each.only, [field.field for field in each.fields]) for each in report.differences) == [
        ("", ["mark_a"]),
        (odd, []),
    ]
    counts = report.models["remote"]["shapefuzz.A"]
    assert (counts.local, counts.remote) == ((2, 1) if alias == "default" else (1, 2))


@both_vendors
@pytest.mark.parametrize("alias", ["default", "remote"])
def test_object_with_an_empty_key_is_seen(project, local, alias):
    [model] = project(local, ("A", "models.Model", "a_no = models.CharField(max_length=9, primary_key=True)"))
    for each, key in (("default", "1"), ("remote", "1"), (alias, "")):
        with synchro_paused(using=each):
            model.objects.using(each).create(pk=key)

    report = compare()

    assert [each.only for each in report.differences] == ["local" if alias == "default" else "remote"]


@both_vendors
@pytest.mark.parametrize("natural", [False, True])
@pytest.mark.parametrize("held", ["generic", "references"])
def test_column_that_holds_no_key_of_its_model_is_compared(project, local, natural, held):
    """Text that is no date leads to nothing in a model whose keys are dates, on both sides."""
    generic = "ct = models.ForeignKey(ContentType, models.CASCADE)", "g = GenericForeignKey('ct', 'oid')"
    options = {"shapefuzz.A": {"natural_key": ("u_a",)}} if natural else {}
    if held == "references":
        options["shapefuzz.B"] = {"references": {"oid": "shapefuzz.A"}}
    target, model = project(
        local,
        ("A", "models.Model", "a_no = models.DateField(primary_key=True)", "u_a = models.IntegerField(unique=True)"),
        ("B", "models.Model", "oid = models.CharField(max_length=20)", *(generic if held == "generic" else ())),
        SYNCHRO_OPTIONS=options,
    )
    kind = {"ct": ContentType.objects.get_for_model(target)} if held == "generic" else {}
    model.objects.create(oid="7", **kind)
    assert synchronize().failures == []

    assert compare().equal


@both_vendors
@pytest.mark.parametrize("kind", FINE)
@pytest.mark.parametrize("at", [0, 1])
def test_full_run_brings_the_others(project, local, kind, at):
    digits = "max_digits=8, decimal_places=2, " * (kind == "DecimalField")
    [model] = project(
        local, ("A", "models.Model", f"a_no = models.{kind}({digits}primary_key=True)", marked("a")), USE_TZ=False
    )
    for key in (FINE[kind], GARBLED[local][kind][at]):
        with synchro_paused():
            execute("default", "INSERT INTO shapefuzz_a (a_no, mark_a) VALUES (%s, 'o')", [key])

    report = synchronize(full=True)

    assert (report.created, len(report.failures)) == (1, 1)
    assert model.objects.using("remote").count() == 1


@pytest.mark.parametrize("local", ["sqlite"])
@pytest.mark.parametrize("alias", ["default", "remote"])
@pytest.mark.parametrize("key", ["x'ff'", "upper('{0.hex}')", "'{0}'"])
@pytest.mark.parametrize("both", [False, True])
def test_row_with_a_key_in_another_form_hides_nothing(project, local, alias, key, both):
    """Only SQLite takes a blob for a text, or another spelling than Django's; each comes in another place then."""
    kind = "CharField(max_length=50, " if key == "x'ff'" else "UUIDField("
    [model] = project(local, ("A", "models.Model", f"a_no = models.{kind}primary_key=True)", marked("a")))
    one, odd = uuid.UUID(int=0xA), uuid.UUID(int=0xAB)
    for each in ("default", "remote"):
        with synchro_paused(using=each):
            model.objects.using(each).create(pk=one, mark_a="o1")
            if both:
                model.objects.using(each).create(pk=odd, mark_a="o2")
    with synchro_paused(using=alias):
        execute(alias, f"INSERT INTO shapefuzz_a (a_no, mark_a) VALUES ({key.format(odd)}, 'odd')")
    with synchro_paused(using="remote"):
        model.objects.using("remote").filter(pk=one).update(mark_a="changed")

    report = compare()

    odd = "local" if alias == "default" else "remote"
    assert sorted((each.only, [field.field for field in each.fields]) for each in report.differences) == [
        ("", ["mark_a"]),
        (odd, []),
    ]
    counts = report.models["remote"]["shapefuzz.A"]
    assert counts.equal == both
    assert (counts.local, counts.remote) == ((2 + both, 1 + both) if alias == "default" else (1 + both, 2 + both))
