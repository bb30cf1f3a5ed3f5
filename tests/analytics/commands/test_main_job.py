"""`main_job --queue`: what `make run` does before the server listens."""

from __future__ import annotations

import io

import pytest
from django.core.management import call_command

from analytics.models import Market, TrainedModel, TrainingRun
from analytics.models.choices import Task
from analytics.services.prices import simulation

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def short_simulation(monkeypatch):
    """The market that is simulated has sixty days, to be quick."""
    whole = simulation.price_simulate
    monkeypatch.setattr(
        "analytics.management.commands.main_job.price_simulate", lambda: whole(days=60, seed=1)
    )


def queued() -> str:
    out = io.StringIO()
    call_command("main_job", "--if-needed", "--queue", stdout=out)
    return out.getvalue()


def test_a_first_start_queues_four_trainings_and_says_so():
    said = queued()
    runs = TrainingRun.objects.values_list("task", "status")
    assert sorted(runs) == sorted((task, "queued") for task in Task.values)
    in_turn = TrainingRun.objects.order_by("pk").values_list("task", flat=True)
    assert [*in_turn] == ["price", "pattern", "spread", "anomaly"]
    assert "4 trainings are queued" in said
    assert "baselines answer until they end" in said


def test_a_second_start_adopts_what_is_queued():
    queued()
    queued()
    assert Market.objects.count() == 1
    assert TrainingRun.objects.count() == 4


def test_what_was_refused_on_its_data_is_not_tried_again():
    queued()
    market = Market.objects.get()
    TrainingRun.objects.filter(task="price").update(status="failed", error_code="not_enough_data")
    TrainingRun.objects.filter(task="spread").update(status="failed", error_code="worker_died")
    queued()
    open_ones = TrainingRun.objects.filter(market=market, status="queued")
    assert sorted(open_ones.values_list("task", flat=True)) == ["anomaly", "pattern", "spread"]
    assert not TrainedModel.objects.exists()
