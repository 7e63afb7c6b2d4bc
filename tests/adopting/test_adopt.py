"""``synchro_adopt``: a project with django-synchro's real code moves, and nothing is lost or doubled."""

from __future__ import annotations

import pytest

from synchro_triggers import compare, counterparts, synchronize
from synchro_triggers.local import replaying_from
from synchro_triggers.models import ChangeLog, Reference
from synchro_triggers.replay.adoption import adopting
from synchro_triggers.testing import assert_synchronised
from tests.adopting.stories import BEGIN, LOCAL, REMOTE, SENT, adopted, counts, remote
from tests.databases import both_committed
from tests.testapp.models import (
    Account,
    Entry,
    Friend,
    Item,
    Keyed,
    Membership,
    OwnKey,
    Place,
    Restaurant,
    Tag,
    Tagged,
    Unlisted,
)

pytestmark = [both_committed, pytest.mark.thinned("old")]


def test_what_was_pending_is_sent_and_nothing_else(old, move):
    old.do(BEGIN)
    old.do("""
        Item.objects.get(name="first").delete()
        second = Item.objects.get(name="second"); second.cash = 7; second.save()
        Item.objects.create(name="new")
        Keyed.objects.filter(code="b").get().delete()
        Entry.objects.create(name="second entry", account=Account.objects.get())
        gone = Item.objects.create(name="came and went"); gone.delete()
    """)
    before = sorted(remote(Item).values_list("pk", "name"))
    move()

    code, told = adopted()

    assert code == 0 and told["left"] == []
    assert told["models"]["testapp.Item"] == counts(references=3, pending=3, done=1)
    assert told["models"]["testapp.Keyed"] == counts(references=2, pending=1)
    assert told["models"]["testapp.Account"] == counts(known=1)
    assert sorted(remote(Item).values_list("pk", "name")) == before  # nothing is sent yet
    report = synchronize()
    assert report.failures == [] and report.remarks == []
    assert {label: (each.created, each.updated, each.deleted) for label, each in report.models.items()} == {
        "testapp.Item": (1, 1, 1),
        "testapp.Keyed": (0, 0, 1),
        "testapp.Entry": (1, 0, 0),
    }
    assert sorted(remote(Item).values_list("name", "cash")) == [
        ("new", 0),
        ("of the remote", 0),
        ("second", 7),
        ("third", 0),
    ]
    assert remote(Entry).filter(account=remote(Account).get()).count() == 2
    assert sorted(remote(Keyed).values_list("code", flat=True)) == ["c", "there before"]
    there = set(counterparts(Item, Item.objects.values_list("pk", flat=True)).values())
    assert there == set(remote(Item).exclude(name="of the remote").values_list("pk", flat=True))
    assert [each.only for each in compare().differences] == ["remote", "remote"]  # what was never LOCAL's
    assert not synchronize().changed


def test_second_adoption_finds_nothing_new_and_a_later_one_goes_on(old, move):
    old.do(BEGIN + 'Item.objects.create(name="new")')
    move()
    adopted()
    logged, known = ChangeLog.objects.count(), remote(Reference).count()

    code, told = adopted()

    assert code == 0 and (ChangeLog.objects.count(), remote(Reference).count()) == (logged, known)
    assert told["models"]["testapp.Item"] == counts(known=3)
    synchronize()
    old.do('Item.objects.create(name="by code that was not stopped")')
    code, told = adopted()
    assert code == 0 and told["models"]["testapp.Item"] == counts(known=3, pending=1)
    synchronize()
    assert remote(Item).filter(name="by code that was not stopped").count() == 1


def test_dry_run_says_the_same_and_writes_nothing(old, move):
    old.do(
        BEGIN
        + """
Item.objects.create(name="new")
Item.objects.get(name="first").delete()
Keyed.objects.get(code="b").delete()
"""
    )
    move()
    code, foreseen = adopted("--dry-run")
    assert code == 0 and foreseen.pop("dry_run") is True
    assert not ChangeLog.objects.exists() and not remote(Reference).exists()

    code, told = adopted()

    assert code == 0 and told.pop("dry_run") is False
    assert foreseen == told


def test_links_are_those_that_there_are(old, move):
    old.do(
        """
tags = [Tag.objects.create(label=label) for label in "abc"]
Tag.objects.using("remote").create(label="z")
tagged = Tagged.objects.create(title="x"); tagged.tags.set(tags[:2])
one, two = (Friend.objects.create(name=name) for name in ("one", "two")); one.friends.add(two)
"""
        + SENT
    )
    assert set(remote(Tagged).get().tags.values_list("label", flat=True)) == {"a", "b"}
    old.do("""
        tagged = Tagged.objects.get()
        tagged.tags.remove(Tag.objects.get(label="a")); tagged.tags.add(Tag.objects.get(label="c"))
        one, two = Friend.objects.order_by("pk"); one.friends.remove(two); two.follows.add(one)
    """)
    row = remote(Tagged).get()
    row.tags.add(remote(Tag).get(label="z"))  # of an object that LOCAL never had: nobody has removed it
    move()

    assert adopted()[0] == 0
    assert synchronize().failures == []

    assert set(row.tags.values_list("label", flat=True)) == {"b", "c", "z"}
    assert not remote(Friend).get(name="one").friends.exists()
    assert [friend.name for friend in remote(Friend).get(name="two").follows.all()] == ["one"]


