"""Failures and conflicts in the admin: what is shown of them, and what may be done about them, by whom."""

from __future__ import annotations

import datetime
import html
import re

import pytest
from django.contrib.admin.models import LogEntry
from django.db import OperationalError, connections
from django.urls import reverse

from synchro_triggers import synchronize
from synchro_triggers.models import Checkpoint, Conflict, Failure, MetNode, Reference
from synchro_triggers.replay.state.lease import Lease
from synchro_triggers.replay.state.node import node_id
from tests.admin_pages import (
    cells_of,
    client_of,
    list_of,
    messages_of,
    page_of,
    text_of,
    user_with,
)
from tests.databases import both, both_committed
from tests.replay.test_several_remotes import third  # noqa: F401 - a fixture
from tests.testapp.models import Ambiguous, Item

REMOTE = "remote"
pytestmark = [pytest.mark.urls("tests.admin_pages")]

MARKUP = '<b>bold</b> & "it\'s"'


def press(client, table, action, *numbers, alias=REMOTE, **more):
    """Choose rows of a list, and an action; return the response, which leads back to the list."""
    data = {"action": action, "_selected_action": [str(each) for each in numbers], "index": "0", **more}
    return client.post(f"{list_of(table)}?database={alias}", data)


def noted():
    """Return what the admin's log has: who, of which record, what."""
    return [
        (entry.user.get_username(), entry.object_id, entry.get_change_message())
        for entry in LogEntry.objects.order_by("pk")
    ]


# Failures -----------------------------------------------------------------------------------------


@pytest.fixture
def failure(vendor, db):
    """An object that the remote has refused, and that pauses."""
    Ambiguous.objects.using(REMOTE).bulk_create([Ambiguous(name="x"), Ambiguous(name="x")])
    Ambiguous.objects.create(name="x", note=MARKUP)
    assert synchronize().failures
    later = datetime.datetime.now(datetime.UTC) + datetime.timedelta(days=1)
    Failure.objects.using(REMOTE).update(next_at=later)
    return Failure.objects.using(REMOTE).get()


@pytest.mark.mariadb
@both
def test_failures_of_a_remote_are_shown_with_their_errors_and_tries(failure):
    ann = client_of(user_with("view_failure", "view_changelog"))

    page = ann.get(list_of("failure"))  # a remote's are shown first

    assert cells_of(page, "of_model") == ["testapp.Ambiguous"]
    assert cells_of(page, "said") == [failure.error]
    assert cells_of(page, "attempts") == [str(failure.attempts)]
    assert failure.error in text_of(ann.get(page_of("failure", REMOTE, failure.pk)))
    assert cells_of(ann.get(f"{list_of('failure')}?database=default"), "id") == []


@pytest.mark.mariadb
@both
def test_retry_lets_the_next_run_try_and_is_noted(failure):
    ann = client_of(user_with("view_failure", "view_changelog", "synchronize"))
    Ambiguous.objects.using(REMOTE).all().delete()
    assert not synchronize().created  # it pauses

    response = press(ann, "failure", "retry", failure.pk)

    link = f'<a href="{reverse("synchro:synchro")}">Synchronization</a>'
    assert messages_of(response) == [f"1 failure is tried with the next run. {link}"]
    assert link in ann.get(response["Location"]).content.decode()
    assert cells_of(ann.get(list_of("failure")), "next_try") == ["with the next run"]
    assert noted() == [("ann", f"remote:{failure.pk}", "Retried with the next run (on 'remote').")]
    synchronize()
    assert Ambiguous.objects.using(REMOTE).get().note == MARKUP


@pytest.mark.mariadb
@both
def test_drop_asks_once_more_and_is_noted(failure):
    ann = client_of(user_with("view_failure", "view_changelog", "synchronize"))

    asked = press(ann, "failure", "drop", failure.pk)
    still_there = Failure.objects.using(REMOTE).exists()
    data = {"action": "drop", "_selected_action": [str(failure.pk)], "confirmed": "1"}
    response = ann.post(f"{list_of('failure')}?database=remote", data)

    assert "not tried again on “remote”" in text_of(asked) and failure.error in text_of(asked)
    assert still_there and not Failure.objects.using(REMOTE).exists()
    assert messages_of(response) == ["1 failure was dropped."]
    assert noted() == [("ann", f"remote:{failure.pk}", "Dropped on 'remote': the change is not tried again.")]


