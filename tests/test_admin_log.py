"""The changelog in the admin: what is shown, who may see it, paging, filters, objects that are gone."""

from __future__ import annotations

import html
import json
import re

import pytest
from django.db import connections
from django.urls import reverse

from synchro_triggers import synchronize
from synchro_triggers.models import ChangeLog
from synchro_triggers.replay.log import browsing
from tests.admin_pages import (
    TABLES,
    cells_of,
    client_of,
    link_named,
    list_of,
    messages_of,
    page_of,
    queries,
    text_of,
    user_with,
)
from tests.databases import both, both_committed
from tests.testapp.models import Account, Item, Tagged

REMOTE = "remote"
pytestmark = [pytest.mark.urls("tests.admin_pages")]

SCRIPT = "<script>alert('x')</script>, \"q\" & o'clock"


@pytest.fixture
def ann():
    return client_of(user_with("view_changelog"))


def log_row(**fields):
    """Write a row of the log as a trigger of another version might have; return it."""
    given = {"model_label": "testapp.Item", "object_pk": "1", "operation": "U", **fields}
    return ChangeLog.objects.create(**given)


# What is shown ------------------------------------------------------------------------------------


@both
def test_log_shows_what_was_changed_and_links_to_the_object(ann):
    item = Item.objects.create(name="a")
    Item.objects.update(name="b", cash=3)

    page = ann.get(list_of("changelog"))

    assert cells_of(page, "operation") == ["update", "insert"]
    assert cells_of(page, "model_label") == ["testapp.Item"] * 2
    assert cells_of(page, "its_object") == [str(item.pk)] * 2
    assert set(cells_of(page, "changed")[0].split(", ")) == {"name", "cash"}
    assert cells_of(page, "came_from") == ["users here"] * 2


@both
def test_object_is_a_link_where_its_page_may_be_seen(django_user_model):
    boss = client_of(django_user_model.objects.create_superuser("boss"))
    item = Item.objects.create(name="a")
    lists = {site: f"/{site}/synchro_triggers/changelog/" for site in ("admin", "office")}

    def links_to_it(client, site):
        return client.get(lists[site]).content.decode().count(f'href="/office/testapp/item/{item.pk}/change/"')

    assert links_to_it(boss, "office") == 1
    assert links_to_it(boss, "admin") == 0  # that site does not have the model
    assert links_to_it(client_of(user_with("view_changelog")), "office") == 0


@both
def test_keys_with_quotes_and_commas_are_text_and_lead_to_their_objects(django_user_model):
    boss = client_of(django_user_model.objects.create_superuser("boss"))
    Account.objects.create(name=SCRIPT)

    page = boss.get("/office/synchro_triggers/changelog/")

    assert cells_of(page, "its_object") == [SCRIPT]
    assert "<script>alert" not in page.content.decode()
    row = ChangeLog.objects.get()
    of_object = boss.get("/office/synchro_triggers/changelog/", {"model": row.model_label, "key": SCRIPT})
    assert cells_of(of_object, "id") == [str(row.pk)]
    [address] = re.findall(r'href="(/office/testapp/account/[^"]*/change/)"', page.content.decode())
    assert SCRIPT in text_of(boss.get(html.unescape(address)))


@both
def test_long_keys_are_cut_in_the_list_and_models_that_are_gone_are_shown(ann):
    log_row(model_label="gone.Model", object_pk="x" * 900)

    page = ann.get(list_of("changelog"), {"model": "gone.Model"})

    assert cells_of(page, "model_label") == ["gone.Model"]
    assert cells_of(page, "its_object") == ["x" * 60 + "…"]
    assert cells_of(page, "explained") == ["-"]


@both
def test_object_that_was_deleted_is_no_link(django_user_model):
    boss = client_of(django_user_model.objects.create_superuser("boss"))
    item = Item.objects.create(name="a")
    number = item.pk
    item.delete()

    page = boss.get("/office/synchro_triggers/changelog/")

    assert cells_of(page, "operation") == ["delete", "insert"]
    assert page.content.decode().count(f'href="/office/testapp/item/{number}/change/"') == 1


