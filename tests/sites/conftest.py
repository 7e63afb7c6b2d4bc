"""Trials: databases, started sites, and the table of what was compared at the end of a run."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.in_memory import folder_in_memory
from tests.postgres_server import PostgresServer, choose_source
from tests.sites.agreed import FIGURES, Compared
from tests.sites.trial import PAIRS, Site, Trial


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--whole", action="store_true", help="also the stories marked as whole")
    parser.addoption("--postgres", default="embedded", choices=("embedded", "docker"), help="where PostgreSQL is")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if not config.getoption("--whole"):
        left_out = [item for item in items if item.get_closest_marker("whole")]
        config.hook.pytest_deselected(items=left_out)
        items[:] = [item for item in items if item not in left_out]


@pytest.fixture(scope="session")
def server(request: pytest.FixtureRequest) -> Iterator[PostgresServer]:
    """A PostgreSQL server."""
    with choose_source(request.config.getoption("--postgres")).start() as found:
        yield found


@pytest.fixture(scope="session")
def seeds() -> Iterator[dict[tuple[str, str], Trial]]:
    """Main servers with the product's tables and what was there before an office came, by product and vendor."""
    found: dict[tuple[str, str], Trial] = {}
    yield found
    for trial in found.values():
        trial.close()
        shutil.rmtree(trial.folder, ignore_errors=True)


@pytest.fixture(params=PAIRS)
def pair(request: pytest.FixtureRequest) -> Any:
    """Vendor of the office and of the main server."""
    return request.param


@pytest.fixture
def begin(
    request: pytest.FixtureRequest, pair: str, server: PostgresServer, seeds: dict[tuple[str, str], Trial]
) -> Iterator[Callable[..., Trial]]:
    """Return what starts a trial of a product: main has triggers and content, the office nothing yet.

    With ``only_migrated=True`` both have their tables, triggers, and what migrations have written into them.
    """
    begun: list[Trial] = []
    folders: list[Path] = []

    def trial(product: str, pair: str) -> Trial:
        folders.append(Path(tempfile.mkdtemp(prefix="site", dir=folder_in_memory())))
        return Trial(product, pair, folders[-1], server)

    def migrated(site: Site) -> None:
        site.manage("migrate", "-v0", "--run-syncdb")
        site.manage("synchro_install_triggers")

    def seeded(product: str, vendor: str) -> Trial:
        if (product, vendor) not in seeds:
            seed = trial(product, f"{vendor}-{vendor}")
            folders.pop()  # it lives as long as the session
            migrated(seed.main)
            seed.main.do("main_begins")
            seeds[product, vendor] = seed
        return seeds[product, vendor]

    def begin(product: str, *, only_migrated: bool = False) -> Trial:
        new = trial(product, pair)
        begun.append(new)
        if only_migrated:
            migrated(new.main)
            migrated(new.office)
            return new
        new.take_main_of(seeded(product, pair.partition("-")[2]))
        return new

    yield begin
    for each in begun:
        each.close()
    for folder in folders:
        shutil.rmtree(folder, ignore_errors=True)


def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> None:
    if call.when == "call":
        item.user_properties += [("compared", vars(each)) for each in FIGURES]
        FIGURES.clear()


def pytest_terminal_summary(terminalreporter: Any) -> None:
    rows: dict[tuple[str, str], list[int]] = {}
    for reports in terminalreporter.stats.values():
        for report in reports:
            for name, value in getattr(report, "user_properties", ()):
                if name == "compared":
                    one = Compared(**value)
                    sums = rows.setdefault((one.product, one.pair), [0, 0, 0])
                    for n, figure in enumerate((one.objects, one.differences, one.kept)):
                        sums[n] += figure
    if rows:
        terminalreporter.section("both sides, object by object")
        terminalreporter.write_line(f"{'product':24}{'pair':20}{'compared':>10}{'differ':>8}{'kept':>6}")
        for (product, pair), figures in sorted(rows.items()):
            terminalreporter.write_line(f"{product:24}{pair:20}{figures[0]:>10}{figures[1]:>8}{figures[2]:>6}")
