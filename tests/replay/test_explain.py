"""``synchro_explain``: everything that is known of one object, and what the next run would do with it, and why."""

from __future__ import annotations

import datetime
import json
from io import StringIO

import pytest
from django.core.management import CommandError, call_command
from django.db import connections
from django.db.models.signals import pre_save

from synchro_triggers import counterparts, synchro_paused, synchronize
from synchro_triggers.capture import install
from synchro_triggers.models import ChangeLog, Failure
from synchro_triggers.replay.explain.next_run import Facts, FoundBy, what_next
from synchro_triggers.replay.explain.parts import KeptFailure, Logged
from synchro_triggers.replay.report import Told
from synchro_triggers.replay.state.node import node_id
from tests.databases import ALIASES, both, both_committed
from tests.testapp.models import Item, Keyed

pytestmark = both

LOCAL, REMOTE = ALIASES
RECEIVED = (
    "all that was logged of it has been received; what was changed past the log is not sent, "
    "but goes with the next change of it here (a comparison tells whether there is any)"
)
NOW = datetime.datetime(2026, 3, 4, 5, 6, 7, tzinfo=datetime.UTC)
LATER = NOW + datetime.timedelta(hours=1)


def explained(key, model="testapp.Item", *arguments):
    call_command("synchro_explain", model, str(key), "--json", *arguments, stdout=(output := StringIO()))
    return json.loads(output.getvalue())


def lines_of(key, model="testapp.Item"):
    call_command("synchro_explain", model, str(key), stdout=(output := StringIO()))
    return output.getvalue().splitlines()


def of_remote(key, model="testapp.Item"):
    [remote] = explained(key, model)["remotes"]
    return remote


def next_of(key, model="testapp.Item"):
    return of_remote(key, model)["next"]


# What is known ------------------------------------------------------------------------------------


@pytest.mark.all_pairs
def test_object_that_was_brought():
    item = Item.objects.create(name="a")
    synchronize(by="a task")
    there = counterparts(Item, [item.pk])[item.pk]
    [logged] = ChangeLog.objects.filter(model_label="testapp.Item")

    told = explained(item.pk)

    local, [remote] = told["local"], told["remotes"]
    assert (told["model"], told["key"], local["database"], local["there"]) == (
        "testapp.Item",
        str(item.pk),
        LOCAL,
        True,
    )
    assert (local["node"], local["names"], local["conflicts"], local["log_rows"]) == (node_id(LOCAL), [], [], 1)
    assert local["log"] == [
        {
            "id": logged.pk,
            "model": "testapp.Item",
            "operation": "I",
            "fields": logged.changed_fields,
            "at": logged.logged_at.isoformat(),
            "origin": "",
        }
    ]
    assert (remote["remote"], remote["node"], remote["key"]) == (REMOTE, node_id(REMOTE), str(there))
    [name] = remote["names"]
    assert (name["maker"], name["key"], name["ended"], name["remote_won"]) == (LOCAL, str(item.pk), False, False)
    assert [(run["begun_by"], run["outcome"]) for run in remote["runs"]] == [("a task", "done")]
    assert (remote["failure"], remote["conflicts"], remote["pending"]) == (None, [], False)
    assert remote["next"] == f"nothing: {RECEIVED}"

    lines = lines_of(item.pk)
    assert lines[0] == f"testapp.Item {item.pk}"
    assert f"default: is there, node {node_id(LOCAL)}" in lines and f"remote: {there}, node {node_id(REMOTE)}" in lines
    assert lines[-1] == f"  the next run would do: nothing: {RECEIVED}"


@pytest.mark.all_pairs
def test_object_that_is_pending():
    item = Item.objects.create(name="a")

    assert next_of(item.pk) == "create it there: a change is pending"
    synchronize()
    there = counterparts(Item, [item.pk])[item.pk]
    Item.objects.update(cash=5)
    assert next_of(item.pk) == f"update {there} there: a change is pending"
    key = item.pk
    item.delete()
    assert next_of(key) == f"delete {there} there: a change is pending"
    assert explained(key)["local"]["there"] is False
    synchronize()
    assert next_of(key) == f"nothing: {RECEIVED}"


def test_newest_rows_of_the_log_are_shown():
    item = Item.objects.create(name="a")
    for number in range(25):
        Item.objects.update(cash=number + 1)

    local = explained(item.pk)["local"]

    assert local["log_rows"] == 26 and len(local["log"]) == 20
    assert [row["id"] for row in local["log"]] == list(
        ChangeLog.objects.order_by("-id").values_list("id", flat=True)[:20]
    )
    assert "  log: 26 rows, the newest 20" in lines_of(item.pk)


