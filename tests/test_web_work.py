"""What is pressed on the page ``synchro:synchro``: runs in parts, dry runs, comparisons; and who may do what."""

from __future__ import annotations

import html
import re
import socket
import subprocess
import sys
import threading
import time
from contextlib import ExitStack
from html.parser import HTMLParser

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.messages import constants
from django.db import connections
from django.db.models.signals import pre_save
from django.test import Client
from django.urls import reverse

from synchro_triggers import synchro_paused
from synchro_triggers.exceptions import Refused
from synchro_triggers.models import Failure, Run
from synchro_triggers.reaching import answered_within, means_unreachable
from synchro_triggers.replay.state.lease import Lease
from synchro_triggers.replay.state.node import node_id
from synchro_triggers.web import cards, parts
from tests.databases import ALIASES, both, both_committed
from tests.replay.hearing import later
from tests.test_web import EVERYTHING, allowed, messages_of
from tests.testapp.models import Ambiguous, Item, Keyed, Place, Restaurant

LOCAL, REMOTE = ALIASES
WORDS = ["An error occurred: ", "Synchronization performed successfully.", "No changes since last synchronization."]
FAILED, DONE, NOTHING = WORDS


@pytest.fixture
def url():
    return reverse("synchro:synchro")


@pytest.fixture
def client_of(django_user_model):
    """Return a function that logs a user of the staff in, who has these permissions."""

    def client_of(name, *permissions):
        user = django_user_model.objects.create_user(name, password="x", is_staff=True)
        client = Client()
        client.force_login(allowed(user, *permissions))
        return client

    return client_of


@pytest.fixture
def staff(client_of):
    return client_of("ann", *EVERYTHING)


@pytest.fixture
def short(settings, monkeypatch):
    """Let a request end after its first transaction, which writes one object."""
    settings.SYNCHRO_BATCH_SIZE = 1
    monkeypatch.setattr(parts, "SECONDS", 0.0001)


@pytest.fixture
def down(vendor, monkeypatch, tmp_path):
    """Return a function that lets the remote be out of reach, or back again."""
    connection = connections[REMOTE]
    settings = connection.settings_dict
    nowhere = {
        "sqlite": {"NAME": str(tmp_path / "no-such-folder" / "remote.sqlite3")},
        "postgres": {"HOST": "127.0.0.1", "PORT": "1"},
    }[vendor.remote]

    def down(is_down):
        connection.close()
        connection.settings_dict = {**settings, **nowhere} if is_down else settings

    yield down
    down(False)


@pytest.fixture
def third(db, databases, monkeypatch):
    """One more remote, a file."""
    name = databases.copy("sqlite", "third")
    added = connections.configure_settings({LOCAL: {}, "third": databases.settings("sqlite", name)})
    monkeypatch.setitem(connections.settings, "third", added["third"])
    connections["third"].connect()  # Django's tests let a connection to another alias be used, but not made
    yield "third"
    connections["third"].close()
    del connections["third"]
    databases.remove("sqlite", name)


def text_of(response):
    assert response.status_code == 200
    return " ".join(html.unescape(re.sub(r"<[^>]+>", " ", response.content.decode())).split())


def work_in(response):
    """Return what the page has given the browser to send back."""
    found = re.search(r'name="work" value="([^"]+)"', response.content.decode())
    assert found is not None
    return found[1]


def go_on(client, url, response, at_most=30):
    """Press *Continue* until there is nothing to press; return the last answer."""
    for _ in range(at_most):
        if response.status_code == 302 or b'name="work"' not in response.content:
            return response
        response = client.post(url, {"work": work_in(response)})
    pytest.fail("it goes on for ever")


def names(alias):
    return sorted(Item.objects.using(alias).values_list("name", flat=True))


# A run that takes longer than a request -----------------------------------------------------------


