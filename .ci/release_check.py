"""What a release takes, in one command: ``make release-check``. Ends with the first thing that does not hold.

It builds wheel and sdist, looks into both, and uses the wheel as a stranger would: in empty environments, far from this
checkout, without extras on SQLite, with ``[postgres]`` on PostgreSQL.
"""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import subprocess
import sys
import tarfile
import tempfile
import tomllib
import zipfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
DEMO = ROOT / "examples" / "offline_office"

#: What a plain installation brings: Django with what that needs.
PLAIN = {"django", "asgiref", "sqlparse", "django-synchro-triggers", "tzdata"}

#: Addresses that the metadata must have before the first upload; nobody knows them before there is a public repository.
ADDRESSES = {"Source", "Issues", "Documentation", "Changelog"}


def main() -> None:
    with tempfile.TemporaryDirectory(prefix="synchro-release-") as name:
        folder = Path(name)
        step("the version is one, and the changelog speaks of it")
        look_at_version()
        step("wheel and sdist")
        wheel, sdist = build(folder / "dist")
        run(sys.executable, "-m", "twine", "check", "--strict", str(wheel), str(sdist))
        step("what is in them")
        look_into_wheel(wheel)
        look_into_sdist(sdist, wheel, folder)
        step("an empty environment, without extras: the demo on SQLite")
        plain = environment(folder / "plain", str(wheel))
        only_what_is_needed(plain)
        tell(plain, folder / "on-sqlite", {})
        step("an empty environment with [postgres]: the demo on PostgreSQL")
        on_postgres(environment(folder / "postgres", f"{wheel}[postgres]"), folder / "on-postgres")
    step("done")
    if missing := sorted(ADDRESSES - set(PROJECT["urls"])):
        print(f"Before the first upload [project.urls] in pyproject.toml has to name: {', '.join(missing)}.")


def step(text: str) -> None:
    print(f"--- {text}", flush=True)


