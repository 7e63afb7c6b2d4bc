"""No query per object where nobody observes: as many for ten objects as for thirty, whatever shape they have."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise

import pytest
from django.db.models import F, JSONField, Value
from django.db.models.functions import Concat

from tests.counting import count_queries_of_story
from tests.databases import both
from tests.fieldapp.models import Clockwork, PlainSpecimen, Prefilled, Required
from tests.fieldapp.models.fields import Words
from tests.shapeapp.models import (
    Article,
    Author,
    Book,
    Branch,
    CascadePet,
    City,
    Contribution,
    Country,
    DatabaseNullPet,
    DatabasePet,
    DefaultPet,
    Department,
    Flea,
    Guest,
    Kept,
    Membercard,
    Note,
    NothingPet,
    NullPet,
    Owner,
    Padlock,
    PadlockKey,
    Paper,
    Passport,
    ProtectPet,
    Rank,
    RestrictPet,
    Rock,
    Scissors,
    Shelf,
    Slot,
    Sticker,
    Street,
    Topic,
)
from tests.testapp.models import Unlisted

pytestmark = both

LOCAL, REMOTE = "default", "remote"


def many(model, number, /, **columns):
    """Make objects; a column's value is a list with one for each, or the same for all."""
    return model.objects.bulk_create(
        model(
            **{"name": f"n{each}"},
            **{name: value[each] if isinstance(value, list) else value for name, value in columns.items()},
        )
        for each in range(number)
    )


def make_tree(number):
    roots = many(Branch, number)
    many(Branch, number, parent=roots)


def make_cycles(number):
    authors = many(Author, number)
    books = many(Book, number, author=authors)
    for author, book in zip(authors, books, strict=True):
        author.favourite = book
    Author.objects.bulk_update(authors, ["favourite"])


def make_rings(number):
    rocks = many(Rock, number)
    scissors = many(Scissors, number, cut=many(Paper, number, wraps=rocks))
    for rock, blunted in zip(rocks, scissors, strict=True):
        rock.blunts = blunted
    Rock.objects.bulk_update(rocks, ["blunts"])


def make_padlocks(number):
    """Neither can be without the other."""
    padlocks = many(Padlock, number, opened_by_id=list(range(1_000_000, 1_000_000 + number)))
    keys = many(PadlockKey, number, made_for=padlocks)
    for padlock, key in zip(padlocks, keys, strict=True):
        padlock.opened_by = key
    Padlock.objects.bulk_update(padlocks, ["opened_by"])


def make_ranks(number):
    """Each is above itself or the next one, and foreign keys hold no primary key."""
    ranks = many(Rank, number, code=[f"c{each}" for each in range(number)])
    for rank, other in zip(ranks, [*ranks[1:], ranks[-1]], strict=True):
        rank.above_id = rank.code if rank.pk % 2 else other.code
    Rank.objects.bulk_update(ranks, ["above"])


def make_one_to_one(number):
    authors = many(Author, number)
    many(Passport, number, holder=authors)
    many(Membercard, number, holder=authors)


def make_articles(number):
    topics, authors = many(Topic, 3), many(Author, 3)
    articles = many(Article, number)
    for article in articles:
        article.topics.set(topics)
        article.reviewers.set(authors)
    for one, other in pairwise(articles):
        one.related.add(other)
        one.cites.add(other)
    many(Contribution, number, article=articles, author=authors[0])
    many(Note, number, target=articles)


def make_generic(number):
    topics = many(Topic, number)
    shelves = many(Shelf, number, code=[f"c{each}" for each in range(number)])
    many(Note, number, target=topics)
    many(Sticker, number, target=shelves)
    many(Sticker, number, target=topics)


def make_dangling(number):
    """What they point to is gone, and nothing forbids that."""
    topics, owners = many(Topic, number), many(Owner, number)
    many(Note, number, target=topics)
    many(NothingPet, number, owner=owners)
    Topic.objects.all().delete()
    Owner.objects.all().delete()


def make_natural(number):
    many(Street, number, city=many(City, number, country=many(Country, number)))


def make_departments(number):
    many(Department, number, parent=many(Department, number))


def make_guests(number):
    many(Guest, number, home=many(Unlisted, number))


def make_slots(number):
    many(Slot, number, number=list(range(number)))


