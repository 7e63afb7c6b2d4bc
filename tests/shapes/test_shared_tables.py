"""Several models over one table: a row is one object all the same."""

from __future__ import annotations

from io import StringIO

import pytest
from django.core.management import call_command

from synchro_triggers import synchronize
from synchro_triggers.capture.install import compare
from tests.databases import both
from tests.oddapp.models import ArticleTopic, AuthorOverview, BookOverview, SlotOverview
from tests.shapeapp.models import Article, Author, Book, Slot, Topic
from tests.shapes.sides import LOCAL, REMOTE, synchronize_and_compare

pytestmark = both


def checked() -> str:
    out = StringIO()
    call_command("check", stdout=out, stderr=out)
    return out.getvalue()


@pytest.mark.parametrize("models", [(Slot, SlotOverview), (SlotOverview, Slot)])
@pytest.mark.usefixtures("way")
def test_object_of_two_models_stays_one_object(capture_only, models):
    capture_only(*models)
    Slot.objects.create(name="one", number=1)
    SlotOverview.objects.create(name="two", number=2)
    synchronize_and_compare(Slot)
    found = compare(LOCAL)
    assert not (found.missing or found.outdated)

    Slot.objects.filter(name="two").update(number=3)
    SlotOverview.objects.filter(name="one").update(number=4)
    synchronize_and_compare(Slot)
    SlotOverview.objects.get(name="one").delete()
    report = synchronize_and_compare(Slot)
    assert list(report.models) == ["shapeapp.Slot"]


def test_full_run_and_one_of_a_named_model_take_each_object_once(capture_only):
    capture_only(Slot, SlotOverview)
    Slot.objects.create(name="one", number=1)

    assert synchronize(models=["oddapp.SlotOverview"]).created == 1
    assert synchronize(full=True).created == 0
    assert Slot.objects.using(REMOTE).count() == 1


@pytest.mark.usefixtures("way")
def test_what_points_to_the_other_model_points_to_the_same_object(capture_only):
    capture_only(Author, AuthorOverview, BookOverview)
    author = Author.objects.create(name="author")
    book = Book.objects.create(name="book", author=author)
    author.favourite = book
    author.save()

    assert synchronize().failures == []
    there = Author.objects.using(REMOTE).get()
    assert (there.favourite_id, Book.objects.using(REMOTE).get().author_id) == (
        Book.objects.using(REMOTE).get().pk,
        there.pk,
    )

    Author.objects.update(favourite=None)
    book.delete()
    author.delete()
    assert synchronize().failures == []
    assert not Author.objects.using(REMOTE).exists()


@pytest.mark.usefixtures("way")
def test_links_that_have_a_model_as_well_arrive_once(capture_only):
    capture_only(Article, Topic, ArticleTopic)
    article, topics = Article.objects.create(name="article"), [Topic.objects.create(name=name) for name in "ab"]
    article.topics.add(topics[0])
    ArticleTopic.objects.create(article=article, topic=topics[1])
    synchronize_and_compare(Article, Topic)

    ArticleTopic.objects.get(topic=topics[0]).delete()
    synchronize_and_compare(Article, Topic)


def test_check_says_that_two_listed_models_share_a_table(settings):
    assert "W010" not in checked()

    settings.SYNCHRO_MODELS = ("shapeapp.Slot", "oddapp.SlotOverview")
    said = checked()

    assert "(synchro_triggers.W010) oddapp.SlotOverview, shapeapp.Slot share the table 'shapeapp_slot'." in said
    assert "shapeapp.Slot is used" in said


def test_check_names_the_model_that_knows_more_columns(settings):
    settings.SYNCHRO_MODELS = ("oddapp.AuthorOverview", "shapeapp.Author")

    assert "shapeapp.Author is used" in checked()