@both
def test_run_goes_on_part_by_part_without_a_script(staff, url, short):
    for name in "abc":
        Item.objects.create(name=name)

    first = staff.post(url, {"synchro": "1"})
    assert "“remote”: 1 of 3 changes are done." in text_of(first)
    assert '<progress id="synchro-progress" max="1" value="0.3333">' in first.content.decode()
    last = go_on(staff, url, first)

    assert names(REMOTE) == ["a", "b", "c"]
    assert [text for _, text in messages_of(last)] == [DONE]
    assert [(run.outcome, run.written, run.begun_by) for run in Run.objects.all()] == [("done", 3, "page: ann")]


@both
def test_script_is_told_how_far_it_has_come(staff, url, short):
    for name in "ab":
        Item.objects.create(name=name)
    work, told = work_in(staff.post(url, {"synchro": "1", "remote": REMOTE})), []

    while not told or not told[-1]["finished"]:
        assert len(told) < 10
        answer = staff.post(url, {"work": work}, headers={"accept": "application/json"})
        told.append(answer.json())
        work = told[-1]["work"]
    last = staff.post(url, {"work": work})

    assert [each["done"] for each in told] == sorted(each["done"] for each in told) and told[-1]["done"] == 1
    assert told[-1]["text"] == "Done." and not any(each["waits"] for each in told)
    assert last.status_code == 302 and [text for _, text in messages_of(last)] == [DONE]
    assert names(REMOTE) == ["a", "b"]


@both
def test_who_leaves_loses_nothing(staff, url, short):
    for name in "abc":
        Item.objects.create(name=name)
    staff.post(url, {"synchro": "1"})

    page = text_of(staff.get(url))
    last = go_on(staff, url, staff.post(url, {"synchro": "1"}))

    assert "Changes that wait 2, the oldest for" in page
    assert names(REMOTE) == ["a", "b", "c"] and [text for _, text in messages_of(last)] == [DONE]


@both
def test_what_is_left_of_an_older_page_does_no_harm(staff, url, short):
    Item.objects.create(name="a")
    Item.objects.create(name="b")
    old = work_in(staff.post(url, {"synchro": "1"}))
    go_on(staff, url, staff.post(url, {"work": old}))

    again = go_on(staff, url, staff.post(url, {"work": old}))

    assert again.status_code == 302 and names(REMOTE) == ["a", "b"]


# Two people ---------------------------------------------------------------------------------------


@both
def test_who_presses_while_a_run_is_under_way_sees_it(staff, url):
    Item.objects.create(name="a")

    with Lease(REMOTE, node_id(LOCAL)).held():
        response = staff.post(url, {"synchro": "1"})
        told = staff.post(url, {"work": work_in(response)}, headers={"accept": "application/json"}).json()
        seen = text_of(staff.get(url))

    assert "“remote” waits: a run is under way: process" in text_of(response)
    assert told["waits"] and not told["finished"]
    assert "Under way process" in seen
    assert not Run.objects.exists()  # asking is no run
    last = go_on(staff, url, response)
    assert [text for _, text in messages_of(last)] == [DONE] and names(REMOTE) == ["a"]


@both
def test_two_who_press_share_a_run(staff, client_of, url, short):
    for name in "abcd":
        Item.objects.create(name=name)
    bob = client_of("bob", *EVERYTHING)

    of_ann, of_bob = staff.post(url, {"synchro": "1"}), bob.post(url, {"synchro": "1"})
    of_ann = staff.post(url, {"work": work_in(of_ann)})
    last = go_on(bob, url, of_bob), go_on(staff, url, of_ann)

    assert names(REMOTE) == ["a", "b", "c", "d"]
    assert [[text for _, text in messages_of(each)] for each in last] == [[DONE], [DONE]]
    [nothing, run] = Run.objects.all()
    assert (run.outcome, run.written, run.begun_by) == ("done", 4, "page: ann")
    assert nothing.outcome == "nothing to do"


