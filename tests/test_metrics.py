"""``synchro:metrics``: what Prometheus is told, and whom; ``synchro:healthz`` and ``synchro:readyz``."""

from __future__ import annotations

import datetime
import time

import pytest
from django.contrib.auth.models import Permission
from django.core.exceptions import ImproperlyConfigured
from django.core.management import call_command
from django.db import connections
from django.db.models.signals import pre_save
from django.test import Client
from django.urls import reverse
from prometheus_client.parser import text_string_to_metric_families

from synchro_triggers import DatabaseUnreachable, SynchroConfigurationError, SynchroError, synchronize
from synchro_triggers.conf import get_settings
from synchro_triggers.models import ChangeLog, Checkpoint, Conflict, Run
from synchro_triggers.replay.metrics import pending
from synchro_triggers.web.exposition import Metric, Sample, exposition
from synchro_triggers.web.metrics import metrics_of
from tests.databases import ALIASES, both, both_committed, install_triggers
from tests.testapp.models import Item, Tag

LOCAL, REMOTE = ALIASES
TOKEN = "a-token-of-some-length"
PUSH, PULL = {"remote": REMOTE, "direction": "push"}, {"remote": REMOTE, "direction": "pull"}


@pytest.fixture(autouse=True)
def token(settings):
    settings.SYNCHRO_METRICS_TOKEN = TOKEN


def asked(name="metrics", token=TOKEN, client=None, **options):
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    return (client or Client()).get(reverse(f"synchro:{name}"), headers=headers, **options)