def run(*command: str, cwd: Path = ROOT, env: dict[str, str] | None = None) -> str:
    """Run a command, and return what it prints; one that fails ends all of this, with what it has said."""
    done = subprocess.run(command, cwd=cwd, env=env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    if done.returncode:
        sys.exit(f"{' '.join(command)} ended with {done.returncode}:\n{done.stdout}")
    return done.stdout


def require(holds: bool, otherwise: str) -> None:
    if not holds:
        sys.exit(otherwise)


def look_at_version() -> None:
    version = PROJECT["version"]
    code = re.search(r'^__version__ = "(.*)"', (ROOT / "synchro_triggers" / "__init__.py").read_text(), re.MULTILINE)
    require(code is not None and code[1] == version, f"synchro_triggers.__version__ is not {version}")
    titles = re.findall(r"^## \[(.*?)\]", (ROOT / "CHANGELOG.md").read_text(), re.MULTILINE)
    require(titles[:1] == ["Unreleased"] or titles[:1] == [version], f"CHANGELOG.md begins with {titles[:1]}")


def build(dist: Path) -> tuple[Path, Path]:
    run(sys.executable, "-m", "build", "--no-isolation", "--outdir", str(dist))
    [wheel], [sdist] = dist.glob("*.whl"), dist.glob("*.tar.gz")
    return wheel, sdist


def tracked(*folders: str) -> set[str]:
    """Return what git knows of these folders."""
    return set(run("git", "ls-files", "-z", "--", *folders).split("\0")) - {""}


def look_into_wheel(wheel: Path) -> None:
    """Require the package, all of it, and nothing else: neither tests nor what lies about."""
    with zipfile.ZipFile(wheel) as archive:
        held = {name for name in archive.namelist() if ".dist-info/" not in name}
    expected = tracked("synchro_triggers") | {f"synchro_triggers/{name}" for name in tracked("migrations_templates")}
    require(held == expected, f"the wheel is not what git has: {sorted(held ^ expected)[:20]}")
    for needed in ("py.typed", "migrations/0001_initial.py", "locale/de/LC_MESSAGES/django.mo"):
        require(f"synchro_triggers/{needed}" in held, f"the wheel lacks {needed}")


def look_into_sdist(sdist: Path, wheel: Path, folder: Path) -> None:
    """Require what git has, and that the same wheel can be built of it."""
    with tarfile.open(sdist) as archive:
        archive.extractall(folder, filter="data")
    unpacked = folder / sdist.name.removesuffix(".tar.gz")
    held = {str(path.relative_to(unpacked)) for path in unpacked.rglob("*") if path.is_file()}
    strange = held - tracked() - {"PKG-INFO"}
    require(not strange, f"the sdist holds what git does not know: {sorted(strange)[:20]}")
    missing = tracked("synchro_triggers", "migrations_templates", "tests", "docs", "examples", "README.md") - held
    require(not missing, f"the sdist lacks {sorted(missing)[:20]}")
    run(sys.executable, "-m", "build", "--no-isolation", "--wheel", "--outdir", str(folder / "again"), cwd=unpacked)
    [again] = (folder / "again").glob("*.whl")
    require(contents(again) == contents(wheel), "the sdist builds another wheel than the checkout")


def contents(wheel: Path) -> dict[str, str]:
    with zipfile.ZipFile(wheel) as archive:
        return {name: hashlib.sha256(archive.read(name)).hexdigest() for name in archive.namelist()}


def environment(folder: Path, what: str) -> Path:
    """Make an empty environment with one thing installed, and return its Python."""
    python = folder / "bin" / "python"
    if uv := shutil.which("uv", path=f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"):
        run(uv, "venv", "--quiet", "--python", sys.executable, str(folder))
        run(uv, "pip", "install", "--quiet", "--python", str(python), what)
    else:
        run(sys.executable, "-m", "venv", str(folder))
        run(str(python), "-m", "pip", "install", "--quiet", what)
    return python


_INSTALLED = """
from importlib.metadata import distributions
print(*sorted({each.metadata["Name"].lower() for each in distributions()} - {"pip", "setuptools", "wheel"}))
"""


def only_what_is_needed(python: Path) -> None:
    installed = set(run(str(python), "-c", _INSTALLED).split())
    require(installed <= PLAIN, f"without extras more is installed than is needed: {sorted(installed - PLAIN)}")


def tell(python: Path, folder: Path, databases: dict[str, str]) -> None:
    """Tell the story of the offline office with what is installed, far from this checkout."""
    shutil.copytree(DEMO, folder, ignore=shutil.ignore_patterns("__pycache__", "*.sqlite3*"))
    outside = {
        name: value for name, value in os.environ.items() if not name.startswith(("SYNCHRO_", "DJANGO_", "PYTHON"))
    }
    countries = folder / "countries"
    source = Path(run(sys.executable, "-c", "import pycountry; print(pycountry.__file__)").strip()).parent
    shutil.copytree(source, countries / "pycountry")
    env = {**outside, **databases, "PYTHONPATH": str(countries), "SYNCHRO_DEMO_FOLDER": str(folder)}
    where = run(str(python), "-c", "import synchro_triggers; print(synchro_triggers.__file__)", cwd=folder, env=env)
    require(not where.startswith(str(ROOT)), f"the demo would run this checkout: {where}")
    print(run(str(python), "demo.py", cwd=folder, env=env).splitlines()[-1])


def on_postgres(python: Path, folder: Path) -> None:
    sys.path.insert(0, str(ROOT))
    from tests.postgres_server import choose_source

    with choose_source("embedded").start() as server:
        with server.connect() as connection:
            for name in ("main", "office"):
                connection.execute(f'CREATE DATABASE "{name}"')
        # The host may be a folder with a socket, which no URL holds: libpq reads it of its own variables.
        address = {"PGHOST": server.host, "PGPORT": server.port, "PGUSER": server.user, "PGPASSWORD": server.password}
        urls = {f"SYNCHRO_DEMO_{name.upper()}_URL": f"postgresql:///{name}" for name in ("main", "office")}
        tell(python, folder, {**address, **urls})


if __name__ == "__main__":
    main()
