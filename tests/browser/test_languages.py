"""The pages in each language: nothing is left in English."""

from __future__ import annotations

import pytest

from tests.browser.chromium import needs_chromium
from tests.databases import both_committed

pytestmark = [both_committed, needs_chromium, pytest.mark.urls("tests.admin_pages")]

LANGUAGES = ("pl", "de", "es", "fr")


@pytest.mark.parametrize("language", LANGUAGES)
def test_no_text_is_left_in_english(boss, pages, language):
    seen = {}
    for spoken in ("en", language):
        boss.speaks(spoken)
        for name, visit in pages.items():
            visit()
            seen.setdefault(name, []).append(boss.texts())

    left = {name: sorted(set(english) & set(other)) for name, (english, other) in seen.items()}
    assert "\n".join(f"{name}: {text}" for name, texts in left.items() for text in texts) == ""
