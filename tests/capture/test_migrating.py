"""Schema changes do not break: ``migrate`` works, loses no change of a data migration, leaves fitting triggers.

Each test migrates a database of its own, in this process; ``test_schema_changes`` does it as a deployment does.
"""

from __future__ import annotations

import pytest
from django.core.management import call_command
from django.db import connections, migrations, models
from django.db.migrations.recorder import MigrationRecorder
from django.db.models.signals import post_delete

from synchro_triggers import synchro_paused
from synchro_triggers.capture.install import compare, install, uninstall
from synchro_triggers.capture.migration_file import install_triggers, uninstall_triggers
from synchro_triggers.capture.vendor import vendor_of
from synchro_triggers.models import ChangeLog, Failure, Reference
from tests.capture.changing_app import LABEL

pytestmark = pytest.mark.usefixtures("vendor")


def key():
    return ("id", models.BigAutoField(primary_key=True))


@pytest.fixture
def shop(app):
    """Two models with rows and triggers."""
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
    app.migrate()
    install(app.alias)
    app.execute(
        "INSERT INTO migapp_order (id, code, note, amount, legacy) VALUES (1, 'a', '', 1, ''), (2, 'b', '', 1, '')"
    )
    app.execute("INSERT INTO migapp_line (id, text, order_id) VALUES (1, 'x', 1)")
    ChangeLog.objects.using(app.alias).all().delete()
    return app


def logged(app, label: str) -> list[tuple[str, str]]:
    rows = ChangeLog.objects.using(app.alias).filter(model_label=f"{LABEL}.{label}").order_by("id")
    return list(rows.values_list("operation", "object_pk"))


def forget(app) -> None:
    ChangeLog.objects.using(app.alias).all().delete()


def triggers_of(app) -> list:
    connection = connections[app.alias]
    return vendor_of(connection).installed_triggers(connection)


def functions_of(app) -> list[str]:
    """Return the names of trigger functions, which PostgreSQL alone has."""
    if connections[app.alias].vendor != "postgresql":
        return []
    with connections[app.alias].cursor() as cursor:
        cursor.execute(
            "SELECT proname FROM pg_proc WHERE proname LIKE 'synchro\\_%' AND prorettype = 'trigger'::regtype"
        )
        return [name for (name,) in cursor.fetchall()]


def text(**options):
    return models.CharField(max_length=50, **options)


SCHEMA_CHANGES = {
    "add a field": [migrations.AddField("Order", "added", text(default="new"))],
    "add a field that is null": [migrations.AddField("Order", "added", text(null=True))],
    "add a foreign key": [migrations.AddField("Order", "other", models.ForeignKey("Order", models.CASCADE, null=True))],
    "remove a field": [migrations.RemoveField("Order", "note")],
    "remove a field with an index": [migrations.RemoveField("Order", "legacy")],
    "rename a field": [migrations.RenameField("Order", "note", "remark")],
    "alter a type": [migrations.AlterField("Order", "amount", models.BigIntegerField(default=0))],
    "alter a type to another": [migrations.AlterField("Order", "amount", text(default="0"))],
    "alter null": [migrations.AlterField("Order", "note", text(null=True))],
    "alter unique": [migrations.AlterField("Order", "code", text(unique=True))],
    "alter an index": [migrations.AlterField("Order", "note", text(default="", db_index=True))],
    "alter the column's name": [migrations.AlterField("Order", "note", text(default="", db_column="The Note"))],
    "alter the key's type": [migrations.AlterField("Order", "id", models.AutoField(primary_key=True))],
    "add a constraint": [
        migrations.AddConstraint("Order", models.UniqueConstraint(models.functions.Lower("code"), name="one_code"))
    ],
    "rename the table": [migrations.AlterModelTable("Order", "My Orders")],
    "rename the model": [migrations.RenameModel("Order", "Purchase")],
    "delete a model": [migrations.DeleteModel("Line")],
    "write SQL": [
        migrations.RunSQL(
            [
                "-- a comment first\nALTER TABLE migapp_order DROP COLUMN note",
                "/* and another */ ALTER TABLE migapp_order ADD COLUMN remark integer",
            ],
            [
                "ALTER TABLE migapp_order DROP COLUMN remark",
                "ALTER TABLE migapp_order ADD COLUMN note varchar(50) DEFAULT ''",
            ],
            state_operations=[
                migrations.RemoveField("Order", "note"),
                migrations.AddField("Order", "remark", models.IntegerField(null=True)),
            ],
        )
    ],
}


