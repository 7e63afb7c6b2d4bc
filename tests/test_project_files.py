"""What stands beside the package: workflow, hooks, templates, changelog and lock name what there is."""

from __future__ import annotations

import datetime
import re
import runpy
import subprocess
import tomllib

import pytest
import yaml

import synchro_triggers
from synchro_triggers import Clash, Conflict, Decision
from tests.pages import ROOT, page

WORKFLOW = ".github/workflows/ci.yml"
PROJECT = tomllib.loads(page("pyproject.toml"))


def targets():
    told = subprocess.run(["make", "help"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    return set(re.findall(r"make ([a-z-]+)", told))


@pytest.mark.parametrize("path", [*sorted(ROOT.glob(".github/**/*.yml")), ROOT / ".pre-commit-config.yaml"], ids=str)
def test_yaml_is_read(path):
    assert yaml.safe_load(path.read_text())


def called():
    """Return the targets of make that the workflow calls."""
    steps = [step for job in yaml.safe_load(page(WORKFLOW))["jobs"].values() for step in job["steps"]]
    lines = [line for step in steps for line in re.findall(r"make ([^\n]*)", step.get("run", ""))]
    return {word for line in lines for word in line.split() if re.fullmatch(r"[a-z][a-z-]*", word)}


def test_workflow_calls_what_make_has_and_needs_nothing_that_is_not_in_the_repository():
    assert called() <= targets()
    assert not re.search(r"\.\./|shared", page(WORKFLOW))


def test_all_that_ci_runs_is_run_by_the_workflow_but_what_takes_long():
    ours = set(re.findall(r"\bmake ([a-z-]+)", re.sub(r"(#|echo).*", "", page(".ci/run"))))

    assert {"lint", "test", "release-check"} <= ours
    assert ours - called() == {"sites", "demo-offices-postgres", "demo-month-postgres"}


def test_hooks_run_what_make_lint_runs():
    hooks = [
        hook["entry"] for repo in yaml.safe_load(page(".pre-commit-config.yaml"))["repos"] for hook in repo["hooks"]
    ]
    lint = page("Makefile").partition("\nlint:")[2].partition("\n\n")[0]
    for program in re.findall(r"\$\(BIN\)/(\S+)", lint):
        assert any(entry.startswith(f".venv/bin/{program} ") for entry in hooks), program


def test_changelog_is_one_that_is_kept():
    """In the form of keepachangelog.com: versions, newest first, with a date, and kinds of changes."""
    text = page("CHANGELOG.md")
    versions = re.findall(r"^## (.*)", text, re.MULTILINE)

    assert versions[0] == "[Unreleased]"
    assert all(re.fullmatch(r"\[\d+\.\d+\.\d+\] - \d{4}-\d\d-\d\d", version) for version in versions[1:])
    kinds = {"Added", "Changed", "Deprecated", "Removed", "Fixed", "Security"}
    assert set(re.findall(r"^### (.*)", text, re.MULTILINE)) <= kinds


def test_lock_has_all_that_development_needs():
    locked = set(re.findall(r"^([\w.-]+)==", page("requirements-dev.lock"), re.MULTILINE))
    groups = [each for group in PROJECT["dependency-groups"].values() for each in group if isinstance(each, str)]
    extras = PROJECT["project"]["optional-dependencies"]
    wanted = [*groups, *PROJECT["project"]["dependencies"], *extras["postgres"], *extras["progress"]]

    names = {re.match(r"[\w.-]+", each)[0].lower().replace("_", "-") for each in wanted}
    assert names <= locked, "make lock"


def test_nobody_is_named_who_cannot_be_reached():
    for name in ("SECURITY.md", "CODE_OF_CONDUCT.md", "CONTRIBUTING.md", "pyproject.toml"):
        assert not re.search(r"[\w.+-]+@[\w-]+\.\w+", page(name)), f"{name} names an address"


def test_what_type_checkers_see_is_checked_and_runs():
    types = page("Makefile").partition("\ntypes:")[2].partition("\n\n")[0]
    assert "/mypy" in types and "/basedpyright" in types
    tools = PROJECT["tool"]
    assert "examples/typed" in tools["mypy"]["files"] and tools["mypy"]["strict"]
    assert tools["pyright"]["include"] == ["synchro_triggers", "examples/typed"]
    assert tools["pyright"]["typeCheckingMode"] == "standard"

    names = runpy.run_path(str(ROOT / "examples" / "typed" / "using.py"))

    now = datetime.datetime.now(datetime.UTC)
    assert names["newest_but_prices"](Conflict("shop.Price", "1", "1", now, now)) is Decision.REMOTE
    clash = Clash("shop.Ticket", ("number",), {"number": "1"}, {"number": "1"}, now, now, renamed_author="abcdef")
    assert names["another_number"](clash) == {"number": "1-abcd"}
    assert set(synchro_triggers.__all__) - names.keys() == {
        *("FieldDifference", "ModelComparison", "NaturalManager", "State", "SynchroConfigurationError")
    }


def test_nothing_is_promised_that_nobody_has_agreed_to_and_no_address_is_invented():
    assert not re.search(r"within an? \w+|\d+ (hours|days|weeks)", page("SECURITY.md"))
    assert PROJECT["project"]["urls"].keys() <= {"Predecessor", "Source", "Issues", "Documentation", "Changelog"}


def test_containers_of_the_demo_are_reached_from_here_alone_tell_how_they_are_and_are_not_root():
    services = yaml.safe_load(page("docker/site.yml"))["services"]
    assert {"main", "office", "site", "follower", "prometheus", "grafana"} <= services.keys()
    for name, service in services.items():
        assert "healthcheck" in service or name == "prepare", f"{name} has no health check"
        assert all(port.startswith("127.0.0.1:") for port in service.get("ports", ())), name
        for volume in service.get("volumes", ()):
            assert (ROOT / "docker" / volume.split(":")[0]).is_file(), volume
    steps = re.findall(r"^(USER|CMD) (.*)", page("docker/Dockerfile"), re.MULTILINE)
    assert [step for step, _ in steps] == ["USER", "CMD"] and steps[0][1] == "demo"
    for line in re.findall(r"^COPY (.*) \S+$", page("docker/Dockerfile"), re.MULTILINE):
        for path in line.split():
            assert (ROOT / path).exists() and f"!{path}\n" in page(".dockerignore"), path


def test_prometheus_of_the_demo_has_the_token_of_its_site():
    [job] = yaml.safe_load(page("docker/prometheus.yml"))["scrape_configs"]
    token = yaml.safe_load(page("docker/site.yml"))["services"]["site"]["environment"]["SYNCHRO_DEMO_TOKEN"]
    assert token == f"${{SYNCHRO_DEMO_TOKEN:-{job['authorization']['credentials']}}}"
    assert job["static_configs"] == [{"targets": ["site:8000"]}] and job["metrics_path"] == "/synchro/metrics"
