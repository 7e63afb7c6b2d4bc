"""Paused means paused, and only there: in this block, on this thread's connection to that database."""

from __future__ import annotations

import asyncio
import functools
import signal
import threading

import pytest
from asgiref.sync import async_to_sync, sync_to_async
from django.db import DatabaseError, IntegrityError, connections, transaction
from django.db.models.signals import post_save
from django.dispatch import receiver
from django.utils.connection import ConnectionDoesNotExist

from synchro_triggers import DisableSynchroLog, disable_synchro_log, synchro_paused
from synchro_triggers.capture.install import install
from synchro_triggers.capture.session import replaying_for
from synchro_triggers.models import ChangeLog, SessionValue
from tests.databases import both
from tests.processes import Process, start
from tests.testapp.models import Item, Numbered


@pytest.fixture
def here(own, settings):
    """An alias with captured tables, where commits are real."""
    settings.SYNCHRO_MODELS = ("testapp.Item", "testapp.Numbered")
    with connections[own].schema_editor() as editor:
        editor.create_model(Item)
        editor.create_model(Numbered)
    install(own)
    return own


@pytest.fixture
def write(here):
    """Write an item of this name; ``names`` tells which were logged."""
    return lambda name: Item.objects.using(here).create(name=name)


def logged(alias: str) -> list[str]:
    keys = ChangeLog.objects.using(alias).order_by("id").values_list("object_pk", flat=True)
    names = dict(Item.objects.using(alias).values_list("pk", "name"))
    return [names[int(key)] for key in keys]


def is_paused(alias: str) -> bool:
    connection = connections[alias]
    if connection.vendor == "sqlite":
        return SessionValue.objects.using(alias).exists()
    with connection.cursor() as cursor:
        cursor.execute("SELECT current_setting('synchro.paused', true)")
        return bool(cursor.fetchone()[0])


class Expected(Exception):
    pass


# The block --------------------------------------------------------------------------------------------


def test_block_logs_nothing_and_ends(here, write):
    write("before")
    with synchro_paused(using=here):
        write("paused")
    write("after")

    assert logged(here) == ["before", "after"]
    assert not is_paused(here)


def test_every_way_to_write_is_paused(here, write):
    item = write("logged")
    ChangeLog.objects.using(here).all().delete()

    with synchro_paused(using=here):
        item.cash = 1
        item.save()
        Item.objects.using(here).update(cash=2)
        Item.objects.using(here).bulk_create([Item(name="a"), Item(name="b")])
        item.delete()
        with connections[here].cursor() as cursor:
            cursor.execute("UPDATE testapp_item SET cash = 4")
            cursor.executemany("INSERT INTO testapp_item (name, cash) VALUES (%s, 0)", [("c",), ("d",)])
            if connections[here].vendor == "postgresql":
                with cursor.copy("COPY testapp_item (name, cash) FROM STDIN") as copy:
                    copy.write_row(("e", 1))
                cursor.execute("TRUNCATE testapp_item")
            else:
                cursor.execute("INSERT OR REPLACE INTO testapp_numbered (id, number, name) VALUES (1, 1, '')")
                cursor.execute("INSERT OR REPLACE INTO testapp_numbered (id, number, name) VALUES (2, 1, '')")

    assert not ChangeLog.objects.using(here).exists()


def test_blocks_nest(here, write):
    with synchro_paused(using=here):
        with synchro_paused(using=here):
            write("inner")
        write("outer")
    write("after")

    assert logged(here) == ["after"]


def test_block_inside_a_transaction_ends_with_the_block(here, write):
    with transaction.atomic(using=here):
        write("before")
        with synchro_paused(using=here):
            write("paused")
        write("after")

    assert logged(here) == ["before", "after"]


def test_transaction_inside_a_block_and_its_rollback_do_not_end_it(here, write):
    with synchro_paused(using=here):
        with pytest.raises(Expected), transaction.atomic(using=here):
            write("rolled back")
            raise Expected
        with transaction.atomic(using=here):
            write("inside")
        write("paused")

    assert logged(here) == []
    assert Item.objects.using(here).count() == 2