@pytest.mark.all_pairs
def test_object_that_is_kept_as_a_failure():
    def refuse(sender, using, **kwargs):
        if using == REMOTE:
            raise ValueError("no good")

    item = Item.objects.create(name="a")
    pre_save.connect(refuse, sender=Item)
    try:
        for _ in range(4):
            synchronize()
    finally:
        pre_save.disconnect(refuse, sender=Item)
    failure = Failure.objects.using(REMOTE).get()

    remote = of_remote(item.pk)

    assert remote["failure"]["error"] == "ValueError: no good" and failure.next_at is not None
    assert remote["failure"]["attempts"] == failure.attempts
    assert remote["failure"]["next_at"] == failure.next_at.isoformat()
    assert remote["next"].startswith(
        f"nothing: it is kept as a failure, and not tried before {failure.next_at:%Y-%m-%d %H:%M:%S}"
    )
    assert any(line.startswith("  kept as a failure: ValueError: no good (") for line in lines_of(item.pk))
    Item.objects.update(cash=1)
    assert next_of(item.pk) == (
        "create it there: a change is pending; what is kept of it is tried with it, whatever its pause"
    )


@pytest.mark.all_pairs
def test_object_that_came_from_there_has_its_makers_name():
    theirs = Item.objects.using(REMOTE).create(pk=70_000, name="theirs")
    synchronize(pull=True)
    [here] = Item.objects.values_list("pk", flat=True)

    told = explained(here)

    [name] = told["local"]["names"]
    assert (name["maker"], name["key"]) == (REMOTE, str(theirs.pk))
    assert told["local"]["log"][0]["origin"] == REMOTE
    [remote] = told["remotes"]
    assert remote["key"] == str(theirs.pk)
    assert remote["next"] == "nothing: its last change came from 'remote' itself"
    Item.objects.using(REMOTE).update(cash=9)
    assert of_remote(here)["pending_back"] is True


@pytest.mark.all_pairs
def test_versions_are_told_of_an_object_that_goes_round():
    item = Item.objects.create(name="a")
    synchronize(both=True)
    Item.objects.using(REMOTE).update(cash=9)
    synchronize(both=True)

    told = explained(item.pk)

    [here], [there] = told["local"]["names"], told["remotes"][0]["names"]
    assert (here["maker"], here["key"], here["author"]) == (LOCAL, str(item.pk), REMOTE)
    assert here["number"] > 0 and here["at"].startswith("20")
    assert (there["maker"], there["key"]) == (LOCAL, str(item.pk))


@pytest.mark.all_pairs
def test_conflict_is_shown(settings):
    settings.SYNCHRO_CONFLICT = "remote"
    item = Item.objects.create(name="a")
    synchronize()
    Item.objects.using(REMOTE).update(cash=1)
    Item.objects.update(cash=2)
    synchronize()

    remote = of_remote(item.pk)

    [conflict] = remote["conflicts"]
    assert (conflict["kind"], conflict["result"], conflict["rule"]) == ("update/update", "remote", "remote")
    assert "which stands until 'default' changes it" in remote["next"]
    assert any(line.endswith("update/update, remote stands (remote), open") for line in lines_of(item.pk))


def test_object_that_was_never_logged():
    with synchro_paused():
        item = Item.objects.create(pk=90_000, name="imported")

    told = next_of(item.pk)
    assert told.startswith("nothing: 'default' has never logged it, so no run knows of it, and nothing tells whether")
    assert "change it here" not in told  # the next run would be refused, and so would all that waits


def test_object_that_was_never_logged_and_has_a_natural_key_comes_once_it_is_changed():
    Item.objects.create(name="a")
    synchronize()
    with synchro_paused():
        keyed = Keyed.objects.create(code="imported")
    with synchro_paused(using=REMOTE):
        Keyed.objects.using(REMOTE).create(code="stranger")

    told = next_of(keyed.pk, "testapp.Keyed")
    Keyed.objects.filter(pk=keyed.pk).update(cash=5)
    synchronize()

    assert "change it here, and the next run brings it" in told
    assert Keyed.objects.using(REMOTE).get(code="imported").cash == 5


@pytest.mark.all_pairs
def test_row_that_was_left_to_another_object_is_explained_of_both():
    gone = Keyed.objects.create(code="x")
    synchronize()
    key, there = gone.pk, counterparts(Keyed, [gone.pk])[gone.pk]
    gone.delete()
    with synchro_paused():
        new = Keyed.objects.create(code="x", cash=5)
    assert synchronize().told == {Told.HANDED_ON: 1}

    of_gone, of_new = next_of(key, "testapp.Keyed"), next_of(new.pk, "testapp.Keyed")
    Keyed.objects.filter(pk=new.pk).update(cash=6)
    synchronize()

    assert of_gone.startswith(f"nothing: it was deleted; testapp.Keyed {new.pk} has its natural key now, and its row ")
    assert of_new.startswith("nothing: the log of 'default' has nothing of it, so no run writes it: ")
    assert f"{there} on 'remote' stays as it is" in of_new and "change it here: that is logged" in of_new
    assert Keyed.objects.using(REMOTE).get().cash == 6


def test_deleted_object_whose_natural_key_nobody_has_is_received():
    keyed = Keyed.objects.create(code="x")
    synchronize()
    key = keyed.pk
    keyed.delete()
    synchronize()

    assert next_of(key, "testapp.Keyed") == f"nothing: {RECEIVED}"


