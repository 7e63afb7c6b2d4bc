"""What probes learn of a follower: by ``--health-file`` and ``--health-port``."""

from __future__ import annotations

import json
import os
import re
import socket
import threading
import time
import urllib.error
import urllib.request
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

from synchro_triggers.management.probes import answering
from synchro_triggers.replay.following.health import HANGS_AFTER
from tests.databases import both, both_committed
from tests.followers import following, slowly_following, stop, until, way_to, with_databases
from tests.processes import run
from tests.testapp.models import Item, Numbered

LOCAL, REMOTE = "default", "remote"


def names_there():
    return sorted(Item.objects.using(REMOTE).values_list("name", flat=True))


@pytest.fixture
def file(tmp_path):
    return tmp_path / "health.json"


def read(file):
    return json.loads(file.read_text()) if file.exists() else {}


def free_port():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return taken.getsockname()[1]


def asked(path, port, host="127.0.0.1"):
    try:
        with urllib.request.urlopen(f"http://{host}:{port}{path}", timeout=5) as answer:
            return answer.status, json.loads(answer.read())
    except urllib.error.HTTPError as error:
        return error.code, json.loads(error.read())
    except OSError:
        return 0, {}


@pytest.fixture
def nowhere(vendor, tmp_path):
    """Changes an entry of ``DATABASES`` to a database that is down."""
    lost = {
        "sqlite": {"NAME": str(tmp_path / "no-such-folder" / "database.sqlite3")},
        "postgres": {"HOST": "127.0.0.1", "PORT": "1", "PASSWORD": "sesame"},
    }[vendor.remote]
    return lambda before: {**before, **lost}


# All is well ---------------------------------------------------------------------------------------


@both_committed
def test_file_and_port_tell_how_a_follower_is_until_it_ends(process_env, file):
    Item.objects.create(name="a")
    port = free_port()
    with following(process_env, "--health-file", str(file), "--health-port", str(port)) as process:
        until(lambda: asked("/readyz", port)[0] == 200)
        until(lambda: read(file)["last_pass"])
        told = read(file)
        assert names_there() == ["a"]
        assert told["state"] == "following" and told["pid"] == process.pid and told["trouble"] is None
        assert told["lag"] < 5 and told["last_pass"] <= told["written"] and told["last_success"] <= told["written"]
        assert [(way["source"], way["remote"], way["trouble"]) for way in told["ways"]] == [(LOCAL, REMOTE, None)]
        status, body = asked("/healthz", port)
        assert status == 200 and body.keys() == told.keys()
        assert asked("/elsewhere", port)[0] == 404
        assert asked("/healthz", port, host="127.0.0.2")[0] == 0, "it answers others than localhost"
        before = file.stat().st_mtime
        until(lambda: file.stat().st_mtime > before)  # also where nothing happens

        stop(process)

    assert read(file)["state"] == "stopped"
    assert asked("/healthz", port)[0] == 0
    assert os.listdir(file.parent) == [file.name]


@both_committed
def test_port_of_all_addresses_is_there_for_who_asks_for_it(process_env):
    port = free_port()
    with following(process_env, "--health-port", f"0.0.0.0:{port}"):
        until(lambda: asked("/healthz", port, host="127.0.0.2")[0] == 200)


@both_committed
def test_kept_object_is_no_lag_and_what_waits_behind_one_that_stops_runs_is(process_env, file):
    Numbered.objects.using(REMOTE).create(number=1, name="theirs")
    Numbered.objects.create(number=1, name="ours")
    with following(process_env, "--health-file", str(file)):
        until(lambda: read(file).get("state") == "following")
        assert read(file)["lag"] < 5

    with following(process_env, "--health-file", str(file), "--on-error", "stop") as process:
        process.stdout.readline()
        had_run = time.time()
        until(lambda: file.stat().st_mtime > had_run + 1)  # it is written each second
        assert read(file)["pid"] == process.pid and read(file)["lag"] is None


@both_committed
def test_page_describes_what_there_is(process_env, file):
    page = (Path(__file__).parents[2] / "docs" / "how-to" / "service.md").read_text()
    page = page.split("## How it is\n")[1].split("\n## ")[0]
    [example] = re.findall(r"```json\n(.*?)```", page, re.DOTALL)
    with following(process_env, "--health-file", str(file)):
        until(lambda: read(file).get("state") == "following")
        told = read(file)

    shown = json.loads(example)
    assert [*shown] == [*told] and [*shown["ways"][0]] == [*told["ways"][0]]
    assert re.findall(r"^\| `(\w+)` \|", page, re.MULTILINE) == [*told]
    assert f"less than {HANGS_AFTER:.0f} seconds ago" in page


@both_committed
def test_long_full_run_before_it_is_a_sign_of_life(process_env, file):
    Item.objects.bulk_create(Item(name=f"{number:03}") for number in range(200))
    options = ("--full", "--health-file", str(file))
    with slowly_following(process_env, 0.05, *options) as process:
        process.stdout.readline()
        before = file.stat().st_mtime
        until(lambda: file.stat().st_mtime > before)
        assert read(file)["state"] == "starting"

        stop(process)


@both_committed
def test_what_a_full_run_keeps_ends_no_follower(process_env, file):
    Numbered.objects.using(REMOTE).create(number=1, name="theirs")
    Numbered.objects.create(number=1, name="ours")
    with following(process_env, "--full", "--health-file", str(file)) as process:
        assert "testapp.Numbered" in process.stderr.readline()
        until(lambda: read(file).get("state") == "following")
        stop(process)


