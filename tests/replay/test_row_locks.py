"""Others who write on the remote meanwhile: they win or lose by the rule, and nobody waits for long."""

from __future__ import annotations

import threading
import time
from contextlib import contextmanager

import pytest
from django.db import connections, transaction

from synchro_triggers import synchronize
from synchro_triggers.models import Checkpoint, Failure
from synchro_triggers.replay.plan import remote_changes
from synchro_triggers.replay.report import Told
from synchro_triggers.replay.write import batch, clock, many
from synchro_triggers.vendors.vendor import database_of
from tests import processes
from tests.databases import ALIASES, both, both_committed
from tests.replay.hearing import REMOTE, later, receiving
from tests.testapp.models import Account, Item, Keyed, Restaurant

pytestmark = [both_committed, pytest.mark.thinned("way")]


def remote(model):
    return model._base_manager.using(REMOTE)


@pytest.fixture(params=["bulk", "one by one", "batch signals"])
def way(request, settings):
    settings.SYNCHRO_BATCH_SIGNALS = request.param == "batch signals"
    if request.param == "bulk":
        yield request.param
        return
    with receiving("post_save", None, lambda **told: None), receiving("post_delete", None, lambda **told: None):
        yield request.param


@contextmanager
def somebody(write):
    """Somebody on the remote who has written and not committed; commits when the run has waited for a while."""
    has_written, may_commit = threading.Event(), threading.Event()
    problems = []

    def work():
        try:
            with transaction.atomic(using=REMOTE):
                write()
                has_written.set()
                may_commit.wait(60)
        except Exception as error:
            problems.append(error)
        finally:
            has_written.set()
            connections.close_all()

    thread = threading.Thread(target=work)
    thread.start()
    assert has_written.wait(60)
    timer = threading.Timer(0.5, may_commit.set)
    timer.start()
    try:
        yield
    finally:
        timer.cancel()
        may_commit.set()
        thread.join()
    assert problems == []


def make(model):
    made = {
        Item: lambda: Item.objects.create(name="a", cash=1),
        Keyed: lambda: Keyed.objects.create(code="a", cash=1),
        Restaurant: lambda: Restaurant.objects.create(name="a", stars=1),
    }[model]()
    field = "stars" if model is Restaurant else "cash"
    return made, field


# Wins or loses by rule --------------------------------------------------------------------------------


@pytest.mark.thinned("way", "model", "policy")
@pytest.mark.parametrize("model", [Item, Restaurant])
@pytest.mark.parametrize("action", ["update", "delete"])
@pytest.mark.parametrize("policy", ["newest", "remote", "local"])
def test_change_that_commits_while_the_run_reads_is_decided_by_the_rule(settings, way, model, action, policy):
    settings.SYNCHRO_CONFLICT = policy
    made, field = make(model)
    synchronize()
    later()
    if action == "delete":
        made.delete()
    else:
        model.objects.update(**{field: 2})
    later()

    with somebody(lambda: remote(model).update(**{field: 9})):
        report = synchronize()

    assert report.failures == []
    if policy == "local":
        assert list(remote(model).values_list(field, flat=True)) == ([] if action == "delete" else [2])
        assert [each.kind for each in report.remarks] == [Told.LOCAL_WON]
    else:
        assert remote(model).values_list(field, flat=True).get() == 9
        assert [each.kind for each in report.remarks] == [Told.REMOTE_WON]


def test_delete_that_commits_while_the_run_reads_is_decided_by_the_rule(way):
    make(Item)
    synchronize()
    later()
    Item.objects.update(cash=2)
    later()

    with somebody(lambda: remote(Item).all().delete()):
        report = synchronize()

    assert not remote(Item).exists()
    assert [each.kind for each in report.remarks] == [Told.REMOTE_WON]


