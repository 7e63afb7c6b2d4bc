"""``docs/how-to/metrics.md`` and Grafana's board name what there is, and Prometheus understands all of it."""

from __future__ import annotations

import ast
import inspect
import json
import re
import subprocess
import time
from dataclasses import replace
from pathlib import Path

import pytest
import yaml
from prometheus_client.parser import text_string_to_metric_families

from synchro_triggers import synchronize
from synchro_triggers.contrib.health_check import Synchronization
from synchro_triggers.replay.metrics.figures import Figures, read_figures
from synchro_triggers.replay.metrics.pending import LOOKED_AT
from synchro_triggers.web.metrics import metrics_of
from tests.databases import ALIASES
from tests.prometheus_server import prometheus, reason_for_none
from tests.testapp.models import Item

ROOT = Path(__file__).parents[1]
PAGE = (ROOT / "docs" / "how-to" / "metrics.md").read_text(encoding="utf-8")
BOARD = json.loads((ROOT / "docker" / "grafana-board.json").read_text(encoding="utf-8"))
CONFIG, RULES = re.findall(r"```yaml\n(.*?)```", PAGE, re.DOTALL)

METRICS = {each.name for each in metrics_of(Figures(None, {}, (), (), ()))}
LOCAL, REMOTE = ALIASES
TOKEN = "a-token-of-some-length"

needs_prometheus = pytest.mark.skipif(bool(reason_for_none()), reason=reason_for_none() or "-")


def expressions():
    """Return what the board asks, as Grafana would send it."""
    found = [target["expr"] for panel in BOARD["panels"] for target in panel["targets"]]
    return [each.replace("$remote", ".*").replace("$__rate_interval", "1m") for each in found]


def of_ours(text):
    return set(re.findall(r"\bsynchro_\w+", text)) - {"synchro_triggers"}


def test_table_names_each_metric_and_no_other():
    assert set(re.findall(r"^\| `(synchro_\w+)` \| ", PAGE, re.MULTILINE)) == METRICS
    assert f"no more than {LOOKED_AT:,} waiting log rows" in PAGE


def test_rules_and_board_name_only_metrics_that_there_are():
    asked = [rule["expr"] for group in yaml.safe_load(RULES)["groups"] for rule in group["rules"]]
    variable = next(each for each in BOARD["templating"]["list"] if each["name"] == "remote")

    assert of_ours(" ".join(asked)) <= METRICS
    assert of_ours(" ".join([*expressions(), variable["query"]["query"]])) == METRICS
    assert len({panel["id"] for panel in BOARD["panels"]}) == len(BOARD["panels"])


def test_arguments_of_the_check_are_those_of_the_page():
    named = set(re.findall(r"^\| `(\w+)` = ", PAGE, re.MULTILINE))
    [given] = re.findall(r"Synchronization\", (\{.*?\})\)\]", PAGE)

    assert named == set(inspect.signature(Synchronization).parameters)
    assert vars(Synchronization(**ast.literal_eval(given)))["max_lag"] == 300


@pytest.fixture
def files(live_server, settings):
    """The page's files, made to scrape the server of the test, and soon."""
    settings.SYNCHRO_METRICS_TOKEN = TOKEN
    config = yaml.safe_load(CONFIG)
    [job] = config["scrape_configs"]
    assert job["authorization"]["credentials_file"] == "/etc/prometheus/synchro-token"
    job |= {"scrape_interval": "1s", "scrape_timeout": "1s"}
    job["authorization"]["credentials_file"] = "synchro-token"
    job["static_configs"] = [{"targets": [live_server.url.removeprefix("http://")]}]
    config["global"] = {"evaluation_interval": "1s"}
    return {"prometheus.yml": yaml.safe_dump(config), "synchro-rules.yml": RULES, "synchro-token": TOKEN}


def until(look, seconds=60):
    end = time.monotonic() + seconds
    while not (found := look()):
        assert time.monotonic() < end, f"not within {seconds} seconds: {found!r}"
        time.sleep(0.1)
    return found


