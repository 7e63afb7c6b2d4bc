"""The benchmarks run: the smallest size, in a process of their own. What they measure is no test's business."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks.charts import chart
from benchmarks.page import page
from benchmarks.themes import ONLY_ON, THEMES

ROOT = Path(__file__).resolve().parent.parent


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "benchmarks", "--size", "tiny", *arguments],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=600,
    )


VENDORS = ("sqlite", "postgres")
POSSIBLE = {(theme, vendor) for theme in THEMES for vendor in VENDORS if ONLY_ON.get(theme, vendor) == vendor}

#: A smoke test of the machinery: one theme a vendor, of which one compares with other tools. make test-all runs all.
ONCE = {("initial", "sqlite"), ("capture", "postgres")}


@pytest.mark.parametrize("database", VENDORS)
@pytest.mark.parametrize("chosen", [ONCE, pytest.param(POSSIBLE, marks=pytest.mark.whole)], ids=["once", "all"])
def test_every_theme_is_measured_and_its_targets_are_judged(chosen, database, tmp_path):
    themes = {theme for theme, vendor in chosen if vendor == database}

    done = run(*themes, "--vendor", database, "--output", str(tmp_path))

    assert done.returncode == 0, done.stderr
    stored = json.loads((tmp_path / "benchmarks" / "results.json").read_text())
    assert stored.keys() == themes
    judged = [target for vendors in stored.values() for target in vendors[database]["targets"]]
    assert {target["verdict"] for target in judged} <= {"met", "MISSED"}
    missed = [target for target in judged if target["verdict"] == "MISSED"]
    assert f"Targets: {len(judged) - len(missed)} met, {len(missed)} missed, 0 not measured" in done.stdout
    written = (tmp_path / "docs" / "benchmarks.md").read_text()
    assert f"Of {len(judged)} targets {len(judged) - len(missed)} were met" in written
    for theme in stored:
        assert f"\n{theme}, {database}\n" in done.stdout
        assert f"\n## {theme}, {database}\n" in written
        assert (tmp_path / "docs" / "charts" / f"{theme}-{database}.svg").read_text().startswith("<svg")

    figures = {
        (theme, figure["measure"], figure["contender"]): figure["note"]
        if figure["value"] is None
        else figure["value"] > 0
        for theme, vendors in stored.items()
        for figure in vendors[database]["figures"]
    }
    seen, unseen = (("capture", "update()", contender) for contender in ("synchro_triggers", "signal handlers"))
    assert figures.get(seen, True) is True
    assert figures.get(unseen, "not captured") == "not captured", "what sees no update is given no figure"
    assert ({seen, unseen} <= figures.keys()) is ("capture" in themes)


def test_page_and_charts_of_the_documentation_show_the_stored_results():
    stored = json.loads((ROOT / "benchmarks" / "results.json").read_text())

    assert {results["size"] for vendors in stored.values() for results in vendors.values()} == {"full"}
    assert (ROOT / "docs" / "benchmarks.md").read_text() == page(stored)
    for theme, vendors in stored.items():
        for vendor, results in vendors.items():
            drawn = (ROOT / "docs" / "charts" / f"{theme}-{vendor}.svg").read_text()
            assert drawn == chart(f"{theme}, {vendor}", results["figures"])


def test_an_unknown_theme_is_refused_by_name():
    done = run("captures", "--vendor", "sqlite")

    assert done.returncode == 2
    assert "no such theme: captures" in done.stderr
