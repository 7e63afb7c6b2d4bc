"""A follower ends in order within a second, whatever it does: waits, writes, pauses, or hears nothing of a database."""

from __future__ import annotations

import json
import signal
import sqlite3
import time
from contextlib import closing

import pytest
from django.db import connections

from synchro_triggers import synchronize
from synchro_triggers.models import Checkpoint
from tests.databases import both_committed
from tests.followers import following, slowly_following, started, stop, until, way_to, with_databases
from tests.testapp.models import Item

pytestmark = both_committed

LOCAL, REMOTE = "default", "remote"

STOPS = (signal.SIGTERM, signal.SIGINT)


def names_there():
    return sorted(Item.objects.using(REMOTE).values_list("name", flat=True))


# In order -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("how", STOPS)
def test_follower_that_waits_ends_within_a_second(process_env, how):
    Item.objects.create(name="a")
    env = process_env
    with started("-m", "django", "synchronize", "--follow", "--interval", "3600", env=env) as process:
        until(lambda: names_there() == ["a"])

        _, complained = stop(process, how)

    assert complained == ""


@pytest.mark.parametrize("how", STOPS)
@pytest.mark.parametrize("options", [(), ("--full",)], ids=" ".join)
def test_batch_that_is_under_way_ends_early_and_is_recorded(process_env, how, options):
    Item.objects.bulk_create(Item(name=f"{number:03}") for number in range(200))
    env = {**process_env, "SYNCHRO_TEST_SETTINGS": json.dumps({"SYNCHRO_BATCH_SECONDS": 3600})}
    with slowly_following(env, 0.05, *options) as process:
        for _ in range(5):
            process.stdout.readline()

        said, complained = stop(process, how)

    there = names_there()
    assert complained == "" and 5 <= len(there) < 200
    reports = [json.loads(part) for part in _reports_in(said)]
    assert sum(report["created"] for report in reports) == len(there)
    assert Checkpoint.objects.using(REMOTE).get().run_id == "", "the next run, on another host, would have to wait"
    report = synchronize(full=bool(options))
    assert report.created == 200 - len(there) and not report.updated
    assert names_there() == [f"{number:03}" for number in range(200)]


def _reports_in(said):
    text = said.replace("begun\n", "")
    decoder, place = json.JSONDecoder(), 0
    while text[place:].strip():
        place += len(text[place:]) - len(text[place:].lstrip())
        _, end = decoder.raw_decode(text, place)
        yield text[place:end]
        place = end


# Cut off ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("how", STOPS)
def test_object_that_takes_long_is_cut_off_and_comes_with_the_next_run(process_env, how):
    Item.objects.create(name="a")
    with slowly_following(process_env, 60) as process:
        process.stdout.readline()

        _, complained = stop(process, how)

    assert "Ended in the middle of its work" in complained
    until(lambda: names_there() == [])
    assert synchronize().created == 1


@pytest.mark.parametrize("alias", [LOCAL, REMOTE])
@pytest.mark.parametrize("how", STOPS)
def test_follower_ends_while_a_database_hangs(process_env, vendor, alias, how):
    Item.objects.create(name="a")
    with way_to(alias, process_env, vendor) as (env, gate), following(env) as process:
        until(lambda: names_there() == ["a"])
        gate.freeze()
        if alias == REMOTE:
            Item.objects.create(name="b")
        time.sleep(0.5)  # by now it waits for an answer

        stop(process, how)

    if alias == REMOTE:
        assert synchronize().created == 1


# Pauses -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("how", STOPS)
def test_follower_ends_while_the_remote_is_down(process_env, vendor, tmp_path, how):
    nowhere = {
        "sqlite": {"NAME": str(tmp_path / "no-such-folder" / "database.sqlite3")},
        "postgres": {"HOST": "127.0.0.1", "PORT": "1"},
    }[vendor.remote]
    env = with_databases(process_env, remote=lambda before: {**before, **nowhere})
    with following(env) as process:
        said = process.stderr.readline()
        time.sleep(0.5)

        _, more = stop(process, how)

    assert "remote" in said and more == "", "it says the same again"


@pytest.mark.vendor("postgres")
@pytest.mark.parametrize("alias", [LOCAL, REMOTE])
def test_follower_comes_back_when_a_database_does_and_says_each_once(process_env, vendor, alias):
    Item.objects.create(name="a")
    with way_to(alias, process_env, vendor) as (env, gate), following(env) as process:
        until(lambda: names_there() == ["a"])
        time.sleep(0.5)  # its first run is over
        gate.shut()
        Item.objects.create(name="b")
        lost = process.stderr.readline()
        time.sleep(2.5)  # several tries
        gate.open()
        until(lambda: names_there() == ["a", "b"])

        _, more = stop(process)

    assert repr(alias) in lost and more == ""


@pytest.mark.vendor("sqlite")
def test_local_database_that_is_locked_for_a_while_is_said_once(process_env):
    Item.objects.create(name="a")
    env = with_databases(process_env, default=lambda before: {**before, "OPTIONS": {"timeout": 0.1}})
    with following(env) as process:
        until(lambda: names_there() == ["a"])
        time.sleep(0.5)  # its first run is over
        with closing(sqlite3.connect(connections[LOCAL].settings_dict["NAME"], isolation_level=None)) as other:
            other.execute("BEGIN EXCLUSIVE")
            lost = process.stderr.readline()
            time.sleep(2)
        Item.objects.create(name="b")
        until(lambda: names_there() == ["a", "b"])

        _, more = stop(process)

    assert "default" in lost and more == ""
