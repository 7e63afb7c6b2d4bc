"""Somebody without a shell finds out on the page why an object has not arrived, and cures it there."""

from __future__ import annotations

import datetime
import html
import re
import socket
import subprocess
import sys

import pytest
from django.db import connections
from django.db.models.signals import pre_save
from django.test import override_settings
from django.urls import reverse

from synchro_triggers import synchro_paused, synchronize
from synchro_triggers.capture import install
from synchro_triggers.models import Conflict, Failure, Run
from tests.admin_pages import client_of, link_named, messages_of, page_of, text_of, user_with
from tests.databases import ALIASES, both, both_committed
from tests.testapp.models import Ambiguous, Item, Keyed, KeyedChild, Numbered, Plated

pytestmark = [pytest.mark.urls("tests.admin_pages")]

LOCAL, REMOTE = ALIASES


@pytest.fixture
def boss(vendor, django_user_model):
    return client_of(django_user_model.objects.create_superuser("boss"))


@pytest.fixture
def page():
    return reverse("synchro:synchro")


def asked_on_page(client, page, model, text):
    """Fill in the form of the page, and return where it leads."""
    form = re.search(r'<form method="get" action="([^"]*)" id="synchro-why">', client.get(page).content.decode())
    return client.get(html.unescape(form[1]), {"model": model, "key": text})


@both
def test_object_is_asked_for_by_what_people_know_of_it(boss, page):
    Plated.objects.create(plate="other")
    plated = Plated.objects.create(plate="zoe@example.com")

    by_value, by_key = (asked_on_page(boss, page, "testapp.Plated", each) for each in ("zoe@example.com", plated.pk))

    assert f"testapp.Plated {plated.pk}" in text_of(by_value) and "create it there" in text_of(by_value)
    assert text_of(by_value).count("create it there") == text_of(by_key).count("create it there") == 1
    assert link_named(by_value, "Synchronization") == page
    assert "<option selected>testapp.Plated</option>" in by_value.content.decode()


@both
def test_several_objects_with_a_value_are_named_and_lead_to_what_is_known_of_them(boss, page):
    one, other = Ambiguous.objects.create(name="x"), Ambiguous.objects.create(name="x", note="2")

    asked = asked_on_page(boss, page, "testapp.Ambiguous", "x")

    links = re.findall(r'<li><a href="(\?[^"]*)">', asked.content.decode())
    assert len(links) == 2
    address = reverse("admin:synchro_triggers_changelog_explain")
    for each, link in zip((one, other), links, strict=True):
        assert f"testapp.Ambiguous {each.pk}" in text_of(boss.get(address + html.unescape(link)))


@both
@pytest.mark.parametrize("text", ["nobody@example.com", "\0", "9" * 40, "\ud800"])
def test_value_that_no_object_has_is_a_message(boss, page, text):
    Plated.objects.create(plate="zoe@example.com")

    asked = asked_on_page(boss, page, "testapp.Plated", text.encode(errors="surrogatepass"))

    assert asked.status_code == 200 and len(messages_of(asked)) == 1


@both
def test_form_is_for_those_who_may_see_the_log(settings, page):
    settings.SYNCHRO_STAFF_MAY_SYNCHRONIZE = True

    shown = client_of(user_with(name="eve")).get(page).content.decode()

    assert "synchro-why" not in shown and "explain" not in shown


@both_committed
def test_failure_leads_to_the_object_and_is_retried_with_a_button(boss, page):
    Ambiguous.objects.using(REMOTE).bulk_create([Ambiguous(name="x"), Ambiguous(name="x")])
    ambiguous = Ambiguous.objects.create(name="x")
    synchronize()

    shown = boss.get(page)
    explained = text_of(boss.get(link_named(shown, f"testapp.Ambiguous {ambiguous.pk}")))
    Ambiguous.objects.filter(pk=ambiguous.pk).update(name="y")
    boss.post(page, {"retry": "1"})

    assert "press “Retry failures”" in text_of(shown) and "manage.py" not in text_of(shown)
    assert "kept as a failure: MultipleObjectsReturned" in explained
    assert Ambiguous.objects.using(REMOTE).filter(name="y").exists() and not Failure.objects.using(REMOTE).exists()


