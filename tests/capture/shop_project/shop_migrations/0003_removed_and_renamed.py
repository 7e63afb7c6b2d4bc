from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("shop", "0002_fields")]
    operations = [
        migrations.RemoveField("order", "legacy"),
        migrations.RunSQL("UPDATE shop_order SET amount = 3 WHERE code = 'b'", migrations.RunSQL.noop),
        migrations.RenameField("order", "note", "remark"),
        migrations.AlterField("order", "remark", models.CharField(max_length=50, null=True, db_index=True)),
        migrations.AlterField("order", "amount", models.BigIntegerField(default=0)),
    ]
