from django.db import migrations, models


def write(apps, schema_editor):
    alias = schema_editor.connection.alias
    label = apps.get_model("shop", "Label").objects.using(alias).create(name="in 0006")
    apps.get_model("shop", "Purchase").objects.using(alias).get(code="f").labels.add(label)
    apps.get_model("shop", "Line").objects.using(alias).update(text="in 0006")


class Migration(migrations.Migration):
    dependencies = [("shop", "0005_model_renamed")]
    operations = [
        migrations.CreateModel(
            "Label",
            [("id", models.BigAutoField(primary_key=True, serialize=False)), ("name", models.CharField(max_length=20))],
        ),
        migrations.AddField("purchase", "labels", models.ManyToManyField("shop.Label")),
        migrations.AlterModelTable("line", "Shop Lines"),
        migrations.RunPython(write, migrations.RunPython.noop),
    ]
