"""``SYNCHRO_KNOWN`` and what is known of other people's apps: which apply, what they say, who wins."""

from __future__ import annotations

import ast
import re
import sys
from importlib import import_module
from io import StringIO
from pathlib import Path
from pkgutil import iter_modules
from types import ModuleType

import pytest
from django.contrib.auth.models import Group, User
from django.contrib.sessions.models import Session
from django.core.checks import run_checks
from django.core.management import call_command

from synchro_triggers import known
from synchro_triggers.conf import get_settings, options_of
from synchro_triggers.exceptions import SynchroConfigurationError
from synchro_triggers.known import Known
from synchro_triggers.replay.write.own_methods import steps_aside
from tests.databases import both
from tests.pages import page
from tests.testapp.models import Hen, Item, Place, Restaurant
from tests.usingapp.models import Genre, ListNode, PathNode

ENTRIES = [import_module(f"synchro_triggers.known.{each.name}") for each in iter_modules(known.__path__)]


@pytest.fixture
def own(monkeypatch, settings):
    """Add an entry of the project's own, of an app that is installed."""

    def add(app: str = "tests.testapp", **said: object) -> None:
        module = ModuleType("own_entries")
        module.KNOWN = Known(app, "It is tried here.", **said)
        monkeypatch.setitem(sys.modules, "own_entries", module)
        settings.SYNCHRO_KNOWN = {app: "own_entries"}

    return add


def line_of(app: str) -> str:
    return next((line for line in get_settings().applied if line.startswith(f"{app}: ")), "")


# Ours -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("module", ENTRIES, ids=lambda module: module.__name__.rpartition(".")[2])
def test_entry_is_data_and_imports_no_app(module):
    tree = ast.parse(Path(module.__file__).read_text())
    imports = [node for node in ast.walk(tree) if isinstance(node, (ast.Import, ast.ImportFrom))]

    assert module.__doc__ and module.KNOWN.app and module.KNOWN.why.endswith(".")
    assert all(isinstance(node, ast.ImportFrom) and node.level == 1 for node in imports)


def test_reference_lists_every_app():
    table = [line.split("|")[1] for line in page("docs/reference/known-apps.md").splitlines() if line.startswith("| `")]

    assert set(re.findall(r"`([^`]+)`", "".join(table))) == {module.KNOWN.app for module in ENTRIES}


def test_last_login_is_skipped_of_every_user(settings):
    assert options_of(User).skip == {"last_login"}
    assert "auth.User" not in line_of("django.contrib.auth").replace("AbstractBaseUser", "")
    assert "AbstractBaseUser: skip ('last_login',)" in line_of("django.contrib.auth")


def test_sessions_are_left_out_but_where_they_are_asked_for(settings):
    settings.SYNCHRO_MODELS = ("sessions", "auth.Group")
    assert get_settings().models == (Group,) and Session in get_settings().left_out
    assert "sessions.Session is left out" in line_of("django.contrib.sessions")

    settings.SYNCHRO_MODELS = ("sessions", "sessions.Session")
    assert get_settings().models == (Session,) and not line_of("django.contrib.sessions")


def test_who_leaves_them_out_already_may_go_on_doing_so(settings):
    settings.SYNCHRO_MODELS = ("sessions", "auth.Group", "-sessions.Session")

    assert get_settings().models == (Group,)


def test_trees_are_known_where_a_model_inherits_from_them(settings):
    settings.INSTALLED_APPS = [app for app in settings.INSTALLED_APPS if app not in {"treebeard", "mptt"}]

    assert all(map(steps_aside, (Genre, PathNode, ListNode))) and not steps_aside(Item)
    assert "treebeard.models.Node: delete step aside" in line_of("treebeard")


def test_app_that_is_not_installed_is_passed_over(settings):
    settings.INSTALLED_APPS = [app for app in settings.INSTALLED_APPS if app != "django.contrib.sessions"]

    assert Session not in get_settings().registry.derived and not line_of("django.contrib.sessions")


# The project's word -----------------------------------------------------------------------------------


