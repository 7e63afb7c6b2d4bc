"""Wagtail: trees of pages with revisions, workflows, redirects, images, forms; keys in rich text and in JSON."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.sites.agreed import assert_equal, assert_nothing_to_do, differences, start_office, synchronize
from tests.sites.trial import Trial

Begin = Callable[[str], Trial]

#: What only main's editors work on.
OF_MAIN = ("/news/", "/blog/third/", "/blog/")


def assert_main_works(trial: Trial) -> None:
    """Assert that the main server's site renders its pages, and that its tree and revisions are whole."""
    assert trial.main.do("faults_of_the_tree") == [[], [], [], [], []]
    assert trial.main.do("revisions_of_others") == []
    here, there = trial.office.do("pages"), trial.main.do("pages")
    for address, page in here.items():
        assert address in OF_MAIN or there[address] == page


def test_editors_at_the_office(begin: Begin) -> None:
    trial = begin("with_wagtail")
    start_office(trial, "wagtailsearch")
    for work in ("write_pages", "rearrange", "add_forms_and_workflows", "edit_at_office"):
        trial.main.do("main_goes_on", f"before {work}")
        of_main = differences(trial)
        trial.office.do(work)
        synchronize(trial)
        trial.copy_media_to_main()

        assert_equal(trial, but=of_main)
        assert_main_works(trial)
        assert_nothing_to_do(trial)
    assert trial.main.do("admin_opens") == {}
    if trial.pair == "sqlite-sqlite":  # Wagtail chooses its index by the vendor that a process is loaded with
        there = trial.main.do("indexed")
        assert [title for title in trial.office.do("indexed") if "Third" not in title and title not in there] == []
        used = trial.office.do("uses")
        assert {title: trial.main.do("uses")[title] for title in used} == used and used["new"]


@pytest.mark.whole
def test_new_pages_of_both_sides_in_one_place(begin: Begin) -> None:
    trial = begin("with_wagtail")
    start_office(trial, "wagtailsearch")
    trial.main.do("write", "Of main")
    trial.office.do("write", "Of the office")
    synchronize(trial, kept=[r"Page \d+: .*path", r"waits for .*path"])
    trial.main.do("move", "Of main", "news")
    synchronize(trial)
    trial.main.do("move", "Of main", "blog")
    trial.main.do("fixtree")  # each side has counted its own children alone

    assert trial.main.do("faults_of_the_tree") == [[], [], [], [], []]
    assert trial.main.do("children") == ["First", "Of main", "Of the office", "Second", "Third"]
    assert_nothing_to_do(trial)
