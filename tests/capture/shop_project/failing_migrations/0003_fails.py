from django.db import migrations


def fail(apps, schema_editor):
    raise RuntimeError("this migration fails on purpose")


class Migration(migrations.Migration):
    dependencies = [("shop", "0002_fails")]
    operations = [migrations.RemoveField("order", "legacy"), migrations.RunPython(fail)]
