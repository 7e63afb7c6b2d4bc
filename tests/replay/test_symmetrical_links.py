"""Both rows of a symmetrical link are heard of as one link, and none of them is lost where it fails."""

from __future__ import annotations

import pytest

from synchro_triggers import synchronize
from tests.databases import both
from tests.replay.hearing import LOCAL, REMOTE, receiving
from tests.testapp.models import Friend

pytestmark = [both, pytest.mark.mariadb]

THROUGH = Friend.friends.through


@pytest.fixture
def rows():
    """Keys of both rows of a link that a receiver has refused, and the report of that run."""
    one, two = Friend.objects.create(name="one"), Friend.objects.create(name="two")
    one.friends.add(two)
    keys = [THROUGH._base_manager.get(from_friend=here, to_friend=there).pk for here, there in ((one, two), (two, one))]

    def refuse(action, using, **told):
        if using == REMOTE and action == "post_add":
            raise ValueError("not today")

    with receiving("m2m_changed", THROUGH, refuse):
        return keys, synchronize()


def linked(alias=REMOTE):
    names = THROUGH._base_manager.using(alias).values_list("from_friend__name", "to_friend__name")
    return sorted(names)


def failed(report):
    return sorted((failure.model, failure.key) for failure in report.failures)


def test_both_rows_of_a_link_that_a_receiver_refuses_are_kept_and_arrive_together(rows):
    keys, report = rows

    assert failed(report) == sorted((THROUGH._meta.label, str(key)) for key in keys)
    assert linked() == []
    assert synchronize().failures == []
    assert linked() == linked(LOCAL) == [("one", "two"), ("two", "one")]
    assert not synchronize().changed


@pytest.mark.parametrize("gone", [0, 1])
def test_row_that_is_left_of_a_refused_link_arrives_when_the_other_one_was_deleted(rows, gone):
    keys, _ = rows
    THROUGH._base_manager.filter(pk=keys[gone])._raw_delete(LOCAL)

    assert synchronize().failures == []

    assert linked() == linked(LOCAL)
    assert len(linked()) == 1
    assert not synchronize().changed