@both
@pytest.mark.parametrize(("pressed", "said"), [("retry", "1 failure is tried"), ("drop", "Drop failures?")])
def test_page_of_a_failure_has_buttons_that_do_the_same(failure, pressed, said):
    ann = client_of(user_with("view_failure", "view_changelog", "synchronize"))

    page = ann.get(page_of("failure", REMOTE, failure.pk)).content.decode()
    form = page[page.index(f'<form method="post" action="{list_of("failure")}') :]
    fields = dict(re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)"', form))
    address = re.search(r'action="([^"]*)"', form)
    assert address is not None and f'name="action" value="{pressed}"' in form

    assert said in text_of(ann.post(html.unescape(address[1]), {**fields, "action": pressed}, follow=True))


@both
@pytest.mark.parametrize("action", ["retry", "drop"])
def test_who_may_not_synchronise_retries_and_drops_nothing(failure, action):
    eve = client_of(user_with("view_failure", "view_changelog", "view_conflict", "change_failure"))

    page = eve.get(list_of("failure"))
    own_page = eve.get(page_of("failure", REMOTE, failure.pk))
    press(eve, "failure", action, failure.pk, confirmed="1")

    assert f'value="{action}"' not in page.content.decode() + own_page.content.decode()
    assert Failure.objects.using(REMOTE).get().next_at == failure.next_at
    assert noted() == []


@both
def test_errors_are_text_and_show_no_credentials(failure, monkeypatch):
    monkeypatch.setitem(connections.settings[REMOTE], "PASSWORD", "s3cr/et")
    Failure.objects.using(REMOTE).update(error=f"{MARKUP} postgres://keeper:s3cr%2Fet@db/shop password=s3cr/et")
    ann = client_of(user_with("view_failure", "view_changelog", "synchronize"))

    pages = [ann.get(list_of("failure")), ann.get(page_of("failure", REMOTE, failure.pk))]
    pages.append(press(ann, "failure", "drop", failure.pk))
    press(ann, "failure", "retry", failure.pk)

    for page in pages:
        assert MARKUP in text_of(page) and "<b>bold" not in page.content.decode()
        assert "s3cr" not in page.content.decode() and "keeper" not in page.content.decode()
    assert "s3cr" not in LogEntry.objects.get().object_repr


@pytest.mark.mariadb
@both
def test_failures_of_models_that_are_gone_and_of_long_keys_are_shown_and_dropped(vendor):
    ann = client_of(user_with("view_failure", "view_changelog", "synchronize"))
    now = datetime.datetime.now(datetime.UTC)
    long = "k" * 900
    given = {"source": node_id("default"), "operation": "U", "logged_at": now, "error": "no such table"}
    digest = {"object_pk": "sha256:" + "0" * 64, "object_text": f'"{long}"'}
    kept = Failure.objects.using(REMOTE).create(model_label="gone.Model", **digest, **given)

    page = ann.get(list_of("failure"))
    press(ann, "failure", "drop", kept.pk, confirmed="1")

    assert cells_of(page, "its_object") == ["k" * 60 + "…"]
    assert not Failure.objects.using(REMOTE).exists()


@pytest.mark.mariadb
@both
def test_what_others_have_sent_to_a_remote_is_not_theirs_to_drop(vendor):
    ann = client_of(user_with("view_failure", "view_changelog", "synchronize"))
    now = datetime.datetime.now(datetime.UTC)
    given = {"source": "another-node", "operation": "U", "logged_at": now, "error": "no"}
    Failure.objects.using(REMOTE).create(model_label="testapp.Item", object_pk="1", **given)
    kept = Failure.objects.using(REMOTE).get()

    shown = cells_of(ann.get(list_of("failure")), "id")
    press(ann, "failure", "drop", kept.pk, confirmed="1")

    assert shown == [] and Failure.objects.using(REMOTE).exists()


