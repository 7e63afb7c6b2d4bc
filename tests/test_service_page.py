"""``docs/how-to/service.md``: its units and its manifest say what the command understands, and what holds together."""

from __future__ import annotations

import configparser
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest
import yaml

from synchro_triggers.exceptions import Refused, SynchroConfigurationError
from synchro_triggers.management.commands.synchronize import Command
from synchro_triggers.management.probes import address_of
from synchro_triggers.replay.state.lease import EXPIRES
from tests.databases import both_committed
from tests.followers import started, stop, until
from tests.testapp.models import Item

PAGE = (Path(__file__).parents[1] / "docs" / "how-to" / "service.md").read_text(encoding="utf-8")

UNITS = dict(re.findall(r"`/etc/systemd/system/([\w@.-]+)`:\n\n```ini\n(.*?)```", PAGE, re.DOTALL))
[MANIFEST] = [yaml.safe_load(text) for text in re.findall(r"```yaml\n(.*?)```", PAGE, re.DOTALL)]

SERVICE = "synchro@.service"


def unit(name):
    parser = configparser.ConfigParser(interpolation=None, strict=True)
    parser.optionxform = str
    parser.read_string(UNITS[name])
    return parser


def options_of(words):
    """Return what the command makes of the words of a command line, ``python manage.py`` included."""
    python, manage, command, *arguments = words
    assert (Path(python).name, manage, command) == ("python", "manage.py", "synchronize")
    return vars(Command().create_parser("manage.py", "synchronize").parse_args(arguments))


def test_page_has_what_the_issue_of_a_service_needs():
    assert [*UNITS] == [SERVICE, "synchro-alive@.timer", "synchro-alive@.service"]
    assert f"waits up to {EXPIRES} seconds" in PAGE


def test_unit_follows_and_is_not_started_anew_in_vain():
    service = unit(SERVICE)["Service"]
    options = options_of(shlex.split(service["ExecStart"]))

    assert options["follow"] and options["remote"] == "%i" and options["verbosity"] == 0
    assert options["health_file"] == "%t/synchro-%i/health.json"
    assert service["RuntimeDirectory"] == "synchro-%i"  # of which %t is the folder above
    codes = {str(SynchroConfigurationError.exit_code), str(Refused.exit_code)}
    assert set(service["RestartPreventExitStatus"].split()) == codes and service["Restart"] == "on-failure"
    assert int(service["TimeoutStopSec"]) >= 2


def test_timer_looks_at_the_file_of_the_service():
    alive = unit("synchro-alive@.service")["Service"]["ExecStart"]

    assert "%t/synchro-%i/health.json" in alive and alive.endswith("systemctl try-restart synchro@%i'")


@pytest.mark.parametrize(("minutes", "starts_anew"), [(4, False), (6, True)])
def test_follower_whose_file_is_old_is_started_anew(tmp_path, minutes, starts_anew):
    folder = tmp_path / "synchro-main"
    folder.mkdir()
    (folder / "health.json").write_text("{}")
    then = time.time() - 60 * minutes
    os.utime(folder / "health.json", (then, then))
    programs = tmp_path / "bin"
    programs.mkdir()
    (programs / "systemctl").write_text('#!/bin/sh\necho "$@"\n')
    (programs / "systemctl").chmod(0o755)
    line = unit("synchro-alive@.service")["Service"]["ExecStart"].replace("%t", str(tmp_path)).replace("%i", "main")

    env = {**os.environ, "PATH": f"{programs}:{os.environ['PATH']}"}
    done = subprocess.run(shlex.split(line), env=env, capture_output=True, text=True)

    assert done.returncode == 0 and done.stdout == ("try-restart synchro@main\n" if starts_anew else "")


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="there is no systemd here")
def test_systemd_accepts_the_units(tmp_path):
    for name, text in UNITS.items():
        text = text.replace("/srv/site/.venv/bin/python", sys.executable).replace("/srv/site", str(tmp_path))
        (tmp_path / name).write_text(text)
    names = [str(tmp_path / name.replace("@", "@main")) for name in UNITS]
    env = {**os.environ, "SYSTEMD_UNIT_PATH": f"{tmp_path}:"}

    done = subprocess.run(["systemd-analyze", "verify", *names], capture_output=True, text=True, env=env)

    said = [line for line in done.stderr.splitlines() if "synchro" in line]
    assert done.returncode == 0 and said == [], done.stderr


@both_committed
def test_what_the_unit_starts_follows_and_stops(process_env, tmp_path):
    Item.objects.create(name="a")
    folder = tmp_path / "synchro-remote"
    folder.mkdir()
    line = unit(SERVICE)["Service"]["ExecStart"].replace("%t", str(tmp_path)).replace("%i", "remote")
    with started("-m", "django", *shlex.split(line)[2:], env=process_env) as process:
        file = folder / "health.json"
        until(lambda: file.exists() and json.loads(file.read_text())["state"] == "following")

        said, complained = stop(process)

    assert said == complained == "" and Item.objects.using("remote").exists()


def test_manifest_holds_together():
    pod = MANIFEST["spec"]["template"]
    [container] = pod["spec"]["containers"]

    assert (MANIFEST["apiVersion"], MANIFEST["kind"], MANIFEST["spec"]["replicas"]) == ("apps/v1", "Deployment", 1)
    assert MANIFEST["spec"]["strategy"] == {"type": "Recreate"}
    assert MANIFEST["spec"]["selector"]["matchLabels"] == pod["metadata"]["labels"] == MANIFEST["metadata"]["labels"]
    assert pod["spec"]["terminationGracePeriodSeconds"] >= 2
    options = options_of(container["command"])
    assert options["follow"] and options["remote"] == "main"
    [port] = container["ports"]
    assert address_of(options["health_port"]) == ("0.0.0.0", port["containerPort"])
    probes = {name: container[name]["httpGet"] for name in ("livenessProbe", "readinessProbe")}
    assert probes == {
        "livenessProbe": {"path": "/healthz", "port": port["name"]},
        "readinessProbe": {"path": "/readyz", "port": port["name"]},
    }
