"""Links of a number that was given to another object past all cascades, and of which nothing was logged."""

from __future__ import annotations

from contextlib import nullcontext, suppress

import pytest
from django.db import transaction

from synchro_triggers import synchronize
from synchro_triggers.models import Failure
from synchro_triggers.replay import synchronizing
from synchro_triggers.replay.write import batch_by_batch
from tests.replay.hearing import receiving
from tests.shapefuzz.ledger import Refusal
from tests.shapefuzz.test_found import both_vendors, marked
from tests.shapefuzz.test_numbers_given_again import dying_in
from tests.shapefuzz.writing import delete


def linked(project, local, **settings):
    """Return two models, and what links them; numbers are others on the remote."""
    target, owner = project(
        local,
        ("A", "models.Model", marked("a")),
        (
            *("B", "models.Model", marked("b"), "u_b = models.IntegerField(unique=True)"),
            "m_b = models.ManyToManyField('A', related_name='+')",
        ),
        **settings,
    )
    for number in range(3):
        target.objects.using("remote").create(mark_a=f"R{number}")
        owner.objects.using("remote").create(mark_b=f"R{number}", u_b=number)
    first, second = (target.objects.create(mark_a=name) for name in ("o1", "o2"))
    owner.objects.create(pk=1, mark_b="o3", u_b=7).m_b.add(first, second)
    return target, owner


def give_again(model, **values):
    """Give the number 1 to another object, in one transaction: foreign keys are looked at in its end."""
    with transaction.atomic():
        delete("default", model, 1)
        model.objects.create(pk=1, **values)


def links(owner):
    through = owner.m_b.through.objects.using("remote")
    return sorted(through.values_list("b__mark_b", "a__mark_a"))


@both_vendors
@pytest.mark.parametrize("observed", [False, True])
@pytest.mark.parametrize("size", [1, 1000])
@pytest.mark.parametrize("settings", [{}, {"SYNCHRO_OPTIONS": {"shapefuzz.B": {"natural_key": ("u_b",)}}}])
def test_links_are_those_of_the_object_that_has_the_number_now(project, local, observed, size, settings):
    _, owner = linked(project, local, SYNCHRO_BATCH_SIZE=size, **settings)
    synchronize()
    give_again(owner, mark_b="o4", u_b=8)

    with receiving("post_save", owner, lambda **told: None) if observed else nullcontext():
        report = synchronize()

    assert report.failures == []
    assert links(owner) == [("o4", "o1"), ("o4", "o2")]
    assert not synchronize().changed


@both_vendors
@pytest.mark.parametrize("size", [1, 1000])
def test_links_at_the_other_end_are_too_and_unique_values_are_handed_on(project, local, size):
    target, owner = linked(project, local, SYNCHRO_BATCH_SIZE=size)
    synchronize()
    give_again(target, mark_a="o5")
    give_again(owner, mark_b="o4", u_b=7)

    report = synchronize()

    assert report.failures == []
    assert links(owner) == [("o4", "o2"), ("o4", "o5")]
    assert not synchronize().changed


@both_vendors
def test_links_of_an_object_that_is_refused_are_kept(project, local):
    _, owner = linked(project, local)
    synchronize()
    give_again(owner, mark_b="o4", u_b=8)

    def refuse(using, **told):
        if using == "remote":
            raise Refusal("not now")

    with receiving("pre_save", owner, refuse):
        refused = synchronize()
    report = synchronizing.retry_failures("remote")

    assert sorted(each.model for each in refused.failures) == ["shapefuzz.B", "shapefuzz.B_m_b", "shapefuzz.B_m_b"]
    assert report.failures == [] and not Failure.objects.using("remote").exists()
    assert links(owner) == [("o4", "o1"), ("o4", "o2")]


@both_vendors
@pytest.mark.parametrize("dies_in", range(1, 5))
def test_links_survive_a_run_that_dies(project, local, dies_in, monkeypatch):
    _, owner = linked(project, local, SYNCHRO_BATCH_SIZE=1)
    synchronize()
    give_again(owner, mark_b="o4", u_b=8)
    with monkeypatch.context() as patched, suppress(KeyboardInterrupt):
        patched.setattr(batch_by_batch, "Batch", dying_in(dies_in))
        synchronize()
    report = synchronize()

    assert report.failures == []
    assert links(owner) == [("o4", "o1"), ("o4", "o2")]
    assert not synchronize().changed
