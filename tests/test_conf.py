"""The settings: every spelling that is right, every one that is wrong, and when they are read."""

from __future__ import annotations

import subprocess
import sys
import textwrap
import warnings
from inspect import signature
from io import StringIO
from pathlib import Path

import pytest
from django.apps import apps
from django.contrib.auth.models import Group
from django.contrib.sites.models import Site
from django.core.checks import run_checks
from django.core.exceptions import ImproperlyConfigured
from django.core.management import CommandError, call_command
from django.db.models.signals import post_migrate, pre_migrate
from django.test import override_settings

import synchro_triggers
from synchro_triggers import SynchroError, call_synchronize, exceptions, synchronize
from synchro_triggers.conf import get_settings
from synchro_triggers.models import ChangeLog
from tests.databases import both
from tests.testapp.models import Account, Item, Restaurant

ROOT = Path(__file__).resolve().parent.parent


# SYNCHRO_REMOTE -----------------------------------------------------------------------------------


def test_remote_names_one_database(settings):
    settings.SYNCHRO_REMOTE = "remote"

    assert get_settings().remotes == ("remote",)


@pytest.mark.parametrize("value", [["remote"], ("remote",)])
def test_remote_may_be_a_list(settings, value):
    settings.SYNCHRO_REMOTE = value

    assert get_settings().remotes == ("remote",)


@pytest.mark.parametrize("value", [None, (), []])
def test_remote_may_be_nothing_and_nothing_is_said(settings, value):
    settings.SYNCHRO_REMOTE = value

    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert get_settings().remotes == ()


def test_absent_remote_is_nothing_with_a_warning(settings):
    settings.SYNCHRO_REMOTE = None  # now and after the test, settings are read again: taking one away tells nobody
    del settings.SYNCHRO_REMOTE

    with pytest.warns(RuntimeWarning, match="SYNCHRO_REMOTE is not set"):
        assert get_settings().remotes == ()


@pytest.mark.parametrize(
    ("value", "said"),
    [
        ("invalid", "SYNCHRO_REMOTE: there is no database 'invalid' (DATABASES has: default, remote)."),
        (["remote", "invalid"], "SYNCHRO_REMOTE: there is no database 'invalid'"),
        ("", "SYNCHRO_REMOTE: there is no database ''"),
        (5, "SYNCHRO_REMOTE: there is no database 5"),
        ([None], "SYNCHRO_REMOTE: there is no database None"),
        ("default", "SYNCHRO_REMOTE: 'default' is the database whose changes are captured"),
        (["remote", "remote"], "SYNCHRO_REMOTE names a database twice"),
    ],
)
def test_wrong_remote_is_improperly_configured(settings, value, said):
    settings.SYNCHRO_REMOTE = value

    with pytest.raises(ImproperlyConfigured) as caught:
        get_settings()

    assert str(caught.value).startswith(said)
    assert isinstance(caught.value, SynchroError)


@both
def test_wrong_remote_is_improperly_configured_for_python_and_one_line_for_the_command(settings):
    settings.SYNCHRO_REMOTE = "invalid"

    for function in (synchronize, call_synchronize):
        with pytest.raises(ImproperlyConfigured, match="there is no database 'invalid'"):
            function()
    with pytest.raises(CommandError, match="there is no database 'invalid'") as caught:
        call_command("synchronize")
    assert "\n" not in str(caught.value)


@both
@pytest.mark.parametrize("alias", ["invalid", "default"])
def test_wrong_remote_may_also_be_given_as_an_option(alias):
    with pytest.raises(CommandError, match=f"^remote: .*'{alias}'"):
        call_command("synchronize", remote=alias)
    with pytest.raises(ImproperlyConfigured):
        synchronize(alias)


@both
@pytest.mark.parametrize("value", [None, ()])
def test_without_a_remote_changes_are_logged_and_the_command_says_what_is_missing(settings, value):
    settings.SYNCHRO_REMOTE = value

    Item.objects.create(name="a")

    assert ChangeLog.objects.filter(model_label="testapp.Item").count() == 1
    with pytest.raises(CommandError, match="There is no remote to synchronise to: SYNCHRO_REMOTE is not set"):
        call_command("synchronize")


@both
def test_remote_option_serves_where_the_setting_names_none(settings):
    settings.SYNCHRO_REMOTE = None
    Item.objects.create(name="a")

    call_command("synchronize", remote="remote", verbosity=0)

    assert Item.objects.using("remote").exists()


