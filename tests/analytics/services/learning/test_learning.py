"""Versions are judged and trained anew by a policy that says why."""

from __future__ import annotations

import datetime as dt
import io

import numpy as np
import pytest
from django.core.management import call_command
from django.utils import timezone

from analytics import events
from analytics.models import ModelEvent, PriceHistory, TrainingRun
from analytics.services.learning import judging, retraining
from analytics.services.learning.judging import model_judge, models_judge
from analytics.services.learning.policy import retraining_decide
from analytics.services.learning.retraining import models_retrain
from tests.factories import make_market, make_model, make_quotes, make_run

DAY = dt.timedelta(days=1)


@pytest.fixture
def market(db):
    return make_market(cadence_minutes=30)


def version(market, *, learned=10, days=1.0, **fields):
    """A version trained `days` ago on `learned` quotes; its run is as old."""
    at = timezone.now() - days * DAY
    run = make_run(market, fields.get("task", "price"), "succeeded", row_count=learned)
    TrainingRun.objects.filter(pk=run.pk).update(created_at=at)
    return make_model(market, run=run, trained_at=at, data_until=at, **fields)


def only(market, **more):
    [decision] = retraining_decide(market=market, **more)
    return decision.action, decision.code


# ------------------------------------------------------------------------------------- the policy
def test_a_market_without_a_version_is_nobodys_business(market):
    make_quotes(market, 10)
    assert retraining_decide() == []


def test_a_young_version_with_few_new_quotes_is_left(market):
    version(market, learned=1000, days=2)
    make_quotes(market, 20)
    assert only(market) == ("no", "fresh")


def test_many_new_quotes_are_a_reason_and_how_many_is_a_setting(market, settings):
    version(market, learned=100, days=2)
    make_quotes(market, 30)
    assert only(market) == ("train", "new_quotes")
    settings.ANALYTICS = {**settings.ANALYTICS, "RETRAIN_NEW_SHARE": 0.5}
    assert only(market) == ("no", "fresh")


def test_age_is_a_reason_only_where_there_is_something_new(market):
    version(market, learned=1000, days=20)
    make_quotes(market, 5, end=timezone.now() - 21 * DAY)
    assert only(market, now=timezone.now() - 15 * DAY) == ("no", "nothing_new")
    make_quotes(market, 5)
    assert only(market) == ("train", "age")


def test_a_market_without_quotes_for_a_week_is_not_trained(market):
    version(market, learned=10, days=40)
    make_quotes(market, 200, end=timezone.now() - 8 * DAY)
    assert only(market) == ("no", "no_quotes")


def test_a_drifted_version_is_the_most_urgent_and_is_tried_once(market):
    other = make_market("USDT/VES@x", cadence_minutes=30)
    for one in (market, other):
        make_quotes(one, 60)
    version(other, learned=10, days=2)
    drifted = version(market, learned=1000, days=3)
    drifted.drifted_at = timezone.now() - 2 * DAY
    drifted.drift = {"reasons": ["worse_than_last_value"]}
    drifted.save()
    found = [(d.market, d.action, d.code) for d in retraining_decide()]
    assert found == [(market, "train", "drift"), (other, "wait", "others_run")]
    version(market, learned=1000, days=1.5, status="candidate")
    assert only(market) == ("no", "fresh")


def test_an_expired_version_is_trained_anew(market):
    version(market, learned=10_000, days=91)
    make_quotes(market, 5)
    assert only(market) == ("train", "expired")


def test_what_is_being_trained_is_waited_for(market):
    version(market, learned=10, days=2)
    make_quotes(market, 30)
    run = make_run(market, "price", "running")
    [decision] = retraining_decide()
    assert (decision.action, decision.code) == ("wait", "open_run")
    assert decision.figures == {"run_id": run.pk}


def test_a_training_that_runs_anywhere_lets_the_others_wait(market, settings):
    make_run(make_market("USDT/VES@x"), "spread", "queued")
    version(market, learned=10, days=2)
    make_quotes(market, 30)
    assert only(market) == ("wait", "others_run")
    settings.ANALYTICS = {**settings.ANALYTICS, "RETRAIN_AT_ONCE": 2}
    assert only(market) == ("train", "new_quotes")


def test_after_a_failed_training_there_is_a_pause(market):
    version(market, learned=10, days=2)
    make_quotes(market, 30)
    make_run(market, "price", "failed")
    assert only(market) == ("wait", "too_soon")
    assert only(market, now=timezone.now() + DAY) == ("train", "new_quotes")


# ------------------------------------------------------------------------------- what is asked for
@pytest.fixture
def trainable(market):
    """With enough history, a version whose settings somebody chose, and quotes after it."""
    make_quotes(market, 1300)
    model = version(market, learned=1200, days=8)
    TrainingRun.objects.filter(pk=model.run_id).update(config={"epochs": 3, "seed": 7})
    return market


