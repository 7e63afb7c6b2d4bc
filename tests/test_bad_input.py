"""Bad input through the command: one clear line, the exit code of its kind, and nothing changed on either side.

Each case is what ``manage.py`` would do, done in the test's process. The last tests show for each command that
a process of its own does the same.
"""

from __future__ import annotations

import os
from contextlib import ExitStack, contextmanager
from datetime import date

import pytest
from django.apps import apps
from django.core.exceptions import ImproperlyConfigured
from django.core.management import CommandError, get_commands
from django.db import connections

from synchro_triggers import synchronize
from synchro_triggers.management import errors
from synchro_triggers.models import Run
from tests.databases import ALIASES, both, both_committed
from tests.managing import changed_env, database_elsewhere, in_new_process, in_process, make_tables, other_engine
from tests.replay.hearing import receiving
from tests.settings import SYNCHRO_MODELS
from tests.testapp.models import Ambiguous, Item, Keyed, KeyedChild, OwnKey

pytestmark = both

LOCAL, REMOTE = ALIASES
MODELS = [model for label in ("testapp", "synchro_triggers") for model in apps.get_app_config(label).get_models()]
MODELS.remove(Run)  # that a run was refused is on record


@pytest.fixture
def manage(settings):
    """Run a management command, with other settings, and with other settings of some databases."""

    def run(*arguments, databases=None, **changed):
        for name, value in changed.items():
            setattr(settings, name, value)
        with ExitStack() as stack:
            for alias, change in (databases or {}).items():
                stack.enter_context(database_elsewhere(alias, change))
            return in_process(*arguments)

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
    return {
        (alias, model._meta.label): list(model._base_manager.using(alias).order_by("pk").values())
        for alias in ALIASES
        for model in MODELS
    }


def one_line(done, code, *, shows_others=False):
    """Return the one line a command failed with; ``shows_others``: beside what it shows of other databases."""
    assert done.returncode == code, done
    assert "Traceback" not in done.stderr
    lines = done.stderr.splitlines()
    assert len(lines) == 1 and lines[0].startswith("CommandError: "), done.stderr
    assert done.stdout == "" or shows_others
    return lines[0].removeprefix("CommandError: ")


# Settings -----------------------------------------------------------------------------------------

WRONG_SETTINGS = {
    # what: (exit code, settings, beginning of the line)
    "unknown app": (2, {"SYNCHRO_MODELS": ["nope"]}, "SYNCHRO_MODELS: there is no installed app 'nope'"),
    "unknown model": (
        2,
        {"SYNCHRO_MODELS": [("testapp", "Item", "Nope")]},
        "SYNCHRO_MODELS: there is no model 'Nope' in the app 'testapp'",
    ),
    "unknown remote": (2, {"SYNCHRO_REMOTE": "nope"}, "SYNCHRO_REMOTE: there is no database 'nope'"),
    "no remote": (2, {"SYNCHRO_REMOTE": None}, "There is no remote to synchronise to: SYNCHRO_REMOTE is not set."),
    "local as remote": (
        2,
        {"SYNCHRO_REMOTE": "default"},
        "SYNCHRO_REMOTE: 'default' is the database whose changes",
    ),
    "policy": (2, {"SYNCHRO_CONFLICT": "oldest"}, "SYNCHRO_CONFLICT must be one of"),
    "batch size": (
        2,
        {"SYNCHRO_BATCH_SIZE": 0},
        "SYNCHRO_BATCH_SIZE must be a whole number of at least 1, not 0.",
    ),
}


@pytest.mark.parametrize(("code", "changed", "said"), WRONG_SETTINGS.values(), ids=WRONG_SETTINGS)
def test_wrong_setting_is_one_line(manage, pending, code, changed, said):
    line = one_line(manage("synchronize", **changed), code)

    assert line.startswith(said)
    assert contents() == pending


@pytest.mark.parametrize(
    ("code", "arguments", "said"),
    [
        (2, ("--remote", "nope"), "there is no database 'nope' (DATABASES has: default, remote)"),
        (2, ("--model", "nope"), "there is no installed app 'nope'"),
        (2, ("--model", "testapp.Nope"), "there is no model 'Nope' in the app 'testapp'"),
    ],
)
def test_wrong_option_is_one_line(manage, pending, code, arguments, said):
    line = one_line(manage("synchronize", *arguments), code)

    assert said in line
    assert contents() == pending


