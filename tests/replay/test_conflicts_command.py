"""``synchro_conflicts``: what is on record is listed, shown, decided otherwise, and forgotten."""

from __future__ import annotations

import datetime
import json
import uuid
from io import StringIO

import pytest
from django.core.management import CommandError, call_command

from synchro_triggers import conflicts, synchronize
from synchro_triggers.capture import own_tables
from synchro_triggers.exceptions import DatabaseUnreachable
from synchro_triggers.models import ChangeLog, Checkpoint, Conflict, Node, Reference
from synchro_triggers.replay.on_record import listing
from tests.databases import both
from tests.replay.hearing import REMOTE, hearing, later, receiving
from tests.testapp.models import Account, Entry, Item, Numbered, Tag, Tagged

pytestmark = [both, pytest.mark.all_pairs]


def remote(model):
    return model._base_manager.using(REMOTE)


def records():
    return Conflict.objects.using(REMOTE)


def run(*arguments):
    """Run the command; return its exit code and what it said."""
    out = StringIO()
    try:
        call_command("synchro_conflicts", *arguments, stdout=out, stderr=out)
    except CommandError as error:
        assert "\n" not in str(error)
        return error.returncode, f"{out.getvalue()}{error}"
    return 0, out.getvalue()


def conflict(settings, policy="remote", *, cash=(42, 77)):
    settings.SYNCHRO_CONFLICT = policy
    later()
    Item.objects.update(cash=cash[0])
    remote(Item).update(cash=cash[1])
    synchronize()
    return records().first()


@pytest.fixture
def item():
    made = Item.objects.create(name="a", cash=1)
    synchronize()
    return made


# Listing ------------------------------------------------------------------------------------------


def test_nothing_on_record_ends_with_0():
    synchronize()

    assert run() == (0, "No conflicts are on record.\n")


def test_open_ones_are_listed_first_and_end_with_1(item, settings):
    first = conflict(settings)
    second = conflict(settings, cash=(43, 78))
    run("--take", "remote", str(second.pk))

    code, said = run()

    assert code == 1
    lines = said.splitlines()
    assert lines[0].startswith(f"remote {first.pk}: testapp.Item {item.pk} of default (there ")
    assert "update/update; remote stands (remote), decided 20" in lines[0] and lines[0].endswith("; open")
    assert lines[1].startswith(f"remote {second.pk}: ") and "; remote taken 20" in lines[1]
    assert lines[2] == "1 conflict is open."
    assert run("--limit", "1")[1].splitlines()[1] == "... and 1 more"
    assert run("--model", "testapp.Account") == (0, "No conflicts are on record.\n")
    assert run("--here") == (0, "No conflicts are on record.\n")


def test_json_and_python_say_the_same(item, settings):
    made = conflict(settings)

    [told] = json.loads(run("--json")[1].rpartition("]")[0] + "]")
    [found] = conflicts()

    assert (told["id"], told["database"], told["sender"]) == (made.pk, REMOTE, "default")
    assert (told["local_author"], told["remote_author"], told["taken"]) == ("default", REMOTE, "")
    assert told == found.as_dict() and found.is_open
    assert conflicts(models=["testapp.Account"]) == []


def test_show_tells_field_by_field_what_differs(item, settings):
    made = conflict(settings)

    code, said = run("--show", str(made.pk))

    assert code == 0
    assert "  * cash: '42' (local), '77' (remote)" in said.splitlines()
    assert "    name: 'a'" in said.splitlines()
    assert "  local: changed by default, 20" in said and "  remote: changed by remote, 20" in said
    told = json.loads(run("--show", str(made.pk), "--json")[1])
    assert {"field": "cash", "local": "42", "remote": "77", "differs": True} in told["fields"]


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (("--show", "17"), 2, "There is no conflict 17 on record in 'default' or 'remote'"),
        (("--take", "mine", "1"), 2, "--take wants 'local' or 'remote'"),
        (("--take", "local", "x"), 2, "--take wants 'local' or 'remote'"),
        (("--remote", "nowhere"), 2, "there is no database 'nowhere'"),
        (("--model", "testapp.Nothing"), 2, "There is no model 'testapp.Nothing'"),
        (("--forget",), 2, "--forget wants either numbers, or --before DAYS"),
        (("--before", "3"), 2, "--before says more of --forget"),
        (("--force",), 2, "--force says more of --take"),
        (("--limit", "0"), 2, "--limit must be at least 1"),
        (("--here", "--remote", REMOTE), 2, "--here and --remote"),
        (("--show", "1", "--forget", "1"), 2, "--show and --forget"),
    ],
)
def test_what_is_wrong_is_said_in_a_line(arguments, code, said):
    synchronize()

    ended, text = run(*arguments)

    assert ended == code and said in text