def test_a_retraining_keeps_the_settings_and_records_its_reason(trainable):
    [done] = models_retrain()
    run = TrainingRun.objects.get(status="queued")
    assert (run.reason, run.epochs, run.seed) == ("new_quotes", 3, 7)
    assert run.reason_figures == {"new_quotes": 384, "trained_on": 1200}
    assert done.figures["run_id"] == run.pk


def test_asked_twice_there_is_one_training(trainable):
    models_retrain()
    [again] = models_retrain()
    assert (again.action, again.code) == ("wait", "open_run")
    assert TrainingRun.objects.filter(status="queued").count() == 1


def test_settings_that_a_family_no_longer_takes_are_left_out(trainable):
    TrainingRun.objects.update(config={"gone": 1})
    models_retrain()
    assert "gone" not in TrainingRun.objects.get(status="queued").config


def test_a_family_that_is_gone_is_replaced_by_the_tasks_own(trainable, monkeypatch):
    trainable.trained_models.update(family="gone")
    models_retrain()
    assert TrainingRun.objects.get(status="queued").family == "lstm"


def test_a_dry_run_says_the_same_and_asks_for_nothing(trainable):
    out = io.StringIO()
    call_command("retrain", "--dry-run", stdout=out)
    assert "train: 384 new quotes; it learned from 1200" in out.getvalue()
    assert not TrainingRun.objects.filter(status="queued").exists()
    call_command("retrain", f"--market={trainable.symbol}", stdout=out)
    assert TrainingRun.objects.filter(status="queued").count() == 1


def test_one_training_that_cannot_be_asked_for_stops_no_other(market, settings):
    settings.ANALYTICS = {**settings.ANALYTICS, "RETRAIN_AT_ONCE": 5}
    version(market, learned=10, days=2)
    make_quotes(market, 30)
    [one] = models_retrain()
    assert (one.action, one.code) == ("no", "not_enough_data")
    assert one.figures["why"]


# ------------------------------------------------------------------------------------------ drift
def walk(market, rows, *, until, size, seed):
    """Quotes whose moves are of that size."""
    rng = np.random.default_rng(seed)
    mid = 10 * np.exp(np.cumsum(rng.normal(0, size, rows)))
    PriceHistory.objects.bulk_create(
        PriceHistory(
            market=market,
            timestamp=until - dt.timedelta(minutes=30 * (rows - 1 - i)),
            bid=round(m * 0.995, 6),
            ask=round(m * 1.005, 6),
        )
        for i, m in enumerate(mid)
    )


@pytest.fixture
def wild(market):
    """A version whose market has been another one for a week."""
    now = timezone.now()
    walk(market, 48 * 40, until=now - 7 * DAY, size=0.001, seed=1)
    walk(market, 48 * 6, until=now, size=0.01, seed=2)
    start = now - 47 * DAY
    return make_model(market, data_from=start, data_until=now - 7 * DAY, trained_at=now - 7 * DAY)


def test_a_market_that_changed_is_told_once_and_kept_in_the_version(wild):
    told: list[events.ModelDrifted] = []
    with events.subscribed(told.append, events.ModelDrifted, durable=True):
        assert models_judge() == 1
        assert models_judge() == 1
    wild.refresh_from_db()
    assert "input_move_size" in wild.drift["reasons"]
    assert wild.drift["inputs"][0]["effect"] > wild.drift["inputs"][-1]["effect"]
    assert [(e.model_id, e.reasons) for e in told] == [(wild.pk, tuple(wild.drift["reasons"]))]
    assert ModelEvent.objects.filter(model=wild, action="drifted").count() == 1


def test_a_version_that_recovers_is_no_longer_drifted(wild):
    models_judge()
    PriceHistory.objects.filter(timestamp__gt=wild.data_until).delete()
    walk(wild.market, 48 * 6, until=timezone.now(), size=0.001, seed=3)
    assert models_judge() == 0
    wild.refresh_from_db()
    assert wild.drifted_at is None


def test_with_nothing_to_judge_by_what_was_known_stays(wild):
    models_judge()
    wild.refresh_from_db()
    since = wild.drifted_at
    PriceHistory.objects.filter(timestamp__gt=wild.data_until).delete()
    assert model_judge(model=wild)
    wild.refresh_from_db()
    assert (wild.drifted_at, wild.drift["known"]) == (since, False)


def test_one_version_that_cannot_be_judged_stops_no_other(wild, monkeypatch, caplog):
    broken = make_model(make_market("USDT/VES@x"))
    real = judging.inputs_drift

    def fails(model, *, last):
        if model.pk == broken.pk:
            raise ZeroDivisionError
        return real(model, last=last)

    make_quotes(broken.market, 5)
    monkeypatch.setattr(judging, "inputs_drift", fails)
    assert models_judge() == 1
    assert "cannot be judged" in caplog.text


def test_services_of_the_schedule_answer_for_an_empty_server(db):
    assert models_judge() == 0
    assert retraining.models_retrain() == []
