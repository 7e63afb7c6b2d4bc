import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    initial = True
    dependencies = []
    operations = [
        migrations.CreateModel(
            "Order",
            [
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                ("code", models.CharField(max_length=20)),
                ("note", models.CharField(max_length=50, default="")),
                ("amount", models.IntegerField(default=0)),
                ("legacy", models.CharField(max_length=20, default="", db_index=True)),
            ],
        ),
        migrations.CreateModel(
            "Line",
            [
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                ("order", models.ForeignKey("shop.Order", django.db.models.deletion.CASCADE)),
                ("text", models.CharField(max_length=50, default="")),
            ],
        ),
        migrations.CreateModel(
            "Obsolete",
            [
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                ("name", models.CharField(max_length=20)),
            ],
        ),
    ]