@both
def test_page_of_a_row_shows_what_it_held_before(ann):
    Account.objects.create(name="a", cash=1)
    Account.objects.all().delete()
    row = ChangeLog.objects.get(operation="D")

    page = ann.get(page_of("changelog", "default", row.pk))

    assert row.old_values is None or all(str(each) in text_of(page) for each in json.loads(row.old_values))
    assert "delete" in text_of(page) and "testapp.Account" in text_of(page)


@both
def test_row_that_was_pruned_is_said_to_be_gone(ann):
    response = ann.get(page_of("changelog", "default", 4711), follow=True)

    assert response.redirect_chain[0][0].startswith(list_of("changelog"))
    assert "There is no such record any more." in text_of(response)


@both
@pytest.mark.parametrize("name", ["x", "default:", "elsewhere:1", "default:-1", "default:²"])
def test_address_of_no_row_is_not_found(ann, name):
    assert ann.get(reverse("admin:synchro_triggers_changelog_change", args=[name])).status_code == 404


@both
def test_what_came_from_a_remote_is_named_by_its_alias(ann):
    Item.objects.using(REMOTE).create(name="there")
    synchronize(pull=True)

    assert cells_of(ann.get(list_of("changelog")), "came_from") == [REMOTE]


@both
def test_times_and_texts_that_no_trigger_has_written_do_not_take_the_page_away(ann, vendor):
    row = log_row()
    values, key = {
        "sqlite": ("logged_at = 'soon', object_pk = CAST(x'ff' AS TEXT)", r"\xff"),
        "postgres": ("logged_at = 'infinity'", "1"),
    }[vendor.local]
    with connections["default"].cursor() as cursor:
        cursor.execute(f"UPDATE synchro_triggers_changelog SET {values}")

    page = ann.get(list_of("changelog"))

    assert cells_of(page, "logged_at") == ["-"]
    assert cells_of(page, "its_object")[0].replace("\\udcff", r"\xff") == key
    assert ann.get(page_of("changelog", "default", row.pk)).status_code == 200


# Who may ------------------------------------------------------------------------------------------


@both
@pytest.mark.parametrize("table", TABLES)
def test_only_who_has_the_permission_sees_a_table(table):
    others = [f"view_{name}" for name in TABLES if name != table]
    bob, eve = client_of(user_with(f"view_{table}", name="bob")), client_of(user_with(*others, name="eve"))

    assert bob.get(list_of(table)).status_code == 200
    assert eve.get(list_of(table)).status_code == 403
    assert eve.get(page_of(table, "default", 1)).status_code == 403


@both
@pytest.mark.parametrize("table", TABLES)
def test_nobody_adds_changes_or_deletes(django_user_model, table):
    boss = client_of(django_user_model.objects.create_superuser("boss"))
    row = log_row()

    assert boss.get(reverse(f"admin:synchro_triggers_{table}_add")).status_code == 403
    assert boss.post(reverse(f"admin:synchro_triggers_{table}_delete", args=["default:1"])).status_code == 403
    assert "delete_selected" not in boss.get(list_of(table)).content.decode()
    boss.post(page_of("changelog", "default", row.pk), {"operation": "D"})
    assert ChangeLog.objects.get(pk=row.pk).operation == "U"


# Paging and filters -------------------------------------------------------------------------------


def walk(client, address, name):
    """Follow the links of a name; return the ids of each page."""
    pages = []
    while address:
        page = client.get(address)
        pages.append([int(each) for each in cells_of(page, "id")])
        following = link_named(page, name)
        address = following and f"{list_of('changelog')}{following}"
    return pages


