"""axe-core, which finds what a screen reader, a keyboard or weak eyes cannot do with a page."""

from __future__ import annotations

from functools import cache
from importlib.util import find_spec
from pathlib import Path

from tests.browser.person import Person


@cache
def _script() -> str:
    # The package that carries it is not imported: it would want Playwright.
    found = find_spec("axe_playwright_python")
    assert found is not None and found.origin is not None
    return (Path(found.origin).parent / "axe.min.js").read_text(encoding="utf-8")


def complaints(person: Person) -> list[str]:
    """Return what is wrong with the page that somebody sees: the rule, and where."""
    person.driver.execute_script(_script())
    return person.driver.execute_async_script(_RUN)


#: Of what Django's own templates and style sheets make, two things are left out: links of the breadcrumbs and beside
#: the search are told from words by their colour alone, and the label of the search is a picture.
_RUN = """
    const done = arguments[0];
    axe.run({exclude: [".breadcrumbs", "#toolbar"]}, {resultTypes: ["violations"], preload: false}).then(
        found => done(found.violations.flatMap(rule => rule.nodes.map(
            node => `${rule.id}: ${node.target} ${node.html.slice(0, 150)} ${node.failureSummary}`))),
        error => done([String(error)]),
    );
"""
