"""Many-to-many fields: links arrive and go, whichever side they were written from, and receivers hear it."""

from __future__ import annotations

import pytest
from django.core.management import call_command
from django.db import connections
from django.db.models import Value
from django.db.models.functions import Concat

from synchro_triggers import reset_synchro, synchro_paused, synchronize
from tests.comparing import assert_same
from tests.counting import captured
from tests.databases import both
from tests.replay.hearing import LOCAL, REMOTE, hearing, names, receiving
from tests.testapp.models import Club, Friend, Membership, Tag, Tagged, Unlisted

pytestmark = [both, pytest.mark.mariadb]


def remote(model):
    return model._base_manager.using(REMOTE)


def labels(title="t"):
    return sorted(tag.label for tag in remote(Tagged).get(title=title).tags.all())


@pytest.fixture
def tags():
    return [Tag.objects.create(label=label) for label in "abc"]


@pytest.fixture
def tagged():
    return Tagged.objects.create(title="t")


# Automatic tables ---------------------------------------------------------------------------------


@pytest.mark.all_pairs
def test_link_arrives_with_both_its_ends(tagged, tags):
    tagged.tags.add(tags[0])

    synchronize()

    assert labels() == ["a"]
    assert [one.title for one in remote(Tag).get(label="a").tagged.all()] == ["t"]


@pytest.mark.all_pairs
@pytest.mark.parametrize(
    ("change", "left"),
    [
        (lambda tagged, tags: tagged.tags.remove(tags[0]), ["b"]),
        (lambda tagged, tags: tagged.tags.clear(), []),
        (lambda tagged, tags: tagged.tags.set(tags[1:]), ["b", "c"]),
        (lambda tagged, tags: tagged.tags.set([tags[2]], clear=True), ["c"]),
        (lambda tagged, tags: tags[0].tagged.remove(tagged), ["b"]),
        (lambda tagged, tags: tags[1].tagged.clear(), ["a"]),
        (lambda tagged, tags: tags[2].tagged.add(tagged), ["a", "b", "c"]),
        (lambda tagged, tags: tags[2].tagged.set([tagged]), ["a", "b", "c"]),
        (lambda tagged, tags: Tagged.tags.through.objects.filter(tag=tags[0]).delete(), ["b"]),
        (lambda tagged, tags: Tagged.tags.through.objects.filter(tag=tags[0]).update(tag=tags[2]), ["b", "c"]),
    ],
    ids=[
        "remove",
        "clear",
        "set",
        "set after clearing",
        "reverse remove",
        "reverse clear",
        "reverse add",
        "reverse set",
        "delete of the row",
        "update of the row",
    ],
)
def test_change_of_links_arrives(tagged, tags, change, left):
    tagged.tags.add(tags[0], tags[1])
    synchronize()

    change(tagged, tags)
    report = synchronize()

    assert report.failures == [] and report.changed
    assert labels() == left
    assert not synchronize().changed


def test_reverse_add_of_several(tagged, tags):
    other = Tagged.objects.create(title="other")

    tags[0].tagged.add(tagged, other)
    synchronize()

    assert labels("t") == labels("other") == ["a"]


def test_links_that_only_the_remote_has_stay(tagged, tags):
    tagged.tags.add(tags[0])
    synchronize()
    there = remote(Tagged).get()
    Tagged.tags.through._base_manager.using(REMOTE).create(tagged=there, tag=remote(Tag).get(label="c"))

    tagged.tags.add(tags[1])
    synchronize()

    assert labels() == ["a", "b", "c"]


def test_link_brings_ends_along_that_were_never_logged():
    with synchro_paused():
        tagged, tag = Tagged.objects.create(title="t"), Tag.objects.create(label="x")

    tagged.tags.add(tag)
    synchronize()

    assert labels() == ["x"]


def test_link_added_and_removed_between_two_runs_causes_no_action(tagged, tags):
    synchronize()
    tagged.tags.add(tags[0])
    tagged.tags.remove(tags[0])

    with hearing(Tagged.tags.through) as heard:
        report = synchronize()

    assert heard == [] and not report.changed


def test_link_removed_and_added_again_is_left_as_it_is(tagged, tags):
    tagged.tags.add(tags[0])
    synchronize()
    tagged.tags.clear()
    tagged.tags.add(tags[0])

    with hearing(Tagged.tags.through) as heard:
        synchronize()

    assert heard == [] and labels() == ["a"]


