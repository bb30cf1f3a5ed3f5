"""Strange rows get the events they make up; what was said of rows is now said of their events."""

import datetime as dt

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

SILENCE_STEPS = 12
RANK = {"low": 0, "medium": 1, "high": 2, "critical": 3}


def make_events(apps, schema_editor):
    """Rows of one version less than 12 steps apart are one event, closed."""
    row_model = apps.get_model("analytics", "AnomalyResult")
    rows = row_model.objects.select_related("model").order_by("model", "source", "timestamp", "pk")
    group = []
    for row in list(rows):
        if group and not _together(group[-1], row):
            _make_event(apps, group)
            group = []
        group.append(row)
    if group:
        _make_event(apps, group)
    if schema_editor.connection.vendor == "postgresql":
        # Pending checks of the new rows would forbid to alter their table in this transaction.
        schema_editor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        schema_editor.execute("SET CONSTRAINTS ALL DEFERRED")


def _together(before, row):
    silence = dt.timedelta(minutes=SILENCE_STEPS * row.model.step_minutes)
    same = (before.model_id, before.source) == (row.model_id, row.source)
    return same and row.timestamp - before.timestamp <= silence


def _make_event(apps, group):
    peak = max(group, key=lambda row: row.score)
    # Said of single rows: the strangest one that was labelled speaks for all.
    labelled = sorted((row for row in group if row.label), key=lambda row: -row.score)[:1]
    event = apps.get_model("analytics", "AnomalyEvent").objects.create(
        market_id=peak.market_id,
        model_id=peak.model_id,
        source=peak.source,
        start=group[0].timestamp,
        peak=peak.timestamp,
        end=group[-1].timestamp,
        rows=len(group),
        score=peak.score,
        threshold=peak.threshold,
        severity=max((row.severity for row in group), key=lambda name: RANK.get(name, 0)),
        kind=peak.kind,
        text=peak.text,
        expected=peak.expected,
        contributions=peak.contributions,
        feedback=labelled[0].label if labelled else "",
        feedback_at=(labelled[0].acknowledged_at or labelled[0].created_at) if labelled else None,
        feedback_by_id=labelled[0].acknowledged_by_id if labelled else None,
    )
    pks = [row.pk for row in group]
    for first in range(0, len(pks), 500):
        rows = apps.get_model("analytics", "AnomalyResult").objects
        rows.filter(pk__in=pks[first : first + 500]).update(event=event)


def label_rows(apps, schema_editor):
    """Backwards: every row carries what was said of its event."""
    row_model = apps.get_model("analytics", "AnomalyResult")
    for label in ("true", "false"):
        row_model.objects.filter(event__feedback=label).update(label=label)


