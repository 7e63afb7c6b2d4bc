"""Why an object is not there, found out and cured in a browser by somebody who has no shell."""

from __future__ import annotations

import pytest
from django.db import connections

from synchro_triggers import synchro_paused, synchronize
from synchro_triggers.models import Conflict, Failure
from tests.browser.chromium import needs_chromium
from tests.databases import ALIASES, both_committed
from tests.testapp.models import Keyed, Numbered, Plated

_, REMOTE = ALIASES
DONE = "Synchronization performed successfully."
CARD = "#card-remote"

pytestmark = [both_committed, needs_chromium, pytest.mark.urls("tests.admin_pages")]


def ask(person, model, text):
    """Fill in the form of the page that asks for one object."""
    person.open("/synchro/")
    person.choose("model", model)
    person.first("#synchro-key").send_keys(text)
    person.press("Explain")


@pytest.fixture
def no_table_there(site):
    """Let a table be missing on the remote, which has met LOCAL."""
    synchronize()
    with connections[REMOTE].cursor() as cursor:
        cursor.execute("ALTER TABLE testapp_keyed RENAME TO put_aside")
    yield
    with connections[REMOTE].cursor() as cursor:
        cursor.execute("ALTER TABLE put_aside RENAME TO testapp_keyed")


def test_object_is_asked_for_by_its_code_and_synchronised(ann):
    plated = Plated.objects.create(plate="zoe@example.com")

    ask(ann, "testapp.Plated", "zoe@example.com")
    ann.sees(f"testapp.Plated {plated.pk}")
    ann.sees("a change is pending")
    ann.follow(".object-tools a[href='/synchro/']")
    ann.press("Synchronize", within=CARD)

    ann.sees(DONE)
    assert Plated.objects.using(REMOTE).get().plate == "zoe@example.com"


def test_object_that_wants_a_taken_value_leads_to_the_conflict_and_is_given_another(ann):
    synchronize()
    here = Numbered.objects.create(name="here", number=5)
    Numbered.objects.using(REMOTE).create(name="there", number=5)
    synchronize()

    ask(ann, "testapp.Numbered", str(here.pk) if here.pk != 5 else "5")
    ann.press(f"Conflict {Conflict.objects.using(REMOTE).get().pk} on “remote”")
    ann.choose("field", "number")
    ann.first("#synchro-value").send_keys("6")
    ann.choose("side", "the sender's (local)")
    ann.press("Give it this value")
    ann.sees("has number = 6 now")
    ann.open("/synchro/").press("Synchronize", within=CARD)

    ann.sees(DONE)
    assert dict(Numbered.objects.using(REMOTE).values_list("name", "number")) == {"here": 6, "there": 5}
    assert not Failure.objects.using(REMOTE).exists()


def test_field_that_is_each_side_s_own_is_named(ann):
    keyed = Keyed.objects.create(code="k")
    synchronize()
    Keyed.objects.update(visits=7)

    ask(ann, "testapp.Keyed", "k")

    ann.sees(f"testapp.Keyed {keyed.pk}")
    ann.sees("each side's own fields (skip): visits")
    ann.sees("all that was logged of it has been received")


def test_row_that_was_left_to_another_object_is_told_and_a_change_brings_that(ann):
    gone = Keyed.objects.create(code="x")
    synchronize()
    gone.delete()
    with synchro_paused():
        new = Keyed.objects.create(code="x", cash=5)

    ann.open("/synchro/").press("Synchronize", within=CARD)
    ann.sees(f"Change {new.pk} to bring it")
    ask(ann, "testapp.Keyed", "x")
    ann.sees("change it here: that is logged")
    Keyed.objects.filter(pk=new.pk).update(cash=6)
    ann.open("/synchro/").press("Synchronize", within=CARD)

    ann.sees(DONE)
    assert Keyed.objects.using(REMOTE).get().cash == 6


def test_missing_table_is_for_those_who_look_after_the_server(ann, no_table_there):
    Keyed.objects.create(code="k")

    ann.open("/synchro/").press("Synchronize", within=CARD)
    ann.sees("testapp.Keyed: 1 object, as 'remote' has no table 'testapp_keyed'")
    ann.sees("Tell those who look after the server: run `manage.py migrate`", of=CARD)
    ask(ann, "testapp.Keyed", "k")

    ann.sees("there is no testapp_keyed (testapp.Keyed)")