def read():
    """Return all samples: (name, labels) to value."""
    response = asked()
    assert response.status_code == 200, response.content
    assert response["Content-Type"] == "text/plain; version=0.0.4; charset=utf-8"
    return {
        (sample.name, *sorted(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(response.content.decode())
        for sample in family.samples
    }


def value(name, samples=None, **labels):
    return (samples if samples is not None else read())[(name, *sorted(labels.items()))]


def log(**values):
    """Let the log say something that no trigger has written."""
    row = {"model_label": "testapp.Item", "object_pk": "1", "operation": "U", **values}
    ChangeLog.objects.bulk_create([ChangeLog(**row)])


# What is told ---------------------------------------------------------------------------------------


@both
@pytest.mark.all_pairs
def test_what_waits_is_told_by_model_and_for_how_long():
    Item.objects.create(name="a")
    synchronize()
    assert value("synchro_lag_seconds", **PUSH) == value("synchro_pending_rows", **PUSH) == 0
    Item.objects.create(name="b")
    Item.objects.update(cash=1)
    Tag.objects.create(label="x")
    long_ago = datetime.datetime.now(datetime.UTC) - datetime.timedelta(seconds=500)
    ChangeLog.objects.update(logged_at=long_ago)

    samples = read()

    assert value("synchro_pending_objects", samples, **PUSH, model="testapp.Item") == 2
    assert value("synchro_pending_objects", samples, **PUSH, model="testapp.Tag") == 1
    assert value("synchro_pending_rows", samples, **PUSH) == 4
    assert 500 <= value("synchro_lag_seconds", samples, **PUSH) < 560
    assert value("synchro_up", samples, remote=REMOTE) == 1


@both
@pytest.mark.all_pairs
def test_what_runs_have_applied_is_told_by_model_and_operation():
    item = Item.objects.create(name="a")
    synchronize()
    Item.objects.update(cash=1)
    synchronize()
    item.delete()
    synchronize()
    Run.objects.all().delete()

    samples = read()

    applied = {"name": "synchro_applied_objects_total", "samples": samples, **PUSH, "model": "testapp.Item"}
    assert [value(**applied, operation=each) for each in ("created", "updated", "deleted")] == [1, 1, 1]


@both
@pytest.mark.all_pairs
def test_failures_and_conflicts_are_told(settings):
    Item.objects.bulk_create([Item(name="a"), Item(name="b")])
    synchronize()
    assert value("synchro_failures", **PUSH) == value("synchro_conflicts_total", **PUSH, rule="newest") == 0
    Item.objects.using(REMOTE).update(cash=2)
    Item.objects.update(cash=1)

    def refuse(instance, using, **kwargs):
        if using == REMOTE and instance.name == "b":
            raise ValueError("no")

    settings.SYNCHRO_CONFLICT = "local"
    pre_save.connect(refuse, sender=Item)
    try:
        synchronize()
    finally:
        pre_save.disconnect(refuse, sender=Item)

    samples = read()

    assert value("synchro_failures", samples, **PUSH) == 1
    assert value("synchro_conflicts_total", samples, **PUSH, rule="local") == 1
    assert value("synchro_conflicts_open", samples, **PUSH) == 1
    call_command("synchro_conflicts", "--forget", "--before", "0", verbosity=0)
    assert not Conflict.objects.using(REMOTE).exists()
    samples = read()
    assert value("synchro_conflicts_total", samples, **PUSH, rule="local") == 1
    assert value("synchro_conflicts_open", samples, **PUSH) == 0


@both
@pytest.mark.all_pairs
def test_last_success_and_duration_are_those_of_the_runs_on_record():
    assert value("synchro_last_success_timestamp_seconds", **PUSH) == 0
    Item.objects.create(name="a")
    synchronize()
    before = time.time()
    synchronize()

    samples = read()

    assert before - 1 <= value("synchro_last_success_timestamp_seconds", samples, **PUSH) <= time.time()
    done = Run.objects.get(outcome="done")
    took = (done.ended_at - done.begun_at).total_seconds()
    assert value("synchro_run_duration_seconds", samples, **PUSH) == pytest.approx(took, abs=1e-5)


@both
def test_failed_run_is_no_success(monkeypatch):
    Item.objects.create(name="a")
    synchronize()
    then = value("synchro_last_success_timestamp_seconds", **PUSH)
    monkeypatch.setattr("synchro_triggers.replay.run.Backlog.apply", lambda *args: 1 / 0)
    Item.objects.create(name="b")
    with pytest.raises(ZeroDivisionError):
        synchronize()

    assert value("synchro_last_success_timestamp_seconds", **PUSH) == then


@both
def test_last_success_outlives_its_record():
    Item.objects.create(name="a")
    synchronize()
    then = value("synchro_last_success_timestamp_seconds", **PUSH)
    Run.objects.all().delete()

    assert value("synchro_last_success_timestamp_seconds", **PUSH) == pytest.approx(then, abs=60)


@both
@pytest.mark.all_pairs
def test_both_directions_are_told_apart():
    Item.objects.create(name="a")
    Item.objects.using(REMOTE).create(name="b")
    synchronize(both=True)
    Item.objects.using(REMOTE).create(name="c")

    samples = read()

    assert value("synchro_pending_objects", samples, **PULL, model="testapp.Item") == 1
    assert value("synchro_pending_rows", samples, **PUSH) == 0
    for way in (PUSH, PULL):
        assert value("synchro_applied_objects_total", samples, **way, model="testapp.Item", operation="created") == 1
        assert value("synchro_last_success_timestamp_seconds", samples, **way) > 0


@both
def test_project_that_only_fetches_is_told_nothing_of_sending():
    Item.objects.using(REMOTE).create(name="a")
    synchronize(pull=True)

    directions = {dict(labels).get("direction") for _, *labels in read()}

    assert directions == {None, "pull"}


@both
def test_size_of_the_log_is_told():
    before = value("synchro_changelog_bytes")
    Item.objects.bulk_create([Item(name="a" * 50) for _ in range(2000)])

    assert value("synchro_changelog_bytes") > before > 0


@both
@pytest.mark.all_pairs
def test_no_more_rows_are_looked_at_than_said(monkeypatch):
    monkeypatch.setattr(pending, "LOOKED_AT", 5)
    Item.objects.bulk_create([Item(name="a") for _ in range(8)])

    samples = read()

    assert value("synchro_pending_rows", samples, **PUSH) == 5
    assert value("synchro_pending_objects", samples, **PUSH, model="testapp.Item") == 5
    assert "100000" in next(each.told for each in metrics_of_nothing() if each.name == "synchro_pending_rows")


def metrics_of_nothing():
    from synchro_triggers.replay.metrics.figures import Figures

    return metrics_of(Figures(None, {}, (), (), ()))


@both
def test_number_of_statements_does_not_grow_with_the_log(django_assert_max_num_queries):
    def statements():
        number = 0

        def count(execute, *arguments):
            nonlocal number
            number += 1
            return execute(*arguments)

        with connections[LOCAL].execute_wrapper(count), connections[REMOTE].execute_wrapper(count):
            read()
        return number

    Item.objects.create(name="a")
    synchronize()
    Item.objects.create(name="b")
    few = statements()
    Item.objects.bulk_create([Item(name=str(number)) for number in range(500)])

    assert statements() == few < 60


@both
@pytest.mark.vendor("sqlite")
def test_log_that_was_received_is_not_walked_through():
    Item.objects.create(name="a")
    synchronize()
    steps = []

    def count_steps():
        steps.append(1)
        return 0

    ChangeLog.objects.bulk_create(
        [ChangeLog(model_label="testapp.Item", object_pk=str(each), operation="U") for each in range(20_000)]
    )
    synchronize()
    connections[LOCAL].connection.set_progress_handler(count_steps, 1000)
    try:
        pending.read_pending(LOCAL, Checkpoint.objects.using(REMOTE).get(), "")
    finally:
        connections[LOCAL].connection.set_progress_handler(None, 1000)

    assert len(steps) < 10


@both
def test_nothing_is_written():
    read()
    synchronize()
    Item.objects.create(name="a")
    sent = []

    def watch(execute, sql, *arguments):
        sent.append(sql)
        return execute(sql, *arguments)

    with connections[LOCAL].execute_wrapper(watch), connections[REMOTE].execute_wrapper(watch):
        read()

    assert [sql for sql in sent if sql.split()[0] in ("INSERT", "UPDATE", "DELETE")] == []


@both
def test_strange_names_in_the_log_break_no_line():
    strange = 'a"b\\c\nd\r\x00e' if connections[LOCAL].vendor == "sqlite" else 'a"b\\c\nd\re'
    log(model_label=strange)

    models = {dict(labels).get("model") for name, *labels in read() if name == "synchro_pending_objects"}

    [model] = models
    assert model.startswith('a"b\\c\nd\\r') and "\r" not in model


# A remote that is down ------------------------------------------------------------------------------


def moved_away(alias, vendor, tmp_path, monkeypatch):
    lost = {
        "sqlite": {"NAME": str(tmp_path / "no" / "db")},
        "postgres": {"HOST": "127.0.0.1", "PORT": "1", "PASSWORD": "s3cret-word"},
    }
    connections[alias].close()
    for name, changed in lost[vendor].items():
        monkeypatch.setitem(connections[alias].settings_dict, name, changed)


@both_committed
@pytest.mark.all_pairs
def test_remote_that_is_down_is_told_and_no_other_line_goes(vendor, tmp_path, monkeypatch):
    Item.objects.create(name="a")
    synchronize()
    with monkeypatch.context() as patch:
        moved_away(REMOTE, vendor.remote, tmp_path, patch)
        samples = read()
    connections[REMOTE].close()

    assert value("synchro_up", samples, remote=REMOTE) == 0
    assert value("synchro_last_success_timestamp_seconds", samples, **PUSH) > 0
    assert value("synchro_applied_objects_total", samples, **PUSH, model="testapp.Item", operation="created") == 1
    assert not any(name == "synchro_lag_seconds" for name, *_ in samples)
    assert value("synchro_up", remote=REMOTE) == 1


@both_committed
def test_remote_that_was_never_reached_has_never_had_a_success(vendor, tmp_path, monkeypatch):
    with monkeypatch.context() as patch:
        moved_away(REMOTE, vendor.remote, tmp_path, patch)
        with pytest.raises(SynchroError):
            synchronize()
        samples = read()
    connections[REMOTE].close()

    assert value("synchro_last_success_timestamp_seconds", samples, **PUSH) == 0


@both_committed
def test_local_that_is_down_is_an_error_without_secrets(vendor, tmp_path, monkeypatch):
    with monkeypatch.context() as patch:
        moved_away(LOCAL, vendor.local, tmp_path, patch)
        response, ready, alive = asked(), asked("readyz", token=None), asked("healthz", token=None)
    connections[LOCAL].close()

    assert response.status_code == 503 and "'default'" in response.content.decode()
    assert "s3cret-word" not in response.content.decode()
    assert (ready.status_code, ready.json()["trouble"]) == (503, "The database cannot be reached.")
    assert alive.status_code == 200


@both
def test_error_has_no_secrets(monkeypatch):
    def fail():
        raise DatabaseUnreachable("postgres://ann:s3cret-word@there refuses")

    monkeypatch.setattr("synchro_triggers.web.probes.read_figures", fail)

    response = asked()

    assert response.status_code == 503 and b"s3cret-word" not in response.content and b"refuses" in response.content


# Who is told ----------------------------------------------------------------------------------------


@both
@pytest.mark.parametrize(
    "given", ["", "Bearer wrong", f"Bearer {TOKEN}x", f"Basic {TOKEN}", TOKEN, "Bearer ", "Bearer é"]
)
def test_who_has_no_token_is_told_nothing(given):
    response = Client().get(reverse("synchro:metrics"), headers={"Authorization": given} if given else {})

    assert response.status_code == 401 and response["WWW-Authenticate"].startswith("Bearer")
    assert b"synchro_up" not in response.content and TOKEN.encode() not in response.content


@both
@pytest.mark.parametrize("let_in", ["permission", "setting"])
def test_without_a_token_only_who_may_see_the_page_is_told(settings, django_user_model, let_in):
    settings.SYNCHRO_METRICS_TOKEN = None
    client = Client()
    ann = django_user_model.objects.create_user("ann", password="x")
    client.force_login(ann)
    answers = [asked(token=None).status_code, asked(token="None").status_code, asked(client=client).status_code]
    ann.is_staff = True
    ann.save()
    answers.append(asked(client=client, token=None).status_code)
    if let_in == "permission":
        ann.user_permissions.add(Permission.objects.get(codename="view_changelog"))
    else:
        settings.SYNCHRO_STAFF_MAY_SYNCHRONIZE = True

    assert answers == [401] * 4 and asked(client=client, token=None).status_code == 200


@both
def test_nobody_posts_and_nothing_is_cached():
    headers = {"Authorization": f"Bearer {TOKEN}"}

    assert Client().post(reverse("synchro:metrics"), headers=headers).status_code == 405
    assert "no-store" in asked()["Cache-Control"]


@both
@pytest.mark.parametrize("name", ["metrics", "healthz", "readyz"])
def test_middleware_that_asks_for_a_login_lets_probes_through(settings, name):
    settings.MIDDLEWARE = [*settings.MIDDLEWARE, "django.contrib.auth.middleware.LoginRequiredMiddleware"]

    assert asked(name).status_code == 200


@pytest.mark.parametrize("wrong", ["short", "", 17, b"a-token-of-some-length", "a token of some length", "tökén" * 5])
def test_token_that_is_none_is_an_error_that_does_not_repeat_it(settings, wrong):
    settings.SYNCHRO_METRICS_TOKEN = wrong

    with pytest.raises(SynchroConfigurationError, match="SYNCHRO_METRICS_TOKEN") as error:
        get_settings()

    assert not wrong or str(wrong) not in str(error.value)


def test_token_is_in_no_text_of_the_settings():
    assert TOKEN not in repr(get_settings())


# Probes ---------------------------------------------------------------------------------------------


@both
@pytest.mark.all_pairs
def test_probes_ask_no_remote_and_say_what_is_wrong():
    with connections[REMOTE].execute_wrapper(lambda *arguments: pytest.fail("the remote was asked")):
        assert asked("healthz", token=None).json() == {"state": "alive"}
        assert asked("readyz", token=None).json() == {"state": "ready"}
    call_command("synchro_install_triggers", "--uninstall", verbosity=0)
    try:
        response = asked("readyz", token=None)
    finally:
        install_triggers(LOCAL)

    assert response.status_code == 503 and response.json()["state"] == "not ready"
    assert "synchro_install_triggers" in response.json()["trouble"]


# Wrong settings -------------------------------------------------------------------------------------

WRONG = {
    "SYNCHRO_MODELS": ["nope"],
    "SYNCHRO_REMOTE": "nope",
    "SYNCHRO_CONFLICT": "no.such.rule",
    "SYNCHRO_OPTIONS": 5,
    "SYNCHRO_BATCH_SIZE": 0,
    "SYNCHRO_RETENTION": "long",
}


@both
@pytest.mark.parametrize("name", WRONG)
def test_wrong_setting_is_said_in_a_line(settings, name):
    setattr(settings, name, WRONG[name])

    response, stranger, ready, alive = asked(), asked(token=None), asked("readyz", token=None), asked("healthz")

    said = response.content.decode()
    assert (response.status_code, response["Content-Type"]) == (503, "text/plain; charset=utf-8")
    assert said.startswith(name) and said.count("\n") == 1 and said.endswith("\n")
    assert stranger.status_code == 401 and name not in stranger.content.decode()
    assert ready.status_code == 503 and ready.json()["trouble"].startswith("The settings of synchro_triggers are wrong")
    assert alive.status_code == 200


@both
def test_wrong_token_setting_is_said_without_repeating_it(settings):
    settings.SYNCHRO_METRICS_TOKEN = "t0p secret"

    responses = [asked(token="t0p secret"), asked(token=None)]

    for response in responses:
        assert response.status_code == 503 and response.content.startswith(b"SYNCHRO_METRICS_TOKEN must be")
        assert b"t0p" not in response.content


@both
def test_database_of_no_engine_is_said_in_a_line(monkeypatch):
    def fail(*args):
        raise ImproperlyConfigured("'there.is.none' isn't an available database backend.\nTry one of these")

    monkeypatch.setattr("synchro_triggers.web.probes.read_figures", fail)
    monkeypatch.setattr("synchro_triggers.capture.install.compare", fail)

    response, ready = asked(), asked("readyz", token=None)

    assert response.status_code == 503 and response.content.count(b"\n") == 1
    assert ready.status_code == 503 and b"there.is.none" not in ready.content


@both_committed
def test_who_asks_without_a_token_while_the_users_cannot_be_looked_up_is_told_so(
    vendor, tmp_path, monkeypatch, django_user_model
):
    client = Client()
    client.force_login(django_user_model.objects.create_user("ann", password="x", is_staff=True))
    with monkeypatch.context() as patch:
        moved_away(LOCAL, vendor.local, tmp_path, patch)
        response = asked(token=None, client=client)
    connections[LOCAL].close()

    assert response.status_code == 503 and b"s3cret-word" not in response.content
    assert response.content.count(b"\n") == 1


# The text -------------------------------------------------------------------------------------------


def test_text_is_what_the_format_says():
    metrics = [
        Metric("a_total", "counter", "A \\ and\na line.", (Sample({"x": 'q"\\\n', "y": ""}, 3), Sample({}, 0.25))),
        Metric("b", "gauge", "Left out.", ()),
    ]

    assert exposition(metrics) == (
        '# HELP a_total A \\\\ and\\na line.\n# TYPE a_total counter\na_total{x="q\\"\\\\\\n",y=""} 3\na_total 0.25\n'
    )


@both
def test_checkpoint_that_nobody_has_begun_is_not_made():
    read()

    assert not Checkpoint.objects.using(REMOTE).exists()