@both
def test_each_of_several_remotes_shows_and_drops_its_own(failure, third, settings):  # noqa: F811
    settings.SYNCHRO_REMOTE = (third, REMOTE)
    ann = client_of(user_with("view_failure", "view_changelog", "synchronize"))
    Ambiguous.objects.using(third).bulk_create([Ambiguous(name="x"), Ambiguous(name="x")])
    assert synchronize(third).failures
    own = Failure.objects.using(third).get()

    first, second = ann.get(list_of("failure")), ann.get(f"{list_of('failure')}?database=remote")
    waiting = ann.get("/admin/synchro_triggers/changelog/", {"state": f"waiting:{third}"})
    press(ann, "failure", "drop", own.pk, alias=third, confirmed="1")

    assert re.findall(r'href="\?database=(\w+)"', first.content.decode()) == ["third", "remote", "default"]
    assert "on “third”" in text_of(first) and "on “remote”" in text_of(second)
    assert (cells_of(first, "id"), cells_of(second, "id")) == ([str(own.pk)], [str(failure.pk)])
    assert cells_of(waiting, "id") == []
    assert Failure.objects.using(REMOTE).exists() and not Failure.objects.using(third).exists()
    assert [object_id for _, object_id, _ in noted()] == [f"third:{own.pk}"]


@both
def test_failure_of_what_was_fetched_leads_to_no_object_of_local(django_user_model):
    boss = client_of(django_user_model.objects.create_superuser("boss"))
    item = Item.objects.create(name="another one, with the same number")
    now = datetime.datetime.now(datetime.UTC)
    given = {"source": node_id(REMOTE), "operation": "U", "logged_at": now, "error": "no"}
    Failure.objects.create(model_label="testapp.Item", object_pk=str(item.pk), **given)

    page = boss.get("/office/synchro_triggers/failure/?database=default")

    assert (cells_of(page, "its_object"), cells_of(page, "explained")) == ([str(item.pk)], ["-"])
    assert f"/office/testapp/item/{item.pk}/" not in page.content.decode()


@both
def test_failures_of_what_was_fetched_and_of_a_node_that_is_no_remote_are_dropped_together(vendor):
    ann = client_of(user_with("view_failure", "view_changelog", "synchronize"))
    Ambiguous.objects.bulk_create([Ambiguous(name="x"), Ambiguous(name="x")])
    Ambiguous.objects.using(REMOTE).create(name="x")
    assert synchronize(pull=True).failures
    kept = Failure.objects.get()
    now = datetime.datetime.now(datetime.UTC)
    given = {"source": "a-stranger", "operation": "U", "logged_at": now, "error": "no", "model_label": "testapp.Item"}
    strangers, other = (Failure.objects.create(object_pk=key, **given) for key in "12")

    asked = press(ann, "failure", "drop", strangers.pk, alias="default")
    done = press(ann, "failure", "drop", kept.pk, strangers.pk, alias="default", confirmed="1")

    assert "Drop failures?" in text_of(asked)
    assert messages_of(done)[-2:] == ["1 failure was dropped."] * 2
    assert list(Failure.objects.all()) == [other]
    assert sorted(each for _, each, _ in noted()) == sorted(f"default:{each.pk}" for each in (kept, strangers))


@both
def test_dropped_delete_of_a_node_that_is_no_remote_leaves_its_row_to_nobody(vendor):
    """As the command does it: whatever gets the key there afterwards is another object."""
    ann = client_of(user_with("view_failure", "view_changelog", "synchronize"))
    item = Item.objects.using(REMOTE).create(name="theirs")
    synchronize(both=True)
    for model in (Reference, Checkpoint):  # as if another one had sent it, which is not there any more
        model.objects.filter(source=node_id(REMOTE)).update(source="gone")
    given = {"source": "gone", "operation": "D", "error": "no", "old_values": '["{}"]'}
    now = datetime.datetime.now(datetime.UTC)
    kept = Failure.objects.create(model_label="testapp.Item", object_pk=str(item.pk), logged_at=now, **given)

    press(ann, "failure", "drop", kept.pk, alias="default", confirmed="1")

    assert not Failure.objects.exists() and Item.objects.get().name == "theirs"
    assert not Reference.objects.filter(source="gone", local_pk=str(item.pk), ended=0).exists()


