"""Objects that are all deleted, and protect one another on the remote."""

from __future__ import annotations

from contextlib import ExitStack

import pytest

from synchro_triggers import synchronize
from tests.replay.hearing import receiving
from tests.shapefuzz.test_found import both_vendors, marked


def ring(project, local, on_delete="PROTECT", length=2, **settings):
    """Return models of which each points to the one before, and the first to the last, with an object each."""
    names = "ABCD"[:length]
    models = project(
        local,
        *(
            (name, "models.Model", marked(name.lower()), f"to = models.ForeignKey('{to}', models.{on_delete}{null})")
            for name, to, null in zip(names, names[-1] + names, [", null=True"] + [""] * length, strict=False)
        ),
        **settings,
    )
    objects = [models[0].objects.create(mark_a="a")]
    for name, model in zip(names[1:], models[1:], strict=True):
        objects.append(model.objects.create(**{f"mark_{name.lower()}": "one", "to": objects[-1]}))
    models[0].objects.update(to=objects[-1])
    synchronize()
    assert models[0].objects.using("remote").get().to_id
    return models


def delete(models):
    models[0].objects.update(to=None)
    for model in reversed(models):
        model.objects.all()._raw_delete("default")


def listen(**told):
    pass


@both_vendors
@pytest.mark.parametrize("heard_of", ["nothing", "the first", "the last", "all"])
@pytest.mark.parametrize("on_delete", ["RESTRICT", "PROTECT", "DO_NOTHING"])
@pytest.mark.parametrize(("size", "length"), [(1, 2), (1000, 4)])
def test_ring_that_is_deleted_goes(project, local, heard_of, on_delete, size, length):
    models = ring(project, local, on_delete, length, SYNCHRO_BATCH_SIZE=size)
    delete(models)

    chosen = {"nothing": [], "the first": models[:1], "the last": models[-1:], "all": models}[heard_of]
    with ExitStack() as listening:
        for model in chosen:
            listening.enter_context(receiving("pre_delete", model, listen))
        report = synchronize()

    assert report.failures == []
    assert not any(model.objects.using("remote").exists() for model in models)
    assert not synchronize().changed


@both_vendors
def test_dry_run_says_that_all_of_it_goes(project, heard, local):
    models = ring(project, local)
    delete(models)

    report = synchronize(dry_run=True)

    assert (report.failures, report.deleted) == ([], 2)
    assert models[0].objects.using("remote").get().to_id


@both_vendors
@pytest.mark.parametrize("policy", ["remote", "local"])
def test_key_that_the_remotes_users_have_an_eye_on_is_emptied_only_if_its_row_goes(project, heard, local, policy):
    models = ring(project, local, SYNCHRO_CONFLICT=policy)
    delete(models)
    models[0].objects.using("remote").update(mark_a="theirs")

    report = synchronize()

    kept = policy == "remote"
    assert [each.model for each in report.remarks] == ["shapefuzz.A"]
    assert models[0].objects.using("remote").filter(to__isnull=False).count() == kept
    assert models[1].objects.using("remote").count() == kept
    assert bool(report.failures) is kept