# SYNCHRO_MODELS -----------------------------------------------------------------------------------


@pytest.mark.parametrize("entry", ["auth", "django.contrib.auth", ("auth",), ["django.contrib.auth"]])
def test_app_stands_for_all_its_models(settings, entry):
    settings.SYNCHRO_MODELS = (entry,)

    assert set(get_settings().models) == set(apps.get_app_config("auth").get_models())


@pytest.mark.parametrize(
    "entry",
    [
        ("testapp", "Item", "Account"),
        ("testapp", "item", "ACCOUNT"),
        ["testapp", "Item", "Account"],
        ("tests.testapp", "Item", "account"),
    ],
)
def test_models_of_an_app_may_be_listed_in_any_letter_case(settings, entry):
    settings.SYNCHRO_MODELS = (entry,)

    assert get_settings().models == (Item, Account)


@pytest.mark.parametrize("entry", ["testapp.Item", "testapp.item", "tests.testapp.Item"])
def test_single_model_may_be_named_with_its_app(settings, entry):
    settings.SYNCHRO_MODELS = (entry,)

    assert get_settings().models == (Item,)


def test_spellings_may_be_mixed_and_each_model_is_taken_once(settings):
    settings.SYNCHRO_MODELS = [
        ("testapp", "item", "account"),
        "testapp.Item",
        "django.contrib.sites",
        "sites",
        "auth.Group",
    ]

    assert get_settings().models == (Item, Account, Site, Group)


def test_absent_models_are_none(settings):
    settings.SYNCHRO_MODELS = None  # now and after the test, settings are read again: taking one away tells nobody
    del settings.SYNCHRO_MODELS

    assert get_settings().models == ()


def test_proxy_stands_for_its_concrete_model(settings):
    proxies = [model for model in apps.get_app_config("shapeapp").get_models() if model._meta.proxy]
    assert proxies
    settings.SYNCHRO_MODELS = [model._meta.label for model in proxies]

    assert all(not model._meta.proxy for model in get_settings().models)
    assert {model._meta.concrete_model for model in proxies} == set(get_settings().models)


def test_child_model_is_one_model(settings):
    settings.SYNCHRO_MODELS = ("testapp.Restaurant",)

    assert get_settings().models == (Restaurant,)


WRONG_MODELS = [
    ("auth", "SYNCHRO_MODELS must be a list or tuple of entries, not 'auth'; write ('my_app',) with a comma"),
    (None, "SYNCHRO_MODELS must be a list or tuple"),
    (5, "SYNCHRO_MODELS must be a list or tuple"),
    (("nope",), "SYNCHRO_MODELS: there is no installed app 'nope'"),
    (("nope.nope.nope",), "SYNCHRO_MODELS: there is no installed app 'nope.nope.nope'"),
    (("nope.Item",), "SYNCHRO_MODELS: there is no installed app 'nope.Item'"),
    (("",), "SYNCHRO_MODELS: there is no installed app ''"),
    (("testapp.Nope",), "SYNCHRO_MODELS: there is no model 'Nope' in the app 'testapp' (it has: Account, "),
    (("testapp.",), "SYNCHRO_MODELS: there is no model '' in the app 'testapp'"),
    ((("testapp", "Item", "Nope"),), "SYNCHRO_MODELS: there is no model 'Nope' in the app 'testapp'"),
    ((("nope", "Item"),), "SYNCHRO_MODELS: there is no installed app 'nope' (in ('nope', 'Item'))"),
    (((),), "SYNCHRO_MODELS: cannot read the entry ()"),
    ((5,), "SYNCHRO_MODELS: cannot read the entry 5"),
    ((Item,), "SYNCHRO_MODELS: cannot read the entry <class 'tests.testapp.models.Item'>"),
    ((("testapp", Item),), "SYNCHRO_MODELS: cannot read the entry ('testapp', <class"),
    (("synchro_triggers",), "SYNCHRO_MODELS: synchro_triggers.Node belongs to synchro_triggers itself"),
    ((("synchro_triggers", "ChangeLog"),), "SYNCHRO_MODELS: synchro_triggers.ChangeLog belongs to"),
]


