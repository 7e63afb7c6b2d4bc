"""``docs/how-to/testing.md``: a project of its blocks is tested by its commands."""

from __future__ import annotations

import json
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
from django.db import connections

from synchro_triggers import synchronize
from synchro_triggers.capture.install import compare, uninstall
from synchro_triggers.testing import SynchroTestMixin, assert_synchronised, install_test_triggers
from tests.conftest import ROOT
from tests.databases import both, both_committed
from tests.testapp.models import Item

LOCAL, REMOTE = "default", "remote"

PAGE = (ROOT / "docs" / "how-to" / "testing.md").read_text(encoding="utf-8")
FILES = dict(re.findall(r"```python\n# ([\w/.]+)\n(.*?)```", PAGE, re.DOTALL))
COMMANDS = [line for block in re.findall(r"```sh\n(.*?)```", PAGE, re.DOTALL) for line in block.splitlines()]

SETTINGS = """
import json, os
SECRET_KEY = "only for tests"
USE_TZ = True
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
DATABASES = json.loads(os.environ["PAGE_DATABASES"])
INSTALLED_APPS = ["django.contrib.auth", "django.contrib.contenttypes", "synchro_triggers", "shop"]
"""

MODELS = """
from django.db import models

class Order(models.Model):
    number = models.IntegerField()
"""

MANAGE = (
    "import sys\nfrom django.core.management import execute_from_command_line\nexecute_from_command_line(sys.argv)\n"
)


@pytest.fixture
def project(tmp_path, vendor, process_env, databases):
    """The project of the page; return what runs one of its commands."""
    for name, text in {**FILES, "settings.py": SETTINGS + FILES["settings.py"], "manage.py": MANAGE}.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    (tmp_path / "shop" / "models.py").write_text(MODELS)
    (tmp_path / "shop" / "__init__.py").touch()
    (tmp_path / "pytest.ini").write_text("[pytest]\nDJANGO_SETTINGS_MODULE = settings\npythonpath = .\n")
    env = {
        **process_env,
        "DJANGO_SETTINGS_MODULE": "settings",
        "PYTHONPATH": os.pathsep.join([str(ROOT), str(tmp_path)]),
    }
    env.pop("PYTEST_XDIST_WORKER", None)
    env.pop("PYTEST_ADDOPTS", None)

    def run(command):
        program, *options = shlex.split(command)
        words = [sys.executable, *options] if program == "python" else [sys.executable, "-m", program, *options]
        kept = "--keepdb" in command or "--reuse-db" in command
        aliases = {"default": _settings(LOCAL, tmp_path, kept), "main": _settings(REMOTE, tmp_path, kept)}
        env["PAGE_DATABASES"] = json.dumps(aliases)
        words += ["--noinput"] if "manage.py" in words else ["-p", "no:cacheprovider", "-p", "no:randomly"]
        return subprocess.run(words, cwd=tmp_path, env=env, capture_output=True, text=True, timeout=600)

    yield run
    if vendor.local == "postgres":  # what --keepdb and --reuse-db leave
        for alias in (LOCAL, REMOTE):
            databases.remove("postgres", f"test_{connections[alias].settings_dict['NAME']}")


def _settings(alias: str, folder: Path, kept: bool) -> dict[str, object]:
    """Return the settings of an alias; the test databases of SQLite are in memory, as by default, but those kept."""
    known = connections[alias].settings_dict
    names = ("ENGINE", "USER", "PASSWORD", "HOST", "PORT")
    found = {name: known[name] for name in names if known.get(name)}
    if connections[alias].vendor == "sqlite":
        test = {"NAME": str(folder / f"test_{alias}.sqlite3")} if kept else {}
        return {**found, "NAME": str(folder / f"{alias}.sqlite3"), "TEST": test}
    return {**found, "NAME": known["NAME"]}


def test_page_has_its_parts():
    assert FILES.keys() == {"settings.py", "shop/tests.py", "conftest.py", "test_orders.py"}
    assert len(COMMANDS) == 6


@both_committed
@pytest.mark.thinned("command")
@pytest.mark.parametrize("command", COMMANDS)
def test_command_of_the_page_succeeds(project, command):
    done = project(command)

    assert done.returncode == 0, done.stdout[-1500:] + done.stderr[-2500:]
    assert "4 tests" in done.stderr or "3 passed" in done.stdout, done.stdout[-1500:] + done.stderr[-500:]
    if "--keepdb" in command or "--reuse-db" in command:
        assert project(command).returncode == 0


@both_committed
def test_triggers_are_installed_once():
    uninstall(REMOTE)

    assert install_test_triggers([LOCAL]) == []
    assert install_test_triggers([LOCAL, REMOTE, "another"]) == [REMOTE]
    assert install_test_triggers() == []
    assert compare(REMOTE).fits


@both
def test_assertion_says_what_differs_and_what_is_pending():
    Item.objects.create(name="a")
    with pytest.raises(AssertionError, match=r"(?s)remote: testapp\.Item \d+: .*What is pending comes with"):
        assert_synchronised(models=["testapp.Item"])
    synchronize()
    assert_synchronised(REMOTE)

    Item.objects.using(REMOTE).update(name="b")

    with pytest.raises(AssertionError) as raised:
        SynchroTestMixin().assertSynchronised(models=["testapp.Item"])
    assert "name: 'a' on 'default', 'b' on 'remote'" in str(raised.value)