class Migration(migrations.Migration):

    dependencies = [
        ('analytics', '0004_run_audit'),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.AddField(
            model_name='anomalyresult',
            name='phrases',
            field=models.JSONField(blank=True, default=list, verbose_name='phrases'),
        ),
        migrations.AddField(
            model_name='trainingrun',
            name='labels',
            field=models.PositiveIntegerField(default=0, help_text='Judged anomaly events that the training was told of.', verbose_name='labels'),
        ),
        migrations.CreateModel(
            name='AnomalyEvent',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('source', models.CharField(choices=[('network', 'network'), ('baseline', 'baseline')], max_length=16, verbose_name='source')),
                ('start', models.DateTimeField(help_text='Its first strange row.', verbose_name='start')),
                ('peak', models.DateTimeField(help_text='Its strangest row.', verbose_name='peak')),
                ('end', models.DateTimeField(help_text='Its last strange row so far.', verbose_name='end')),
                ('is_open', models.BooleanField(default=False, verbose_name='open')),
                ('rows', models.PositiveIntegerField(verbose_name='rows')),
                ('score', models.FloatField(verbose_name='score')),
                ('threshold', models.FloatField(verbose_name='threshold')),
                ('severity', models.CharField(choices=[('low', 'low'), ('medium', 'medium'), ('high', 'high'), ('critical', 'critical')], max_length=16, verbose_name='severity')),
                ('kind', models.CharField(max_length=40, verbose_name='kind')),
                ('text', models.TextField(blank=True, verbose_name='in words')),
                ('phrases', models.JSONField(blank=True, default=list, verbose_name='phrases')),
                ('expected', models.JSONField(default=dict, help_text='Per feature: observed, value, lower, upper.', verbose_name='expected')),
                ('contributions', models.JSONField(default=dict, verbose_name='contributions')),
                ('created_at', models.DateTimeField(auto_now_add=True, verbose_name='created at')),
                ('updated_at', models.DateTimeField(auto_now=True, verbose_name='changed at')),
                ('feedback', models.CharField(blank=True, choices=[('', 'not judged'), ('true', 'true alarm'), ('false', 'false alarm')], default='', max_length=8, verbose_name='feedback')),
                ('note', models.TextField(blank=True, verbose_name='note')),
                ('feedback_at', models.DateTimeField(blank=True, null=True, verbose_name='judged at')),
                ('feedback_by', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to=settings.AUTH_USER_MODEL, verbose_name='judged by')),
                ('market', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='anomaly_events', to='analytics.market', verbose_name='market')),
                ('model', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='anomaly_events', to='analytics.trainedmodel', verbose_name='model')),
            ],
            options={
                'verbose_name': 'anomaly event',
                'verbose_name_plural': 'anomaly events',
                'ordering': ['-start', '-id'],
            },
        ),
        migrations.AddField(
            model_name='anomalyresult',
            name='event',
            field=models.ForeignKey(null=True, on_delete=django.db.models.deletion.CASCADE, related_name='results', to='analytics.anomalyevent', verbose_name='event'),
        ),
        migrations.CreateModel(
            name='AnomalyWatch',
            fields=[
                ('market', models.OneToOneField(on_delete=django.db.models.deletion.CASCADE, primary_key=True, related_name='anomaly_watch', serialize=False, to='analytics.market')),
                ('source', models.CharField(blank=True, choices=[('network', 'network'), ('baseline', 'baseline')], max_length=16, verbose_name='source')),
                ('scored_until', models.DateTimeField(null=True, verbose_name='scored until')),
                ('last_score', models.FloatField(null=True, verbose_name='last score')),
                ('warming_up', models.BooleanField(default=True, verbose_name='warming up')),
                ('needed', models.PositiveIntegerField(help_text='Only while there are too few to score.', null=True, verbose_name='readings needed')),
                ('present', models.PositiveIntegerField(null=True, verbose_name='readings present')),
                ('checked_at', models.DateTimeField(auto_now=True, verbose_name='checked at')),
                ('model', models.ForeignKey(null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to='analytics.trainedmodel')),
            ],
            options={
                'verbose_name': 'anomaly watch',
                'verbose_name_plural': 'anomaly watches',
            },
        ),
        migrations.AddIndex(
            model_name='anomalyevent',
            index=models.Index(fields=['market', '-start'], name='event_latest'),
        ),
        migrations.AddConstraint(
            model_name='anomalyevent',
            constraint=models.UniqueConstraint(fields=('model', 'source', 'start'), name='event_once'),
        ),
        migrations.AddConstraint(
            model_name='anomalyevent',
            constraint=models.UniqueConstraint(condition=models.Q(('is_open', True)), fields=('market',), name='event_one_open'),
        ),
        migrations.AddConstraint(
            model_name='anomalyevent',
            constraint=models.CheckConstraint(condition=models.Q(('start__lte', models.F('peak')), ('peak__lte', models.F('end'))), name='event_in_order'),
        ),
        migrations.AddConstraint(
            model_name='anomalyevent',
            constraint=models.CheckConstraint(condition=models.Q(('rows__gte', 1)), name='event_has_rows'),
        ),
        migrations.AddConstraint(
            model_name='anomalyevent',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('feedback', ''), ('feedback_at__isnull', True)), models.Q(('feedback__in', ['true', 'false']), ('feedback_at__isnull', False)), _connector='OR'), name='event_feedback_dated'),
        ),
        migrations.RunPython(make_events, label_rows),
        migrations.AlterField(
            model_name='anomalyresult',
            name='event',
            field=models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='results', to='analytics.anomalyevent', verbose_name='event'),
        ),
        migrations.RemoveField(
            model_name='anomalyresult',
            name='label',
        ),
    ]
