"""Tuning: the better parameter is found, the same seed tries the same, what was done is not done
again, and a gain that does not hold is said not to. Nothing is trained: forecasts err by as much as
their learning rate is away from 0.01, so the truth is known."""

from __future__ import annotations

import io
import math

import numpy as np
import pandas as pd
import pytest
from django.core.management import CommandError, call_command

import ml
from analytics.exceptions import InvalidInput, NotReady
from analytics.models import BacktestRun, Market, PriceHistory
from analytics.services.jobs.engines import HERE, engine_open
from analytics.services.learning.trials import TuneAsk
from analytics.services.learning.tuning import market_tune
from ml.evaluation.plan import QUANTILE_COLUMNS
from ml.tasks import HORIZONS, QUANTILES
from tests.markets import wandering_market

pytestmark = pytest.mark.any_database
QUOTES = wandering_market(2100)
START, END, LATER = (QUOTES.index[row].to_pydatetime() for row in (1400, 1700, 2000))
MID = (QUOTES["bid"] + QUOTES["ask"]) / 2
RATES = {"learning_rate": "0.001,0.01,0.1"}
STEP = pd.Timedelta(minutes=30)


class Standing:
    """Stands in for what `ml` trains and forecasts. `holds` says whether the learning rate matters
    after END too; `trained` are the learning rates of the fits that were made, `ending` what ends
    those of a rate."""

    def __init__(self) -> None:
        self.holds = True
        self.trained: list[float] = []
        self.ending: dict[float, Exception] = {}

    def run_backtest(self, quotes, plan, folder, *, others, device, on_progress):
        rate = plan.params["learning_rate"]
        if rate in self.ending:
            raise self.ending[rate]
        self.trained.append(rate)
        on_progress(ml.BacktestProgress(stage="forecasting", share=1.0))
        error = 0.004 * (1 + abs(math.log10(rate / 0.01)) if self.holds_in(plan) else 1)
        rng = np.random.default_rng(int(1e6 * rate))
        return pd.concat([_table(plan, h, error, rng) for h in HORIZONS], ignore_index=True)

    def holds_in(self, plan):
        return self.holds or plan.start < END


def report(forecasts, quotes, plan, folder, **_how):
    """The figure alone, of the forecasts as they are: nothing is drawn, no interval is made."""
    truth = MID.reindex(forecasts["origin"] + forecasts["h"] * STEP).to_numpy()
    error = float(np.abs(forecasts["yhat"].to_numpy() / truth - 1).mean())
    return [{"set": "clean", "h": 1, "crps_skill": 100 * error}]


def _table(plan, h, error, rng):
    origins = plan.origins()
    origins = origins[origins + h * STEP <= pd.Timestamp(plan.end)]
    said = MID.reindex(origins + h * STEP).to_numpy() * (1 + error * rng.normal(size=len(origins)))
    table = pd.DataFrame({"origin": origins, "target": "mid", "h": h, "yhat": said})
    for name, level in zip(QUANTILE_COLUMNS, QUANTILES, strict=True):
        table[name] = said * (1 + (level - 0.5) * 4 * error)
    return table


@pytest.fixture
def standing(monkeypatch):
    made = Standing()
    monkeypatch.setattr(ml, "run_backtest", made.run_backtest)
    monkeypatch.setattr(ml, "report_backtest", report)
    return made


@pytest.fixture
def market(db):
    market = Market.objects.create(asset="USDT", fiat="BOB", exchange="here", cadence_minutes=30)
    PriceHistory.objects.bulk_create(
        PriceHistory(market=market, timestamp=at, bid=round(row.bid, 6), ask=round(row.ask, 6))
        for at, row in QUOTES.iterrows()
    )
    return market


def tune(market, *, confirm_until=None, places=1, **more):
    ask = {"market": market, "task": "price", "start": START, "end": END, "tried": RATES}
    with engine_open(HERE) as engine:
        engine.places = places
        return market_tune(TuneAsk(**{**ask, **more}), engine, confirm_until=confirm_until)


def rates(tuned):
    return [trial.params["learning_rate"] for trial in tuned.trials]


def test_the_better_parameter_is_found_and_its_gain_holds(market, standing):
    tuned = tune(market, trials=6, confirm_until=LATER)
    assert rates(tuned)[0] == 0.004
    assert tuned.best.params == {"learning_rate": 0.01}
    assert tuned.best.skill < tuned.default.skill
    assert (tuned.chosen.verdict, tuned.confirmed.verdict) == ("better", "better")
    later = {tuned.confirmed.best.run.start, tuned.confirmed.default.run.start}
    assert later == {END}


def test_every_try_is_a_run_of_its_own_that_no_worker_takes(market, standing):
    tuned = tune(market, trials=3, tried={**RATES, "epochs": "2"})
    runs = {trial.run.pk: trial.run for trial in tuned.trials}
    assert set(BacktestRun.objects.values_list("pk", flat=True)) == set(runs)
    assert {run.status for run in runs.values()} == {"succeeded"}
    assert {run.by_worker for run in runs.values()} == {False}
    assert {run.params["epochs"] for run in runs.values()} == {2}