@both
def test_nothing_of_a_node_that_is_no_remote_is_dropped_under_its_run(vendor):
    ann = client_of(user_with("view_failure", "view_changelog", "synchronize"))
    now = datetime.datetime.now(datetime.UTC)
    given = {"source": "a-stranger", "operation": "U", "logged_at": now, "error": "no", "model_label": "testapp.Item"}
    kept = Failure.objects.create(object_pk="1", **given)

    with Lease("default", "a-stranger").held():
        refused = press(ann, "failure", "drop", kept.pk, alias="default", confirmed="1")

    assert "is under way" in " ".join(messages_of(refused))
    assert Failure.objects.get() == kept and noted() == []


@both
def test_what_a_remote_has_sent_that_is_down_is_not_dropped_as_a_strangers(vendor, third, settings, monkeypatch):  # noqa: F811
    """It may be asked later what has become of its object: nobody drops it without that."""
    ann = client_of(user_with("view_failure", "view_changelog", "synchronize"))
    settings.SYNCHRO_REMOTE = (REMOTE, third)
    synchronize(third, pull=True)
    now = datetime.datetime.now(datetime.UTC)
    given = {"operation": "U", "logged_at": now, "error": "no", "model_label": "testapp.Item", "object_pk": "1"}
    kept = Failure.objects.create(source=node_id(third), **given)

    def down():
        raise OperationalError("out of reach")

    connections[third].close()
    monkeypatch.setattr(connections[third], "ensure_connection", down)
    refused = press(ann, "failure", "drop", kept.pk, alias="default", confirmed="1")

    assert f"'{third}'" in " ".join(messages_of(refused))
    assert Failure.objects.get() == kept and noted() == []


@both
@pytest.mark.parametrize("name", ["0-before", "z-before"])
def test_failure_of_a_node_that_was_behind_an_alias_before_hides_no_other(vendor, name):
    ann = client_of(user_with("view_failure", "view_changelog", "synchronize"))
    now = datetime.datetime.now(datetime.UTC)
    given = {"operation": "U", "logged_at": now, "error": "no", "model_label": "testapp.Item"}
    synchronize(pull=True)
    MetNode.objects.create(node_id=name, alias=REMOTE)
    before = Failure.objects.create(source=name, object_pk="1", **given)
    kept = Failure.objects.create(source=node_id(REMOTE), object_pk="2", **given)

    press(ann, "failure", "drop", kept.pk, alias="default", confirmed="1")
    [left] = Failure.objects.all()
    press(ann, "failure", "drop", before.pk, alias="default", confirmed="1")

    assert left == before and not Failure.objects.exists()


@both
def test_without_a_remote_the_lists_are_those_of_local(vendor, settings):
    settings.SYNCHRO_REMOTE = None
    boss = client_of(user_with("view_failure", "view_changelog", "view_conflict", "view_reference"))

    for table in ("failure", "conflict", "reference"):
        assert "on “default”" in text_of(boss.get(list_of(table)))


# Conflicts ----------------------------------------------------------------------------------------


@pytest.fixture
def conflict(vendor, db, settings):
    """An object that both sides have changed; LOCAL's version stands."""
    settings.SYNCHRO_CONFLICT = "local"
    Item.objects.create(name="a")
    synchronize()
    Item.objects.using(REMOTE).update(name="theirs", cash=5)
    Item.objects.update(name=MARKUP)
    synchronize()
    return Conflict.objects.using(REMOTE).get()


@both
def test_both_versions_stand_side_by_side(conflict):
    ann = client_of(user_with("view_conflict", "view_changelog"))

    page = ann.get(page_of("conflict", REMOTE, conflict.pk))

    said = text_of(page)
    assert f"name (differs) {MARKUP} theirs" in said and "cash (differs) 0 5" in said
    assert "<b>bold" not in page.content.decode()
    assert "Take remote" not in said
    assert cells_of(ann.get(list_of("conflict")), "afterwards") == ["open"]


@both
@pytest.mark.parametrize("way", ["list", "page"])
def test_taking_the_remotes_version_writes_it_and_is_noted(conflict, way):
    ann = client_of(user_with("view_conflict", "view_changelog", "change_conflict"))

    if way == "list":
        response = press(ann, "conflict", "take_remote", conflict.pk)
    else:
        response = ann.post(page_of("conflict", REMOTE, conflict.pk), {"take": "remote"})

    assert Item.objects.using(REMOTE).get().name == "theirs"
    [said] = messages_of(response)
    assert said.startswith(f"testapp.Item {conflict.remote_key} on “remote”: remote taken, written.")
    assert noted() == [("ann", f"remote:{conflict.pk}", "Took remote on 'remote': written.")]
    page = text_of(ann.get(page_of("conflict", REMOTE, conflict.pk)))
    assert "Who has done what" in page and "Took remote on 'remote': written." in page