def test_links_with_values_are_objects(old, move):
    old.do(
        """
extra = Unlisted.objects.create(name="extra")
club = Club.objects.create(name="club")
Membership.objects.create(club=club, member=Tag.objects.create(label="a"), extra=extra, cash=1)
"""
        + SENT
    )
    assert remote(Membership).get().cash == 1
    old.do("""
        club, extra = Club.objects.get(), Unlisted.objects.get()
        old = Membership.objects.get(); old.cash = 2; old.save()
        Membership.objects.create(club=club, member=Tag.objects.create(label="b"), extra=extra, cash=3)
    """)
    move()

    assert adopted()[0] == 0
    assert synchronize().failures == []

    assert sorted(remote(Membership).values_list("member__label", "cash")) == [("a", 2), ("b", 3)]
    assert remote(Unlisted).count() == 1
    assert_synchronised(models=["testapp.Club", "testapp.Membership", "testapp.Tag"])


def test_deleted_object_without_reference_is_found_by_natural_key(old, move):
    old.do("""
        import datetime
        for alias in ("default", "remote"):  # one side was imported from the other, by hand
            for year in (2012, 2013):
                OwnKey(pk=year, code="a'b", day=datetime.date(year, 2, 28)).save_base(using=alias, raw=True)
            ChangeLog.objects.all().delete()
        OwnKey.objects.using("remote").filter(pk=2013).update(id=77)
        OwnKey.objects.get(pk=2013).delete()
    """)
    move()

    code, told = adopted()

    assert code == 0 and told["models"]["testapp.OwnKey"]["pending"] == 1
    synchronize()
    assert [row.day.year for row in remote(OwnKey)] == [2012]


def test_number_that_was_given_out_again_is_another_object(old, move):
    old.do(BEGIN)
    old.do("""
        key = Item.objects.get(name="first").pk
        Item.objects.get(pk=key).delete()
        Item.objects.create(pk=key, name="another one")
    """)
    there = remote(Item).get(name="first").pk
    move()

    assert adopted()[0] == 0
    report = synchronize()

    assert (report.created, report.deleted) == (1, 1)
    assert remote(Item).get(name="another one").pk != there and not remote(Item).filter(pk=there).exists()


def test_reference_of_an_object_that_had_the_number_before_is_outdated(old, move):
    old.do(BEGIN)
    old.do("""
        import time
        key = Item.objects.get(name="first").pk
        Item.objects.get(pk=key).delete()
        assert "success" in str(call_synchronize())
        there = Reference.objects.get(local_object_id=key, content_type__model="item").remote_object_id
        Item.objects.using("remote").create(pk=there, name="theirs")
        ChangeLog.objects.update(date=timezone.now() - timezone.timedelta(minutes=2))
        options.last_check = timezone.now() - timezone.timedelta(minutes=1)
        Item.objects.create(pk=key, name="ours")
    """)
    move()

    assert adopted()[1]["models"]["testapp.Item"]["outdated"] == 1
    synchronize()

    assert remote(Item).filter(name__in=["theirs", "ours"]).count() == 2


def test_children_are_one_object_with_their_parents(old, move):
    old.do(
        """
Place.objects.using("remote").create(name="of the remote")
for name in ("first", "second", "third"):
    Restaurant.objects.create(name=name, stars=1)
"""
        + SENT
    )
    assert remote(Restaurant).count() == 3
    old.do("""
        Restaurant.objects.filter(name="first").get().delete()
        second = Restaurant.objects.get(name="second"); second.stars = 2; second.name = "changed"; second.save()
        Restaurant.objects.create(name="new", stars=5)
    """)
    move()

    assert adopted()[0] == 0
    report = synchronize()

    assert report.failures == [] and report.remarks == []
    assert sorted(remote(Restaurant).values_list("name", "stars")) == [("changed", 2), ("new", 5), ("third", 1)]
    assert remote(Place).count() == 4
    assert not synchronize().changed


def test_both_sides_take_over_what_they_have_not_sent(old, move):
    """A conflict is decided by the times at which django-synchro has logged both changes."""
    old.do(
        """
for code in "abc":
    Keyed.objects.create(code=code, cash=1)
"""
        + SENT
    )
    old.do(
        """
options.last_check = timezone.now() - timezone.timedelta(minutes=1)
for code, cash in (("a", 2), ("b", 2)):
    keyed = Keyed.objects.get(code=code); keyed.cash = cash; keyed.save()
Keyed.objects.create(code="there", cash=2)
""",
        on_remote=True,
    )
    old.do("""
        for code, cash in (("a", 3), ("c", 3)):
            keyed = Keyed.objects.get(code=code); keyed.cash = cash; keyed.save()
        Keyed.objects.create(code="here", cash=3)
    """)
    move()

    with replaying_from(REMOTE):
        assert adopting.adopt(LOCAL).left == []  # as the other machine's process does
    assert adopted()[0] == 0
    assert synchronize(both=True).failures == []

    assert dict(Keyed.objects.values_list("code", "cash")) == {"a": 3, "b": 2, "c": 3, "there": 2, "here": 3}
    assert_synchronised(models=["testapp.Keyed"])
