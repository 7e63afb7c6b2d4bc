"""``synchro_status`` of LOCAL, of lag, clocks and runs; and ``--check``, which monitoring asks."""

from __future__ import annotations

import datetime
import json
from io import StringIO

import pytest
from django.core.management import CommandError, call_command
from django.db import connections
from django.db.models.signals import pre_save

from synchro_triggers import synchronize
from synchro_triggers.capture import install
from synchro_triggers.conf import get_settings
from synchro_triggers.exceptions import Refused
from synchro_triggers.models import ChangeLog, Conflict, Node, Run
from synchro_triggers.replay.state.node import node_id
from synchro_triggers.replay.status.findings import Limits, find
from synchro_triggers.replay.status.local import LocalStatus
from synchro_triggers.replay.status.remote import FailureStatus, Status, Unreachable, read_status
from synchro_triggers.replay.status.runs import PastRun
from synchro_triggers.web.cards import read_overview
from tests.databases import ALIASES, both, both_committed
from tests.testapp.models import Item

LOCAL, REMOTE = ALIASES
THEN = datetime.datetime(2026, 3, 4, 5, 6, 7, tzinfo=datetime.UTC)


def status(*arguments):
    call_command("synchro_status", *arguments, stdout=(output := StringIO()))
    return output.getvalue()


def checked(*arguments):
    """Return the exit code of a check that finds something, its lines, and its error."""
    output = StringIO()
    with pytest.raises(CommandError) as caught:
        call_command("synchro_status", "--check", *arguments, stdout=output)
    return caught.value.returncode, output.getvalue().splitlines(), str(caught.value)


def wait_for(seconds):
    """Let what is logged have waited for so long."""
    ChangeLog.objects.update(logged_at=datetime.datetime.now(datetime.UTC) - datetime.timedelta(seconds=seconds))


# What is shown ------------------------------------------------------------------------------------


@both
@pytest.mark.all_pairs
def test_status_of_local(vendor, settings):
    Item.objects.create(name="a")
    synchronize()
    Item.objects.create(name="b")
    since = ChangeLog.objects.order_by("id").first().logged_at

    lines = status().splitlines()
    told = json.loads(status("--json"))["local"]

    engine = {"sqlite": "SQLite", "postgres": "PostgreSQL"}[vendor.local]
    assert lines[:2] == [f"default: {engine}, node {node_id(LOCAL)}", "  triggers: fit"]
    log = next(line for line in lines if line.startswith("  log: 2 rows, "))
    assert log.endswith(f"B, the oldest of {since:%Y-%m-%d %H:%M:%S}; 1 may be pruned (synchro_prune --keep 0)")
    assert told["log_bytes"] > 1000 and (told["log_rows"], told["prunable"], told["retention"]) == (2, 1, None)
    assert (told["node"], told["engine"], told["copy"], told["triggers"]) == (node_id(LOCAL), engine, "", [])
    assert datetime.datetime.fromisoformat(told["log_since"]) == since

    settings.SYNCHRO_RETENTION = 30

    assert "0 may be pruned (SYNCHRO_RETENTION = 30)" in status()


@both
def test_triggers_that_do_not_fit_are_named():
    install.uninstall(LOCAL)

    lines = status().splitlines()

    assert lines[1] == "  triggers: do not fit (synchro_install_triggers mends that):"
    assert "    testapp_item (testapp.Item): missing" in lines
    assert "testapp_item (testapp.Item): missing" in json.loads(status("--json"))["local"]["triggers"]


@both
@pytest.mark.all_pairs
def test_lag_is_the_age_of_the_oldest_pending_change():
    Item.objects.create(name="received")
    wait_for(1000)
    synchronize()
    assert read_status(REMOTE).lag == 0
    Item.objects.create(name="a")
    wait_for(90)
    Item.objects.create(name="b")

    found = read_status(REMOTE)

    assert 90 <= found.lag < 150 and found.pending_rows == 2
    assert abs(found.clock) < 30
    assert f"pending: 2 objects in 2 log rows, the oldest {found.lag:,.0f}"[:-1] in status()