def test_rollback_around_a_block_leaves_nothing_paused(here, write):
    with pytest.raises(Expected), transaction.atomic(using=here):
        with synchro_paused(using=here):
            write("paused")
        raise Expected
    write("after")

    assert logged(here) == ["after"]


@pytest.mark.parametrize("inside_atomic", [False, True])
def test_exception_ends_the_block(here, write, inside_atomic):
    def fail():
        with synchro_paused(using=here):
            write("rolled back")
            raise Expected

    if inside_atomic:
        with transaction.atomic(using=here):
            with pytest.raises(Expected):
                fail()
            write("after")
    else:
        with pytest.raises(Expected):
            fail()
        write("after")

    assert logged(here) == ["after"]
    assert Item.objects.using(here).count() == 1


@pytest.mark.parametrize("inside_atomic", [False, True])
def test_transaction_that_breaks_inside_ends_the_block(here, write, inside_atomic):
    """The caught error has broken the block's own transaction: it is rolled back, and is over."""
    Numbered.objects.using(here).create(number=1)
    ChangeLog.objects.using(here).all().delete()

    def break_it():
        with synchro_paused(using=here):
            write("rolled back")
            with pytest.raises(IntegrityError):
                Numbered.objects.using(here).create(number=1)

    if inside_atomic:
        with transaction.atomic(using=here):
            break_it()
            write("after")
    else:
        break_it()
        write("after")

    assert logged(here) == ["after"]
    assert not is_paused(here)


def test_error_of_raw_sql_that_is_caught_inside_leaves_nothing_paused(here, write):
    """PostgreSQL refuses everything after it, SQLite nothing."""
    try:
        with synchro_paused(using=here), connections[here].cursor() as cursor, pytest.raises(DatabaseError):
            cursor.execute("SELECT 1 FROM no_such_table")
    except DatabaseError:
        assert connections[here].vendor == "postgresql"
    write("after")

    assert logged(here) == ["after"]


def test_block_is_one_transaction(here, write):
    with pytest.raises(Expected), synchro_paused(using=here):
        write("one")
        write("two")
        raise Expected

    assert not Item.objects.using(here).exists()


def test_iterator_that_outlives_the_block_does_not_carry_the_pause_along(here, write):
    for name in "abc":
        write(name)
    ChangeLog.objects.using(here).all().delete()

    with transaction.atomic(using=here):
        with synchro_paused(using=here):
            items = Item.objects.using(here).order_by("id").iterator(chunk_size=1)
            next(items)
        for item in items:
            Item.objects.using(here).filter(pk=item.pk).update(cash=1)

    assert logged(here) == ["b", "c"]


def test_same_object_serves_again_nested_and_in_threads(here, write):
    paused = synchro_paused(using=here)
    inside, leave = threading.Event(), threading.Event()

    def read_in_a_block():
        with paused:
            inside.set()
            leave.wait(60)
        connections[here].close()

    if connections[here].vendor == "postgresql":  # SQLite would let the second writer wait
        thread = threading.Thread(target=read_in_a_block)
        thread.start()
        inside.wait(60)
        with paused:
            with paused:
                write("inner")
            leave.set()
            thread.join()
            write("outer")
    else:
        with paused, paused:
            write("inner")
    write("after")

    assert logged(here) == ["after"]


@both
def test_local_is_paused_when_no_database_is_named():
    with synchro_paused():
        Item.objects.create(name="paused")
        Item.objects.using("remote").create(name="logged")

    assert not ChangeLog.objects.exists()
    assert ChangeLog.objects.using("remote").count() == 1


@both
def test_signal_receiver_that_a_replay_calls_pauses_the_database_that_is_written():
    @synchro_paused
    def note(sender, instance, using, **kwargs):
        if instance.name == "replayed":
            Item.objects.using(using).create(name="side effect")

    post_save.connect(note, sender=Item)
    try:
        with replaying_for("remote", "office"):
            Item.objects.using("remote").create(name="replayed")
    finally:
        post_save.disconnect(note, sender=Item)

    assert Item.objects.using("remote").count() == 2
    assert ChangeLog.objects.using("remote").get().origin == "office"


