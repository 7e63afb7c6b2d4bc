"""What a test asks of a trial: how an office begins, that a run leaves both sides equal, and the next has no work."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from tests.sites.trial import Trial


@dataclass
class Compared:
    """What one comparison has found."""

    product: str
    pair: str
    objects: int
    differences: int
    kept: int


#: What the running test has compared; ``conftest.py`` makes a table of them.
FIGURES: list[Compared] = []


def start_office(trial: Trial, *exclude: str, both_ways: bool = False, load: str = "", **while_loading: Any) -> None:
    """Start the office as ``how-to/whole-sites.md`` says: from a copy of main, or from a dump where vendors differ.

    Args:
        trial: the trial.
        *exclude: apps of which each side makes the rows itself, and which no dump can hold.
        both_ways: main will send its changes too. As it is a copy of the one that tests share, it has moved for that.
        load: step of the product that loads a dump, where no setting keeps its receivers quiet.
        **while_loading: settings of the product that keep its receivers quiet while a dump is loaded.
    """
    if both_ways:
        trial.main.manage("synchro_reset", "--keep-identity", "--no-input")
    if trial.pair in ("sqlite-sqlite", "postgres-postgres"):
        trial.copy_main_to_office()
        trial.office.manage("synchro_reset", "--new-identity", "--no-input")
    else:
        dump = str(trial.folder / "main.yaml")  # JSON has no microseconds, and XML no stream fields
        left_out = [part for app in ("synchro_triggers", *exclude) for part in ("--exclude", app)]
        trial.main.manage("dumpdata", "--all", *left_out, "--format", "yaml", "--output", dump)
        trial.office.manage("migrate", "-v0", "--run-syncdb")
        trial.office.manage("flush", "--no-input", "-v0")
        # What flush makes anew has other numbers than main's, and what is serialised speaks of main's.
        trial.office.do("tests.sites.agreement:forget_content_types")
        trial.office.settings = while_loading
        if load:
            trial.office.do(load, dump)
        else:
            trial.office.manage("loaddata", dump, "-v0")
        trial.office.settings = {}
        trial.copy_media_to_office()
        trial.office.manage("synchro_install_triggers")
    trial.office.manage("synchro_link")
    _assert_matched("different from the start", differences(trial), ())


def synchronize(trial: Trial, *, back: bool = False, kept: Sequence[str] = ()) -> dict[str, Any]:
    """Let the office synchronise; return the run's report.

    Args:
        trial: the trial.
        back: the main server synchronises, to the office.
        kept: what must be kept as a failure, as regular expressions; nothing else may be.
    """
    site = trial.sending_main if back else trial.office
    output = site.manage("synchronize", "--json", code=None)
    report = _report(output)
    failures = [f"{each['model']} {each['key']}: {each['error']}" for each in report["failures"]]
    _assert_matched("kept as failures", failures, kept)
    return report


def differences(trial: Trial) -> list[str]:
    """Return a line for each value that differs, and for each object that only one side has."""
    found: list[str] = trial.office.do("tests.sites.agreement:compare")["differences"]
    return found


def assert_equal(
    trial: Trial, *, but: Sequence[str] = (), differ: Sequence[str] = (), kept: Sequence[str] = ()
) -> None:
    """Assert that both sides hold the same objects.

    Args:
        trial: the trial.
        but: differences that there may be still: those that ``differences()`` has found before the office worked, of
            what main's users have done.
        differ: regular expressions: each difference that there may be, and must be.
        kept: the same of what is kept as a failure.
    """
    found = trial.office.do("tests.sites.agreement:compare")
    lines = [line for line in found["differences"] if line not in but]
    FIGURES.append(Compared(trial.product, trial.pair, found["objects"], len(lines), len(found["kept"])))
    _assert_matched("different", lines, differ)
    _assert_matched("kept", found["kept"], kept)


def assert_nothing_to_do(trial: Trial, *, both_ways: bool = False) -> None:
    """Assert that one more run has nothing to do, nor, where main sends its changes too, one of its own."""
    for site in (trial.office, trial.sending_main)[: 1 + both_ways]:
        report = _report(site.manage("synchronize", "--json"))
        assert not report["changed"], f"{site.side}: a second run has something to do: {report}"


def _report(output: str) -> dict[str, Any]:
    assert "{" in output, output[-2000:]
    text = output[output.index("{") :]
    found: dict[str, Any] = json.JSONDecoder().raw_decode(text)[0]
    return found


def _assert_matched(what: str, lines: list[str], expected: Sequence[str]) -> None:
    surplus = [line for line in lines if not any(re.search(each, line) for each in expected)]
    missing = [each for each in expected if not any(re.search(each, line) for line in lines)]
    said = "\n  ".join(
        [f"{len(surplus)} {what}, and not expected:", *surplus[:60], "expected, and not there:", *missing]
    )
    assert not surplus and not missing, said
