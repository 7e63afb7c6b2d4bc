"""Results as tables on stdout and as JSON."""

from __future__ import annotations

import json
import os
import platform
from collections.abc import Mapping
from importlib.metadata import version
from pathlib import Path
from typing import Any

from .harness import Figure, Results, Target

_TOOLS = ("Django", "psycopg", "django-pghistory", "django-pgtrigger", "django-auditlog", "django-simple-history")


def describe_machine(server: Any) -> dict[str, str]:
    """Return what the figures were measured on."""
    import sqlite3

    found = {
        "processor": _processor(),
        "cores": str(os.cpu_count()),
        "system": f"{platform.system()} {platform.machine()}",
        "Python": platform.python_version(),
        "SQLite": sqlite3.sqlite_version,
        **{tool: version(tool) for tool in _TOOLS},
    }
    return {**found, "PostgreSQL": server.version()} if server else found


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor() or "unknown"
    return next((line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")), "unknown")


def print_results(theme: str, vendor: str, results: Results) -> None:
    """Print a table a theme: a line a figure, under its measure, with the targets that speak of it."""
    print(f"\n{theme}, {vendor}")
    width = max((len(figure.contender) for figure in results.figures), default=0)
    for measure in dict.fromkeys(figure.measure for figure in results.figures):
        print(f"  {measure}")
        for figure in results.figures:
            if figure.measure == measure:
                print(f"    {_line(figure, results, width)}".rstrip())
    for note in results.notes:
        print(f"  Note: {note}")
    print(flush=True)


def _line(figure: Figure, results: Results, width: int) -> str:
    name = f"{figure.contender:<{width}}"
    if figure.value is None:
        return f"{name}  {'-':>12} {figure.note}"
    base = results.value_of(figure.measure, results.baseline)
    ratio = f"{figure.value / base:7.2f}x" if base else " " * 8
    targets = [
        describe_target(target)
        for target in results.targets
        if (target.measure, target.contender) == (figure.measure, figure.contender)
    ]
    line = f"{name}  {number(figure.value):>12} {figure.unit:<12} {ratio}  {'; '.join(targets)}"
    return f"{line}  ({figure.note})" if figure.note else line


def describe_target(target: Target) -> str:
    """Return a target with its value and verdict."""
    limit = f"{target.comparison} {target.limit:g}{'' if target.unit == 'x' else ' '}{target.unit}"
    against = f" {target.against}" if target.against else ""
    value = ""
    if target.value is not None and target.against:
        # Missed by a hair, two digits would look like met.
        digits = 2 if target.verdict == "met" or f"{target.value:.2f}" != f"{target.limit:.2f}" else 4
        value = f" ({target.value:.{digits}f}x)"
    return f"{limit}{against}{value}: {target.verdict}"


def number(value: float) -> str:
    """Return a number with as many digits as say something."""
    if value >= 1000:
        return f"{value:,.0f}"
    return f"{value:.1f}" if value >= 10 else f"{value:.2f}"


def summary(found: Mapping[tuple[str, str], Results]) -> str:
    """Return how many targets were met, and a line for each that was not."""
    lines = []
    counts = {"met": 0, "MISSED": 0, "not measured": 0}
    for (theme, vendor), results in found.items():
        for target in results.targets:
            counts[target.verdict] += 1
            if target.verdict == "MISSED":
                lines.append(f"  {theme}, {vendor}, {target.measure}, {target.contender}: {describe_target(target)}")
    head = f"Targets: {counts['met']} met, {counts['MISSED']} missed, {counts['not measured']} not measured"
    return "\n".join([head, *lines])


def store_results(
    file: Path, machine: dict[str, str], size: str, found: Mapping[tuple[str, str], Results]
) -> dict[str, Any]:
    """Write the results into ``file``, beside those of themes that were not run now; return all of them.

    Each entry names the machine and size it was measured with: a theme may be run alone, later, elsewhere.
    """
    stored: dict[str, Any] = json.loads(file.read_text()) if file.exists() else {}
    for (theme, vendor), results in found.items():
        entry = {"machine": machine, "size": size, **results.as_dict()}
        stored.setdefault(theme, {})[vendor] = entry
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps(stored, indent=1, sort_keys=True) + "\n")
    return stored