@both
@pytest.mark.parametrize("ahead", [90, -90])
def test_clocks_that_differ_are_told(monkeypatch, ahead):
    monkeypatch.setattr(
        "synchro_triggers.replay.status.remote._ahead", lambda alias: float(ahead) if alias == REMOTE else 0.0
    )

    assert f"  clock: 90 s {'ahead of' if ahead > 0 else 'behind'} 'default'" in status().splitlines()
    assert json.loads(status("--json"))["remotes"][REMOTE]["clock"] == ahead


@both
@pytest.mark.all_pairs
def test_conflicts_are_counted():
    for taken in ("", "remote"):
        Conflict.objects.using(REMOTE).create(
            source=node_id(LOCAL), model_label="testapp.Item", local_pk="1", remote_pk="2", kind="update/update",
            rule="newest", result="local", taken=taken,
        )  # fmt: skip
    Conflict.objects.using(REMOTE).create(
        source="another", model_label="testapp.Item", local_pk="1", remote_pk="2", kind="update/update",
        rule="newest", result="local",
    )  # fmt: skip

    told = json.loads(status("--json"))["remotes"][REMOTE]

    assert (told["conflicts"], told["open_conflicts"]) == (2, 1)
    assert "  conflicts: 2 on record, 1 open" in status().splitlines()


@both
@pytest.mark.all_pairs
def test_remote_that_may_be_a_copy_is_noted():
    Node.objects.using(REMOTE).update(fingerprint="made elsewhere")

    note = json.loads(status("--json"))["remotes"][REMOTE]["note"]

    assert note.startswith("The identity of 'remote' was made in another place.")
    assert f"  note: {note}" in status().splitlines()


@both
def test_last_runs_are_shown_the_newest_first():
    for number in range(7):
        Item.objects.create(name=str(number))
        synchronize(by="a task")
    first = Run.objects.order_by("id").first()

    lines = status().splitlines()
    told = json.loads(status("--json"))["remotes"][REMOTE]["runs"]

    at = lines.index("  last runs:")
    assert len(lines[at + 1 :]) == len(told) == 5
    assert all(" push by a task, " in line and line.endswith(": done (1 written)") for line in lines[at + 1 :])
    Run.objects.exclude(pk=first.pk).delete()
    [line] = status().splitlines()[-1:]
    took = (first.ended_at - first.begun_at).total_seconds()
    assert line == f"    {first.begun_at:%Y-%m-%d %H:%M:%S} push by a task, {took:.1f} s: done (1 written)"


# Monitoring ---------------------------------------------------------------------------------------


@both
@pytest.mark.all_pairs
def test_check_of_what_is_well_ends_with_0():
    Item.objects.create(name="a")
    synchronize()
    Item.objects.create(name="b")

    assert status("--check") == "Nothing is wrong.\n"
    assert status("--check", "--max-lag", "600", "--max-failures", "0") == "Nothing is wrong.\n"
    assert json.loads(status("--check", "--json"))["findings"] == []


@both
def test_cron_is_told_only_what_is_wrong():
    Item.objects.create(name="a")
    wait_for(300)
    silent = status("--check", "--max-lag", "3000", "-v", "0")

    code, lines, error = checked("--max-lag", "60", "-v", "0")

    assert silent == "" and (code, lines) == (1, [])
    assert error.startswith("remote: 1 objects wait, ") and "run `manage.py synchronize --remote remote`" in error


@both
@pytest.mark.all_pairs
def test_check_of_a_lag():
    Item.objects.create(name="a")
    wait_for(300)

    code, [line], error = checked("--max-lag", "60")

    assert code == 1 and error == line
    assert line.startswith("remote: 1 objects wait, the oldest for 30") and "60 are allowed: " in line
    assert line.endswith("run `manage.py synchronize --remote remote`, or start its follower")