def test_row_that_is_found_by_its_natural_key_is_locked_too(way):
    remote(Keyed).create(code="a", cash=5)
    later()
    Keyed.objects.create(code="a", cash=1)
    later()

    with somebody(lambda: remote(Keyed).update(cash=9)):
        report = synchronize()

    assert remote(Keyed).get().cash == 9
    assert [each.kind for each in report.remarks] == [Told.REMOTE_WON]


@pytest.mark.parametrize("action", ["update", "delete"])
def test_change_that_comes_after_the_decision_waits_and_is_not_lost(way, monkeypatch, action, vendor):
    """Somebody writes between the decision and the write: without the lock, the run would write over it."""
    item, _ = make(Item)
    synchronize()
    later()
    item.delete() if action == "delete" else Item.objects.update(cash=2)
    order = []
    threads = []

    def write_there():
        try:
            remote(Item).update(name="theirs")
            order.append("theirs")
        finally:
            connections.close_all()

    tell = remote_changes.RemoteChanges.find

    def decide(self, *args):
        found = tell(self, *args)
        if not threads:
            threads.append(threading.Thread(target=write_there))
            threads[0].start()
            threads[0].join(0.5)
        return found

    monkeypatch.setattr(remote_changes.RemoteChanges, "find", decide)
    if vendor.remote == "postgres":  # SQLite's writer waits for the whole transaction anyway
        finish = batch.Batch.apply

        def finished(self):
            result = finish(self)
            order.append("the run's")
            return result

        monkeypatch.setattr(batch.Batch, "apply", finished)
    synchronize()
    threads[0].join()

    if vendor.remote == "postgres":
        assert order == ["the run's", "theirs"]
    there = list(remote(Item).values_list("name", "cash"))
    assert there == ([] if action == "delete" else [("theirs", 2)])


@pytest.mark.vendor("postgres")
def test_rows_without_the_right_to_update_and_views_are_read_without_locks():
    with connections[REMOTE].cursor() as cursor:
        cursor.execute("CREATE VIEW testapp_view AS SELECT name, count(*) FROM testapp_item GROUP BY name")
        try:
            there = connections[REMOTE]
            assert database_of(there).may_lock(there, "testapp_item")
            assert not database_of(there).may_lock(there, "testapp_view")
            assert not database_of(there).may_lock(there, "nowhere")
        finally:
            cursor.execute("DROP VIEW testapp_view")


# Nobody waits for ever ----------------------------------------------------------------------------------


@pytest.mark.vendor("postgres")
def test_object_that_stays_locked_is_kept_and_the_others_arrive(way, monkeypatch, settings):
    settings.SYNCHRO_BATCH_SECONDS = 0.1
    monkeypatch.setattr(clock, "_PAUSES", (0.01, 0.02))
    for number in range(5):
        Item.objects.create(name=str(number))
    synchronize()
    Item.objects.update(cash=2)
    let_go = threading.Event()

    def hold():
        try:
            with transaction.atomic(using=REMOTE):
                remote(Item).filter(name="3").update(name="3")
                held.set()
                let_go.wait(60)
        finally:
            connections.close_all()

    held = threading.Event()
    thread = threading.Thread(target=hold)
    thread.start()
    assert held.wait(60)
    try:
        report = synchronize()
    finally:
        let_go.set()
        thread.join()

    [failure] = report.failures
    assert "locked by somebody else's transaction for too long" in failure.error
    assert sorted(remote(Item).values_list("name", "cash")) == [(str(n), 0 if n == 3 else 2) for n in range(5)]
    synchronize()
    assert set(remote(Item).values_list("cash", flat=True)) == {2} and not Failure.objects.using(REMOTE).exists()


