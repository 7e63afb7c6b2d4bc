"""Generic keys that need no translation, and keys of what is not there: they must not hit another object."""

from __future__ import annotations

import pytest
from django.contrib.contenttypes.models import ContentType

from synchro_triggers import SyncReport, synchronize
from synchro_triggers.replay.report import Told
from tests.databases import both
from tests.replay.hearing import later
from tests.shapeapp.models import Article, Note, NothingPet, Owner, Shelf, Sticker, Topic
from tests.shapes.sides import REMOTE, on_remote, synchronize_and_compare

pytestmark = [both, pytest.mark.usefixtures("way"), pytest.mark.thinned("way")]


@pytest.fixture(autouse=True)
def few_models(settings):
    """A generic key leads to any captured model, and a run looks at each: of the hundred, at those of these tests."""
    settings.SYNCHRO_MODELS = [("shapeapp", "Article", "Note", "NothingPet", "Owner", "Shelf", "Sticker", "Topic")]


def remote(model):
    return model._base_manager.using(REMOTE)


def told(report: SyncReport) -> list[tuple[str, str]]:
    return [(remark.model, remark.key) for remark in report.remarks if remark.kind == Told.POINTS_NOWHERE]


def content_type(model):
    return ContentType.objects.get_for_model(model)


@pytest.fixture
def gone():
    """A key that an article of LOCAL had, which another article of the remote has."""
    article = Article.objects.create(name="gone")
    key = article.pk
    article.delete()
    remote(Article).create(id=key, name="theirs")
    return key


@pytest.fixture
def unborn():
    """The same where the remote has not given out the key yet."""
    article = Article.objects.create(id=900_000_000, name="gone")
    article.delete()
    return 900_000_000


# Written as it is ------------------------------------------------------------------------------------


@pytest.mark.parametrize("written", ["007", " 7", "+7"])
def test_object_id_that_needs_no_translation_is_copied_as_it_is_written(written):
    Sticker.objects.create(name="sticker", content_type=content_type(Shelf), object_id=written)
    Shelf.objects.create(name="shelf", code=written)

    assert synchronize().failures == []
    assert on_remote(Sticker, name="sticker").object_id == written


def test_number_that_is_the_same_on_both_sides_is_copied_as_it_is_written():
    Article.objects.create(name="first")
    synchronize_and_compare()
    key = on_remote(Article, name="first").pk + 1  # what the remote will give out next
    Article.objects.create(id=key, name="second")
    Sticker.objects.create(name="sticker", content_type=content_type(Article), object_id=f"00{key}")

    assert synchronize().failures == []
    assert on_remote(Article, name="second").pk == key
    assert on_remote(Sticker, name="sticker").object_id == f"00{key}"


def test_content_type_whose_model_is_gone_is_copied_as_it_is(gone):
    stale = ContentType.objects.create(app_label="shapeapp", model="abolished")
    Sticker.objects.create(name="sticker", content_type=stale, object_id=str(gone))
    Note.objects.create(name="note", content_type=stale, object_id=gone)

    report = synchronize()

    assert (report.failures, told(report)) == ([], [])
    assert on_remote(Sticker, name="sticker").object_id == str(gone)
    assert on_remote(Note, name="note").object_id == gone
    assert on_remote(Note, name="note").content_type.natural_key() == ("shapeapp", "abolished")


# Nowhere ---------------------------------------------------------------------------------------------


@pytest.mark.all_pairs
def test_generic_key_that_points_nowhere_does_not_point_to_another_object(gone):
    note = Note.objects.create(name="note", content_type=content_type(Article), object_id=gone)
    sticker = Sticker.objects.create(name="sticker", content_type=content_type(Article), object_id=str(gone))

    report = synchronize()

    assert report.failures == []
    assert on_remote(Note, name="note").target is None and on_remote(Note, name="note").object_id is not None
    assert on_remote(Sticker, name="sticker").target is None
    assert sorted(told(report)) == [("shapeapp.Note", str(note.pk)), ("shapeapp.Sticker", str(sticker.pk))]
    assert not synchronize().changed

    # What points to the same nothing goes on doing so, and an update changes nothing of it.
    before = on_remote(Note, name="note").object_id
    Note.objects.update(name="renamed")
    Note.objects.create(name="second", content_type=content_type(Article), object_id=gone)
    assert synchronize().failures == []
    assert {row.object_id for row in remote(Note)} == {before}


