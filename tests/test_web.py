"""The admin view ``synchro:synchro``."""

from __future__ import annotations

import html
import re
from datetime import UTC, datetime
from pathlib import Path

import pytest
from django.contrib.admin.sites import AdminSite
from django.contrib.auth.models import Permission
from django.contrib.messages import constants, get_messages
from django.db import connections
from django.test import Client
from django.test.utils import override_script_prefix
from django.urls import include, path, reverse

import synchro_triggers
from synchro_triggers.exceptions import SynchroError
from synchro_triggers.models import ChangeLog, Checkpoint, options
from synchro_triggers.replay.report import SyncReport
from synchro_triggers.replay.status import remote as status_of_remote
from synchro_triggers.web import parts, views
from tests.databases import ALIASES, both, both_committed
from tests.testapp.models import Ambiguous, Item

REMOTE = "remote"
EVERYTHING = ("view_changelog", "synchronize", "reset")
PACKAGE = Path(synchro_triggers.__file__).parent
LANGUAGES = ("pl", "de", "es", "fr")

# A project whose admin is not the default one, and not where one expects it; see the test that names this module.
back_office = AdminSite(name="back-office")
back_office.register(Item)
back_office.site_header = "The office"
urlpatterns = [
    path("en/back-office/", back_office.urls),
    path("tools/synchro/", include("synchro_triggers.urls", namespace="synchro")),
]


@pytest.fixture
def url():
    return reverse("synchro:synchro")


@pytest.fixture
def ann(django_user_model):
    """One of the staff who may do everything on the page."""
    return allowed(django_user_model.objects.create_user("ann", password="x", is_staff=True), *EVERYTHING)


@pytest.fixture
def staff(ann):
    client = Client()
    client.force_login(ann)
    return client


def allowed(user, *permissions):
    """Give a user permissions of this app."""
    found = Permission.objects.filter(content_type__app_label="synchro_triggers", codename__in=permissions)
    assert len(found) == len(permissions)
    user.user_permissions.add(*found)
    return user


def messages_of(response):
    """Return what a POST has left for the next page, as (level, text)."""
    return [(message.level, str(message)) for message in get_messages(response.wsgi_request)]


def shown(response, name):
    """Return the text of the page's element with the id ``name``, or of the one of that name in the first card."""
    assert response.status_code == 200
    found = re.search(rf'id="{name}(?:-1)?">(.*?)</(?:dd|h2|p)>', response.content.decode(), re.DOTALL)
    assert found is not None
    return " ".join(html.unescape(found[1]).split())


def button(response, name):
    """Return the tag of the page's button ``name``; empty without one."""
    found = re.search(rf'<button type="submit" name="{name}"[^>]*>[^<]*', response.content.decode())
    return found[0] if found else ""


def is_pending():
    return ChangeLog.objects.filter(model_label="testapp.Item").exists()


def raising(error):
    def call(*remote, **options):
        raise error

    return call


# Who may ------------------------------------------------------------------------------------------


@both
@pytest.mark.parametrize("method", ["get", "post"])
def test_anonymous_is_sent_to_the_login(client, url, method):
    Item.objects.create(name="a")

    response = getattr(client, method)(url, {"synchro": "1"})

    assert response.status_code == 302
    assert response["Location"].startswith("/admin/login/?next=/synchro/")
    assert not Item.objects.using(REMOTE).exists()


@both
@pytest.mark.parametrize("pressed", ["synchro", "reset"])
def test_user_who_is_no_staff_is_sent_to_the_login(client, url, django_user_model, pressed):
    client.force_login(django_user_model.objects.create_user("bob", password="x"))
    Item.objects.create(name="a")

    response = client.post(url, {pressed: "1"})

    assert response.status_code == 302
    assert response["Location"].startswith("/admin/login/?next=/synchro/")
    assert is_pending() and not Item.objects.using(REMOTE).exists()


@both
@pytest.mark.parametrize("pressed", ["synchro", "reset"])
@pytest.mark.parametrize("lacking", ["view_changelog", "its own"])
def test_who_lacks_a_permission_is_refused(url, django_user_model, pressed, lacking):
    needed = "view_changelog" if lacking == "view_changelog" else {"synchro": "synchronize", "reset": "reset"}[pressed]
    carl = django_user_model.objects.create_user("carl", password="x", is_staff=True)
    client = Client()
    client.force_login(allowed(carl, *(each for each in EVERYTHING if each != needed)))
    Item.objects.create(name="a")

    assert client.post(url, {pressed: "1"}).status_code == 403
    assert is_pending() and not Item.objects.using(REMOTE).exists()
    page = client.get(url)
    assert page.status_code == (403 if lacking == "view_changelog" else 200)
    assert not button(page, pressed)


