from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("analytics", "0005_anomaly_events")]

    operations = [
        migrations.AddField(
            model_name="forecast",
            name="novelty",
            field=models.FloatField(
                blank=True,
                help_text="How far the input lies from the training data: 1 is its edge, beyond 1.25 intervals widen. Unknown where the baseline answers.",
                null=True,
                verbose_name="novelty",
            ),
        ),
    ]
