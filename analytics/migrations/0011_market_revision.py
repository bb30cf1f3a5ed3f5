from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("analytics", "0010_stale_markets")]

    operations = [
        migrations.AddField(
            "market", "revision", models.BigIntegerField(default=0, editable=False)
        ),
        migrations.AddField(
            "market", "rewrites", models.BigIntegerField(default=0, editable=False)
        ),
    ]
