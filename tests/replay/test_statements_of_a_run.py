"""What a run with one change asks its databases: few statements, whatever the number of captured tables.

What is remembered between two runs is asked again where somebody has changed something meanwhile.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from itertools import pairwise

import pytest
from django.db import OperationalError, connections
from django.db.models.signals import pre_save

from synchro_triggers import synchronize
from synchro_triggers.capture import install
from synchro_triggers.capture.vendor import vendor_of
from synchro_triggers.exceptions import Refused, RunUnderWay, SynchroError
from synchro_triggers.models import Checkpoint, Introduction, Window
from synchro_triggers.moment import UtcNow
from synchro_triggers.replay.follow import Follower
from tests.databases import ALIASES, both_committed
from tests.testapp.models import Item

pytestmark = both_committed

LOCAL, REMOTE = ALIASES

#: Statements of a run, transactions not counted: with one change, and with nothing to do.
AT_MOST = {"sqlite": (43, 22), "postgres": (38, 17)}

#: What a vendor asks of single tables, or of all of them: not in a run, unless something has changed.
OF_EACH_TABLE = {"sqlite": ("sqlite_master", "table_xinfo"), "postgres": ("a.attname", "t.tgname", "tgfoid")}


@pytest.fixture
def item():
    """An object that both sides have, after which all is known that is remembered."""
    item = Item.objects.create(name="a", cash=0)
    for number in range(3):
        Item.objects.update(cash=number)
        synchronize()
    return item


@contextmanager
def statements() -> Iterator[list[str]]:
    sent: list[str] = []

    def watch(execute, sql, *arguments):
        sent.append(str(sql))
        return execute(sql, *arguments)

    with ExitStack() as stack:
        for alias in ALIASES:
            stack.enter_context(connections[alias].execute_wrapper(watch))
        yield sent


def statements_of_a_run() -> list[str]:
    with statements() as sent:
        assert not synchronize().failures
    return [sql for sql in sent if sql != "BEGIN"]


def by_somebody_else(alias: str, *sqls: str) -> None:
    """Change a schema as another process does."""
    connection = connections[alias].copy()
    try:
        with connection.cursor() as cursor:
            for sql in sqls:
                cursor.execute(sql)
    finally:
        connection.close()


def drop_triggers(alias: str, table: str) -> None:
    connection = connections[alias]
    found = [each for each in vendor_of(connection).installed_triggers(connection) if each.table == table]
    by_somebody_else(alias, *(sql for each in found for sql in vendor_of(connection).drop_sql(connection, each)))


def test_run_sends_few_statements(item, vendor):
    one_change, nothing = AT_MOST[vendor.local]
    Item.objects.update(cash=7)

    sent = statements_of_a_run()
    sent_in_vain = statements_of_a_run()

    assert Item.objects.using(REMOTE).get().cash == 7
    assert len(sent) <= one_change, (len(sent), sent)
    assert len(sent_in_vain) <= nothing, (len(sent_in_vain), sent_in_vain)


def test_follower_with_nothing_to_do_asks_the_source_one_thing(item, monkeypatch):
    follower, passes = Follower(interval=0.001), []

    with statements() as sent:

        def note_pass():
            passes.append(len(sent))
            if len(passes) == 10:
                follower.stop()

        monkeypatch.setattr(follower.health, "note_pass", note_pass)
        follower.run()

    each = [after - before for before, after in pairwise(passes[4:])]
    # On PostgreSQL what is committed in another database of the server counts too, and lets it look at the log.
    assert min(each) == 1 and max(each) <= 3


def test_run_asks_nothing_of_each_captured_table(item, vendor):
    Item.objects.update(cash=7)

    sent = statements_of_a_run()

    assert not [sql for sql in sent if any(name in sql for name in OF_EACH_TABLE[vendor.local])]


def test_column_that_goes_from_the_remote_is_noticed(item):
    drop_triggers(REMOTE, "testapp_item")
    by_somebody_else(REMOTE, "ALTER TABLE testapp_item RENAME COLUMN cash TO money")
    Item.objects.update(cash=8)

    with pytest.raises(Refused, match=r"testapp_item \(testapp\.Item\) has no cash"):
        synchronize()

    by_somebody_else(REMOTE, "ALTER TABLE testapp_item RENAME COLUMN money TO cash")
    synchronize()
    assert Item.objects.using(REMOTE).get().cash == 8


def test_tables_of_this_package_that_are_others_on_the_remote_are_noticed(item):
    by_somebody_else(REMOTE, "ALTER TABLE synchro_triggers_failure RENAME COLUMN attempts TO tries")

    with pytest.raises(Refused, match="synchro_triggers_failure has no attempts"):
        synchronize()


def test_triggers_that_go_from_one_table_of_the_remote_are_noticed(item):
    drop_triggers(REMOTE, "testapp_item")
    Item.objects.update(cash=8)

    synchronize()

    assert "testapp.Item" in Checkpoint.objects.using(REMOTE).get().unlogged


def test_triggers_that_all_go_from_the_remote_are_noticed(item):
    install.uninstall(REMOTE)

    assert "'remote' has no triggers" in "".join(synchronize().warnings)
    install.install(REMOTE)
    assert not synchronize().warnings


def test_trigger_that_cancels_inserts_is_noticed(item, vendor):
    cancels = {
        "sqlite": [
            "CREATE TRIGGER cancels BEFORE INSERT ON testapp_item WHEN new.name = 'b' BEGIN SELECT RAISE(IGNORE); END"
        ],
        "postgres": [
            "CREATE FUNCTION cancel() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END'",
            "CREATE TRIGGER cancels BEFORE INSERT ON testapp_item FOR EACH ROW WHEN (new.name = 'b')"
            " EXECUTE FUNCTION cancel()",
        ],
    }
    by_somebody_else(REMOTE, *cancels[vendor.local])
    Item.objects.create(name="b", cash=1)

    report = synchronize()

    assert [failure.model for failure in report.failures] == ["testapp.Item"]
    assert not Item.objects.using(REMOTE).filter(name="b").exists()


@pytest.mark.vendor("sqlite")
def test_schema_that_is_counted_as_often_as_another_one_is_not_taken_for_it():
    """What is rolled back is counted no more: the next change has its number again."""
    connection = connections[LOCAL]

    def mark():
        return vendor_of(connection).look(connection, []).mark

    before = mark()
    with connection.cursor() as cursor:
        cursor.execute("BEGIN")
        cursor.execute("CREATE TABLE first (n integer)")
        first = mark()
        cursor.execute("ROLLBACK")
        assert mark() == before
        cursor.execute("CREATE TABLE second (n integer)")

    assert len({before, first, mark()}) == 3
    by_somebody_else(LOCAL, "DROP TABLE second")
    assert mark() == before


def test_run_reads_a_small_window_once(item):
    Item.objects.update(cash=7)

    pages = [
        sql for sql in statements_of_a_run() if "model_label, object_pk" in sql and "synchro_triggers_changelog" in sql
    ]

    assert len([sql for sql in pages if "GROUP BY" in sql]) == 1, pages


def test_run_of_every_object_says_in_one_statement_what_is_known_of_all_models():
    with statements() as sent:
        synchronize(full=True)

    words = [sql for sql in sent if "synchro_triggers_introduction" in sql and not sql.startswith("SELECT")]
    assert len(words) == 1, words
    assert Introduction.objects.using(REMOTE).count() > 10


def test_window_is_numbered_as_soon_as_local_receives(item):
    assert not Window.objects.exists()
    Item.objects.using(REMOTE).update(name="b")
    synchronize(pull=True)
    Item.objects.update(cash=9)

    synchronize()

    assert Window.objects.exists()
    assert Item.objects.using(REMOTE).get().cash == 9


@contextmanager
def held_by_somebody_else(alias: str) -> Iterator[Callable[[], None]]:
    """Hold the checkpoint, as a transaction of another run does; yields what lets go of it."""
    connection = connections[alias].copy()
    try:
        with connection.cursor() as cursor:
            cursor.execute("BEGIN")
            cursor.execute("UPDATE synchro_triggers_checkpoint SET run_host = run_host")
            yield lambda: cursor.execute("COMMIT")
    finally:
        connection.close()


def test_run_that_is_under_way_is_told_of_and_not_waited_for(item):
    seen = {"run_id": "another", "run_host": "elsewhere", "run_started": UtcNow(), "run_seen": UtcNow()}
    Checkpoint.objects.using(REMOTE).update(**seen)

    with held_by_somebody_else(REMOTE), pytest.raises(RunUnderWay, match="on 'elsewhere'"):
        synchronize()


def test_checkpoint_that_is_held_without_a_lease_is_waited_for(item):
    """As a follower's small window does, which is one transaction."""
    Item.objects.update(cash=7)
    held = True
    with held_by_somebody_else(REMOTE) as let_go:

        def let_go_in_time(execute, sql, *arguments):
            nonlocal held
            if held and str(sql).startswith('UPDATE "synchro_triggers_checkpoint"') and "SKIP LOCKED" not in sql:
                held = False
                let_go()
            return execute(sql, *arguments)

        with connections[REMOTE].execute_wrapper(let_go_in_time):
            synchronize()

    assert not held
    assert Item.objects.using(REMOTE).get().cash == 7


