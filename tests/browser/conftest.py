"""A site with the page and the admin, and a browser in front of it."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from django.conf import settings as project
from django.contrib.staticfiles.handlers import StaticFilesHandler
from django.db import connections
from django.test.testcases import LiveServerThread

from synchro_triggers.web import parts
from tests.admin_pages import user_with
from tests.browser.chromium import chromium
from tests.browser.pages import Visit, pages_of
from tests.browser.person import Person
from tests.browser.sluice import Sluice
from tests.databases import ALIASES

_, REMOTE = ALIASES
EVERYTHING = ("view_changelog", "synchronize", "reset", "view_failure", "view_conflict", "change_conflict", "view_run")


@pytest.fixture(scope="session")
def driver():
    with chromium() as found:
        yield found


@pytest.fixture
def site(vendor, transactional_db, settings) -> Iterator[str]:
    """The address of Django's live server, on databases that both vendors and this test alone have."""
    settings.ALLOWED_HOSTS = ["*"]
    settings.MEDIA_URL = "media/"
    settings.MIDDLEWARE = ["tests.browser.strict.middleware", *project.MIDDLEWARE]
    server = LiveServerThread("127.0.0.1", StaticFilesHandler)
    server.daemon = True
    server.start()
    server.is_ready.wait()
    assert server.error is None, server.error
    yield f"http://127.0.0.1:{server.port}"
    server.terminate()


@pytest.fixture
def person(driver, site) -> Iterator[Person]:
    """Somebody in front of the browser; nothing of what it writes to its console may be left when the test ends."""
    driver.switch_to.new_window("tab")
    found = Person(driver, site)
    yield found
    said = found.console()
    found.leave()
    for tab in driver.window_handles[1:]:
        driver.switch_to.window(tab)
        driver.close()
    driver.switch_to.window(driver.window_handles[0])
    driver.execute_cdp_cmd("Network.clearBrowserCookies", {})
    assert said == []


@pytest.fixture
def ann(person) -> Person:
    """One of the staff who may do everything, and is logged in."""
    return person.is_known_as(user_with(*EVERYTHING))


@pytest.fixture
def boss(person, django_user_model) -> Person:
    """Somebody who may do everything on every site."""
    return person.is_known_as(django_user_model.objects.create_superuser("boss"))


@pytest.fixture
def pages(boss, settings) -> Iterator[dict[str, Visit]]:
    """What brings the boss to each page, by its name; of every kind of record there is one."""
    settings.SYNCHRO_CONFLICT = "local"
    with pages_of(boss) as found:
        yield found


@pytest.fixture
def sluice(person) -> Iterator[Sluice]:
    """Holds back what is written on the remote."""
    with Sluice().closed() as found:
        yield found
    person.leave()


@pytest.fixture
def down(person, monkeypatch, tmp_path) -> Iterator[Callable[[bool], None]]:
    """Return a function that lets the remote be out of reach of the site, or back again."""
    settings = connections.settings[REMOTE]  # which is what every thread's connection looks at
    there = dict(settings)
    nowhere = {
        "sqlite": {"NAME": str(tmp_path / "no-such-folder" / "remote.sqlite3")},
        "postgresql": {"HOST": "127.0.0.1", "PORT": "1"},
    }[connections[REMOTE].vendor]

    def down(is_down: bool) -> None:
        settings.update(nowhere if is_down else there)

    yield down
    person.leave()
    down(False)


@pytest.fixture
def short(settings, monkeypatch):
    """Let a request end after its first transaction, which writes one object."""
    settings.SYNCHRO_BATCH_SIZE = 1
    monkeypatch.setattr(parts, "SECONDS", 0.0001)