def test_labels_follow_a_model_back_though_somebody_listens_to_every_delete(shop):
    """Then Django does not delete its record of a migration by the migration's name."""
    shop.add_migration(migrations.RenameModel("Order", "Purchase"))
    shop.add_migration(shop.run(lambda objects: objects("Purchase").filter(pk=1).update(code="after")))
    shop.migrate()
    heard = []

    def listen(sender, **told):
        heard.append(sender)

    post_delete.connect(listen)
    try:
        shop.migrate("0001")
    finally:
        post_delete.disconnect(listen)

    assert {sender._meta.db_table for sender in heard} == {"django_migrations"}
    assert ("U", "1") in logged(shop, "Order") and logged(shop, "Purchase") == []


@pytest.mark.parametrize("change", SCHEMA_CHANGES)
def test_schema_change_between_data_migrations_loses_none_of_their_changes(shop, change):
    operations = SCHEMA_CHANGES[change]
    name = "Purchase" if change == "rename the model" else "Order"
    shop.add_migration(shop.run(lambda objects: objects("Order").filter(pk=1).update(amount=10)))
    shop.add_migration(*operations)
    shop.add_migration(shop.run(lambda objects: objects(name).filter(pk=1).update(code="after")))
    shop.add_migration(shop.run(lambda objects: objects(name).create(pk=7, code="new")))
    # delete() would look for lines too: a deleted model haunts the relations of Django's historical ones.
    shop.add_migration(shop.run(lambda objects: objects(name).filter(pk=2)._raw_delete(shop.alias)))

    shop.migrate()

    assert [row for row in logged(shop, name) if row[0] != "D"] == [("U", "1"), ("U", "1"), ("I", "7")]
    assert ("D", "2") in logged(shop, name)
    assert compare(shop.alias).fits, compare(shop.alias).describe()
    table = connections[shop.alias].ops.quote_name(
        "My Orders" if change == "rename the table" else f"migapp_{name.lower()}"
    )
    forget(shop)
    shop.execute(f"UPDATE {table} SET code = 'sql' WHERE id = 1")
    shop.execute(f"DELETE FROM {table} WHERE id = 7")
    assert logged(shop, name) == [("U", "1"), ("D", "7")]
    assert ChangeLog.objects.using(shop.alias).get(operation="U").changed_fields == "code"

    shop.migrate("0001")

    assert compare(shop.alias).fits, compare(shop.alias).describe()
    assert not ChangeLog.objects.using(shop.alias).filter(model_label=f"{LABEL}.Purchase").exists()
    forget(shop)
    shop.execute("UPDATE migapp_order SET amount = 99 WHERE id = 1")
    assert logged(shop, "Order") == [("U", "1")]


def test_many_to_many_field_is_captured_from_its_first_link_and_goes_without_a_trace(shop):
    def link(objects):
        objects("Order").get(pk=1).lines.add(objects("Line").get(pk=1))

    shop.add_migration(migrations.AddField("Order", "lines", models.ManyToManyField("Line", related_name="orders")))
    shop.add_migration(shop.run(link))
    shop.migrate()

    assert logged(shop, "Order_lines") == [("I", "1")]
    assert compare(shop.alias).fits
    shop.execute("DELETE FROM migapp_order_lines")
    assert logged(shop, "Order_lines") == [("I", "1"), ("D", "1")]

    shop.add_migration(migrations.RenameField("Order", "lines", "parts"))
    shop.migrate()
    assert logged(shop, "Order_parts") == [("I", "1"), ("D", "1")] and logged(shop, "Order_lines") == []
    shop.add_migration(migrations.RemoveField("Order", "parts"))
    shop.migrate()

    assert compare(shop.alias).fits
    assert len(functions_of(shop)) in (0, len(triggers_of(shop)))


