"""Runs every database test on each vendor pair it is meant for, in one ``pytest`` call.

A test that carries ``django_db`` (or uses ``db``, ``transactional_db``, ``live_server``, ``vendor``) runs on
``sqlite`` and on ``postgres``; with the mark ``all_pairs`` on the two mixed pairs as well; with
``vendor("postgres")`` on that pair only. ``--pairs`` narrows a run, ``--postgres`` chooses the server.

Tests run in any order and in several processes (pytest-xdist). All of them use one PostgreSQL server, which the
process that hands out the tests starts; see ``tests/databases.py`` for how each gets databases of its own.
"""

from __future__ import annotations

import json
import os
import signal
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import asdict
from functools import partial
from math import ceil
from pathlib import Path
from types import FrameType
from typing import Any

import pytest
from django.db import connections
from django.db.models import signals
from django.test import SimpleTestCase, TransactionTestCase
from django.utils import translation
from pytest_django import DjangoDbBlocker

from tests import heap, thinning
from tests.databases import PAIRS, RECEIVING_PAIRS, Databases, Pair, Prepared, Run, known_pairs, pairs_of_test
from tests.in_memory import folder_in_memory
from tests.mariadb_server import MariaDBServer, MariaDBUnavailable, mariadb_server, reason_for_none
from tests.postgres_server import PostgresServer, PostgresUnavailable, Source, choose_source

# Of other people's products, in an environment of their own: make sites.
collect_ignore = ["sites"]

ROOT = Path(__file__).resolve().parent.parent
COMMITTING_FIXTURES = {"transactional_db", "live_server"}
MARIADB = ("auto", "required", "no")
DATABASE_FIXTURES = {"db", "vendor", *COMMITTING_FIXTURES}

chosen_pairs = pytest.StashKey[list[str]]()
chosen_source = pytest.StashKey[Source]()
used_version = pytest.StashKey[str]()
running_server = pytest.StashKey[PostgresServer]()
running_mariadb = pytest.StashKey[MariaDBServer]()
no_mariadb = pytest.StashKey[str]()
until_the_end = pytest.StashKey[ExitStack]()
for_workers = pytest.StashKey[dict[str, Any]]()


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("synchro_triggers")
    group.addoption("--pairs", default=",".join(PAIRS), metavar="PAIR,...", help="run on these vendor pairs only")
    group.addoption(
        "--postgres",
        choices=("embedded", "docker"),
        default="embedded",
        help="PostgreSQL of the test run, unless SYNCHRO_TEST_POSTGRES_URL names a server",
    )
    group.addoption(
        "--mariadb",
        choices=MARIADB,
        default=os.environ.get("SYNCHRO_TEST_MARIADB", "auto"),
        help="tests on MariaDB: where it is installed, and said at the end where not; or an error; or left out",
    )
    group.addoption("--whole", action="store_true", help="run also what is marked whole: make test-all")


def pytest_configure(config: pytest.Config) -> None:
    try:
        config.stash[chosen_pairs] = known_pairs(config.getoption("--pairs").split(","))
        config.stash[chosen_source] = choose_source(config.getoption("--postgres"))
    except ValueError as error:
        raise pytest.UsageError(str(error)) from error
    _look_for_mariadb(config)
    config.stash[until_the_end] = ExitStack()
    config.pluginmanager.register(thinning, "thinning")
    config.pluginmanager.register(heap, "heap")
    if not _is_worker(config):
        _stop_in_order_when_terminated()


def _look_for_mariadb(config: pytest.Config) -> None:
    """Note why nothing can run on MariaDB, if so: such tests are left out, and that is said, or end the run."""
    config.stash[no_mariadb] = ""
    if not set(RECEIVING_PAIRS).intersection(config.stash[chosen_pairs]):
        return
    wanted = config.getoption("--mariadb")
    if wanted not in MARIADB:
        raise pytest.UsageError(f"SYNCHRO_TEST_MARIADB is {wanted!r}: one of {', '.join(MARIADB)}")
    if wanted == "no":
        config.stash[no_mariadb] = "left out by --mariadb=no"
    elif reason := reason_for_none():
        if wanted == "required":
            raise pytest.UsageError(f"MariaDB: {reason} Without it: --mariadb=no.")
        config.stash[no_mariadb] = reason


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers(config: pytest.Config) -> int:
    """``-n auto``: half as many again as processors, because tests also wait: for locks, servers and processes."""
    return ceil((os.cpu_count() or 1) * 1.5)