@both_committed
def test_what_was_changed_while_paused_is_found_by_a_comparison_and_cured_by_a_change(boss, page):
    keyed = Keyed.objects.create(code="a")
    synchronize()
    with synchro_paused():
        Keyed.objects.filter(pk=keyed.pk).update(cash=5)

    explained = text_of(asked_on_page(boss, page, "testapp.Keyed", keyed.pk))
    with override_settings(SYNCHRO_MODELS=("testapp.Keyed",)):  # sooner done
        compared = text_of(boss.post(page, {"compare": "1"}))
    Keyed.objects.filter(pk=keyed.pk).update(cash=6)
    boss.post(page, {"synchro": "1"})

    assert "what was changed past the log is not sent, but goes with the next change of it here" in explained
    assert f"testapp.Keyed {keyed.pk} : differs: cash" in compared
    assert Keyed.objects.using(REMOTE).get().cash == 6


@both
def test_row_that_was_left_to_another_object_is_told_with_what_brings_that(boss, page):
    gone = Keyed.objects.create(code="x")
    synchronize()
    key = gone.pk
    gone.delete()
    with synchro_paused():
        new = Keyed.objects.create(code="x", cash=5)

    [left, _done] = messages_of(boss.post(page, {"synchro": "1"}))
    explained = text_of(asked_on_page(boss, page, "testapp.Keyed", new.pk))
    Keyed.objects.get(pk=new.pk).save()  # what is saved as it was is no change
    boss.post(page, {"synchro": "1"})
    unchanged = Keyed.objects.using(REMOTE).get().cash
    Keyed.objects.filter(pk=new.pk).update(cash=6)
    boss.post(page, {"synchro": "1"})

    assert f"testapp.Keyed {key} (" in left and f"Change {new.pk} to bring it" in left
    assert "stays as it is. If they differ (a comparison tells), change it here: that is logged" in explained
    assert (unchanged, Keyed.objects.using(REMOTE).get().cash) == (0, 6)


# A run that is refused ----------------------------------------------------------------------------


@both
def test_refused_run_is_no_reason_to_press_the_button_again(boss, page):
    with synchro_paused(), synchro_paused(using=REMOTE):
        here = Item.objects.create(pk=500, name="here")
        Item.objects.using(REMOTE).create(pk=1, name="there")
    never = text_of(asked_on_page(boss, page, "testapp.Item", here.pk))
    Item.objects.filter(pk=here.pk).update(cash=1)
    boss.post(page, {"synchro": "1"})

    shown, explained = text_of(boss.get(page)), text_of(asked_on_page(boss, page, "testapp.Item", here.pk))

    assert "nothing tells whether 'remote' has it already. Those who look after the server say so" in never
    assert "was refused: Objects of 'default' may be on 'remote' already" in shown
    assert "Tell those who look after the server what it says; when they have done it, press “Synchronize”." in shown
    assert "Press “Synchronize”" not in shown
    assert "The last run was refused, and so will this one be until that is cured: Objects of 'default'" in explained


@both
def test_triggers_that_do_not_fit_are_for_those_who_look_after_the_server(boss, page):
    synchronize()
    install.uninstall(LOCAL)
    boss.post(page, {"synchro": "1"})

    shown = text_of(boss.get(page))

    assert "Tell those who look after the server: run `manage.py synchro_install_triggers --database default`" in shown
    assert "Press “Synchronize”" not in shown


@both
def test_run_that_was_killed_is_made_again_with_the_button(boss, page):
    Item.objects.create(name="a")
    gone = subprocess.Popen([sys.executable, "-c", ""])
    gone.wait()
    begun = datetime.datetime.now(datetime.UTC)
    run = {"remote": REMOTE, "direction": "push", "begun_at": begun, "host": socket.gethostname(), "pid": gone.pid}
    Run.objects.create(**run)

    shown = text_of(boss.get(page))
    boss.post(page, {"synchro": "1"})

    assert "was killed Press “Synchronize”." in shown
    assert Item.objects.using(REMOTE).get().name == "a" and "was killed" not in text_of(boss.get(page))


@both
def test_what_is_not_synchronised_any_more_is_told_with_the_reason(boss, page, settings):
    item = Item.objects.create(name="x")
    settings.SYNCHRO_MODELS = ("testapp.Keyed",)

    said = messages_of(boss.post(page, {"synchro": "1"}))

    assert f"1 object left out: testapp.Item {item.pk} (it is not in SYNCHRO_MODELS)" in said


@both
def test_column_that_is_missing_there_is_told_of_an_object(boss, page):
    synchronize()
    install.uninstall(REMOTE)  # on SQLite no column can be dropped that a trigger names
    with connections[REMOTE].cursor() as cursor:
        cursor.execute("ALTER TABLE testapp_keyed DROP COLUMN cash")
    keyed = Keyed.objects.create(code="a", cash=5)
    boss.post(page, {"synchro": "1"})

    explained = text_of(asked_on_page(boss, page, "testapp.Keyed", keyed.pk))

    assert (
        "left out until both sides have the columns (`manage.py migrate` on the one that is behind): cash" in explained
    )


