"""``synchro_install_triggers``: what each option does, what it says, and that it does all or nothing."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import time
import tomllib
from contextlib import contextmanager
from io import StringIO
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command
from django.db import DatabaseError, OperationalError, connections, migrations, models, transaction
from django.db.migrations.recorder import MigrationRecorder
from django.test.utils import CaptureQueriesContext

from synchro_triggers.capture.install import compare
from synchro_triggers.capture.migrating import after_migrate
from synchro_triggers.capture.vendor import vendor_of
from synchro_triggers.models import ChangeLog
from tests.pages import page
from tests.safety.effort import times
from tests.testapp.models import Account, Egg, Hen, Item, Numbered, Stamped

ROOT = Path(__file__).resolve().parents[2]
MODELS = (Item, Account, Numbered)


@pytest.fixture
def bare(own, settings):
    """An alias with three tables, to be captured, without triggers."""
    settings.SYNCHRO_MODELS = tuple(model._meta.label for model in MODELS)
    with connections[own].schema_editor() as editor:
        for model in MODELS:
            editor.create_model(model)
    return own


@pytest.fixture
def installed(bare):
    run(bare)
    return bare


def run(alias: str, *arguments: str, **options) -> str:
    output = StringIO()
    call_command("synchro_install_triggers", *arguments, databases=[alias], stdout=output, **options)
    return output.getvalue()


def check(alias: str) -> list[str]:
    """Run ``--check``; return the lines of its list, which is empty when the command exits with 0."""
    output = StringIO()
    try:
        call_command("synchro_install_triggers", "--check", databases=[alias], stdout=output)
    except CommandError as error:
        assert "synchro_install_triggers" in str(error) and error.returncode == 1
        heading, *lines = output.getvalue().splitlines()
        assert heading == f"{alias}: triggers do not fit:" and lines
        return [line.strip() for line in lines]
    assert output.getvalue() == f"{alias}: triggers fit.\n"
    return []


def execute(alias: str, sql: str) -> None:
    with connections[alias].cursor() as cursor:
        cursor.execute(sql)


def triggers(alias: str) -> set[tuple[str, str]]:
    connection = connections[alias]
    return {(found.table, found.name) for found in vendor_of(connection).installed_triggers(connection)}


def leftovers(alias: str) -> list[str]:
    """Return everything of this package in the catalog but its tables and their indexes and sequences."""
    queries = {
        "sqlite": "SELECT name FROM sqlite_master WHERE type = 'trigger'",
        "postgresql": "SELECT tgname FROM pg_trigger WHERE NOT tgisinternal"
        " UNION ALL SELECT proname FROM pg_proc WHERE proname LIKE '%synchro%'",
    }
    with connections[alias].cursor() as cursor:
        cursor.execute(queries[connections[alias].vendor])
        return [name for (name,) in cursor.fetchall()]


def is_captured(alias: str) -> bool:
    before = ChangeLog.objects.using(alias).count()
    Item.objects.using(alias).create(name="probe")
    return ChangeLog.objects.using(alias).count() == before + 1


# Installing -------------------------------------------------------------------------------------------


def test_installed_triggers_capture_and_the_command_says_on_how_many_tables(bare):
    assert not is_captured(bare)

    output = run(bare)

    first, unlogged, *way_out = output.splitlines()
    assert first == f"{bare}: triggers installed on 3 tables, removed from 0."
    assert unlogged == f"{bare}: the log does not know 1 rows that were there before: testapp.Item 1."
    assert "synchro_link" in way_out[0] and "--full" in way_out[0]
    assert is_captured(bare)
    assert check(bare) == []


def test_installing_again_changes_nothing(installed):
    before = leftovers(installed)
    with _counted_ddl(installed) as statements:
        output = run(installed)

    assert output == f"{installed}: triggers are installed and up to date.\n"
    assert leftovers(installed) == before and statements == []


def test_installing_says_nothing_when_it_is_told_so(bare):
    assert run(bare, verbosity=0) == ""


def test_installing_lists_what_was_wrong_when_it_is_asked(bare):
    assert "testapp_item (testapp.Item): missing" in run(bare, verbosity=2)


def test_installing_repairs_whatever_is_wrong(installed, settings):
    settings.SYNCHRO_MODELS = ("testapp.Item", "testapp.Numbered")
    drop_a_trigger(installed, "testapp_item")

    output = run(installed)

    assert output == f"{installed}: triggers installed on 1 tables, removed from 1.\n"
    assert {table for table, _ in triggers(installed)} == {"testapp_item", "testapp_numbered"}
    assert check(installed) == []


def test_several_databases_are_installed_in_one_call(bare, own):
    output = StringIO()
    call_command("synchro_install_triggers", "--database", bare, "--database", bare, stdout=output)

    assert output.getvalue().count(f"{bare}:") == 2


def test_table_that_is_missing_is_named_and_nothing_is_installed(bare):
    execute(bare, "DROP TABLE testapp_account")

    with pytest.raises(CommandError) as error:
        run(bare)

    assert "testapp.Account" in str(error.value) and f"migrate --database {bare}" in str(error.value)
    assert error.value.returncode == 3
    assert not is_captured(bare)


def test_tables_of_this_package_that_are_missing_are_said_with_the_command_that_makes_them(bare):
    for table in connections[bare].introspection.table_names():
        if table.startswith("synchro_"):
            execute(bare, f"DROP TABLE {table}")

    for arguments in ([], ["--check"], ["--sql"]):
        with pytest.raises(CommandError, match=f"migrate synchro_triggers --database {bare}"):
            run(bare, *arguments)


@pytest.mark.parametrize("option", [[], ["--check"], ["--uninstall"], ["--sql"]])
def test_unknown_database_is_one_line_that_names_the_known_ones(own, option):
    with pytest.raises(CommandError) as error:
        call_command("synchro_install_triggers", *option, "--database", "nowhere")

    assert str(error.value) == "There is no database 'nowhere' (DATABASES has: default, own, remote)."


@pytest.mark.parametrize("option", [[], ["--check"], ["--uninstall"], ["--sql"]])
def test_vendor_without_capture_is_said(bare, option, monkeypatch):
    monkeypatch.setattr(connections[bare], "vendor", "mysql")
    monkeypatch.setattr(connections[bare], "display_name", "MySQL")

    with pytest.raises(CommandError, match=r"cannot be captured on 'own' \(MySQL\)"):
        run(bare, *option)


@pytest.mark.parametrize("option", [[], ["--check"], ["--uninstall"], ["--sql"]])
def test_database_that_is_down_is_one_line_that_names_it(bare, option):
    def refuse(*call):
        raise OperationalError("no route\nto host, user=ann password=sesame")

    with connections[bare].execute_wrapper(refuse), pytest.raises(CommandError) as error:
        run(bare, *option)

    assert str(error.value) == "The database 'own' failed: no route to host, user=*** password=***"


def test_unknown_model_in_the_setting_is_said(bare, settings):
    settings.SYNCHRO_MODELS = ("testapp.Nothing",)

    with pytest.raises(CommandError, match="no model 'Nothing'"):
        run(bare)


@pytest.mark.parametrize(
    "both", [["--check", "--uninstall"], ["--sql", "--uninstall"], ["--check", "--sql"], ["--migration=x", "--sql"]]
)
def test_options_that_contradict_each_other_are_refused(both):
    with pytest.raises(CommandError, match="not allowed with"):
        call_command("synchro_install_triggers", *both)


# --check ----------------------------------------------------------------------------------------------


def drop_a_trigger(alias: str, table: str) -> None:
    connection = connections[alias]
    vendor = vendor_of(connection)
    found = next(trigger for trigger in vendor.installed_triggers(connection) if trigger.table == table)
    for sql in vendor.drop_sql(connection, found):
        execute(alias, sql)


def test_check_lists_every_table_where_nothing_is_installed_and_changes_nothing(bare):
    assert check(bare) == [
        "testapp_account (testapp.Account): missing",
        "testapp_item (testapp.Item): missing",
        "testapp_numbered (testapp.Numbered): missing",
    ]
    assert leftovers(bare) == []


def test_check_finds_one_missing_trigger(installed):
    drop_a_trigger(installed, "testapp_item")

    assert check(installed) == ["testapp_item (testapp.Item): missing"]


def test_check_finds_triggers_that_are_outdated(installed, settings):
    settings.SYNCHRO_OPTIONS = {"testapp.Item": {"skip": ("cash",)}}

    assert check(installed) == ["testapp_item (testapp.Item): outdated"]


def test_check_finds_triggers_of_models_that_are_not_listed_any_more(installed, settings):
    settings.SYNCHRO_MODELS = ("testapp.Item", "testapp.Numbered")

    assert check(installed) == ["testapp_account (testapp.Account): orphaned"]


@pytest.mark.vendor("postgres")
def test_check_finds_triggers_that_somebody_has_switched_off(installed):
    execute(installed, "ALTER TABLE testapp_item DISABLE TRIGGER USER")

    assert check(installed) == ["testapp_item (testapp.Item): outdated"]

    run(installed)

    assert check(installed) == [] and is_captured(installed)


def test_check_finds_tables_that_are_missing(installed):
    execute(installed, "DROP TABLE testapp_account")

    assert check(installed) == ["testapp_account (testapp.Account): no such table"]


@pytest.mark.vendor("postgres")
def test_check_finds_triggers_of_a_table_that_lost_a_column(installed):
    execute(installed, "ALTER TABLE testapp_item DROP COLUMN cash")

    assert check(installed) == [
        "testapp_item (testapp.Item): no column 'cash'",
        "testapp_item (testapp.Item): outdated",
    ]


@pytest.mark.vendor("sqlite")
def test_check_finds_triggers_of_a_table_that_got_a_unique_index(installed):
    execute(installed, "CREATE UNIQUE INDEX by_name ON testapp_item (name)")

    assert check(installed) == ["testapp_item (testapp.Item): outdated"]


def test_trigger_of_somebody_else_is_neither_listed_nor_removed(installed):
    if connections[installed].vendor == "postgresql":
        execute(installed, "CREATE FUNCTION theirs() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END'")
        execute(installed, "CREATE TRIGGER theirs AFTER INSERT ON testapp_item EXECUTE FUNCTION theirs()")
    else:
        execute(installed, "CREATE TRIGGER theirs AFTER INSERT ON testapp_item BEGIN SELECT 1; END")
        execute(installed, "CREATE TRIGGER synchro_theirs AFTER INSERT ON testapp_item BEGIN SELECT 1; END")

    assert check(installed) == []
    run(installed, "--uninstall")

    assert set(leftovers(installed)) <= {"theirs", "synchro_theirs"} and "theirs" in leftovers(installed)


# --uninstall ------------------------------------------------------------------------------------------


def test_uninstalling_leaves_no_trigger_and_no_function(installed):
    count = len(triggers(installed))

    output = run(installed, "--uninstall")

    assert output == f"{installed}: {count} triggers removed.\n"
    assert leftovers(installed) == []
    assert not is_captured(installed)


def test_uninstalling_takes_what_is_not_listed_any_more_along(installed, settings):
    settings.SYNCHRO_MODELS = ()

    run(installed, "--uninstall")

    assert leftovers(installed) == []


def test_migrate_says_of_which_tables_it_has_removed_triggers(installed, settings):
    settings.SYNCHRO_MODELS = ("testapp.Item",)  # misspelt, or not any more
    after_migrate(using=installed, plan=[], verbosity=1, stdout=(said := StringIO()))

    said = said.getvalue()
    assert said == f"  {installed}: not captured any more, by SYNCHRO_MODELS: testapp_account, testapp_numbered.\n"
    after_migrate(using=installed, plan=[], verbosity=1, stdout=(said := StringIO()))
    assert said.getvalue() == ""


def test_uninstalling_where_nothing_is_installed_says_so(bare):
    assert run(bare, "--uninstall") == f"{bare}: 0 triggers removed.\n"


def test_uninstalling_finds_everything_where_this_package_has_no_tables_any_more(installed):
    """As after ``pip uninstall`` and somebody's DROP TABLE: every write of the users fails until then."""
    for table in connections[installed].introspection.table_names():
        if table.startswith("synchro_"):
            execute(installed, f"DROP TABLE {table}")
    with pytest.raises(DatabaseError, match="synchro_triggers"):
        Item.objects.using(installed).create(name="a")

    run(installed, "--uninstall")

    assert leftovers(installed) == []
    Item.objects.using(installed).create(name="a")


