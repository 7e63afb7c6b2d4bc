"""How each command ends: 0 done, 1 kept or different, 2 wrong, 3 refused, 4 another run, 5 cannot be reached."""

from __future__ import annotations

from io import StringIO

import pytest
from django.core.management import CommandError, call_command
from django.db import connections

from synchro_triggers import SynchroError, reset_synchro, synchronize
from synchro_triggers.capture import install
from synchro_triggers.exceptions import DatabaseUnreachable, Refused
from synchro_triggers.replay.state.lease import Lease
from synchro_triggers.replay.state.node import node_id
from tests.databases import ALIASES, both, both_committed
from tests.testapp.models import Ambiguous, Item

LOCAL, REMOTE = ALIASES

#: Every command, in the ways that work on both databases, and those on one.
ON_BOTH = [
    ("synchronize",),
    ("synchronize", "--dry-run"),
    ("synchronize", "--full"),
    ("synchronize", "--follow"),
    ("synchro_status",),
    ("synchro_status", "--check", "--max-lag", "60"),
    ("synchro_failures",),
    ("synchro_failures", "--retry"),
    ("synchro_explain", "testapp.Item", "7"),
    ("synchro_link",),
    ("synchro_adopt",),
    ("synchro_compare",),
    ("synchro_conflicts",),
    ("synchro_reset",),
]
ON_ONE = [
    ("synchro_install_triggers",),
    ("synchro_install_triggers", "--check"),
    ("synchro_install_triggers", "--sql"),
    ("synchro_install_triggers", "--uninstall"),
]


def ended(*arguments):
    """Run a command that fails; return its exit code and its one line."""
    with pytest.raises(CommandError) as caught:
        call_command(*arguments, stdout=StringIO(), stderr=StringIO())
    text = str(caught.value)
    assert "\n" not in text
    return caught.value.returncode, text


def on(alias, command):
    return (*command, "--database", alias) if command[0] == "synchro_install_triggers" else command


# 0 and 1 ------------------------------------------------------------------------------------------


@both
@pytest.mark.parametrize(
    "command",
    # synchro_adopt: tests/adopting, with django-synchro's tables.
    [each for each in ON_BOTH + ON_ONE if not {"--follow", "synchro_explain", "synchro_adopt"}.intersection(each)],
    ids=" ".join,
)
def test_what_is_done_ends_with_0(command):
    call_command(*command, stdout=StringIO(), stderr=StringIO())  # raises otherwise


@both
def test_kept_object_ends_with_1():
    Ambiguous.objects.using(REMOTE).bulk_create([Ambiguous(name="x"), Ambiguous(name="x")])
    Ambiguous.objects.create(name="x")

    code, text = ended("synchronize")

    assert code == 1 and text.startswith("1 object could not be applied; kept")


@both
def test_triggers_that_do_not_fit_end_a_check_with_1(settings):
    settings.SYNCHRO_MODELS = ("testapp.Item", "testapp.Unlisted")

    code, text = ended("synchro_install_triggers", "--check")

    assert code == 1 and "Run `manage.py synchro_install_triggers`" in text


# 2 ------------------------------------------------------------------------------------------------


@both
@pytest.mark.parametrize("command", ON_BOTH + ON_ONE[:3], ids=" ".join)
def test_wrong_setting_ends_with_2(settings, command):
    settings.SYNCHRO_OPTIONS = {"testapp.Item": {"skip": ["nope"]}}

    code, text = ended(*command)

    assert code == 2 and text.startswith("SYNCHRO_OPTIONS['testapp.Item']['skip'] names 'nope'")