@both_committed
def test_second_of_two_requests_at_once_sees_the_run_of_the_first(staff, client_of, url):
    Item.objects.create(name="a")
    is_writing, may_go_on, answers = threading.Event(), threading.Event(), []

    def hold(using, **kwargs):
        if using == REMOTE:
            is_writing.set()
            may_go_on.wait(20)

    def press():
        answers.append(staff.post(url, {"synchro": "1"}))
        connections.close_all()

    pre_save.connect(hold, sender=Item)
    first = threading.Thread(target=press)
    try:
        first.start()
        assert is_writing.wait(20)
        response = client_of("bob", *EVERYTHING).post(url, {"synchro": "1"})
    finally:
        may_go_on.set()
        first.join(20)
        pre_save.disconnect(hold, sender=Item)

    assert "“remote” waits: a run is under way: process" in text_of(response)
    assert "(page: ann)" in text_of(response)
    assert answers[0].status_code == 302 and names(REMOTE) == ["a"]
    assert [run.begun_by for run in Run.objects.all()] == ["page: ann"]


@both
def test_what_belongs_to_another_user_or_was_changed_is_not_taken(staff, client_of, url, short):
    Item.objects.create(name="a")
    Item.objects.create(name="b")
    work = work_in(staff.post(url, {"synchro": "1"}))
    bob = client_of("bob", *EVERYTHING)

    for client, sent in ((bob, work), (staff, f"{work}x"), (staff, "")):
        text = messages_of(client.post(url, {"work": sent}))[-1][1]
        assert text == "What this page has sent is out of date. Nothing was done; begin again."
    assert len(names(REMOTE)) == 1


# A remote that is down ----------------------------------------------------------------------------


@both_committed
def test_remote_that_goes_down_in_the_middle_gets_the_rest_later(staff, url, short, down):
    for name in "abc":
        Item.objects.create(name=name)
    first = staff.post(url, {"synchro": "1"})
    down(True)

    broken = staff.post(url, {"work": work_in(first)})
    page = text_of(staff.get(url))
    down(False)
    last = go_on(staff, url, staff.post(url, {"synchro": "1"}))

    assert messages_of(broken)[0][1].startswith(f"{FAILED}Database error while working on 'remote'")
    assert "The database “remote” cannot be reached" in page
    assert names(REMOTE) == ["a", "b", "c"] and [text for _, text in messages_of(last)] == [DONE]


@both_committed
def test_remote_that_is_down_is_a_card_and_the_others_work(staff, url, settings, third, down):
    settings.SYNCHRO_REMOTE = [REMOTE, third]
    Item.objects.create(name="a")
    down(True)

    page = staff.get(url)
    last = go_on(staff, url, staff.post(url, {"synchro": "1"}))

    assert "The database “remote” cannot be reached" in text_of(page)
    assert 'id="card-third"' in page.content.decode() and "Changes that wait 1, the oldest for" in text_of(page)
    assert names(third) == ["a"]
    [(_, text)] = messages_of(last)
    assert text.startswith(FAILED) and "'remote'" in text and "'third'" not in text


@pytest.mark.vendor("postgres")
@both_committed
def test_server_that_does_not_answer_is_given_up_soon(monkeypatch):
    connections[REMOTE].close()
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        there = {"HOST": "127.0.0.1", "PORT": str(silent.getsockname()[1])}
        monkeypatch.setattr(connections[REMOTE], "settings_dict", {**connections[REMOTE].settings_dict, **there})
        began = time.monotonic()

        with answered_within(cards.ANSWERS_WITHIN, REMOTE), pytest.raises(Exception) as caught:
            connections[REMOTE].ensure_connection()

    assert means_unreachable(caught.value) and time.monotonic() - began < 5
    assert "connect_timeout" not in connections[REMOTE].settings_dict["OPTIONS"]


