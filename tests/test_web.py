"""The admin view ``synchro:synchro``."""

from __future__ import annotations

import gettext
from pathlib import Path

import pytest
from django.contrib.messages import get_messages
from django.test import Client
from django.urls import reverse
from django.utils.translation import override

import synchro_triggers
from synchro_triggers import call_synchronize
from synchro_triggers.models import ChangeLog
from tests.databases import both
from tests.testapp.models import Ambiguous, Item

pytestmark = both

REMOTE = "remote"
LOCALE = Path(synchro_triggers.__file__).parent / "locale"


@pytest.fixture
def path():
    return reverse("synchro:synchro")


@pytest.fixture
def staff(django_user_model):
    user = django_user_model.objects.create_user("ann", password="x", is_staff=True)
    client = Client()
    client.force_login(user)
    return client


def texts(response):
    return [str(message) for message in get_messages(response.wsgi_request)]


def test_anonymous_is_sent_to_the_login(client, path):
    response = client.get(path)

    assert response.status_code == 302 and "/admin/login/" in response["Location"]


def test_user_who_is_no_staff_is_sent_to_the_login(client, path, django_user_model):
    client.force_login(django_user_model.objects.create_user("bob", password="x"))

    response = client.post(path, {"synchro": "1"})

    assert response.status_code == 302 and "/admin/login/" in response["Location"]


def test_page_shows_the_last_run_and_both_buttons(staff, path):
    page = staff.get(path).content.decode()

    assert "<strong>never" in page and 'name="synchro"' in page and 'name="reset"' in page


def test_looking_at_the_page_changes_nothing(staff, path):
    Item.objects.create(name="a")

    staff.get(path, {"synchro": "1", "reset": "1"})

    assert not Item.objects.using(REMOTE).exists() and ChangeLog.objects.filter(model_label="testapp.Item").exists()


def test_post_without_a_token_is_forbidden(path, django_user_model):
    client = Client(enforce_csrf_checks=True)
    client.force_login(django_user_model.objects.create_user("ann", password="x", is_staff=True))
    Item.objects.create(name="a")

    response = client.post(path, {"synchro": "1"})

    assert response.status_code == 403 and not Item.objects.using(REMOTE).exists()


def test_button_synchronises_and_says_so(staff, path):
    Item.objects.create(name="a")

    response = staff.post(path, {"synchro": "1"})

    assert response.status_code == 302
    assert texts(response) == ["Synchronization performed successfully."]
    assert Item.objects.using(REMOTE).get().name == "a"
    assert "<strong>never" not in staff.get(path).content.decode()


def test_second_click_says_that_there_is_nothing(staff, path):
    staff.post(path, {"synchro": "1"})

    response = staff.post(path, {"synchro": "1"})

    assert texts(response)[-1] == "No changes since last synchronization."


def test_reset_forgets_pending_changes(staff, path):
    Item.objects.create(name="a")

    response = staff.post(path, {"reset": "1"})

    assert texts(response) == ["Synchronization has been reset."]
    assert ChangeLog.objects.count() == 0
    staff.post(path, {"synchro": "1"})
    assert not Item.objects.using(REMOTE).exists()


def test_reset_is_refused_where_it_is_not_allowed(staff, path, settings):
    settings.SYNCHRO_ALLOW_RESET = False
    Item.objects.create(name="a")

    response = staff.post(path, {"reset": "1"})

    assert "SYNCHRO_ALLOW_RESET" in texts(response)[0]
    assert ChangeLog.objects.filter(model_label="testapp.Item").exists()
    assert 'name="reset"' not in staff.get(path).content.decode()


def test_object_that_cannot_be_applied_is_named(staff, path):
    Ambiguous.objects.using(REMOTE).bulk_create([Ambiguous(name="x"), Ambiguous(name="x")])
    made = Ambiguous.objects.create(name="x")

    response = staff.post(path, {"synchro": "1"})

    assert f"testapp.Ambiguous {made.pk}" in texts(response)[0] and "SynchroError" in texts(response)[0]


def test_debug_re_raises(staff, path, settings):
    settings.SYNCHRO_DEBUG = True
    settings.SYNCHRO_REMOTE = None

    with pytest.raises(synchro_triggers.SynchroError):
        staff.post(path, {"synchro": "1"})


def test_without_a_remote_the_page_says_so(staff, path, settings):
    settings.SYNCHRO_REMOTE = None

    response = staff.post(path, {"synchro": "1"})

    assert "SYNCHRO_REMOTE" in texts(response)[0]
    assert "only logged" in staff.get(path).content.decode()


def test_messages_differ_in_every_language():
    said = set()
    for language in ("en", "pl", "de", "es", "fr"):
        with override(language):
            said.add(call_synchronize())

    assert len(said) == 5


@pytest.mark.parametrize("language", ["pl", "de", "es", "fr"])
def test_compiled_translations_are_those_of_the_sources(language):
    folder = LOCALE / language / "LC_MESSAGES"
    source = (folder / "django.po").read_text()
    with (folder / "django.mo").open("rb") as file:
        compiled = gettext.GNUTranslations(file)

    pairs = [
        (message[7:-1], translation[8:-1])
        for message, translation in zip(source.splitlines(), source.splitlines()[1:], strict=False)
        if message.startswith('msgid "') and message != 'msgid ""'
    ]

    assert len(pairs) >= 14
    assert all(compiled.gettext(message) == translation != message for message, translation in pairs)
