"""Somebody who uses the site under test: what they see, and what they press."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from django.contrib.auth.models import User
from django.test import Client

from tests.browser.chromium import until
from tests.browser.strict import under_way

if TYPE_CHECKING:
    from selenium.webdriver import Chrome
    from selenium.webdriver.remote.webelement import WebElement


#: As WebDriver spells the keys.
TAB, ENTER, SPACE = "\ue004", "\ue007", "\ue00d"

_TABS = 80


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

    def command(self, name: str, /, **arguments: Any) -> Any:
        """Send the browser one of its own commands."""
        return self.driver.execute_cdp_cmd(name, arguments)

    def open(self, address: str) -> Person:
        self.driver.get(address if ":" in address else f"{self.site}{address}")
        return self

    def leave(self) -> None:
        """Leave the site, and wait until it has answered what it was asked."""
        self.come()
        self.open("about:blank")
        until(lambda: not under_way.number, lambda: f"{under_way.number} requests are answered")

    def another(self) -> Person:
        """Return somebody else, who calls the site by another name: a browser keeps the cookies of each apart."""
        self.driver.switch_to.new_window("tab")
        return Person(self.driver, self.site.replace("127.0.0.1", "localhost"))

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
        """Wait until it can be read; style sheets make capitals of some texts."""
        wanted = text.casefold()
        until(
            lambda: wanted in self.driver.execute_script(_TEXT, of).casefold(), lambda: f"“{text}” in “{self.text()}”"
        )

    def all(self, css: str) -> list[WebElement]:
        return self.driver.find_elements("css selector", css)

    def first(self, css: str) -> WebElement:
        return self.driver.find_element("css selector", css)

    def buttons(self) -> list[str]:
        """Return the texts of the buttons of the page's own content that can be seen."""
        return self.driver.execute_script(_BUTTONS)

    def console(self) -> list[str]:
        """Return what the browser has complained of since it was asked last: scripts, policies, files."""
        return [f"{each['level']}: {each['message']}" for each in self.driver.get_log("browser")]

    def rows(self, table: str) -> list[list[str]]:
        """Return the texts of a table's cells."""
        rows = self.all(f"{table} tbody tr")
        return [[each.text for each in row.find_elements("css selector", "th, td")] for row in rows]

    def finds(self, css: str) -> None:
        """Wait until there is such an element."""
        until(lambda: self.all(css), lambda: f"{css} in “{self.text()}”")

    def words(self) -> set[str]:
        """Return each piece of text of the page's own content, and of what is read aloud there, but for mere data."""
        return {text for text in self.driver.execute_script(_WORDS) if not _DATA.fullmatch(text)}

    @property
    def progress(self) -> float:
        """How far the bar has come."""
        return float(self.driver.execute_script("return document.getElementById('synchro-progress').value"))

    # What they do -------------------------------------------------------------------------------------

    def is_offline(self, offline: bool) -> None:
        """Lose the network, or have it again."""
        self.command("Network.enable")
        limits = {"latency": 0, "downloadThroughput": -1, "uploadThroughput": -1}
        self.command("Network.emulateNetworkConditions", offline=offline, **limits)

    def speaks(self, language: str) -> None:
        self.set_cookie("django_language", language)

    def prefers(self, theme: str) -> None:
        """Have a system that is ``light`` or ``dark``."""
        self.command("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": theme}])

    def holds_a_phone(self) -> None:
        size = {"width": 360, "height": 740, "deviceScaleFactor": 2}
        self.command("Emulation.setDeviceMetricsOverride", mobile=True, **size)

    def too_wide(self) -> list[str]:
        """Return what makes the page wider than the window."""
        return self.driver.execute_script(_TOO_WIDE)

    def switches_scripts_off(self) -> None:
        self.command("Emulation.setScriptExecutionDisabled", value=True)

    def press(self, name: str, within: str = "#content") -> None:
        """Click a button or link by its text, and wait for the page that it leads to."""
        found = self.driver.execute_script(_NAMED, within, name)
        assert found is not None, f"There is no {name!r}, but {self.buttons()}"
        self._go(found)

    def follow(self, css: str) -> None:
        """Click what leads to another page, and wait for that."""
        self._go(self.first(css))

    def choose(self, name: str, text: str) -> None:
        """Choose an option by its text."""
        options = self.all(f"[name={name}] option")
        next(each for each in options if each.text == text).click()

    def presses(self, key: str) -> None:
        """Press a key where the focus is."""
        self.driver.switch_to.active_element.send_keys(key)

    def goes_by_tab_to(self, name: str) -> None:
        """Go on by the tabulator key to a button of the page's own content, and see at each step where one is."""
        for _ in range(_TABS):
            self.presses(TAB)
            text, is_seen = self.driver.execute_script(_FOCUS)
            assert is_seen, f"nothing shows that the focus is on {text!r}"
            if text == name:
                return
        raise AssertionError(f"{_TABS} times the tabulator key does not lead to {name!r}")

    def _go(self, where: WebElement) -> None:
        name = where.text
        self.driver.execute_script("document.documentElement.dataset.before = 'yes'")
        where.click()
        until(lambda: self.driver.execute_script(_HAS_COME), lambda: f"a page after {name!r}")


