"""``--migration APP --check``, and ``docs/how-to/triggers-by-migration.md``: triggers change by a migration."""

from __future__ import annotations

import json
import re
from importlib import import_module
from io import StringIO
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command
from django.db import migrations, models

from synchro_triggers.capture.install import compare
from synchro_triggers.capture.migration_file import InstallTriggers
from tests.capture.changing_app import CURRENT
from tests.capture.test_managed_by_migration import managed, text, triggers_of  # noqa: F401  # a fixture
from tests.conftest import ROOT

PAGE = (ROOT / "docs" / "how-to" / "triggers-by-migration.md").read_text(encoding="utf-8")

pytestmark = pytest.mark.usefixtures("vendor")


def check(*options):
    """Return the exit code of ``--check`` for the app, and what it says."""
    out, code, error = StringIO(), 0, ""
    try:
        call_command("synchro_install_triggers", "--migration", "migapp", "--check", *options, stdout=out)
    except CommandError as raised:
        code, error = raised.returncode, str(raised)
    return code, out.getvalue() + error


def write(name):
    """Write another migration that installs triggers; return its text."""
    call_command("synchro_install_triggers", "--migration", "migapp", stdout=StringIO())
    written = import_module(f"changing_migrations.{name}")
    CURRENT[name] = written.Migration
    return written.__file__


def test_new_migration_is_asked_for_where_models_have_changed_and_no_longer_when_it_is_there(managed):  # noqa: F811
    assert check() == (0, "migapp: its migration 0002_synchro_triggers installs what models and SYNCHRO_MODELS say.\n")

    managed.add_migration(
        migrations.AddField("Order", "added", text(default="")),
        migrations.AlterField("Order", "amount", models.CharField(max_length=9)),
        migrations.RemoveField("Line", "text"),
        migrations.CreateModel("Label", [("id", models.BigAutoField(primary_key=True)), ("name", text())]),
    )
    code, said = check()

    assert code == 1
    assert said.splitlines()[:4] == [
        "migapp: its migration 0002_synchro_triggers does not install what models and SYNCHRO_MODELS say:",
        "  migapp.Label: not in it",
        "  migapp.Line: no longer: text CharField",
        "  migapp.Order: new: amount CharField, added CharField; no longer: amount IntegerField",
    ]
    assert said.endswith("Run `manage.py synchro_install_triggers --migration migapp`.")
    write("0004_synchro_triggers")
    assert check()[0] == 0
    managed.migrate()
    assert compare(managed.alias).fits


def test_going_back_past_a_later_one_leaves_the_triggers(managed):  # noqa: F811
    managed.add_migration(migrations.AddField("Order", "added", text(default="")))
    assert "again=True" in Path(write("0004_synchro_triggers")).read_text()
    managed.migrate()

    managed.migrate("0002")

    assert compare(managed.alias).fits and triggers_of(managed)
    managed.migrate("0001")
    assert not triggers_of(managed)


def test_what_is_skipped_is_part_of_it(managed):  # noqa: F811
    managed.skip("Order", "note")

    code, said = check()

    assert code == 1
    assert "  migapp.Order: new: note CharField skipped; no longer: note CharField" in said.splitlines()


def test_model_that_is_listed_no_longer_is_named(managed, settings):  # noqa: F811
    settings.SYNCHRO_MODELS = [("migapp", "Order")]

    assert "  migapp.Line: no longer captured" in check()[1].splitlines()


def test_app_without_such_a_migration_is_told(app):
    app.add_migration(migrations.CreateModel("Order", [("id", models.BigAutoField(primary_key=True))]))

    assert check() == (
        1,
        "migapp: none of its migrations installs triggers.\n"
        "Run `manage.py synchro_install_triggers --migration migapp`.",
    )
    code, said = check("--json")
    assert code == 1 and json.JSONDecoder().raw_decode(said)[0] == {
        "migration": None,
        "fit": False,
        "wrong": ["none of its migrations installs triggers"],
    }


def test_squashed_migration_keeps_what_it_installs(managed):  # noqa: F811
    [operation] = CURRENT["0002_synchro_triggers"].operations
    name, args, kwargs = operation.deconstruct()

    again = InstallTriggers(*args, **kwargs)

    assert name == "InstallTriggers" and again.captured == operation.captured
    assert again.reversible and "triggers" in again.describe()


@pytest.mark.parametrize("other", ["--sql", "--uninstall"])
def test_with_others_it_makes_no_sense(other):
    with pytest.raises(CommandError, match="--migration") as raised:
        call_command("synchro_install_triggers", "--migration", "migapp", other)

    assert raised.value.returncode == 2


def test_unknown_app_ends_with_2():
    with pytest.raises(CommandError) as raised:
        call_command("synchro_install_triggers", "--migration", "nope", "--check")

    assert raised.value.returncode == 2


# The page -----------------------------------------------------------------------------------------


def test_page_shows_what_is_written(managed):  # noqa: F811
    """The models of the page are others: what is compared is all but the names in it."""
    [shown] = re.findall(r"```python\n(\"\"\"Installs.*?)```", PAGE, re.DOTALL)
    written = Path(import_module("changing_migrations.0002_synchro_triggers").__file__).read_text()

    def without_names(code):
        code = re.sub(r"(?s)dependencies = \[.*?\n    \]", "dependencies = []", code)
        return re.sub(r"(?s)InstallTriggers\(\n.*\n        \)", "InstallTriggers()", code)

    assert without_names(shown) == without_names(written)
    assert '"migapp.Line": ["id BigAutoField", "text CharField", "order BigAutoField"],' in written
    compile(shown, "page", "exec")
    assert re.search(r'"shop\.\w+": \["id BigAutoField"', shown)


def test_page_shows_what_is_said(managed):  # noqa: F811
    managed.add_migration(migrations.AddField("Order", "added", text(default="")))
    code, said = check()
    [transcript] = re.findall(r"```text\n(\$ \./manage\.py .*? --migration shop --check\n.*?)```", PAGE, re.DOTALL)

    names = {"migapp": "shop", "added CharField": "note TextField", "0002_": "0007_"}
    for old, new in names.items():
        said = said.replace(old, new)
    assert code == 1 and transcript.split("\n", 1)[1] == f"{said}\n"