def test_new_table_that_the_same_plan_fills_is_logged(shop):
    shop.add_migration(
        migrations.CreateModel("Label", [key(), ("name", text())]),
        shop.run(lambda objects: objects("Label").create(pk=5, name="at once")),
    )
    shop.add_migration(shop.run(lambda objects: objects("Label").create(pk=6, name="later")))

    shop.migrate()

    assert logged(shop, "Label") == [("I", "5"), ("I", "6")]
    assert compare(shop.alias).fits


def test_parent_of_a_model_is_captured_from_the_start(shop):
    shop.add_migration(migrations.CreateModel("Place", [key(), ("name", text())]))
    shop.add_migration(
        migrations.CreateModel(
            "Inn",
            [
                (
                    "place_ptr",
                    models.OneToOneField("Place", models.CASCADE, parent_link=True, primary_key=True, serialize=False),
                ),
                ("stars", models.IntegerField(default=0)),
            ],
            bases=(f"{LABEL}.place",),
        ),
        shop.run(lambda objects: objects("Inn").create(name="n")),
    )

    shop.migrate()

    assert logged(shop, "Place") == [("I", "1")] and logged(shop, "Inn") == [("I", "1")]
    assert compare(shop.alias).fits


def test_many_schema_changes_of_one_table_in_one_migration_lose_nothing(shop):
    """On SQLite each of them makes the table anew."""
    write = shop.run(lambda objects: objects("Order").update(amount=models.F("amount") + 1))
    shop.add_migration(
        write,
        migrations.AlterField("Order", "note", text(null=True)),
        migrations.AddField("Order", "one", models.IntegerField(default=1)),
        migrations.RemoveField("Order", "legacy"),
        migrations.AlterField("Order", "one", models.BigIntegerField(default=1)),
        migrations.RenameField("Order", "one", "two"),
        write,
    )

    shop.migrate()

    assert sorted(logged(shop, "Order")) == [("U", "1"), ("U", "1"), ("U", "2"), ("U", "2")]
    assert compare(shop.alias).fits


def test_renamed_model_takes_its_log_references_and_failures_along(shop):
    shop.execute("UPDATE migapp_order SET amount = 5")
    Reference.objects.using(shop.alias).create(source="x", model_label="migapp.Order", local_pk="1", remote_pk="9")
    Failure.objects.using(shop.alias).create(
        source="x", model_label="migapp.Order", object_pk="1", operation="I", logged_at="2026-01-01T00:00Z", error="e"
    )
    shop.add_migration(migrations.RenameModel("Order", "Purchase"))

    shop.migrate()

    assert {key for _, key in logged(shop, "Purchase")} == {"1", "2"} and logged(shop, "Order") == []
    for model in (Reference, Failure):
        assert model.objects.using(shop.alias).get().model_label == "migapp.Purchase"


def test_renamed_model_leaves_alone_a_model_whose_name_begins_alike(shop):
    shop.add_migration(migrations.CreateModel("Order_line", [key(), ("name", text())]))
    shop.migrate()
    shop.execute("INSERT INTO migapp_order_line (id, name) VALUES (1, 'a')")
    shop.add_migration(migrations.RenameModel("Order", "Purchase"))

    shop.migrate()

    assert logged(shop, "Order_line") == [("I", "1")]


@pytest.mark.parametrize("steps", [1, 2])
def test_name_of_a_renamed_model_that_is_given_to_a_new_one_keeps_the_two_apart(shop, steps):
    shop.execute("UPDATE migapp_order SET amount = 5 WHERE id = 1")
    rename = migrations.RenameModel("Order", "Purchase")
    create = [
        migrations.CreateModel("Order", [key(), ("name", text())]),
        shop.run(lambda objects: objects("Order").create(pk=77, name="new")),
        shop.run(lambda objects: objects("Purchase").filter(pk=2).update(amount=6)),
    ]
    for operations in [[rename, *create]] if steps == 1 else [[rename], create]:
        shop.add_migration(*operations)

    shop.migrate()

    assert logged(shop, "Purchase") == [("U", "1"), ("U", "2")]
    assert logged(shop, "Order") == [("I", "77")]
    assert compare(shop.alias).fits