def test_origin_survives_a_paused_block_and_the_other_way_round(here, write):
    with replaying_for(here, "office"):
        with synchro_paused(using=here):
            write("paused")
        write("theirs")
    with synchro_paused(using=here), replaying_for(here, "office"):
        write("paused as well")

    assert logged(here) == ["theirs"]
    assert ChangeLog.objects.using(here).get().origin == "office"


# The decorator ----------------------------------------------------------------------------------------


def test_decorator_with_a_database(here, write):
    @synchro_paused(using=here)
    def work(name, *, twice=False):
        """Doc."""
        write(name)
        return name * (1 + twice)

    assert work("a", twice=True) == "aa" and (work.__name__, work.__doc__) == ("work", "Doc.")
    write("after")
    assert logged(here) == ["after"]


@both
@pytest.mark.parametrize(
    "decorator",
    [synchro_paused, synchro_paused(), disable_synchro_log, disable_synchro_log(), DisableSynchroLog()],
    ids=["bare", "called", "old name", "old name called", "old class"],
)
def test_decorator_in_each_spelling(decorator):
    @decorator
    def work():
        return Item.objects.create(name="paused")

    assert work().name == "paused"
    work()

    assert not ChangeLog.objects.exists()


@both
def test_old_context_manager():
    with DisableSynchroLog():
        Item.objects.create(name="paused")
    Item.objects.create(name="logged")

    assert ChangeLog.objects.count() == 1


@both
def test_decorator_of_a_method_and_of_a_signal_receiver():
    class Receiver:
        @synchro_paused
        def note(self, sender, instance, created, **kwargs):
            if created:
                Numbered.objects.create(number=instance.pk)

    receiver = Receiver()
    post_save.connect(receiver.note, sender=Item)
    try:
        Item.objects.create(name="logged")
    finally:
        post_save.disconnect(receiver.note, sender=Item)

    assert Numbered.objects.count() == 1
    assert list(ChangeLog.objects.values_list("model_label", flat=True)) == ["testapp.Item"]


@both
def test_decorated_function_may_call_itself():
    @synchro_paused
    def countdown(number):
        Item.objects.create(name=str(number))
        if number:
            countdown(number - 1)

    countdown(2)
    Item.objects.create(name="after")

    assert Item.objects.count() == 4 and ChangeLog.objects.count() == 1


def generator():
    yield


async def coroutine():
    pass


async def async_generator():
    yield


@pytest.mark.parametrize("function", [generator, coroutine, async_generator])
@pytest.mark.parametrize("decorator", [synchro_paused, synchro_paused(using="remote"), disable_synchro_log])
def test_generators_and_coroutines_cannot_be_decorated(function, decorator):
    with pytest.raises(TypeError, match=f"{function.__name__}.*with synchro_paused"):
        decorator(function)


@pytest.mark.parametrize("wrong", ["default", None, 5])
def test_what_is_no_function_cannot_be_decorated(wrong):
    with pytest.raises(TypeError, match="using='alias'"):
        synchro_paused()(wrong)


def test_alias_given_without_its_name_is_refused():
    with pytest.raises(TypeError, match="using='alias'"):
        synchro_paused("default")


def test_partial_of_a_generator_cannot_be_decorated():
    with pytest.raises(TypeError, match="with synchro_paused"):
        synchro_paused(functools.partial(generator))


@both
def test_signal_receiver_that_is_a_generator_is_refused_where_it_is_connected():
    """Its body would never run, and nobody would notice."""
    with pytest.raises(TypeError, match="generator"):

        @receiver(post_save, sender=Item)
        @synchro_paused
        def note(sender, **kwargs):
            yield

    Item.objects.create(name="a")
    assert ChangeLog.objects.count() == 1