@pytest.mark.vendor("postgres")
def test_table_that_stays_locked_ends_the_run_with_a_clear_error(monkeypatch, settings):
    from synchro_triggers import SynchroError

    settings.SYNCHRO_BATCH_SECONDS = 0.05
    monkeypatch.setattr(clock, "_PAUSES", (0.01,))
    for number in range(20):
        Item.objects.create(name=str(number))
    synchronize()
    Item.objects.update(cash=2)
    with transaction.atomic(using=REMOTE), _own_connection(REMOTE) as other:
        other.execute("BEGIN; LOCK TABLE testapp_item")
        try:
            with pytest.raises(SynchroError, match="10 objects in a row are locked"):
                _without_outer_transaction(synchronize)
        finally:
            other.execute("ROLLBACK")

    synchronize()
    assert set(remote(Item).values_list("cash", flat=True)) == {2}


@contextmanager
def _own_connection(alias):
    connection = connections[alias].copy()
    try:
        with connection.cursor() as cursor:
            yield cursor
    finally:
        connection.close()


def _without_outer_transaction(call):
    return call()


RUN = """
import sys, django
from django.conf import settings
django.setup()
from django.db.models.signals import post_save
from tests.testapp.models import Item
from synchro_triggers import synchronize
import time

def write_back(instance, using, **told):
    if using == "remote":
        time.sleep(0.3)
        Item.objects.using("default").filter(name="shared").update(cash=int(sys.argv[1]))

post_save.connect(write_back, sender=Item)
report = synchronize()
assert not report.failures, report.failures
"""


@pytest.mark.all_pairs
def test_opposite_runs_whose_receivers_write_each_others_rows_end(process_env):
    """Each holds locks on its remote, and its receivers want a row that the other one holds."""
    import json

    Item.objects.create(name="shared", cash=1)
    synchronize()
    databases = json.loads(process_env["SYNCHRO_TEST_DATABASES"])
    opposite = {"default": databases["remote"], "remote": databases["default"]}
    back = {**process_env, "SYNCHRO_TEST_DATABASES": json.dumps(opposite)}
    processes.run("-c", RUN, "0", env=back, timeout=600, check=True)  # the two have met
    later()
    Item.objects.update(cash=2)
    later()
    remote(Item).update(cash=3)
    connections.close_all()

    runs = [processes.start("-c", RUN, number, env=env) for number, env in (("4", process_env), ("5", back))]
    ended = [(run.communicate(timeout=600)[1], run.returncode) for run in runs]

    assert [code for _, code in ended] == [0, 0], ended


# Batches end in time -----------------------------------------------------------------------------------


@pytest.mark.thinned("*")
@pytest.mark.parametrize("batch_signals", [False, True], ids=["one by one", "batch signals"])
@pytest.mark.parametrize("action", ["create", "update", "delete"])
def test_no_transaction_lasts_longer_than_it_may(settings, monkeypatch, batch_signals, action):
    settings.SYNCHRO_BATCH_SIGNALS = batch_signals
    settings.SYNCHRO_BATCH_SECONDS = 0.2
    Item.objects.bulk_create(Item(name=str(number)) for number in range(40))
    if action != "create":
        synchronize()
    if action == "update":
        Item.objects.update(cash=2)
    if action == "delete":
        Item.objects.all().delete()
    written, heard = [], []
    original = batch.Batch.apply

    def counted(self):
        before = len(heard)
        result = original(self)
        written.append(len(heard) - before)
        return result

    def be_slow(instance, **told):
        heard.append(instance.name)
        time.sleep(0.03)

    monkeypatch.setattr(batch.Batch, "apply", counted)
    signal = "post_delete" if action == "delete" else "post_save"
    with receiving(signal, Item, be_slow):
        report = synchronize()

    # Each takes 0.03 s at least: seven fit into 0.2 s. Counted, because a busy machine may stop for as long as that.
    assert max(written) <= 8 and len(written) >= 5
    assert sorted(heard, key=int) == [str(number) for number in range(40)]
    assert getattr(report, f"{action}d") == 40 and report.failures == []
    assert not Failure.objects.using(REMOTE).exists()
    checkpoint = Checkpoint.objects.using(REMOTE).get()
    assert (checkpoint.window_end, checkpoint.window_after) == ("", 0)


