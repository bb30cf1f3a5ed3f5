"""Data that was there before a migration is there after it, in its new shape; and back."""

from __future__ import annotations

import datetime as dt

import pytest
from django.db import connection
from django.db.migrations.executor import MigrationExecutor

START = dt.datetime(2026, 3, 1, tzinfo=dt.UTC)
BEFORE, AFTER = [("analytics", "0004_run_audit")], [("analytics", "0005_anomaly_events")]


def migrate(to):
    executor = MigrationExecutor(connection)
    executor.migrate(to)
    return MigrationExecutor(connection).loader.project_state(to).apps


@pytest.fixture
def old(transactional_db):
    """The tables as they were; brought up to date again whatever happens."""
    latest = MigrationExecutor(connection).loader.graph.leaf_nodes()
    yield migrate(BEFORE)
    migrate(latest)


def row(apps, model, hours: float, label: str = "", score: float = 0.2):
    apps.get_model("analytics", "AnomalyResult").objects.create(
        market_id=model.market_id,
        model_id=model.pk,
        source="network",
        timestamp=START + dt.timedelta(hours=hours),
        score=score,
        threshold=0.1,
        severity="high",
        kind="spike",
        text=f"{score}",
        label=label,
        acknowledged_at=START if label else None,
    )


def test_rows_that_were_there_get_their_events_and_their_labels(old):
    def get(name):
        return old.get_model("analytics", name)

    market = get("Market").objects.create(asset="USDT", fiat="BOB", exchange="x")
    run = get("TrainingRun").objects.create(market=market, task="anomaly", data_until=START)
    moments = ("data_from", "data_until", "trained_until", "test_from", "trained_at")
    model = get("TrainedModel").objects.create(
        **dict.fromkeys(moments, START),
        **{"market": market, "run": run, "task": "anomaly", "version": 1, "artifact": "a"},
        **{"score": 1, "baseline_score": 1, "beats_baseline": True, "step_minutes": 30},
        window=4,
    )
    row(old, model, 0)
    row(old, model, 6, label="true", score=0.4)
    row(old, model, 12.5, label="false")
    new = migrate(AFTER)
    events = new.get_model("analytics", "AnomalyEvent").objects.order_by("start")
    assert [(e.rows, e.score, e.text, e.feedback, e.is_open) for e in events] == [
        (2, 0.4, "0.4", "true", False),
        (1, 0.2, "0.2", "false", False),
    ]
    assert next((e.start - START, e.peak - START, e.end - START) for e in events) == tuple(
        dt.timedelta(hours=h) for h in (0, 6, 6)
    )
    assert all(e.feedback_at == START for e in events)
    rows = new.get_model("analytics", "AnomalyResult").objects.order_by("timestamp")
    assert [r.event_id for r in rows] == [events[0].pk, events[0].pk, events[1].pk]
    again = migrate(BEFORE).get_model("analytics", "AnomalyResult").objects.order_by("timestamp")
    assert [r.label for r in again] == ["true", "true", "false"]