@pytest.mark.parametrize(
    ("code", "command"),
    [(2, "synchro_status"), (2, "synchro_link"), (2, "synchro_reset"), (2, "synchro_install_triggers")],
)
def test_other_commands_say_it_in_one_line_too(manage, pending, code, command):
    line = one_line(manage(command, SYNCHRO_MODELS=["nope"]), code)

    assert line.startswith("SYNCHRO_MODELS: there is no installed app 'nope'")
    assert contents() == pending


# Engines ------------------------------------------------------------------------------------------


COMMANDS = sorted(name for name, app in get_commands().items() if app == "synchro_triggers")
ARGUMENTS = {"synchro_explain": ["testapp.Item", "1"]}


@pytest.mark.parametrize(
    "arguments",
    [*([name, *ARGUMENTS.get(name, ())] for name in COMMANDS), ["synchro_reset", "--no-input"]],
    ids=" ".join,
)
def test_local_database_without_capture_is_refused(manage, pending, tmp_path, arguments):
    line = one_line(manage(*arguments, databases={LOCAL: other_engine(tmp_path)}), 2)

    assert line.startswith("Changes cannot be captured on 'default' (MySQL): only PostgreSQL and SQLite have capture.")
    assert contents() == pending


@pytest.mark.all_pairs
def test_remote_without_capture_is_fine(manage, tmp_path):
    there = {REMOTE: other_engine(tmp_path)}
    with database_elsewhere(REMOTE, there[REMOTE]):
        make_tables(REMOTE, "testapp", "synchro_triggers")
    item = Item.objects.create(name="a", cash=1)
    gone = Item.objects.create(name="gone")
    assert manage("synchronize", databases=there).returncode == 0
    Item.objects.filter(pk=item.pk).update(cash=2)
    gone.delete()

    done = manage("synchronize", "--json", databases=there)

    assert (done.returncode, done.stderr) == (0, "")
    assert '"updated": 1' in done.stdout and '"deleted": 1' in done.stdout
    with database_elsewhere(REMOTE, there[REMOTE]):
        assert list(Item.objects.using(REMOTE).values_list("name", "cash")) == [("a", 2)]


def test_one_object_stops_nobody_on_a_remote_whose_savepoints_are_not_known(manage, tmp_path):
    there = {REMOTE: other_engine(tmp_path)}
    with database_elsewhere(REMOTE, there[REMOTE]):
        make_tables(REMOTE, "testapp", "synchro_triggers")
    Item.objects.bulk_create([Item(name=name) for name in ("one", "bad", "two")])

    def refuse(instance, using, **told):
        if using == REMOTE and instance.name == "bad":
            raise ValueError("not this one")

    with receiving("post_save", Item, refuse):
        done = manage("synchronize", databases=there)

    assert done.returncode == 1 and "not this one" in done.stderr
    with database_elsewhere(REMOTE, there[REMOTE]):
        assert sorted(Item.objects.using(REMOTE).values_list("name", flat=True)) == ["one", "two"]


def test_object_that_waits_for_another_comes_to_a_remote_without_capture_once(manage, tmp_path):
    there = {REMOTE: other_engine(tmp_path)}
    with database_elsewhere(REMOTE, there[REMOTE]):
        make_tables(REMOTE, "testapp", "synchro_triggers")
    KeyedChild.objects.create(name="child", parent=Keyed.objects.create(code="parent"))

    done = manage("synchronize", databases=there)

    assert done.returncode == 0, done.stderr
    assert [line[:30] for line in done.stderr.splitlines()] == ["Warning: 'remote' has no trigg"]
    with database_elsewhere(REMOTE, there[REMOTE]):
        assert list(KeyedChild.objects.using(REMOTE).values_list("name", "parent__code")) == [("child", "parent")]


def test_no_listed_model_is_told_by_a_run(pending, settings):
    settings.SYNCHRO_MODELS = ()

    warnings = synchronize(dry_run=True).warnings

    assert warnings[0].startswith("SYNCHRO_MODELS lists no model: nothing is synchronised.")


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ("Error loading MySQLdb module.\nDid you install mysqlclient?", "module. Did you install mysqlclient?"),
        ("Error loading psycopg module", "For PostgreSQL: pip install 'django-synchro-triggers[postgres]'"),
    ],
)
def test_driver_that_is_not_installed_is_told_with_the_remedy(words, told):
    with pytest.raises(CommandError) as caught, errors.one_line():
        try:
            raise ImportError("no")
        except ImportError:
            raise ImproperlyConfigured(words)  # noqa: B904  as Django does

    assert str(caught.value).endswith(told) and caught.value.returncode == 2


