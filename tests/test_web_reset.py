"""Starting over with one remote of several: what it knows is forgotten, and the others go on as before."""

from __future__ import annotations

import re

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.messages import constants
from django.core.management import CommandError, call_command
from django.db import connections
from django.urls import reverse

from synchro_triggers import reset_synchro, synchronize
from synchro_triggers.exceptions import Refused, SynchroConfigurationError
from synchro_triggers.models import ChangeLog, Checkpoint, Reference, Run
from synchro_triggers.replay.state.lease import Lease
from synchro_triggers.replay.state.node import node_id
from synchro_triggers.replay.status.remote import pending_rows
from tests.admin_pages import client_of, text_of, user_with
from tests.databases import ALIASES, both
from tests.test_web import EVERYTHING, messages_of
from tests.testapp.models import Item, Keyed

LOCAL, REMOTE = ALIASES

pytestmark = both


@pytest.fixture
def url():
    return reverse("synchro:synchro")


@pytest.fixture
def staff(vendor, db):
    return client_of(user_with(*EVERYTHING))


@pytest.fixture
def third(db, databases, monkeypatch):
    """One more remote, a file."""
    name = databases.copy("sqlite", "third")
    added = connections.configure_settings({LOCAL: {}, "third": databases.settings("sqlite", name)})
    monkeypatch.setitem(connections.settings, "third", added["third"])
    connections["third"].connect()  # Django's tests let a connection to another alias be used, but not made
    yield "third"
    connections["third"].close()
    del connections["third"]
    databases.remove("sqlite", name)


@pytest.fixture
def two(third, settings):
    """Two remotes, which have received an object, and of which the first one waits for a change of it."""
    settings.SYNCHRO_REMOTE = [REMOTE, third]
    settings.SYNCHRO_MODELS = ("testapp.Item", "testapp.Keyed")
    made = Keyed.objects.create(code="a")
    synchronize()
    made.cash = 1
    made.save()
    synchronize(third)
    return third


def names(alias):
    return list(Item.objects.using(alias).values_list("name", flat=True))


def reset_buttons(page):
    """Return what the page's buttons say that they start over."""
    return re.findall(r'name="reset"[^>]* aria-label="Reset synchronization: ([^"]*)"', page.content.decode())


def cash(alias):
    return list(Keyed.objects.using(alias).values_list("code", "cash"))


def test_card_asks_and_forgets_what_waits_for_its_remote_alone(staff, url, two):
    asked = staff.post(url, {"reset": "1", "remote": REMOTE})
    response = staff.post(url, {"reset": "1", "remote": REMOTE, "confirmed": "1"})

    assert "remote: changes that will be forgotten: 1" in text_of(asked) and "third:" not in text_of(asked)
    assert 'name="remote" value="remote"' in asked.content.decode()
    assert messages_of(response) == [(constants.SUCCESS, "Synchronization has been reset.")]
    assert (pending_rows(REMOTE), pending_rows(two)) == (0, 0)
    assert cash(REMOTE) == [("a", 0)]  # it was forgotten, and not sent
    assert not Reference.objects.using(REMOTE).filter(source=node_id(LOCAL)).exists()
    assert Reference.objects.using(two).filter(source=node_id(LOCAL)).exists()
    assert list(LogEntry.objects.values_list("object_repr", "change_message")) == [(REMOTE, "reset")]


def test_both_go_on_afterwards_and_nothing_is_doubled(two):
    reset_synchro(REMOTE)

    Keyed.objects.update(cash=2)
    synchronize()

    assert cash(REMOTE) == cash(two) == [("a", 2)]


def test_what_nothing_tells_is_refused_by_the_one_and_known_to_the_other(two):
    """The log that has seen it being made must not tell the one that starts over that it is new."""
    item = Item.objects.create(name="a")
    synchronize()
    reset_synchro(REMOTE)
    item.name = "b"
    item.save()

    synchronize(two)
    with pytest.raises(Refused, match="may be on 'remote' already"):
        synchronize(REMOTE)

    assert (names(REMOTE), names(two)) == (["a"], ["b"])


@pytest.mark.parametrize("has_met", [True, False])
def test_reset_of_one_is_refused_while_the_log_is_kept_for_another(staff, url, two, has_met):
    if not has_met:
        Checkpoint.objects.using(two).all().delete()
    Keyed.objects.create(code="b")
    before = ChangeLog.objects.count(), Reference.objects.using(REMOTE).count()

    response = staff.post(url, {"reset": "1", "remote": REMOTE, "confirmed": "1"})

    [(level, text)] = messages_of(response)
    assert level == constants.ERROR and "still waits" in text and "'third'" in text
    assert (ChangeLog.objects.count(), Reference.objects.using(REMOTE).count()) == before
    assert not LogEntry.objects.exists()


def test_reset_of_one_is_refused_where_counters_begin_anew_for_all(two, settings):
    settings.SYNCHRO_OPTIONS = {"testapp.Keyed": {"counters": ("cash",)}}

    with pytest.raises(Refused, match="counters"):
        reset_synchro(REMOTE)


def test_reset_of_one_waits_for_a_run_to_another(staff, url, two):
    with Lease(two, node_id(LOCAL)).held():
        response = staff.post(url, {"reset": "1", "remote": REMOTE, "confirmed": "1"})

    assert "A run to 'third' is under way" in messages_of(response)[0][1]
    assert pending_rows(REMOTE) == 1


def test_no_other_database_can_be_named(staff, url, two):
    response = staff.post(url, {"reset": "1", "remote": LOCAL, "confirmed": "1"})

    assert "'default' is none of the remotes that SYNCHRO_REMOTE names" in messages_of(response)[0][1]
    with pytest.raises(SynchroConfigurationError):
        reset_synchro(LOCAL)


def test_command_resets_one_and_asks_about_it_alone(two, monkeypatch, capsys):
    monkeypatch.setattr("builtins.input", lambda asked: "no")

    with pytest.raises(CommandError, match=r"Nothing was changed\."):
        call_command("synchro_reset", remote=REMOTE)
    asked = capsys.readouterr().out
    call_command("synchro_reset", remote=REMOTE, interactive=False)

    assert asked == "remote: 1 pending changes will be forgotten, and never be synchronised.\n"
    assert pending_rows(REMOTE) == 0 and Reference.objects.using(two).exists()
    with pytest.raises(CommandError, match="--remote"):
        call_command("synchro_reset", remote=REMOTE, new_identity=True)


def test_buttons_are_where_they_belong(staff, url, two, settings):
    may_not = client_of(user_with(*(each for each in EVERYTHING if each != "reset"), name="eve"))

    of_two, of_eve = staff.get(url), may_not.get(url)
    settings.SYNCHRO_REMOTE = REMOTE

    assert reset_buttons(of_two) == ["all remote databases", "remote", "third"]
    assert reset_buttons(staff.get(url)) == ["remote"]
    assert reset_buttons(of_eve) == []
    assert not Run.objects.filter(begun_by__startswith="page").exists()
