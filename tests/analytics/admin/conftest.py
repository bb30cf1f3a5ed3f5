"""One row of everything, and how the admin is asked."""

from __future__ import annotations

import pytest
from django.urls import reverse
from django.utils import timezone

from analytics.models import (
    AnomalyWatch,
    ModelEvent,
    VenueStatus,
    WorkerHeartbeat,
)
from tests import factories


def url(name, page="changelist", *args):
    return reverse(f"admin:analytics_{name}_{page}", args=args)


def act(client, name, action, *rows, **more):
    data = {"action": action, "_selected_action": [row.pk for row in rows], **more}
    answer = client.post(url(name), data, follow=True)
    assert answer.status_code == 200
    return answer.content.decode()


@pytest.fixture
def full():
    """One row of everything."""
    market = factories.make_market()
    factories.make_quotes(market, 5)
    factories.make_source(market, last_error_code="not_json", last_error_at=timezone.now())
    VenueStatus.objects.create(venue="okx_p2p", failures=1, last_error="not_json")
    model = factories.make_model(market)
    ModelEvent.objects.create(model=model, label="x", action="promoted", reason="good reasons")
    factories.make_score(factories.make_forecast(model))
    factories.make_backtest(market)
    factories.make_anomaly(factories.make_model(market, "anomaly"))
    AnomalyWatch.objects.create(market=market, needed=1000, present=12)
    factories.make_pattern(factories.make_model(market, "pattern"))
    factories.make_run(market, "price", "running", losses=[["fit", 2, 3], ["fit", 1, 2]])
    now = timezone.now()
    WorkerHeartbeat.objects.create(
        name="made", pid=1, started_at=now, seen_at=now, device={"type": "cpu", "name": "quick"}
    )
    return market
