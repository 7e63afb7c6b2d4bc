"""Bad input through the command: one clear line, exit 1, and nothing changed on either side.

Each case runs ``python -m django synchronize`` as a process of its own, on the databases of the test, with
settings that differ from the tests' in one point.
"""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
from datetime import date

import pytest
from django.apps import apps
from django.db import connections

from synchro_triggers import synchronize
from tests.databases import ALIASES, both_committed
from tests.testapp.models import Ambiguous, Item, OwnKey

pytestmark = both_committed

LOCAL, REMOTE = ALIASES


@pytest.fixture
def manage(process_env, tmp_path):
    """Run a management command with settings that end with ``more``."""

    def run(*arguments, more=""):
        (tmp_path / "other_settings.py").write_text("from tests.process_settings import *\n" + textwrap.dedent(more))
        environment = {
            **process_env,
            "DJANGO_SETTINGS_MODULE": "other_settings",
            "PYTHONPATH": os.pathsep.join([str(tmp_path), process_env["PYTHONPATH"]]),
        }
        return subprocess.run(
            [sys.executable, "-m", "django", *arguments], env=environment, capture_output=True, text=True, timeout=60
        )

    return run


@pytest.fixture
def pending():
    """A known object, and one that waits to be synchronised; returns a way to tell that nothing has changed."""
    Item.objects.create(name="known")
    synchronize()
    Item.objects.create(name="pending")
    return contents()


def contents():
    """Return every row of the test models and of synchro's own tables on both sides."""
    models = [*apps.get_app_config("testapp").get_models(), *apps.get_app_config("synchro_triggers").get_models()]
    return {
        (alias, model._meta.label): list(model._base_manager.using(alias).order_by("pk").values())
        for alias in ALIASES
        for model in models
    }


def one_line(done):
    """Return the one line a command failed with."""
    assert done.returncode == 1, done.stdout + done.stderr
    assert "Traceback" not in done.stderr
    lines = done.stderr.splitlines()
    assert len(lines) == 1 and lines[0].startswith("CommandError: "), done.stderr
    assert done.stdout == ""
    return lines[0].removeprefix("CommandError: ")


# Settings -----------------------------------------------------------------------------------------

WRONG_SETTINGS = {
    "unknown app": ("SYNCHRO_MODELS = ('nope',)", "SYNCHRO_MODELS: there is no installed app 'nope'"),
    "unknown model": (
        "SYNCHRO_MODELS = (('testapp', 'Item', 'Nope'),)",
        "SYNCHRO_MODELS: there is no model 'Nope' in the app 'testapp'",
    ),
    "unknown remote": ("SYNCHRO_REMOTE = 'nope'", "SYNCHRO_REMOTE: there is no database 'nope'"),
    "no remote": ("SYNCHRO_REMOTE = None", "There is no remote to synchronise to: SYNCHRO_REMOTE is not set."),
    "local as remote": ("SYNCHRO_REMOTE = 'default'", "SYNCHRO_REMOTE: 'default' is the database whose changes"),
    "policy": ("SYNCHRO_CONFLICT = 'oldest'", "SYNCHRO_CONFLICT must be one of"),
    "batch size": ("SYNCHRO_BATCH_SIZE = 0", "SYNCHRO_BATCH_SIZE must be a whole number of at least 1, not 0."),
}


@pytest.mark.parametrize("case", WRONG_SETTINGS)
def test_wrong_setting_is_one_line(manage, pending, case):
    more, said = WRONG_SETTINGS[case]

    line = one_line(manage("synchronize", more=more))

    assert line.startswith(said)
    assert contents() == pending


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--remote", "nope"), "there is no database 'nope' (DATABASES has: default, remote)"),
        (("--model", "nope"), "there is no installed app 'nope'"),
        (("--model", "testapp.Nope"), "there is no model 'Nope' in the app 'testapp'"),
    ],
)
def test_wrong_option_is_one_line(manage, pending, arguments, said):
    line = one_line(manage("synchronize", *arguments))

    assert said in line
    assert contents() == pending


