"""What is made, changed and deleted arrives on a remote that only receives, whoever listens there."""

from __future__ import annotations

import datetime

import pytest
from django.db import connections
from django.db.models.signals import post_save

from synchro_triggers import synchronize
from synchro_triggers.models import Checkpoint, Failure, Node, Reference
from tests.databases import RECEIVING_PAIRS, both
from tests.shapeapp.models import Alpha, Author, Beta, Book, Gamma, Paper, Rock, Scissors
from tests.shapes.sides import synchronize_and_compare
from tests.testapp.models import Account, Entry, Friend, Item, Numbered, Restaurant, Tag, Tagged

pytestmark = [both, pytest.mark.vendor(*RECEIVING_PAIRS)]

LOCAL, REMOTE = "default", "remote"


def listen(**told):
    pass


@pytest.fixture(params=["in bulk", "one by one"])
def way(request):
    if request.param == "one by one":
        post_save.connect(listen, weak=False)
    yield request.param
    post_save.disconnect(listen)


def on_remote(model):
    return model._base_manager.using(REMOTE)


def execute(alias, sql):
    with connections[alias].cursor() as cursor:
        cursor.execute(sql)
        return cursor.fetchall() if cursor.description else []


def test_objects_arrive_change_and_go(way):
    kept, gone = Item.objects.create(name="Zoë's 100 % 🙂", cash=7), Item.objects.create(name="gone")
    assert synchronize().failures == []
    assert sorted(on_remote(Item).values_list("name", "cash")) == [("Zoë's 100 % 🙂", 7), ("gone", 0)]

    Item.objects.filter(pk=kept.pk).update(cash=9)
    gone.delete()
    report = synchronize()

    assert report.failures == []
    assert list(on_remote(Item).values_list("name", "cash")) == [("Zoë's 100 % 🙂", 9)]
    assert not synchronize().changed


def test_objects_arrive_from_a_database_that_was_put_back_once():
    Item.objects.create(name="a")
    assert synchronize().created == 1
    Node.objects.update(succeeds="another")  # as `synchro_reset --keep-identity` leaves it
    Item.objects.create(name="b")

    assert synchronize().created == 1
    assert sorted(on_remote(Item).values_list("name", flat=True)) == ["a", "b"]


def test_relations_links_and_parents_arrive(way):
    account = Account.objects.create(name="a", cash=1)
    Entry.objects.create(name="e", account=account)
    tagged, tags = Tagged.objects.create(title="t"), [Tag.objects.create(label=label) for label in "xyz"]
    tagged.tags.set(tags)
    one, other = Friend.objects.create(name="one"), Friend.objects.create(name="other")
    one.friends.add(other)
    Restaurant.objects.create(name="r", stars=3)
    synchronize_and_compare("testapp")

    tagged.tags.remove(tags[0])
    account.delete()
    one.delete()
    Restaurant.objects.update(stars=2)
    synchronize_and_compare("testapp")


def test_unique_values_are_swapped(way):
    one, other = Numbered.objects.create(number=1, name="one"), Numbered.objects.create(number=2, name="other")
    synchronize()

    Numbered.objects.filter(pk=one.pk).update(number=3)
    Numbered.objects.filter(pk=other.pk).update(number=1)
    Numbered.objects.filter(pk=one.pk).update(number=2)

    synchronize_and_compare(Numbered)


# Cycles --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("first", ["book", "author"])
def test_cycle_is_cut_where_it_may_be_null_wherever_it_begins(way, first):
    author = Author.objects.create(name="author")
    book = Book.objects.create(name="book", author=author)
    Author.objects.filter(pk=author.pk).update(favourite=book)
    execute(LOCAL, "DELETE FROM synchro_triggers_changelog")
    for model in (Book, Author) if first == "book" else (Author, Book):
        model.objects.update(name=f"new {first}")
    with connections[LOCAL].cursor() as cursor:  # as if they had been made in this order
        cursor.execute("UPDATE synchro_triggers_changelog SET operation = 'I'")

    synchronize_and_compare(Author, Book)

    assert on_remote(Author).get().favourite_id == on_remote(Book).get().pk


