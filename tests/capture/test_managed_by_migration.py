"""Triggers that come from a migration of the app's own stay fitting whatever later migrations do, and go with it."""

from __future__ import annotations

from importlib import import_module
from io import StringIO

import pytest
from django.core.management import call_command
from django.db import connections, migrations, models

from synchro_triggers.capture.install import compare
from synchro_triggers.capture.migration_file import write_migration
from synchro_triggers.models import ChangeLog
from tests.capture.changing_app import CURRENT
from tests.capture.test_migrating import SCHEMA_CHANGES, forget, functions_of, key, logged, text, triggers_of

pytestmark = pytest.mark.usefixtures("vendor")


@pytest.fixture
def managed(app, tmp_path):
    """Two models, and the migration that ``--migration`` writes; nothing is migrated yet."""
    app.add_migration(
        migrations.CreateModel(
            "Order",
            [
                key(),
                ("code", models.CharField(max_length=20)),
                ("note", models.CharField(max_length=50, default="")),
                ("amount", models.IntegerField(default=0)),
                ("legacy", models.CharField(max_length=20, default="", db_index=True)),
            ],
        ),
        migrations.CreateModel(
            "Line",
            [key(), ("text", models.CharField(max_length=20)), ("order", models.ForeignKey("Order", models.CASCADE))],
        ),
    )
    call_command("synchro_install_triggers", "--migration", "migapp", stdout=StringIO())
    written = "0002_synchro_triggers"
    CURRENT[written] = import_module(f"changing_migrations.{written}").Migration
    return app


def assert_nothing_left(app) -> None:
    assert triggers_of(app) == [] and functions_of(app) == []


@pytest.mark.thinned("plans", "change")
@pytest.mark.parametrize("plans", ["one plan", "two plans"])
@pytest.mark.parametrize("change", SCHEMA_CHANGES)
def test_later_migration_loses_no_change_and_everything_goes_backwards_to_zero(managed, change, plans):
    app = managed
    name = "Purchase" if change == "rename the model" else "Order"
    if plans == "two plans":
        app.migrate()
        assert compare(app.alias).fits
    app.add_migration(app.run(lambda objects: objects("Order").create(pk=1, code="before")))
    app.add_migration(*SCHEMA_CHANGES[change])
    app.add_migration(app.run(lambda objects: objects(name).create(pk=2, code="after")))
    app.add_migration(app.run(lambda objects: objects(name).filter(pk=1).update(code="changed")))

    app.migrate()

    assert logged(app, name) == [("I", "1"), ("I", "2"), ("U", "1")]
    assert compare(app.alias).fits, compare(app.alias).describe()

    app.migrate("0003")
    assert compare(app.alias).fits, compare(app.alias).describe()
    forget(app)
    app.execute("UPDATE migapp_order SET amount = 77 WHERE id = 1")
    assert logged(app, "Order") == [("U", "1")]
    assert ChangeLog.objects.using(app.alias).get().changed_fields == "amount"

    app.migrate("0001")
    assert_nothing_left(app)
    app.execute("UPDATE migapp_order SET amount = 78 WHERE id = 1")

    app.migrate("zero")
    assert_nothing_left(app)
    app.load_models(list(CURRENT)[-1])
    app.migrate()
    assert compare(app.alias).fits, compare(app.alias).describe()


def test_zero_in_one_step_from_the_newest_state_leaves_nothing(managed):
    managed.add_migration(migrations.AddField("Order", "added", text(default="")))
    managed.migrate()

    managed.migrate("zero")

    assert_nothing_left(managed)


def test_model_that_a_later_migration_adds_is_captured_without_another_migration(managed):
    managed.migrate()
    managed.add_migration(
        migrations.CreateModel("Label", [key(), ("name", text())]),
        managed.run(lambda objects: objects("Label").create(pk=5, name="at once")),
    )

    managed.migrate()

    assert logged(managed, "Label") == [("I", "5")]
    assert compare(managed.alias).fits
    managed.migrate("0002")
    assert compare(managed.alias).fits


def test_two_migrations_that_install_are_no_more_than_one(managed):
    managed.migrate()
    before = sorted(trigger.name for trigger in triggers_of(managed))
    written = write_migration("migapp").stem
    CURRENT[written] = import_module(f"changing_migrations.{written}").Migration

    managed.migrate()

    assert sorted(trigger.name for trigger in triggers_of(managed)) == before and compare(managed.alias).fits


def test_plan_that_fails_after_the_triggers_were_installed_loses_nothing(managed):
    def fail(objects):
        raise LookupError

    managed.add_migration(managed.run(lambda objects: objects("Order").create(pk=1, code="a")))
    managed.add_migration(managed.run(fail))

    with pytest.raises(LookupError):
        managed.migrate()

    assert logged(managed, "Order") == [("I", "1")]
    managed.execute("UPDATE migapp_order SET amount = 5")
    assert logged(managed, "Order") == [("I", "1"), ("U", "1")]


def test_migration_on_a_database_of_another_vendor_does_nothing(managed, monkeypatch):
    """A remote that only receives migrates the same apps."""
    monkeypatch.setattr(connections[managed.alias], "vendor", "other")

    from synchro_triggers.capture.migration_file import install_triggers, uninstall_triggers

    with connections[managed.alias].schema_editor() as editor:
        install_triggers(None, editor)
        uninstall_triggers(None, editor)

    monkeypatch.undo()
    assert_nothing_left(managed)
