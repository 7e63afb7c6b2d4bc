"""Results as a page of the documentation: every figure, its ratio, its targets and what became of them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .harness import Results, Target
from .report import describe_target, number
from .themes import THEMES

_HEAD = """# Benchmarks

Written by `make bench`; `benchmarks/results.json` has every run behind these medians. Contenders take turns within one
run, so trust the ratios: times differ from machine to machine. [performance.md](performance.md) explains the figures.

"""


def page(stored: Mapping[str, Any]) -> str:
    """Return the page, in Markdown.

    Args:
        stored: what ``store_results()`` returns: theme, vendor, results.
    """
    found = {
        (theme, vendor): Results.from_dict(results)
        for theme in THEMES
        for vendor, results in stored.get(theme, {}).items()
    }
    machines = dict.fromkeys(_machine(results) for vendors in stored.values() for results in vendors.values())
    parts = [_HEAD, *(f"Measured on: {machine}.\n\n" for machine in machines), _verdicts(found)]
    for (theme, vendor), results in found.items():
        parts.append(f"## {theme}, {vendor}\n\n{THEMES[theme][0].upper()}{THEMES[theme][1:]}.\n\n")
        parts.append(f"![{theme}, {vendor}](charts/{theme}-{vendor}.svg)\n\n")
        parts.append(_table(results))
        parts += [f"- {note}\n" for note in results.notes]
        parts.append("\n")
    return "".join(parts).rstrip() + "\n"


def _machine(results: Mapping[str, Any]) -> str:
    machine = results["machine"]
    first = ("processor", "cores", "system", "Python", "Django", "psycopg", "PostgreSQL", "SQLite")
    named = [*first, *sorted(machine.keys() - {*first})]
    return ", ".join(f"{name} {machine[name]}" for name in named if name in machine)


def _verdicts(found: Mapping[tuple[str, str], Results]) -> str:
    targets = [(theme, vendor, target) for (theme, vendor), results in found.items() for target in results.targets]
    missed = [each for each in targets if each[2].verdict != "met"]
    lines = [
        f"- {theme}, {vendor}: {target.measure}, {target.contender}: {_verdict(target)}\n"
        for theme, vendor, target in missed
    ]
    end = ":\n\n" + "".join(lines) if missed else ".\n"
    return (
        f"Of {len(targets)} targets {len(targets) - len(missed)} were met{', all but these' if missed else ''}{end}\n"
    )


def _table(results: Results) -> str:
    ratio_to = f"ratio to {results.baseline}" if results.baseline else ""
    rows = [f"| | | value | {ratio_to} | targets |\n|---|---|---|---|---|\n"]
    measure = ""
    for figure in results.figures:
        shown, measure = figure.measure if figure.measure != measure else "", figure.measure
        base = results.value_of(figure.measure, results.baseline)
        value = "–" if figure.value is None else f"{number(figure.value)} {figure.unit}"
        ratio = f"{figure.value / base:.2f}" if figure.value is not None and base else ""
        targets = "; ".join(
            _verdict(target)
            for target in results.targets
            if (target.measure, target.contender) == (figure.measure, figure.contender)
        )
        name = f"{figure.contender} ({figure.note})" if figure.note else figure.contender
        rows.append("| " + " | ".join(_cell(text) for text in (shown, name, value, ratio, targets)) + " |\n")
    return "".join(rows) + "\n"


def _verdict(target: Target) -> str:
    text = describe_target(target)
    return f"**{text}**" if target.verdict == "MISSED" else text


def _cell(text: str) -> str:
    return text.replace("|", "\\|")
