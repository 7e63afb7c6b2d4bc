"""Makes a project and a story shorter, as long as the same kind of thing is found."""

from __future__ import annotations

import os
import re
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

from tests.databases import Databases
from tests.shapefuzz.plans import Project, Step
from tests.shapefuzz.playing import play

SECONDS = float(os.environ.get("SYNCHRO_FUZZ_SHRINK", "60"))

Case = tuple[Project, tuple[Step, ...]]


def shrink(
    project: Project, story: tuple[Step, ...], found: str, done: list[str], databases: Databases, folder: Path
) -> tuple[Project, tuple[Step, ...], str, list[str]]:
    """Return the shortest case with the same finding, and what it finds, within a minute."""
    best: tuple[Project, tuple[Step, ...], str, list[str]] = (project, story, found, done)
    until = time.monotonic() + SECONDS
    shorter = True
    while shorter and time.monotonic() < until:
        shorter = False
        for case in _shorter(best[0], best[1]):
            if time.monotonic() > until:
                break
            now, told = play(*case, databases, folder)
            if now and kind_of(now) == kind_of(found):
                best, shorter = (*case, now, told), True
                break
    return best


def kind_of(found: str) -> str:
    """Return what is found without names, numbers and values."""
    lines = found.strip().splitlines()
    line = lines[-1] if lines[0].startswith("an exception") else lines[0]
    line = line.partition(": ")[2] if line.startswith("shapefuzz.") else line
    line = re.sub(r"^(failed for no reason: )shapefuzz\.\w+ .*?: ", r"\1", line)  # another error is another finding
    return re.sub(r"[\d'\"].*", "", re.sub(r"\b[jkmnruv]\w*_[a-h]\w*", "field", line))[:60]


def _shorter(project: Project, story: tuple[Step, ...]) -> Iterator[Case]:
    size = max(len(story) // 2, 1)
    while size:
        for start in range(0, len(story), size):
            yield project, story[:start] + story[start + size :]
        size //= 2
    for smaller in _smaller(project):
        yield smaller, story


def _smaller(project: Project) -> Iterator[Project]:
    for name in ("receivers", "triggers", "zones", "models"):
        values: tuple[Any, ...] = getattr(project, name)
        for number in range(len(values)):
            yield replace(project, **{name: values[:number] + values[number + 1 :]})
    for number, model in enumerate(project.models):
        for name in ("lines", "meta"):
            lines: tuple[str, ...] = getattr(model, name)
            for at in range(len(lines)):
                if f"mark_{model.name.lower()}" in lines[at]:
                    continue
                fewer = replace(model, **{name: lines[:at] + lines[at + 1 :]})
                yield replace(project, models=(*project.models[:number], fewer, *project.models[number + 1 :]))