def test_a_gain_that_was_luck_is_said_not_to_hold(market, standing):
    standing.holds = False
    tuned = tune(market, trials=6, confirm_until=LATER)
    assert (tuned.chosen.verdict, tuned.confirmed.verdict) == ("better", "alike")


def test_what_is_best_by_itself_is_left(market, standing):
    tuned = tune(market, trials=4, tried={"learning_rate": "0.1,0.2"})
    assert tuned.best is tuned.default
    assert tuned.chosen is None


def test_a_seed_tries_the_same_and_another_one_something_else(market, standing):
    ranged = {"tried": {"learning_rate": "0.001..0.1"}, "trials": 5}
    first = tune(market, **ranged)
    BacktestRun.objects.all().delete()
    assert rates(tune(market, **ranged)) == rates(first)
    assert rates(tune(market, seed=1, **ranged)) != rates(first)
    assert all(0.001 <= rate <= 0.1 for rate in rates(first))


def test_several_at_a_time_are_told_apart_and_the_same_is_done_once(market, standing):
    """Three choices and nine places: what is chosen twice before it is measured is one run."""
    tuned = tune(market, trials=9, places=9)
    assert [trial.number for trial in tuned.trials] == list(range(10))
    assert len(standing.trained) == len(set(standing.trained))
    assert set(standing.trained) <= {0.004, 0.001, 0.01, 0.1}
    BacktestRun.objects.all().delete()
    assert rates(tune(market, trials=9, places=9)) == rates(tuned)


def test_what_was_tried_is_not_done_again_while_its_quotes_are_the_same(market, standing):
    ranged = {"tried": {"learning_rate": "0.001..0.1"}}
    tune(market, trials=2, **ranged)
    done = len(standing.trained)
    more = tune(market, trials=4, **ranged)
    assert [trial.known for trial in more.trials] == [True, True, True, False, False]
    assert len(standing.trained) == done + 2
    quote = PriceHistory.objects.filter(market=market, timestamp__lt=START).last()
    quote.ask += 1
    quote.save()
    assert not any(trial.known for trial in tune(market, trials=1, **ranged).trials)


def test_later_quotes_leave_a_finished_window_as_it_is(market, standing):
    tune(market, trials=1)
    last = QUOTES.index[-1] + STEP
    PriceHistory(market=market, timestamp=last, bid=10, ask=11).save()
    assert all(trial.known for trial in tune(market, trials=1).trials)


def test_a_try_that_fails_is_told_and_the_rest_goes_on(market, standing):
    diverged = ml.TrainingDiverged("The training diverged.")
    standing.ending = {0.1: diverged}
    tuned = tune(market, trials=8)
    failed = [trial for trial in tuned.trials if trial.skill is None]
    assert {trial.params["learning_rate"] for trial in failed} == {0.1}
    assert "diverged" in failed[0].why
    assert tuned.best.params == {"learning_rate": 0.01}


def test_a_default_that_cannot_be_measured_ends_it(market, standing):
    standing.ending = {0.004: ml.TrainingDiverged("The training diverged.")}
    with pytest.raises(NotReady) as refused:
        tune(market)
    assert refused.value.code == "no_default"


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ({"tried": {"depth": "1..3"}}, "depth"),
        ({"tried": {"hidden": "64..16"}}, "hidden"),
        ({"tried": {"learning_rate": "0..2"}}, "learning_rate"),
        ({"trials": 0}, "trials"),
        ({"end": START}, "end"),
        ({"confirm_until": END}, "confirm_until"),
        ({"task": "anomaly"}, "task"),
        ({"family": "oracle"}, "family"),
        ({"start": QUOTES.index[100].to_pydatetime()}, "market"),
    ],
)
def test_what_makes_no_sense_is_refused_by_name_and_leaves_nothing(market, standing, wrong, field):
    with pytest.raises(InvalidInput) as refused:
        tune(market, **wrong)
    assert field in refused.value.fields
    assert not BacktestRun.objects.exists()


# ------------------------------------------------------------------------------------ the command
WINDOW = [f"--from={START:%Y-%m-%dT%H:%M}", f"--to={END:%Y-%m-%dT%H:%M}"]


def printed(*words):
    out = io.StringIO()
    call_command("tune", "--task", "price", *WINDOW, *words, stdout=out)
    return " ".join(out.getvalue().split())


def test_the_command_ends_with_the_line_that_trains(market, standing):
    tried = ["--param", "learning-rate=0.001,0.01", "--param", "epochs=2", "--trials", "3"]
    text = printed(*tried)
    assert "3 tries, 1 at a time" in text
    assert "better than the default beyond chance" in text
    assert "--confirm-until does so" in text
    line = "manage.py train_model price --market USDT/BOB@here --family lstm"
    assert f"{line} --param epochs=2 --param learning_rate=0.01" in text
    assert "(known)" in printed(*tried)


def test_the_command_says_whether_the_gain_held(market, standing):
    standing.holds = False
    tried = ["--param", "learning-rate=0.001,0.01", "--trials", "3"]
    text = printed(*tried, f"--confirm-until={LATER:%Y-%m-%dT%H:%M}")
    assert "On the later window it is within noise of the default." in text


def test_the_command_refuses_in_a_line(market):
    with pytest.raises(CommandError, match=r"hidden: must be LOW\.\.HIGH"):
        printed("--param", "hidden=64..16")
