"""One object stops nobody on MariaDB either, and what ends a run there is said."""

from __future__ import annotations

import threading
import time

import pytest
from django.db import DatabaseError, connections

from synchro_triggers import synchronize
from synchro_triggers.exceptions import DatabaseUnreachable, Refused
from synchro_triggers.models import Failure
from tests.databases import RECEIVING_PAIRS, both_committed
from tests.managing import in_process
from tests.replay.hearing import receiving
from tests.replay.routes import route  # noqa: F401  # a fixture
from tests.safety.test_whose_fault import assert_only_the_bad_one_is_kept, execute, make_items, on_remote
from tests.testapp.models import Item

pytestmark = [both_committed, pytest.mark.vendor(*RECEIVING_PAIRS), pytest.mark.thinned(kind="fault")]

LOCAL, REMOTE = "default", "remote"


#: It is tried again and again, with pauses.
DEADLOCK = pytest.param(1213, marks=pytest.mark.whole)


def refuse_on_remote(body: str) -> None:
    """Let triggers of the remote do something with the bad one."""
    for event in ("INSERT", "UPDATE"):
        execute(
            REMOTE,
            f"CREATE TRIGGER refuse_{event.lower()} BEFORE {event} ON testapp_item FOR EACH ROW "
            f"BEGIN IF NEW.name = 'bad' THEN {body}; END IF; END",
        )


@pytest.mark.thinned("route", "number")
@pytest.mark.parametrize("number", [1366, 1644, 1054, 1053, 1927, 1146, 1153, 1969, DEADLOCK])
def test_whatever_the_server_says_of_one_object_is_kept_for_it_alone(route, number):  # noqa: F811
    refuse_on_remote(f"SIGNAL SQLSTATE '45000' SET MYSQL_ERRNO = {number}, MESSAGE_TEXT = 'not today'")
    make_items()

    assert_only_the_bad_one_is_kept("not today")


def too_long():
    execute(REMOTE, "ALTER TABLE testapp_item MODIFY name varchar(4)")
    return "too long"


def of_another_alphabet():
    execute(REMOTE, "ALTER TABLE testapp_item MODIFY name varchar(100) CHARACTER SET latin1")
    return "Ω for ever"


def without_a_column():
    refuse_on_remote("UPDATE testapp_account SET nothing = 1")
    return "bad"


REFUSED = {"1406": too_long, "1366": of_another_alphabet, "1054": without_a_column}


@pytest.mark.thinned("route", "number")
@pytest.mark.parametrize("number", REFUSED)
def test_value_that_the_server_refuses_is_the_fault_of_its_object(route, number):  # noqa: F811
    name = REFUSED[number]()
    Item.objects.bulk_create([Item(name=each) for each in ("one", "two", name, "four", "five")])

    report = synchronize()

    assert [failure.model for failure in report.failures] == ["testapp.Item"]
    assert number in report.failures[0].error
    assert sorted(on_remote(Item).values_list("name", flat=True)) == ["five", "four", "one", "two"]
    assert on_remote(Failure).get().key == str(Item.objects.get(name=name).pk)


def test_value_that_is_longer_than_a_statement_is_the_fault_of_its_object(route):  # noqa: F811
    """The server would cut the connection, and each run would end there."""
    execute(REMOTE, "ALTER TABLE testapp_item MODIFY name longtext")
    execute(LOCAL, _WIDER[connections[LOCAL].vendor])
    [[longest]] = asked(REMOTE, "SELECT @@max_allowed_packet")
    small, large = ("one", "two"), "x" * (longest + 1)
    Item.objects.bulk_create([Item(name=name) for name in (*small, large)])

    report = synchronize()

    assert [failure.model for failure in report.failures] == ["testapp.Item"]
    assert "max_allowed_packet" in report.failures[0].error
    assert sorted(on_remote(Item).values_list("name", flat=True)) == sorted(small)