def test_key_that_the_remote_will_give_out_yet_does_not_point_to_that_object(unborn):
    Note.objects.create(name="note", content_type=content_type(Article), object_id=unborn)
    Sticker.objects.create(name="sticker", content_type=content_type(Article), object_id=str(unborn))
    pet = NothingPet.objects.create(name="pet", owner_id=unborn)
    report = synchronize()
    assert report.failures == [] and ("shapeapp.NothingPet", str(pet.pk)) in told(report)

    remote(Article).create(id=unborn, name="theirs")
    remote(Owner).create(id=unborn, name="theirs")
    assert on_remote(Note, name="note").target is None
    assert on_remote(Sticker, name="sticker").target is None
    assert not remote(NothingPet).filter(owner__name="theirs").exists()


@pytest.mark.all_pairs
@pytest.mark.mariadb
@pytest.mark.parametrize("to_come", [False, True])
def test_key_there_stays_if_the_remote_has_given_it_out_and_not_if_it_will_do_so_yet(to_come):
    article = Article.objects.create(name="gone")
    remote(Article).create(name="theirs")
    Note.objects.create(name="note", target=article)
    assert synchronize().failures == []
    former = on_remote(Article, name="gone").pk
    Article.objects.filter(pk=article.pk)._raw_delete("default")
    assert synchronize().failures == []
    if to_come:
        remote(Note).update(object_id=former + 1)
        later()
    Note.objects.update(name="renamed")

    report = synchronize()

    assert report.failures == []
    assert (on_remote(Note, name="renamed").object_id == former) is not to_come
    assert remote(Article).create(name="more").pk == former + 1
    assert on_remote(Note, name="renamed").target is None


def test_key_that_is_free_for_good_on_the_remote_is_copied_as_it_is():
    articles = [Article.objects.create(name=str(number)) for number in range(3)]
    synchronize_and_compare()
    key = articles[0].pk
    articles[0].delete()
    synchronize_and_compare()
    Note.objects.create(name="note", content_type=content_type(Article), object_id=key)

    report = synchronize()

    assert (report.failures, told(report)) == ([], [])
    assert on_remote(Note, name="note").object_id == key


def test_key_of_what_the_same_run_deletes_is_the_one_that_it_had_on_the_remote():
    article = Article.objects.create(name="gone")
    synchronize_and_compare()
    key, there = article.pk, on_remote(Article, name="gone").pk
    article.delete()
    Note.objects.create(name="note", content_type=content_type(Article), object_id=key)

    report = synchronize()

    assert (report.failures, told(report)) == ([], [])
    assert on_remote(Note, name="note").object_id == there != key


def test_objects_that_get_the_number_in_the_same_run_are_not_hit():
    with_number = [Topic.objects.create(name=str(number)) for number in range(30)]
    keys = [topic.pk for topic in with_number]
    Topic.objects.exclude(name="29").delete()
    for key in keys:
        Note.objects.create(name=f"note on {key}", content_type=content_type(Topic), object_id=key)

    assert synchronize().failures == []
    assert [note.name for note in remote(Note) if note.target is not None] == [f"note on {keys[-1]}"]


def test_foreign_key_without_a_constraint_that_points_nowhere_does_not_point_to_another_object():
    owner = Owner.objects.create(name="gone")
    key = owner.pk
    owner.delete()
    remote(Owner).create(id=key, name="theirs")
    NothingPet.objects.create(name="pet", owner_id=key)

    report = synchronize()

    assert report.failures == [] and len(told(report)) == 1
    assert not remote(NothingPet).filter(owner__name="theirs").exists()


def test_kept_key_that_points_nowhere_is_copied_as_it_is():
    Sticker.objects.create(name="sticker", content_type=content_type(Shelf), object_id="no shelf")

    report = synchronize_and_compare()

    assert told(report) == []
    assert on_remote(Sticker, name="sticker").object_id == "no shelf"


def test_garbage_for_a_key_is_copied_as_it_is():
    for name, written in {"text": "not a number", "empty": "", "long": "9" * 90}.items():
        Sticker.objects.create(name=name, content_type=content_type(Article), object_id=written)

    assert synchronize().failures == []
    assert on_remote(Sticker, name="text").object_id == "not a number"
    assert on_remote(Sticker, name="empty").object_id == ""
    assert on_remote(Sticker, name="long").target is None
