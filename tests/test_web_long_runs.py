"""Runs of the page that take many requests: each works for a few seconds, the bar moves, and nothing is begun anew."""

from __future__ import annotations

import re

import pytest
from django.db import connections
from django.urls import reverse

from synchro_triggers import synchronize
from synchro_triggers.models import Run
from synchro_triggers.replay.meeting import in_parts
from synchro_triggers.replay.meeting.first_meeting import Meeting
from synchro_triggers.web import parts
from tests.admin_pages import client_of, text_of, user_with
from tests.databases import ALIASES, both
from tests.test_web import EVERYTHING, messages_of
from tests.test_web_work import go_on, work_in
from tests.testapp.models import Ambiguous, Item, Keyed

LOCAL, REMOTE = ALIASES

pytestmark = both


@pytest.fixture
def url():
    return reverse("synchro:synchro")


@pytest.fixture
def staff(vendor, db):
    return client_of(user_with(*EVERYTHING))


@pytest.fixture
def short(settings, monkeypatch):
    """Let a request end after its first transaction, which writes one object."""
    settings.SYNCHRO_BATCH_SIZE = 1
    monkeypatch.setattr(parts, "SECONDS", 0.0001)


@pytest.fixture
def looked_at(monkeypatch, short):
    """Let one log row be looked through at a time; return behind which rows that was."""
    monkeypatch.setattr(in_parts, "ROWS", 1)
    look_through, seen = Meeting.look_through, []

    def look(self, window, after=0, until=None):
        seen.extend([after] if window.rows else [])
        look_through(self, window, after, until)

    monkeypatch.setattr(Meeting, "look_through", look)
    return seen


def bar_of(response):
    return float(re.search(r'<progress id="synchro-progress" max="1" value="([^"]+)">', response.content.decode())[1])


def test_long_log_is_looked_through_request_by_request_and_no_row_twice(staff, url, looked_at):
    Item.objects.bulk_create(Item(name=str(number)) for number in range(5))
    answers = [staff.post(url, {"synchro": "1"})]
    while answers[-1].status_code == 200:
        assert len(answers) < 20
        answers.append(staff.post(url, {"work": work_in(answers[-1])}))

    bars = [bar_of(answer) for answer in answers[:-1]]
    assert "“remote”: 5 changes wait. Looking through them before any is written: 40 %." in text_of(answers[0])
    assert bars == sorted(bars) and 0 < bars[0] < bars[1] < bars[-1]
    assert len(looked_at) == len(set(looked_at)) == 5
    assert Item.objects.using(REMOTE).count() == 5
    assert [run.outcome for run in Run.objects.all()] == ["done"]


def test_who_leaves_while_the_log_is_looked_through_loses_nothing(staff, url, looked_at):
    Item.objects.bulk_create(Item(name=str(number)) for number in range(5))
    staff.post(url, {"synchro": "1"})

    page = text_of(staff.get(url))
    go_on(staff, url, staff.post(url, {"synchro": "1"}))

    assert "Changes that wait 5, the oldest for" in page
    assert Item.objects.using(REMOTE).count() == 5


def test_retry_looks_through_a_long_log_in_the_same_way(staff, url, looked_at):
    Ambiguous.objects.using(REMOTE).bulk_create([Ambiguous(name="x"), Ambiguous(name="x")])
    Ambiguous.objects.create(name="x")
    go_on(staff, url, staff.post(url, {"synchro": "1"}))
    Item.objects.bulk_create(Item(name=str(number)) for number in range(5))
    looked_at.clear()

    go_on(staff, url, staff.post(url, {"retry": "1"}))

    assert len(looked_at) == len(set(looked_at)) == 5
    assert Item.objects.using(REMOTE).count() == 5


@pytest.fixture
def no_table_there(vendor, db):
    """Let a table be missing on the remote."""
    synchronize()
    with connections[REMOTE].cursor() as cursor:
        cursor.execute("ALTER TABLE testapp_keyed RENAME TO put_aside")
        yield
        cursor.execute("ALTER TABLE put_aside RENAME TO testapp_keyed")


@pytest.mark.usefixtures("short", "no_table_there")
def test_objects_of_a_missing_table_are_counted_in_all_requests_together(staff, url):
    for number in range(4):
        Keyed.objects.create(code=str(number))
        Item.objects.create(name=str(number))

    last = go_on(staff, url, staff.post(url, {"synchro": "1"}))

    [told] = [text for _, text in messages_of(last) if "testapp.Keyed" in text]
    assert "testapp.Keyed: 4 objects, as 'remote' has no table" in told
    assert Item.objects.using(REMOTE).count() == 4
