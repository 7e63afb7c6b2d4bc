"""What the metadata claims is what the matrix runs; and what is going to be dropped is an error in our own code."""

from __future__ import annotations

import tomllib
import warnings
from pathlib import Path
from typing import Any

import pytest
from django.utils.deprecation import RemovedAfterNextVersionWarning, RemovedInNextVersionWarning

ROOT = Path(__file__).resolve().parent.parent


@pytest.fixture(scope="module")
def project() -> dict[str, Any]:
    """The metadata."""
    found: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    return found


@pytest.fixture(scope="module")
def noxfile() -> Any:
    """The matrix; only who develops has nox, the environments of the matrix itself have not."""
    return pytest.importorskip("noxfile", reason="nox is not installed here", exc_type=ModuleNotFoundError)


def classified(project: dict[str, Any], prefix: str) -> set[str]:
    """The versions that the classifiers name after ``prefix``."""
    found = (line.removeprefix(prefix) for line in project["classifiers"] if line.startswith(prefix))
    return {version for version in found if "." in version}


def test_the_classifiers_name_the_versions_that_the_matrix_runs(project: dict[str, Any], noxfile: Any) -> None:
    assert classified(project, "Framework :: Django :: ") == {each.django for each in noxfile.MATRIX}
    assert classified(project, "Programming Language :: Python :: ") == {each.python for each in noxfile.MATRIX}


def test_nothing_older_than_the_lowest_combination_is_allowed(project: dict[str, Any], noxfile: Any) -> None:
    (lowest,) = [each for each in noxfile.MATRIX if each.lowest]

    assert project["requires-python"] == f">={lowest.python}"
    assert f"Django=={lowest.django}" in noxfile.lowest_pins(project, ())


def test_each_requirement_has_a_lower_bound_that_can_be_installed(project: dict[str, Any], noxfile: Any) -> None:
    tests = tomllib.loads((ROOT / "pyproject.toml").read_text())["dependency-groups"]["test"]
    pinned = [pin.partition("==")[0] for pin in noxfile.lowest_pins(project, tests)]

    assert {"Django", "django-pgtrigger", "psycopg", "pytest"} <= set(pinned)


def test_a_requirement_without_a_lower_bound_is_refused(noxfile: Any) -> None:
    project = {"name": "ours", "dependencies": ["Django"], "optional-dependencies": {"postgres": []}}

    with pytest.raises(ValueError, match="'Django' has no lower bound"):
        noxfile.lowest_pins(project, ())


def test_the_core_is_there(noxfile: Any) -> None:
    assert [path for path in noxfile.CORE if not (ROOT / path).exists()] == []


@pytest.mark.parametrize(
    "category",
    [DeprecationWarning, PendingDeprecationWarning, RemovedInNextVersionWarning, RemovedAfterNextVersionWarning],
)
@pytest.mark.parametrize("module", ["synchro_triggers.replay.run", "tests.databases"])
def test_what_is_going_to_be_dropped_is_an_error_in_our_code(category: type[Warning], module: str) -> None:
    with pytest.raises(category):
        warn_in(module, category)


def test_what_others_use_is_their_business() -> None:
    with warnings.catch_warnings(record=True) as caught:
        warn_in("elsewhere", DeprecationWarning)

    assert [each.category for each in caught] == [DeprecationWarning]


def warn_in(module: str, category: type[Warning]) -> None:
    """Warn as a line of ``module`` would."""
    exec("warn('old', category)", {"__name__": module, "warn": warnings.warn, "category": category})