@pytest.mark.parametrize("label", ["auth.User", "auth"])
def test_option_of_the_project_wins_option_by_option(settings, label):
    settings.SYNCHRO_OPTIONS = {label: {"identity": "pk"}}
    assert options_of(User).skip == {"last_login"} and options_of(User).keeps_key

    settings.SYNCHRO_OPTIONS = {label: {"skip": ("first_name",)} if label != "auth" else {"skip": ("email",)}}
    assert "last_login" not in options_of(User).skip and options_of(User).skip
    assert not line_of("django.contrib.auth")


def test_entry_is_turned_off(settings):
    settings.SYNCHRO_KNOWN = {"django.contrib.auth": None, "mptt": None}

    assert not options_of(User).skip and not steps_aside(Genre) and steps_aside(PathNode)


def test_entry_is_replaced(own):
    own("django.contrib.auth", options={"auth.User": {"identity": "pk"}})

    assert options_of(User).keeps_key and not options_of(User).skip


def test_entry_of_ones_own_leaves_out_derived_models_and_what_inherits_from_them(own, settings):
    own(left_out=("testapp.Place", "testapp.Item", "testapp.NotInstalled", "elsewhere.Model"))

    settings.SYNCHRO_MODELS = ("testapp",)
    assert {Place, Restaurant, Item}.isdisjoint(get_settings().models) and Hen in get_settings().models
    settings.SYNCHRO_MODELS = ("testapp", "testapp.Restaurant")
    assert {Place, Restaurant} <= set(get_settings().models)
    assert line_of("tests.testapp") == "tests.testapp: testapp.Item is left out. It is tried here."


def test_base_class_stands_for_all_that_inherit_from_it(own):
    own(options={"tests.testapp.models.Place": {"identity": "pk"}, "nowhere.at.All": {"skip": ("x",)}})

    assert options_of(Place).keeps_key and options_of(Restaurant).keeps_key and not options_of(Item).keeps_key
    assert "tests.testapp.models.Place: identity 'pk' (2 models)" in line_of("tests.testapp")


def find_restaurants(is_listed):
    return {
        "testapp.Restaurant": {"references": {"stars": "testapp.Item"}, "mute": ("elsewhere",)},
        "testapp.Item": {"identity": "pk"} if is_listed(Item) else {},
    }


def test_what_an_entry_cannot_name_is_found_in_the_project_and_adds_up(own, settings):
    settings.SYNCHRO_MODELS = ("testapp.Restaurant", "testapp.Item")
    given = {"tests.testapp.models.Place": {"references": {"name": "testapp.Tag"}, "mute": ("somewhere",)}}
    own(options=given, find=f"{__name__}.find_restaurants")

    held = {each.column: each.model.__name__ for each in options_of(Restaurant).references}
    assert held == {"name": "Tag", "stars": "Item"} and options_of(Item).keeps_key
    assert options_of(Restaurant).mute == ("somewhere", "elsewhere")
    assert "testapp.Restaurant: references ('stars',)" in line_of("tests.testapp")

    settings.SYNCHRO_MODELS = ("testapp.Restaurant",)
    assert not options_of(Item).keeps_key
    settings.SYNCHRO_OPTIONS = {"testapp.Restaurant": {"references": {"stars": "testapp.Tag"}}}
    held = {each.column: each.model.__name__ for each in options_of(Restaurant).references}
    assert held == {"name": "Tag", "stars": "Tag"}


def find_nothing(is_listed):
    raise LookupError("no such thing")


def test_function_of_an_entry_that_raises_is_named(own):
    own(find=f"{__name__}.find_nothing")

    with pytest.raises(SynchroConfigurationError, match=r"find_nothing, which finds options for 'tests\.testapp', has"):
        get_settings()


def test_what_is_not_there_is_passed_over_and_named(own):
    own(
        options={
            "testapp.Item": {"skip": ("gone", "cash"), "natural_key": ("gone",)},
            "testapp.Nothing": {"skip": ("x",)},
        },
        steps_aside={"tests.testapp.models.Item": ("vanish",)},
    )

    assert options_of(Item).skip == {"cash"} and not options_of(Item).natural_key
    line = line_of("tests.testapp")
    assert "testapp.Item: skip ('gone', 'cash')" in line and "testapp.Item'" in line
    assert line.count("passed over: ") == 3 and "tests.testapp.models.Item.vanish()" in line


