"""``make demo-site``: it starts, its users may do what it says, and it ends when it is told to."""

from __future__ import annotations

import html
import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from http.cookiejar import CookieJar
from urllib.error import HTTPError
from urllib.parse import urlencode
from urllib.request import HTTPCookieProcessor, OpenerDirector, build_opener

import pytest

from tests.conftest import ROOT

DEMO = ROOT / "examples" / "the_page" / "demo.py"


@pytest.fixture(scope="module")
def demo(tmp_path_factory) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """The demo as a process, and what it has printed when it was ready. It ends well, and leaves nothing."""
    folder = tmp_path_factory.mktemp("demo")
    env = {name: value for name, value in os.environ.items() if not name.startswith("DJANGO_")}
    env |= {"PYTHONPATH": str(ROOT), "TMPDIR": str(folder)}
    with subprocess.Popen(
        [sys.executable, str(DEMO), "--port", "0"], env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        try:
            printed = ""
            while "branch" not in printed and (line := process.stdout.readline()):
                printed += line
            yield process, printed
            assert list(folder.iterdir())
            process.send_signal(signal.SIGTERM)
            assert (process.wait(30), process.stderr.read()) == (0, "")
            assert list(folder.iterdir()) == []
        finally:
            process.kill()


@pytest.fixture
def address(demo) -> str:
    found = re.search(r"http://127\.0\.0\.1:\d+/", demo[1])
    assert found, demo[1] + demo[0].stderr.read()
    return found[0]


def logged_in(address: str, printed: str, name: str) -> OpenerDirector:
    """Return a browser of somebody who has logged in with what was printed."""
    password = re.search(rf"{name} +password '(\w+)'", printed)[1]
    opener = build_opener(HTTPCookieProcessor(CookieJar()))
    token = re.search(r'csrfmiddlewaretoken" value="(\w+)"', read(opener, f"{address}admin/login/"))[1]
    sent = {"username": name, "password": password, "csrfmiddlewaretoken": token, "next": "/"}
    assert "Remote database" in read(opener, f"{address}admin/login/?next=/", sent)
    return opener


def read(opener: OpenerDirector, address: str, sent: dict[str, str] | None = None) -> str:
    with opener.open(address, None if sent is None else urlencode(sent).encode()) as answer:
        return html.unescape(answer.read().decode())


def test_page_has_what_it_promises(demo, address):
    ann = logged_in(address, demo[1], "admin")

    page = read(ann, f"{address}synchro/")

    main, warehouse, branch = page.split('id="card-')[1:]
    assert "bookkeeping wants a phone number" in main and "is taken on 'main'" in main
    assert re.search(r'id="conflicts-1"><a [^>]*>2<', main)
    assert main.count("<rect") > 20 and "10, the oldest for" in main and "10, the oldest for" in warehouse
    assert "cannot be reached" in branch
    assert 'name="reset"' in page
    assert read(ann, f"{address}static/synchro_triggers/page.css")
    assert "Zoe" in read(ann, f"{address}admin/shop/customer/13/change/")


@pytest.mark.parametrize(("name", "may_run"), [("clara", True), ("victor", False)])
def test_users_may_do_what_is_said_of_them(demo, address, name, may_run):
    one = logged_in(address, demo[1], name)

    page = read(one, f"{address}synchro/")

    assert ('name="synchro"' in page) is may_run
    assert 'name="reset"' not in page
    token = re.search(r'csrfmiddlewaretoken" value="(\w+)"', page)  # of the form that logs out, at least
    with pytest.raises(HTTPError, match="403"):
        read(one, f"{address}synchro/", {"reset": "1", "csrfmiddlewaretoken": token[1]})
