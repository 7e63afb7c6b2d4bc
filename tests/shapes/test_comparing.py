"""The comparison itself: it says what differs, and nothing where only the keys do."""

from __future__ import annotations

import pytest

from tests.comparing import differences
from tests.databases import both
from tests.shapeapp.models import Article, Author, Book, Letter, Note, SportsCar, Topic

pytestmark = both


def write(alias, topics=("red",), speed=200, title="book", gone=False, target="article", spare=0):
    """Write a few related objects; ``spare`` of each come and go first, so that keys differ."""
    for model in (Author, Article, Topic, SportsCar):
        for number in range(spare):
            model.objects.using(alias).create(name=f"spare {number}").delete()
    author = Author.objects.using(alias).create(name="author")
    Book.objects.using(alias).create(name=title, author=author)
    article = Article.objects.using(alias).create(name="article")
    article.topics.set([Topic.objects.using(alias).get_or_create(name=name)[0] for name in ("red", "blue")])
    article.topics.set(Topic.objects.using(alias).filter(name__in=topics))
    car = SportsCar.objects.using(alias).create(name="car", speed=speed)
    Letter.everything.using(alias).create(name="letter", gone=gone)
    Note.objects.using(alias).create(name="note", target=article if target == "article" else car)


def test_sides_that_differ_in_their_keys_only_are_equal():
    write("default")
    write("remote", spare=3)

    assert differences("shapeapp") == []


@pytest.mark.parametrize(
    ("difference", "expected"),
    [
        ({"speed": 300}, ["shapeapp.SportsCar 'car': speed is 300 instead of 200"]),
        ({"gone": True}, ["shapeapp.Letter 'letter': gone is True instead of False"]),
        (
            {"title": "other"},
            [
                "shapeapp.Book: missing: name='book', author='author'",
                "shapeapp.Book: surplus: name='other', author='author'",
            ],
        ),
        (
            {"topics": ("blue",)},
            [
                "shapeapp.Article_topics: missing: article='article', topic='red'",
                "shapeapp.Article_topics: surplus: article='article', topic='blue'",
            ],
        ),
        (
            {"target": "car"},
            [
                "shapeapp.Note 'note': target is (('shapeapp', 'sportscar'), 'car') "
                "instead of (('shapeapp', 'article'), 'article')"
            ],
        ),
    ],
)
def test_what_differs_is_said(difference, expected):
    write("default")
    write("remote", spare=2, **difference)

    assert sorted(differences("shapeapp")) == expected


def test_second_copy_of_an_object_is_said():
    write("default")
    write("remote")
    Topic.objects.using("remote").create(name="red")

    assert differences(Topic) == ["shapeapp.Topic: surplus: name='red'"]
