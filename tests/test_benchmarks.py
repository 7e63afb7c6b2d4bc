"""The benchmarks run: the smallest size, in a process of their own. What they measure is no test's business."""

from __future__ import annotations

import importlib.util
import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
CONTENDERS = ("auditlog", "pghistory", "simple_history")
missing = [name for name in CONTENDERS if importlib.util.find_spec(name) is None]

pytestmark = pytest.mark.skipif(bool(missing), reason=f"needs the extra 'bench' (not installed: {', '.join(missing)})")


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "benchmarks", "--size", "tiny", "--vendor", "sqlite", *arguments],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=120,
    )


def test_capture_is_measured_and_its_targets_are_judged(tmp_path):
    done = run("capture", "--output", str(tmp_path))

    assert done.returncode == 0, done.stderr
    assert "save(), changed" in done.stdout
    stored = json.loads((tmp_path / "benchmarks" / "results.json").read_text())["capture"]["sqlite"]
    figures = {(figure["measure"], figure["contender"]): figure["value"] for figure in stored["figures"]}
    assert figures["update()", "synchro_triggers"] > 0
    assert figures["update()", "signal handlers"] is None, "they do not see it, and are given no figure"
    assert {target["verdict"] for target in stored["targets"]} <= {"met", "MISSED"}
    assert (tmp_path / "docs" / "charts" / "capture-sqlite.svg").read_text().startswith("<svg")


def test_replay_reaches_both_sides_with_every_contender():
    done = run("replay")

    assert done.returncode == 0, done.stderr
    assert "loop of save()" in done.stdout


def test_an_unknown_theme_is_refused_by_name():
    done = run("captures")

    assert done.returncode == 2
    assert "no such theme: captures" in done.stderr
