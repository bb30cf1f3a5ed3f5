from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("analytics", "0009_relation_names")]

    operations = [
        migrations.AddField(
            "market", "revision", models.BigIntegerField(default=0, editable=False)
        ),
        migrations.AddField(
            "market", "rewrites", models.BigIntegerField(default=0, editable=False)
        ),
    ]
