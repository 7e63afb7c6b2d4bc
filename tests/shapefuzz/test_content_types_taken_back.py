"""Content types that receivers make on the remote, in what is rolled back: Django must not keep them for later."""

from __future__ import annotations

import pytest
from django.contrib.contenttypes.models import ContentType

from synchro_triggers import synchronize
from tests.replay.hearing import receiving
from tests.shapefuzz.test_found import both_vendors, marked
from tests.shapefuzz.writing import delete

KIND = "content_type = models.ForeignKey(ContentType, models.CASCADE, null=True, related_name='+')"


@pytest.fixture
def opened(project, local):
    """Opens a project of an ``A`` of which a receiver takes notes, a ``B``, and a ``C``, a note of either."""

    def open_it(**settings):
        return project(
            local,
            ("A", "models.Model", marked("a")),
            ("B", "models.Model", marked("b")),
            ("C", "models.Model", marked("c"), KIND),
            **settings,
        )

    return open_it


def taking_notes(model, note, refused=()):
    def take(instance, using, **told):
        kind = ContentType.objects.db_manager(using).get_for_model(model)
        if instance.mark_a in refused:
            raise ValueError("refused")
        note.objects.using(using).create(mark_c=instance.mark_a, content_type=kind)

    return receiving("post_save", model, take)


def noted(note):
    """Return what the remote's notes say that they are of, by mark."""
    return {row.mark_c: row.content_type and row.content_type.model for row in note.objects.using("remote")}


@both_vendors
@pytest.mark.parametrize("batch", [False, True])
@pytest.mark.parametrize("size", [1, 1000])
def test_object_that_fails_leaves_no_content_type_behind(opened, local, batch, size):
    model, other, note = opened(SYNCHRO_BATCH_SIGNALS=batch, SYNCHRO_BATCH_SIZE=size)
    model.objects.create(mark_a="bad")
    note.objects.create(mark_c="of b", content_type=ContentType.objects.get_for_model(other))
    model.objects.create(mark_a="good")

    with taking_notes(model, note, refused=["bad"]):
        report = synchronize()

    assert [(each.model, each.error) for each in report.failures] == [("shapefuzz.A", "ValueError: refused")]
    assert noted(note) == {"of b": "b", "good": "a"}


@both_vendors
def test_delete_of_a_child_alone_takes_nothing_along_after_a_dry_run(project, local):
    _, parent, pointing, child = project(
        local,
        ("B", "models.Model", "b_no = models.BigAutoField(primary_key=True)", marked("b")),
        (
            *("C", "models.Model", "c_no = models.BigAutoField(primary_key=True)", marked("c")),
            *(KIND, "object_id = models.CharField(max_length=60, null=True)", "to = GenericForeignKey()"),
            "back = GenericRelation('C')",
        ),
        ("E", "models.Model", marked("e"), "to_c = models.ForeignKey('C', models.CASCADE, related_name='+')"),
        ("F", "B, C", marked("f")),
    )
    made = child.objects.create(mark_b="o1", mark_c="o1", mark_f="o1")
    synchronize()
    pointing.objects.create(mark_e="o2", to_c_id=made.c_no)
    parent.objects.update(object_id=str(made.pk), content_type=ContentType.objects.get_for_model(parent))
    delete("default", child, made.pk)
    synchronize(dry_run=True)

    report = synchronize()

    assert (report.failures, report.remarks) == ([], [])
    assert pointing.objects.using("remote").get().to_c.content_type.model == "c"
    assert not child.objects.using("remote").exists()
    assert not synchronize().changed
