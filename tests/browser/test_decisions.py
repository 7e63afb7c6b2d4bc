"""What somebody decides, as a browser does it: conflicts, failures, a reset; and who may do what."""

from __future__ import annotations

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import User

from synchro_triggers import synchro_paused, synchronize
from synchro_triggers.models import ChangeLog, Conflict, Failure
from tests.admin_pages import list_of, page_of, user_with
from tests.browser.chromium import needs_chromium
from tests.databases import ALIASES, both_committed
from tests.testapp.models import Ambiguous, Item

_, REMOTE = ALIASES
CARD = "#card-remote"

pytestmark = [both_committed, needs_chromium, pytest.mark.urls("tests.admin_pages")]


@pytest.fixture
def conflict(site, settings):
    """An object that both sides have changed; LOCAL's version stands."""
    settings.SYNCHRO_CONFLICT = "local"
    Item.objects.create(name="a")
    synchronize()
    Item.objects.using(REMOTE).update(name="theirs")
    Item.objects.update(name="ours")
    synchronize()
    return Conflict.objects.using(REMOTE).get()


@pytest.fixture
def failure(site):
    """An object that the remote has refused."""
    with synchro_paused(using=REMOTE):
        Ambiguous.objects.using(REMOTE).bulk_create([Ambiguous(name="x"), Ambiguous(name="x")])
    Ambiguous.objects.create(name="x")
    synchronize()
    return Failure.objects.using(REMOTE).get()


def noted():
    return list(LogEntry.objects.order_by("pk").values_list("user__username", "change_message"))


# Conflicts and failures ---------------------------------------------------------------------------


def test_conflict_is_found_from_the_card_and_the_remotes_version_is_taken(ann, conflict):
    ann.open("/synchro/").follow(f"{CARD} [id^=conflicts-] a")
    ann.follow("#result_list tbody th a")
    ann.sees("name (differs) ours theirs", of=".synchro-differs")
    ann.press("Take remote")

    ann.sees("on “remote”: remote taken, written.")
    ann.sees("Who has done what")
    assert Item.objects.using(REMOTE).get().name == "theirs"
    assert noted() == [("ann", "Took remote on 'remote': written.")]


def test_conflict_that_was_changed_since_is_refused_unless_that_is_ticked(ann, conflict):
    Item.objects.using(REMOTE).update(name="later")

    ann.open(page_of("conflict", REMOTE, conflict.pk)).press("Take local")
    ann.sees("it was changed since")
    before = Item.objects.using(REMOTE).get().name
    ann.first("label[for=synchro-force]").click()
    ann.press("Take local")

    ann.sees("on “remote”: local taken, written.")
    assert before == "later" and Item.objects.using(REMOTE).get().name == "ours"


def test_conflicts_are_chosen_in_the_list_and_decided_together(ann, conflict):
    ann.open(list_of("conflict"))
    ann.first("#action-toggle").click()
    ann.choose("action", "Take this database's version (remote) of the selected conflicts")
    ann.follow("#changelist-form [name=index]")

    ann.sees("on “remote”: remote taken, written.")
    assert Item.objects.using(REMOTE).get().name == "theirs"


def test_failure_is_found_from_the_card_and_dropped_when_that_is_confirmed(ann, failure):
    ann.open("/synchro/").follow(f"{CARD} [id^=failures-] a")
    ann.follow("#result_list tbody th a")
    ann.sees(failure.error[:40])
    ann.press("Drop")
    ann.sees("not tried again on “remote”")
    still_there = Failure.objects.using(REMOTE).exists()
    ann.press("Yes, drop them")

    ann.sees("1 failure was dropped.")
    assert still_there and not Failure.objects.using(REMOTE).exists()


# Reset --------------------------------------------------------------------------------------------


def test_reset_says_what_is_forgotten_and_asks(ann):
    Item.objects.bulk_create([Item(name="a"), Item(name="b")])

    ann.open("/synchro/").press("Reset synchronization")
    ann.sees("remote: changes that will be forgotten: 2")
    ann.press("Back")
    ann.sees("Changes that wait 2")
    kept = ChangeLog.objects.count()
    ann.press("Reset synchronization")
    ann.press("Reset synchronization")

    ann.sees("Synchronization has been reset.")
    ann.sees("Changes that wait 0")
    assert (kept, ChangeLog.objects.count()) == (2, 0) and noted() == [("ann", "reset")]


# Who may ------------------------------------------------------------------------------------------

SEE, SYNCHRONIZE, RESET = "view_changelog", "synchronize", "reset"
WORK = ["Synchronize", "Dry run", "Compare"]


def test_each_permission_has_its_buttons(person):
    Item.objects.create(name="a")
    for number, (permissions, buttons) in enumerate(
        [((SEE,), []), ((SEE, SYNCHRONIZE), WORK), ((SEE, RESET), ["Reset synchronization"])]
    ):
        person.is_known_as(user_with(*permissions, name=f"user{number}")).open("/synchro/")
        person.sees("Changes that wait 1")

        assert person.buttons() == [*buttons, "Explain"]  # why an object is not there: for all who may see

    for permissions in ((), (SYNCHRONIZE, RESET)):
        person.is_known_as(user_with(*permissions, name=f"without{len(permissions)}")).open("/synchro/")
        person.sees("403 Forbidden")

    assert [*{each.split()[1] for each in person.console()}] == [f"{person.site}/synchro/"]


@pytest.mark.parametrize(
    ("lost", "button", "within"),
    [(SYNCHRONIZE, "Synchronize", CARD), (RESET, "Reset synchronization", CARD), (SEE, "Compare", CARD)],
)
def test_permission_that_is_lost_while_the_page_is_open_is_lost(ann, lost, button, within):
    Item.objects.create(name="a")
    ann.open("/synchro/")
    ann.sees("Changes that wait 1")
    User.objects.get(username="ann").user_permissions.filter(codename=lost).delete()

    ann.press(button, within=within)

    ann.sees("403 Forbidden")
    assert ChangeLog.objects.exists() and not Item.objects.using(REMOTE).exists()
    assert len(ann.console()) == 1


def test_who_may_only_look_at_records_decides_nothing(person, conflict, failure):
    person.is_known_as(user_with("view_conflict", "view_failure", "view_changelog"))

    person.open(page_of("conflict", REMOTE, conflict.pk))
    person.sees("name (differs) ours theirs")
    of_conflict = person.buttons()
    person.open(page_of("failure", REMOTE, failure.pk))
    person.sees(failure.error[:40])
    of_failure = person.buttons()
    person.open(list_of("conflict"))
    person.sees("testapp.Item")

    assert (of_conflict, of_failure, person.all("[name=action]")) == ([], [], [])
