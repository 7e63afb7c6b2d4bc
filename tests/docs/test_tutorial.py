"""``docs/tutorial.md``: somebody who follows it to the letter sees what it shows, on each vendor."""

from __future__ import annotations

from tests.docs.playing import Reader
from tests.pages import blocks

PAGE = "docs/tutorial.md"


def test_reader_sees_what_the_tutorial_shows(tmp_path, empty_databases):
    def changed(name, text):
        return f"DATABASES = {empty_databases!r}\n" if "\nDATABASES = " in text else text

    folder = tmp_path / "office"
    folder.mkdir()
    told = [block for block in blocks(PAGE) if ", instead\n" not in block.text]  # that is what `changed` does

    with Reader(folder, changed) as reader:
        for block in told:
            {"python": reader.write, "sh": reader.set_up, "text": reader.compare}[block.language](block)

    assert len(told) >= 20