def pytest_unconfigure(config: pytest.Config) -> None:
    if stack := config.stash.get(until_the_end, None):
        stack.close()


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node: Any) -> None:
    """Hand each process what they share: the folder of the templates, and the server or why there is none."""
    config: pytest.Config = node.config
    if for_workers not in config.stash:
        run = _new_run(config)
        shared: dict[str, Any] = {"folder": str(run.folder), "name": run.name}
        server, reason = _start_server(config)  # whatever --pairs says: some tests ask for it by themselves
        shared |= {"server": asdict(server)} if server is not None else {"no_server": reason}
        if any(PAIRS[name].needs_mariadb for name in config.stash[chosen_pairs]) and not config.stash[no_mariadb]:
            mariadb, reason = _start_mariadb(config)
            shared |= {"mariadb": asdict(mariadb)} if mariadb is not None else {"no_mariadb": reason}
        config.stash[for_workers] = shared
    node.workerinput["synchro"] = config.stash[for_workers]


def _is_worker(config: pytest.Config) -> bool:
    return hasattr(config, "workerinput")


def _shared(config: pytest.Config) -> dict[str, Any]:
    """What a worker was handed."""
    shared: dict[str, Any] = config.workerinput["synchro"]  # type: ignore[attr-defined]
    return shared


def _new_run(config: pytest.Config) -> Run:
    folder = tempfile.TemporaryDirectory(prefix="synchro-run-", dir=folder_in_memory())
    config.stash[until_the_end].enter_context(folder)
    return Run(Path(folder.name), f"test_synchro_{os.getpid()}")


def pytest_report_header(config: pytest.Config) -> list[str]:
    pairs = config.stash[chosen_pairs]
    return [
        f"vendor pairs: {', '.join(pairs)}",
        f"PostgreSQL: {config.stash[chosen_source].description}, started when first needed",
        f"MariaDB: {config.stash[no_mariadb] or 'the server that is installed here, started when first needed'}",
    ]


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    marked = metafunc.definition.get_closest_marker("django_db")
    if not marked and DATABASE_FIXTURES.isdisjoint(metafunc.fixturenames):
        return

    only = metafunc.definition.get_closest_marker("vendor")
    all_pairs = metafunc.definition.get_closest_marker("all_pairs") is not None
    mariadb = metafunc.definition.get_closest_marker("mariadb")
    on_mariadb = mariadb is not None and "without" not in mariadb.kwargs
    try:
        pairs = pairs_of_test(only.args if only else (), all_pairs=all_pairs, receiving=on_mariadb)
    except ValueError as error:
        raise pytest.Collector.CollectError(f"{metafunc.definition.nodeid}: {error}") from error

    # Only an argument of the test may be parametrized; django_db_setup below is who asks for it.
    if "vendor" not in metafunc.fixturenames:
        metafunc.fixturenames.append("vendor")
    metafunc.parametrize(
        "vendor", [_parameter(name, metafunc.config) for name in pairs], indirect=True, scope="function"
    )