@both
def test_staff_may_do_everything_where_the_project_says_so(client, url, django_user_model, settings):
    client.force_login(django_user_model.objects.create_user("carl", password="x", is_staff=True))
    assert client.get(url).status_code == 403
    settings.SYNCHRO_STAFF_MAY_SYNCHRONIZE = True
    Item.objects.create(name="a")

    page = client.get(url)
    client.post(url, {"synchro": "1"})

    assert button(page, "synchro") and button(page, "reset")
    assert Item.objects.using(REMOTE).count() == 1


@both
def test_post_without_a_token_is_forbidden(url, ann):
    client = Client(enforce_csrf_checks=True)
    client.force_login(ann)
    Item.objects.create(name="a")

    response = client.post(url, {"synchro": "1"})

    assert response.status_code == 403
    assert not Item.objects.using(REMOTE).exists()


@both
def test_post_with_the_token_of_the_page_is_taken(url, ann):
    client = Client(enforce_csrf_checks=True)
    client.force_login(ann)
    Item.objects.create(name="a")
    # The admin's own log-out form, further up, carries a token as well.
    content = client.get(url).content.decode().partition('id="content-main"')[2]
    token = re.search(r'name="csrfmiddlewaretoken" value="(\w+)"', content)
    assert token is not None

    client.post(url, {"synchro": "1", "csrfmiddlewaretoken": token[1]})

    assert Item.objects.using(REMOTE).count() == 1


# The page -----------------------------------------------------------------------------------------


@both
def test_page_shows_the_remote_and_its_buttons(staff, url):
    page = staff.get(url)

    assert shown(page, "last-run") == "never"
    assert shown(page, "remote") == "Remote database: remote"
    assert shown(page, "triggers") == "fit"
    assert 'id="triggers-1">installed: what is changed there is seen<' in page.content.decode()
    assert all(button(page, name) for name in ("synchro", "dry_run", "compare", "reset"))
    assert not button(page, "retry")  # nothing has failed


@both
def test_page_shows_the_time_of_the_last_run_in_the_time_zone_and_language(staff, url, settings):
    settings.TIME_ZONE = "Europe/Warsaw"
    options.last_check = datetime(2024, 7, 1, 20, 5, tzinfo=UTC)

    assert shown(staff.get(url), "last-run") == "July 1, 2024, 10:05 p.m."
    assert shown(staff.get(url, headers={"accept-language": "de"}), "last-run") == "1. Juli 2024 22:05"


@both
def test_looking_at_the_page_changes_nothing(staff, url):
    Item.objects.create(name="a")

    response = staff.get(url, {"synchro": "1", "reset": "1"})

    assert response.status_code == 200
    assert is_pending() and not Item.objects.using(REMOTE).exists()


@both
def test_page_is_never_cached(staff, url):
    assert "no-store" in staff.get(url)["Cache-Control"]


@both
@pytest.mark.parametrize("method", ["put", "delete"])
def test_other_methods_are_refused(staff, url, method):
    assert getattr(staff, method)(url).status_code == 405


@both
@pytest.mark.urls(__name__)
def test_admin_may_be_another_one_elsewhere(client, ann):
    url = reverse("synchro:synchro")
    asked = client.get(url)
    client.force_login(ann)
    page = client.get(url)

    assert asked["Location"] == "/en/back-office/login/?next=/tools/synchro/"
    assert page.status_code == 200 and 'href="/en/back-office/"' in page.content.decode()


@both
@pytest.mark.urls(__name__)
def test_admin_that_is_another_one_is_that_of_the_page(admin_client):
    """A superuser sees each model of the default site, none of which has an address here."""
    url = reverse("synchro:synchro")
    with override_script_prefix("/behind/"):
        page = admin_client.get(url)

    assert page.status_code == 200 and page.context["site_header"] == "The office"
    assert [each["app_url"] for each in page.context["available_apps"]] == ["/behind/en/back-office/testapp/"]


# What the buttons do ------------------------------------------------------------------------------


@both
def test_button_synchronises_and_says_so(staff, url):
    Item.objects.create(name="a")

    response = staff.post(url, {"synchro": True})

    assert (response.status_code, response["Location"]) == (302, url)
    assert messages_of(response) == [(constants.SUCCESS, "Synchronization performed successfully.")]
    assert Item.objects.using(REMOTE).get().name == "a"
    assert shown(staff.get(url), "last-run") != "never"