@both
@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("synchronize", "--remote", "nope"), "there is no database 'nope'"),
        (("synchronize", "--remote", LOCAL), "'default' is the database whose changes are captured"),
        (("synchronize", "--follow", "--remote", "nope"), "there is no database 'nope'"),
        (("synchronize", "--follow", "--dry-run"), "--follow cannot be combined with --dry-run"),
        (("synchronize", "--follow", "--model", "testapp.Item"), "--follow cannot be combined with --model"),
        (("synchronize", "--follow", "--interval", "0"), "The interval must be a number of more than 0 seconds"),
        (("synchronize", "--follow", "--interval", "nan"), "The interval must be a number of more than 0 seconds"),
        (("synchronize", "--follow", "--interval", "inf"), "The interval must be a number of more than 0 seconds"),
        (("synchronize", "--model", "testapp.Nope"), "there is no model 'Nope'"),
        (("synchronize", "--model", "testapp.Unlisted"), "'testapp.Unlisted' is not in SYNCHRO_MODELS"),
        (("synchro_link", "--model", "testapp.Unlisted"), "'testapp.Unlisted' is not in SYNCHRO_MODELS"),
        (("synchro_link", "--remote", "nope"), "there is no database 'nope'"),
        (("synchro_compare", "--remote", "nope"), "there is no database 'nope'"),
        (("synchro_compare", "--model", "testapp.Unlisted"), "'testapp.Unlisted' is not in SYNCHRO_MODELS"),
        (("synchro_status", "--remote", "nope"), "there is no database 'nope'"),
        (("synchro_status", "--max-lag", "5"), "--max-lag says more of --check"),
        (("synchro_status", "--check", "--max-lag", "nan"), "--max-lag must be a number from 0"),
        (("synchro_status", "--check", "--max-failures", "-1"), "--max-failures must be a number from 0"),
        (("synchro_explain", "testapp.Nope", "1"), "There is no model 'testapp.Nope'; write 'app.Model'."),
        (("synchro_explain", "testapp.Unlisted", "1"), "testapp.Unlisted is not captured: it is not in SYNCHRO_MODELS"),
        (("synchro_explain", "testapp.Item", "seven"), "'seven' is no primary key of testapp.Item"),
        (("synchro_explain", "testapp.Item", "7"), "Nobody knows of testapp.Item 7: it is not on 'default'"),
        (("synchro_explain", "testapp.Item", "7", "--remote", "nope"), "there is no database 'nope'"),
        (("synchro_install_triggers", "--database", "nope"), "There is no database 'nope'"),
        (("synchro_install_triggers", "--check", "--database", "nope"), "There is no database 'nope'"),
        (("synchro_install_triggers", "--migration", "nope"), "There is no installed app 'nope'"),
        (("synchro_install_triggers", "--migration", "sites"), "Name an app of your own, or give 'sites' a folder"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else "",
)
def test_wrong_usage_ends_with_2(arguments, said):
    code, text = ended(*arguments)

    assert code == 2 and said in text


@both
@pytest.mark.parametrize(
    "command", [("synchronize",), ("synchronize", "--follow"), ("synchro_link",), ("synchro_compare",)], ids=" ".join
)
def test_no_remote_ends_with_2(settings, command):
    settings.SYNCHRO_REMOTE = None

    assert ended(*command)[0] == 2


@both
@pytest.mark.vendor("sqlite")
def test_notices_of_sqlite_end_with_2():
    assert ended("synchronize", "--follow", "--notify")[0] == 2


# 3 ------------------------------------------------------------------------------------------------


def execute(alias, sql):
    with connections[alias].cursor() as cursor:
        cursor.execute(sql)


SPOILT = {
    "a table is missing": (
        "ALTER TABLE synchro_triggers_failure RENAME TO elsewhere",
        "The tables of synchro_triggers are missing on {!r} (synchro_triggers_failure): run",
    ),
    "a column is missing": (
        "ALTER TABLE synchro_triggers_checkpoint DROP COLUMN run_seen",
        "The tables of synchro_triggers on {!r} are not those of this version: "
        "synchro_triggers_checkpoint has no run_seen.",
    ),
    "a column that triggers write has another name": (
        "ALTER TABLE synchro_triggers_changelog RENAME COLUMN origin TO came_from",
        "The tables of synchro_triggers on {!r} are not those of this version: "
        "synchro_triggers_changelog has no origin.",
    ),
}


@pytest.fixture
def spoil():
    """Spoil this package's tables, until the test is rolled back."""

    def do(alias, sql):
        install.uninstall(alias)  # SQLite lets nobody alter what a trigger speaks of
        execute(alias, sql)

    return do


@both
@pytest.mark.thinned("alias", "how", "command")
@pytest.mark.parametrize("alias", ALIASES)
@pytest.mark.parametrize("how", SPOILT)
@pytest.mark.parametrize("command", ON_BOTH + ON_ONE[:3], ids=" ".join)
def test_tables_that_are_not_as_they_should_be_end_with_3(spoil, alias, how, command):
    sql, said = SPOILT[how]
    Item.objects.create(name="a")
    spoil(alias, sql)

    code, text = ended(*on(alias, command))

    assert code == 3
    assert text.startswith(said.format(alias)) and f"manage.py migrate synchro_triggers --database {alias}" in text
    assert not install.captures(alias) and not Item.objects.using(REMOTE).exists()


@both
@pytest.mark.parametrize("alias", ALIASES)
def test_tables_that_are_not_as_they_should_be_are_refused_from_python_too(spoil, alias):
    spoil(alias, SPOILT["a column is missing"][0])

    for work in (synchronize, reset_synchro):
        with pytest.raises(Refused, match=r"synchro_triggers_checkpoint has no run_seen\."):
            work()


