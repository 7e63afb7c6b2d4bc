"""django-synchro's real code, ported to today's Django when a test asks for it: downloaded, and patched, never kept.

Its last release (0.7, 2017) is for Django 1.11 and Python 2. What is patched is what Python 3 and Django have renamed;
nothing of what it does. Where no package index can be reached its tests are left out, and that is said;
``SYNCHRO_TEST_DJANGO_SYNCHRO=required`` makes it an error (CI does), ``=no`` leaves them out.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tarfile
import tempfile
from functools import cache
from hashlib import sha256
from pathlib import Path

from filelock import FileLock

WANTED = os.environ.get("SYNCHRO_TEST_DJANGO_SYNCHRO", "auto")

RELEASES = ("0.7", "0.5.2")

#: Patterns to what stands there today, in every file.
_RENAMED = {
    r"^(\s*)from (signals|utility|handlers|models|views|management\S*) import": r"\1from synchro.\2 import",
    r"^import settings": "from synchro import settings",
    r"ugettext_lazy": "gettext_lazy",
    r"\bunicode\(": "str(",
    r"basestring": "str",
    r"iteritems": "items",
    r"\.rel\.to\b": ".remote_field.model",
    r"\.rel\.through": ".remote_field.through",
    r"if f\.rel\)": "if f.remote_field)",
    r"m2m\.related\b": "m2m.remote_field",
    r"_meta\.has_auto_field": "_meta.auto_field",
    r"setattr\(remote, f, out\)": "getattr(remote, f).set(out)",
    r"commit_on_success": "atomic",
    r"(ForeignKey|OneToOneField)\((\w+)\)": r"\1(\2, on_delete=models.CASCADE)",
    r"from django\.contrib\.contenttypes import generic": "from django.contrib.contenttypes import fields as generic",
    r"obj\._meta\.get_all_related_many_to_many_objects\(\)": (
        "[f for f in obj._meta.get_fields(include_hidden=True) if f.many_to_many and f.auto_created]"
    ),
    r"\(rel\.model, ": "(rel.related_model, ",
}

#: What 0.5's settings took from a Django that had no app registry.
_MODELS_OF_05 = """
from django.apps import apps
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured


def get_all_models(app):
    return next(each for each in apps.get_app_configs() if app in (each.name, each.label)).get_models()


def get_model(app, name):
    return apps.get_model(app, name)
"""

#: 0.5 looks its settings up while its models load, which an app registry does not allow.
_APP_OF_05 = """
from django.apps import AppConfig


class SynchroConfig(AppConfig):
    name = "synchro"

    def ready(self):
        from synchro.signals import synchro_connect

        synchro_connect()
"""


class NoPackageIndex(Exception):
    """It cannot be downloaded."""


def reason_for_none() -> str:
    """Return why it is not tested, or ``''``.

    Raises:
        RuntimeError: it is required.
    """
    if WANTED not in ("auto", "required", "no"):
        raise RuntimeError(f"SYNCHRO_TEST_DJANGO_SYNCHRO is {WANTED!r}: one of auto, required, no")
    if WANTED == "no":
        return "django-synchro is left out by SYNCHRO_TEST_DJANGO_SYNCHRO=no"
    try:
        folder_of(RELEASES[0])
    except NoPackageIndex as error:
        if WANTED == "required":
            raise RuntimeError(str(error)) from error
        return str(error)
    return ""


@cache
def folder_of(release: str) -> Path:
    """Return the folder with the ported packages ``synchro`` and ``dbsettings``, made once on this machine.

    Raises:
        NoPackageIndex: they cannot be downloaded.
    """
    port = sha256(Path(__file__).read_bytes()).hexdigest()[:12]  # another one is made where this file has changed
    folder = Path(tempfile.gettempdir()) / f"synchro-tests-{os.getuid()}" / f"django-synchro-{release}-{port}"
    folder.mkdir(parents=True, exist_ok=True)
    with FileLock(f"{folder}.lock"):
        if not (folder / "made").exists():
            _download(folder, release)
            _port(folder / "synchro", release)
            (folder / "made").touch()
    return folder


def _download(folder: Path, release: str) -> None:
    with tempfile.TemporaryDirectory() as temporary:
        pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "--quiet"]
        got = ["download", "--no-deps", "--dest", temporary, f"django-synchro=={release}"]
        settings = ["install", "--no-deps", "--upgrade", "--target", str(folder), "django-dbsettings>=1.4,<2"]
        for arguments in (got, settings):
            done = subprocess.run([*pip, *arguments], capture_output=True, text=True, timeout=600)
            if done.returncode:
                raise NoPackageIndex(f"django-synchro cannot be downloaded: {done.stderr.strip()[-300:]}")
        [archive] = Path(temporary).glob("django*synchro*.tar.gz")
        with tarfile.open(archive) as files:
            inside = [each for each in files.getmembers() if each.name.split("/")[1:2] == ["synchro"]]
            for each in inside:
                each.name = each.name.partition("/")[2]
            files.extractall(folder, inside, filter="data")


def _port(package: Path, release: str) -> None:
    for path in package.rglob("*.py"):
        text = path.read_text(encoding="utf-8")
        for pattern, today in _RENAMED.items():
            text = re.sub(pattern, today, text, flags=re.MULTILINE)
        path.write_text(text, encoding="utf-8")
    if release.startswith("0.5"):
        _port_05(package)


def _port_05(package: Path) -> None:
    settings = package / "settings.py"
    rest = settings.read_text().partition("def gel_listed_models")
    settings.write_text(_MODELS_OF_05 + "\n\n" + "".join(rest[1:]))
    models = package / "models.py"
    text = models.read_text().partition("# start logging")[0].replace("from synchro import settings", "")
    inside = "    from synchro import settings\n"
    models.write_text(re.sub(r"(^def save_changelog_\w+\(.*\):\n)", r"\1" + inside, text, flags=re.MULTILINE))
    (package / "apps.py").write_text(_APP_OF_05)
    (package / "__init__.py").write_text("")  # it imports models, which is too early for an app registry
    (package / "management" / "__init__.py").write_text("")  # syncdb's hook