def test_many_values_that_are_longer_together_than_a_statement_arrive():
    execute(REMOTE, "ALTER TABLE testapp_item MODIFY name longtext")
    execute(LOCAL, _WIDER[connections[LOCAL].vendor])
    [[longest]] = asked(REMOTE, "SELECT @@max_allowed_packet")
    Item.objects.bulk_create([Item(name=f"{number}" + "x" * (longest // 4)) for number in range(6)])

    assert synchronize().failures == []
    assert on_remote(Item).count() == 6


_WIDER = {"postgresql": "ALTER TABLE testapp_item ALTER name TYPE text", "sqlite": "SELECT 1"}


def asked(alias, sql):
    with connections[alias].cursor() as cursor:
        cursor.execute(sql)
        return cursor.fetchall()


@pytest.mark.thinned("route", "sql")
@pytest.mark.parametrize(
    "sql", ["CREATE TABLE of_a_receiver (id integer)", "commit", " ROLLBACK", "SET autocommit = 1"]
)
def test_receiver_that_would_end_the_transaction_is_refused_before_it_does(route, sql):  # noqa: F811
    make_items()

    def end(instance, using, **told):
        if using == REMOTE and instance.name == "bad":
            execute(REMOTE, sql)

    with receiving("post_save", Item, end):
        assert_only_the_bad_one_is_kept("would end the transaction")
    assert not asked(REMOTE, "SHOW TABLES LIKE 'of_a_receiver'")


def test_receiver_may_use_savepoints_and_temporary_tables(route):  # noqa: F811
    make_items()

    def write(instance, using, **told):
        if using == REMOTE:
            execute(REMOTE, "CREATE TEMPORARY TABLE IF NOT EXISTS passing (id integer)")
            execute(REMOTE, "SAVEPOINT own")
            execute(REMOTE, "UPDATE testapp_item SET cash = 8")
            execute(REMOTE, "ROLLBACK TO SAVEPOINT own")

    with receiving("post_save", Item, write):
        assert synchronize().failures == []
    assert set(on_remote(Item).values_list("cash", flat=True)) == {0}
    execute(REMOTE, "DROP TEMPORARY TABLE passing")


@pytest.mark.parametrize("hidden", [False, True], ids=["told", "hidden by the receiver"])
def test_lost_connection_ends_the_run_and_is_named(hidden):
    make_items()

    def lose(instance, using, **told):
        if using == REMOTE and instance.name == "bad":
            [[number]] = asked(REMOTE, "SELECT connection_id()")
            killer = connections[REMOTE].copy()
            with killer.cursor() as cursor:
                cursor.execute(f"KILL {number}")
            killer.close()
            try:
                execute(REMOTE, "SELECT 1")
            except DatabaseError:
                if not hidden:
                    raise
                raise ValueError("something went wrong") from None

    with receiving("pre_save", Item, lose):
        with pytest.raises(DatabaseUnreachable, match=repr(REMOTE)):
            synchronize()
        connections[REMOTE].close()

    assert not on_remote(Failure).exists()
    assert synchronize().failures == [] and on_remote(Item).count() == 5


def test_server_that_is_not_there_is_one_line_and_exit_5(vendor):
    make_items()
    wrapper = connections[REMOTE]
    wrapper.close()
    socket = wrapper.settings_dict["HOST"]
    wrapper.settings_dict["HOST"] = "/nowhere/at/all"
    try:
        done = in_process("synchronize")
    finally:
        wrapper.settings_dict["HOST"] = socket

    assert done.returncode == 5, done
    assert "'remote'" in done.stderr and len(done.stderr.splitlines()) == 1


@pytest.mark.whole  # it waits as long as that takes
def test_row_that_somebody_has_locked_is_waited_for_shortly_and_kept():
    make_items()
    assert synchronize().failures == []
    Item.objects.update(cash=1)
    locked = threading.Event()
    done = threading.Event()

    def lock():
        other = connections[REMOTE].copy()
        with other.cursor() as cursor:
            cursor.execute("START TRANSACTION")
            cursor.execute("UPDATE testapp_item SET cash = 7 WHERE name = 'bad'")
            locked.set()
            done.wait(60)
            cursor.execute("ROLLBACK")
        other.close()

    thread = threading.Thread(target=lock)
    thread.start()
    try:
        assert locked.wait(60)
        started = time.monotonic()
        report = synchronize()
        took = time.monotonic() - started
    finally:
        done.set()
        thread.join()

    assert [failure.model for failure in report.failures] == ["testapp.Item"]
    assert "locked by somebody else" in report.failures[0].error
    assert took < 30, "a server waits 50 seconds by itself"
    assert on_remote(Item).filter(cash=1).count() == 4
    [[seconds]] = asked(REMOTE, "SELECT @@innodb_lock_wait_timeout")
    assert seconds == 50, "the session is as it was"


# Wrong set-ups -------------------------------------------------------------------------------------


def test_server_that_cuts_values_short_without_a_word_is_refused():
    make_items()
    execute(REMOTE, "SET SESSION sql_mode = ''")
    try:
        with pytest.raises(Refused, match=r"'remote' is not in strict mode.*STRICT_TRANS_TABLES"):
            synchronize()
    finally:
        execute(REMOTE, "SET SESSION sql_mode = DEFAULT")
    assert not on_remote(Item).exists()


def test_table_that_cannot_roll_back_is_refused_and_named():
    make_items()
    execute(REMOTE, "ALTER TABLE testapp_item ENGINE = Aria")

    with pytest.raises(Refused, match=r"testapp_item \(Aria\)"):
        synchronize()

    assert not on_remote(Item).exists()


def test_receiver_that_hides_a_deadlock_is_the_fault_of_its_object(route):  # noqa: F811
    """The server has rolled back everything, and says nothing more."""
    make_items()

    def spoil(instance, using, **told):
        if using == REMOTE and instance.name == "bad":
            connections[REMOTE].connection.query("ROLLBACK")  # as a deadlock does

    with receiving("post_save", Item, spoil):
        assert_only_the_bad_one_is_kept()
