"""A training for each of many markets and tasks: what is queued, what is not, and why."""

from __future__ import annotations

import datetime as dt
import io

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone

import ml
from analytics import queue
from analytics.exceptions import InvalidInput
from analytics.models import TrainingRun
from analytics.models.choices import Task
from analytics.services.learning.fanning import trainings_request
from tests.factories import make_market, make_model, make_quotes, make_run

ENOUGH = max(task.min_grid_rows for task in ml.TASKS.values()) + 50


@pytest.fixture
def markets(db):
    """Two that can be learned from, one that cannot."""
    found = [make_market(f"USDT/{fiat}@x", cadence_minutes=30) for fiat in ("BOB", "VES", "ARS")]
    for market in found[:2]:
        make_quotes(market, ENOUGH)
    make_quotes(found[2], 3)
    return found


def told(**asked):
    found = trainings_request(**asked)
    return {(one.market.fiat, one.task): (one.run_id is not None, one.code) for one in found}


def printed(*arguments):
    out = io.StringIO()
    call_command("train_all", *arguments, stdout=out)
    return out.getvalue()


def test_every_market_and_task_gets_one_run_and_a_refusal_stops_nothing(markets, commits_at_once):
    found = told()
    assert found == {
        **{(fiat, task): (True, "") for fiat in ("BOB", "VES") for task in Task.values},
        **{("ARS", task): (False, "not_enough_data") for task in Task.values},
    }
    waiting = TrainingRun.objects.filter(status="queued", by_worker=True)
    assert waiting.count() == queue.queue_lengths()[queue.LONG] == 8


def test_asked_twice_the_second_finds_the_first_ones_runs(markets):
    told(market=markets[0], tasks=["price"])
    assert told(market=markets[0], tasks=["price"]) == {("BOB", "price"): (False, "run_open")}
    assert TrainingRun.objects.count() == 1


def test_a_family_takes_the_tasks_that_it_is_for(markets):
    name = ml.list_specs("spread")[0].name
    fit = [task for task in Task.values if name in {spec.name for spec in ml.list_specs(task)}]
    assert [task for _fiat, task in told(market=markets[0], family=name)] == fit
    assert set(TrainingRun.objects.values_list("family", flat=True)) == {name}


@pytest.mark.parametrize("asked", [{"family": "oracle"}, {"family": "gru", "tasks": ["pattern"]}])
def test_a_family_that_is_for_none_of_the_tasks_is_refused_before_anything(markets, asked):
    with pytest.raises(InvalidInput) as refused:
        trainings_request(**asked)
    assert refused.value.code == "unknown_family"
    assert not TrainingRun.objects.exists()


def test_only_what_is_stale_or_was_never_trained_is_taken_where_asked(markets):
    for market, days in ((markets[0], 0.1), (markets[1], 20)):
        at = timezone.now() - dt.timedelta(days=days)
        run = make_run(market, "price", "succeeded", row_count=10 * ENOUGH)
        TrainingRun.objects.update(created_at=at)
        make_model(market, run=run, trained_at=at, data_until=at)
    found = told(tasks=["price", "spread"], stale_only=True)
    assert found["BOB", "price"] == (False, "fresh")
    assert found["VES", "price"] == (True, "")
    assert found["BOB", "spread"] == (True, "")


def test_the_command_prints_runs_and_why_not(markets):
    text = printed("--task", "price")
    run = TrainingRun.objects.first()
    assert "USDT/BOB@x" in text
    assert str(run.pk) in text
    assert "too little history" in text
    assert "2 queued, 1 not." in text
    again = printed("--task", "price", "--market", "USDT/BOB@x")
    assert "0 queued, 1 not." in again


def test_the_command_refuses_a_family_in_a_line(markets):
    with pytest.raises(CommandError, match="oracle"):
        printed("--family", "oracle")
