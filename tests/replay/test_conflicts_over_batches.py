"""A conflict over an object whose rows in several tables are logged apart, and brought by several batches."""

from __future__ import annotations

import pytest

from synchro_triggers import synchronize
from synchro_triggers.models import Conflict
from tests.databases import ALIASES, both
from tests.replay.hearing import later
from tests.testapp.models import Place, Restaurant

LOCAL, REMOTE = ALIASES

CHANGES = {
    "parent": lambda: Place.objects.update(name="b"),
    "child": lambda: Restaurant.objects.update(stars=2),
}


def there():
    return Restaurant.objects.using(REMOTE).values_list("name", "stars").get()


@both
@pytest.mark.thinned("size", "first")
@pytest.mark.parametrize("size", [1, 1000])
@pytest.mark.parametrize("first", CHANGES)
@pytest.mark.parametrize(
    ("rule", "expected"), [("remote", ("a", 3)), ("local", ("b", 2)), ("newest", ("b", 2))], ids=lambda each: str(each)
)
def test_what_the_remote_has_won_is_not_overwritten_by_the_next_batch(settings, rule, expected, first, size):
    settings.SYNCHRO_CONFLICT, settings.SYNCHRO_BATCH_SIZE = rule, size
    Restaurant.objects.create(name="a", stars=1)
    synchronize()
    later()
    CHANGES[first]()
    later()
    Restaurant.objects.using(REMOTE).update(stars=3)
    later()
    CHANGES["child" if first == "parent" else "parent"]()

    synchronize()

    assert there() == expected
    assert Conflict.objects.using(REMOTE).latest("pk").result == ("remote" if rule == "remote" else "local")
    assert not synchronize().changed and there() == expected


@both
@pytest.mark.parametrize("size", [1, 1000])
def test_older_changes_lose_as_one(settings, size):
    settings.SYNCHRO_BATCH_SIZE = size
    Restaurant.objects.create(name="a", stars=1)
    synchronize()
    later()
    for change in CHANGES.values():
        change()
    later()
    Restaurant.objects.using(REMOTE).update(stars=3)

    synchronize()

    assert there() == ("a", 3)
    assert Conflict.objects.using(REMOTE).count() == 1