def test_child_has_what_its_parent_has_also_where_the_project_speaks_of_the_parent(own, settings):
    own(options={"tests.testapp.models.Place": {"skip": ("name",)}})
    assert options_of(Restaurant).skip == options_of(Place).skip == {"name"}

    settings.SYNCHRO_OPTIONS = {"testapp.Place": {"skip": ()}}
    assert options_of(Restaurant).skip == options_of(Place).skip == frozenset()


def test_what_a_project_finds_objects_by_is_not_skipped(own, settings):
    own(options={"testapp.Item": {"skip": ("name", "cash")}})
    settings.SYNCHRO_OPTIONS = {"testapp.Item": {"natural_key": ("name",)}}

    assert options_of(Item).skip == {"cash"}


def test_check_does_not_warn_of_what_an_entry_does(own, settings):
    settings.SILENCED_SYSTEM_CHECKS = []
    settings.SYNCHRO_MODELS = ("testapp.Item", "sessions")
    own(options={"testapp.Item": {"natural_key": ("name",)}, "auth.User": {"identity": "pk"}})

    assert options_of(Item).natural_key == ("name",)
    assert [each for each in run_checks() if (each.id or "").startswith("synchro")] == []


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (["mptt"], "SYNCHRO_KNOWN must be a dict"),
        ({"nothing": None}, "SYNCHRO_KNOWN turns off 'nothing', of which nothing is known (there are "),
        ({"mptt": True}, "SYNCHRO_KNOWN['mptt'] must be None, or the dotted path of a module with a KNOWN"),
        ({"mptt": "nowhere.at_all"}, "SYNCHRO_KNOWN['mptt']: cannot import 'nowhere.at_all'"),
        ({"mptt": "tests.urls"}, "SYNCHRO_KNOWN['mptt']: 'tests.urls' has no KNOWN"),
        ({"mptt": "synchro_triggers.known.auth"}, "SYNCHRO_KNOWN['mptt']: 'synchro_triggers.known.auth' speaks of"),
    ],
)
def test_wrong_value_is_an_error_of_the_check(settings, value, text):
    settings.SYNCHRO_KNOWN = value

    [error] = [each for each in run_checks() if each.id == "synchro_triggers.E001"]
    assert error.msg.startswith(text)
    with pytest.raises(SynchroConfigurationError):
        get_settings()


@pytest.mark.parametrize(
    ("said", "text"),
    [
        ({"left_out": "testapp.Item"}, "left_out must be a tuple of labels"),
        ({"left_out": ("Item",)}, "'Item' names no model"),
        ({"options": ("testapp.Item",)}, "options must be a dict"),
        ({"steps_aside": {"tests.testapp.models.Item": "save"}}, "steps_aside must be a dict like"),
        ({"steps_aside": ("tests.testapp.models.Item",)}, "steps_aside must be a dict like"),
        ({"options": {"testapp.Item": {"skips": ()}}}, "options['testapp.Item']: there is no option 'skips'"),
        ({"options": {"testapp.Item": {"identity": 1}}}, "options['testapp.Item']['identity'] must be 'pk'"),
        ({"options": {"testapp.Item": {"skip": ("id",)}}}, "which is (part of) the primary key"),
        ({"options": {"testapp.Item": True}}, "options['testapp.Item'] must be a dict of options"),
    ],
)
def test_wrong_entry_of_ones_own_is_an_error_of_the_check(own, said, text):
    own(**said)

    [error] = [each for each in run_checks() if each.id == "synchro_triggers.E001"]
    assert text in error.msg and "testapp" in error.msg


@both
@pytest.mark.parametrize(("options", "count"), [({"verbosity": 2}, 1), ({}, 0), ({"verbosity": 2, "as_json": True}, 0)])
def test_synchronize_says_what_was_applied(options, count):
    told = StringIO()

    call_command("synchronize", stdout=told, **options)

    assert told.getvalue().count("Known app django.contrib.auth: ") == count