@pytest.mark.vendor("postgres")
@both_committed
def test_servers_that_do_not_answer_are_waited_for_together(staff, url, settings, monkeypatch):
    silent = ["gone1", "gone2", "gone3"]
    with socket.socket() as full, ExitStack() as waiting:
        full.bind(("127.0.0.1", 0))
        full.listen(0)  # whoever comes when its queue is full gets no answer
        for _ in range(3):
            waiting.enter_context(client := socket.socket()).setblocking(False)
            client.connect_ex(full.getsockname())
        there = {"HOST": "127.0.0.1", "PORT": str(full.getsockname()[1])}
        for alias in silent:
            monkeypatch.setitem(connections.settings, alias, {**connections.settings[REMOTE], **there})
        settings.SYNCHRO_REMOTE = [*silent, REMOTE]
        began = time.monotonic()

        page = staff.get(url)

    assert time.monotonic() - began < 3 * cards.ANSWERS_WITHIN  # one after the other
    assert text_of(page).count("cannot be reached: its server has not answered within 2 seconds.") == len(silent)
    assert 'id="last-run-4">never<' in page.content.decode()
    for alias in silent:
        del connections[alias]


# Failures -----------------------------------------------------------------------------------------


@both
def test_failure_is_shown_and_tried_again(staff, url):
    with synchro_paused(using=REMOTE):  # nobody there is later
        Ambiguous.objects.using(REMOTE).bulk_create([Ambiguous(name="x"), Ambiguous(name="x")])
    made = Ambiguous.objects.create(name="x", note="new")
    staff.post(url, {"synchro": "1"})
    page = staff.get(url)
    with synchro_paused(using=REMOTE):
        Ambiguous.objects.using(REMOTE).first().delete()

    last = go_on(staff, url, staff.post(url, {"retry": "1", "remote": REMOTE}))

    assert f"testapp.Ambiguous {made.pk} :" in text_of(page)
    assert "1 kept failures, and 0 are allowed" in text_of(page)
    assert "Retry failures" in text_of(page) and "manage.py" not in text_of(page)
    assert [text for _, text in messages_of(last)] == [DONE]
    assert Ambiguous.objects.using(REMOTE).get().note == "new" and not Failure.objects.using(REMOTE).exists()


@both
def test_what_was_left_alone_is_told_at_the_end_of_all_parts(staff, url, short):
    items = [Item.objects.create(name=str(number)) for number in range(8)]
    go_on(staff, url, staff.post(url, {"synchro": "1"}))
    Item.objects.using(REMOTE).update(name="<b>there</b>")
    later()
    Item.objects.update(name="here")

    last = go_on(staff, url, staff.post(url, {"synchro": "1"}))

    [told] = [text for level, text in messages_of(last) if level == constants.WARNING]
    assert told.startswith("8 objects changed on both sides: the remote's version was ")
    assert f"testapp.Item {items[0].pk}, " in told and told.endswith(", …") and told.count("testapp.Item") == 5


@both
def test_failures_that_stay_are_tried_again_once_however_many_requests_that_takes(staff, url, short):
    for name in "xy":
        Ambiguous.objects.using(REMOTE).bulk_create([Ambiguous(name=name), Ambiguous(name=name)])
        Ambiguous.objects.create(name=name)
    go_on(staff, url, staff.post(url, {"synchro": "1"}))
    runs = set(Failure.objects.using(REMOTE).values_list("runs", flat=True))

    last = go_on(staff, url, staff.post(url, {"retry": "1"}))

    assert messages_of(last)[0][1].startswith(FAILED)
    tried = Failure.objects.using(REMOTE).values_list("runs", flat=True)
    assert len(tried) == 2 and max(tried) <= max(runs) + 1


@both
def test_stored_failures_and_messages_show_no_credentials(staff, url):
    def fail(using, **kwargs):
        if using == REMOTE:
            raise RuntimeError("no route to DRIVER=x;UID=keeper;PWD=s3cret;")

    Item.objects.create(name="a")
    pre_save.connect(fail, sender=Item)
    try:
        [(_, text)] = messages_of(staff.post(url, {"synchro": "1"}))
    finally:
        pre_save.disconnect(fail, sender=Item)

    shown = [text, text_of(staff.get(url)), Failure.objects.using(REMOTE).get().error]
    assert all("UID=***;PWD=***" in each for each in shown)
    assert not [each for each in shown if "keeper" in each or "s3cret" in each]


