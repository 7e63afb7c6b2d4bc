"""System checks: each wrong setup is said by ``manage.py check``, under its id, and right ones are not."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from django.core.checks import run_checks
from django.core.management import CommandError, call_command
from django.db import connections, models
from django.db.models.functions import Lower
from django.test.utils import isolate_apps

from synchro_triggers import synchronize
from synchro_triggers.exceptions import SynchroConfigurationError
from synchro_triggers.models import Checkpoint
from synchro_triggers.natural import is_unique
from synchro_triggers.replay.state.node import node_id
from synchro_triggers.vendors import addresses
from synchro_triggers.vendors.vendor import database_named
from tests.databases import ALIASES, both, both_committed
from tests.managing import changed_env, in_new_process
from tests.pages import page
from tests.testapp.models import Account, Item, Keyed, KeyedChild

LOCAL, REMOTE = ALIASES
ROOT = Path(__file__).resolve().parent.parent


def said(number):
    """Return what the check with this id says, as ``manage.py check`` prints it."""
    return [f"{each.msg} {each.hint or ''}" for each in run_checks() if each.id == f"synchro_triggers.{number}"]


def test_reference_lists_every_id():
    code = "".join((ROOT / "synchro_triggers" / f"{name}.py").read_text() for name in ("checks", "database_checks"))
    ids = set(re.findall(r"synchro_triggers\.([EW]\d{3})\"", code))
    rows = re.findall(r"^\| `synchro_triggers\.([EW]\d{3})` \|", page("docs/reference/checks.md"), re.MULTILINE)

    assert sorted(ids) == sorted(rows) and len(ids) == 13


@pytest.mark.parametrize("held", ["testapp.Item", ("content_type",), "tests.test_checks.said"])
def test_models_of_which_a_column_may_hold_keys_are_brought_along(settings, held):
    settings.SYNCHRO_MODELS = ("auth.Permission",)
    settings.SYNCHRO_OPTIONS = {
        "auth.Permission": {"references": {"codename": held}},
        "testapp.Item": {"identity": "pk"},
    }
    assert not said("W014")

    settings.SYNCHRO_OPTIONS = {**settings.SYNCHRO_OPTIONS, "testapp.Account": {"skip": ["cash"]}}
    assert len(said("W014")) == (held == "testapp.Item")


def test_checks_ask_no_database(settings):
    """This test may not use a database: pytest-django refuses every connection."""
    settings.SYNCHRO_OPTIONS = {"testapp.Item": {"natural_key": ["name"]}}

    assert said("W013")


# Settings (E001, W011, W012, W014) ----------------------------------------------------------------


def test_every_wrong_setting_is_said_at_once(settings):
    settings.SYNCHRO_MODELS = ("testapp", "nope", "testapp.Nope", "-testapp.Item")
    settings.SYNCHRO_REMOTE = ("remote", "nowhere", "default")
    settings.SYNCHRO_OPTIONS = {"testapp.Item": {"skip": ["nope"]}, "testapp.Tag": {"natural_keys": ["label"]}}
    settings.SYNCHRO_CONFLICT = "oldest"
    settings.SYNCHRO_BATCH_SIGNALS = ["testapp.Nobody"]
    settings.SYNCHRO_DEBUG = "yes"

    found = said("E001")

    for text in (
        "SYNCHRO_MODELS: there is no installed app 'nope'",
        "SYNCHRO_MODELS: there is no model 'Nope'",
        "SYNCHRO_REMOTE: there is no database 'nowhere'",
        "SYNCHRO_REMOTE: 'default' is the database whose changes are captured",
        "SYNCHRO_OPTIONS['testapp.Item']['skip'] names 'nope'",
        "SYNCHRO_OPTIONS['testapp.Tag']: there is no option 'natural_keys'",
        "SYNCHRO_CONFLICT must be",
        "SYNCHRO_BATCH_SIGNALS: there is no model 'Nobody'",
        "SYNCHRO_DEBUG must be",
    ):
        assert len([each for each in found if each.startswith(text)]) == 1, text
    assert len(found) == 9


def test_wrong_setting_hides_no_other_and_makes_none_up(settings):
    settings.SYNCHRO_MODELS = ("nope", "testapp", "-testapp.Item")
    settings.SYNCHRO_OPTIONS = {"testapp.Item": {"skip": ["cash"]}}
    settings.SYNCHRO_BATCH_SIGNALS = ["testapp.Item"]

    assert len(said("E001")) == 1 and not said("W011") and not said("W014")


@pytest.mark.parametrize("value", [(), [], ("sites", "-sites"), ("messages",)])
def test_remote_without_models_is_warned_of(settings, value):
    settings.SYNCHRO_MODELS = value

    [text] = said("W011")
    assert text.startswith("SYNCHRO_REMOTE names a database, but SYNCHRO_MODELS names no model")

    settings.SYNCHRO_REMOTE = None
    assert not [text for text in said("W011") if "SYNCHRO_REMOTE names" in text]


def test_absent_models_are_warned_of(settings):
    settings.SYNCHRO_MODELS = None  # now and after the test, settings are read again: taking one away tells nobody
    del settings.SYNCHRO_MODELS

    assert len(said("W011")) == 1


def test_app_without_models_is_warned_of(settings):
    settings.SYNCHRO_MODELS = ("testapp", "messages")

    assert said("W011") == ["SYNCHRO_MODELS: the app 'messages' has no models. "]


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("SYNCHRO_MODEL", "Is SYNCHRO_MODELS meant?"),
        ("SYNCHRO_REMOTES", "Is SYNCHRO_REMOTE meant?"),
        ("SYNCHRO_BATCHSIZE", "Is SYNCHRO_BATCH_SIZE meant?"),
        ("SYNCRO_MODELS", "Is SYNCHRO_MODELS meant?"),
        ("SYCNHRO_REMOTE", "Is SYNCHRO_REMOTE meant?"),
        ("SYNCHRO_IDENTITY", "SYNCHRO_OPTIONS = {'app.Model': {'identity': 'pk'}}"),
        ("SYNCHRO_SKIP", "{'skip': ('field',)}"),
        ("SYNCHRO_XQZ", "There are SYNCHRO_REMOTE, SYNCHRO_MODELS"),
    ],
)
def test_unknown_name_is_warned_of_with_what_may_be_meant(settings, name, hint):
    setattr(settings, name, "x")

    [text] = said("W012")

    assert text.startswith(f"There is no setting {name}. ") and hint in text


@pytest.mark.parametrize("name", ["SYNC_REMOTE", "SILENCED_MODELS", "CHRONO_REMOTE", "synchro_models"])
def test_names_of_others_are_left_alone(settings, name):
    setattr(settings, name, "x")

    assert not said("W012")


@pytest.mark.parametrize("entry", ["testapp.Unlisted", "testapp.unlisted", "redirects", ("testapp", "Unlisted")])
def test_batch_signals_of_models_that_are_not_captured_are_warned_of(settings, entry):
    settings.SYNCHRO_MODELS = ("testapp.Item",)
    settings.SYNCHRO_BATCH_SIGNALS = ["testapp.Item", entry]

    [text] = said("W014")

    assert text.startswith(f"SYNCHRO_BATCH_SIGNALS names {entry!r}, but")


def test_options_of_models_that_are_not_captured_are_warned_of(settings):
    settings.SYNCHRO_MODELS = ("testapp.KeyedChild", "testapp.Restaurant")
    settings.SYNCHRO_OPTIONS = {
        "testapp.Keyed": {"natural_key": ["code"]},  # brought along as a target
        "testapp.Place": {"batch_signals": True},  # a parent
        "testapp": {"batch_signals": False},  # has some that are captured
        "testapp.Item": {"identity": "pk"},
    }

    [text] = said("W014")

    assert text.startswith("SYNCHRO_OPTIONS names 'testapp.Item', but")


def test_any_model_may_be_brought_along_by_a_generic_foreign_key(settings):
    settings.SYNCHRO_MODELS = ("taggit",)
    settings.SYNCHRO_OPTIONS = {"testapp.Item": {"identity": "pk"}}

    assert not said("W014")


# PostgreSQL without its extra (E002) --------------------------------------------------------------

#: A project small enough not to import a driver itself.
SMALL = {
    "INSTALLED_APPS": ["django.contrib.contenttypes", "django.contrib.auth", "synchro_triggers"],
    "SYNCHRO_MODELS": ["auth"],
    "ROOT_URLCONF": "django.contrib.auth.urls",
    "MIDDLEWARE": [],
}


@pytest.fixture
def without(process_env, tmp_path):
    """Return the environment of a process that cannot import some packages."""

    def block(*packages, **settings):
        for package in packages:
            (tmp_path / f"{package}.py").write_text(f'raise ModuleNotFoundError("No module named {package!r}")\n')
        env = changed_env(process_env, databases={}, settings={**SMALL, **settings})
        return {**env, "PYTHONPATH": f"{tmp_path}:{env['PYTHONPATH']}", "PYTHONWARNINGS": "ignore"}

    return block


def is_told(done, *aliases):
    lines = [line for line in done.stderr.splitlines() if "synchro_triggers.E002" in line]
    assert done.returncode != 0 and "Traceback" not in done.stderr, done.stderr
    assert len(lines) == 1 and all(repr(alias) in lines[0] for alias in aliases), done.stderr
    assert "django-pgtrigger and psycopg" in lines[0]
    assert "pip install 'django-synchro-triggers[postgres]'" in done.stderr


@both_committed
@pytest.mark.vendor("postgres")
def test_missing_pgtrigger_is_said_by_check_and_before_the_first_migrate(without):
    env = without("pgtrigger")

    is_told(in_new_process(env, "check"), *ALIASES)
    for alias in ALIASES:
        with connections[alias].cursor() as cursor:
            cursor.execute("DROP SCHEMA public CASCADE; CREATE SCHEMA public")
        is_told(in_new_process(env, "migrate", "--database", alias), alias)
        assert connections[alias].introspection.table_names() == []


@both_committed
@pytest.mark.vendor("postgres")
def test_database_that_is_no_remote_is_checked_when_it_is_migrated(without):
    env = without("pgtrigger", SYNCHRO_REMOTE=None)

    assert "'remote'" not in in_new_process(env, "check").stderr
    is_told(in_new_process(env, "migrate", "--database", REMOTE), REMOTE)


@both_committed
@pytest.mark.vendor("sqlite-to-postgres")
def test_missing_driver_of_a_remote_is_said(without):
    env = without("psycopg", "psycopg2")

    for command in ("check", "migrate"):
        is_told(in_new_process(env, command), REMOTE)


@both_committed
@pytest.mark.vendor("sqlite")
def test_sqlite_needs_neither(without):
    env = without("pgtrigger", "psycopg", "psycopg2")

    assert in_new_process(env, "check").returncode == 0
    assert in_new_process(env, "migrate").returncode == 0


@both_committed
@pytest.mark.vendor("postgres")
def test_commands_say_in_one_line_that_pgtrigger_is_missing(without):
    env = without("pgtrigger")

    for command in ("synchro_install_triggers", "synchronize", "synchro_status", "synchro_link", "synchro_reset"):
        done = in_new_process(env, command)

        assert done.returncode == 2 and len(done.stderr.strip().splitlines()) == 1, done.stderr
        assert "[postgres]" in done.stderr


@both_committed
@pytest.mark.vendor("sqlite-to-postgres")
def test_commands_say_in_one_line_that_the_driver_is_missing(without):
    env = without("psycopg", "psycopg2")

    for command in ("synchronize", "synchro_status"):
        done = in_new_process(env, command)

        [line] = done.stderr.strip().splitlines()
        assert done.returncode == 2
        assert line.startswith("CommandError: A driver is missing: Error loading psycopg2 or psycopg module. ")
        assert line.endswith("For PostgreSQL: pip install 'django-synchro-triggers[postgres]'")


@both_committed
@pytest.mark.vendor("sqlite", "postgres")
def test_database_that_is_no_remote_needs_no_driver(process_env):
    databases = json.loads(process_env["SYNCHRO_TEST_DATABASES"])
    databases["archive"] = {**databases[REMOTE], "ENGINE": "django.db.backends.not_installed"}
    env = {**process_env, "SYNCHRO_TEST_DATABASES": json.dumps(databases)}

    for command in (["synchronize", "--both"], ["synchro_status"]):
        done = in_new_process(env, *command)

        assert done.returncode == 0 and done.stderr == "", (command, done.stderr)


# One database under two names (E003) --------------------------------------------------------------


@both_committed
def test_remote_that_is_the_local_database_is_an_error(process_env):
    there = json.loads(process_env["SYNCHRO_TEST_DATABASES"])[LOCAL]
    env = changed_env(process_env, databases={REMOTE: there}, settings={})

    done = in_new_process(env, "check")

    assert done.returncode == 1 and "Traceback" not in done.stderr
    assert "(synchro_triggers.E003) SYNCHRO_REMOTE: 'default' and 'remote' are one and the same" in done.stderr


@both_committed
def test_remotes_that_are_one_database_are_an_error(process_env):
    databases = json.loads(process_env["SYNCHRO_TEST_DATABASES"])
    env = changed_env(process_env, databases={}, settings={"SYNCHRO_REMOTE": ["remote", "twin"]})
    env["SYNCHRO_TEST_DATABASES"] = json.dumps({**databases, "twin": databases[REMOTE]})

    done = in_new_process(env, "check")

    assert "(synchro_triggers.E003) SYNCHRO_REMOTE: 'remote' and 'twin' are one and the same" in done.stderr


@both
def test_two_databases_are_no_error():
    assert not said("E003")


PG = {"NAME": "a", "HOST": "h", "PORT": "", "USER": "u", "OPTIONS": {}}
SAME = [
    ("postgresql", PG, {**PG, "PORT": 5432, "USER": "other"}),
    ("postgresql", {**PG, "HOST": "localhost"}, {**PG, "HOST": "127.0.0.1"}),
    ("postgresql", {**PG, "HOST": "/run/pg/"}, {**PG, "HOST": "/run/pg"}),
    ("postgresql", {"OPTIONS": {"service": "x"}}, {"NAME": "", "OPTIONS": {"service": "x"}}),
    ("sqlite", {"NAME": "db.sqlite3"}, {"NAME": Path.cwd() / "sub" / ".." / "db.sqlite3"}),
    ("sqlite", {"NAME": "/tmp/db.sqlite3"}, {"NAME": "file:/tmp/db.sqlite3?mode=rw"}),
    ("sqlite", {"NAME": "/tmp/d b.sqlite3"}, {"NAME": "file:///tmp/d%20b.sqlite3"}),
    ("sqlite", {"NAME": "file:x?mode=memory&cache=shared"}, {"NAME": "file:x?mode=memory&cache=shared"}),
    ("mysql", {"NAME": "a", "PORT": "3306"}, {"NAME": "a"}),
]
DIFFERENT = [
    ("postgresql", PG, {**PG, "NAME": "b"}),
    ("postgresql", PG, {**PG, "HOST": "i"}),
    ("postgresql", PG, {**PG, "PORT": "5433"}),
    ("postgresql", {**PG, "HOST": "/run/pg"}, {**PG, "HOST": "/run/PG"}),
    ("postgresql", PG, {**PG, "OPTIONS": {"options": "-c search_path=tenant"}}),
    ("sqlite", {"NAME": "a.sqlite3"}, {"NAME": "b.sqlite3"}),
    ("mysql", {"NAME": "a"}, {"NAME": "a", "OPTIONS": {"unix_socket": "/run/other"}}),
]
UNTOLD = [
    ("sqlite", {"NAME": ":memory:"}),
    ("sqlite", {"NAME": ""}),
    ("sqlite", {"NAME": "file::memory:"}),
    ("postgresql", {"NAME": ""}),
    ("postgresql", {**PG, "TEST": {"MIRROR": "default"}}),
]


def address(kind, database):
    return addresses.address(kind, database_named(kind), database)


@pytest.mark.parametrize(("kind", "one", "other"), SAME)
def test_one_database_is_recognised(kind, one, other):
    assert address(kind, one) == address(kind, other) is not None


@pytest.mark.parametrize(("kind", "one", "other"), DIFFERENT)
def test_different_databases_are_told_apart(kind, one, other):
    assert address(kind, one) != address(kind, other)


@pytest.mark.parametrize(("kind", "database"), UNTOLD)
def test_nothing_is_said_of_what_settings_do_not_tell(kind, database):
    assert address(kind, database) is None


def test_file_is_recognised_through_a_link(tmp_path):
    (tmp_path / "a.sqlite3").touch()
    (tmp_path / "b.sqlite3").symlink_to(tmp_path / "a.sqlite3")

    assert address("sqlite", {"NAME": tmp_path / "a.sqlite3"}) == address("sqlite", {"NAME": tmp_path / "b.sqlite3"})


# SYNCHRO_SKIP (E004) ------------------------------------------------------------------------------

WRONG_SKIPS = [
    (Item, ("nope",), "testapp.Item.SYNCHRO_SKIP names 'nope': there is no such field with a column (it has: id,"),
    (Item, "cash", "testapp.Item.SYNCHRO_SKIP must be a list or tuple of field names, not 'cash'"),
    (Item, None, "testapp.Item.SYNCHRO_SKIP must be a list or tuple of field names, not None"),
    (Item, (1,), "testapp.Item.SYNCHRO_SKIP names 1: there is no such field"),
    (Item, ("cash", "id"), "testapp.Item.SYNCHRO_SKIP names 'id', which is (part of) the primary key"),
    (Account, ("name",), "testapp.Account.SYNCHRO_SKIP names 'name', which is (part of) the primary key"),
    (Keyed, ("code",), "testapp.Keyed.SYNCHRO_SKIP names 'code', by which the objects are found (natural key)"),
]


@both
@pytest.mark.parametrize(("model", "value", "text"), WRONG_SKIPS, ids=lambda value: str(value)[:40])
def test_wrong_skip_of_a_class_is_an_error_of_the_check_and_of_commands(monkeypatch, settings, model, value, text):
    monkeypatch.setattr(model, "SYNCHRO_SKIP", value, raising=False)
    settings.SYNCHRO_MODELS = (*settings.SYNCHRO_MODELS, "oddapp")  # classes are asked once for the same settings

    [found] = said("E004")

    assert found.startswith(text)
    for command in ("synchronize", "synchro_install_triggers"):
        with pytest.raises(CommandError) as caught:
            call_command(command)
        assert caught.value.returncode == 2 and str(caught.value).startswith(text)


def test_skip_of_a_target_that_is_brought_along_is_checked(monkeypatch, settings):
    settings.SYNCHRO_MODELS = (KeyedChild._meta.label,)
    monkeypatch.setattr(Keyed, "SYNCHRO_SKIP", ("nope",))

    assert len(said("E004")) == 1


@pytest.mark.parametrize("value", [(), ["cash"], {"cash"}])
def test_right_skip_is_no_error(monkeypatch, value):
    monkeypatch.setattr(Item, "SYNCHRO_SKIP", value, raising=False)

    assert not said("E004")


# --model ------------------------------------------------------------------------------------------


@both
def test_model_that_is_not_captured_is_answered_with_those_that_are(settings):
    settings.SYNCHRO_MODELS = ("testapp.Restaurant", "testapp.Item")

    with pytest.raises(CommandError) as caught:
        call_command("synchronize", models=["testapp.Unlisted"])

    assert caught.value.returncode == 2
    assert str(caught.value).endswith("Captured are: testapp.Item, testapp.Place, testapp.Restaurant.")


@both
def test_of_many_captured_models_some_are_named():
    with pytest.raises(SynchroConfigurationError, match=r"Captured are: (\S+, ){19}\S+ and \d+ more\.$"):
        synchronize(models=["testapp.Unlisted"])


# Natural keys that are not unique (W013) ----------------------------------------------------------


def warned(settings, model, *names):
    settings.SYNCHRO_MODELS = (model,)
    settings.SYNCHRO_OPTIONS = {model: {"natural_key": names}} if names else {}
    return [text.partition(":")[0] for text in said("W013")]


def test_natural_key_that_is_not_unique_is_warned_of(settings):
    settings.SYNCHRO_MODELS = ("testapp.Keyed",)

    [text] = said("W013")

    assert text.startswith("testapp.Keyed: its natural key (code) is not unique. Two objects with the same one stop")
    assert "UniqueConstraint" in text and "allow_many=True" in text and "SILENCED_SYSTEM_CHECKS" in text


@pytest.mark.parametrize("model", ["testapp.Keyed", "testapp.Ambiguous"])
def test_every_way_to_give_one_is_looked_at(settings, model):
    assert warned(settings, model) == [model]


def test_option_is_looked_at(settings):
    assert warned(settings, "testapp.Item", "name") == ["testapp.Item"]
    assert warned(settings, "testapp.Numbered", "number") == []
    assert warned(settings, "testapp.Numbered", "name", "number") == []


def test_target_that_is_brought_along_is_looked_at(settings):
    assert warned(settings, "testapp.KeyedChild") == ["testapp.Keyed"]


@pytest.mark.parametrize("model", ["testapp.Person", "testapp.OwnKey", "testapp.Item", "auth.User", "auth.Permission"])
def test_nothing_is_said_where_many_are_allowed_or_nothing_is_known(settings, model):
    assert warned(settings, model) == []


@isolate_apps("tests.testapp")
def test_what_makes_fields_unique():
    class Base(models.Model):
        number = models.IntegerField(unique=True)

        class Meta:
            app_label = "testapp"

    class Land(models.Model):
        code = models.CharField(max_length=2, unique=True)
        name = models.CharField(max_length=9)

        class Meta:
            app_label = "testapp"

    class Town(Base):
        name = models.CharField(max_length=9)
        zip = models.CharField(max_length=9)
        road = models.CharField(max_length=9)
        nick = models.CharField(max_length=9)
        land = models.ForeignKey(Land, models.CASCADE)
        only = models.OneToOneField(Land, models.CASCADE, related_name="+")

        class Meta:
            app_label = "testapp"
            unique_together = [("zip", "land")]
            constraints = [
                models.UniqueConstraint(fields=["name", "land"], name="a"),
                models.UniqueConstraint(fields=["road"], name="b", condition=models.Q(zip="1")),
                models.UniqueConstraint(Lower("nick"), "name", name="c"),
            ]

    class Pair(models.Model):
        pk = models.CompositePrimaryKey("one", "two")
        one = models.IntegerField()
        two = models.IntegerField()

        class Meta:
            app_label = "testapp"

    unique = ["number", "number name", "only", "only_id", "zip land", "zip land_id", "name land road", "base_ptr"]
    unique += ["name land__code", "nick name", "only__code", "land__code land__name zip"]
    for paths in unique:
        assert is_unique(Town, paths.split()), paths
    for paths in ["name", "land", "zip name", "road", "nick", "name land__name", "only__name", "nope", "land__nope"]:
        assert not is_unique(Town, paths.split()), paths
    assert is_unique(Pair, ["one", "two"]) and not is_unique(Pair, ["one"])


# Routers (W015) -----------------------------------------------------------------------------------


class Reader:
    """Sends what is read of some models to a copy, and says nothing of the others."""

    def __init__(self, alias="replica", *labels):
        self.alias, self.labels = alias, labels or ("testapp.Item", "testapp.Tag", "testapp.Keyed", "testapp.Account")

    def db_for_read(self, model, **hints):
        return self.alias if model._meta.label in self.labels else None


class NotAboutQueries:
    def allow_migrate(self, db, app_label, **hints):
        return True


def test_router_that_sends_unnamed_queries_elsewhere_is_warned_of(settings):
    settings.DATABASE_ROUTERS = [NotAboutQueries(), Reader()]

    [text] = said("W015")

    assert text.startswith("DATABASE_ROUTERS: tests.test_checks.Reader sends queries about testapp.")
    assert "and 1 more to 'replica'" in text and ".using('replica')" in text


@pytest.mark.parametrize("alias", [*ALIASES, None])
def test_router_that_says_what_a_replay_stands_in_for_is_none(settings, alias):
    settings.DATABASE_ROUTERS = [Reader(alias)]

    assert not said("W015")


@pytest.mark.parametrize("change", [{"SYNCHRO_UNNAMED": "local"}, {"SYNCHRO_REMOTE": None}])
def test_routers_that_decide_for_themselves_are_not_warned_of(settings, change):
    settings.DATABASE_ROUTERS = [Reader()]
    for name, value in change.items():
        setattr(settings, name, value)

    assert not said("W015")


# Rules (W018) -------------------------------------------------------------------------------------


def both_ways():
    nodes = {alias: node_id(alias) for alias in ALIASES}
    for here, there in (ALIASES, ALIASES[::-1]):
        Checkpoint.objects.using(here).create(source=nodes[there])


@both
@pytest.mark.parametrize("rule", ["local", "remote"])
def test_rule_by_which_two_databases_may_end_different_is_warned_of(settings, rule):
    settings.SYNCHRO_REMOTE = "remote"
    settings.SYNCHRO_CONFLICT = rule
    both_ways()

    [found] = [each for each in run_checks(databases=ALIASES) if each.id == "synchro_triggers.W018"]

    assert f"SYNCHRO_CONFLICT is {rule!r}, and 'default' and 'remote' synchronise to one another" in found.msg


@both
def test_rule_of_one_model_is_warned_of_by_its_name(settings):
    settings.SYNCHRO_REMOTE = "remote"
    settings.SYNCHRO_OPTIONS = {"testapp.Item": {"conflict": "local"}}
    both_ways()

    [found] = [each for each in run_checks(databases=ALIASES) if each.id == "synchro_triggers.W018"]

    assert found.msg.startswith("SYNCHRO_OPTIONS['testapp.Item']['conflict'] is 'local'")


@both
@pytest.mark.parametrize("why_not", ["newest", "one way", "not asked"])
def test_nothing_is_warned_of_where_both_end_equal_or_nobody_was_asked(settings, why_not):
    settings.SYNCHRO_REMOTE = "remote"
    settings.SYNCHRO_CONFLICT = "newest" if why_not == "newest" else "local"
    if why_not != "one way":
        both_ways()

    found = run_checks(databases=None if why_not == "not asked" else ALIASES)

    assert "synchro_triggers.W018" not in {each.id for each in found}
