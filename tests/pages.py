"""The README and the pages of ``docs/``, as tests read them."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
DOCS = ROOT / "docs"

#: Every page that people read, by its path from the project's root.
PAGES = sorted(
    str(path.relative_to(ROOT))
    for path in [*DOCS.rglob("*.md"), *ROOT.glob("*.md"), *ROOT.glob(".github/**/*.md")]
    if "_build" not in path.parts
)


@dataclass(frozen=True)
class Block:
    """A block of code: where it stands, what it says it is, and its text."""

    page: str
    line: int
    language: str
    text: str

    def __str__(self) -> str:
        return f"{self.page}:{self.line}"


def page(name: str) -> str:
    """Return a page's text: ``page("docs/how-to/tasks.md")``."""
    return (ROOT / name).read_text(encoding="utf-8")


def section(name: str, title: str) -> str:
    """Return what stands under a title of a page, with the titles below it.

    Raises:
        KeyError: there is no such title.
    """
    found: list[str] = []
    level, is_code = 0, False
    for line in page(name).splitlines(keepends=True):
        marks = re.match(r"(#+) (.*)", line)
        if line.lstrip().startswith("```"):
            is_code = not is_code
        if marks and not is_code and level and len(marks[1]) <= level:
            break
        if level:
            found.append(line)
        elif marks and not is_code and marks[2].strip() == title:
            level = len(marks[1])
    if not level:
        raise KeyError(f"{name} has no title {title!r}")
    return "".join(found)


def blocks(name: str) -> list[Block]:
    """Return the fenced blocks of a page, in their order."""
    found, text = [], page(name)
    for match in re.finditer(r"^( *)```([^\n`]*)\n(.*?)^\1```$", text, re.DOTALL | re.MULTILINE):
        body = re.sub(rf"^{match[1]}", "", match[3], flags=re.MULTILINE)
        found.append(Block(name, text.count("\n", 0, match.start()) + 1, match[2].strip(), body))
    return found
