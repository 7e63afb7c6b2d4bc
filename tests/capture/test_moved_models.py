"""A model that moves to another app, while its table stays, keeps its log, its references and its failures."""

from __future__ import annotations

import pytest
from django.apps import apps
from django.db import connections, migrations, models
from django.db.migrations.state import ModelState, ProjectState

from synchro_triggers import synchronize
from synchro_triggers.capture import install
from synchro_triggers.capture.migrating import after_migrate, before_migrate
from synchro_triggers.models import ChangeLog, Checkpoint, Failure, Reference
from tests.databases import ALIASES, both
from tests.testapp.models import Item, Node, Tag, Tagged

pytestmark = both

LOCAL, REMOTE = ALIASES


def state_before(*tables: tuple[str, str]):
    """The migrations' state before the plan: these models of an app that the code does not have any more."""
    state = ProjectState()
    for name, table in tables:
        state.add_model(
            ModelState("former", name, [("id", models.BigAutoField(primary_key=True))], {"db_table": table})
        )
    return state.apps


def let_it_have_been(label: str, former: str):
    """Let both databases, and their triggers, be as they were while the model had its former label."""
    for alias in ALIASES:
        for model in (ChangeLog, Reference, Failure):
            rows = model.objects.using(alias)
            for stored in set(rows.filter(model_label__startswith=label).values_list("model_label", flat=True)):
                rows.filter(model_label=stored).update(model_label=former + stored[len(label) :])
        for checkpoint in Checkpoint.objects.using(alias):
            checkpoint.last_row = checkpoint.last_row.replace(f"|{label}|", f"|{former}|")
            checkpoint.save()


def migrate(*tables: tuple[str, str], operations=()):
    migration = migrations.Migration("0002_move", "former")
    migration.operations = list(operations)
    for alias in ALIASES:
        before_migrate(using=alias, plan=[(migration, False)], apps=state_before(*tables))
        after_migrate(using=alias, plan=[(migration, False)])


@pytest.mark.parametrize("renamed", [False, True], ids=["its table stays", "its table is renamed"])
def test_what_waits_and_what_both_sides_have_follows_a_model_to_its_new_app(renamed):
    kept, gone = Item.objects.create(name="kept"), Item.objects.create(name="gone")
    synchronize()
    Item.objects.filter(pk=kept.pk).update(name="changed")
    Item.objects.create(name="new")
    gone.delete()
    let_it_have_been("testapp.Item", "former.Thing")
    table = "former_thing" if renamed else "testapp_item"
    rename = migrations.SeparateDatabaseAndState(
        database_operations=[migrations.AlterModelTable("Thing", "testapp_item")],
        state_operations=[migrations.DeleteModel("Thing")],
    )

    migrate(("Thing", table), operations=[rename] if renamed else [])
    report = synchronize()

    assert report.remarks == [] and report.failures == []
    assert sorted(Item.objects.using(REMOTE).values_list("name", flat=True)) == ["changed", "new"]
    Item.objects.filter(pk=kept.pk).update(name="again")
    synchronize()
    assert sorted(Item.objects.using(REMOTE).values_list("name", flat=True)) == ["again", "new"]


def test_links_and_failures_follow_too():
    Tagged.objects.create(title="t").tags.add(Tag.objects.create(label="a"))
    Failure.objects.using(REMOTE).create(
        source="x", model_label="testapp.Tagged", object_pk="1", operation="I", logged_at="2026-01-01T00:00Z", error="e"
    )
    let_it_have_been("testapp.Tagged", "former.Marked")

    migrate(("Marked", "testapp_tagged"))

    assert Failure.objects.using(REMOTE).get().model_label == "testapp.Tagged"
    synchronize()
    assert Tagged.objects.using(REMOTE).get().tags.get().label == "a"


def test_model_that_is_still_there_is_none_that_has_moved():
    """Two models may have one table; and another app's model of that name has another one."""
    Node.objects.create(name="a")
    state = state_before(("Thing", "nowhere"))
    migration = migrations.Migration("0002_more", "former")

    before_migrate(using=LOCAL, plan=[(migration, False)], apps=state)
    before_migrate(using=LOCAL, plan=[(migration, False)], apps=apps)
    after_migrate(using=LOCAL, plan=[(migration, False)])

    assert set(ChangeLog.objects.values_list("model_label", flat=True)) == {"testapp.Node"}
    assert install.compare(LOCAL).fits and not connections[LOCAL].needs_rollback