@pytest.mark.parametrize("command", ["synchro_status", "synchro_link", "synchro_reset", "synchro_install_triggers"])
def test_other_commands_say_it_in_one_line_too(manage, pending, command):
    line = one_line(manage(command, more="SYNCHRO_MODELS = ('nope',)"))

    assert line.startswith("SYNCHRO_MODELS: there is no installed app 'nope'")
    assert contents() == pending


# Engines ------------------------------------------------------------------------------------------

OTHER_ENGINE = '''
"""A database of a vendor without capture: SQLite in disguise."""
from django.db.backends.sqlite3 import base

class DatabaseWrapper(base.DatabaseWrapper):
    vendor = "other"
    display_name = "MySQL"
'''


@pytest.fixture
def other_engine(tmp_path):
    """Return the settings of a database of another vendor."""
    (tmp_path / "other_engine").mkdir()
    (tmp_path / "other_engine" / "__init__.py").touch()
    (tmp_path / "other_engine" / "base.py").write_text(OTHER_ENGINE)
    return {"ENGINE": "other_engine", "NAME": str(tmp_path / "other.sqlite3")}


@pytest.mark.parametrize("command", ["synchronize", "synchro_install_triggers"])
def test_local_database_without_capture_is_refused(manage, pending, other_engine, command):
    line = one_line(manage(command, more=f"DATABASES['default'] = {other_engine!r}"))

    assert line.startswith("Changes cannot be captured on 'default' (MySQL): only PostgreSQL and SQLite have capture.")
    assert contents() == pending


@pytest.mark.all_pairs
def test_remote_without_capture_is_fine(manage, other_engine):
    more = f"""
        DATABASES["remote"] = {other_engine!r}
        INSTALLED_APPS.remove("tests.shapeapp")  # it has tables made by hand, for the vendors it knows
        SYNCHRO_MODELS = tuple(entry for entry in SYNCHRO_MODELS if entry != "shapeapp")
    """
    migrated = manage("migrate", "--database", "remote", "--run-syncdb", "--verbosity", "0", more=more)
    assert migrated.returncode == 0, migrated.stderr
    item = Item.objects.create(name="a", cash=1)
    gone = Item.objects.create(name="gone")
    assert manage("synchronize", more=more).returncode == 0
    Item.objects.filter(pk=item.pk).update(cash=2)
    gone.delete()

    done = manage("synchronize", "--json", more=more)

    assert done.stderr == ""
    assert '"updated": 1' in done.stdout and '"deleted": 1' in done.stdout
    assert _rows(other_engine["NAME"]) == [("a", 2)]


def _rows(path):
    import sqlite3
    from contextlib import closing

    with closing(sqlite3.connect(path)) as connection:
        return connection.execute("SELECT name, cash FROM testapp_item").fetchall()


# Databases ----------------------------------------------------------------------------------------


def elsewhere(alias, vendor, tmp_path):
    """Return settings with which a database cannot be reached."""
    nowhere = str(tmp_path / "no-such-folder" / "database.sqlite3")
    change = {"sqlite": {"NAME": nowhere}, "postgres": {"HOST": "127.0.0.1", "PORT": "1"}}[vendor]
    return f"DATABASES[{alias!r}].update({change!r})"


def empty(alias, vendor, tmp_path):
    """Return settings with which a database shows no tables."""
    change = {
        "sqlite": {"NAME": str(tmp_path / "empty.sqlite3")},
        "postgres": {"OPTIONS": {"options": "-c search_path=nowhere"}},
    }[vendor]
    return f"DATABASES[{alias!r}].update({change!r})"


@pytest.mark.all_pairs
def test_remote_that_is_down_is_one_line_naming_it(manage, pending, vendor, tmp_path):
    line = one_line(manage("synchronize", more=elsewhere(REMOTE, vendor.remote, tmp_path)))

    assert "'remote'" in line
    assert "unable to open" in line or "refused" in line
    assert contents() == pending


