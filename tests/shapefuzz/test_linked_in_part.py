"""``synchro_link`` and rows of which Python cannot read a value: the other values tell which is which."""

from __future__ import annotations

import datetime
from io import StringIO

import pytest
from django.core.management import CommandError, call_command

from synchro_triggers import synchro_paused, synchronize
from tests.shapefuzz.test_found import both_vendors, marked
from tests.shapefuzz.writing import Raw, update

GARBAGE = {"sqlite": Raw("0000-00-00"), "postgres": Raw("0044-03-15 BC")}
DAY = datetime.date(2024, 2, 3)


def imported(project, local, *, garbled, natural=False):
    """Return a model whose rows are on both sides, past the log; of the first, a date cannot be read."""
    options = {"shapefuzz.A": {"natural_key": ("v_a",)}} if natural else {}
    field = f"v_a = models.DateField(unique={natural})"
    [model] = project(local, ("A", "models.Model", marked("a"), field), SYNCHRO_OPTIONS=options)
    for alias in ("default", "remote"):
        with synchro_paused(using=alias):
            for number in range(3):
                model.objects.using(alias).create(mark_a=f"o{number}", v_a=DAY + datetime.timedelta(number))
            if alias in garbled:
                update(alias, model._meta.get_field("v_a"), GARBAGE[local], 1)
    return model


def link():
    """Return the lines that are said, and the exit code."""
    out, code = StringIO(), 0
    try:
        call_command("synchro_link", stdout=out)
    except CommandError as error:
        code = error.returncode
    return out.getvalue().splitlines(), code


@both_vendors
@pytest.mark.parametrize("garbled", [["default"], ["remote"], ["default", "remote"]])
def test_row_with_a_value_that_cannot_be_read_is_linked_by_the_others(project, local, garbled):
    model = imported(project, local, garbled=garbled)

    (told, *unlike), code = link()

    assert told == "remote: shapefuzz.A: 3 linked, 0 known before, 0 without a counterpart"
    assert code == (len(garbled) == 1) == bool(unlike)

    model.objects.update(v_a=DAY)
    update("remote", model._meta.get_field("v_a"), DAY, 1)
    report = synchronize()
    assert (report.failures, report.created) == ([], 0)
    assert model.objects.using("remote").filter(v_a=DAY).count() == model.objects.using("remote").count() == 3


@both_vendors
def test_natural_key_that_cannot_be_read_tells_nothing_and_is_told_of(project, local):
    imported(project, local, garbled=["default"], natural=True)

    (told, left), code = link()

    assert told == (
        "remote: shapefuzz.A: 2 linked, 0 known before, 1 without a counterpart, 1 of them left undecided, 1 of them "
        "beside another one with their key, 1 of them with values that cannot be read on 'default' or 'remote'; 1 on "
        "'remote' that is nobody's here"
    )
    assert code == 0 and left.startswith("    1: not linked: what tells it cannot be read, or looked up: ")