#: What can be read, with single spaces; nothing while a page is on its way.
_TEXT = """
    const found = document.querySelector(arguments[0]);
    return found ? found.innerText.replace(/\\s+/g, " ") : "";
"""

#: Django 6.1 has a button in its lists that its catalogs do not know.
_WORDS = """
    const content = document.getElementById("content");
    const found = [document.title];
    const walker = document.createTreeWalker(content, NodeFilter.SHOW_TEXT);
    while (walker.nextNode())
        if (!walker.currentNode.parentElement.closest(".actions button")) found.push(walker.currentNode.data);
    for (const name of ["aria-label", "title", "alt", "placeholder", "data-lost"])
        for (const each of content.querySelectorAll(`[${name}]`)) found.push(each.getAttribute(name));
    return found.map(each => each.replace(/\\s+/g, " ").trim()).filter(each => each);
"""

#: Names of databases, models, fields, users and of what was raised; numbers, keys, times.
_DATA = re.compile(
    r"[\W\d_]*|.*\b\w*app\.\w+\b.*|.*MultipleObjectsReturned.*|(default|remote|local|API|ours|theirs|boss|x|k|[a-d]|name|cash)"
)

_HAS_COME = "return document.readyState === 'complete' && !document.documentElement.dataset.before"

_BUTTONS = """
    return [...document.querySelectorAll("#content button")].filter(each => each.checkVisibility())
        .map(each => each.innerText);
"""

#: What stands out on the right, but for what is within something that can be moved by itself.
_TOO_WIDE = """
    if (document.documentElement.scrollWidth <= 360 && innerWidth <= 360) return [];
    const scrolls = each => each && (getComputedStyle(each).overflowX !== "visible" || scrolls(each.parentElement));
    return [`${innerWidth} ${document.documentElement.scrollWidth}`, ...[...document.body.querySelectorAll("*")]
        .filter(each => each.getBoundingClientRect().right > 360.5 && !scrolls(each.parentElement))
        .map(each => each.outerHTML.slice(0, 120))];
"""

#: What has the focus, and whether one sees that; of Django's own elements, only that it is theirs.
_FOCUS = """
    const at = document.activeElement, style = getComputedStyle(at);
    if (!at.closest("#content")) return ["", true];
    return [at.innerText, style.outlineStyle !== "none" && parseFloat(style.outlineWidth) > 0
        || style.boxShadow !== "none" || at.matches("#content :is(input, a)")];
"""

_NAMED = """
    const [within, name] = arguments;
    return [...document.querySelectorAll(`${within} :is(button, a)`)].find(each => each.innerText === name) || null;
"""
