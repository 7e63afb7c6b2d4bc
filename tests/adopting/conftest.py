"""A project with django-synchro, which works on the databases of a test, and then moves."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator
from textwrap import dedent

import pytest
from django.core.management import call_command
from django.db import connections

from synchro_triggers.models import ChangeLog
from tests import processes
from tests.adopting.package import RELEASES, folder_of, reason_for_none

_BEGIN = """
import django
django.setup()
from django.db import connections, transaction
from django.utils import timezone, translation
from synchro.models import ChangeLog, DeleteKey, Reference, options
from synchro.management.commands.synchronize import call_synchronize
from synchro.utility import reset_synchro
from tests.testapp.models import *
"""

_TABLES = """
from dbsettings.models import Setting
for alias in ("default", "remote"):
    with connections[alias].schema_editor() as editor:
        for model in (Setting, Reference, ChangeLog, DeleteKey):
            editor.create_model(model)
reset_synchro()
options.last_check = timezone.now() - timezone.timedelta(days=1)
"""


class OldProject:
    """The project before it moved: each piece of code is a process of its own, with django-synchro's code in it."""

    def __init__(self, env: dict[str, str], release: str) -> None:
        path = os.pathsep.join([env["PYTHONPATH"], str(folder_of(release))])
        self.env = {**env, "PYTHONPATH": path, "DJANGO_SETTINGS_MODULE": "tests.adopting.settings"}
        self.env["PYTHONWARNINGS"] = "ignore"  # no copy of a process: its code reads settings as it is imported
        self._begin = _BEGIN + _TABLES

    def do(self, code: str, *, on_remote: bool = False) -> str:
        """Run code in which the test project's models and django-synchro's names are known; return what it prints.

        With ``on_remote``, it is the project on the other side, whose remote this one is.
        """
        for alias in ("default", "remote"):
            connections[alias].close()
        begin, self._begin = self._begin, _BEGIN
        databases = json.loads(self.env["SYNCHRO_TEST_DATABASES"])
        if on_remote:
            databases = {"default": databases["remote"], "remote": databases["default"]}
        env = {**self.env, "SYNCHRO_TEST_DATABASES": json.dumps(databases)}
        done = processes.run("-c", begin + dedent(code), env=env, timeout=600)
        assert done.returncode == 0, done.stderr[-2000:]
        return done.stdout.strip()


@pytest.fixture(scope="session")
def django_synchro() -> None:
    """Leave a test out where django-synchro cannot be had, which is said, or must not be."""
    if reason := reason_for_none():
        pytest.skip(reason)


@pytest.fixture(params=RELEASES)
def old(request: pytest.FixtureRequest, django_synchro: None, process_env: dict[str, str]) -> OldProject:
    """A project with django-synchro, whose databases have no triggers of ours, and nothing in them."""
    call_command("synchro_install_triggers", "--uninstall", "--database=default", "--database=remote", verbosity=0)
    return OldProject(process_env, request.param)


@pytest.fixture
def move() -> Iterator[Callable[[], None]]:
    """Return what installs our triggers on both sides, as a project does that has taken django-synchro out."""

    def moved() -> None:
        for alias in ("default", "remote"):
            assert not ChangeLog.objects.using(alias).exists()
        call_command("synchro_install_triggers", "--database=default", "--database=remote", verbosity=0)

    yield moved
