"""Chromium without a screen, Debian's, driven by Selenium: started once in a process of a test run."""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from typing import TYPE_CHECKING, TypeVar

import pytest

if TYPE_CHECKING:
    from selenium.webdriver import Chrome

#: ``auto``: where it is installed; ``required``: an error where it is not; ``no``: left out.
WANTED = os.environ.get("SYNCHRO_TEST_BROWSER", "auto")

_PROGRAM, _DRIVER = shutil.which("chromium"), shutil.which("chromedriver")

_OPTIONS = (
    "--headless=new",
    "--no-sandbox",  # which root cannot have
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--no-first-run",
    # It is to speak to nobody but the site under test.
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-quic",
    # Of two people who use it at once, one is in a tab behind the other.
    "--disable-background-timer-throttling",
    "--disable-backgrounding-occluded-windows",
    "--disable-renderer-backgrounding",
)

T = TypeVar("T")


def reason_for_none() -> str:
    """Return why there is no browser, or ``''``.

    Raises:
        RuntimeError: it is required.
    """
    if WANTED not in ("auto", "required", "no"):
        raise RuntimeError(f"SYNCHRO_TEST_BROWSER is {WANTED!r}: one of auto, required, no")
    if WANTED == "no":
        return "Chromium is left out by SYNCHRO_TEST_BROWSER=no"
    reason = ""
    if _PROGRAM is None or _DRIVER is None:
        reason = "there is no Chromium here; Debian has it: apt-get install chromium chromium-driver"
    elif missing := [name for name in ("selenium", "axe_playwright_python") if find_spec(name) is None]:
        reason = f"{' and '.join(missing)} cannot be imported: make test installs them where there is Chromium"
    if reason and WANTED == "required":
        raise RuntimeError(reason)
    return reason


needs_chromium = pytest.mark.skipif(bool(reason_for_none()), reason=reason_for_none() or "-")


@contextmanager
def chromium() -> Iterator[Chrome]:
    """Yield a browser that runs."""
    from selenium import webdriver
    from selenium.webdriver.chrome.service import Service

    options = webdriver.ChromeOptions()
    options.binary_location = str(_PROGRAM)
    for option in _OPTIONS:
        options.add_argument(option)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    driver = webdriver.Chrome(options=options, service=Service(str(_DRIVER)))
    try:
        yield driver
    finally:
        driver.quit()


def until(look: Callable[[], T], what: Callable[[], str], seconds: float = 120) -> T:
    """Look again and again; return what is found, as soon as it is something."""
    end = time.monotonic() + seconds
    while not (found := look()):
        assert time.monotonic() < end, f"not within {seconds} seconds: {what()}"
        time.sleep(0.02)
    return found