def moves_of_the_checkpoint(sent: list[str]) -> list[str]:
    return [sql for sql in sent if sql.startswith('UPDATE "synchro_triggers_checkpoint"')]


def test_lease_is_given_back_with_the_last_commit(item):
    Item.objects.update(cash=7)

    taken, written, ended = moves_of_the_checkpoint(statements_of_a_run())

    assert '"run_started" = ' in taken and '"position" = ' not in written
    assert '"position" = ' in ended and '"run_id" = ' in ended.partition(" WHERE ")[0]
    assert Checkpoint.objects.using(REMOTE).get().run_id == ""


def test_lease_is_held_as_long_as_something_waits_to_be_tried_again(item):
    def refuse(sender, instance, using, **kwargs):
        if using == REMOTE and instance.name == "refused":
            raise ValueError("no")

    Item.objects.create(name="refused", cash=1)
    pre_save.connect(refuse, sender=Item)
    try:
        with statements() as sent:
            assert synchronize().failures
    finally:
        pre_save.disconnect(refuse, sender=Item)

    *_, ended, given_back = moves_of_the_checkpoint(sent)
    assert '"position" = ' in ended and '"run_id" = ' not in ended.partition(" WHERE ")[0]
    assert '"position" = ' not in given_back
    assert Checkpoint.objects.using(REMOTE).get().run_id == ""


def test_lease_is_given_back_where_the_last_transaction_fails(item):
    def fail(execute, sql, *arguments):
        if str(sql).startswith('UPDATE "synchro_triggers_checkpoint"') and '"position" = ' in sql:
            raise OperationalError("the disk is full")
        return execute(sql, *arguments)

    Item.objects.update(cash=7)
    with connections[REMOTE].execute_wrapper(fail), pytest.raises((OperationalError, SynchroError)):
        synchronize()

    assert Checkpoint.objects.using(REMOTE).get().run_id == ""
    Item.objects.update(cash=8)
    synchronize()
    assert Item.objects.using(REMOTE).get().cash == 8