@both
def test_second_click_says_that_there_is_nothing(staff, url):
    Item.objects.create(name="a")
    staff.post(url, {"synchro": "1"}, follow=True)

    response = staff.post(url, {"synchro": "1"})

    assert messages_of(response) == [(constants.SUCCESS, "No changes since last synchronization.")]


@both
def test_message_is_on_the_next_page_once(staff, url):
    said = "No changes since last synchronization."

    assert said in staff.post(url, {"synchro": "1"}, follow=True).content.decode()
    assert said not in staff.get(url).content.decode()


@both
def test_post_of_no_button_does_nothing(staff, url):
    Item.objects.create(name="a")

    response = staff.post(url)

    assert response.status_code == 302 and messages_of(response) == []
    assert is_pending() and not Item.objects.using(REMOTE).exists()


@both
def test_reset_forgets_pending_changes(staff, url):
    Item.objects.create(name="a")

    asked = staff.post(url, {"reset": True})
    assert "remote: changes that will be forgotten: 1" in asked.content.decode() and is_pending()
    response = staff.post(url, {"reset": True, "confirmed": True})

    assert messages_of(response) == [(constants.SUCCESS, "Synchronization has been reset.")]
    assert ChangeLog.objects.count() == 0
    staff.post(url, {"synchro": "1"})
    assert not Item.objects.using(REMOTE).exists()


@both
def test_reset_is_refused_where_it_is_not_allowed(staff, url, settings):
    settings.SYNCHRO_ALLOW_RESET = False
    Item.objects.create(name="a")

    response = staff.post(url, {"reset": "1", "confirmed": "1"})

    assert messages_of(response) == [(constants.ERROR, "Resetting is not allowed here (SYNCHRO_ALLOW_RESET).")]
    assert is_pending()
    page = staff.get(url)
    assert button(page, "synchro") and not button(page, "reset")


@both_committed
def test_run_is_not_inside_the_transaction_of_the_request(staff, url, monkeypatch):
    inside: list[bool] = []

    def look_at_the_transactions(*remote, **options):
        inside.extend(connections[alias].in_atomic_block for alias in ALIASES)
        return SyncReport()

    monkeypatch.setattr(parts, "synchronize", look_at_the_transactions)
    for alias in ALIASES:
        monkeypatch.setitem(connections.settings[alias], "ATOMIC_REQUESTS", True)

    staff.post(url, {"synchro": "1"})

    assert inside == [False, False]


#: What may be pressed, and what does it.
ACTING = [("synchro", parts, "synchronize"), ("reset", views, "reset_synchro")]

# Errors -------------------------------------------------------------------------------------------


@both
def test_object_that_cannot_be_applied_is_named(staff, url):
    Ambiguous.objects.using(REMOTE).bulk_create([Ambiguous(name="x"), Ambiguous(name="x")])
    made = Ambiguous.objects.create(name="x")

    [(level, text)] = messages_of(staff.post(url, {"synchro": "1"}))

    assert level == constants.ERROR
    assert text.startswith("An error occurred: ") and text.endswith("(SynchroError)")
    assert f"testapp.Ambiguous {made.pk}" in text


@both
@pytest.mark.parametrize(("pressed", "where", "name"), ACTING)
def test_any_error_is_shown_with_its_type(staff, url, monkeypatch, pressed, where, name):
    monkeypatch.setattr(where, name, raising(ValueError("<b>boom</b>")))

    page = staff.post(url, {pressed: "1", "confirmed": "1"}, follow=True)

    assert page.status_code == 200
    assert '<li class="error">An error occurred: &lt;b&gt;boom&lt;/b&gt; (ValueError)</li>' in page.content.decode()


@both
@pytest.mark.parametrize(("pressed", "where", "name"), ACTING)
def test_debug_re_raises(staff, url, settings, monkeypatch, pressed, where, name):
    settings.SYNCHRO_DEBUG = True
    monkeypatch.setattr(where, name, raising(ValueError("boom")))

    with pytest.raises(ValueError, match="boom"):
        staff.post(url, {pressed: "1", "confirmed": "1"})


@both
def test_without_a_remote_the_page_says_so(staff, url, settings):
    settings.SYNCHRO_REMOTE = None

    page = staff.post(url, {"synchro": "1"}, follow=True)

    assert shown(page, "no-remotes").startswith("No remote database is configured (SYNCHRO_REMOTE)")
    assert '<li class="error">An error occurred: There is no remote' in page.content.decode()


@pytest.fixture
def unreachable_remote(vendor, monkeypatch, tmp_path):
    connection = connections[REMOTE]
    connection.close()
    nowhere = {
        "sqlite": {"NAME": str(tmp_path / "no-such-folder" / "remote.sqlite3")},
        "postgres": {"HOST": "127.0.0.1", "PORT": "1"},
    }[vendor.remote]
    for key, value in nowhere.items():
        monkeypatch.setitem(connection.settings_dict, key, value)