def test_field_that_is_skipped_from_now_on_is_not_logged_after_an_empty_migrate(shop):
    shop.skip("Order", "note")
    assert compare(shop.alias).outdated

    shop.migrate()

    assert compare(shop.alias).fits
    shop.execute("UPDATE migapp_order SET note = 'skipped' WHERE id = 1")
    shop.execute("UPDATE migapp_order SET amount = 5 WHERE id = 2")
    assert logged(shop, "Order") == [("U", "2")]


def test_skipped_field_can_be_removed(shop):
    shop.skip("Order", "note")
    shop.migrate()
    shop.add_migration(migrations.RemoveField("Order", "note"))
    shop.skip("Order")

    shop.migrate()

    assert compare(shop.alias).fits


def test_models_added_to_the_setting_and_taken_out_of_it_are_followed_by_migrate(shop, settings):
    settings.SYNCHRO_MODELS = ("migapp.Line",)
    shop.migrate()
    shop.execute("UPDATE migapp_order SET amount = 5")
    assert compare(shop.alias).fits and logged(shop, "Order") == []

    settings.SYNCHRO_MODELS = ("migapp",)
    shop.migrate()
    shop.execute("UPDATE migapp_order SET amount = 6 WHERE id = 1")

    assert compare(shop.alias).fits and logged(shop, "Order") == [("U", "1")]


class Fails(Exception):
    pass


def fail(objects) -> None:
    raise Fails


@pytest.mark.parametrize("atomic", [True, False])
def test_migration_that_fails_half_way_loses_nothing_and_the_next_one_completes_the_job(shop, atomic):
    shop.add_migration(shop.run(lambda objects: objects("Order").filter(pk=1).update(amount=10)))
    failing = [migrations.AddField("Order", "added", text(default="")), shop.run(fail)]
    shop.add_migration(*failing, atomic=atomic, load=False)

    with pytest.raises(Fails):
        shop.migrate()

    assert logged(shop, "Order") == [("U", "1")]
    shop.execute("UPDATE migapp_order SET note = 'meanwhile' WHERE id = 2")
    assert logged(shop, "Order") == [("U", "1"), ("U", "2")]
    assert not compare(shop.alias).fits
    shop.migrate("0002")
    assert compare(shop.alias).fits


def test_plan_that_fails_after_a_model_was_renamed_has_renamed_what_is_known_of_it(shop):
    Reference.objects.using(shop.alias).create(source="x", model_label="migapp.Order", local_pk="1", remote_pk="9")
    shop.add_migration(migrations.RenameModel("Order", "Purchase"))
    shop.add_migration(shop.run(fail), load=False)

    with pytest.raises(Fails):
        shop.migrate()

    assert Reference.objects.using(shop.alias).get().model_label == "migapp.Purchase"
    shop.execute("UPDATE migapp_purchase SET amount = 5 WHERE id = 1")
    assert logged(shop, "Purchase") == [("U", "1")]


def test_faked_rename_of_a_model_is_followed(shop):
    shop.execute("UPDATE migapp_order SET amount = 5 WHERE id = 1")
    shop.execute("ALTER TABLE migapp_order RENAME TO migapp_purchase")
    shop.add_migration(migrations.RenameModel("Order", "Purchase"))

    shop.migrate(fake=True)

    assert logged(shop, "Purchase") == [("U", "1")]
    assert compare(shop.alias).fits


def test_rows_of_a_migration_that_is_rolled_back_are_not_logged(shop):
    shop.add_migration(shop.run(lambda objects: objects("Order").update(amount=10)), shop.run(fail), load=False)

    with pytest.raises(Fails):
        shop.migrate()

    assert logged(shop, "Order") == []


