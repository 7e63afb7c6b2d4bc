"""A data migration right after fields were altered, which rebuilds the table on SQLite."""

from django.db import migrations


def write(apps, schema_editor):
    orders = apps.get_model("shop", "Order").objects.using(schema_editor.connection.alias)
    orders.filter(code="c").delete()
    orders.filter(code="d").update(remark="in 0004")


class Migration(migrations.Migration):
    dependencies = [("shop", "0003_removed_and_renamed")]
    operations = [
        migrations.RunPython(write, migrations.RunPython.noop),
    ]