@both_committed
def test_remote_that_is_down_does_not_take_the_page_away(staff, url, unreachable_remote):
    page = staff.get(url)

    assert '<p class="errornote">The database “remote” cannot be reached: ' in page.content.decode()
    assert shown(page, "triggers") == "fit"


@both
def test_what_is_wrong_with_a_remote_is_text_not_markup(staff, url, monkeypatch):
    monkeypatch.setattr(status_of_remote, "read_status", raising(SynchroError("<b>boom</b>")))

    page = staff.get(url)

    assert '<p class="errornote">&lt;b&gt;boom&lt;/b&gt;</p>' in page.content.decode()


@both_committed
def test_button_says_that_the_remote_is_down(staff, url, unreachable_remote):
    [(level, text)] = messages_of(staff.post(url, {"synchro": "1"}))

    assert level == constants.ERROR and "'remote'" in text


@both_committed
def test_debug_re_raises_on_the_page_too(staff, url, settings, unreachable_remote):
    settings.SYNCHRO_DEBUG = True

    with pytest.raises(Exception, match=r"connection|unable to open"):
        staff.get(url)


# No credentials -----------------------------------------------------------------------------------

SPOKEN = {
    "connection string": ("bad dsn host=db user=keeper password='s3 cr\\'et' port=5", "host=db user=*** password=***"),
    "url": ("cannot open postgres://keeper:s3cr%2Fet@db:5432/shop", "postgres://***@db:5432/shop"),
    "refused user": ('FATAL: password authentication failed for user "keeper"', 'failed for user "***"'),
    "password alone": ('missing "=" after "s3cr/et" in connection info string', 'after "***" in'),
    "password of an option": ("driver was called with 0ption", "driver was called with ***"),
}


@both
@pytest.mark.parametrize(("spoken", "masked"), SPOKEN.values(), ids=SPOKEN)
def test_credentials_are_masked(staff, url, monkeypatch, spoken, masked):
    monkeypatch.setitem(connections.settings[REMOTE], "USER", "keeper")
    monkeypatch.setitem(connections.settings[REMOTE], "PASSWORD", "s3cr/et")
    monkeypatch.setitem(connections.settings[REMOTE], "OPTIONS", {"passwd": "0ption"})
    monkeypatch.setattr(parts, "synchronize", raising(RuntimeError(spoken)))
    monkeypatch.setattr(status_of_remote, "read_status", raising(SynchroError(spoken)))

    [(_, text)] = messages_of(staff.post(url, {"synchro": "1"}))
    page = html.unescape(staff.get(url).content.decode())

    for said in (text, page):
        assert masked in said
        assert not [secret for secret in ("keeper", "s3cr", "s3 cr", "0ption") if secret in said]


@both
def test_words_that_contain_a_password_or_a_user_name_stay(staff, url, monkeypatch):
    monkeypatch.setitem(connections.settings[REMOTE], "USER", "shop")
    monkeypatch.setitem(connections.settings[REMOTE], "PASSWORD", "rder")
    spoken = "shop.Order 4711: unique field number=17, relation \"shop\", user 'ann'"
    monkeypatch.setattr(parts, "synchronize", raising(RuntimeError(spoken)))

    assert spoken in messages_of(staff.post(url, {"synchro": "1"}))[0][1]


# Translations -------------------------------------------------------------------------------------


@both
def test_page_and_messages_differ_in_every_language(staff, url):
    said: dict[str, set[str]] = {"last run": set(), "name": set(), "button": set(), "question": set(), "result": set()}

    for language in ("en", *LANGUAGES):
        headers = {"accept-language": language}
        page = staff.get(url, headers=headers)
        asked = staff.post(url, {"reset": "1"}, headers=headers).content.decode()
        question = re.search(r'id="synchro-reset".*?<p>(.*?)</p>', asked, re.DOTALL)
        assert question is not None
        said["last run"].add(shown(page, "last-run"))
        said["name"].add(shown(page, "local-name"))
        said["button"].add(button(page, "compare"))
        said["question"].add(question[1])
        answer = staff.post(url, {"reset": "1", "confirmed": "1"}, headers=headers, follow=True).content.decode()
        said["result"].update(re.findall(r'<li class="success">(.*?)</li>', answer))
        ChangeLog.objects.all().delete()
        Checkpoint.objects.using(REMOTE).all().delete()

    assert {name: len(texts) for name, texts in said.items()} == dict.fromkeys(said, 5)