def test_ring_of_references_that_may_be_null_arrives_and_goes(way):
    rock = Rock.objects.create(name="rock")
    paper = Paper.objects.create(name="paper", wraps=rock)
    scissors = Scissors.objects.create(name="scissors", cut=paper)
    Rock.objects.update(blunts=scissors)
    synchronize_and_compare(Rock, Paper, Scissors)

    for model in (Rock, Paper, Scissors):
        model.objects.all().delete()
    synchronize_and_compare(Rock, Paper, Scissors)


def test_ring_that_cannot_be_cut_is_kept_with_the_reason_and_stops_nobody():
    connection = connections[LOCAL]
    with connection.constraint_checks_disabled():
        alpha = Alpha(pk=1, name="alpha", beta_id=1)
        alpha.save(force_insert=True)
        Beta(pk=1, name="beta", gamma_id=1).save(force_insert=True)
        Gamma(pk=1, name="gamma", alpha_id=1).save(force_insert=True)
    Item.objects.create(name="good")

    report = synchronize()

    assert {failure.model for failure in report.failures} == {"shapeapp.Alpha", "shapeapp.Beta", "shapeapp.Gamma"}
    assert any("checks foreign keys at once" in failure.error for failure in report.failures)
    assert on_remote(Item).get().name == "good"
    assert on_remote(Failure).count() == 3


# Texts ---------------------------------------------------------------------------------------------


def test_keys_that_differ_by_case_accent_or_space_are_told_apart_by_references(way):
    """The remote's own column finds them equal: one arrives, the others are kept, and none is taken for another."""
    names = ["résumé", "resume", "RESUME", "resume "]
    Account.objects.bulk_create([Account(name=name, cash=number) for number, name in enumerate(names)])

    report = synchronize()

    arrived = on_remote(Account).get()
    assert arrived.cash == names.index(arrived.name)
    assert {failure.key for failure in report.failures} == set(names) - {arrived.name}
    assert set(on_remote(Failure).values_list("object_pk", flat=True)) == set(names) - {arrived.name}
    assert list(on_remote(Reference).values_list("local_pk", flat=True)) == [arrived.name]


def test_references_of_keys_that_differ_only_for_us_live_side_by_side():
    keys = ["a", "A", "á", "a ", "ａ"]
    Reference.objects.using(REMOTE).bulk_create(
        [Reference(source="s", model_label="testapp.Account", local_pk=key, remote_pk=key) for key in keys]
    )

    for key in keys:
        assert Reference.objects.using(REMOTE).get(source="s", local_pk=key).remote_pk == key


def test_natural_key_is_not_that_of_an_object_that_differs_by_case(way):
    theirs = Tag.objects.using(REMOTE).create(label="Red")
    Tag.objects.create(label="red")
    Tag.objects.create(label="Red")

    assert synchronize().failures == []

    assert sorted(on_remote(Tag).values_list("label", flat=True)) == ["Red", "red"]
    assert on_remote(Tag).get(pk=theirs.pk).label == "Red"


# Times ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("zone", ["+05:30", "-11:00"])
def test_times_are_right_whatever_the_servers_zone(zone, settings):
    with connections[REMOTE].cursor() as cursor:
        cursor.execute("SET SESSION time_zone = %s", [zone])
    try:
        Item.objects.create(name="a")
        before = datetime.datetime.now(datetime.UTC) - datetime.timedelta(seconds=1)
        synchronize()
        after = datetime.datetime.now(datetime.UTC) + datetime.timedelta(seconds=1)

        assert before <= on_remote(Reference).get(model_label="testapp.Item").met_at <= after
        checkpoint = on_remote(Checkpoint).get()
        assert before <= checkpoint.last_check <= after
    finally:
        with connections[REMOTE].cursor() as cursor:
            cursor.execute("SET SESSION time_zone = DEFAULT")