@pytest.mark.parametrize(("value", "said"), WRONG_MODELS)
def test_wrong_models_are_improperly_configured(settings, value, said):
    settings.SYNCHRO_MODELS = value

    with pytest.raises(ImproperlyConfigured) as caught:
        get_settings()

    assert str(caught.value).startswith(said) and "\n" not in str(caught.value)


@both
@pytest.mark.parametrize(("value", "said"), [(["nope"], "app 'nope'"), (["testapp.Nope"], "no model 'Nope'")])
def test_wrong_model_option_is_not_blamed_on_the_setting(value, said):
    with pytest.raises(CommandError) as caught:
        call_command("synchronize", models=value)

    assert said in str(caught.value) and "SYNCHRO_MODELS" not in str(caught.value)


# The other settings -------------------------------------------------------------------------------


def prefer_local(conflict):
    return "local"


def test_defaults(settings):
    for name in ("CONFLICT", "OPTIONS", "ALLOW_RESET", "STAFF_MAY_SYNCHRONIZE", "DEBUG", "BATCH_SIZE"):
        assert not hasattr(settings, f"SYNCHRO_{name}")

    found = get_settings()

    assert (found.conflict, found.identity, found.batch_size) == ("newest", frozenset(), 1000)
    assert found.batch_seconds == 1
    assert found.allow_reset is True and found.staff_may_synchronize is False and found.debug is False


@pytest.mark.parametrize("value", ["newest", "local", "remote"])
def test_conflict_policy_is_a_word(settings, value):
    settings.SYNCHRO_CONFLICT = value

    assert get_settings().conflict == value


def test_what_is_merged_by_field_is_said_of_all_models_or_of_one(settings):
    settings.SYNCHRO_MODELS = ("testapp.Item", "testapp.Account")
    assert get_settings().merged_by_field == frozenset()
    settings.SYNCHRO_OPTIONS = {"testapp.Item": {"merge": "fields"}}
    assert get_settings().merged_by_field == {"testapp.Item"}
    settings.SYNCHRO_MERGE = "fields"
    assert get_settings().merged_by_field == {"testapp.Item", "testapp.Account"}
    settings.SYNCHRO_OPTIONS = {"testapp.Item": {"merge": "objects"}}
    assert get_settings().merged_by_field == {"testapp.Account"}


def test_what_counts_is_merged_by_field_and_so_are_its_children(settings):
    settings.SYNCHRO_MODELS = ("testapp.Item", "testapp.Place", "testapp.Restaurant")
    settings.SYNCHRO_OPTIONS = {"testapp.Item": {"counters": ("cash",)}, "testapp.Restaurant": {"counters": ["stars"]}}

    assert get_settings().counters == {"testapp.Item": {"cash"}, "testapp.Restaurant": {"stars"}}
    assert get_settings().merged_by_field == {"testapp.Item", "testapp.Restaurant"}


@pytest.mark.parametrize("value", [prefer_local, f"{__name__}.prefer_local"])
def test_conflict_policy_may_be_a_callable_or_its_path(settings, value):
    settings.SYNCHRO_CONFLICT = value

    assert get_settings().conflict is prefer_local


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("CONFLICT", "oldest", "must be one of 'newest', 'local', 'remote' or the dotted path of a callable"),
        ("CONFLICT", 5, "must be one of"),
        ("CONFLICT", None, "must be one of"),
        ("MERGE", "columns", "must be 'objects' or 'fields', not 'columns'"),
        ("MERGE", None, "must be 'objects' or 'fields', not None"),
        ("CONFLICT", "no.such.module", "cannot import 'no.such.module'"),
        ("CONFLICT", f"{__name__}.nothing", "cannot import"),
        ("CONFLICT", f"{__name__}.ROOT", "must be one of"),
        ("BATCH_SIGNALS", {"testapp.Item": True}, "{'app.Model': {'batch_signals': True}}"),
        ("ALLOW_RESET", "yes", "must be True or False, not 'yes'"),
        ("STAFF_MAY_SYNCHRONIZE", None, "must be True or False, not None"),
        ("DEBUG", 1, "must be True or False, not 1"),
        ("BATCH_SIZE", 0, "must be a whole number of at least 1, not 0"),
        ("BATCH_SIZE", -1, "must be a whole number"),
        ("BATCH_SIZE", "10", "must be a whole number"),
        ("BATCH_SIZE", 1.5, "must be a whole number"),
        ("BATCH_SIZE", True, "must be a whole number"),
        ("BATCH_SECONDS", 0, "must be a number of seconds above 0, not 0"),
        ("BATCH_SECONDS", -0.5, "must be a number of seconds above 0"),
        ("BATCH_SECONDS", "1", "must be a number of seconds above 0"),
        ("BATCH_SECONDS", True, "must be a number of seconds above 0"),
        ("BATCH_SECONDS", float("nan"), "must be a number of seconds above 0"),
    ],
)
def test_wrong_value_is_improperly_configured_and_names_the_setting(settings, name, value, said):
    setattr(settings, f"SYNCHRO_{name}", value)

    with pytest.raises(ImproperlyConfigured) as caught:
        get_settings()

    assert str(caught.value).startswith(f"SYNCHRO_{name}") and said in str(caught.value)
    assert "\n" not in str(caught.value)