def test_link_goes_with_its_object(tagged, tags):
    tagged.tags.add(*tags)
    synchronize()

    tags[0].delete()
    synchronize()
    assert labels() == ["b", "c"]
    tagged.delete()
    report = synchronize()

    assert report.failures == []
    assert not Tagged.tags.through._base_manager.using(REMOTE).exists()


def test_removed_link_of_objects_found_by_natural_key_goes(tagged, tags):
    """Neither end was ever synchronised: only the tag can be found, so only its link can be told."""
    tagged.tags.add(tags[0])
    synchronize()
    reset_synchro()
    there = remote(Tagged).get()
    tagged.title = "known again"
    tagged.save()
    call_command("synchro_link", "--strangers", verbosity=0)
    synchronize()
    assert remote(Tagged).count() == 2, "without natural key and reference it is a new object, as was said"

    tagged.tags.clear()
    synchronize()

    assert there.tags.count() == 1


def test_removed_link_is_removed_where_both_ends_are_known():
    one, two = Friend.objects.create(name="one"), Friend.objects.create(name="two")
    one.follows.add(two)
    synchronize()

    one.follows.remove(two)
    report = synchronize()

    assert report.models["testapp.Friend_follows"].deleted == 1
    assert not remote(Friend).get(name="one").follows.exists()


def test_links_are_counted(tagged, tags):
    tagged.tags.add(*tags)
    created = synchronize()
    tagged.tags.set(tags[:1])
    deleted = synchronize()

    assert created.models["testapp.Tagged_tags"].created == 3
    assert deleted.models["testapp.Tagged_tags"].deleted == 2


def test_links_in_batches_of_one(tagged, tags, settings, monkeypatch):
    settings.SYNCHRO_BATCH_SIZE = 1
    monkeypatch.setattr("synchro_triggers.replay.backlog.PAGE_ROWS", 1)
    tagged.tags.add(*tags)
    tagged.tags.remove(tags[1])

    assert synchronize().failures == []

    assert labels() == ["a", "c"]


# Symmetrical and directed links to the same model -------------------------------------------------


@pytest.mark.all_pairs
def test_symmetrical_link_is_symmetrical_on_the_remote():
    one, two = Friend.objects.create(name="one"), Friend.objects.create(name="two")
    one.friends.add(two)

    synchronize()

    assert [friend.name for friend in remote(Friend).get(name="one").friends.all()] == ["two"]
    assert [friend.name for friend in remote(Friend).get(name="two").friends.all()] == ["one"]

    two.friends.remove(one)
    synchronize()

    assert not Friend.friends.through._base_manager.using(REMOTE).exists()


def test_symmetrical_link_to_oneself():
    me = Friend.objects.create(name="me")
    me.friends.add(me)

    synchronize()

    assert [friend.name for friend in remote(Friend).get().friends.all()] == ["me"]


def test_directed_link_keeps_its_direction():
    one, two = Friend.objects.create(name="one"), Friend.objects.create(name="two")
    two.follows.add(one)
    one.followers.add(Friend.objects.create(name="three"))

    synchronize()

    there = remote(Friend).get(name="one")
    assert sorted(friend.name for friend in there.followers.all()) == ["three", "two"]
    assert not there.follows.exists()


# Through models -----------------------------------------------------------------------------------


@pytest.mark.all_pairs
def test_through_model_arrives_with_its_fields_and_its_parents():
    club = Club.objects.create(name="c")
    member = Tag.objects.create(label="m")
    club.members.add(member, through_defaults={"extra": Unlisted.objects.create(name="e"), "cash": 5})

    synchronize()

    membership = remote(Membership).get()
    assert (membership.club.name, membership.member.label) == ("c", "m")
    assert (membership.extra.name, membership.cash) == ("e", 5)
    assert [tag.label for tag in remote(Club).get().members.all()] == ["m"]


def test_through_model_brings_all_its_parents_along():
    with synchro_paused():
        club, member = Club.objects.create(name="c"), Tag.objects.create(label="m")
        extra = Unlisted.objects.create(name="e")
    Membership.objects.create(club=club, member=member, extra=extra)

    synchronize()

    membership = remote(Membership).get()
    assert (membership.club.name, membership.member.label, membership.extra.name) == ("c", "m", "e")


def test_through_row_changes_and_goes():
    club, member = Club.objects.create(name="c"), Tag.objects.create(label="m")
    row = Membership.objects.create(club=club, member=member, extra=Unlisted.objects.create())
    synchronize()
    key = remote(Membership).get().pk

    Membership.objects.update(cash=9)
    synchronize()
    assert remote(Membership).values_list("pk", "cash").get() == (key, 9)
    row.delete()
    synchronize()

    assert not remote(Membership).exists() and remote(Club).exists() and remote(Tag).exists()