# Databases ----------------------------------------------------------------------------------------


def down(vendor, tmp_path):
    """Return what differs in the settings of a database that cannot be reached."""
    nowhere = str(tmp_path / "no-such-folder" / "database.sqlite3")
    return {"sqlite": {"NAME": nowhere}, "postgres": {"HOST": "127.0.0.1", "PORT": "1"}}[vendor]


REASONS = {"sqlite": "unable to open database file", "postgres": "Connection refused"}


def empty(vendor, tmp_path):
    """Return what differs in the settings of a database that shows no tables."""
    return {
        "sqlite": {"NAME": str(tmp_path / "empty.sqlite3")},
        "postgres": {"OPTIONS": {"options": "-c search_path=nowhere"}},
    }[vendor]


@pytest.mark.all_pairs
@pytest.mark.parametrize("code", [5])
def test_remote_that_is_down_is_one_line_naming_it(manage, pending, vendor, tmp_path, code):
    line = one_line(manage("synchronize", databases={REMOTE: down(vendor.remote, tmp_path)}), code)

    assert "'remote'" in line and REASONS[vendor.remote] in line
    assert contents() == pending


@pytest.mark.parametrize("code", [5])
def test_local_that_is_down_is_one_line_naming_it(manage, pending, vendor, tmp_path, code):
    line = one_line(manage("synchronize", databases={LOCAL: down(vendor.local, tmp_path)}), code)

    assert "'default'" in line and REASONS[vendor.local] in line
    assert contents() == pending


@pytest.mark.parametrize(("code", "command"), [(5, "synchro_status"), (5, "synchro_link"), (5, "synchro_reset")])
def test_other_commands_say_that_the_remote_is_down(manage, pending, vendor, tmp_path, code, command):
    done = manage(command, databases={REMOTE: down(vendor.remote, tmp_path)})
    line = one_line(done, code, shows_others=command == "synchro_status")

    assert "database" in line.lower() and REASONS[vendor.remote] in line
    assert contents() == pending


@pytest.mark.parametrize(("code", "option"), [(5, ()), (5, ("--check",))])
def test_installing_says_which_database_is_down(manage, pending, vendor, tmp_path, code, option):
    there = {REMOTE: down(vendor.remote, tmp_path)}

    line = one_line(manage("synchro_install_triggers", "--database", REMOTE, *option, databases=there), code)

    assert line.startswith("The database 'remote' failed: ")
    assert contents() == pending


@contextmanager
def user(server, name, rights):
    """Let there be a user, named by this process alone: others work on the same server."""
    with server.connect() as session:
        session.execute(f"DROP ROLE IF EXISTS {name}")
        session.execute(f"CREATE ROLE {name} {rights} PASSWORD 'sesame-opens'")
    yield {"USER": name, "PASSWORD": "sesame-opens"}
    with server.connect() as session:
        session.execute(f"DROP ROLE {name}")


@pytest.fixture
def locked_out(postgres_server):
    """What differs in the settings of a user whom the server does not let in, with a password worth hiding."""
    with user(postgres_server, f"ann_the_user_{os.getpid()}", "NOLOGIN") as change:
        yield change


@pytest.mark.vendor("postgres")
@pytest.mark.parametrize(
    ("code", "command", "alias"),
    [
        (5, "synchronize", LOCAL),
        (5, "synchronize", REMOTE),
        (5, "synchro_status", REMOTE),
        (5, "synchro_link", REMOTE),
        (5, "synchro_install_triggers", LOCAL),
    ],
)
def test_refused_login_is_one_line_without_credentials(manage, pending, locked_out, code, command, alias):
    database = ("--database", alias) if command == "synchro_install_triggers" else ()

    done = manage(command, *database, databases={alias: locked_out})
    line = one_line(done, code, shows_others=command == "synchro_status")

    assert "not permitted to log in" in line
    assert "ann_the_user" not in line + done.stdout and "sesame-opens" not in line + done.stdout
    assert contents() == pending


