"""django-wiki: articles and revisions in a circle, a tree of paths, plugins whose receivers derive rows."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.sites.agreed import assert_equal, assert_nothing_to_do, differences, start_office, synchronize
from tests.sites.trial import Trial

Begin = Callable[[str], Trial]


def test_articles_of_the_office_are_read_on_main(begin: Begin) -> None:
    trial = begin("with_wiki")
    start_office(trial)
    for work in ("write_articles", "change_articles"):
        trial.main.do("main_goes_on", work)
        of_main = differences(trial)
        trial.office.do(work)
        synchronize(trial)
        trial.copy_media_to_main()

        assert_equal(trial, but=of_main)
        trial.main.do("pages_open")
        here, there = trial.office.do("articles"), trial.main.do("articles")
        assert {path: there.get(path) for path in here if path != "older/"} == {
            path: article for path, article in here.items() if path != "older/"
        }
        assert_nothing_to_do(trial)


@pytest.mark.whole
def test_tree_that_both_sides_have_changed_is_rebuilt(begin: Begin) -> None:
    trial = begin("with_wiki")
    start_office(trial)
    trial.main.do("write_news")
    trial.office.do("write_articles")
    synchronize(trial)
    trial.main.do("rebuild")

    trial.main.do("pages_open")
    here, there = trial.office.do("articles"), trial.main.do("articles")
    assert there.keys() - here.keys() == {"news/"}
    assert {path: there[path] for path in here if path} == {path: article for path, article in here.items() if path}
