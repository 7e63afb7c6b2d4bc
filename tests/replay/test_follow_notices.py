"""``--follow --notify``: woken by PostgreSQL, and where notices cannot come, it looks, and says so once."""

from __future__ import annotations

import pytest
from django.db import connections

from synchro_triggers.capture import install
from synchro_triggers.capture.vendor import vendor_of
from tests.databases import both_committed
from tests.followers import following, stop, until, with_databases
from tests.pgbouncer import pgbouncer_before, reason_for_none
from tests.testapp.models import Item

pytestmark = [both_committed, pytest.mark.vendor("postgres")]

LOCAL, REMOTE = "default", "remote"
NO_PGBOUNCER = reason_for_none()


def names_there():
    return sorted(Item.objects.using(REMOTE).values_list("name", flat=True))


def listeners():
    """Return the processes of the server that listen for this database."""
    with connections[LOCAL].cursor() as cursor:
        cursor.execute(
            "SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND query = %s",
            ["LISTEN synchro_triggers_changelog"],
        )
        return [pid for (pid,) in cursor.fetchall()]


@pytest.fixture
def behind(process_env, postgres_server, request):
    """Environment of a process that reaches LOCAL through PgBouncer, in the mode that the test asks for."""
    with pgbouncer_before(postgres_server, request.param) as change:
        yield with_databases(process_env, default=lambda before: {**before, **change})


@pytest.mark.skipif(bool(NO_PGBOUNCER), reason=NO_PGBOUNCER)
@pytest.mark.parametrize("behind", ["transaction"], indirect=True)
def test_behind_a_pooler_of_transactions_it_looks_and_says_so_once(behind):
    with following(behind, "--notify", "--interval", "3600") as process:
        said = process.stderr.readline()
        assert "Notices of 'default' do not come" in said and "PgBouncer" in said
        for number in range(3):
            Item.objects.create(name=str(number))
            until(lambda: len(names_there()) == number + 1)  # noqa: B023

        _, more = stop(process)

    assert more == ""
    assert listeners() == [], "whoever gets that connection next would hear of every commit"


@pytest.mark.skipif(bool(NO_PGBOUNCER), reason=NO_PGBOUNCER)
@pytest.mark.parametrize("behind", ["session"], indirect=True)
def test_behind_a_pooler_of_sessions_it_is_woken(behind):
    with following(behind, "--notify", "--interval", "3600") as process:
        until(listeners)
        Item.objects.create(name="a")
        until(lambda: names_there() == ["a"])

        _, complained = stop(process)

    assert complained == ""


def test_connection_that_listens_is_made_anew(process_env, postgres_server):
    with following(process_env, "--notify", "--interval", "3600") as process:
        until(listeners)
        [before] = listeners()
        with postgres_server.connect() as server:
            server.execute("SELECT pg_terminate_backend(%s)", [before])
        until(lambda: listeners() and listeners() != [before])
        Item.objects.create(name="a")
        until(lambda: names_there() == ["a"])

        _, complained = stop(process)

    assert complained == ""


def test_listener_is_woken_by_what_is_logged_and_by_nothing_else():
    install.install_notices(LOCAL)
    listener = vendor_of(connections[LOCAL]).listen(connections[LOCAL])
    try:
        assert listener.hears()
        assert not listener.wait(0.2)
        Item.objects.create(name="a")
        assert listener.wait(60)
        assert not listener.wait(0.2)
    finally:
        listener.close()