def test_migration_without_a_transaction_loses_nothing(shop):
    shop.add_migration(
        migrations.AlterField("Order", "note", text(null=True)),
        shop.run(lambda objects: objects("Order").filter(pk=1).update(note=None)),
        atomic=False,
    )

    shop.migrate()

    assert logged(shop, "Order") == [("U", "1")]
    assert compare(shop.alias).fits


def test_faked_migration_leaves_triggers_that_work(shop):
    shop.add_migration(migrations.AddField("Order", "added", text(default="")))

    shop.migrate(fake=True)

    shop.execute("UPDATE migapp_order SET amount = 5 WHERE id = 1")
    shop.execute("DELETE FROM migapp_order WHERE id = 2")
    assert logged(shop, "Order") == [("U", "1"), ("D", "2")]


def test_app_migrated_to_zero_leaves_nothing_behind(shop):
    shop.migrate("zero")

    assert triggers_of(shop) == [] and functions_of(shop) == []


def test_this_app_migrated_to_zero_leaves_tables_that_can_be_written(shop):
    call_command("migrate", "synchro_triggers", "zero", database=shop.alias, verbosity=0)

    shop.execute("UPDATE migapp_order SET amount = 5")
    assert triggers_of(shop) == [] and functions_of(shop) == []

    call_command("migrate", "synchro_triggers", database=shop.alias, verbosity=0)
    install(shop.alias)
    assert compare(shop.alias).fits


def test_database_without_triggers_is_left_alone(shop):
    uninstall(shop.alias)
    shop.add_migration(migrations.AddField("Order", "added", text(default="")))

    shop.migrate()

    assert triggers_of(shop) == [] and functions_of(shop) == []


def test_paused_data_migration_is_not_logged(shop):
    def write(objects):
        with synchro_paused(using=shop.alias):
            objects("Order").update(amount=10)
        objects("Order").filter(pk=1).update(amount=11)

    shop.add_migration(migrations.AlterField("Order", "note", text(null=True)), shop.run(write))

    shop.migrate()

    assert logged(shop, "Order") == [("U", "1")]


def test_natural_key_that_a_data_migration_changes_or_deletes_is_kept(shop):
    """Transitional triggers do not know which columns matter, so they keep them all."""
    shop.add_migration(
        migrations.AddField("Order", "added", text(default="")),
        shop.run(lambda objects: objects("Order").filter(pk=1).update(code="new")),
        shop.run(lambda objects: objects("Order").filter(pk=2).delete()),
    )

    shop.migrate()

    kept = ChangeLog.objects.using(shop.alias).filter(model_label="migapp.Order").order_by("id")
    assert [row.operation for row in kept] == ["U", "D"]
    assert ['"code": "a"' in row.old_values.replace('":"', '": "') for row in kept] == [True, False]
    assert '"b"' in kept[1].old_values


def test_key_changed_by_a_data_migration_is_a_delete_and_an_insert(shop):
    shop.add_migration(
        migrations.AddField("Order", "added", text(default="")),
        migrations.RunSQL("UPDATE migapp_order SET id = 20 WHERE id = 2"),
    )

    shop.migrate()

    assert sorted(logged(shop, "Order")) == [("D", "2"), ("I", "20")]


@pytest.mark.vendor("postgres")
def test_copy_and_truncate_in_a_data_migration_are_logged(shop):
    shop.add_migration(migrations.RunSQL("TRUNCATE migapp_order CASCADE"))
    shop.add_migration(migrations.RunSQL("INSERT INTO migapp_order SELECT 9, 'c', '', 0, ''"))

    shop.migrate()

    assert sorted(logged(shop, "Order")) == [("D", "1"), ("D", "2"), ("I", "9")]
    assert logged(shop, "Line") == [("D", "1")]