# What changes nothing -----------------------------------------------------------------------------


@both
def test_dry_run_shows_what_would_be_done(staff, url):
    Item.objects.create(name="a")
    Item.objects.create(name="b")

    page = staff.post(url, {"dry_run": "1", "remote": REMOTE})

    assert "Dry run: nothing was written." in text_of(page)
    assert "testapp.Item 2 0 0 0 0 0" in text_of(page)
    assert names(REMOTE) == [] and not Run.objects.exists()


@both
def test_dry_run_says_how_far_it_has_looked(staff, url, short):
    for name in "abc":
        Item.objects.create(name=name)

    page = text_of(staff.post(url, {"dry_run": "1"}))

    assert "Only the first of 3 changes were looked at" in page and "testapp.Item 1 0 0 0 0 0" in page


@both
def test_comparison_names_what_differs_but_no_values(staff, url, settings):
    settings.SYNCHRO_MODELS = ("testapp.Item", "testapp.Keyed")
    same = Keyed.objects.create(code="same", cash=1)
    staff.post(url, {"synchro": "1"})
    with synchro_paused(using=REMOTE):
        Keyed.objects.using(REMOTE).filter(code="same").update(cash=987654)

    page = text_of(go_on(staff, url, staff.post(url, {"compare": "1", "remote": REMOTE})))

    assert "Objects that are not the same, for no known reason: 1" in page
    assert f"testapp.Keyed {same.pk} : differs: cash" in page and "987654" not in page


@both
def test_comparison_goes_on_model_by_model(staff, url, short, settings):
    settings.SYNCHRO_MODELS = ("testapp.Item", "testapp.Keyed")
    Item.objects.create(name="a")
    go_on(staff, url, staff.post(url, {"synchro": "1"}))

    first = staff.post(url, {"compare": "1"})
    last = text_of(go_on(staff, url, first))

    assert "“remote”: 1 of 2 models are compared." in text_of(first)
    assert "Nothing differs but what is on its way." in last
    assert "testapp.Item 1 1 1 0 0 0 0" in last and "testapp.Keyed 0 0 0 0 0 0 0" in last


@both
def test_comparison_counts_what_several_models_share_once(staff, url, settings):
    """A child is compared with its parents, and a model with its links: the page compares model by model."""
    settings.SYNCHRO_MODELS = (("testapp", "Place", "Restaurant", "Friend"),)
    Restaurant.objects.create(name="a", stars=1)
    staff.post(url, {"synchro": "1"})
    with synchro_paused(using=REMOTE):
        Place.objects.using(REMOTE).update(name="other")

    response = go_on(staff, url, staff.post(url, {"compare": "1"}))

    page = text_of(response)
    labels = re.findall(r'<tr><th scope="row">(.*?)</th>', response.content.decode())
    assert sorted(labels) == sorted(set(labels)) and {"testapp.Place", "testapp.Restaurant"} < {*labels}
    assert "Objects that are not the same, for no known reason: 1" in page and page.count("differs: name") == 1


@both
def test_table_that_takes_too_long_to_compare_is_named(staff, url, settings, monkeypatch):
    settings.SYNCHRO_MODELS = ("testapp.Item", "testapp.Keyed")

    def compare(remote, models, progress):
        time.sleep(0.02)
        progress(1, 2)
        return pytest.fail("it goes on")

    monkeypatch.setattr(parts, "SECONDS", 0.01)
    monkeypatch.setattr(parts, "compare", compare)

    page = text_of(go_on(staff, url, staff.post(url, {"compare": "1"})))

    assert "there are more objects than this page has time for: testapp.Item, testapp.Keyed" in page


# Who may ------------------------------------------------------------------------------------------