@needs_prometheus
@pytest.mark.django_db(databases=ALIASES, transaction=True)
def test_prometheus_scrapes_it_and_understands_rules_and_board(files):
    Item.objects.create(name="a")
    synchronize()
    Item.objects.create(name="b")
    with prometheus(files) as server:
        pending = until(lambda: server.query("synchro_pending_objects"))
        [target] = server.get("targets")["activeTargets"]
        applied = server.query("synchro_applied_objects_total")
        lag = server.query("synchro_lag_seconds > 0")
        answers = [server.query(each) for each in expressions()]
        until(lambda: {each["health"] for each in rules_of(server)} == {"ok"})

    push = (("direction", "push"), ("model", "testapp.Item"))
    assert (target["health"], target["lastError"]) == ("up", "")
    assert pending == {(*push, ("remote", REMOTE)): 1}
    assert applied == {(*push, ("operation", "created"), ("remote", REMOTE)): 1}
    assert [*lag] == [(("direction", "push"), ("remote", REMOTE))]
    assert answers[0] == {(("remote", REMOTE),): 1}


def rules_of(server):
    return [rule for group in server.get("rules")["groups"] for rule in group["rules"]]


@needs_prometheus
def test_promtool_accepts_config_and_rules(tmp_path):
    token = tmp_path / "synchro-token"
    token.write_text(TOKEN)
    (tmp_path / "prometheus.yml").write_text(CONFIG.replace("/etc/prometheus/synchro-token", str(token)))
    (tmp_path / "synchro-rules.yml").write_text(RULES)

    done = subprocess.run(["promtool", "check", "config", tmp_path / "prometheus.yml"], capture_output=True, text=True)

    assert done.returncode == 0 and "5 rules found" in done.stdout, done.stdout + done.stderr


@needs_prometheus
def test_promtool_accepts_the_config_of_the_demo():
    demo = ROOT / "docker" / "prometheus.yml"

    done = subprocess.run(["promtool", "check", "config", demo], capture_output=True, text=True)

    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.django_db(databases=ALIASES)
def test_board_groups_and_names_by_labels_that_there_are():
    Item.objects.create(name="a")
    synchronize()
    Item.objects.create(name="b")
    figures = read_figures()
    figures = replace(figures, ways=tuple(replace(each, conflicts={"newest": 1}) for each in figures.ways))
    labels = {metric.name: {*metric.samples[0].labels, "instance"} for metric in metrics_of(figures)}

    for panel in BOARD["panels"]:
        for target in panel["targets"]:
            [name] = of_ours(target["expr"])
            groups = re.findall(r"\bby \(([^)]*)\)", target["expr"])
            named = {*", ".join(groups).split(", "), *re.findall(r"{{(\w+)}}", target["legendFormat"])} - {""}
            assert named and named <= labels[name], panel["title"]


@pytest.mark.django_db(databases=ALIASES)
def test_promtool_finds_nothing_to_say_of_the_text(client, settings):
    settings.SYNCHRO_METRICS_TOKEN = TOKEN
    Item.objects.create(name="a")
    synchronize()
    text = client.get("/synchro/metrics", headers={"Authorization": f"Bearer {TOKEN}"}).content.decode()

    assert {each.name for each in text_string_to_metric_families(text)} >= {"synchro_up", "synchro_applied_objects"}
    if not reason_for_none():
        done = subprocess.run(["promtool", "check", "metrics"], input=text, capture_output=True, text=True)
        assert (done.returncode, done.stdout + done.stderr) == (0, "")


@pytest.mark.django_db(databases=ALIASES)
def test_what_the_page_day_to_day_prints_is_the_beginning_of_the_text(client, settings):
    settings.SYNCHRO_METRICS_TOKEN = TOKEN
    told = (ROOT / "docs" / "how-to" / "day-to-day.md").read_text(encoding="utf-8")
    [(path, printed)] = re.findall(
        r"```text\n\$ curl [^\n]* https://www.example.com(\S+)\n(.*?)\.\.\.\n```", told, re.DOTALL
    )

    text = client.get(path, headers={"Authorization": f"Bearer {TOKEN}"}).content.decode()

    assert re.sub(r"(bytes) \d+", r"\1 49152", text).startswith(printed)
