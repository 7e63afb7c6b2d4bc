"""One object stops nobody: errors are judged by what they are, and only a lost database ends a run."""

from __future__ import annotations

import asyncio
from contextlib import contextmanager

import pytest
from django.db import DatabaseError, InterfaceError, OperationalError, ProgrammingError, connections, transaction
from django.db.transaction import TransactionManagementError

from synchro_triggers import synchronize
from synchro_triggers.models import Failure
from tests.databases import both_committed
from tests.replay.hearing import receiving
from tests.replay.routes import route  # noqa: F401  # a fixture
from tests.testapp.models import Item

pytestmark = both_committed

LOCAL, REMOTE = "default", "remote"


def on_remote(model):
    return model.objects.using(REMOTE)


def execute(alias, sql):
    with connections[alias].cursor() as cursor:
        cursor.execute(sql)


def make_items():
    """Make five objects, of which the third is bad."""
    Item.objects.bulk_create([Item(name=name) for name in ("one", "two", "bad", "four", "five")])


def assert_only_the_bad_one_is_kept(error: str = ""):
    """Run, and run again once it is put right."""
    report = synchronize()

    assert [failure.model for failure in report.failures] == ["testapp.Item"]
    assert error in report.failures[0].error
    assert sorted(on_remote(Item).values_list("name", flat=True)) == ["five", "four", "one", "two"]
    kept = on_remote(Failure).get()
    assert kept.key == str(Item.objects.get(name="bad").pk)

    Item.objects.filter(name="bad").update(name="good")
    assert synchronize().failures == []
    assert sorted(on_remote(Item).values_list("name", flat=True)) == ["five", "four", "good", "one", "two"]
    assert not on_remote(Failure).exists()


# What receivers raise ------------------------------------------------------------------------------


@contextmanager
def third_database_down():
    """One more alias, which cannot be reached."""
    connections.settings["third"] = {
        **connections.settings[LOCAL],
        "ENGINE": "django.db.backends.sqlite3",
        "NAME": "/no-such-folder/third.sqlite3",
        "OPTIONS": {},
    }
    try:
        yield
    finally:
        if hasattr(connections._connections, "third"):
            del connections["third"]
        del connections.settings["third"]


def raise_(error):
    def do():
        raise error

    return do


def raise_from(error, cause):
    def do():
        raise error from cause

    return do


def ask_a_database_that_is_down():
    connections["third"].connect()


def close_the_remotes_connection():
    connections[REMOTE].close()


def close_all_connections():
    connections.close_all()


def break_the_transaction():
    transaction.set_rollback(True, using=REMOTE)


def fail_in_a_block_and_go_on():
    try:
        with transaction.atomic(using=REMOTE, savepoint=False):
            execute(REMOTE, "SELECT * FROM nowhere")
    except DatabaseError:
        pass


def leave_a_failed_statement():
    execute(REMOTE, "SELECT * FROM nowhere")


def raise_an_error_that_is_its_own_cause():
    try:
        raise ValueError("because")
    except ValueError as error:
        raise error from error


RAISED = {
    "OperationalError": raise_(OperationalError("server closed the connection unexpectedly")),
    "InterfaceError": raise_(InterfaceError("connection already closed")),
    "TransactionManagementError": raise_(TransactionManagementError("broken")),
    "ProgrammingError": raise_(ProgrammingError("no")),
    "an error made of another": raise_from(OperationalError("no"), ValueError("because")),
    "an error that is its own cause": raise_an_error_that_is_its_own_cause,
    "MemoryError": raise_(MemoryError()),
    "RecursionError": raise_(RecursionError("too deep")),
    "StopIteration": raise_(StopIteration()),
    "CancelledError": raise_(asyncio.CancelledError()),
    "SystemExit": raise_(SystemExit(3)),
    "an error of a database that is down": ask_a_database_that_is_down,
    "a failed statement": leave_a_failed_statement,
    "a run": synchronize,
    "a run to a database that is down": lambda: synchronize("third"),
}


@pytest.mark.mariadb
@pytest.mark.parametrize("raised", RAISED)
@pytest.mark.parametrize("batch_signals", [False, True], ids=["one by one", "batch signals"])
def test_whatever_a_receiver_raises_is_kept_for_that_object_alone(settings, raised, batch_signals):
    settings.SYNCHRO_BATCH_SIGNALS = batch_signals
    make_items()

    def refuse(instance, using, **told):
        if using == REMOTE and instance.name == "bad":
            RAISED[raised]()

    with receiving("pre_save", Item, refuse), third_database_down():
        assert_only_the_bad_one_is_kept()