def test_slow_run_that_is_killed_at_any_transaction_applies_everything_once(settings, monkeypatch):
    """A delete stands at its last log row, an update at its first: what is put off may lie before what is done."""
    settings.SYNCHRO_BATCH_SECONDS = 0.05
    heard = []

    class Killed(BaseException):
        pass

    def be_slow(instance, **told):
        heard.append(instance.name)
        time.sleep(0.02)

    items = [Item.objects.create(name=str(number)) for number in range(12)]
    synchronize()
    Item.objects.filter(pk__in=[item.pk for item in items[:6]]).update(cash=1)
    for item in items[6:]:
        item.cash = 3
        item.save()
    for item in items[:6]:
        item.delete()

    transactions = []
    original = batch.Batch.apply

    def killed(self):
        transactions.append(1)
        if len(transactions) % 2 == 0:
            raise Killed
        return original(self)

    monkeypatch.setattr(batch.Batch, "apply", killed)
    with receiving("post_save", Item, be_slow), receiving("post_delete", Item, be_slow):
        while True:
            try:
                synchronize()
                break
            except Killed:
                pass

    assert len(transactions) > 4
    assert sorted(heard, key=int) == [str(number) for number in range(12)]
    assert sorted(remote(Item).values_list("name", "cash")) == sorted((str(n), 3) for n in range(6, 12))
    assert not Failure.objects.using(REMOTE).exists()


def test_bulk_writes_are_not_cut(settings, monkeypatch):
    settings.SYNCHRO_BATCH_SECONDS = 20  # a machine that has other things to do takes its time
    lengths = []
    original = many.BulkUpserts.apply
    monkeypatch.setattr(
        many.BulkUpserts, "apply", lambda self, tasks, cut: lengths.append(len(tasks)) or original(self, tasks, cut)
    )
    Item.objects.bulk_create(Item(name=str(number)) for number in range(2500))
    synchronize()
    Item.objects.update(cash=1)

    synchronize()

    assert len([length for length in lengths if length]) == 3


@pytest.mark.parametrize("policy", ["newest", "local"])
def test_row_with_fields_of_the_remotes_own_is_locked_when_its_turn_comes(settings, policy):
    """Somebody who is quicker than its turn wins or loses by the rule; nobody waits for the receivers of others."""
    settings.SYNCHRO_CONFLICT = policy
    Account.objects.bulk_create([Account(name="a"), Account(name="b")])
    synchronize()
    later()
    Account.objects.update(cash=1)
    later()

    def somebody_else(instance, using, **told):
        if instance.name == "a" and connections[REMOTE].vendor == "postgresql":
            other = threading.Thread(target=change_b)
            other.start()
            other.join()

    def change_b():
        remote(Account).filter(name="b").update(cash=9, visits=42)
        connections.close_all()

    with receiving("post_save", Account, somebody_else):
        report = synchronize()

    if connections[REMOTE].vendor == "postgresql":
        assert remote(Account).values_list("cash", "visits").get(name="b") == (1 if policy == "local" else 9, 42)
        assert [each.kind for each in report.remarks] == [Told.LOCAL_WON if policy == "local" else Told.REMOTE_WON]
    else:  # nobody else writes there meanwhile
        assert set(remote(Account).values_list("cash", flat=True)) == {1}


@both
@pytest.mark.vendor("postgres")
def test_transaction_of_a_test_waits_for_locks_afterwards_as_it_did_before():
    waits = []
    for alias in ALIASES:
        with connections[alias].cursor() as cursor:
            cursor.execute("SET LOCAL lock_timeout = '7s'")
    Item.objects.create(name="a")

    with receiving("post_save", None, lambda **told: Account.objects.using("default").update(cash=1)):
        assert synchronize().created == 1

    for alias in ALIASES:
        with connections[alias].cursor() as cursor:
            cursor.execute("SHOW lock_timeout")
            waits.append(cursor.fetchone()[0])
    assert waits == ["7s", "7s"]