# In trouble ----------------------------------------------------------------------------------------


@both_committed
def test_remote_that_is_down_is_no_reason_to_start_anew(process_env, file, nowhere):
    port = free_port()
    env = with_databases(process_env, remote=nowhere)
    with following(env, "--health-file", str(file), "--health-port", str(port)):
        until(lambda: read(file).get("state") == "trouble")
        told = read(file)

        assert asked("/healthz", port)[0] == 200 and asked("/readyz", port)[0] == 503
        assert told["lag"] is None and "'remote'" in told["ways"][0]["trouble"] and "sesame" not in file.read_text()


@both_committed
@pytest.mark.vendor("postgres")
@pytest.mark.parametrize("alias", [LOCAL, REMOTE])
def test_lag_grows_while_a_database_is_down_and_is_over_with_it(process_env, vendor, file, alias):
    Item.objects.create(name="a")
    with (
        way_to(alias, process_env, vendor) as (env, gate),
        following(env, "--health-file", str(file)),
    ):
        until(lambda: read(file).get("state") == "following")
        gate.shut()
        Item.objects.create(name="b")
        until(lambda: read(file)["state"] == "trouble" and read(file)["lag"] > 1.5)
        gate.open()
        until(lambda: read(file)["state"] == "following" and read(file)["lag"] < 1)
    assert names_there() == ["a", "b"]


@both_committed
def test_file_of_a_follower_that_hangs_grows_old(process_env, vendor, file):
    Item.objects.create(name="a")
    with way_to(REMOTE, process_env, vendor) as (env, gate), following(env, "--health-file", str(file)) as process:
        until(lambda: read(file).get("state") == "following")
        gate.freeze()
        Item.objects.create(name="b")
        until(lambda: time.time() - file.stat().st_mtime > 3)  # it is written each second

        stop(process)


@both_committed
def test_file_that_cannot_be_written_any_more_ends_nothing_and_is_said_once(process_env, tmp_path):
    folder = tmp_path / "folder"
    folder.mkdir()
    with following(process_env, "--health-file", str(folder / "health.json")) as process:
        until((folder / "health.json").exists)
        folder.rename(tmp_path / "elsewhere")
        assert "cannot be written any more" in process.stderr.readline()
        time.sleep(2.5)
        Item.objects.create(name="a")
        until(lambda: names_there() == ["a"])

        _, more = stop(process)

    assert more == ""


# Before anything else ------------------------------------------------------------------------------


@both_committed
def test_port_that_is_taken_is_one_error_before_anything_else(process_env, nowhere):
    env = with_databases(process_env, remote=nowhere, default=nowhere)
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        done = run("-m", "django", "synchronize", "--follow", "--health-port", str(port), env=env, timeout=600)

    assert done.returncode == 2 and len(done.stderr.splitlines()) == 1
    assert f"--health-port {port}: 127.0.0.1 port {port} cannot be had: Address already in use" in done.stderr


@both_committed
def test_folder_that_is_not_there_is_one_error_before_anything_else(process_env, tmp_path, nowhere):
    path = str(tmp_path / "nowhere" / "health.json")
    env = with_databases(process_env, remote=nowhere, default=nowhere)
    done = run("-m", "django", "synchronize", "--follow", "--health-file", path, env=env, timeout=600)

    assert done.returncode == 2 and len(done.stderr.splitlines()) == 1
    assert f"--health-file {path}: it cannot be written: No such file or directory" in done.stderr


@both
@pytest.mark.parametrize("port", ["0", "65536", "x", "", ":8080", "-1", "٣", "localhost", "8080:"])
def test_what_is_no_port_is_said(port):
    with pytest.raises(CommandError, match="--health-port must be a port") as caught:
        call_command("synchronize", "--follow", f"--health-port={port}")
    assert caught.value.returncode == 2


@both
@pytest.mark.parametrize("path", ["", "/dev/null", "/tmp"])
def test_what_is_there_and_no_file_is_left_alone(path):
    with pytest.raises(CommandError, match="that is there, and no file") as caught:
        call_command("synchronize", "--follow", f"--health-file={path}")
    assert caught.value.returncode == 2 and not Path("/dev/null").is_file()


@both
def test_host_that_is_not_known_is_said():
    with pytest.raises(CommandError, match="cannot be had") as caught:
        call_command("synchronize", "--follow", "--health-port", "no.such.host.invalid:8080")
    assert caught.value.returncode == 2


@both
@pytest.mark.parametrize("option", ["--health-file=/tmp/never", "--health-port=1"])
def test_health_is_that_of_a_follower(option):
    with pytest.raises(CommandError, match="tells of --follow") as caught:
        call_command("synchronize", option)
    assert caught.value.returncode == 2
    assert not Path("/tmp/never").exists()


@both
def test_threads_of_a_port_end_with_it():
    before = threading.active_count()
    port = free_port()
    with answering(str(port), {"/healthz": lambda: (False, {"state": "trouble"})}):
        assert asked("/healthz", port) == (503, {"state": "trouble"})
        idle = socket.create_connection(("127.0.0.1", port))  # says nothing
    with idle:
        assert asked("/healthz", port)[0] == 0
    until(lambda: threading.active_count() <= before + 1)