def test_page_has_the_sql_that_removes_triggers_without_this_package(installed):
    section = page("docs/how-to/uninstall.md")
    on_postgres, on_sqlite = re.findall(r"```(?:postgre)?sql\n(.*?)```", section, re.DOTALL)

    if connections[installed].vendor == "postgresql":
        execute(installed, on_postgres)
    else:
        with connections[installed].cursor() as cursor:
            cursor.execute(on_sqlite)
            statements = [sql for (sql,) in cursor.fetchall()]
        for sql in statements:
            execute(installed, sql)

    assert leftovers(installed) == []


def test_functions_of_dropped_tables_go_with_the_next_installation(installed, settings):
    execute(installed, "DROP TABLE testapp_account")
    settings.SYNCHRO_MODELS = ("testapp.Item",)

    run(installed)
    run(installed, "--uninstall")

    assert leftovers(installed) == []


# --sql ------------------------------------------------------------------------------------------------


def test_sql_is_printed_and_not_executed(bare):
    output = run(bare, "--sql")

    assert "CREATE TRIGGER" in output
    assert leftovers(bare) == []


def test_printed_sql_installs_the_triggers_when_somebody_else_runs_it(bare):
    script = run(bare, "--sql")

    connection = connections[bare]
    connection.ensure_connection()
    if connection.vendor == "sqlite":
        connection.connection.executescript(script)
    else:
        connection.connection.execute(script)

    assert check(bare) == []
    assert is_captured(bare)