@both
def test_object_that_waits_for_another_names_it_and_comes_with_it(boss, page):
    keyed = Keyed.objects.create(code="bad")
    child = KeyedChild.objects.create(parent=keyed, name="x")

    def refuse(instance, using, **kwargs):
        if using == REMOTE and instance.code == "bad":
            raise ValueError("no price")

    pre_save.connect(refuse, sender=Keyed)
    try:
        boss.post(page, {"synchro": "1"})
        explained = text_of(asked_on_page(boss, page, "testapp.KeyedChild", child.pk))
        Keyed.objects.filter(pk=keyed.pk).update(code="good")
        boss.post(page, {"retry": "1"})
    finally:
        pre_save.disconnect(refuse, sender=Keyed)

    assert f"kept as a failure: waits for testapp.Keyed {keyed.pk}, which failed: no price" in explained
    assert KeyedChild.objects.using(REMOTE).get().parent.code == "good"
    assert not Failure.objects.using(REMOTE).exists()


@both
def test_form_says_that_other_models_are_not_synchronised(boss, page, settings):
    settings.SYNCHRO_MODELS = ("testapp.Keyed",)

    shown = boss.get(page)

    assert "<option>testapp.Keyed</option>" in shown.content.decode() and "testapp.Item" not in text_of(shown)
    assert "A model that is not here is not synchronized by itself (SYNCHRO_MODELS)." in text_of(shown)


@pytest.fixture
def clash(vendor, db):
    """Two objects that want one number; the remote has it on record."""
    synchronize()
    Numbered.objects.create(name="here", number=5)
    Numbered.objects.using(REMOTE).create(name="there", number=5)
    assert synchronize().failures
    return Conflict.objects.using(REMOTE).get()


def give(client, clash, **values):
    return client.post(page_of("conflict", REMOTE, clash.pk), {"rename": "1", "field": "number", **values})


@both_committed
@pytest.mark.parametrize(("side", "names"), [("remote", {"here": 5, "there": 6}), ("local", {"here": 6, "there": 5})])
def test_one_of_two_objects_that_want_a_value_is_given_another_and_both_are_there(boss, page, clash, side, names):
    shown = boss.get(page_of("conflict", REMOTE, clash.pk))

    said = messages_of(give(boss, clash, value="6", side=side))
    boss.post(page, {"synchro": "1"})

    assert "<option>number</option>" in shown.content.decode() and "synchro_conflicts" not in text_of(shown)
    assert len(said) == 1 and "has number = 6 now" in said[0]
    assert dict(Numbered.objects.using(REMOTE).values_list("name", "number")) == names
    assert not Failure.objects.using(REMOTE).exists()
    after = boss.get(page_of("conflict", REMOTE, clash.pk))
    assert "synchro-rename" not in after.content.decode() and "Gave testapp.Numbered" in text_of(after)


@both_committed
def test_explanation_leads_to_the_conflict_that_keeps_an_object_away(boss, page, clash):
    number = Numbered.objects.get().pk

    explained = asked_on_page(boss, page, "testapp.Numbered", "5" if number != 5 else "1")

    assert link_named(explained, f"Conflict {clash.pk} on “{REMOTE}”") == page_of("conflict", REMOTE, clash.pk)


@both_committed
@pytest.mark.parametrize("sent", [{"value": "x"}, {"value": "5"}, {"field": "name", "value": "z"}, {"field": ""}, {}])
def test_value_that_cannot_be_is_refused_and_nothing_is_changed(boss, clash, sent):
    before = list(Numbered.objects.using(REMOTE).values())

    answer = give(boss, clash, **sent)

    assert answer.status_code == 302 and len(messages_of(answer)) == 1
    assert list(Numbered.objects.using(REMOTE).values()) == before
    clash.refresh_from_db()
    assert clash.taken == ""


@both_committed
def test_who_may_decide_no_conflict_gives_no_value(clash):
    eve = client_of(user_with("view_conflict", "view_changelog", "synchronize"))

    assert give(eve, clash, value="6").status_code == 403
    assert "synchro-rename" not in eve.get(page_of("conflict", REMOTE, clash.pk)).content.decode()
    assert not Numbered.objects.using(REMOTE).filter(number=6).exists()