def _parameter(name: str, config: pytest.Config) -> object:
    left_out = name not in config.stash[chosen_pairs]
    marks = [pytest.mark.skip(reason=f"left out by --pairs {config.getoption('--pairs')}")] if left_out else []
    if not left_out and PAIRS[name].needs_mariadb and (reason := config.stash[no_mariadb]):
        marks = [pytest.mark.skip(reason=f"no MariaDB: {reason}")]
    return pytest.param(name, id=name, marks=marks)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    for item in items:
        case = getattr(item, "cls", None)
        if case and issubclass(case, SimpleTestCase) and case.databases:
            raise pytest.UsageError(
                f"{item.nodeid}: pytest gives no parameters to unittest classes, so this would not run on "
                "the vendor pairs. Write it as a function marked with django_db."
            )
        local = thinning.vendor_of_project(item)
        if local and local not in config.stash[chosen_pairs]:
            item.add_marker(pytest.mark.skip(reason=f"left out by --pairs {config.getoption('--pairs')}"))
        mariadb = item.get_closest_marker("mariadb")
        if mariadb and not mariadb.kwargs.get("core") and thinning.pair_of(item) in RECEIVING_PAIRS:
            item.add_marker(pytest.mark.whole)
    if config.getoption("--whole"):
        return
    # Deselected, not skipped: each of thousands of skipped items takes time in every process.
    if left_out := [item for item in items if item.get_closest_marker("whole")]:
        config.hook.pytest_deselected(items=left_out)
        items[:] = [item for item in items if not item.get_closest_marker("whole")]


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    if version := config.stash.get(used_version, None):
        terminalreporter.write_line(f"PostgreSQL {version}: {config.stash[chosen_source].description}")
    if reason := config.stash[no_mariadb]:
        terminalreporter.section("MariaDB was not tested", yellow=True)
        terminalreporter.write_line(f"No test has run on {' or '.join(RECEIVING_PAIRS)}: {reason}")


@pytest.fixture(scope="session")
def postgres_server(pytestconfig: pytest.Config) -> PostgresServer:
    """The PostgreSQL server of this run, started by the first test that asks for it, unless we were handed one."""
    return _server_of(pytestconfig)


def _server_of(config: pytest.Config) -> PostgresServer:
    if running_server in config.stash:
        return config.stash[running_server]
    source = config.stash[chosen_source]
    if _is_worker(config):
        shared = _shared(config)
        server = PostgresServer(**shared["server"]) if "server" in shared else None
        reason = shared.get("no_server", "")
    else:
        server, reason = _start_server(config)
    if server is None:
        pytest.fail(f"No PostgreSQL ({source.description}): {reason}", pytrace=False)
    config.stash[running_server] = server
    return server


def _start_server(config: pytest.Config) -> tuple[PostgresServer | None, str]:
    """Start the chosen server, to be stopped when the run ends; or say why it does not start."""
    try:
        server = config.stash[until_the_end].enter_context(config.stash[chosen_source].start())
        config.stash[used_version] = server.version()
        return server, ""
    except PostgresUnavailable as error:
        return None, str(error)


def _mariadb_of(config: pytest.Config) -> MariaDBServer:
    if running_mariadb not in config.stash:
        if _is_worker(config):
            shared = _shared(config)
            server = MariaDBServer(**shared["mariadb"]) if "mariadb" in shared else None
            reason = shared.get("no_mariadb", "")
        else:
            server, reason = _start_mariadb(config)
        if server is None:
            pytest.fail(f"No MariaDB: {reason}", pytrace=False)
        config.stash[running_mariadb] = server
    return config.stash[running_mariadb]


def _start_mariadb(config: pytest.Config) -> tuple[MariaDBServer | None, str]:
    """Start the server, to be stopped when the run ends; or say why it does not start."""
    try:
        return config.stash[until_the_end].enter_context(mariadb_server()), ""
    except MariaDBUnavailable as error:
        return None, str(error)


@pytest.fixture(scope="session")
def databases(
    pytestconfig: pytest.Config,
    django_test_environment: None,
    django_db_blocker: DjangoDbBlocker,
    worker_id: str,
) -> Iterator[Databases]:
    """Makes the databases that the tests of this process use."""
    config = pytestconfig
    run = Run(Path(_shared(config)["folder"]), _shared(config)["name"]) if _is_worker(config) else _new_run(config)
    servers = partial(_server_of, config), partial(_mariadb_of, config)
    with tempfile.TemporaryDirectory(prefix="synchro-sqlite-", dir=folder_in_memory()) as files:
        made = Databases(run, worker_id, Path(files), *servers)
        yield made
        with django_db_blocker.unblock():
            made.close()