@both
def test_conflict_that_was_changed_since_is_refused_unless_that_is_meant(conflict):
    ann = client_of(user_with("view_conflict", "view_changelog", "change_conflict"))
    Item.objects.using(REMOTE).update(name="later")
    address = page_of("conflict", REMOTE, conflict.pk)

    [refused] = messages_of(ann.post(address, {"take": "remote"}))
    before = Item.objects.using(REMOTE).get().name
    ann.post(address, {"take": "remote", "force": "1"})

    assert "it was changed since" in refused and before == "later"
    assert Item.objects.using(REMOTE).get().name == "theirs"
    assert len(noted()) == 1


@both
@pytest.mark.parametrize("way", ["list", "page"])
def test_who_may_not_change_conflicts_decides_none(conflict, way):
    eve = client_of(user_with("view_conflict", "synchronize", "view_changelog"))

    page = eve.get(list_of("conflict"))
    if way == "list":
        press(eve, "conflict", "take_remote", conflict.pk)
    else:
        assert eve.post(page_of("conflict", REMOTE, conflict.pk), {"take": "remote"}).status_code == 403

    assert 'value="take_remote"' not in page.content.decode()
    assert Item.objects.using(REMOTE).get().name == MARKUP and noted() == []


@both
@pytest.mark.parametrize("side", ["", "merged", "both"])
def test_word_that_is_no_side_decides_nothing(conflict, side):
    ann = client_of(user_with("view_conflict", "view_changelog", "change_conflict"))

    response = ann.post(page_of("conflict", REMOTE, conflict.pk), {"take": side})

    assert messages_of(response) == ["Say whose version is to be taken."]
    assert Conflict.objects.using(REMOTE).get().taken == ""


@both
def test_conflicts_are_filtered_by_whether_they_are_open(conflict):
    ann = client_of(user_with("view_conflict", "view_changelog", "change_conflict"))

    def shown(state):
        return cells_of(ann.get(list_of("conflict"), {"open": state}), "id")

    assert (shown("yes"), shown("no")) == ([str(conflict.pk)], [])
    press(ann, "conflict", "take_local", conflict.pk)
    assert (shown("yes"), shown("no")) == ([], [str(conflict.pk)])


@both
def test_version_of_a_model_that_is_gone_is_shown_and_refused(conflict):
    ann = client_of(user_with("view_conflict", "view_changelog", "change_conflict"))
    Conflict.objects.using(REMOTE).update(model_label="gone.Model")
    address = page_of("conflict", REMOTE, conflict.pk)

    page, [refused] = ann.get(address), messages_of(ann.post(address, {"take": "remote"}))

    assert "theirs" in text_of(page) and "there is no such model any more" in refused


@both
def test_deleted_version_is_shown_as_deleted(vendor):
    Item.objects.create(name="a")
    synchronize()
    Item.objects.using(REMOTE).update(name="theirs")
    Item.objects.all().delete()
    synchronize()
    conflict = Conflict.objects.using(REMOTE).get()
    boss = client_of(user_with("view_conflict", "view_changelog"))

    said = text_of(boss.get(page_of("conflict", REMOTE, conflict.pk)))

    assert "deleted by default" in said and "theirs" in said


@both_committed
def test_decision_is_not_inside_the_transaction_of_the_request(conflict, monkeypatch):
    inside = []
    ann = client_of(user_with("view_conflict", "view_changelog", "change_conflict"))
    monkeypatch.setattr(
        "synchro_triggers.web.admin.conflicts.take",
        lambda alias, *args, **options: inside.append(connections[alias].in_atomic_block) or 1 / 0,
    )
    monkeypatch.setitem(connections.settings[REMOTE], "ATOMIC_REQUESTS", True)

    with pytest.raises(ZeroDivisionError):
        press(ann, "conflict", "take_remote", conflict.pk)

    assert inside == [False]