# One transaction, and many tables ---------------------------------------------------------------------


@contextmanager
def _failing_at(alias: str, number: int):
    """Let the database fail at the n-th trigger that is made."""
    made = []

    def wrapper(execute, sql, params, many, context):
        made.extend(["one"] * sql.count("CREATE TRIGGER"))
        if len(made) >= number:
            raise OSError("the disk is full")
        return execute(sql, params, many, context)

    with connections[alias].execute_wrapper(wrapper):
        yield


@contextmanager
def _counted_ddl(alias: str):
    statements = []

    def wrapper(execute, sql, params, many, context):
        if sql.split()[0] in {"CREATE", "DROP", "ALTER"}:
            statements.append(sql)
        return execute(sql, params, many, context)

    with connections[alias].execute_wrapper(wrapper):
        yield statements


def test_failure_in_the_middle_of_a_first_installation_leaves_nothing(bare):
    with pytest.raises(OSError, match="disk"), _failing_at(bare, 7):
        run(bare)

    assert leftovers(bare) == []


def test_failure_in_the_middle_of_a_change_leaves_the_database_as_it_was(installed, settings, monkeypatch):
    before = sorted(leftovers(installed))
    settings.SYNCHRO_MODELS = ("testapp.Item", "testapp.Account")
    for model in MODELS:
        monkeypatch.setattr(model, "SYNCHRO_SKIP", ("cash",), raising=False)

    with pytest.raises(OSError, match="disk"), _failing_at(installed, 2):
        run(installed)

    assert sorted(leftovers(installed)) == before
    assert is_captured(installed)


