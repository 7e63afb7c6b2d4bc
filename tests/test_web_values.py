"""Who sees values of objects on the page and in the admin, and what nonsense in addresses comes to."""

from __future__ import annotations

import pytest
from django.urls import reverse

from synchro_triggers import synchronize
from synchro_triggers.models import Conflict, Failure, Run
from tests.admin_pages import TABLES, client_of, list_of, page_of, text_of, user_with
from tests.databases import both, both_committed
from tests.test_admin_speed import fill, seconds_of
from tests.testapp.models import Ambiguous, Item

pytestmark = [pytest.mark.urls("tests.admin_pages")]

REMOTE = "remote"
SECRET = "Zanzibar"


@pytest.fixture
def failure(vendor, db):
    """An object that the remote has refused, with an error that holds a value."""
    Ambiguous.objects.using(REMOTE).bulk_create([Ambiguous(name=SECRET), Ambiguous(name=SECRET)])
    Ambiguous.objects.create(name=SECRET)
    assert synchronize().failures
    failure = Failure.objects.using(REMOTE).get()
    assert SECRET in failure.error
    return failure


@both
def test_staff_that_is_let_in_sees_what_has_failed_and_no_values(failure, settings):
    settings.SYNCHRO_STAFF_MAY_SYNCHRONIZE = True
    eve, ann = client_of(user_with(name="eve")), client_of(user_with("view_changelog"))
    page = reverse("synchro:synchro")
    Ambiguous.objects.update(note="once more")

    shown = text_of(eve.get(page))
    dry = text_of(eve.post(page, {"dry_run": "1"}))
    run = text_of(eve.post(page, {"retry": "1"}, follow=True))

    for text in (shown, dry, run):
        assert f"testapp.Ambiguous {failure.key}" in text and SECRET not in text
    Run.objects.create(
        remote=REMOTE, direction="push", begun_at=failure.last_at, outcome="failed", error=f"no {SECRET}"
    )
    assert SECRET not in eve.get(page).content.decode()
    assert SECRET in text_of(ann.get(page)) and SECRET in text_of(ann.post(page, {"dry_run": "1"}))


@both
def test_failures_and_conflicts_show_no_values_to_those_who_may_not_see_the_log(failure):
    bob = client_of(
        user_with("view_failure", "view_conflict", "view_run", "synchronize", "change_conflict", name="bob")
    )
    conflict = Conflict.objects.using(REMOTE).create(
        source=failure.source,
        model_label="testapp.Item",
        local_pk="1",
        remote_pk="1",
        kind="update/update",
        rule="newest",
        result="local",
        local_values=f'{{"name": "{SECRET}"}}',
        remote_values='{"name": "b"}',
    )
    run = Run.objects.create(remote=REMOTE, direction="push", begun_at=failure.last_at, outcome="failed", error=SECRET)

    for table, number in (("failure", failure.pk), ("conflict", conflict.pk), ("run", run.pk)):
        listed, shown = bob.get(list_of(table)), bob.get(page_of(table, REMOTE, number))
        assert listed.status_code == shown.status_code == 200
        assert SECRET not in listed.content.decode() + shown.content.decode(), table
    asked = bob.post(list_of("failure"), {"action": "drop", "_selected_action": str(failure.pk), "index": "0"})
    assert asked.status_code == 200 and SECRET not in asked.content.decode()


NONSENSE = (
    "e=1", "p=x", "p=-1", "o=x.y", "o=%00", "all=", "q=%00", "q=" + "9" * 60, "q=%ed%a0%80", "_to_field=nothing",
    "_to_field=model_label", "_popup=1", "_facets=1", "database=%00", "database=nowhere", "model=%00", "model=%27%22",
    "model=%ed%a0%80", "key=%00", "model=testapp.Item&key=%00", "model=testapp.Item&key=[1", "state=waiting:%00",
    "remote=%00", "direction=%00", "outcome=%00", "outcome=%ed%a0%80", "open=%00", "id=x", "id__in=a,b",
    "id__exact=" + "9" * 40,
    "pk=x", "id__isnull=maybe", "error__regex=(", "model_label__contains=%00", "model_label=%00", "no__such__field=1",
    "logged_at__gte=yesterday", "begun_at__year=x", "before_id=%00", "after_id=1e9", "model=a&model=b",
)  # fmt: skip


@both_committed
def test_nonsense_in_addresses_is_no_error_of_the_server(failure, django_user_model):
    boss = client_of(django_user_model.objects.create_superuser("boss"))
    boss.raise_request_exception = False

    answers = {
        (table, query): boss.get(f"{list_of(table)}?{query}").status_code for table in TABLES for query in NONSENSE
    }

    assert {asked: status for asked, status in answers.items() if status not in {200, 302, 400}} == {}


SENT = (
    {"action": "nothing"}, {"action": "retry"}, {"action": "retry", "index": "x"}, {"action": "drop", "index": "7"},
    {"action": "take_local", "_selected_action": "x"}, {"action": "take_local", "_selected_action": "\0"},
    {"action": "retry", "_selected_action": "9" * 18, "index": "0"},
    {"action": "drop", "select_across": "1", "index": "0"},
    {"_save": "1"}, {"_save": "1", "form-TOTAL_FORMS": "x"}, {"take": "local", "force": "\0"},
)  # fmt: skip


@both_committed
def test_nonsense_that_is_sent_is_no_error_of_the_server_and_does_nothing(failure, django_user_model):
    boss = client_of(django_user_model.objects.create_superuser("boss"))
    boss.raise_request_exception = False

    answers = [(table, sent, boss.post(list_of(table), sent).status_code) for table in TABLES for sent in SENT]

    assert [answer for answer in answers if answer[2] not in {200, 302, 400, 403}] == []
    assert Failure.objects.using(REMOTE).filter(pk=failure.pk, next_at=failure.next_at).exists()


@both
def test_nonsense_in_the_address_of_an_explanation_is_a_message(failure, django_user_model):
    boss = client_of(django_user_model.objects.create_superuser("boss"))
    boss.raise_request_exception = False
    address = reverse("admin:synchro_triggers_changelog_explain")
    wrong = [("%00", "1"), ("testapp.Item", "%00"), ("testapp.Item", "%ed%a0%80"), ("%ed%a0%80", "1"), ("x" * 500, "1")]

    answers = [boss.get(f"{address}?model={model}&key={key}").status_code for model, key in wrong]

    assert answers == [200] * len(wrong)


@both_committed
def test_page_counts_a_hundred_thousand_failures_and_reads_a_few(vendor, django_user_model):
    Item.objects.create(name="a")
    synchronize()
    boss = client_of(django_user_model.objects.create_superuser("boss"))
    page = reverse("synchro:synchro")
    without = min(seconds_of(boss, page) for _ in range(2))
    fill(vendor, "failure", REMOTE, 100_000)

    seconds = min(seconds_of(boss, page) for _ in range(2))

    shown = text_of(boss.get(page))
    assert "100000" in shown.replace(",", "") and shown.count("testapp.Item ") < 10
    assert seconds < 5 * without + 0.1  # to read them all takes seconds
