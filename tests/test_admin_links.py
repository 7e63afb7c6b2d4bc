"""Links of the admin to this package: from its index, from the history of an object, to what is known of one."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from django.conf import settings as django_settings
from django.contrib import admin
from django.contrib.admin import AdminSite
from django.urls import NoReverseMatch, path, reverse

import synchro_triggers
from synchro_triggers import synchronize
from synchro_triggers.admin import register
from synchro_triggers.models import ChangeLog
from tests import admin_pages
from tests.admin_pages import cells_of, client_of, link_named, office, queries, text_of, user_with
from tests.databases import both, both_committed
from tests.test_admin_log import SCRIPT, remote_is_down  # noqa: F401 - a fixture
from tests.testapp.models import Account, Item

PACKAGE = Path(synchro_triggers.__file__).parent
EXPLAIN = "/office/synchro_triggers/changelog/explain/"

pytestmark = [pytest.mark.urls("tests.admin_pages")]

#: For the tests that say so: a project that does not have the page.
urlpatterns = [path("admin/", admin.site.urls), path("office/", office.urls)]


@pytest.fixture
def boss(vendor, django_user_model):
    return client_of(django_user_model.objects.create_superuser("boss"))


def raising(error):
    def call(*args, **options):
        raise error

    return call


# The index ----------------------------------------------------------------------------------------


@both
@pytest.mark.parametrize("site", ["admin", "office"])
def test_index_links_to_the_page_for_those_who_may_see_it(site):
    ann, eve = client_of(user_with("view_changelog")), client_of(user_with("view_run", name="eve"))

    assert link_named(ann.get(f"/{site}/"), "Synchronization") == reverse("synchro:synchro")
    assert "Runs" in text_of(eve.get(f"/{site}/"))
    assert link_named(eve.get(f"/{site}/"), "Synchronization") == ""


@both
@pytest.mark.parametrize("value, seen", [(True, True), (False, False), ("yes", False)])
def test_index_links_to_the_page_for_the_staff_if_the_setting_lets_them_in(settings, value, seen):
    settings.SYNCHRO_STAFF_MAY_SYNCHRONIZE = value
    eve = client_of(user_with("view_run", name="eve"))

    assert bool(link_named(eve.get("/admin/"), "Synchronization")) is seen


@both
@pytest.mark.urls("tests.test_admin_links")
def test_index_of_a_project_without_the_page_has_no_link(boss):
    assert link_named(boss.get("/admin/"), "Synchronization") == ""


def test_site_with_an_index_of_its_own_keeps_it():
    site = AdminSite(name="own")
    site.index_template = "own/index.html"

    register(site)

    assert site.index_template == "own/index.html"
    assert site.is_registered(ChangeLog)


def test_without_the_admin_nothing_of_it_is_imported():
    """A project without ``django.contrib.admin`` and ``contenttypes`` starts, and has the tables all the same."""
    program = (
        "import django, re, sys; from django.conf import settings;"
        "settings.configure(INSTALLED_APPS=['synchro_triggers'], SYNCHRO_REMOTE=None,"
        " TEMPLATES=[{'BACKEND': 'django.template.backends.django.DjangoTemplates', 'APP_DIRS': True}],"
        " DATABASES={'default': {'ENGINE': 'django.db.backends.sqlite3', 'NAME': ':memory:'}});"
        "django.setup();"
        "from django.template import Context, engines;"
        "tag = '{% load synchro_triggers_admin %}{% synchro_link %}{% synchro_history_links %}';"
        "assert not engines['django'].from_string(tag).render({}).strip();"
        "print([name for name in sys.modules if re.search('synchro_triggers[.](web[.])?admin|contrib[.]admin', name)])"
    )

    told = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, cwd=PACKAGE.parent)

    assert (told.stdout.strip(), told.returncode) == ("[]", 0), told.stderr


# The history of an object -------------------------------------------------------------------------


@pytest.fixture
def before_the_admin(settings):
    """As if ``synchro_triggers`` stood before ``django.contrib.admin`` in ``INSTALLED_APPS``: its templates win."""
    [engine] = django_settings.TEMPLATES
    settings.TEMPLATES = [{**engine, "DIRS": [str(PACKAGE / "templates")]}]


@both
def test_history_of_a_captured_object_leads_to_its_log_and_to_what_is_known(boss, before_the_admin):
    Account.objects.create(name="other")
    Account.objects.create(name=SCRIPT)
    history = reverse("office:testapp_account_history", args=[admin.utils.quote(SCRIPT)])

    page = boss.get(history)

    log = boss.get(link_named(page, "Log entries"))
    assert cells_of(log, "its_object") == [SCRIPT]
    assert "default: is there" in text_of(boss.get(link_named(page, "Explain")))
    assert "change history" in text_of(page)  # Django's own text is still there


@both
def test_history_has_no_links_for_others(boss, before_the_admin):
    Item.objects.create(name="a")
    item = Item.objects.get()
    eve = user_with("view_run", name="eve")
    view = admin_pages.Permission.objects.get(codename="view_item")
    eve.user_permissions.add(view)
    of_item = reverse("office:testapp_item_history", args=[item.pk])
    of_user = reverse("admin:auth_user_history", args=[eve.pk])

    assert link_named(boss.get(of_item), "Log entries")
    assert not link_named(client_of(eve).get(of_item), "Log entries")
    assert boss.get(of_user).status_code == 200 and not link_named(boss.get(of_user), "Log entries")


@both
def test_settings_that_are_wrong_take_no_history_away(boss, before_the_admin, settings):
    item = Item.objects.create(name="a")
    settings.SYNCHRO_REMOTE = "nowhere"

    page = boss.get(reverse("office:testapp_item_history", args=[item.pk]))

    assert page.status_code == 200 and not link_named(page, "Log entries")


@both
def test_site_without_the_log_has_failures_without_links_to_it(boss, monkeypatch):
    monkeypatch.setattr("synchro_triggers.web.admin.objects.reverse", raising(NoReverseMatch()))
    ChangeLog.objects.create(model_label="testapp.Item", object_pk="1", operation="U")

    assert cells_of(boss.get("/office/synchro_triggers/changelog/"), "explained") == ["-"]


@both
def test_history_of_a_project_with_a_template_of_its_own_stays(boss, settings, tmp_path):
    (tmp_path / "admin").mkdir()
    (tmp_path / "admin" / "object_history.html").write_text("ours")
    [engine] = django_settings.TEMPLATES
    settings.TEMPLATES = [{**engine, "DIRS": [str(tmp_path), str(PACKAGE / "templates")]}]
    item = Item.objects.create(name="a")

    assert boss.get(reverse("office:testapp_item_history", args=[item.pk])).content == b"ours"


# What is known of an object -----------------------------------------------------------------------


@both
def test_explanation_says_what_the_command_says(boss, capsys):
    from django.core.management import call_command

    item = Item.objects.create(name="a")
    synchronize()
    Item.objects.update(name="b")
    call_command("synchro_explain", "testapp.Item", str(item.pk))
    told = capsys.readouterr().out.splitlines()

    page = boss.get(EXPLAIN, {"model": "testapp.Item", "key": item.pk})

    said = text_of(page)
    assert len(told) > 5
    assert [line for line in told if " ".join(line.split()) not in said] == []
    assert f'href="/office/testapp/item/{item.pk}/change/"' in page.content.decode()


@both
@pytest.mark.parametrize(
    ("label", "key", "said"),
    [
        ("testapp.Item", "4711", "Nobody knows of testapp.Item 4711"),
        ("testapp.Item", "<b>x</b>", "is no primary key of testapp.Item"),
        ("gone.Model", "1", "There is no model 'gone.Model'"),
        ("testapp.Unlisted", "1", "Unlisted is not captured"),
        ("", "", "Primary key, or a value that only it has: Explain"),
    ],
)
def test_what_cannot_be_explained_is_a_message(boss, label, key, said):
    page = boss.get(EXPLAIN, {"model": label, "key": key})

    assert said in text_of(page)
    assert "<b>x</b>" not in page.content.decode()


@both
def test_explanation_is_for_those_who_may_see_the_log(client):
    eve = client_of(user_with("view_run", "change_conflict"))
    query = {"model": "testapp.Item", "key": "1"}

    assert eve.get(EXPLAIN, query).status_code == 403
    assert client.get(EXPLAIN, query).status_code == 302


@both_committed
def test_remote_that_is_down_is_a_line_of_the_explanation(boss, remote_is_down):  # noqa: F811
    item = Item.objects.create(name="a")

    said = text_of(boss.get(EXPLAIN, {"model": "testapp.Item", "key": item.pk}))

    assert "remote: cannot be asked" in said and "log: 1 rows" in said


@both
def test_index_and_history_ask_no_database_more(boss, before_the_admin):
    item = Item.objects.create(name="a")
    history = reverse("office:testapp_item_history", args=[item.pk])
    boss.get(history)

    with queries() as sent:
        boss.get(history)

    assert [sql for sql in sent["default"] if "synchro_triggers" in sql and "django_admin_log" not in sql] == []
    assert sent["remote"] == []
