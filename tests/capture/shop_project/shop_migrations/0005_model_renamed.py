from django.db import migrations, models


def write(apps, schema_editor):
    purchases = apps.get_model("shop", "Purchase").objects.using(schema_editor.connection.alias)
    purchases.filter(code="e").update(amount=5)


class Migration(migrations.Migration):
    dependencies = [("shop", "0004_data")]
    operations = [
        migrations.AlterField("order", "code", models.CharField(max_length=20, unique=True)),
        migrations.RenameModel("Order", "Purchase"),
        migrations.RunPython(write, migrations.RunPython.noop),
        migrations.DeleteModel("Obsolete"),
    ]
