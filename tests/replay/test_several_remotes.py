"""Several remotes: each has its own checkpoint."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from django.core.management import call_command
from django.db import connections

from synchro_triggers import synchronize
from tests.databases import Databases, both
from tests.replay.hearing import LOCAL, REMOTE
from tests.testapp.models import Item

pytestmark = both


def remote(model):
    return model._base_manager.using(REMOTE)


@pytest.fixture
def third(db: None, databases: Databases, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """One more remote, a file."""
    name = databases.copy("sqlite", "third")
    added = connections.configure_settings({LOCAL: {}, "third": databases.settings("sqlite", name)})
    monkeypatch.setitem(connections.settings, "third", added["third"])
    connections["third"].connect()  # Django's tests let a connection to another alias be used, but not made
    yield "third"
    connections["third"].close()
    del connections["third"]
    databases.remove("sqlite", name)


def test_each_of_several_remotes_has_its_own_checkpoint(third, settings):
    Item.objects.create(name="a")
    synchronize(REMOTE)
    Item.objects.create(name="b")
    settings.SYNCHRO_REMOTE = [REMOTE, third]

    report = synchronize()

    assert report.remotes == (REMOTE, third)
    assert sorted(remote(Item).values_list("name", flat=True)) == ["a", "b"]
    assert sorted(Item.objects.using(third).values_list("name", flat=True)) == ["a", "b"]
    assert report.created == 3
    assert not synchronize().changed


def test_remote_option_names_one_of_several(third, settings):
    settings.SYNCHRO_REMOTE = [REMOTE, third]
    Item.objects.create(name="a")

    call_command("synchronize", remote=third, verbosity=0)

    assert Item.objects.using(third).exists() and not remote(Item).exists()