@both
def test_pages_follow_one_another_both_ways(ann, monkeypatch):
    monkeypatch.setattr("synchro_triggers.web.admin.log.ChangeLogAdmin.list_per_page", 3)
    ids = sorted((log_row().pk for _ in range(7)), reverse=True)

    down = walk(ann, list_of("changelog"), "Older")
    up = walk(ann, f"{list_of('changelog')}?after_id={ids[-1] - 1}", "Newer")

    assert down == [ids[:3], ids[3:6], ids[6:]]
    assert up == [ids[4:], ids[1:4], ids[:1]]


@both
def test_filter_looks_at_some_rows_at_a_time_and_goes_on_from_there(ann, monkeypatch):
    monkeypatch.setattr(browsing, "LOOKED_AT", 4)
    wanted = log_row(model_label="testapp.Tag").pk
    for _ in range(9):
        log_row()
    address = f"{list_of('changelog')}?model=testapp.Tag"

    first = ann.get(address)

    assert cells_of(first, "id") == [] and "Looked as far as row" in text_of(first)
    assert walk(ann, address, "Older") == [[], [], [wanted]]


@both
def test_filter_by_what_waits_for_a_remote(ann):
    old = Item.objects.create(name="a")
    synchronize()
    new = Tagged.objects.create(title="b")

    def shown(state):
        return cells_of(ann.get(list_of("changelog"), {"state": state}), "its_object")

    assert (shown("waiting:remote"), shown("passed:remote")) == ([str(new.pk)], [str(old.pk)])
    assert shown("waiting:elsewhere") == [str(new.pk), str(old.pk)]


@both
@pytest.mark.parametrize("query", ["before_id=x", "after_id=-1", "after_id=" + "9" * 40, "model=%00", "key=%27", "p=7"])
def test_nonsense_in_an_address_is_no_error(ann, query):
    log_row()

    assert ann.get(f"{list_of('changelog')}?{query}", follow=True).status_code == 200


@pytest.fixture
def remote_is_down(vendor, monkeypatch, tmp_path):
    connection = connections[REMOTE]
    connection.close()
    nowhere = {
        "sqlite": {"NAME": str(tmp_path / "no-such-folder" / "remote.sqlite3")},
        "postgres": {"HOST": "127.0.0.1", "PORT": "1"},
    }[vendor.remote]
    for key, value in nowhere.items():
        monkeypatch.setitem(connection.settings_dict, key, value)


@both_committed
def test_remote_that_is_down_is_a_message(remote_is_down):
    ann = client_of(user_with(*(f"view_{table}" for table in TABLES)))
    Item.objects.create(name="a")

    pages = {table: ann.get(list_of(table)) for table in TABLES}
    waiting = ann.get(list_of("changelog"), {"state": "waiting:remote"})

    assert cells_of(pages["changelog"], "model_label") == ["testapp.Item"]
    for page in (pages["failure"], pages["conflict"], pages["reference"], waiting):
        assert page.status_code == 200 and "Database error while working on 'remote'" in text_of(page)
    assert ann.get(page_of("failure", REMOTE, 1), follow=True).status_code == 200


# At a glance --------------------------------------------------------------------------------------


@both
@pytest.mark.parametrize("table", TABLES)
def test_pages_have_no_script_or_style_inside(django_user_model, table):
    boss = client_of(django_user_model.objects.create_superuser("boss"))
    Item.objects.create(name="a")
    synchronize()

    body = boss.get(list_of(table)).content.decode()

    assert "<style" not in body and " style=" not in body and " onclick=" not in body
    assert [each for each in body.split("<script")[1:] if " src=" not in each.split(">")[0]] == []


@both
def test_number_of_queries_does_not_hang_on_the_number_of_rows(django_user_model):
    boss = client_of(django_user_model.objects.create_superuser("boss"))

    def asked():
        with queries() as sent:
            assert boss.get("/office/synchro_triggers/changelog/").status_code == 200
        return {alias: len(found) for alias, found in sent.items()}

    Item.objects.create(name="a")
    asked()  # content types are cached since
    few = asked()
    for _ in range(20):
        Account.objects.create(name=str(_))

    assert asked() == few
    assert messages_of(boss.get("/office/synchro_triggers/changelog/")) == []
