"""Runs every database test on each vendor pair it is meant for, in one ``pytest`` call.

A test that carries ``django_db`` (or uses ``db``, ``transactional_db``, ``live_server``, ``vendor``) runs on
``sqlite`` and on ``postgres``; with the mark ``all_pairs`` on the two mixed pairs as well; with
``vendor("postgres")`` on that pair only. ``--pairs`` narrows a run, ``--postgres`` chooses the server.
"""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from types import FrameType

import pytest
from django.db import connections
from django.test import SimpleTestCase
from django.utils import translation
from pytest_django import DjangoDbBlocker

from tests.databases import (
    PAIRS,
    Pair,
    create_databases,
    destroy_databases,
    install_triggers,
    known_pairs,
    pairs_of_test,
)
from tests.postgres_server import PostgresServer, PostgresUnavailable, Source, choose_source

ROOT = Path(__file__).resolve().parent.parent
DATABASE_FIXTURES = {"db", "transactional_db", "live_server", "vendor"}

chosen_pairs = pytest.StashKey[list[str]]()
chosen_source = pytest.StashKey[Source]()
used_version = pytest.StashKey[str]()


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("synchro_triggers")
    group.addoption("--pairs", default=",".join(PAIRS), metavar="PAIR,...", help="run on these vendor pairs only")
    group.addoption(
        "--postgres",
        choices=("embedded", "docker"),
        default="embedded",
        help="PostgreSQL of the test run, unless SYNCHRO_TEST_POSTGRES_URL names a server",
    )


def pytest_configure(config: pytest.Config) -> None:
    try:
        config.stash[chosen_pairs] = known_pairs(config.getoption("--pairs").split(","))
        config.stash[chosen_source] = choose_source(config.getoption("--postgres"))
    except ValueError as error:
        raise pytest.UsageError(str(error)) from error
    _stop_in_order_when_terminated()


def pytest_report_header(config: pytest.Config) -> list[str]:
    pairs = config.stash[chosen_pairs]
    return [
        f"vendor pairs: {', '.join(pairs)}",
        f"PostgreSQL: {config.stash[chosen_source].description}, started when first needed",
    ]


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    marked = metafunc.definition.get_closest_marker("django_db")
    if not marked and DATABASE_FIXTURES.isdisjoint(metafunc.fixturenames):
        return

    only = metafunc.definition.get_closest_marker("vendor")
    all_pairs = metafunc.definition.get_closest_marker("all_pairs") is not None
    try:
        pairs = pairs_of_test(only.args if only else (), all_pairs=all_pairs)
    except ValueError as error:
        raise pytest.Collector.CollectError(f"{metafunc.definition.nodeid}: {error}") from error

    # Only an argument of the test may be parametrized; django_db_setup below is who asks for it.
    if "vendor" not in metafunc.fixturenames:
        metafunc.fixturenames.append("vendor")
    metafunc.parametrize(
        "vendor", [_parameter(name, metafunc.config) for name in pairs], indirect=True, scope="session"
    )


def _parameter(name: str, config: pytest.Config) -> object:
    left_out = name not in config.stash[chosen_pairs]
    marks = [pytest.mark.skip(reason=f"left out by --pairs {config.getoption('--pairs')}")] if left_out else []
    return pytest.param(name, id=name, marks=marks)


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        case = getattr(item, "cls", None)
        if case and issubclass(case, SimpleTestCase) and case.databases:
            raise pytest.UsageError(
                f"{item.nodeid}: pytest gives no parameters to unittest classes, so this would not run on "
                "the vendor pairs. Write it as a function marked with django_db."
            )
    # pytest has grouped the tests by the position of their parameter, which is another pair in each test.
    # The sort is stable: within a pair, tests that flush the databases stay behind those that roll back.
    items.sort(key=_position_of_pair)


def _position_of_pair(item: pytest.Item) -> int:
    callspec = getattr(item, "callspec", None)
    if callspec is None or "vendor" not in callspec.params:
        return -1
    return list(PAIRS).index(callspec.params["vendor"])


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    if version := config.stash.get(used_version, None):
        terminalreporter.write_line(f"PostgreSQL {version}: {config.stash[chosen_source].description}")


@pytest.fixture(scope="session")
def postgres_server(pytestconfig: pytest.Config) -> Iterator[PostgresServer]:
    """The PostgreSQL server of this run, started by the first pair that asks for it."""
    source = pytestconfig.stash[chosen_source]
    try:
        with source.start() as server:
            pytestconfig.stash[used_version] = server.version()
            yield server
            return
    except PostgresUnavailable as error:
        reason = str(error)
    # Not inside the except block, whose chain of causes would bury this line.
    pytest.fail(f"No PostgreSQL ({source.description}): {reason}", pytrace=False)


@pytest.fixture(scope="session")
def vendor(
    request: pytest.FixtureRequest, django_test_environment: None, django_db_blocker: DjangoDbBlocker
) -> Iterator[Pair]:
    """The pair of databases that ``default`` and ``remote`` are now, migrated, with triggers installed."""
    if not hasattr(request, "param"):
        pytest.fail("a test that comes to the databases indirectly needs the mark django_db", pytrace=False)
    pair = PAIRS[request.param]
    server = request.getfixturevalue("postgres_server") if pair.needs_postgres else None

    with TemporaryDirectory(prefix="synchro-sqlite-") as folder:
        with django_db_blocker.unblock():
            created = create_databases(pair, Path(folder), server)
            install_triggers()
        yield pair
        with django_db_blocker.unblock():
            destroy_databases(created)


@pytest.fixture
def django_db_setup(vendor: Pair) -> None:
    """Override pytest-django's: the databases are those of the test's pair, not of the settings."""


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