@pytest.mark.vendor("sqlite")
@pytest.mark.parametrize(
    "unique",
    [
        migrations.AlterField("Order", "code", text(unique=True)),
        migrations.AddConstraint("Order", models.UniqueConstraint(fields=["code"], name="one_code")),
        migrations.AddConstraint("Order", models.UniqueConstraint(models.functions.Lower("code"), name="one_code")),
        migrations.RunSQL("CREATE UNIQUE INDEX one_code ON migapp_order (code)"),
    ],
)
def test_rows_that_a_data_migration_replaces_are_logged(shop, unique):
    shop.add_migration(
        unique,
        migrations.RunSQL(
            "INSERT OR REPLACE INTO migapp_order (id, code, note, amount, legacy) VALUES (77, 'b', '', 0, '')"
        ),
        atomic=False,
    )

    shop.migrate()

    assert set(logged(shop, "Order")) == {("D", "2"), ("I", "77")}


# Triggers that a migration of the user's own installs -------------------------------------------------


def test_triggers_installed_by_a_migration_come_and_go_with_it(app):
    app.add_migration(migrations.CreateModel("Order", [key(), ("code", text())]))
    app.add_migration(migrations.RunPython(install_triggers, uninstall_triggers))
    app.add_migration(app.run(lambda objects: objects("Order").create(pk=1, code="in the same plan")))
    app.add_migration(migrations.AddField("Order", "added", text(default="")))
    app.add_migration(app.run(lambda objects: objects("Order").create(pk=2, code="later in it")))

    app.migrate()

    assert logged(app, "Order") == [("I", "1"), ("I", "2")]
    assert compare(app.alias).fits

    app.migrate("0001")

    assert triggers_of(app) == [] and functions_of(app) == []


# Without this package's tables ------------------------------------------------------------------------


def test_tables_of_this_package_that_somebody_dropped_come_back(shop):
    for table in connections[shop.alias].introspection.table_names():
        if table.startswith("synchro_"):
            shop.execute(f"DROP TABLE {table}")
    MigrationRecorder(connections[shop.alias]).migration_qs.filter(app="synchro_triggers").delete()

    call_command("migrate", "synchro_triggers", database=shop.alias, verbosity=0)

    shop.execute("UPDATE migapp_order SET amount = 2 WHERE id = 1")
    assert compare(shop.alias).fits and logged(shop, "Order") == [("U", "1")]


# Partitions -------------------------------------------------------------------------------------------


@pytest.mark.vendor("postgres")
def test_partitions_that_come_and_go_within_a_migration_fit_afterwards(app):
    app.add_migration(
        migrations.RunSQL(
            "CREATE TABLE migapp_crash (id integer, day integer, state text, PRIMARY KEY (id, day))"
            " PARTITION BY RANGE (day)"
        ),
        migrations.RunSQL("CREATE TABLE crash_0 PARTITION OF migapp_crash FOR VALUES FROM (0) TO (10)"),
        migrations.SeparateDatabaseAndState(
            state_operations=[
                migrations.CreateModel(
                    "Crash",
                    [
                        ("id", models.IntegerField()),
                        ("day", models.IntegerField()),
                        ("state", models.TextField()),
                        ("pk", models.CompositePrimaryKey("id", "day", primary_key=True)),
                    ],
                )
            ]
        ),
    )
    app.migrate()
    install(app.alias)
    app.add_migration(
        migrations.RunSQL("CREATE TABLE crash_1 PARTITION OF migapp_crash FOR VALUES FROM (10) TO (20)"),
        migrations.RunSQL("INSERT INTO crash_1 VALUES (1, 10, 'a')"),
        migrations.RunSQL("INSERT INTO crash_0 VALUES (2, 1, 'b')"),
        migrations.RunSQL("ALTER TABLE migapp_crash DETACH PARTITION crash_0"),
        migrations.RunSQL("CREATE TABLE crash_2 (LIKE migapp_crash INCLUDING ALL)"),
        migrations.RunSQL("INSERT INTO crash_2 VALUES (3, 20, 'c')"),
        migrations.RunSQL("ALTER TABLE migapp_crash ATTACH PARTITION crash_2 FOR VALUES FROM (20) TO (30)"),
    )
    app.migrate()

    keys = set(ChangeLog.objects.using(app.alias).values_list("object_pk", flat=True))
    assert keys >= {"[1, 10]", "[2, 1]", "[3, 20]"}
    assert compare(app.alias).fits