def test_many_tables_are_installed_all_or_none_and_in_seconds(app):
    """60 tables, and 500 in the long form."""
    count = times(short=60, long=500)
    key = models.BigAutoField(primary_key=True)
    fields = [("id", key), *((f"field{number}", models.IntegerField(default=0)) for number in range(10))]
    app.add_migration(*(migrations.CreateModel(f"Model{number}", fields) for number in range(count)))
    app.migrate()

    with pytest.raises(OSError, match="disk"), _failing_at(app.alias, 2 * count):
        run(app.alias)
    assert leftovers(app.alias) == [], "a failure in the middle has left something"

    started = time.monotonic()
    run(app.alias)
    installing = time.monotonic() - started
    started = time.monotonic()
    assert check(app.alias) == []
    checking = time.monotonic() - started

    assert len({table for table, _ in triggers(app.alias)}) == count
    assert installing < times(short=6, long=40)
    print(
        f"{connections[app.alias].vendor}: {count} tables installed in {installing:.1f} s, checked in {checking:.1f} s"
    )


# --migration ------------------------------------------------------------------------------------------


@pytest.fixture
def shop(app):
    key = models.BigAutoField(primary_key=True, serialize=False)
    app.add_migration(migrations.CreateModel("Order", [("id", key), ("code", models.CharField(max_length=20))]))
    app.migrate()
    return app