def test_number_that_two_databases_have_must_be_told_apart(item, settings):
    made = conflict(settings)
    Conflict.objects.bulk_create([Conflict(id=made.pk, source="x", model_label="testapp.Item", rule="newest")])

    code, said = run("--show", str(made.pk))

    assert code == 2 and "in 'default' and in 'remote': say which, with --remote, or with --here" in said
    assert run("--show", str(made.pk), "--remote", REMOTE)[0] == 0


def test_conflicts_of_another_sender_are_not_this_one_s(item, settings):
    made = conflict(settings)
    records().update(source=str(uuid.uuid4()))

    assert run()[0] == 0 and run("--show", str(made.pk))[0] == 2


def test_tables_that_are_missing_are_refused(monkeypatch):
    needed = {"synchro_triggers_node": ["id"], "synchro_triggers_conflict_of_tomorrow": ["id"]}
    monkeypatch.setattr(own_tables, "needed_columns", lambda: needed)

    code, said = run()

    assert code == 3 and "synchro_triggers_conflict_of_tomorrow" in said


def test_database_that_is_down_ends_with_5(monkeypatch):
    def down(alias):
        raise DatabaseUnreachable(f"The database {alias!r} cannot be reached.")

    monkeypatch.setattr(listing, "require_own_tables", down)

    assert run("--remote", REMOTE) == (5, "The database 'remote' cannot be reached.")


# Deciding otherwise -------------------------------------------------------------------------------


@pytest.mark.parametrize(("policy", "side", "cash"), [("remote", "local", 42), ("local", "remote", 77)])
def test_version_that_has_lost_is_written_as_a_change_of_that_database_s_users(item, settings, policy, side, cash):
    made = conflict(settings, policy)

    with hearing(Item, only=("post_save",)) as heard:
        code, said = run("--take", side, str(made.pk))

    assert code == 0 and f"{side!r} taken, written." in said
    assert remote(Item).get().cash == cash
    assert [each.told["created"] for each in heard] == [False]
    last = ChangeLog.objects.using(REMOTE).filter(model_label="testapp.Item").order_by("-id").first()
    assert (last.operation, last.origin) == ("U", "")
    made.refresh_from_db()
    assert (made.result, made.taken) == (policy, side) and made.taken_at is not None
    assert run()[0] == 0
    assert ("'default' has never received anything from 'remote'" in said) is (side == "remote")


def test_side_that_has_won_may_be_taken_too_which_writes_nothing(item, settings):
    made = conflict(settings)
    logged = ChangeLog.objects.using(REMOTE).count()

    code, said = run("--take", "remote", str(made.pk))

    assert code == 0 and "left as it is" in said
    assert ChangeLog.objects.using(REMOTE).count() == logged


def test_same_is_not_taken_twice_but_the_other_may_be(item, settings):
    made = conflict(settings)
    run("--take", "local", str(made.pk))

    code, said = run("--take", "local", str(made.pk))

    assert code == 3 and f"Conflict {made.pk} on 'remote' is decided so already: 'local' was taken at" in said
    assert run("--take", "remote", str(made.pk))[0] == 0
    assert remote(Item).get().cash == 77


def test_object_that_was_changed_since_is_refused_without_force(item, settings):
    made = conflict(settings)
    remote(Item).update(cash=80)

    code, said = run("--take", "local", str(made.pk))

    assert code == 3 and "it was changed since: cash is '80' now, and was '77'" in said
    assert remote(Item).get().cash == 80 and not records().get().taken
    assert run("--take", "local", str(made.pk), "--force")[0] == 0
    assert remote(Item).get().cash == 42


@pytest.mark.parametrize("policy", ["local", "remote"])
def test_object_that_local_has_deleted(item, settings, policy):
    settings.SYNCHRO_CONFLICT = policy
    later()
    item.delete()
    remote(Item).update(cash=77)
    synchronize()
    other = "local" if policy == "remote" else "remote"

    code, said = run("--take", other, str(records().get().pk))

    assert code == 0 and ("deleted" if other == "local" else "made again") in said
    assert list(remote(Item).values_list("cash", flat=True)) == ([] if other == "local" else [77])


