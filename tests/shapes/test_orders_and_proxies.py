"""What ``Meta`` does to reading and saving: orders, and through models that are proxies."""

from __future__ import annotations

import pytest
from django.db.models.signals import pre_save

from synchro_triggers import synchronize
from tests.databases import both
from tests.fieldapp.models import Chapter, Required
from tests.shapeapp.models import Article, Author, Chair, Contribution, Expertise, Topic
from tests.shapes.sides import REMOTE, on_remote, synchronize_and_compare

pytestmark = [both, pytest.mark.usefixtures("way"), pytest.mark.thinned("way")]


def remote(model):
    return model._base_manager.using(REMOTE)


def places(model):
    return sorted(model.values_list("name", "_order"))


def test_order_with_respect_to_is_copied_as_it_is(capture_only):
    capture_only(Chapter, Required)
    book, other = (Required.objects.create(name=name, json=[]) for name in ("book", "other"))
    chapters = [Chapter.objects.create(name=name, book=book) for name in "abcd"]
    chapters[0].delete()
    chapters[2].delete()
    remote(Chapter).create(name="theirs", book=remote(Required).create(name="theirs", json=[]))
    synchronize()
    assert [place for place in places(remote(Chapter)) if place[0] != "theirs"] == [("b", 1), ("d", 3)]

    book.set_chapter_order(list(reversed(book.get_chapter_order())))
    Chapter.objects.create(name="e", book=other)
    Chapter.objects.filter(name="b").update(book=other)
    synchronize()
    assert [place for place in places(remote(Chapter)) if place[0] != "theirs"] == places(Chapter.objects.all())
    assert not synchronize().changed


def test_order_that_a_receiver_gives_is_kept(capture_only):
    capture_only(Chapter, Required)

    def move(instance, using, **told):
        if using == REMOTE:
            instance._order = 70

    Chapter.objects.create(name="a", book=Required.objects.create(name="book", json=[]))
    pre_save.connect(move, sender=Chapter)
    try:
        synchronize()
    finally:
        pre_save.disconnect(move, sender=Chapter)

    assert places(remote(Chapter)) == [("a", 70)]


def test_unique_pairs_are_swapped_where_the_order_follows_the_foreign_key_in_them():
    authors = [Author.objects.create(name=name) for name in ("one", "two", "three")]
    chairs = [
        Chair.objects.create(name=f"chair {number}", author=author, row=1, seat=str(number))
        for number, author in enumerate(authors)
    ]
    synchronize_and_compare()
    keys = dict(remote(Chair).values_list("name", "pk"))
    spare = Author.objects.create(name="spare")

    for chair, author in ((0, spare), (1, authors[0]), (2, authors[1]), (0, authors[2])):
        Chair.objects.filter(pk=chairs[chair].pk).update(author=author)

    synchronize_and_compare()
    assert dict(remote(Chair).values_list("name", "pk")) == keys


def test_links_through_a_proxy_arrive():
    topic, author = Topic.objects.create(name="topic"), Author.objects.create(name="author")
    article = Article.objects.create(name="article")
    topic.experts.add(author, through_defaults={"name": "first", "article": article, "share": 1})
    Expertise.objects.create(name="second", topic=topic, author=author, article=article, share=2)
    synchronize_and_compare()
    assert on_remote(Topic, name="topic").experts.using(REMOTE).count() == 2

    Expertise.objects.filter(name="first").update(share=3)
    Contribution.objects.get(name="second").delete()
    synchronize_and_compare()

    topic.experts.clear()
    synchronize_and_compare()
    assert not remote(Contribution).exists()
