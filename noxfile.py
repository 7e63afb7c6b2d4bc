"""The matrix: the core of the test suite with every Python, Django and psycopg that the metadata claims.

``nox --list`` names the combinations, ``nox -s django-6.0`` runs one of them; what stands after ``--`` goes to
pytest: ``nox -s lowest -- --pairs sqlite -x``. ``make matrix`` runs all, ``make matrix-corners`` those of CI.

This file is the one place that says which combinations there are and what the core is.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import nox

PYPROJECT = "pyproject.toml"

#: What a version of Django, Python or a driver could break: triggers and the schema editor, the ORM's ways to write,
#: signals, fields, keys and relations, the admin's pages. The rest of the suite is about identities, faults of servers
#: and processes, other apps and odd models, and asks nothing else of a version; `make test` runs it on one combination.
CORE = (
    "tests/adopting/test_page.py",  # where django-synchro can be downloaded
    "tests/browser/test_looks.py",  # where there is Chromium
    "tests/capture/test_capture.py",
    "tests/capture/test_install.py",
    "tests/capture/test_loaddata.py",
    "tests/capture/test_migrating.py",
    "tests/capture/test_partitions.py",
    "tests/capture/test_schema_changes.py",
    "tests/capture/test_session.py",
    "tests/replay/test_batch_signals.py",
    "tests/replay/test_bulk.py",
    "tests/replay/test_changes_arrive.py",
    "tests/replay/test_command.py",
    "tests/replay/test_deleted_objects.py",
    "tests/replay/test_django_inside.py",
    "tests/replay/test_inserts_that_return_nothing.py",
    "tests/replay/test_json_as_stored.py",
    "tests/replay/test_many_to_many.py",
    "tests/replay/test_natural_keys.py",
    "tests/replay/test_one_by_one.py",
    "tests/replay/test_params.py",
    "tests/replay/test_rows.py",
    "tests/replay/test_sequences.py",
    "tests/replay/test_signals.py",
    "tests/replay/test_skipped_fields.py",
    "tests/replay/test_time_zones.py",
    "tests/shapes/test_fields.py",
    "tests/shapes/test_keys.py",
    "tests/shapes/test_relations.py",
    "tests/tasks/test_django_tasks.py",
    "tests/test_harness.py",
)
PAIRS = ("--pairs", "sqlite,postgres")
WORKERS = ("-n", "auto", "--dist", "worksteal")


@dataclass(frozen=True)
class Combination:
    """Versions that the core runs with.

    Attributes:
        name: of the session.
        python: version of the interpreter, which must be there as ``python3.x``.
        django: its series; the newest release of it that there is.
        psycopg: which of its implementations is used, ``binary`` or ``c``.
        postgres: major version of the embedded server.
        lowest: whether to take the lowest release of everything that the metadata allows.
        corner: whether CI has time for it.
    """

    name: str
    python: str
    django: str
    psycopg: str = "binary"
    postgres: int = 16
    lowest: bool = False
    corner: bool = False


MATRIX = (
    Combination("lowest", "3.11", "5.2", lowest=True, corner=True),
    Combination("django-5.2", "3.11", "5.2"),
    Combination("django-6.0", "3.12", "6.0"),
    Combination("django-6.1", "3.13", "6.1", postgres=18, corner=True),
    Combination("psycopg-c", "3.13", "6.1", psycopg="c"),
)

nox.needs_version = ">=2025.2.9"
nox.options.default_venv_backend = "uv|virtualenv"
nox.options.download_python = "never"
nox.options.error_on_missing_interpreters = True
nox.options.reuse_existing_virtualenvs = True
nox.options.tags = ["matrix"]


def _let_pyenv_answer() -> None:
    """Choose all versions of pyenv: of itself it claims ``python3.12`` for them all, and runs only the chosen one's."""
    if shutil.which("pyenv") is None or "PYENV_VERSION" in os.environ:
        return
    chosen = _printed_by("pyenv", "version-name").split(":")
    releases = [line for line in _printed_by("pyenv", "versions", "--bare").split() if re.fullmatch(r"[\d.]+", line)]
    releases.sort(key=lambda release: [int(part) for part in release.split(".")], reverse=True)
    os.environ["PYENV_VERSION"] = ":".join(dict.fromkeys([*chosen, *releases]))


def _printed_by(*command: str) -> str:
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()