@pytest.mark.vendor("postgres")
@pytest.mark.parametrize(("code", "alias"), [(1, LOCAL), (1, REMOTE)])
def test_user_without_rights_on_the_synchro_tables_is_told_so_in_one_line(
    manage, pending, postgres_server, code, alias
):
    with user(postgres_server, f"visitor_{os.getpid()}", "LOGIN") as visitor:
        line = one_line(manage("synchronize", databases={alias: visitor}), code)

    assert "permission denied for table synchro_" in line
    assert contents() == pending


@pytest.mark.parametrize(("code", "alias"), [(3, LOCAL), (3, REMOTE)])
def test_missing_synchro_tables_are_one_line_with_the_command_to_run(manage, pending, vendor, tmp_path, code, alias):
    side = vendor.local if alias == LOCAL else vendor.remote

    line = one_line(manage("synchronize", databases={alias: empty(side, tmp_path)}), code)

    assert line == (
        f"The tables of synchro_triggers are missing on '{alias}': "
        f"run `manage.py migrate synchro_triggers --database {alias}`."
    )
    assert contents() == pending


def test_status_of_a_remote_that_nobody_has_migrated_is_a_line_beside_that_of_local(manage, pending, vendor, tmp_path):
    done = manage("synchro_status", databases={REMOTE: empty(vendor.remote, tmp_path)})

    assert "The tables of synchro_triggers are missing on 'remote'" in one_line(done, 3, shows_others=True)
    here, *_, there = [line for line in done.stdout.splitlines() if not line.startswith("  ")]
    assert here.startswith("default: ") and there.startswith("remote: cannot be asked: The tables of synchro_triggers")
    assert contents() == pending


# Models without a table, and triggers that are not there -------------------------------------------


#: The one model that is not captured is listed then: it has a table, but no triggers.
LISTED = {"SYNCHRO_MODELS": (*SYNCHRO_MODELS, "testapp.Unlisted")}


@contextmanager
def without_table(alias):
    """Let its table be missing for a block."""
    with connections[alias].cursor() as cursor:
        cursor.execute("ALTER TABLE testapp_unlisted RENAME TO put_aside")
        yield
        cursor.execute("ALTER TABLE put_aside RENAME TO testapp_unlisted")


@pytest.mark.parametrize("code", [3])
def test_model_without_a_table_is_one_line_naming_it(manage, pending, code):
    with without_table(LOCAL):
        line = one_line(manage("synchro_install_triggers", **LISTED), code)

    assert "No table on 'default' for: testapp.Unlisted (table 'testapp_unlisted')" in line
    assert "manage.py migrate --database default" in line
    assert contents() == pending


@pytest.mark.parametrize("code", [3])
def test_captured_model_without_triggers_is_one_line_with_the_command_to_run(manage, pending, code):
    line = one_line(manage("synchronize", **LISTED), code)

    assert "The triggers on 'default' do not fit: testapp_unlisted (testapp.Unlisted): missing." in line
    assert "manage.py synchro_install_triggers --database default" in line
    assert contents() == pending


@pytest.mark.all_pairs
def test_model_without_a_table_on_the_remote_is_left_out_and_follows(manage, pending):
    assert manage("synchro_install_triggers", **LISTED).returncode == 0
    with without_table(REMOTE):
        assert manage("synchronize", **LISTED).returncode == 0
    assert sorted(Item.objects.using(REMOTE).values_list("name", flat=True)) == ["known", "pending"]
    with connections[LOCAL].cursor() as cursor:
        cursor.execute("INSERT INTO testapp_unlisted (id, name) VALUES (1, 'x')")
    Item.objects.create(name="later")

    with without_table(REMOTE):
        done = manage("synchronize", **LISTED)

    assert done.returncode == 1
    assert "testapp.Unlisted: 1 object, as 'remote' has no table 'testapp_unlisted'" in done.stderr
    assert "manage.py migrate --database remote" in done.stderr
    assert Item.objects.using(REMOTE).filter(name="later").exists()
    assert manage("synchronize", **LISTED).returncode == 0
    with connections[REMOTE].cursor() as cursor:
        cursor.execute("SELECT name FROM testapp_unlisted")
        assert cursor.fetchall() == [("x",)]


