"""What is pressed on the page, as a browser does it: runs that go on by themselves, alone and with others."""

from __future__ import annotations

import pytest

from synchro_triggers import synchro_paused
from synchro_triggers.models import Failure, Run
from tests.admin_pages import user_with
from tests.browser.chromium import needs_chromium
from tests.browser.conftest import EVERYTHING
from tests.databases import ALIASES, both_committed
from tests.testapp.models import Ambiguous, Item, Keyed

_, REMOTE = ALIASES
DONE = "Synchronization performed successfully."
CARD = "#card-remote"

pytestmark = [both_committed, needs_chromium, pytest.mark.urls("tests.admin_pages")]


def create(names):
    for name in names:
        Item.objects.create(name=name)


def names(alias=REMOTE):
    return "".join(sorted(Item.objects.using(alias).values_list("name", flat=True)))


def test_somebody_logs_in_and_synchronises(person):
    user_with("view_changelog", "synchronize")
    create("a")

    person.open("/synchro/")
    person.first("#id_username").send_keys("ann")
    person.first("#id_password").send_keys("x")
    person.first("#login-form [type=submit]").click()
    person.sees("Changes that wait 1, the oldest for")
    person.press("Synchronize", within=CARD)

    person.sees(DONE)
    assert person.path == "/synchro/" and names() == "a"
    person.sees("Changes that wait 0")


def test_run_of_many_requests_goes_on_by_itself_and_its_bar_moves(ann, sluice, short):
    create("abcd")

    sluice.let_through(1)
    ann.open("/synchro/").press("Synchronize", within=CARD)
    ann.sees("“remote”: 1 of 4 changes are done.", of="#synchro-said")
    first = ann.progress
    sluice.let_through(2)
    ann.sees("“remote”: 3 of 4 changes are done.", of="#synchro-said")
    second = ann.progress
    sluice.let_through(1)

    ann.sees(DONE)
    assert (first, second) == (0.25, 0.75) and names() == "abcd"
    assert [(run.outcome, run.written, run.begun_by) for run in Run.objects.all()] == [("done", 4, "page: ann")]


def test_without_scripts_continue_leads_to_the_end(ann, short):
    create("abc")
    ann.switches_scripts_off()
    ann.open("/synchro/").press("Synchronize", within=CARD)

    seen = []
    for done in (1, 2):
        ann.sees(f"“remote”: {done} of 3 changes are done.", of="#synchro-said")
        seen.append(ann.progress)
        ann.press("Continue")

    ann.sees(DONE)
    assert seen == [pytest.approx(1 / 3, abs=0.001), pytest.approx(2 / 3, abs=0.001)] and names() == "abc"


def test_who_leaves_in_the_middle_loses_nothing(ann, sluice, short):
    create("abcd")
    sluice.let_through(2)
    ann.open("/synchro/").press("Synchronize", within=CARD)
    ann.sees("2 of 4 changes are done.", of="#synchro-said")

    sluice.let_through(1)  # what is under way
    ann.leave()
    kept = names()
    ann.open("/synchro/")
    ann.sees(f"Changes that wait {4 - len(kept)}, the oldest for")
    sluice.open()
    ann.press("Synchronize", within=CARD)

    ann.sees(DONE)
    assert kept in ("abc", "ab") and names() == "abcd"


def test_second_of_two_people_sees_the_run_of_the_first(ann, sluice, short):
    create("abc")
    sluice.let_through(1)
    ann.open("/synchro/").press("Synchronize", within=CARD)
    ann.sees("1 of 3 changes are done.", of="#synchro-said")
    bob = ann.another().is_known_as(user_with(*EVERYTHING, name="bob"))

    bob.open("/synchro/").press("Synchronize", within=CARD)
    bob.sees("“remote” waits: a run is under way: process", of="#synchro-said")
    said = bob.text("#synchro-said")
    sluice.open()

    for each in (bob, ann):
        each.come()
        each.finds(".messagelist .success")  # the second may have found nothing left to do
    assert "(page: ann)" in said and names() == "abc"
    assert {run.begun_by for run in Run.objects.filter(written=3)} == {"page: ann"}


def test_remote_that_goes_down_in_the_middle_is_told_and_gets_the_rest_later(ann, sluice, short, down):
    create("abc")
    sluice.let_through(1)
    ann.open("/synchro/").press("Synchronize", within=CARD)
    ann.sees("1 of 3 changes are done.", of="#synchro-said")

    down(True)
    sluice.open()
    ann.sees("An error occurred: Database error while working on 'remote'")
    ann.sees("The database “remote” cannot be reached", of=CARD)
    down(False)
    ann.open("/synchro/").press("Synchronize", within=CARD)

    ann.sees(DONE)
    assert names() == "abc"


def test_site_that_does_not_answer_is_asked_again(ann, sluice, short):
    create("abc")
    sluice.let_through(1)
    ann.open("/synchro/").press("Synchronize", within=CARD)
    ann.sees("1 of 3 changes are done.", of="#synchro-said")

    ann.is_offline(True)
    sluice.open()
    ann.sees("No answer. Asking again…", of="#synchro-said")
    ann.is_offline(False)

    ann.sees(DONE)
    assert names() == "abc"
    assert all("ERR_INTERNET_DISCONNECTED" in each for each in ann.console())


def test_dry_run_shows_what_would_be_done(ann):
    create("ab")

    ann.open("/synchro/").press("Dry run", within=CARD)

    ann.sees("Dry run: nothing was written.")
    assert ann.rows("#content table") == [["testapp.Item", "2", "0", "0", "0", "0", "0"]]
    ann.press("Back")
    ann.sees("Changes that wait 2")
    assert names() == "" and not Run.objects.exists()


def test_comparison_goes_on_by_itself_and_names_what_differs(ann, settings, short):
    settings.SYNCHRO_MODELS = ("testapp.Item", "testapp.Keyed")
    create("a")
    made = Keyed.objects.create(code="same", cash=1)
    ann.open("/synchro/").press("Synchronize", within=CARD)
    ann.sees(DONE)
    with synchro_paused(using=REMOTE):
        Keyed.objects.using(REMOTE).update(cash=987654)

    ann.press("Compare", within=CARD)

    ann.sees("Objects that are not the same, for no known reason: 1")
    ann.sees(f"testapp.Keyed {made.pk}: differs: cash")
    found = ann.rows("#content table")
    assert found == [["testapp.Item", *"1110000"], ["testapp.Keyed", *"1101000"]]
    assert "987654" not in ann.text()


def test_failure_is_named_and_tried_again(ann):
    with synchro_paused(using=REMOTE):
        Ambiguous.objects.using(REMOTE).bulk_create([Ambiguous(name="x"), Ambiguous(name="x")])
    made = Ambiguous.objects.create(name="x", note="new")

    ann.open("/synchro/").press("Synchronize", within=CARD)
    ann.sees("An error occurred: ")
    ann.sees(f"testapp.Ambiguous {made.pk}", of=f"{CARD} .synchro-failures")
    with synchro_paused(using=REMOTE):
        Ambiguous.objects.using(REMOTE).first().delete()
    ann.press("Retry failures", within=CARD)

    ann.sees(DONE)
    assert ann.all(f"{CARD} .synchro-failures") == [] and "Retry failures" not in ann.buttons()
    assert Ambiguous.objects.using(REMOTE).get().note == "new" and not Failure.objects.using(REMOTE).exists()