@pytest.mark.parametrize("policy", ["local", "remote"])
def test_object_that_the_remote_has_deleted(item, settings, policy):
    settings.SYNCHRO_CONFLICT = policy
    later()
    Item.objects.update(cash=42)
    remote(Item).all().delete()
    synchronize()
    other = "local" if policy == "remote" else "remote"

    code, said = run("--take", other, str(records().get().pk))

    assert code == 0 and ("made again" if other == "local" else "deleted") in said
    assert list(remote(Item).values_list("cash", flat=True)) == ([42] if other == "local" else [])


def test_object_that_was_made_again_is_known_by_local(item, settings):
    """Its next change here arrives there, and nothing is doubled."""
    settings.SYNCHRO_CONFLICT = "remote"
    later()
    Item.objects.update(cash=42)
    remote(Item).all().delete()
    synchronize()
    assert run("--take", "local", str(records().get().pk))[0] == 0
    settings.SYNCHRO_CONFLICT = "local"
    later()
    Item.objects.update(cash=43)

    synchronize()

    assert [row.cash for row in remote(Item)] == [43]
    assert Reference.objects.using(REMOTE).get().remote_pk == str(remote(Item).get().pk)


@pytest.mark.parametrize("policy", ["local", "remote"])
def test_link_is_made_or_removed(settings, policy):
    settings.SYNCHRO_CONFLICT = policy
    made = Tagged.objects.create(title="t")
    made.tags.add(tag := Tag.objects.create(label="a"))
    synchronize()
    later()
    made.tags.remove(tag)
    made.tags.add(tag)
    there = Tagged.objects.using(REMOTE).get()
    there.tags.remove(*there.tags.using(REMOTE))
    synchronize()
    other = "local" if policy == "remote" else "remote"

    with hearing(Tagged.tags.through, only=("m2m_changed",)) as heard:
        code, said = run("--take", other, str(records().get().pk))

    assert code == 0 and ("linked" if other == "local" else "unlinked") in said
    assert there.tags.using(REMOTE).exists() is (other == "local")
    assert {each.told["action"] for each in heard} == (
        {"pre_add", "post_add"} if other == "local" else {"pre_remove", "post_remove"}
    )


def test_what_the_database_refuses_is_said_and_nothing_is_changed(settings):
    """What it pointed to is gone by now."""
    settings.SYNCHRO_CONFLICT = "remote"
    first, second = (Account.objects.create(name=name) for name in "ab")
    Entry.objects.create(name="e", account=first)
    synchronize()
    later()
    Entry.objects.update(account=second)
    remote(Entry).update(name="theirs")
    synchronize()
    made = records().get(model_label="testapp.Entry")
    remote(Account).filter(name="b").delete()

    def refuse(using, **told):
        raise ValueError("no more")

    with receiving("pre_save", Entry, refuse), pytest.raises(ValueError, match="no more"):
        run("--take", "local", str(made.pk))
    assert remote(Entry).get().name == "theirs" and not records().get(pk=made.pk).taken


def test_unique_value_that_another_object_has_by_now_is_said(settings):
    settings.SYNCHRO_CONFLICT = "remote"
    Numbered.objects.create(number=1)
    synchronize()
    later()
    Numbered.objects.update(number=2)
    remote(Numbered).update(number=3)
    synchronize()
    made = records().get()
    remote(Numbered).create(number=2)

    code, said = run("--take", "local", str(made.pk))

    assert code == 1 and f"testapp.Numbered {made.remote_key} on 'remote' (conflict {made.pk})" in said
    assert "its version cannot be written: " in said and "Nothing was changed." in said
    assert not records().get().taken and remote(Numbered).filter(number=3).exists()


def test_advice_where_the_remote_synchronizes_back(item, settings):
    made = conflict(settings, "local")
    Checkpoint.objects.create(source=Node.objects.using(REMOTE).get().node_id)

    code, said = run("--take", "remote", str(made.pk))

    assert code == 0 and "'default' learns it when 'remote' synchronizes to it, or when it fetches it itself" in said
    assert "`manage.py synchronize --pull --remote remote`" in said


# Forgetting ---------------------------------------------------------------------------------------


def test_forgetting_by_number_and_by_age(item, settings):
    first, second = conflict(settings), conflict(settings, cash=(43, 78))
    third = conflict(settings, cash=(44, 79))
    long_ago = datetime.datetime.now(datetime.UTC) - datetime.timedelta(days=40)
    records().filter(pk=second.pk).update(decided_at=long_ago)

    assert run("--forget", str(first.pk)) == (0, "1 conflict forgotten.\n")
    assert run("--forget", "--before", "30") == (0, "1 conflict forgotten.\n")
    assert [each.pk for each in records()] == [third.pk]
    assert run("--forget", str(first.pk))[0] == 2
