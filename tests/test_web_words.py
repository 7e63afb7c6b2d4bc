"""Every word on the page and in the admin goes through the catalogs: nothing is put together from English pieces.

Each message is shown in brackets that leave out what is put into it, so whatever stands outside of brackets has gone
through no catalog: a name, a value, or what somebody has forgotten.
"""

from __future__ import annotations

import re
import socket
from html.parser import HTMLParser

import pytest
from django.test import override_settings
from django.utils.translation import trans_real

from synchro_triggers.models import Conflict, Failure
from synchro_triggers.replay.state.lease import Lease
from synchro_triggers.replay.state.node import node_id
from tests.admin_pages import client_of, list_of, page_of
from tests.browser.pages import make_records
from tests.databases import ALIASES, both
from tests.test_web_work import work_in

LOCAL, REMOTE = ALIASES

pytestmark = [both, pytest.mark.urls("tests.admin_pages")]

#: What is put into a message.
PUT_IN = re.compile(r"(%\(\w+\)[sdr]|%[sdr]|\{\w*\})")

#: What is in brackets, and holds none.
BRACKETED = re.compile(r"⟦[^⟦⟧]*⟧")

#: Names of databases, models, fields, users, commands and settings, values of objects, and what code has raised.
DATA = re.compile(
    r"""\w+\.[A-Z]\w+(\.\w+)* | default | remote | API | boss | SYNCHRO_\w+ | manage\.py
    | (Item|Keyed|Ambiguous)\ object | (name|cash|id|note|code|x|k|[a-d]|ours|theirs)\b | MultipleObjectsReturned.*
    | [0-9a-f]{8}-[0-9a-f-]{27} | update/update | local
    """,
    re.VERBOSE,
)


HOST = socket.gethostname()


class Texts(HTMLParser):
    """Collects what can be read on a page, and what is read aloud."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []
        self._inside: list[str] = []

    def handle_starttag(self, tag, attrs):
        self.found += [value for name, value in attrs if name in {"aria-label", "title", "alt", "data-lost"} and value]
        if tag in {"script", "style"}:
            self._inside.append(tag)

    def handle_endtag(self, tag):
        if self._inside and self._inside[-1] == tag:
            self._inside.pop()

    def handle_data(self, data):
        if not self._inside and data.strip():
            self.found.append(" ".join(data.split()))


def foreign(page):
    """Return the texts of a page's own content of which words are left that no catalog has."""
    assert page.status_code == 200
    reader = Texts()
    reader.feed(page.content.decode().partition('id="content" class="colM">')[2].partition("</main>")[0])
    left = {text: DATA.sub("", BRACKETED.sub(" ", text).replace(HOST, "")) for text in reader.found}
    return sorted(text for text, rest in left.items() if re.search(r"[^\W\d_]{2,}", rest))


@pytest.fixture
def bracketed(monkeypatch, settings):
    """Put brackets around each translation, but for what is put into it."""
    settings.LANGUAGE_CODE = "pl"

    def around(plain):
        def get(self, *message):
            text = plain(self, *message)
            if text in message and text not in self._catalog:
                return text
            return "⟦" + PUT_IN.sub(r"⟧\1⟦", text) + "⟧" if re.search(r"[^\W\d_]{2,}", PUT_IN.sub("", text)) else text

        return get

    for name in ("gettext", "ngettext"):
        monkeypatch.setattr(trans_real.DjangoTranslation, name, around(getattr(trans_real.DjangoTranslation, name)))


def test_nothing_is_put_together_from_english(bracketed, django_user_model, settings):
    settings.SYNCHRO_CONFLICT = "local"
    item = make_records()
    boss = client_of(django_user_model.objects.create_superuser("boss"))
    found = {f"list of {name}s": boss.get(list_of(name)) for name in ("changelog", "failure", "conflict", "run")}
    found["conflict"] = boss.get(page_of("conflict", REMOTE, Conflict.objects.using(REMOTE).get().pk))
    found["failure"] = boss.get(page_of("failure", REMOTE, Failure.objects.using(REMOTE).get().pk))
    key = f"?model=testapp.Item&key={item.pk}"
    found["explanation"] = boss.get(f"/admin/synchro_triggers/changelog/explain/{key}")
    found["reset"] = boss.post("/synchro/", {"reset": "1"})
    with override_settings(SYNCHRO_MODELS=("testapp.Item", "testapp.Keyed", "testapp.Ambiguous")):
        compared = boss.post("/synchro/", {"compare": "1"})
        while b'name="work"' in compared.content:
            compared = boss.post("/synchro/", {"work": work_in(compared)})
    found["comparison"] = compared
    found["dry run"] = boss.post("/synchro/", {"dry_run": "1"})
    with Lease(REMOTE, node_id(LOCAL)).held():
        found["page"] = boss.get("/synchro/")
        found["run"] = boss.post("/synchro/", {"synchro": "1"})

    left = {name: texts for name, page in found.items() if (texts := foreign(page))}

    assert left == {}, "\n".join(f"{name}: {text}" for name, texts in left.items() for text in texts)