def test_written_migration_installs_and_removes_the_triggers(shop, tmp_path):
    output = run(shop.alias, "--migration", "migapp")

    path = tmp_path / "changing_migrations" / "0002_synchro_triggers.py"
    assert path.is_file() and str(path) in output and "manage.py migrate migapp" in output
    call_command("migrate", "migapp", database=shop.alias, verbosity=0)
    assert check(shop.alias) == []
    shop.execute("INSERT INTO migapp_order (code) VALUES ('a')")
    assert ChangeLog.objects.using(shop.alias).get().model_label == "migapp.Order"

    call_command("migrate", "migapp", "0001", database=shop.alias, verbosity=0)
    assert leftovers(shop.alias) == []

    call_command("migrate", "migapp", database=shop.alias, verbosity=0)
    assert check(shop.alias) == []


def test_written_migration_waits_for_the_tables_that_it_needs(shop, tmp_path):
    run(shop.alias, "--migration", "migapp")

    text = (tmp_path / "changing_migrations" / "0002_synchro_triggers.py").read_text()
    assert '("migapp", "0001_step")' in text and '("synchro_triggers", "0' in text
    compile(text, "migration", "exec")


def test_second_migration_with_nothing_new_is_not_written(shop, tmp_path):
    run(shop.alias, "--migration", "migapp")
    before = sorted((tmp_path / "changing_migrations").glob("*.py"))

    said = run(shop.alias, "--migration", "migapp")
    told = json.loads(run(shop.alias, "--migration", "migapp", "--json"))

    assert said == "migapp: 0002_synchro_triggers installs what models and SYNCHRO_MODELS say: nothing was written.\n"
    assert told == {"migration": None, "newest": "0002_synchro_triggers"}
    assert sorted((tmp_path / "changing_migrations").glob("*.py")) == before


def test_written_migration_makes_no_other_one_necessary(shop):
    run(shop.alias, "--migration", "migapp")
    call_command("migrate", "migapp", database=shop.alias, verbosity=0)

    call_command("makemigrations", "migapp", "--check", "--dry-run", verbosity=0)

    assert ("migapp", "0002_synchro_triggers") in MigrationRecorder(connections[shop.alias]).applied_migrations()


@pytest.mark.parametrize(("label", "message"), [("nothing", "no installed app 'nothing'"), ("migapp", "no migrations")])
def test_migration_for_an_app_that_cannot_have_one_is_refused(own, settings, label, message):
    settings.MIGRATION_MODULES = {"migapp": None}

    with pytest.raises(CommandError, match=message):
        call_command("synchro_install_triggers", "--migration", label)


