from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('analytics', '0025_backtest_plans'),
    ]

    operations = [
        migrations.AddField(
            model_name='trainingrun',
            name='others',
            field=models.JSONField(blank=True, help_text='Those that it learned from beside its own; empty where its family does not.', null=True, verbose_name='other markets'),
        ),
    ]