# When they are read -------------------------------------------------------------------------------


def test_settings_are_read_once_and_again_when_a_test_overrides_them(settings):
    before = get_settings()
    assert get_settings() is before

    settings.SYNCHRO_BATCH_SIZE = 7

    assert get_settings().batch_size == 7


@both
def test_override_is_over_at_the_end_of_a_test(settings):
    assert get_settings().remotes == ("remote",)


@pytest.mark.parametrize(
    ("name", "value"), [("REMOTE", "invalid"), ("MODELS", ("nope",)), ("CONFLICT", "oldest"), ("BATCH_SIZE", 0)]
)
def test_system_check_reports_a_wrong_setting(settings, name, value):
    setattr(settings, f"SYNCHRO_{name}", value)

    found = [message for message in run_checks() if message.id == "synchro_triggers.E001"]

    assert len(found) == 1 and found[0].is_serious()
    assert found[0].msg.startswith(f"SYNCHRO_{name}")


def test_system_check_says_nothing_of_right_settings(settings):
    settings.SYNCHRO_MODELS = ("testapp.Item", "testapp.Person", "auth")

    assert not [message for message in run_checks() if (message.id or "").startswith("synchro_triggers.")]


def test_check_command_fails_for_a_wrong_setting(settings):
    settings.SYNCHRO_REMOTE = "invalid"

    with pytest.raises(CommandError, match=r"synchro_triggers\.E001"):
        call_command("check", stdout=StringIO())


# Importing ----------------------------------------------------------------------------------------

NAMES = (
    "Clash, ComparisonReport, Conflict, DatabaseUnreachable, Decision, Difference, DisableSynchroLog, FailedObject, "
    "FieldDifference, ModelComparison, NaturalKeyModel, NaturalManager, RecordedConflict, Refused, Remark, "
    "RunUnderWay, State, SyncReport, SynchroConfigurationError, SynchroError, Told, TriggersNotReady, "
    "call_synchronize, compare, conflicts, counterparts, disable_synchro_log, reset_synchro, synchro_paused, "
    "synchronize"
)

USERS_MODELS = f"""
from django.db import models
from django.db.models.signals import post_save
from django.dispatch import receiver
from synchro_triggers import {NAMES}
from synchro_triggers.models import options

class Thing(NaturalKeyModel):
    code = models.CharField(max_length=5)
    _natural_key = ("code",)

class Other(models.Model):
    code = models.CharField(max_length=5)
    objects = NaturalManager("code")

    def natural_key(self):
        return self.code,

@receiver(post_save, sender=Thing)
@disable_synchro_log
def hear(sender, instance, **kwargs):
    with DisableSynchroLog():
        pass
"""

USERS_APPS = """
from django.apps import AppConfig
from synchro_triggers import (
    DisableSynchroLog, SyncReport, SynchroError, call_synchronize, disable_synchro_log, reset_synchro, synchro_paused,
    synchronize,
)

class ShopConfig(AppConfig):
    name = "shop"
    default_auto_field = "django.db.models.BigAutoField"
"""