def test_clear_through_a_through_model_arrives():
    club = Club.objects.create(name="c")
    for label in "ab":
        Membership.objects.create(
            club=club, member=Tag.objects.create(label=label), extra=Unlisted.objects.create(), cash=1
        )
    synchronize()

    club.members.clear()
    synchronize()

    assert not remote(Membership).exists() and remote(Tag).count() == 2


def test_through_model_sends_its_own_signals():
    club = Club.objects.create(name="c")
    Membership.objects.create(club=club, member=Tag.objects.create(label="m"), extra=Unlisted.objects.create())

    with hearing(Membership) as heard:
        synchronize()

    assert names(heard) == ["pre_save", "post_save"]
    assert heard[1].told["created"] is True and heard[1].told["using"] == REMOTE


# Signals ------------------------------------------------------------------------------------------


@pytest.mark.all_pairs
def test_receivers_hear_links_as_the_related_manager_would_say_it(tagged, tags):
    tagged.tags.add(tags[0], tags[1])

    with hearing(Tagged.tags.through) as heard:
        synchronize()

    there = remote(Tagged).get()
    assert [one.told["action"] for one in heard] == ["pre_add", "post_add"]
    for one in heard:
        assert one.instance == there and one.instance._state.db == REMOTE
        assert one.told["using"] == REMOTE and one.told["reverse"] is False and one.told["model"] is Tag
        assert one.told["pk_set"] == set(remote(Tag).filter(label__in="ab").values_list("pk", flat=True))


def test_receivers_hear_removed_links(tagged, tags):
    tagged.tags.add(*tags)
    synchronize()
    tagged.tags.set(tags[:2])
    gone = remote(Tag).get(label="c").pk

    with hearing(Tagged.tags.through) as heard:
        synchronize()

    assert [(one.told["action"], one.told["pk_set"]) for one in heard] == [
        ("pre_remove", {gone}),
        ("post_remove", {gone}),
    ]
    assert all(one.told["using"] == REMOTE for one in heard)


def test_pre_add_is_heard_before_the_link_is_there_and_post_add_after(tagged, tags):
    tagged.tags.add(tags[0])
    seen = []

    def look(instance, action, using, **told):
        seen.append((action, Tagged.tags.through._base_manager.using(using).count()))

    with receiving("m2m_changed", Tagged.tags.through, look):
        synchronize()

    assert seen == [("pre_add", 0), ("post_add", 1)]


def test_raw_link_is_heard_too(tagged, tags):
    synchronize()
    with connections["default"].cursor() as cursor:
        cursor.execute(f"INSERT INTO testapp_tagged_tags (tagged_id, tag_id) VALUES ({tagged.pk}, {tags[0].pk})")

    with hearing(Tagged.tags.through) as heard:
        synchronize()

    assert [one.told["action"] for one in heard] == ["pre_add", "post_add"]


def test_receiver_that_raises_keeps_the_link_for_the_next_run(tagged, tags):
    tagged.tags.add(*tags)

    def refuse(action, using, **told):
        if using == REMOTE:
            raise ValueError("not today")

    with receiving("m2m_changed", Tagged.tags.through, refuse):
        report = synchronize()

    assert {failure.model for failure in report.failures} == {"testapp.Tagged_tags"}
    assert labels() == []
    assert synchronize().failures == [] and labels() == ["a", "b", "c"]


# What is read ahead for several owners ------------------------------------------------------------

OWNERS = "abcde"
THROUGH = Tagged.tags.through


@pytest.fixture
def unlinked(tags):
    """Owners and tags that both sides have; LOCAL links all of them now."""
    for title in OWNERS:
        Tagged.objects.create(title=title)
    synchronize()
    for owner in Tagged.objects.order_by("pk"):
        owner.tags.set(tags)


def all_labels():
    return {one.title[0]: "".join(sorted(tag.label for tag in one.tags.all())) for one in remote(Tagged).all()}


def owner_was_written_to(**told):
    remote(Tagged).exclude(pk=told["instance"].pk).update(title=Concat("title", Value("!")))


def all_links_were_written(**told):
    present = set(remote(THROUGH).values_list("tagged_id", "tag_id"))
    everything = {(owner.pk, tag.pk) for owner in remote(Tagged).all() for tag in remote(Tag).all()}
    owner = told["instance"].pk
    remote(THROUGH).bulk_create(THROUGH(tagged_id=a, tag_id=b) for a, b in everything - present if a != owner)