def _is_there(python: str) -> bool:
    command = shutil.which(f"python{python}")
    return command is not None and subprocess.run([command, "-c", ""], capture_output=True).returncode == 0


def run_core(session: nox.Session, combination: Combination) -> None:
    """Install what the combination names, say what it came to, and run the core."""
    pyproject = nox.project.load_toml(PYPROJECT)
    tests = nox.project.dependency_groups(pyproject, "test", "browser")
    # pip downloads django-synchro.
    requirements = ["--editable", ".[postgres,progress]", *tests, "pip", f"Django~={combination.django}.0"]
    if combination.psycopg == "c":
        _need_compiler(session)
        requirements.append("psycopg[c]")
    if combination.lowest:
        constraints = Path(session.create_tmp()) / "lowest.txt"
        constraints.write_text("\n".join(lowest_pins(pyproject["project"], tests)))
        requirements += ["--constraint", str(constraints)]
    session.install(*requirements)
    session.install("--no-deps", "--requirement", "tests/browser/axe.txt")

    env = {"PSYCOPG_IMPL": combination.psycopg, "SYNCHRO_TEST_POSTGRES_VERSION": str(combination.postgres)}
    session.run("python", "-c", _WHAT_IT_CAME_TO, env=env)
    session.run("python", "-m", "pytest", *_arguments(session.posargs), env=env)


_WHAT_IT_CAME_TO = """
import platform, sqlite3, django, psycopg
print(f"Python {platform.python_version()}, Django {django.__version__}, SQLite {sqlite3.sqlite_version},",
      f"psycopg {psycopg.__version__} ({psycopg.pq.__impl__})")
"""


def _arguments(posargs: list[str]) -> list[str]:
    """Return pytest's arguments: the core, unless ``posargs`` name a ``tests/...``; options that come later win."""
    names_tests = any(argument.startswith("tests/") for argument in posargs)
    return [*WORKERS, *PAIRS, *([] if names_tests else CORE), *posargs]


def _need_compiler(session: nox.Session) -> None:
    missing = [program for program in ("cc", "pg_config") if shutil.which(program) is None]
    if missing:
        session.error(
            f"psycopg's C implementation is compiled here, and there is no {' and no '.join(missing)}. "
            "Debian has them in: apt-get install gcc libpq-dev"
        )


def lowest_pins(project: dict[str, Any], tests: Iterable[str]) -> list[str]:
    """Return ``name==version`` for the lower bound of each requirement of the package and of its tests.

    Args:
        project: the metadata, as in pyproject.toml.
        tests: the requirements of the tests, its dependency group `test`.

    Raises:
        ValueError: a requirement has none.
    """
    extras = project["optional-dependencies"]
    pins = []
    for requirement in [*project["dependencies"], *extras["postgres"], *tests]:
        bound = re.match(r"(?P<name>[\w.-]+)(?:\[.*?\])?>=(?P<version>[\d.]+)", requirement)
        if bound is None:
            raise ValueError(f"{PYPROJECT}: {requirement!r} has no lower bound")
        pins.append(f"{bound['name']}=={bound['version']}")
    return pins


def _register(combination: Combination) -> None:
    def session(session: nox.Session) -> None:
        run_core(session, combination)

    lowest = ", the lowest releases that the metadata allows" if combination.lowest else ""
    session.__doc__ = f"Python {combination.python}, Django {combination.django}, psycopg {combination.psycopg}{lowest}"
    tags = ["matrix", "corners"] if combination.corner else ["matrix"]
    nox.session(session, python=combination.python, name=combination.name, tags=tags)


def _register_check(name: str, combinations: Iterable[Combination]) -> None:
    needed = sorted({combination.python for combination in combinations})

    def session(session: nox.Session) -> None:
        if missing := [python for python in needed if not _is_there(python)]:
            session.error(
                f"On the PATH there is no {' and no '.join(f'python{python}' for python in missing)} that runs. "
                f"To install: uv python install {' '.join(missing)}, or pyenv install {' '.join(missing)}"
            )

    session.__doc__ = f"Python {', '.join(needed)} must be there"
    nox.session(session, python=False, name=name, default=False)


_let_pyenv_answer()
_register_check("pythons-of-matrix", MATRIX)
_register_check("pythons-of-corners", [combination for combination in MATRIX if combination.corner])
for _combination in MATRIX:
    _register(_combination)
