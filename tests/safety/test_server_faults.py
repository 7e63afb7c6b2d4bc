"""Exactly once: a server that goes down, and a connection that is cut, in the middle of a run."""

from __future__ import annotations

import random
import sqlite3
import time
from contextlib import closing

import pytest
from django.core.management import call_command
from django.db import connections

from synchro_triggers.models import ChangeLog
from tests.databases import both_committed
from tests.postgres_server import StoppableServer
from tests.safety.effort import remote_on_postgres, remote_on_sqlite, times
from tests.safety.proxy import CuttingProxy
from tests.safety.story import (
    BATCH_SIZE,
    LOCAL,
    REMOTE,
    SECRETS,
    assert_nothing_lost_or_doubled,
    elsewhere,
    new_database,
    one_line_of,
    run_once,
    start_run,
    write_something,
)

pytestmark = both_committed


def report(vendor, faults: str, compared: int) -> None:
    logged = ChangeLog.objects.count()
    print(f"{vendor}: {faults}, {logged} changes logged, {compared} objects compared: 0 lost, 0 doubled")


# The server stops ---------------------------------------------------------------------------------


@pytest.fixture
def remote_on_own_server(transactional_db, own_server):
    """Let ``remote`` be a database on that server, as long as the test takes."""
    before, wrapper = connections.settings[REMOTE], connections[REMOTE]
    wrapper.close()
    del connections[REMOTE]
    connections.settings[REMOTE] = {**before, **new_database(own_server.server, "remote")}
    connections[REMOTE].connect()  # Django's tests let a connection to another database be used, but not made
    call_command("migrate", database=REMOTE, run_syncdb=True, verbosity=0)
    call_command("synchro_install_triggers", databases=[REMOTE], verbosity=0)
    yield own_server
    connections[REMOTE].close()
    connections.settings[REMOTE] = before
    connections[REMOTE] = wrapper


@remote_on_postgres
def test_remote_server_that_goes_down_during_a_run_costs_and_doubles_nothing(remote_on_own_server, request, vendor):
    server: StoppableServer = remote_on_own_server
    random_ = random.Random(11)
    env = {**request.getfixturevalue("process_env"), **BATCH_SIZE}
    wanted = times(short=1, long=40)
    hit, number, said = 0, 0, set()

    write_something(random_, number)
    longest = run_once(env)
    while hit < wanted:
        number += 1
        assert number <= 3 * wanted + 5, f"{hit} of {number} runs were under way when the server stopped"
        write_something(random_, number)
        process = start_run(env)
        time.sleep(random_.uniform(0.3, 1) * longest)
        under_way = process.poll() is None
        server.crash()
        if under_way and process.wait(timeout=600):
            said.add(one_line_of(process, *SECRETS))
            hit += 1
        else:
            process.communicate()
            assert process.returncode == 0
            longest *= 0.8  # what was measured was slower: the machine had much to do
        server.start()
    connections[REMOTE].close()
    connections[REMOTE].connect()

    run_once(env)

    compared = assert_nothing_lost_or_doubled()
    assert all("'remote'" in line for line in said), said
    report(vendor, f"server stopped {hit} times during a run", compared)


# The connection is cut ----------------------------------------------------------------------------


@pytest.fixture
def network(process_env, postgres_server):
    """A proxy before the server of ``remote``, and the environment of runs that go through it."""
    with CuttingProxy(postgres_server) as proxy:
        where = {"HOST": "127.0.0.1", "PORT": str(proxy.port), "OPTIONS": {"sslmode": "disable"}}
        yield proxy, elsewhere(process_env, **{REMOTE: where})


@remote_on_postgres
def test_connection_cut_after_any_number_of_bytes_costs_and_doubles_nothing(network, vendor):
    proxy, env = network
    random_ = random.Random(12)
    wanted = times(short=1, long=60)
    hit, number, said = 0, 0, set()

    write_something(random_, number)
    proxy.forward_everything()
    run_once(env)
    traffic = proxy.bytes
    while hit < wanted:
        number += 1
        assert number <= 3 * wanted + 5, f"{hit} of {number} runs had their connection cut"
        write_something(random_, number)
        cuts_before = proxy.cuts
        proxy.cut_after(random_.randrange(1, traffic))
        process = start_run(env)
        process.wait(timeout=600)
        if proxy.cuts > cuts_before:
            said.add(one_line_of(process, *SECRETS))
            hit += 1
        else:
            process.communicate()
            assert process.returncode == 0

    proxy.forward_everything()
    run_once(env)

    compared = assert_nothing_lost_or_doubled()
    assert all("'remote'" in line for line in said), said
    report(vendor, f"connection cut {hit} times", compared)


@remote_on_postgres
def test_answer_to_a_commit_that_gets_lost_costs_and_doubles_nothing(network, vendor):
    """The worst moment: the server has committed, and the run does not know."""
    proxy, env = network
    random_ = random.Random(13)
    hit = 0

    write_something(random_, 0)
    proxy.forward_everything()
    run_once(env)
    assert proxy.commits > 3, "the proxy does not see the commits"
    for number in range(1, times(short=1, long=20) + 1):
        write_something(random_, number)
        proxy.lose_answer_to_commit(number % 5 + 2)
        cuts_before = proxy.cuts
        process = start_run(env)
        assert "'remote'" in one_line_of(process, *SECRETS)
        assert proxy.cuts == cuts_before + 1
        hit += 1

    proxy.forward_everything()
    run_once(env)

    compared = assert_nothing_lost_or_doubled()
    report(vendor, f"answers to {hit} commits lost", compared)