def test_local_that_is_down_is_one_line_naming_it(manage, pending, vendor, tmp_path):
    line = one_line(manage("synchronize", more=elsewhere(LOCAL, vendor.local, tmp_path)))

    assert "'default'" in line
    assert contents() == pending


@pytest.mark.parametrize("command", ["synchro_status", "synchro_link", "synchro_reset"])
def test_other_commands_say_that_the_remote_is_down(manage, pending, vendor, tmp_path, command):
    line = one_line(manage(command, more=elsewhere(REMOTE, vendor.remote, tmp_path)))

    assert "database" in line.lower()
    assert contents() == pending


@pytest.mark.parametrize("option", [(), ("--check",)])
def test_installing_says_which_database_is_down(manage, pending, vendor, tmp_path, option):
    more = elsewhere(REMOTE, vendor.remote, tmp_path)

    line = one_line(manage("synchro_install_triggers", "--database", REMOTE, *option, more=more))

    assert line.startswith("The database 'remote' failed: ")
    assert contents() == pending


@pytest.fixture
def locked_out(postgres_server):
    """Settings of a user whom the server does not let in, and who has a password worth hiding."""
    with postgres_server.connect() as server:
        server.execute("DROP ROLE IF EXISTS ann_the_user")
        server.execute("CREATE ROLE ann_the_user NOLOGIN PASSWORD 'sesame-opens'")
    yield "DATABASES[{!r}].update(USER='ann_the_user', PASSWORD='sesame-opens')"
    with postgres_server.connect() as server:
        server.execute("DROP ROLE ann_the_user")


@pytest.mark.vendor("postgres")
@pytest.mark.parametrize(
    ("command", "alias"),
    [
        ("synchronize", LOCAL),
        ("synchronize", REMOTE),
        ("synchro_status", REMOTE),
        ("synchro_link", REMOTE),
        ("synchro_install_triggers", LOCAL),
    ],
)
def test_refused_login_is_one_line_without_credentials(manage, pending, locked_out, command, alias):
    database = ("--database", alias) if command == "synchro_install_triggers" else ()

    line = one_line(manage(command, *database, more=locked_out.format(alias)))

    assert "not permitted to log in" in line
    assert "ann_the_user" not in line and "sesame-opens" not in line
    assert contents() == pending


@pytest.mark.vendor("postgres")
@pytest.mark.parametrize("alias", ALIASES)
def test_user_without_rights_on_the_synchro_tables_is_told_so_in_one_line(manage, pending, postgres_server, alias):
    with postgres_server.connect() as server:
        server.execute("DROP ROLE IF EXISTS visitor")
        server.execute("CREATE ROLE visitor LOGIN PASSWORD 'visiting'")
    try:
        line = one_line(manage("synchronize", more=f"DATABASES[{alias!r}].update(USER='visitor', PASSWORD='visiting')"))
    finally:
        with postgres_server.connect() as server:
            server.execute("DROP ROLE visitor")

    assert "permission denied for table synchro_" in line
    assert contents() == pending


@pytest.mark.parametrize("alias", ALIASES)
def test_missing_synchro_tables_are_one_line_with_the_command_to_run(manage, pending, vendor, tmp_path, alias):
    side = vendor.local if alias == LOCAL else vendor.remote

    line = one_line(manage("synchronize", more=empty(alias, side, tmp_path)))

    assert line.startswith(f"The tables of synchro_triggers are missing on '{alias}'")
    assert f"manage.py migrate synchro_triggers --database {alias}" in line
    assert contents() == pending


# Models without a table, and triggers that are not there -------------------------------------------

TABLELESS = """
from django.db import models

class Thing(models.Model):
    name = models.CharField(max_length=10)
    class Meta:
        db_table = "tableless_thing"
"""
WITH_TABLELESS = "INSTALLED_APPS += ['tableless']\nSYNCHRO_MODELS += ('tableless',)\n"


