"""What is pressed on the page, as a browser does it: runs that go on by themselves, alone and with others."""

from __future__ import annotations

import pytest

from tests.admin_pages import user_with
from tests.browser.chromium import needs_chromium
from tests.databases import ALIASES, both_committed
from tests.testapp.models import Item

_, REMOTE = ALIASES
DONE = "Synchronization performed successfully."

pytestmark = [both_committed, needs_chromium, pytest.mark.urls("tests.admin_pages")]


def names(alias=REMOTE):
    return sorted(Item.objects.using(alias).values_list("name", flat=True))


def test_somebody_logs_in_and_synchronises(person):
    user_with("view_changelog", "synchronize")
    Item.objects.create(name="a")

    person.open("/synchro/")
    person.first("#id_username").send_keys("ann")
    person.first("#id_password").send_keys("x")
    person.first("#login-form [type=submit]").click()
    person.sees("Changes that wait 1, the oldest for")
    person.press("Synchronize", within="#card-remote")

    person.sees(DONE)
    assert person.path == "/synchro/" and names() == ["a"]
    person.sees("Changes that wait 0")
