"""The harness itself: each test runs on the databases its id names, and on no others."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

import pytest
from django.contrib.sites.models import Site
from django.db import connections

from tests import mariadb_server, processes
from tests.databases import (
    CAPTURING_PAIRS,
    PAIRS,
    RECEIVING_PAIRS,
    Pair,
    both,
    both_committed,
    known_pairs,
    pairs_of_test,
)
from tests.postgres_server import PostgresServer, choose_source

ENGINES = {"sqlite": "sqlite", "postgres": "postgresql", "mariadb": "mysql"}


@both
@pytest.mark.all_pairs
@pytest.mark.mariadb(core=True)
def test_both_aliases_are_what_the_pair_says(vendor: Pair) -> None:
    assert connections["default"].vendor == ENGINES[vendor.local]
    assert connections["remote"].vendor == ENGINES[vendor.remote]


@both
@pytest.mark.all_pairs
def test_the_two_databases_are_not_the_same() -> None:
    Site.objects.using("remote").create(domain="remote.example", name="only there")

    assert not Site.objects.using("default").filter(domain="remote.example").exists()
    assert list(connections) == ["default", "remote"]


@both
@pytest.mark.vendor("sqlite")
def test_sqlite_databases_are_files(vendor: Pair) -> None:
    assert vendor.name == "sqlite"
    for alias in connections:
        with connections[alias].cursor() as cursor:
            cursor.execute("PRAGMA database_list")
            (_, _, file), *_ = cursor.fetchall()

        assert Path(file).name == f"{alias}.sqlite3"


@both
@pytest.mark.vendor("postgres")
def test_postgres_answers_on_both_aliases(vendor: Pair) -> None:
    assert vendor.name == "postgres"
    for alias in connections:
        with connections[alias].cursor() as cursor:
            cursor.execute("SELECT current_database()")

            name = cursor.fetchone()[0]

        assert name.startswith("test_synchro_") and name.endswith(f"_{alias}_kept")


@pytest.mark.parametrize("attempt", [1, 2])
@both
@pytest.mark.all_pairs
@pytest.mark.mariadb
def test_what_a_test_writes_is_rolled_back(attempt: int) -> None:
    for alias in connections:
        assert not Site.objects.using(alias).filter(domain="rolled.back").exists()
        Site.objects.using(alias).create(domain="rolled.back", name=f"by attempt {attempt}")


@pytest.mark.parametrize("attempt", [1, 2])
@both_committed
@pytest.mark.all_pairs
@pytest.mark.mariadb
def test_what_a_test_commits_is_not_there_for_the_next_one(attempt: int) -> None:
    for alias in connections:
        assert not Site.objects.using(alias).filter(domain="com.mitted").exists()
        Site.objects.using(alias).create(domain="com.mitted", name=f"by attempt {attempt}")


@both_committed
@pytest.mark.all_pairs
@pytest.mark.parametrize("way", ["a copy of a loaded one", "from nothing"])
def test_another_process_works_on_the_same_databases(
    process_env: dict[str, str], monkeypatch: pytest.MonkeyPatch, way: str
) -> None:
    choose_way(monkeypatch, way)
    Site.objects.using("default").create(domain="there.and", name="back")
    program = (
        "import django; django.setup()\n"
        "from django.contrib.sites.models import Site\n"
        "site = Site.objects.using('default').get(domain='there.and')\n"
        "Site.objects.using('remote').create(domain='there.and', name=site.name + ' again')\n"
    )

    processes.run("-c", program, env=process_env, check=True)

    assert Site.objects.using("remote").get(domain="there.and").name == "back again"


def choose_way(monkeypatch: pytest.MonkeyPatch, way: str) -> None:
    if way == "from nothing":
        monkeypatch.setattr(processes, "_may_be_a_copy", lambda env: False)
    elif sys.platform != "linux":
        pytest.skip("a process begins as a copy on Linux")


#: Name of the program to what Python is told to run.
PROGRAMS = {
    "code": ("-c", "import sys; print(sys.argv, __name__)", "one", "two"),
    "error": ("-c", "import sys; print('said'); print('complained', file=sys.stderr); raise ValueError('no')"),
    "exit code": ("-c", "import sys; sys.exit(7)"),
    "exit text": ("-c", "import sys; sys.exit('a text')"),
    "no way out": ("-c", "import os; os._exit(3)"),
    "killed by itself": ("-c", "import os, signal; os.kill(os.getpid(), signal.SIGTERM)"),
    "at its end": ("-c", "import atexit; atexit.register(print, 'at last')"),
    "settings": ("-c", "from django.conf import settings; print(settings.SYNCHRO_BATCH_SIZE, settings.SYNCHRO_REMOTE)"),
    "aliases": ("-c", "from django.db import connections; print(list(connections), connections.all(True))"),
    "environment": ("-c", "import os; print(os.environ['ONLY_THERE'], 'PYTEST_CURRENT_TEST' in os.environ)"),
    "folder": ("-c", "import os; print(os.getcwd())"),
    "a lot": ("-c", "print('x' * 1_000_000)"),
    "module": ("-m", "django", "synchronize", "--no-such-option"),
    "script": (str(Path(__file__).with_name("manage.py")), "synchro_status", "--help"),
}
TRIED_ALWAYS = {"code", "error", "killed by itself", "at its end", "settings", "module"}


@both_committed
@pytest.mark.vendor("sqlite")
@pytest.mark.parametrize(
    "program", [name if name in TRIED_ALWAYS else pytest.param(name, marks=pytest.mark.whole) for name in PROGRAMS]
)
def test_process_that_begins_as_a_copy_is_like_any_other(
    process_env: dict[str, str], monkeypatch: pytest.MonkeyPatch, program: str
) -> None:
    env = {**process_env, "ONLY_THERE": "yes", "SYNCHRO_TEST_SETTINGS": '{"SYNCHRO_REMOTE": ["remote"]}'}
    done = {}
    for way in ("a copy of a loaded one", "from nothing"):
        with monkeypatch.context() as patch:
            choose_way(patch, way)
            found = processes.run(*PROGRAMS[program], env=env, timeout=600)
        # A traceback begins with how Python came there.
        done[way] = (found.returncode, found.stdout, found.stderr.splitlines()[-1:])

    assert done["a copy of a loaded one"] == done["from nothing"]


@both_committed
@pytest.mark.vendor("sqlite")
@pytest.mark.parametrize("way", ["a copy of a loaded one", "from nothing"])
def test_process_can_be_watched_and_killed(
    process_env: dict[str, str], monkeypatch: pytest.MonkeyPatch, way: str
) -> None:
    choose_way(monkeypatch, way)
    process = processes.start("-c", "import os, time; print(os.getpid(), flush=True); time.sleep(600)", env=process_env)

    assert process.stdout is not None and int(process.stdout.readline()) == process.pid
    assert process.poll() is None
    with pytest.raises(subprocess.TimeoutExpired):
        process.wait(timeout=0.1)
    process.send_signal(signal.SIGKILL)
    assert process.wait(timeout=600) == process.poll() == process.returncode == -signal.SIGKILL
    assert process.communicate() == ("", "")
    process.kill()


def test_a_test_without_databases_runs_once_and_may_not_touch_them(request: pytest.FixtureRequest) -> None:
    assert not hasattr(request.node, "callspec")
    with pytest.raises(RuntimeError, match="Database access not allowed"):
        Site.objects.count()


@pytest.mark.parametrize(
    ("only", "all_pairs", "expected"),
    [
        ((), False, ["sqlite", "postgres"]),
        ((), True, list(CAPTURING_PAIRS)),
        (("postgres",), False, ["postgres"]),
        (("postgres-to-sqlite", "sqlite"), False, ["sqlite", "postgres-to-sqlite"]),
        (("sqlite",), True, ["sqlite"]),
    ],
)
def test_marks_choose_the_pairs(only: tuple[str, ...], all_pairs: bool, expected: list[str]) -> None:
    assert pairs_of_test(only, all_pairs=all_pairs) == expected


def test_a_mark_adds_the_pairs_that_only_receive() -> None:
    assert pairs_of_test((), all_pairs=False, receiving=True) == ["sqlite", "postgres", *RECEIVING_PAIRS]
    assert pairs_of_test(("sqlite",), all_pairs=False, receiving=True) == ["sqlite"]
    assert {*CAPTURING_PAIRS, *RECEIVING_PAIRS} == PAIRS.keys()


def test_what_mariadb_lacks_is_said_with_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mariadb_server, "_program", lambda name: None)

    reason = mariadb_server.reason_for_none()

    assert reason.startswith("there is no mariadbd") and "apt-get install mariadb-server" in reason
    with pytest.raises(mariadb_server.MariaDBUnavailable, match="apt-get install"), mariadb_server.mariadb_server():
        pass


def test_an_unknown_pair_is_named_with_those_there_are() -> None:
    with pytest.raises(ValueError, match=r"no such vendor pair: mysql \(there are sqlite, postgres"):
        known_pairs(["sqlite", "mysql"])


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("postgresql://u:p%40ss@db.example:5433/main", ("db.example", "5433", "u", "p@ss", "main")),
        ("postgres://u@db.example/main", ("db.example", "5432", "u", "", "main")),
        ("postgresql://u:@/main?host=/run/pg&port=5440", ("/run/pg", "5440", "u", "", "main")),
        ("postgresql://localhost", ("localhost", "5432", "postgres", "", "postgres")),
    ],
)
def test_a_url_names_a_server(url: str, expected: tuple[str, str, str, str, str]) -> None:
    assert PostgresServer.from_url(url) == PostgresServer(*expected)


def test_the_url_in_the_environment_comes_first(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SYNCHRO_TEST_POSTGRES_URL", "postgresql://u:secret@db.example/main")

    source = choose_source("docker")

    assert source.description == "server at db.example:5432 (SYNCHRO_TEST_POSTGRES_URL)"
    assert "secret" not in repr(PostgresServer.from_url("postgresql://u:secret@db.example/main"))


@pytest.mark.parametrize("url", ["mysql://u:secret@db.example/main", "postgresql://u:secret@db.example:port/main"])
def test_a_wrong_url_is_refused_without_showing_its_password(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SYNCHRO_TEST_POSTGRES_URL", url)

    with pytest.raises(ValueError, match="SYNCHRO_TEST_POSTGRES_URL") as raised:
        choose_source("embedded")

    assert "secret" not in str(raised.value)