def test_asynchronous_code_pauses_inside_sync_to_async(here, write):
    """As the message of the TypeError says; other tasks that write meanwhile do so before or after the block."""

    @synchro_paused(using=here)
    def work():
        write("paused")
        write("paused too")

    async def main():
        # One thread for both, as Django gives it to asynchronous code.
        await asyncio.gather(sync_to_async(work)(), sync_to_async(write)("logged"))

    async_to_sync(main)()

    assert logged(here) == ["logged"]


def test_block_while_autocommit_is_off_ends_with_the_block(here, write):
    transaction.set_autocommit(False, using=here)
    try:
        write("before")
        with synchro_paused(using=here):
            write("paused")
        write("after")
        with pytest.raises(Expected), synchro_paused(using=here):
            write("rolled back")
            raise Expected
        write("at last")
        transaction.commit(using=here)
    finally:
        transaction.set_autocommit(True, using=here)

    assert logged(here) == ["before", "after", "at last"]


def test_work_put_off_to_the_commit_of_a_block_is_not_paused(here, write):
    with synchro_paused(using=here):
        write("paused")
        transaction.on_commit(lambda: write("after the commit"), using=here)

    assert logged(here) == ["after the commit"]


def test_block_that_a_generator_holds_open_ends_when_it_is_closed(here, write):
    def paused_steps():
        with synchro_paused(using=here):
            yield write("paused")
            yield write("paused too")

    steps = paused_steps()
    next(steps)
    with pytest.raises(Expected):
        steps.throw(Expected)
    write("after")

    assert logged(here) == ["after"]
    assert not is_paused(here)


def test_nested_block_that_fails_leaves_the_outer_one_paused(here, write):
    with synchro_paused(using=here):
        with pytest.raises(Expected), synchro_paused(using=here):
            write("rolled back")
            raise Expected
        write("outer")
    write("after")

    assert logged(here) == ["after"]
    assert Item.objects.using(here).count() == 2


def test_savepoint_that_is_rolled_back_across_a_block_leaves_what_was_before_it(here, write):
    with transaction.atomic(using=here):
        point = connections[here].savepoint()
        with synchro_paused(using=here):
            write("paused")
        connections[here].savepoint_rollback(point)
        write("after")

    assert logged(here) == ["after"]


# Other connections ------------------------------------------------------------------------------------


def in_thread(function) -> None:
    in_threads(function)


def in_threads(*functions) -> None:
    errors = []

    def run(function):
        try:
            function()
        except BaseException as error:
            errors.append(error)
        finally:
            connections.close_all()

    threads = [threading.Thread(target=run, args=(function,)) for function in functions]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert not any(thread.is_alive() for thread in threads) and not errors, errors


@pytest.mark.vendor("postgres")
def test_another_connection_that_writes_meanwhile_is_logged(here, write):
    with synchro_paused(using=here):
        write("paused")
        in_thread(lambda: write("from a thread"))

    assert logged(here) == ["from a thread"]


@pytest.mark.vendor("sqlite")
def test_another_connection_waits_for_the_block_and_is_logged(here, write):
    begun = threading.Event()

    def run():
        begun.set()
        write("from a thread")
        connections.close_all()

    thread = threading.Thread(target=run)
    with synchro_paused(using=here):
        write("paused")
        thread.start()
        begun.wait(60)
        write("paused too")
    thread.join(60)

    assert logged(here) == ["from a thread"]


def test_another_process_sees_no_pause(here, write, process_env):
    with synchro_paused(using=here):
        write("paused")
    code = f"Item.objects.using({here!r}).create(name='process')"

    run_process(process_env, code)

    assert logged(here) == ["process"]


def test_process_killed_inside_a_block_leaves_nothing_paused(here, write, process_env):
    code = f"""
with synchro_paused(using={here!r}):
    Item.objects.using({here!r}).create(name="lost")
    print("inside", flush=True)
    time.sleep(60)
"""
    process = start_process(process_env, code)
    assert process.stdout.readline() == "inside\n"

    process.send_signal(signal.SIGKILL)
    process.communicate()

    assert not is_paused(here)
    write("after")
    assert logged(here) == ["after"]
    assert not Item.objects.using(here).filter(name="lost").exists()