@pytest.fixture
def tableless(tmp_path):
    (tmp_path / "tableless").mkdir()
    (tmp_path / "tableless" / "__init__.py").touch()
    (tmp_path / "tableless" / "models.py").write_text(TABLELESS)
    return WITH_TABLELESS


@pytest.mark.parametrize("command", ["synchronize", "synchro_install_triggers"])
def test_model_without_a_table_is_one_line_naming_it(manage, pending, tableless, command):
    line = one_line(manage(command, more=tableless))

    assert "No table on 'default' for: tableless.Thing (table 'tableless_thing')" in line
    assert "manage.py migrate --database default" in line
    assert contents() == pending


@pytest.fixture
def table_on_local():
    key = {"sqlite": "integer PRIMARY KEY AUTOINCREMENT", "postgresql": "bigserial PRIMARY KEY"}
    with connections[LOCAL].cursor() as cursor:
        cursor.execute(f"CREATE TABLE tableless_thing (id {key[connections[LOCAL].vendor]}, name varchar(10))")
    yield
    with connections[LOCAL].cursor() as cursor:
        cursor.execute("DROP TABLE tableless_thing")


def test_captured_model_without_triggers_is_one_line_with_the_command_to_run(
    manage, pending, tableless, table_on_local
):
    line = one_line(manage("synchronize", more=tableless))

    assert "The triggers on 'default' do not fit: tableless_thing (tableless.Thing): missing." in line
    assert "manage.py synchro_install_triggers --database default" in line
    assert contents() == pending


@pytest.mark.all_pairs
def test_model_without_a_table_on_the_remote_is_kept_and_the_others_go_on(manage, pending, tableless, table_on_local):
    assert manage("synchro_install_triggers", more=tableless).returncode == 0
    with connections[LOCAL].cursor() as cursor:
        cursor.execute("INSERT INTO tableless_thing (name) VALUES ('x')")

    done = manage("synchronize", more=tableless)

    assert done.returncode == 1 and "Traceback" not in done.stderr
    [line] = [line for line in done.stderr.splitlines() if "tableless.Thing 1" in line]
    assert "tableless_thing" in line
    assert sorted(Item.objects.using(REMOTE).values_list("name", flat=True)) == ["known", "pending"]


# Natural keys that find several objects ------------------------------------------------------------


@pytest.mark.all_pairs
def test_ambiguous_natural_key_is_one_line_naming_model_and_key(manage):
    Ambiguous.objects.using(REMOTE).bulk_create([Ambiguous(name="x"), Ambiguous(name="x")])
    made = Ambiguous.objects.create(name="x", note="new")

    done = manage("synchronize")

    assert done.returncode == 1 and "Traceback" not in done.stderr
    [line] = [line for line in done.stderr.splitlines() if "Ambiguous" in line]
    assert f"testapp.Ambiguous {made.pk}: MultipleObjectsReturned: the natural key ('x',)" in line
    assert set(Ambiguous.objects.using(REMOTE).values_list("name", "note")) == {("x", "")}
    assert Ambiguous.objects.get().note == "new"


def test_ambiguous_natural_key_of_the_users_own_making_is_one_line_too(manage):
    OwnKey.objects.using(REMOTE).bulk_create(OwnKey(code="x", day=date(2024, 1, day)) for day in (1, 2))
    made = OwnKey.objects.create(code="x", day=date(2024, 5, 5))

    done = manage("synchronize")

    assert done.returncode == 1 and "Traceback" not in done.stderr
    [line] = [line for line in done.stderr.splitlines() if "OwnKey" in line]
    assert f"testapp.OwnKey {made.pk}: MultipleObjectsReturned: the natural key ('x', 2024)" in line
    assert OwnKey.objects.using(REMOTE).count() == 2