def test_migration_is_written_from_the_layout_of_the_wheel_too(tmp_path):
    """There the template lies inside the package."""
    wheel = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["hatch"]["build"]["targets"]["wheel"]
    site, project = tmp_path / "site-packages", tmp_path / "project"
    for package in wheel["packages"]:
        shutil.copytree(ROOT / package, site / package, ignore=shutil.ignore_patterns("__pycache__"))
    for source, target in wheel["force-include"].items():
        shutil.copytree(ROOT / source, site / target)
    (project / "shop" / "migrations").mkdir(parents=True)
    for folder in ("shop", "shop/migrations"):
        (project / folder / "__init__.py").touch()
    (project / "shop" / "models.py").write_text(
        "from django.db import models\nclass Order(models.Model):\n    code = models.CharField(max_length=9)\n"
    )
    (project / "shop_settings.py").write_text(
        "INSTALLED_APPS = ['synchro_triggers', 'shop']\nSYNCHRO_REMOTE = None\nSYNCHRO_MODELS = ('shop',)\n"
        "DEFAULT_AUTO_FIELD = 'django.db.models.BigAutoField'\nUSE_TZ = True\n"
        "DATABASES = {'default': {'ENGINE': 'django.db.backends.sqlite3', 'NAME': 'shop.sqlite3'}}\n"
    )
    env = {**os.environ, "DJANGO_SETTINGS_MODULE": "shop_settings", "PYTHONPATH": f"{site}{os.pathsep}{project}"}

    def manage(*arguments: str) -> str:
        return subprocess.run(
            [sys.executable, "-P", "-m", "django", *arguments],
            cwd=project,
            env=env,
            check=True,
            capture_output=True,
            text=True,
        ).stdout

    manage("makemigrations", "shop")
    manage("synchro_install_triggers", "--migration", "shop")
    manage("migrate", "-v0")

    assert manage("synchro_install_triggers", "--check") == "default: triggers fit.\n"
    assert str(site) in manage("shell", "-v0", "-c", "import synchro_triggers; print(synchro_triggers.__file__)")


# What every run asks ------------------------------------------------------------------------------------


def fits(alias: str) -> list[str]:
    """Compare as a run does; return what is wrong."""
    return compare(alias).describe()


def test_comparison_asks_as_little_for_many_tables_as_for_few_once_it_knows_the_catalog(installed, settings):
    def queries() -> int:
        assert fits(installed) == []
        with CaptureQueriesContext(connections[installed]) as asked:
            assert fits(installed) == []
        return len(asked)

    few = queries()
    settings.SYNCHRO_MODELS = (*settings.SYNCHRO_MODELS, "testapp.Stamped", "testapp.Hen", "testapp.Egg")
    with connections[installed].schema_editor() as editor:
        for model in (Stamped, Hen, Egg):
            editor.create_model(model)
    assert fits(installed) != []
    run(installed)

    assert queries() == few <= 2


def test_comparison_that_was_made_once_sees_whatever_is_changed_and_what_is_taken_back(installed):
    alias, quote = installed, connections[installed].ops.quote_name
    table, name = min(found for found in triggers(alias) if found[0] == Item._meta.db_table)
    gone = f"DROP TRIGGER {quote(name)}"
    gone += f" ON {quote(table)}" if connections[alias].vendor == "postgresql" else ""
    assert fits(alias) == []

    with pytest.raises(ZeroDivisionError), transaction.atomic(using=alias):
        execute(alias, gone)
        assert fits(alias) == ["testapp_item (testapp.Item): missing"]
        1 / 0  # noqa: B018
    assert fits(alias) == []

    with transaction.atomic(using=alias):
        execute(alias, gone)
    assert fits(alias) == ["testapp_item (testapp.Item): missing"]
    run(alias)
    assert fits(alias) == []

    execute(alias, f"ALTER TABLE {quote(table)} RENAME COLUMN cash TO money")
    assert "testapp_item (testapp.Item): no column 'cash'" in fits(alias)
    execute(alias, f"ALTER TABLE {quote(table)} RENAME COLUMN money TO cash")
    run(alias)
    assert fits(alias) == []

    if connections[alias].vendor == "sqlite":  # INSERT OR REPLACE takes rows along by unique indexes
        execute(alias, f"CREATE UNIQUE INDEX one_name ON {quote(table)} (name)")
    else:
        execute(alias, f"ALTER TABLE {quote(table)} DISABLE TRIGGER {quote(name)}")
    assert fits(alias) == ["testapp_item (testapp.Item): outdated"]
    run(alias)
    assert fits(alias) == []
