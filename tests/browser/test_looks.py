"""What the pages look like, and to whom: light and dark, on a phone, by keyboard, read aloud, in other languages."""

from __future__ import annotations

import pytest

from tests.browser.axe import complaints
from tests.browser.chromium import needs_chromium
from tests.browser.person import ENTER, SPACE
from tests.databases import both_committed
from tests.testapp.models import Item

pytestmark = [both_committed, needs_chromium, pytest.mark.urls("tests.admin_pages")]


def told(found):
    """Return what was found on each page, as lines that can be read."""
    return "\n".join(f"{name}: {each}" for name, texts in found.items() for each in texts)


def test_what_the_policy_forbids_would_be_seen(ann):
    """All tests here rely on it: nothing may be left on the browser's console when one ends."""
    ann.open("/synchro/")

    ann.driver.execute_script("document.body.setAttribute('style', 'color: red')")

    [said] = ann.console()
    assert "violates the following Content Security Policy directive" in said


@pytest.fixture(scope="session")
def english():
    """What each page says in English, once it was seen."""
    return {}


@pytest.mark.parametrize(("theme", "phone"), [("light", False), ("dark", False), ("light", True)])
def test_axe_finds_nothing_and_nothing_is_wider_than_a_phone(boss, pages, theme, phone):
    boss.prefers(theme)
    if phone:
        boss.holds_a_phone()

    found = {}
    for name, visit in pages.items():
        visit()
        found[name] = [*(boss.too_wide() if phone else []), *complaints(boss)]

    assert told(found) == ""


#: The same words in both languages; in all of them "ID", and what Django leaves in English: 5.2.0, 5.2 and 6.1.
SAME = {"pl": {"Model"}, "de": {"Filter", "Sender"}, "es": {"Error"}, "fr": {"Pages"}}
IN_ALL = {"ID", "Id"} | {"Model name", "Add link", "Change or view list link"} | {"Search", "- Select an option -"}


@pytest.mark.parametrize("language", [*SAME])
def test_no_text_is_left_in_english(boss, pages, english, language):
    if not english:
        english |= words_of(boss, pages, "en")

    there = words_of(boss, pages, language)

    same = {name: (english[name] & words) - SAME[language] - IN_ALL for name, words in there.items()}
    assert told(same) == ""


def words_of(boss, pages, language):
    boss.speaks(language)
    found = {}
    for name, visit in pages.items():
        visit()
        found[name] = boss.words()
    return found


def test_keyboard_alone_is_enough(ann):
    Item.objects.create(name="a")
    ann.open("/synchro/")

    ann.goes_by_tab_to("Synchronize")
    ann.presses(ENTER)
    ann.sees("Synchronization performed successfully.")
    Item.objects.create(name="b")
    ann.goes_by_tab_to("Reset synchronization")
    ann.presses(ENTER)
    ann.sees("changes that will be forgotten: 1")
    ann.goes_by_tab_to("Reset synchronization")
    ann.presses(SPACE)

    ann.sees("Synchronization has been reset.")
    assert Item.objects.using("remote").get().name == "a"


def test_conflict_is_decided_by_keyboard(boss, pages):
    pages["conflict"]()

    boss.goes_by_tab_to("Take remote")
    boss.presses(ENTER)

    boss.sees("remote taken, written.")
    assert Item.objects.using("remote").get().name == "theirs"