@both
@pytest.mark.parametrize("pressed", ["synchro", "dry_run", "compare", "retry", "work"])
def test_who_may_only_see_may_press_nothing(client_of, url, pressed):
    Item.objects.create(name="a")
    client = client_of("eve", "view_changelog")

    assert client.post(url, {pressed: "1"}).status_code == 403
    assert '<button type="submit" name=' not in client.get(url).content.decode()
    assert names(REMOTE) == []


@both
def test_reset_says_first_how_much_is_forgotten_and_needs_a_permission_of_its_own(client_of, url):
    Item.objects.create(name="a")
    Item.objects.create(name="b")

    refused = client_of("eve", "view_changelog", "synchronize").post(url, {"reset": "1", "confirmed": "1"})
    client = client_of("ann", *EVERYTHING)
    asked = client.post(url, {"reset": "1"})
    waiting = Item.objects.count(), text_of(client.get(url))
    client.post(url, {"reset": "1", "confirmed": "1"})

    assert refused.status_code == 403
    assert "remote: changes that will be forgotten: 2" in text_of(asked)
    assert "Changes that wait 2, the oldest" in waiting[1]
    assert "Changes that wait 0" in text_of(client.get(url))


@both
def test_admins_log_says_who_has_pressed_what(staff, url, short):
    Item.objects.create(name="a")
    Item.objects.create(name="b")

    go_on(staff, url, staff.post(url, {"synchro": "1", "remote": REMOTE}))
    staff.post(url, {"reset": "1", "confirmed": "1"})

    found = LogEntry.objects.order_by("pk").values_list("user__username", "object_repr", "change_message")
    assert list(found) == [("ann", REMOTE, "synchro"), ("ann", REMOTE, "reset")]


@both
def test_remote_that_is_not_configured_is_an_error(staff, url):
    [(_, text)] = messages_of(staff.post(url, {"synchro": "1", "remote": "office"}))

    assert text.startswith(f"{FAILED}'office' is none of the remotes that SYNCHRO_REMOTE names")


@both
@pytest.mark.parametrize("pressed", ["synchro", "retry"])
def test_database_that_is_no_remote_is_none_for_the_page(staff, url, third, pressed):
    Item.objects.create(name="a")

    [(_, text)] = messages_of(go_on(staff, url, staff.post(url, {pressed: "1", "remote": third})))

    assert text.startswith(FAILED) and "third" in text and "default" not in text
    assert names(third) == []


@both
def test_what_goes_on_ends_where_its_remote_is_none_any_more(staff, url, third, short, settings):
    settings.SYNCHRO_REMOTE = [third]
    for name in "abc":
        Item.objects.create(name=name)
    page = staff.post(url, {"synchro": "1"})
    arrived = names(third)
    settings.SYNCHRO_REMOTE = REMOTE

    [(_, text)] = messages_of(staff.post(url, {"work": work_in(page)}))

    assert "out of date" in text
    assert names(third) == arrived and names(REMOTE) == []


# For browsers and readers -------------------------------------------------------------------------


class Page(HTMLParser):
    """What a strict Content-Security-Policy and a screen reader make of a page."""

    def __init__(self, response):
        super().__init__()
        self.inline, self.unlabelled, self.labels, self.controls, self.within = [], [], set(), [], None
        self.feed(response.content.decode())
        self.unlabelled += [each for each in self.controls if each not in self.labels]

    def handle_starttag(self, tag, attributes):
        given = dict(attributes)
        self.inline += [(tag, name) for name in given if name == "style" or name.startswith("on")]
        self.inline += [(tag, given["href"]) for _ in "1" if given.get("href", "").startswith("javascript:")]
        if tag == "style" or (tag == "script" and "src" not in given):
            self.inline.append((tag, ""))
        if tag == "label":
            self.labels.add(given.get("for"))
        if tag in {"progress", "select", "textarea"} or (tag == "input" and given.get("type") != "hidden"):
            self.controls.append(given.get("id"))
            self.labels |= {given.get("id")} if given.get("aria-label") else set()
        if tag == "svg" and "aria-hidden" not in given and "synchro-runs" in given.get("class", ""):
            assert given["role"] == "img" and given["aria-labelledby"]