@pytest.mark.parametrize("sql", ["COMMIT", " rollback work", "End"])
@pytest.mark.parametrize("batch_signals", [False, True], ids=["one by one", "batch signals"])
def test_receiver_that_would_end_the_transaction_is_refused_before_it_does(settings, sql, batch_signals):
    settings.SYNCHRO_BATCH_SIGNALS = batch_signals
    make_items()

    def end(instance, using, **told):
        if using == REMOTE:
            execute(REMOTE, "SAVEPOINT own")
            execute(REMOTE, "ROLLBACK TO SAVEPOINT own")
            if instance.name == "bad":
                execute(REMOTE, sql)

    with receiving("post_save", Item, end):
        assert_only_the_bad_one_is_kept("would end the transaction")


SPOILS = {
    "fails in a block without savepoint, and goes on": fail_in_a_block_and_go_on,
    "closes the connection": close_the_remotes_connection,
    "closes all connections": close_all_connections,
    "marks the transaction as broken": break_the_transaction,
}


@pytest.mark.mariadb
@pytest.mark.parametrize("spoils", SPOILS)
@pytest.mark.parametrize("batch_signals", [False, True], ids=["one by one", "batch signals"])
def test_receiver_that_spoils_the_transaction_is_the_fault_of_its_object(settings, spoils, batch_signals):
    settings.SYNCHRO_BATCH_SIGNALS = batch_signals
    make_items()

    def spoil(instance, using, **told):
        if using == REMOTE and instance.name == "bad":
            SPOILS[spoils]()

    with receiving("post_save", Item, spoil):
        assert_only_the_bad_one_is_kept()


# What the remote refuses ---------------------------------------------------------------------------


def refuse_on_remote(state: str, condition: str = "NEW.name = 'bad'", body: str = ""):
    raises = body or f"RAISE EXCEPTION 'not today' USING ERRCODE = '{state}';"
    execute(
        REMOTE,
        f"CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS "
        f"$$BEGIN IF {condition} THEN {raises} END IF; RETURN NEW; END$$;"
        "CREATE TRIGGER refuse BEFORE INSERT OR UPDATE ON testapp_item FOR EACH ROW EXECUTE FUNCTION refuse()",
    )


@pytest.mark.thinned("route", "state")
@pytest.mark.vendor("postgres", "sqlite-to-postgres")
@pytest.mark.parametrize(
    "state",
    ["54000", "57014", "40P01", "40001", "55P03", "53200", "53400", "XX000", "25P02", "57P01", "08006"],
)
def test_whatever_a_server_says_of_one_object_is_kept_for_it_alone(route, state):  # noqa: F811
    refuse_on_remote(state)
    make_items()

    assert_only_the_bad_one_is_kept("not today")


@pytest.mark.vendor("postgres")
def test_statement_that_takes_too_long_is_the_fault_of_its_object(route):  # noqa: F811
    refuse_on_remote("", body="SET LOCAL statement_timeout = 0; PERFORM pg_sleep(1);")
    make_items()
    execute(REMOTE, "SET statement_timeout = '400ms'")

    try:
        assert_only_the_bad_one_is_kept("statement timeout")
    finally:
        execute(REMOTE, "SET statement_timeout = 0")


@pytest.mark.vendor("postgres", "sqlite-to-postgres")
def test_deadlock_that_is_gone_at_the_second_try_is_not_kept(route):  # noqa: F811
    execute(REMOTE, "CREATE SEQUENCE tries")
    refuse_on_remote("40P01", condition="nextval('tries') = 3")
    make_items()

    assert synchronize().failures == []
    assert on_remote(Item).count() == 5


# A lost database -----------------------------------------------------------------------------------


@pytest.mark.vendor("postgres")
@pytest.mark.parametrize("alias", [LOCAL, REMOTE])
@pytest.mark.parametrize("hidden", [False, True], ids=["told", "hidden by the receiver"])
def test_lost_connection_ends_the_run_and_is_named(postgres_server, alias, hidden):
    from synchro_triggers.exceptions import DatabaseUnreachable

    make_items()

    def lose(instance, using, **told):
        if using == REMOTE and instance.name == "bad":
            with connections[alias].cursor() as cursor:
                cursor.execute("SELECT pg_backend_pid()")
                [backend] = cursor.fetchone()
            with postgres_server.connect() as server:
                server.execute("SELECT pg_terminate_backend(%s)", [backend])
            try:
                execute(alias, "SELECT 1")
            except DatabaseError:
                if not hidden:
                    raise
                raise ValueError("something went wrong") from None

    with receiving("pre_save", Item, lose):
        with pytest.raises(DatabaseUnreachable, match=repr(alias)):
            synchronize()
        connections[alias].close()

    assert not on_remote(Failure).exists()
    assert synchronize().failures == [] and on_remote(Item).count() == 5
