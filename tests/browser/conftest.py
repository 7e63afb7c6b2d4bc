"""A site with the page and the admin, and a browser in front of it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from django.conf import settings as project
from django.contrib.staticfiles.handlers import StaticFilesHandler
from django.test.testcases import LiveServerThread

from synchro_triggers.web import parts
from tests.browser.chromium import chromium, until
from tests.browser.person import Person
from tests.browser.strict import under_way

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
    for tab in driver.window_handles[1:]:
        driver.switch_to.window(tab)
        driver.close()
    driver.switch_to.window(driver.window_handles[0])
    driver.execute_cdp_cmd("Network.clearBrowserCookies", {})
    until(lambda: not under_way.number, "requests are being answered")
    assert said == []


@pytest.fixture
def short(settings, monkeypatch):
    """Let a request end after its first transaction, which writes one object."""
    settings.SYNCHRO_BATCH_SIZE = 1
    monkeypatch.setattr(parts, "SECONDS", 0.0001)