@both
def test_pages_have_nothing_inline_and_every_control_has_a_label(staff, url, short, settings):
    settings.SYNCHRO_MODELS = ("testapp.Item", "testapp.Ambiguous")
    Ambiguous.objects.using(REMOTE).bulk_create([Ambiguous(name="x"), Ambiguous(name="x")])
    Ambiguous.objects.create(name="x")
    for name in "abc":
        Item.objects.create(name=name)
    pages = [
        staff.post(url, {"dry_run": "1"}),
        working := staff.post(url, {"synchro": "1"}),
        staff.post(url, {"reset": "1"}),
        staff.get(url),
        go_on(staff, url, staff.post(url, {"compare": "1"})),
    ]

    read = [Page(page) for page in pages]

    assert [each.inline for each in read] == [[]] * len(pages)
    assert [each.unlabelled for each in read] == [[]] * len(pages)
    assert '<rect x="0" y="0" width="100.0" height="10"/>' in pages[3].content.decode()
    go_on(staff, url, working)
    body = staff.get(url).content.decode()
    assert '<title id="runs-1">' in body and "columns are objects, at most 3" in body


@both
def test_numbers_of_drawings_are_none_of_a_language(staff, url, settings):
    settings.USE_THOUSAND_SEPARATOR = True
    for name in "abc":
        Item.objects.create(name=name)
    Keyed.objects.create(code="k")
    staff.post(url, {"synchro": "1", "remote": REMOTE})
    for name in "abc":
        Item.objects.create(name=name)
    Keyed.objects.create(code="l")

    body = staff.get(url, headers={"accept-language": "de"}).content.decode()

    assert 'width="33.33" height="10"' in body
    assert not re.findall(r'(?:x|y|width|height)="\d+,\d+"', body)


# Without the admin --------------------------------------------------------------------------------


def test_urls_say_that_the_admin_is_missing_and_what_to_include_instead(process_env):
    code = (
        "import django; from django.conf import settings\n"
        "settings.INSTALLED_APPS = ['django.contrib.contenttypes', 'django.contrib.auth', 'synchro_triggers']\n"
        "settings.SYNCHRO_MODELS = (); django.setup()\n"
        "from django.core.exceptions import ImproperlyConfigured\n"
        "from django.urls import include, resolve\n"
        "try:\n    import synchro_triggers.urls\nexcept ImproperlyConfigured as error:\n    print(error)\n"
        "from synchro_triggers.monitoring_urls import app_name, urlpatterns\n"
        "print(app_name, *(each.name for each in urlpatterns))\n"
    )

    done = subprocess.run([sys.executable, "-c", code], env=process_env, capture_output=True, text=True)

    said, names = done.stdout.splitlines() or [done.stderr, ""]
    assert "'django.contrib.admin' is not in INSTALLED_APPS" in said and "'synchro_triggers.monitoring_urls'" in said
    assert names == "synchro metrics healthz readyz"


@both
def test_database_without_our_tables_is_an_error_on_the_page(staff, url, monkeypatch):
    def refuse(**kwargs):
        raise Refused("The tables of synchro_triggers are missing on 'default'.")

    monkeypatch.setattr(cards, "read_local", refuse)

    page = text_of(staff.get(url))

    assert "The tables of synchro_triggers are missing on 'default'." in page and "SYNCHRO_REMOTE" not in page


@both
def test_long_backlog_is_counted_in_part(staff, url, monkeypatch):
    monkeypatch.setattr(cards, "LOOKED_AT", 2)
    for name in "abc":
        Item.objects.create(name=name)

    page = text_of(staff.get(url))

    assert "Changes that wait 3," in page and "(in the first 2 log rows) testapp.Item 2" in page
