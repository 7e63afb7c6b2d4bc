"""The health of a follower, and the file that others read meanwhile."""

from __future__ import annotations

import json
import os
import threading
from types import SimpleNamespace

import pytest

from synchro_triggers.management.probes import HealthFile, address_of
from synchro_triggers.replay.choices import Way
from synchro_triggers.replay.following import health as module
from synchro_triggers.replay.following.health import HANGS_AFTER, Health

FIRST, SECOND = Way("default", "main"), Way("default", "branch")


@pytest.fixture
def clock(monkeypatch):
    clock = SimpleNamespace(now=1000.0, monotonic=lambda: clock.now)
    monkeypatch.setattr(module, "time", clock)
    return clock


def test_states_of_a_follower_of_two_remotes(clock):
    health = Health()
    health.begin([FIRST, SECOND])
    assert (health.state, health.as_dict()["lag"]) == ("starting", None)

    health.note_success(FIRST, clock.now)
    assert health.state == "starting"
    health.note_success(SECOND, clock.now)
    assert health.state == "following" and health.is_ready()[0]

    clock.now += 5
    health.note_success(FIRST, clock.now)
    health.note_trouble("down", SECOND)
    told = health.as_dict()
    assert (told["state"], told["lag"]) == ("trouble", 5) and not health.is_ready()[0]
    assert [(way["remote"], way["lag"], way["trouble"]) for way in told["ways"]] == [
        ("main", 0, None),
        ("branch", 5, "down"),
    ]

    health.note_success(SECOND, clock.now)
    health.note_trouble("LOCAL is down", None)
    assert health.state == "trouble" and health.as_dict()["trouble"] == "LOCAL is down"
    health.note_trouble("", None)
    assert health.state == "following"
    health.stop()
    assert health.state == "stopped" and not health.is_ready()[0]


def test_follower_without_a_sign_of_life_hangs(clock):
    health = Health()
    health.begin([FIRST])
    health.note_success(FIRST, clock.now)
    clock.now += HANGS_AFTER - 1
    assert health.is_alive()[0] and health.is_ready()[0]

    clock.now += 1
    assert not health.is_alive()[0] and not health.is_ready()[0]

    health.beat()
    assert health.is_alive()[0]


def test_only_news_is_told_as_such(clock):
    told = []
    health = Health(told.append)
    health.begin([FIRST])
    health.note_success(FIRST, clock.now)
    health.note_success(FIRST, clock.now)
    health.note_trouble("down", FIRST)
    health.note_trouble("down", FIRST)
    health.note_success(FIRST, clock.now)
    health.note_pass()
    health.note_pass()

    assert told == [True, True, False, True, False, True, True, False]


def test_who_reads_the_file_never_finds_half_of_it(tmp_path):
    path = tmp_path / "health.json"
    number = iter(range(10**9))
    file = HealthFile(str(path), lambda: {"number": next(number), "text": "x" * 100_000})
    ended = threading.Event()

    def write():
        while not ended.is_set():
            file.write(True)

    writer = threading.Thread(target=write)
    writer.start()
    try:
        numbers = [json.loads(path.read_text())["number"] for _ in range(300)]
    finally:
        ended.set()
        writer.join()

    assert numbers == sorted(numbers) and len(set(numbers)) > 1


def test_file_beside_it_is_not_followed(tmp_path):
    theirs = tmp_path / "theirs"
    theirs.write_text("theirs")
    (tmp_path / f".health.json.{os.getpid()}").symlink_to(theirs)

    HealthFile(str(tmp_path / "health.json"), dict)

    assert theirs.read_text() == "theirs" and json.loads((tmp_path / "health.json").read_text()) == {}


@pytest.mark.parametrize(
    ("where", "address"),
    [
        ("8080", ("127.0.0.1", 8080)),
        ("0.0.0.0:8080", ("0.0.0.0", 8080)),
        ("[::1]:80", ("::1", 80)),
        ("::1:80", ("::1", 80)),
    ],
)
def test_port_is_that_of_this_machine_unless_told_otherwise(where, address):
    assert address_of(where) == address
