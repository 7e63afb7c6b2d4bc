"""A model on a view has no rows of its own: its app is captured without it, and nobody can list it by itself."""

from __future__ import annotations

from io import StringIO

import pytest
from django.apps import apps
from django.core.management import CommandError, call_command
from django.db import connections

from synchro_triggers import SynchroError, synchronize
from synchro_triggers.capture.install import install
from tests.databases import both
from tests.oddapp.models import ItemTotal
from tests.testapp.models import Item

pytestmark = both


@pytest.fixture
def listed_by_app(settings):
    """The app of the view's model is listed, and everything else in it left out."""
    others = (model for model in apps.get_app_config("oddapp").get_models() if model is not ItemTotal)
    settings.SYNCHRO_MODELS = ("testapp.Item", "oddapp", *(f"-{model._meta.label}" for model in others))


def make_view(kind: str) -> None:
    for alias in ("default", "remote"):
        for sql in KINDS[connections[alias].vendor][kind]:
            execute(alias, sql)


SELECT = "AS SELECT min(id) AS id, count(*) AS number FROM testapp_item"
KINDS = {
    "sqlite": {
        "view": [f"CREATE VIEW oddapp_itemtotal {SELECT}"],
        "foreign": ["CREATE VIRTUAL TABLE oddapp_itemtotal USING fts4(id, number)"],
    },
    "postgresql": {
        "view": [f"CREATE VIEW oddapp_itemtotal {SELECT}"],
        "materialized": [f"CREATE MATERIALIZED VIEW oddapp_itemtotal {SELECT}"],
        "foreign": [
            "CREATE FOREIGN DATA WRAPPER away",
            "CREATE SERVER away FOREIGN DATA WRAPPER away",
            "CREATE FOREIGN TABLE oddapp_itemtotal (id bigint, number integer) SERVER away",
        ],
    },
}


def execute(alias: str, sql: str) -> None:
    with connections[alias].cursor() as cursor:
        cursor.execute(sql)


def check() -> str:
    output = StringIO()
    call_command("synchro_install_triggers", "--check", stdout=output)
    return output.getvalue()


@pytest.fixture(params=["view", "foreign"])
def view(request):
    make_view(request.param)


def test_app_is_captured_without_its_view_and_check_names_it(view, listed_by_app):
    call_command("synchro_install_triggers", "--database", "default", "--database", "remote")

    assert "oddapp_itemtotal (oddapp.ItemTotal): left out" in check()


@pytest.mark.vendor("postgres")
def test_materialized_view_is_left_out_too(listed_by_app):
    make_view("materialized")

    call_command("synchro_install_triggers")

    assert "oddapp_itemtotal (oddapp.ItemTotal): left out" in check()


def test_runs_leave_a_view_alone(listed_by_app):
    make_view("view")
    for alias in ("default", "remote"):
        install(alias)
    Item.objects.create(name="a")

    logged, full = synchronize(), synchronize(full=True)

    assert not logged.failures and not full.failures
    assert set(full.models) <= {"testapp.Item"}
    assert Item.objects.using("remote").get().name == "a"


def test_view_that_is_listed_by_itself_is_an_error_that_names_it(view, settings):
    settings.SYNCHRO_MODELS = ("testapp.Item", "oddapp.ItemTotal")

    with pytest.raises(CommandError, match=r"oddapp\.ItemTotal") as error:
        call_command("synchro_install_triggers")
    with pytest.raises(SynchroError, match=r"oddapp\.ItemTotal"):
        synchronize()
    with pytest.raises(CommandError) as checked:
        check()

    assert "SYNCHRO_MODELS" in str(error.value) and error.value.returncode == 2
    assert checked.value.returncode == 1


def test_view_that_an_app_brings_in_and_that_is_listed_by_itself_too_is_an_error(view, listed_by_app, settings):
    settings.SYNCHRO_MODELS = (*settings.SYNCHRO_MODELS, "oddapp.ItemTotal")

    with pytest.raises(CommandError, match=r"oddapp\.ItemTotal"):
        call_command("synchro_install_triggers")


def test_view_can_be_left_out_by_name(view, listed_by_app, settings):
    settings.SYNCHRO_MODELS = (*settings.SYNCHRO_MODELS, "-oddapp.ItemTotal")

    call_command("synchro_install_triggers")

    assert check() == "default: triggers fit.\n"


def test_migrating_does_not_mind_views(listed_by_app):
    make_view("view")
    install("default")

    call_command("migrate", "auth", verbosity=0)

    assert "left out" in check()
