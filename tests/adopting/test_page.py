"""``docs/how-to/from-django-synchro.md``: its commands move a project, its ``sed`` its imports; its names are there."""

from __future__ import annotations

import re
import shlex
import subprocess
from io import StringIO

import pytest
from django.core.management import call_command, load_command_class
from django.urls import include

import synchro_triggers
from synchro_triggers import compare
from synchro_triggers.conf import get_settings
from synchro_triggers.models import ChangeLog
from tests.adopting.stories import BEGIN
from tests.conftest import ROOT
from tests.databases import both_committed
from tests.testapp.models import Item

PAGE = (ROOT / "docs" / "how-to" / "from-django-synchro.md").read_text(encoding="utf-8")

BLOCKS = [re.sub(r"(?m)^ +", "", block) for block in re.findall(r"```sh\n(.*?)```", PAGE, re.DOTALL)]
COMMANDS = [shlex.split(line)[1:] for block in BLOCKS for line in block.splitlines() if line.startswith("./manage.py")]
[SED] = [block for block in BLOCKS if "sed" in block]

IMPORTS = re.findall(r"^\| `(from synchro\S* import [^`]+)`.*\| `(from synchro_triggers[^`]+)` \|$", PAGE, re.MULTILINE)


@both_committed
@pytest.mark.thinned("old")
def test_commands_move_a_project(old, settings):
    old.do(BEGIN + 'Item.objects.using("remote").get(name="of the remote").delete()\nItem.objects.create(name="new")')
    settings.SYNCHRO_MODELS = (("testapp", "Item", "Account", "Entry"),)

    for name, *options in COMMANDS:
        call_command(name, *options, stdout=StringIO(), stderr=StringIO())

    assert [name for name, *_ in COMMANDS][-4:] == ["synchro_adopt", "synchro_adopt", "synchronize", "synchro_compare"]
    assert Item.objects.using("remote").filter(name="new").count() == 1 and compare().equal


def test_sed_writes_the_new_imports(tmp_path):
    assert len(IMPORTS) >= 7
    path = tmp_path / "models.py"
    path.write_text("".join(f"{before}\n" for before, _ in IMPORTS))
    (tmp_path / "other.py").write_text("from synchronous import x\n")

    subprocess.run(["bash", "-euc", SED], cwd=tmp_path, check=True)

    assert path.read_text().splitlines() == [after for _, after in IMPORTS]
    exec(path.read_text(), {})
    assert (tmp_path / "other.py").read_text() == "from synchronous import x\n"


def test_names_of_the_page_are_there(settings):
    for name in ("counterparts", "synchro_paused", "call_synchronize"):
        assert callable(getattr(synchro_triggers, name))
    fields = {field.name for field in ChangeLog._meta.get_fields()}
    assert fields >= {"model_label", "object_pk", "operation", "logged_at", "old_values"}
    assert include("synchro_triggers.urls", namespace="synchro")[2] == "synchro"
    settings.SYNCHRO_ALLOW_RESET = settings.SYNCHRO_DEBUG = False
    assert not get_settings().allow_reset and not get_settings().debug


def test_exit_codes_and_options_are_those_of_the_command():
    parser = load_command_class("synchro_triggers", "synchro_adopt").create_parser("manage.py", "synchro_adopt")
    known = {option for action in parser._actions for option in action.option_strings}
    named = {word for words in COMMANDS for word in words if words[0] == "synchro_adopt" and word.startswith("--")}
    assert named | {"--remote", "--json"} <= known
