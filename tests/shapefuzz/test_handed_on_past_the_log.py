"""A row whose object is deleted, and that is another one's by its natural key, of which nothing was logged."""

from __future__ import annotations

import pytest

from synchro_triggers import synchro_paused, synchronize
from synchro_triggers.replay.report import Told
from synchro_triggers.replay.write.ledger import Ledger
from tests.replay.hearing import later
from tests.shapefuzz.test_found import both_vendors, marked

OPTIONS = {"shapefuzz.A": {"natural_key": ("u_a",)}}
DATE = "a_no = models.DateField(primary_key=True)"
TEXT = "a_no = models.CharField(max_length=9, primary_key=True)"


@pytest.fixture
def model(project, local, request):
    """A model with a natural key, and an object of it on both sides."""
    key, first = getattr(request, "param", (TEXT, "old"))
    [found] = project(
        local,
        ("A", "models.Model", key, marked("a"), "u_a = models.IntegerField(unique=True)"),
        SYNCHRO_OPTIONS=OPTIONS,
    )
    found.objects.create(a_no=first, mark_a="o1", u_a=1)
    synchronize()
    later()
    return found


def told(report):
    return [(each.kind, each.key) for each in report.remarks]


@both_vendors
@pytest.mark.parametrize("logged_as", ["nothing", "another key"])
def test_row_of_a_deleted_object_is_named_where_nothing_was_logged_of_who_has_its_natural_key(model, heard, logged_as):
    model.objects.all().delete()
    if logged_as == "another key":
        model.objects.create(a_no="other", mark_a="o2", u_a=1)
    with synchro_paused():
        model.objects.filter(a_no="other").update(a_no="new")
        model.objects.get_or_create(a_no="new", defaults={"mark_a": "o2", "u_a": 1})

    report = synchronize()

    vanished = [(Told.VANISHED, "other")] * (logged_as == "another key")
    assert told(report) == [*vanished, (Told.HANDED_ON, "old")]
    assert model.objects.using("remote").get().mark_a == "o1"
    assert told(synchronize()) == []


@both_vendors
@pytest.mark.parametrize("model", [(TEXT, "old"), (DATE, "2024-09-21")], indirect=True)
@pytest.mark.parametrize("named", ["with it", "by a later batch", "by a full run"])
def test_row_of_a_deleted_object_is_not_named_where_the_run_comes_to_who_has_its_natural_key(
    model, heard, named, settings
):
    new = "new" if model._meta.pk.max_length else "2024-12-04"
    settings.SYNCHRO_BATCH_SIZE = 1 if named == "by a later batch" else 100
    model.objects.all().delete()
    with synchro_paused():
        model.objects.create(a_no=new, mark_a="o2", u_a=1)
    if named != "by a full run":
        model.objects.update(mark_a="o3")

    report = synchronize(full=named == "by a full run")

    assert told(report) == []
    assert model.objects.using("remote").get().mark_a == model.objects.get().mark_a


@both_vendors
@pytest.mark.parametrize("who", ["another object, past the log", "another object, past the log, untold", "nobody"])
def test_deleted_object_is_there_only_where_it_is_told_that_its_row_is_left_to_another_one(
    project, judged, local, who, monkeypatch
):
    [model] = project(
        local,
        (
            *("A", "models.Model", "a_no = models.CharField(max_length=9, primary_key=True)", marked("a")),
            "u_a = models.IntegerField()",
        ),
        SYNCHRO_OPTIONS={"shapefuzz.A": {"natural_key": ("u_a",)}},
    )
    model.objects.create(a_no="old", mark_a="o1", u_a=1)
    synchronize()
    if who.endswith("untold"):
        monkeypatch.setattr(Ledger, "tell_handed_on", lambda ledger: None)

    def paused():
        if who != "nobody":
            model.objects.create(a_no="new", mark_a="o2", u_a=1)

    def tamper():
        if who == "nobody":
            model.objects.using("remote").create(a_no="old", mark_a="o1", u_a=1)

    found = judged(local, model.objects.filter(a_no="old").delete, tamper, paused=paused)

    assert model.objects.using("remote").get().mark_a == "o1"
    if who == "another object, past the log":
        assert found == []
    else:
        assert any("A o1 " in each and "is still there" in each for each in found)
