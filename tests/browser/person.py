"""Somebody who uses the site under test: what they see, and what they press."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from django.contrib.auth.models import User
from django.test import Client

from tests.browser.chromium import until

if TYPE_CHECKING:
    from selenium.webdriver import Chrome
    from selenium.webdriver.remote.webelement import WebElement


class Person:
    """A tab of the browser, with cookies of its own where it calls the site by a name of its own.

    Attributes:
        driver: the browser.
        site: the site's address, ``http://host:port``.
    """

    def __init__(self, driver: Chrome, site: str) -> None:
        self.driver, self.site = driver, site
        self._tab = driver.current_window_handle

    def come(self) -> None:
        """Be the one whose turn it is."""
        self.driver.switch_to.window(self._tab)

    def is_known_as(self, user: User) -> Person:
        """Be logged in already."""
        client = Client()
        client.force_login(user)
        self.set_cookie("sessionid", client.cookies["sessionid"].value)
        return self

    def set_cookie(self, name: str, value: str) -> None:
        self.command("Network.setCookie", name=name, value=value, url=self.site)

    def command(self, name: str, **arguments: Any) -> Any:
        """Send the browser one of its own commands."""
        return self.driver.execute_cdp_cmd(name, arguments)

    def open(self, address: str) -> Person:
        self.driver.get(address if "://" in address else f"{self.site}{address}")
        return self

    @property
    def path(self) -> str:
        """Where they are."""
        parts = urlsplit(self.driver.current_url)
        return f"{parts.path}?{parts.query}" if parts.query else parts.path

    # What they see ------------------------------------------------------------------------------------

    def text(self, of: str = "body") -> str:
        """Return what can be read, with single spaces."""
        return " ".join(self.driver.execute_script("return document.querySelector(arguments[0]).innerText", of).split())

    def sees(self, text: str, of: str = "body") -> None:
        """Wait until it can be read."""
        until(lambda: text in self.driver.execute_script(_TEXT, of), f"“{text}” in “{self.text()}”")

    def all(self, css: str) -> list[WebElement]:
        return self.driver.find_elements("css selector", css)

    def first(self, css: str) -> WebElement:
        return self.driver.find_element("css selector", css)

    def buttons(self) -> list[str]:
        """Return the texts of the buttons of the page's own content that can be seen."""
        return [each.text for each in self.all("#content button") if each.is_displayed()]

    def console(self) -> list[str]:
        """Return what the browser has complained of since it was asked last: scripts, policies, files."""
        return [f"{each['level']}: {each['message']}" for each in self.driver.get_log("browser")]

    # What they do -------------------------------------------------------------------------------------

    def press(self, name: str, within: str = "#content") -> None:
        """Click a button or link by its text."""
        found = [each for each in self.all(f"{within} :is(button, a)") if each.text == name]
        assert found, f"There is no {name!r} among {[each.text for each in self.all(f'{within} :is(button, a)')]}"
        found[0].click()


#: What can be read, with single spaces; nothing while a page is on its way.
_TEXT = """
    const found = document.querySelector(arguments[0]);
    return found ? found.innerText.replace(/\\s+/g, " ") : "";
"""