@pytest.fixture
def network_to_local(process_env, postgres_server):
    """The same before the server of LOCAL."""
    with CuttingProxy(postgres_server) as proxy:
        where = {"HOST": "127.0.0.1", "PORT": str(proxy.port), "OPTIONS": {"sslmode": "disable"}}
        yield proxy, elsewhere(process_env, **{LOCAL: where})


def cut_local(proxy: CuttingProxy, env: dict[str, str], wanted: int, share: float) -> set[str]:
    """Cut the connection to LOCAL again and again, after this share of a run's traffic; return what the runs said."""
    random_ = random.Random(18)
    said: set[str] = set()
    hit = number = 0
    for _ in range(2):  # the first run has more to look at
        write_something(random_, number)
        proxy.forward_everything()
        run_once(env)
    traffic = proxy.bytes
    while hit < wanted:
        number += 1
        assert number <= 3 * wanted + 5, f"{hit} of {number} runs had their connection cut"
        write_something(random_, number)
        cuts_before = proxy.cuts
        proxy.cut_after(random_.randrange(int(traffic * share), traffic))
        process = start_run(env)
        process.wait(timeout=600)
        if proxy.cuts > cuts_before and process.returncode:
            said.add(one_line_of(process, *SECRETS))
            hit += 1
        else:
            process.communicate()
    proxy.forward_everything()
    run_once(env)
    return said


@pytest.mark.vendor("postgres")
def test_connection_to_local_that_is_cut_costs_and_doubles_nothing(network_to_local, vendor):
    wanted = times(short=1, long=40)

    assert cut_local(*network_to_local, wanted, share=0.5)

    compared = assert_nothing_lost_or_doubled()
    report(vendor, f"connection to local cut {wanted} times", compared)


@pytest.mark.vendor("postgres")
def test_connection_to_local_that_is_cut_is_said_to_be_that_one(network_to_local):
    # The first part are the triggers, which are looked at before anything is read.
    said = cut_local(*network_to_local, times(short=1, long=5), share=0.97)

    assert all("'default'" in line for line in said), said


# A file that cannot be written -------------------------------------------------------------------


@remote_on_sqlite
def test_file_that_somebody_locks_for_too_long_costs_and_doubles_nothing(process_env, vendor):
    random_ = random.Random(14)
    aliases = [alias for alias in (LOCAL, REMOTE) if connections[alias].vendor == "sqlite"]
    env = elsewhere(process_env, **{alias: {"OPTIONS": {"timeout": 0.2}} for alias in aliases})
    wanted = times(short=1, long=60)
    hit, number = 0, 0

    write_something(random_, number)
    longest = run_once(env)
    while hit < wanted:
        number += 1
        assert number <= 3 * wanted + 5, f"{hit} of {number} runs met a locked file"
        write_something(random_, number)
        alias = random_.choice(aliases)
        connections[alias].close()
        process = start_run(env)
        time.sleep(random_.uniform(0.3, 0.9) * longest)
        with closing(sqlite3.connect(connections[alias].settings_dict["NAME"], timeout=20)) as somebody:
            somebody.execute("BEGIN EXCLUSIVE")
            process.wait(timeout=600)
        if process.returncode:
            assert "database is locked" in one_line_of(process)
            hit += 1
        else:
            process.communicate()
            longest *= 0.8

    run_once(env)

    compared = assert_nothing_lost_or_doubled()
    report(vendor, f"file locked {hit} times during a run", compared)


@remote_on_sqlite
def test_disk_that_is_full_costs_and_doubles_nothing(process_env, vendor):
    random_ = random.Random(15)
    hit, number = 0, 0
    wanted = times(short=1, long=40)

    write_something(random_, number)
    run_once(process_env)
    while hit < wanted:
        number += 1
        assert number <= 3 * wanted + 5, f"{hit} of {number} runs met a full disk"
        for _ in range(3):
            write_something(random_, 1000 * number + _)
        with connections[REMOTE].cursor() as cursor:
            pages = cursor.execute("PRAGMA page_count").fetchone()[0]
        full = f"PRAGMA synchronous = OFF; PRAGMA max_page_count = {pages + random_.randrange(6)}"
        process = start_run(elsewhere(process_env, **{REMOTE: {"OPTIONS": {"init_command": full}}}))
        if process.wait(timeout=600):
            assert "is full" in one_line_of(process)
            hit += 1
        else:
            process.communicate()

    run_once(process_env)

    compared = assert_nothing_lost_or_doubled()
    report(vendor, f"disk full {hit} times during a run", compared)


@remote_on_sqlite
def test_file_that_may_only_be_read_is_said_and_nothing_is_done(process_env):
    write_something(random.Random(16), 0)
    run_once(process_env)
    write_something(random.Random(17), 1)
    read_only = {"NAME": f"file:{connections[REMOTE].settings_dict['NAME']}?mode=ro"}

    process = start_run(elsewhere(process_env, **{REMOTE: read_only}))

    assert "readonly" in one_line_of(process, code=1)
    run_once(process_env)
    assert_nothing_lost_or_doubled()