@both
def test_check_of_failures():
    def refuse(sender, using, **kwargs):
        if using == REMOTE:
            raise ValueError("no")

    pre_save.connect(refuse, sender=Item)
    try:
        item = Item.objects.create(name="a")
        synchronize()
    finally:
        pre_save.disconnect(refuse, sender=Item)

    code, [line], _ = checked()

    assert code == 1 and line == (
        f"remote: 1 kept failures, and 0 are allowed; the first is testapp.Item {item.pk}: ValueError: no: "
        "`manage.py synchro_failures --remote remote` lists them; mend the cause, then run it with --retry"
    )
    assert status("--check", "--max-failures", "1") == "Nothing is wrong.\n"


@both
def test_check_of_triggers_ends_with_3():
    install.uninstall(LOCAL)

    code, lines, error = checked("--json")

    assert code == 3 and "run `manage.py synchro_install_triggers --database default`" in error
    [finding] = json.loads("\n".join(lines))["findings"]
    assert (finding["code"], finding["database"]) == (3, LOCAL)


@both
def test_check_tells_of_a_copy_once():
    synchronize()
    Node.objects.filter(pk=1).update(fingerprint="made elsewhere")
    with pytest.raises(Refused):
        synchronize()

    code, [line], _ = checked()

    assert code == 3
    assert line == "default: it is a copy, or was moved: `manage.py synchronize` tells what has to be decided"


# A remote without triggers ------------------------------------------------------------------------

BLIND = "'remote' has no triggers"


def blind(settings, **options):
    """Return what a run, the state, the check and the page say of the remote's triggers."""
    install.uninstall(REMOTE)
    warned = " ".join(synchronize(**options).warnings)
    try:
        check = status("--check")
    except CommandError:
        _, lines, _ = checked()
        check = "\n".join(lines)
    [card] = read_overview(get_settings(), with_values=True).cards
    page = " ".join(each.cause for each in card.findings)
    return [BLIND in each for each in (warned, status(), check, page)]


@both
@pytest.mark.all_pairs
def test_remote_that_has_sent_and_has_no_triggers_any_more_is_found(settings):
    Item.objects.using(REMOTE).create(name="theirs")
    synchronize(both=True)

    assert blind(settings) == [True, True, True, True]

    code, [line], _ = checked()
    assert code == 3 and "`manage.py synchro_install_triggers --database remote`" in line
    install.install(REMOTE)
    assert status("--check") == "Nothing is wrong.\n" and BLIND not in status()


@both
def test_remote_that_only_receives_is_told_of_and_no_finding(settings):
    Item.objects.create(name="ours")
    synchronize()

    assert blind(settings) == [True, True, False, False]


@both
def test_remote_whose_changes_shall_be_overwritten_is_not_told_of(settings):
    synchronize(both=True)
    settings.SYNCHRO_CONFLICT = "local"

    assert blind(settings) == [False, False, False, False]


@both
def test_check_of_a_schema_that_lags_ends_with_3():
    with connections[REMOTE].cursor() as cursor:
        install.uninstall(REMOTE)
        cursor.execute("ALTER TABLE testapp_item RENAME COLUMN name TO elsewhere")

    code, [line], _ = checked()

    assert code == 3
    assert line.startswith("remote: its schema lags (testapp.Item") and line.endswith(
        "): run `manage.py migrate --database remote`"
    )
    assert any(
        line.startswith("  schema lags: testapp_item (testapp.Item) has no name") for line in status().splitlines()
    )


@both_committed
def test_remote_that_is_down_is_a_line(tmp_path, vendor):
    synchronize()
    connection = connections[REMOTE]
    connection.close()
    before = dict(connection.settings_dict)
    change = {"sqlite": {"NAME": str(tmp_path / "no" / "db")}, "postgres": {"HOST": "127.0.0.1", "PORT": "1"}}
    connection.settings_dict.update(change[vendor.remote])
    output, as_json = StringIO(), StringIO()
    try:
        with pytest.raises(CommandError) as caught:
            call_command("synchro_status", stdout=output)
        with pytest.raises(CommandError) as again:
            call_command("synchro_status", "--json", stdout=as_json)
        code, lines, _ = checked()
    finally:
        connection.close()
        connection.settings_dict.update(before)

    assert caught.value.returncode == again.value.returncode == code == 5
    shown = output.getvalue().splitlines()
    assert shown[0].startswith("default: ") and shown[-1].endswith(": nothing to do")
    assert any(line.startswith("remote: cannot be asked: Database error while working on 'remote'") for line in shown)
    told = json.loads(as_json.getvalue())["remotes"][REMOTE]
    assert "'remote'" in told["error"] and [run["outcome"] for run in told["runs"]] == ["nothing to do"]
    assert len(lines) == 1 and lines[0].endswith("run it again: start it, or look at its settings")


