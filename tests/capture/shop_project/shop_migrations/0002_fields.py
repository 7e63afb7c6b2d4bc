from django.db import migrations, models


def write(apps, schema_editor):
    orders = apps.get_model("shop", "Order").objects.using(schema_editor.connection.alias)
    orders.filter(code="a").update(amount=2)
    orders.create(code="in 0002")


class Migration(migrations.Migration):
    dependencies = [("shop", "0001_initial")]
    operations = [
        migrations.AddField("order", "added", models.CharField(max_length=20, default="")),
        migrations.RunPython(write, migrations.RunPython.noop),
    ]