@pytest.fixture
def shop(tmp_path):
    """A user's app that imports the public names wherever it can, and its settings."""
    package = tmp_path / "shop"
    package.mkdir()
    (package / "__init__.py").write_text("from synchro_triggers import synchro_paused, synchronize\n")
    (package / "apps.py").write_text(USERS_APPS)
    (package / "models.py").write_text(USERS_MODELS)

    def python(code, installed_apps, more_settings="SYNCHRO_REMOTE = None\n"):
        (tmp_path / "shop_settings.py").write_text(
            textwrap.dedent(f"""
            SECRET_KEY = "x"
            USE_TZ = True
            DATABASES = {{"default": {{"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"}}}}
            INSTALLED_APPS = {installed_apps!r}
            SYNCHRO_MODELS = ("shop",)
            """)
            + more_settings
        )
        return subprocess.run(
            [sys.executable, "-W", "error::RuntimeWarning", "-c", textwrap.dedent(code)],
            env={"PYTHONPATH": f"{ROOT}:{tmp_path}", "DJANGO_SETTINGS_MODULE": "shop_settings", "PATH": ""},
            capture_output=True,
            text=True,
            timeout=600,
        )

    return python


@pytest.mark.parametrize("installed_apps", [["synchro_triggers", "shop"], ["shop", "synchro_triggers"]])
def test_users_modules_may_import_the_names_wherever_the_app_stands(shop, installed_apps):
    done = shop(
        """
        import django
        django.setup()
        from synchro_triggers.conf import get_settings
        from shop import models
        print([model.__name__ for model in get_settings().models], models.Thing.objects.fields)
        """,
        installed_apps,
    )

    assert done.stderr == ""
    assert done.stdout == "['Thing', 'Other'] ('code',)\n"


def test_importing_the_package_imports_no_model_and_needs_no_settings(shop):
    done = shop(
        """
        import sys
        import synchro_triggers
        from synchro_triggers import synchronize, call_synchronize, reset_synchro, synchro_paused, DisableSynchroLog
        assert "synchro_triggers.models" not in sys.modules
        from django.conf import settings
        assert not settings.configured
        """,
        [],
    )

    assert (done.stderr, done.returncode) == ("", 0)


def test_every_public_name_is_there_and_no_other(shop):
    assert set(NAMES.split(", ")) == set(synchro_triggers.__all__)
    assert all(getattr(synchro_triggers, name) for name in synchro_triggers.__all__)
    assert set(synchro_triggers.__all__) <= set(dir(synchro_triggers))
    with pytest.raises(AttributeError, match="no attribute 'natural_manager'"):
        _ = synchro_triggers.natural_manager


def test_call_synchronize_takes_what_synchronize_takes():
    these, those = (signature(each).parameters for each in (synchro_triggers.call_synchronize, synchronize))

    assert list(these.values()) == list(those.values())


def test_every_error_that_a_caller_may_meet_is_public():
    kinds = {each for each in vars(exceptions).values() if isinstance(each, type) and issubclass(each, SynchroError)}

    kinds.remove(exceptions.ObjectNotApplied)  # a report tells of it, and nobody raises it to a caller
    assert {each.__name__ for each in kinds} <= set(synchro_triggers.__all__) and len(kinds) == 6


def test_absent_remote_is_warned_of_when_the_project_starts(shop):
    done = shop("import django; django.setup()", ["shop", "synchro_triggers"], more_settings="")

    assert done.returncode == 1
    assert "RuntimeWarning: SYNCHRO_REMOTE is not set: changes are only logged" in done.stderr


def test_absent_remote_is_said_once_in_a_process(shop):
    code = """
        import warnings

        import django

        warnings.resetwarnings()
        warnings.simplefilter("default", RuntimeWarning)  # as Python does unless it is told otherwise
        django.setup()
        from synchro_triggers.conf import get_settings
        get_settings()
    """

    done = shop(code, ["django.contrib.contenttypes", "shop", "synchro_triggers"], more_settings="")

    assert done.returncode == 0 and done.stderr.count("SYNCHRO_REMOTE is not set") == 1, done.stderr


def test_wrong_setting_does_not_keep_a_project_from_starting(shop):
    """``manage.py`` must still run: the check says what is wrong."""
    done = shop("import django; django.setup()", ["shop", "synchro_triggers"], more_settings="SYNCHRO_REMOTE = 'x'\n")

    assert (done.returncode, done.stderr) == (0, "")


def test_apps_that_are_set_up_anew_are_heard_once():
    """A signal keeps the address of a sender that is gone, and another app's configuration may get the same."""

    def ours():
        keys = [key for signal in (pre_migrate, post_migrate) for key, *_ in signal.receivers]
        return sorted(key for key in keys if str(key[0]).startswith("synchro_triggers."))

    before = ours()
    with override_settings(INSTALLED_APPS=["synchro_triggers"]):
        meanwhile = ours()

    assert len(before) == 3 and before == meanwhile
