"""Pages that show a conversation with the commands: it is held again, in the tutorial's project.

What was done before stands in the page itself, in a comment that readers do not see: ``<!-- before`` and lines for the
shell. ``…`` in what is shown stands for anything.
"""

from __future__ import annotations

import re

import pytest

from tests.docs.playing import Reader
from tests.pages import PAGES as EVERY_PAGE
from tests.pages import ROOT, blocks, page

PAGES = ["docs/how-to/compare.md", "docs/how-to/both-ways.md"]
TUTORIAL = blocks("docs/tutorial.md")[:5]

#: Conversations that other tests hold, or whose parts they compare: page, and a word of it.
HELD_BY = {
    ("docs/tutorial.md", ""): "tests/docs/test_tutorial.py",
    ("docs/how-to/day-to-day.md", ""): "tests/test_day_to_day.py",
    ("docs/how-to/both-ways.md", "--rename"): "tests/nodes/test_renaming.py",
    ("docs/how-to/tasks.md", "benchmarks.workers"): "tests/tasks/test_page.py",
}


def is_played(block):
    """Tell whether a comment of this kind stands above a block."""
    return block.page in PAGES and page(block.page).splitlines()[block.line - 3] == "-->"


def test_every_conversation_is_held_by_a_test():
    for block in (block for name in EVERY_PAGE for block in blocks(name) if block.text.startswith("$ ")):
        held = [key for key in HELD_BY if key[0] == block.page and key[1] in block.text]
        assert held or is_played(block), f"no test holds the conversation at {block}"
    assert all((ROOT / test).exists() for test in HELD_BY.values())


@pytest.mark.parametrize("name", PAGES)
def test_conversation_is_the_one_that_is_shown(tmp_path, empty_databases, name):
    def changed(_, text):
        return f"DATABASES = {empty_databases!r}\n" if "\nDATABASES = " in text else text

    stories = re.findall(r"<!-- before\n(.*?)-->", page(name), re.DOTALL)
    shown = [block for block in blocks(name) if is_played(block)]
    assert stories and len(stories) == len(shown)
    folder = tmp_path / "office"
    folder.mkdir()
    with Reader(folder, changed) as reader:
        for block in TUTORIAL:
            {"python": reader.write, "sh": reader.set_up, "text": reader.compare}[block.language](block)
        reader.type("./manage.py synchro_install_triggers -v 0 --database default --database main")
        for story, block in zip(stories, shown, strict=True):
            reader.prepare(story)
            reader.compare(block)