def test_fields_that_are_skipped_are_named(settings):
    settings.SYNCHRO_OPTIONS = {"testapp.Item": {"skip": ["cash"]}}
    item = Item.objects.create(name="a")
    install.install(LOCAL)

    assert explained(item.pk)["skipped"] == ["cash"]
    assert "  each side's own fields (skip): cash" in lines_of(item.pk)


def test_model_is_found_whatever_its_case():
    item = Item.objects.create(name="a")

    assert explained(item.pk, "testapp.item")["model"] == "testapp.Item"


def test_run_that_would_be_refused_is_why_nothing_is_done():
    item = Item.objects.create(name="a")
    install.uninstall(LOCAL)

    assert next_of(item.pk).startswith("nothing: the run would be refused: the triggers on 'default' do not fit: ")


def test_without_a_remote(settings):
    settings.SYNCHRO_REMOTE = None
    item = Item.objects.create(name="a")

    assert explained(item.pk)["remotes"] == []
    assert lines_of(item.pk)[-1] == "No remote is configured (SYNCHRO_REMOTE): changes are only logged."


@both_committed
def test_remote_that_is_down_is_a_line_and_ends_with_5(tmp_path, vendor):
    item = Item.objects.create(name="a")
    connection = connections[REMOTE]
    connection.close()
    before = dict(connection.settings_dict)
    change = {"sqlite": {"NAME": str(tmp_path / "no" / "db")}, "postgres": {"HOST": "127.0.0.1", "PORT": "1"}}
    connection.settings_dict.update(change[vendor.remote])
    output = StringIO()
    try:
        with pytest.raises(CommandError) as caught:
            call_command("synchro_explain", "testapp.Item", str(item.pk), stdout=output)
    finally:
        connection.close()
        connection.settings_dict.update(before)

    assert caught.value.returncode == 5
    assert output.getvalue().splitlines()[-1].startswith("remote: cannot be asked: Database error while working on")


# What would be done, and why ----------------------------------------------------------------------


def facts(**changed):
    fields = {"local": LOCAL, "remote": REMOTE, "refused": "", "there": True, "newest": logged("U"), "key": "4711"}
    fields |= {
        "found_by": FoundBy.NOTHING,
        "taken_over": "",
        "last_refused": "",
        "pending": False,
        "came_from_there": False,
        "remote_won": False,
        "failure": None,
        "now": NOW,
    }
    return Facts(**fields | changed)


def logged(operation):
    return Logged(1, "a.B", operation, "", NOW, "")


def kept(next_at):
    return KeptFailure("no", 3, NOW, NOW, next_at)


NEXT = {
    "received": (facts(), f"nothing: {RECEIVED}"),
    "changed": (facts(pending=True), "update 4711 there: a change is pending"),
    "new": (facts(pending=True, key=None), "create it there: a change is pending"),
    "new, or there": (
        facts(pending=True, key=None, found_by=FoundBy.NATURAL_KEY),
        "create it there, or find it by its natural key: a change is pending",
    ),
    "new, or there under its key": (
        facts(pending=True, key=None, found_by=FoundBy.KEY),
        "create it there, or find it by its primary key: a change is pending",
    ),
    "deleted": (facts(pending=True, there=False, newest=logged("D")), "delete 4711 there: a change is pending"),
    "gone on both": (
        facts(pending=True, there=False, newest=logged("D"), key=None),
        "nothing but forget it: no row there is known to be it: a change is pending",
    ),
    "vanished": (
        facts(pending=True, there=False),
        "leave it alone: 'default' does not have it, and its log does not say that it was deleted: a change is pending",
    ),
    "vanished and received": (
        facts(there=False),
        "nothing: 'default' does not have it, and its log does not say that it was deleted: 4711 is left alone",
    ),
    "paused": (
        facts(failure=kept(LATER)),
        "nothing: it is kept as a failure, and not tried before 2026-03-04 06:06:07, after 3 attempts "
        "(`manage.py synchro_failures --retry`: at once)",
    ),
    "due": (facts(failure=kept(None)), "try again what is kept as a failure after 3 attempts: update 4711 there"),
    "due since": (facts(failure=kept(NOW)), "try again what is kept as a failure after 3 attempts: update 4711 there"),
    "theirs": (facts(came_from_there=True), "nothing: its last change came from 'remote' itself"),
    "lost": (
        facts(remote_won=True),
        "nothing: a conflict has kept the version of 'remote', which stands until 'default' changes it",
    ),
    "refused before": (
        facts(pending=True, last_refused="a lack"),
        "update 4711 there: a change is pending. The last run was refused, and so will this one be until that is "
        "cured: a lack",
    ),
    "refused": (facts(pending=True, refused="a copy"), "nothing: the run would be refused: a copy"),
}


@pytest.mark.parametrize("what", NEXT)
def test_what_is_done_next(what):
    given, expected = NEXT[what]

    assert what_next(given) == expected