def test_model_without_a_table_on_local_is_left_out(manage, pending):
    with without_table(LOCAL):
        done = manage("synchronize", **LISTED)

    assert done.returncode == 1
    assert "testapp.Unlisted: 'default' has no table 'testapp_unlisted'" in done.stderr
    assert "manage.py migrate --database default" in done.stderr
    assert sorted(Item.objects.using(REMOTE).values_list("name", flat=True)) == ["known", "pending"]


# Natural keys that find several objects ------------------------------------------------------------


@pytest.mark.all_pairs
@pytest.mark.parametrize("code", [1])
def test_ambiguous_natural_key_is_one_line_naming_model_and_key(manage, code):
    Ambiguous.objects.using(REMOTE).bulk_create([Ambiguous(name="x"), Ambiguous(name="x")])
    made = Ambiguous.objects.create(name="x", note="new")

    done = manage("synchronize")

    assert done.returncode == code and "Traceback" not in done.stderr
    [line] = [line for line in done.stderr.splitlines() if "Ambiguous" in line]
    assert f"testapp.Ambiguous {made.pk}: MultipleObjectsReturned: the natural key ('x',)" in line
    assert set(Ambiguous.objects.using(REMOTE).values_list("name", "note")) == {("x", "")}
    assert Ambiguous.objects.get().note == "new"


@pytest.mark.parametrize("code", [1])
def test_ambiguous_natural_key_of_the_users_own_making_is_one_line_too(manage, code):
    OwnKey.objects.using(REMOTE).bulk_create(OwnKey(code="x", day=date(2024, 1, day)) for day in (1, 2))
    made = OwnKey.objects.create(code="x", day=date(2024, 5, 5))

    done = manage("synchronize")

    assert done.returncode == code and "Traceback" not in done.stderr
    [line] = [line for line in done.stderr.splitlines() if "OwnKey" in line]
    assert f"testapp.OwnKey {made.pk}: MultipleObjectsReturned: the natural key ('x', 2024)" in line
    assert OwnKey.objects.using(REMOTE).count() == 2


# As processes -------------------------------------------------------------------------------------

PROCESSES = {
    # command: (exit code, arguments, settings, whether the remote is down)
    "synchronize": (5, (), {}, True),
    "synchro_status": (2, (), {"SYNCHRO_MODELS": ["nope"]}, False),
    "synchro_explain": (2, ("testapp.Nope", "1"), {}, False),
    "synchro_conflicts": (2, (), {"SYNCHRO_MODELS": ["nope"]}, False),
    "synchro_prune": (2, (), {}, False),
    "synchro_compare": (5, (), {}, True),
    "synchro_failures": (5, (), {}, True),
    "synchro_adopt": (2, (), {"SYNCHRO_MODELS": ["nope"]}, False),
    "synchro_link": (5, (), {}, True),
    "synchro_reset": (2, (), {"SYNCHRO_MODELS": ["nope"]}, False),
    "synchro_install_triggers": (5, ("--check", "--database", REMOTE), {}, True),
}


def test_every_command_is_among_them():
    assert {name for name, app in get_commands().items() if app == "synchro_triggers"} == PROCESSES.keys()


@both_committed
@pytest.mark.parametrize("command", PROCESSES)
def test_process_that_fails_ends_and_says_the_same(manage, process_env, pending, vendor, tmp_path, command):
    code, arguments, settings, remote_is_down = PROCESSES[command]
    databases = {REMOTE: down(vendor.remote, tmp_path)} if remote_is_down else {}
    env = changed_env(process_env, databases=databases, settings=settings)

    done = in_new_process(env, command, *arguments)

    one_line(done, code)
    assert done == manage(command, *arguments, databases=databases, **settings)
    assert contents() == pending


@both_committed
def test_process_that_does_its_work_ends_and_says_the_same(manage, process_env):
    Item.objects.create(name="a")
    done = in_new_process(process_env, "synchronize")
    Item.objects.create(name="b")

    assert (done.returncode, done.stderr) == (0, "") and "testapp.Item" in done.stdout
    assert manage("synchronize") == done


@both_committed
def test_process_with_a_wrong_option_ends_and_says_the_same(manage, process_env):
    done = in_new_process(process_env, "synchronize", "--no-such-option")

    assert done.returncode == 2 and "--no-such-option" in done.stderr
    assert manage("synchronize", "--no-such-option") == done
