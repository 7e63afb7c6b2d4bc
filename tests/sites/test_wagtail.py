"""Wagtail: trees of pages with revisions, workflows, redirects, images, forms; keys in rich text and in JSON."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.sites.agreed import assert_equal, assert_nothing_to_do, differences, start_office, synchronize
from tests.sites.trial import Trial

Begin = Callable[[str], Trial]

#: What only main's editors work on.
OF_MAIN = ("/news/", "/blog/third/", "/blog/")

#: What a search must find that was written at the office; note2 was deleted there.
FOUND = {"rich": ["Rich, edited"], "note3": ["Note3"], "target": ["Target"], "branch": ["Branch"]}

#: Where main's site must send who asks for an old address.
REDIRECTED = {"/blog/first/": [301, "/blog/first-edited/"], "/old-paper/": [302, "/blog/rich/"]}


def assert_main_works(trial: Trial) -> None:
    """Assert that the main server's site renders its pages, and that its tree and revisions are whole."""
    assert trial.main.do("faults") == []
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
    assert trial.main.do("redirected", list(REDIRECTED)) == REDIRECTED
    if trial.pair == "sqlite-postgres":  # an office on SQLite has no models for the index that main has
        assert "Note3" not in trial.main.do("indexed")
        trial.main.manage("update_index", "-v0")
    there = trial.main.do("indexed")
    assert [title for title in trial.office.do("indexed") if "Third" not in title and title not in there] == []
    assert trial.main.do("found", [*FOUND, "note2"]) == {**FOUND, "note2": []}
    used = trial.office.do("uses")
    assert {title: trial.main.do("uses")[title] for title in used} == used and used["new"]


@pytest.mark.whole
def test_editors_of_main_are_read_at_the_office(begin: Begin) -> None:
    trial = begin("with_wagtail")
    start_office(trial, "wagtailsearch", both_ways=True)
    for work in ("write_pages", "rearrange"):
        trial.office.do(work)
        synchronize(trial)
        trial.copy_media_to_main()
        trial.main.do(f"main_{work}")
        synchronize(trial, back=True)
        trial.copy_media_to_office()

        assert_equal(trial)
        for site in (trial.office, trial.main):
            assert site.do("faults") == []
        assert trial.office.do("pages") == trial.main.do("pages")
        assert_nothing_to_do(trial, both_ways=True)
    titles = ["Copy of main", "Branch of main", "Target of main"]
    assert [title for title in titles if title in trial.office.do("children")] == titles
    assert trial.office.do("redirected", ["/blog/branch/"]) == {"/blog/branch/": [301, "/blog/branch-renamed/"]}

    trial.main.do("delete", "Note3")
    if (
        trial.pair == "sqlite-postgres"
    ):  # main's models have columns of the search index that the office's table has not
        synchronize(trial, back=True, kept=["no such column: wagtailsearch_indexentry", "waits for the deletion of"])
        return
    synchronize(trial, back=True)
    assert_equal(trial)
    assert_nothing_to_do(trial, both_ways=True)


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

    assert trial.main.do("faults") == []
    assert trial.main.do("children") == ["First", "Of main", "Of the office", "Second", "Third"]
    assert_nothing_to_do(trial)