@both
@pytest.mark.parametrize("command", [("synchronize",), ("synchronize", "--follow")], ids=" ".join)
def test_missing_triggers_end_with_3(command):
    install.uninstall(LOCAL)

    code, text = ended(*command)

    assert code == 3 and text.startswith("The triggers on 'default' do not fit: ")
    named, _, cure = text.partition(" more. Changes may have been missed there. ")
    assert 1 < named.count(": missing") <= 5 and "; and " in named  # hundreds would hide what to do
    assert cure.startswith("Run `manage.py synchro_install_triggers --database default`.")


@both
@pytest.mark.parametrize("command", [("synchronize",), ("synchro_install_triggers",)], ids=" ".join)
def test_listed_model_without_a_table_ends_with_3_and_nothing_is_installed(settings, command):
    install.uninstall(LOCAL)
    execute(LOCAL, "ALTER TABLE testapp_unlisted RENAME TO elsewhere")
    settings.SYNCHRO_MODELS = ("testapp.Item", "testapp.Unlisted")

    code, text = ended(*command)

    assert code == 3 and text.startswith("No table on 'default' for: testapp.Unlisted")
    assert not install.captures(LOCAL)


# 4 ------------------------------------------------------------------------------------------------


@both
def test_run_beside_another_ends_with_4():
    other = Lease(REMOTE, node_id(LOCAL))
    other.acquire()

    code, text = ended("synchronize")

    assert code == 4 and text.startswith("A run to 'remote' is under way")


# 5 ------------------------------------------------------------------------------------------------


@pytest.fixture
def down(vendor, tmp_path):
    """Let a database be out of reach for the time of the test."""
    before = {}

    def take(alias):
        connection = connections[alias]
        connection.close()
        kind = vendor.local if alias == LOCAL else vendor.remote
        nowhere = str(tmp_path / "no-such-folder" / "database.sqlite3")
        change = {"sqlite": {"NAME": nowhere}, "postgres": {"HOST": "127.0.0.1", "PORT": "1"}}[kind]
        before[alias] = {key: connection.settings_dict[key] for key in change}
        connection.settings_dict.update(change)

    yield take
    for alias, settings in before.items():
        connections[alias].close()
        connections[alias].settings_dict.update(settings)


@both_committed
@pytest.mark.parametrize("alias", ALIASES)
@pytest.mark.parametrize("command", ON_BOTH + ON_ONE, ids=" ".join)
def test_database_that_cannot_be_reached_ends_with_5_and_is_named(down, alias, command):
    if "--follow" in command and alias == REMOTE:
        pytest.skip("a follower waits for a remote to come back")
    down(alias)

    code, text = ended(*on(alias, command))

    assert code == 5 and repr(alias) in text


@both_committed
@pytest.mark.parametrize("alias", ALIASES)
def test_what_is_wrong_with_both_ways_is_said_once(down, alias):
    down(alias)

    code, text = ended("synchronize", "--both")

    assert code == 5 and text.count(f"working on {alias!r}") == 1 and "?." not in text


@both_committed
@pytest.mark.parametrize("alias", ALIASES)
@pytest.mark.parametrize("work", [synchronize, reset_synchro])
def test_database_that_cannot_be_reached_is_an_error_of_its_own_from_python(down, alias, work):
    down(alias)

    with pytest.raises(DatabaseUnreachable if work is synchronize else Exception) as caught:
        work()

    assert work is not synchronize or (isinstance(caught.value, SynchroError) and repr(alias) in str(caught.value))


@both_committed
@pytest.mark.vendor("postgres")
@pytest.mark.parametrize("alias", ALIASES)
def test_connection_that_was_cut_ends_with_5_and_names_the_database(alias, postgres_server):
    connection = connections[alias]
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_backend_pid()")
        [backend] = cursor.fetchone()
    with postgres_server.connect() as server:
        server.execute("SELECT pg_terminate_backend(%s)", [backend])

    code, text = ended("synchro_status")
    connection.close()

    assert code == 5 and repr(alias) in text


@both_committed
@pytest.mark.vendor("sqlite")
def test_lock_that_is_not_to_be_had_ends_with_5(tmp_path):
    import sqlite3
    from contextlib import closing

    Item.objects.create(name="a")
    connections[REMOTE].close()
    options = connections[REMOTE].settings_dict["OPTIONS"]
    before, options["timeout"] = options["timeout"], 0.1
    try:
        with closing(sqlite3.connect(connections[REMOTE].settings_dict["NAME"])) as other:
            other.execute("BEGIN EXCLUSIVE")
            code, text = ended("synchronize")
    finally:
        connections[REMOTE].close()
        options["timeout"] = before

    assert code == 5 and "'remote'" in text and "locked" in text