def all_links_were_removed(**told):
    remote(THROUGH).exclude(tagged_id=told["instance"].pk).delete()


def test_receivers_find_each_owner_as_the_ones_before_them_left_it(unlinked):
    seen = []

    def write(action, using, **told):
        if action == "pre_add":
            seen.append(told["instance"].title)
            owner_was_written_to(**told)

    with receiving("m2m_changed", THROUGH, write):
        assert synchronize().failures == []

    assert seen == ["a", "b!", "c!!", "d!!!", "e!!!!"]
    assert all_labels() == dict.fromkeys(OWNERS, "abc")


@pytest.mark.parametrize("when", ["pre_add", "post_add"])
def test_what_receivers_have_linked_is_not_announced_again(unlinked, when):
    seen = []

    def write(action, pk_set, **told):
        if action == when:
            seen.append((told["instance"].title, len(pk_set)))
            all_links_were_written(**told)

    with receiving("m2m_changed", THROUGH, write):
        report = synchronize()

    assert report.failures == []
    assert seen == [("a", 3)]
    assert all_labels() == dict.fromkeys(OWNERS, "abc")
    assert report.models["testapp.Tagged_tags"].created == 3


@pytest.mark.parametrize("when", ["pre_remove", "post_remove"])
def test_what_receivers_have_unlinked_is_not_announced_again(unlinked, when):
    synchronize()
    for owner in Tagged.objects.all():
        owner.tags.clear()
    seen = []

    def write(action, pk_set, **told):
        if action == when:
            seen.append((told["instance"].title, len(pk_set)))
            all_links_were_removed(**told)

    with receiving("m2m_changed", THROUGH, write):
        report = synchronize()

    assert report.failures == []
    assert seen == [("a", 3)]
    assert set(all_labels().values()) == {""}


def test_each_owner_takes_one_query_and_its_links_none(unlinked, tags):
    def queries_of_a_run():
        with hearing(THROUGH) as heard, captured(REMOTE, LOCAL) as (there, here):
            assert synchronize().failures == []
        assert all(len(one.told["pk_set"]) > 0 for one in heard)
        return len(heard) // 2, len(there), len(here)

    _, *others = Tagged.objects.order_by("pk")
    synchronize()
    for change in (others[0].tags.remove, others[0].tags.add):  # the first of a kind makes its total
        change(tags[0])
        synchronize()
    counts = []
    for owners, some in ((others[:1], tags[:1]), (others, tags[1:])):
        for owner in owners:
            owner.tags.remove(*some)
        removing = queries_of_a_run()
        for owner in owners:
            owner.tags.add(*some)
        counts.append((removing, queries_of_a_run()))

    for (one, there, here), (all_of_them, there_of_all, here_of_all) in zip(*counts, strict=True):
        assert (one, all_of_them) == (1, len(others))
        assert there_of_all - there == len(others) - 1
        assert here_of_all == here


def test_owner_that_fails_keeps_no_other_from_its_links(unlinked):
    def fail(action, **told):
        if action == "post_add" and told["instance"].title == "c":
            raise ValueError("not this one")

    with receiving("m2m_changed", THROUGH, fail):
        report = synchronize()

    assert len(report.failures) == 3
    assert all_labels() == dict.fromkeys(OWNERS, "abc") | {"c": ""}
    synchronize()
    assert all_labels() == dict.fromkeys(OWNERS, "abc")


def test_symmetrical_links_of_many_are_heard_once_each():
    friends = [Friend.objects.create(name=name) for name in OWNERS]
    synchronize()
    for one in friends:
        one.friends.add(*friends)
    with hearing(Friend.friends.through) as heard:
        assert synchronize().failures == []
    pairs = [(one.instance.name, key) for one in heard if one.name == "m2m_changed" for key in one.told["pk_set"]]
    assert len(pairs) == len(set(pairs)) * 2  # pre_add and post_add
    assert_same(Friend, Friend.friends.through)
    assert remote(Friend.friends.through).count() == 25

    for one in friends[:2]:
        one.friends.clear()
    with hearing(Friend.friends.through) as heard:
        assert synchronize().failures == []
    assert {one.told["action"] for one in heard} == {"pre_remove", "post_remove"}
    assert_same(Friend, Friend.friends.through)
    assert remote(Friend.friends.through).count() == 9