def start_process(env, code: str) -> Process:
    prelude = (
        "import time, django; django.setup()\n"
        "from synchro_triggers import synchro_paused\nfrom tests.testapp.models import Item\n"
    )
    return start("-c", prelude + code, env=env)


def run_process(env, code: str) -> None:
    process = start_process(env, code)
    process.communicate()
    assert process.returncode == 0


@pytest.fixture
def options(here):
    """Reconnect to the same database with other ``OPTIONS``."""
    before = dict(connections.settings[here])

    def reconnect(**options):
        forget_pool()
        connections[here].close()
        del connections[here]
        connections.settings[here] = {**before, "OPTIONS": options}

    def forget_pool():
        """Django keeps a pool by alias, whatever the settings are by now."""
        pool = getattr(type(connections[here]), "_connection_pools", {}).pop(here, None)
        if pool is not None:
            pool.close()

    yield reconnect
    connections[here].close()
    forget_pool()


@pytest.mark.vendor("postgres")
def test_pause_does_not_leak_through_a_connection_pool(here, write, options):
    options(pool={"min_size": 1, "max_size": 1})

    with pytest.raises(Expected), synchro_paused(using=here):
        raise Expected
    with synchro_paused(using=here):
        write("paused")
    connections[here].close()  # gives it back to the pool

    in_thread(lambda: write("the next borrower"))
    write("after")

    assert logged(here) == ["the next borrower", "after"]


@pytest.mark.vendor("postgres")
def test_connection_given_back_inside_a_block_does_not_carry_the_pause_along(here, write, options):
    options(pool={"min_size": 1, "max_size": 1})

    def forget_to_leave():
        block = synchro_paused(using=here)
        block.__enter__()
        write("paused")

    in_thread(forget_to_leave)

    write("the next borrower")
    assert logged(here) == ["the next borrower"]


@pytest.mark.vendor("postgres")
def test_every_borrower_of_a_pool_is_paused_by_itself_only(here, write, options):
    options(pool={"min_size": 2, "max_size": 8})
    meet = threading.Barrier(4, timeout=60)

    def work(number, paused):
        def run():
            for turn in range(10):
                meet.wait()
                with synchro_paused(using=here) if paused else transaction.atomic(using=here):
                    write(f"{'paused' if paused else 'logged'} {number} {turn}")
                    meet.wait()  # each inside its block while the others are inside theirs
                connections[here].close()  # the next turn borrows another one

        return run

    in_threads(*(work(number, paused=number % 2 == 0) for number in range(4)))

    assert sorted(logged(here)) == sorted(f"logged {number} {turn}" for number in (1, 3) for turn in range(10))
    assert Item.objects.using(here).count() == 40


@pytest.mark.vendor("postgres")
def test_server_side_binding_pauses_and_ends(here, write, options):
    options(server_side_binding=True)

    with synchro_paused(using=here):
        write("paused")
        with connections[here].cursor() as cursor:
            cursor.executemany("INSERT INTO testapp_item (name, cash) VALUES (%s, %s)", [("a", 1), ("b", 2)])
    write("after")

    assert logged(here) == ["after"]


# Databases without capture ----------------------------------------------------------------------------


def test_database_without_this_package_can_be_paused(here):
    with connections[here].cursor() as cursor:
        cursor.execute("DROP TABLE testapp_item")
        cursor.execute("DROP TABLE testapp_numbered")
        cursor.execute("DROP TABLE synchro_triggers_sessionvalue")
        cursor.execute("CREATE TABLE plain (id integer)")

    with synchro_paused(using=here), connections[here].cursor() as cursor:
        cursor.execute("INSERT INTO plain VALUES (1)")

    with connections[here].cursor() as cursor:
        cursor.execute("SELECT id FROM plain")
        assert cursor.fetchall() == [(1,)]


def test_unknown_database_is_said_at_the_beginning_of_the_block(here):
    with pytest.raises(ConnectionDoesNotExist, match="nowhere"), synchro_paused(using="nowhere"):
        pass