@pytest.fixture(scope="session", autouse=True)
def nothing_is_flushed() -> Iterator[None]:
    """Keep Django from emptying every table after a test that commits, and from closing its connections.

    ``tests/databases.py`` looks after both.
    """
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(TransactionTestCase, "_fixture_teardown", lambda self: None)
        patch.setattr(TransactionTestCase, "_should_reload_connections", lambda self: False)
        yield


@pytest.fixture
def prepared() -> Prepared | None:
    """What the databases of rolled-back tests are made to be; for tests that want another one than the template."""
    return None


@pytest.fixture
def vendor(
    request: pytest.FixtureRequest,
    databases: Databases,
    django_db_blocker: DjangoDbBlocker,
    prepared: Prepared | None,
) -> Iterator[Pair]:
    """The pair of databases that ``default`` and ``remote`` are now, migrated, with triggers installed."""
    if not hasattr(request, "param"):
        pytest.fail("a test that comes to the databases indirectly needs the mark django_db", pytrace=False)
    pair = PAIRS[request.param]
    with ExitStack() as stack:
        with django_db_blocker.unblock():
            stack.enter_context(databases.of(pair, committed=_commits(request), prepared=prepared))
        yield pair
        with django_db_blocker.unblock():
            stack.close()


def _commits(request: pytest.FixtureRequest) -> bool:
    marked = request.node.get_closest_marker("django_db")
    asked = marked is not None and marked.kwargs.get("transaction", False)
    return asked or not COMMITTING_FIXTURES.isdisjoint(request.fixturenames)


@pytest.fixture
def django_db_setup(vendor: Pair) -> None:
    """Override pytest-django's: the databases are those of the test's pair, not of the settings."""


@pytest.fixture(autouse=True)
def no_receiver_stays() -> Iterator[None]:
    """Fail where a receiver of every model's signals outlives its test: all later ones would go another way."""
    before = _receivers_of_all_models()
    yield
    left = _receivers_of_all_models() - before
    assert not left, f"receivers of every model's signals stay after the test: {left}"


def _receivers_of_all_models() -> set[tuple[str, str]]:
    anybody = id(None)
    return {
        (name, repr(receiver[1]))
        for name in ("pre_save", "post_save", "pre_delete", "post_delete", "m2m_changed")
        for receiver in getattr(signals, name).receivers
        if receiver[0][1] == anybody
    }


@pytest.fixture(autouse=True)
def no_pause_is_over_by_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a failure pause for hours: on a machine that is busy, the runs of a test take longer than ten seconds."""
    monkeypatch.setattr("synchro_triggers.replay.state.failures._FIRST_PAUSE", 10_000)


@pytest.fixture(autouse=True)
def language() -> Iterator[None]:
    """A request activates its visitor's language, and nothing ends that."""
    yield
    translation.deactivate()


@pytest.fixture
def process_env(vendor: Pair) -> dict[str, str]:
    """Environment of a process that works on the databases of this test, as another program would.

    Only a test with ``transaction=True`` commits anything that the process could see.

    Example:
        ``subprocess.run([sys.executable, "-m", "django", "synchronize"], env=process_env, check=True)``
    """
    python_path = os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH")]))
    return {
        **os.environ,
        "PYTHONPATH": python_path,
        "DJANGO_SETTINGS_MODULE": "tests.process_settings",
        "SYNCHRO_TEST_DATABASES": json.dumps(connections.settings, default=str),
    }


def _stop_in_order_when_terminated() -> None:
    """Let SIGTERM (``timeout``, CI) end a run as Ctrl-C does: fixtures finish, servers stop."""
    owner = os.getpid()

    def stop(signum: int, frame: FrameType | None) -> None:
        if os.getpid() == owner:
            raise KeyboardInterrupt
        # A forked child just ends: what the fixtures hold is not its own to release.
        signal.signal(signum, signal.SIG_DFL)
        os.kill(os.getpid(), signum)

    signal.signal(signal.SIGTERM, stop)