def make_kept(number):
    many(Kept, number, code=[f"c{each}" for each in range(number)])


def make_pets(*models):
    def make(number):
        Owner.objects.create(name="nobody")
        owners = many(Owner, number)
        for model in models:
            pets = many(model, number, owner=owners)
            if model is CascadePet:
                many(Flea, number, pet=pets)

    return make


def renamed(*models):
    """Change the objects of each model, the last model first."""

    def change():
        for model in reversed(models):
            model.objects.update(name="changed")

    return change


def larger():
    def change():
        Country.objects.update(people=F("people") + 1)
        City.objects.update(people=F("people") + 1)
        Street.objects.update(length=F("length") + 1)

    return change


def shift_slots():
    """Each slot takes the next one's number."""
    Slot.objects.update(number=-F("number") - 100)
    Slot.objects.update(number=-F("number") - 99)


def owners_renamed():
    Owner.objects.exclude(name="nobody").update(name="changed")


def owners_gone():
    Owner.objects.exclude(name="nobody").delete()


def gone(*models):
    def delete():
        for model in models:
            model.objects.all().delete()

    return delete


Story = tuple[Callable[[int], object], Callable[[], object], Callable[[], object]]

STORIES: dict[str, Story] = {
    "tree": (make_tree, renamed(Branch), gone(Branch)),
    "cycles": (make_cycles, renamed(Author, Book), gone(Author)),
    "rings": (make_rings, renamed(Rock, Paper, Scissors), gone(Rock, Scissors, Paper)),
    "padlocks": (make_padlocks, renamed(Padlock, PadlockKey), gone(Padlock)),
    "ranks": (make_ranks, renamed(Rank), gone(Rank)),
    "one-to-one": (make_one_to_one, renamed(Author, Passport, Membercard), gone(Author, Membercard)),
    "articles": (make_articles, renamed(Article, Contribution, Note), gone(Article, Topic, Author)),
    "generic": (make_generic, renamed(Topic, Shelf, Note, Sticker), gone(Topic, Shelf, Note, Sticker)),
    "dangling": (make_dangling, renamed(Note, NothingPet), gone(Note, NothingPet)),
    "natural": (make_natural, larger(), gone(Country)),
    "departments": (make_departments, renamed(Department), gone(Department)),
    "guests": (make_guests, renamed(Guest), gone(Guest, Unlisted)),
    "unique": (make_slots, shift_slots, gone(Slot)),
    "kept": (make_kept, renamed(Kept), gone(Kept)),
    "cascade": (make_pets(CascadePet), owners_renamed, gone(Owner)),
    "set null": (make_pets(NullPet), owners_renamed, owners_gone),
    "set default": (make_pets(DefaultPet), owners_renamed, owners_gone),
    "protect": (make_pets(ProtectPet, RestrictPet), owners_renamed, gone(ProtectPet, RestrictPet, Owner)),
    "of the database": (make_pets(DatabasePet, DatabaseNullPet), owners_renamed, owners_gone),
}


SIZES = (2, 10, 30)  # with two there is one of each kind, whose total is made then
clean = gone(NullPet, DefaultPet, DatabaseNullPet, Owner)


@pytest.mark.parametrize("story", STORIES)
def test_number_of_queries_does_not_depend_on_the_number_of_objects(settings, story):
    settings.SYNCHRO_BATCH_SIZE = 100_000

    ten, thirty = count_queries_of_story(*STORIES[story], "shapeapp", sizes=SIZES, clean=clean)

    assert ten == thirty


COLUMNS = {
    PlainSpecimen: {"binary": b"\0\xff", "json": {"a": [None]}, "decimal": "1.5", "ip": "::1", "words": Words("a b")},
    Required: {"file": "a/b", "json": Value(None, JSONField())},
    Prefilled: {},
    Clockwork: {},
}


@pytest.mark.parametrize("model", COLUMNS)
def test_number_of_queries_does_not_depend_on_the_kind_of_column(settings, capture_only, model):
    settings.SYNCHRO_BATCH_SIZE = 100_000
    capture_only(model)

    def change():
        model.objects.update(name=Concat("name", Value("!")))

    def make(number):
        many(model, number, **COLUMNS[model])

    ten, thirty = count_queries_of_story(make, change, gone(model), model, sizes=SIZES)

    assert ten == thirty