# What is a finding --------------------------------------------------------------------------------


def local(**changed):
    fields = {"database": LOCAL, "node": "n", "engine": "SQLite", "copy": "", "triggers": (), "unseen": ()}
    fields |= {"log_rows": 0, "log_bytes": None, "log_since": None, "retention": None, "prunable": 0}
    return LocalStatus(**fields | changed)


def remote(**changed):
    fields = {"remote": REMOTE, "last_run": None, "under_way": "", "refused": "", "pending": {}, "pending_rows": 0}
    return Status(**fields | {"failures": ()} | changed)


def run(outcome, direction="push", error=""):
    counts = dict.fromkeys(("written", "deleted", "links", "kept", "conflicts"), 0)
    return PastRun(REMOTE, "n", direction, THEN, None, outcome, error, begun_by="command", **counts)


FAILURE = FailureStatus("a.B", "7", "U", "no", 1, THEN, THEN, None)

FINDINGS = {
    "nothing": (local(), [remote()], Limits(), []),
    "a copy": (local(copy="it is a copy"), [], Limits(), [(3, "default: it is a copy, or was moved: ")]),
    "a copy, told once": (
        local(copy="it is a copy"),
        [remote(refused="it is a copy", runs=(run("refused", error="it is a copy"),))],
        Limits(),
        [(3, "default: it is a copy, or was moved: ")],
    ),
    "a copy, and more": (
        local(copy="it is a copy"),
        [remote(refused="put back", runs=(run("failed", error="boom"),))],
        Limits(),
        [(3, "it is a copy, or was moved"), (3, "put back"), (1, "boom")],
    ),
    "triggers": (local(triggers=("t: missing", "u: missing")), [], Limits(), [(3, "t: missing (and 1 more)")]),
    "refused": (local(), [remote(refused="put back")], Limits(), [(3, "would be refused: put back")]),
    "a lag": (local(), [remote(lag=61, pending={"a.B": 1})], Limits(60), [(1, "the oldest for 61 s, and 60 are")]),
    "no lag": (local(), [remote(lag=60)], Limits(60), []),
    "any lag": (local(), [remote(lag=1e6)], Limits(), []),
    "failures": (local(), [remote(failures=(FAILURE, FAILURE))], Limits(None, 1), [(1, "2 kept failures, and 1")]),
    "allowed failures": (local(), [remote(failures=(FAILURE,))], Limits(None, 1), []),
    "a killed run": (local(), [remote(runs=(run("killed"), run("done")))], Limits(), [(1, "05:06:07 was killed")]),
    "a run since": (local(), [remote(runs=(run("done"), run("failed")))], Limits(), []),
    "another way": (
        local(),
        [remote(runs=(run("done"), run("failed", "pull", "boom")))],
        Limits(),
        [(1, "the last pull of 2026-03-04 05:06:07 was ended by an error: boom")],
    ),
    "a run beside": (local(), [remote(runs=(run("busy"), run("done")))], Limits(), []),
    "down": (local(), [Unreachable(REMOTE, "gone", 5)], Limits(), [(5, "gone")]),
}


def test_refused_run_is_told_with_its_own_remedy_alone():
    [finding] = find(local(), [remote(runs=(run("refused", error="Run `manage.py synchro_link`."),))], Limits())

    assert finding.describe().endswith("was refused: Run `manage.py synchro_link`.")


@pytest.mark.parametrize("what", FINDINGS)
def test_findings(what):
    here, there, limits, expected = FINDINGS[what]

    found = find(here, there, limits)

    assert [finding.code for finding in found] == [code for code, _ in expected]
    assert all(said in finding.describe() for finding, (_, said) in zip(found, expected, strict=True))
    assert all("\n" not in finding.describe() for finding in found)
