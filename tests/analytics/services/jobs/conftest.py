"""Work of every kind without a network: what `ml` does is stood in for, the rows are real."""

from __future__ import annotations

import dataclasses
import datetime as dt
from collections.abc import Callable, Iterator
from typing import Any

import pandas as pd
import pytest

import ml
from analytics import events, queue
from analytics.models import Market, PriceHistory
from analytics.models.run import Run
from analytics.services.jobs.backtests import BACKTEST, backtest_request
from analytics.services.jobs.kinds import AnyKind
from analytics.services.jobs.training import TRAINING, training_request

START = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)
STEP = dt.timedelta(minutes=30)
ROWS = 1200


@pytest.fixture
def market(db) -> Market:
    market = Market.objects.create(asset="USDT", fiat="BOB", exchange="here", cadence_minutes=30)
    PriceHistory.objects.bulk_create(
        PriceHistory(market=market, timestamp=START + STEP * i, bid=7, ask=8) for i in range(ROWS)
    )
    return market


@pytest.fixture
def bell(monkeypatch) -> list[tuple[str, int]]:
    """What was queued."""
    rung: list[tuple[str, int]] = []
    monkeypatch.setattr(queue, "enqueue", lambda path, *ids: rung.append((path, *ids)))
    return rung


@pytest.fixture
def ended() -> Iterator[list[events.RunEnded]]:
    """The endings that were published, inside the transaction of the test."""
    told: list[events.RunEnded] = []
    with events.subscribed(told.append, events.RunEnded, durable=True):
        yield told


@dataclasses.dataclass
class Work:
    """Stands in for what `ml` does: tells of one step, then ends as the test asks for."""

    ending: BaseException | None = None
    done: int = 0

    def step(self, goes_on: bool) -> None:
        self.done += 1
        if self.ending is not None:
            raise self.ending
        if not goes_on:
            raise ml.Cancelled("stop")


def report_of(folder, family, frame, *, score=0.9, baseline_score=1.0) -> ml.TrainReport:
    first, last = frame.index[0].to_pydatetime(), frame.index[-1].to_pydatetime()
    return ml.TrainReport(
        task=ml.Task.PRICE,
        family=family,
        folder=folder,
        metrics={"crps": score},
        baseline="last_value",
        baseline_metrics={"crps": baseline_score},
        primary="crps",
        score=score,
        baseline_score=baseline_score,
        beats_baseline=score < baseline_score,
        data_from=first,
        data_until=last,
        trained_until=first,
        test_from=first,
        quote_rows=len(frame),
        grid_rows=len(frame),
        step_minutes=30,
        window=48,
        input_columns=("bid", "ask"),
        dataset_hash="0" * 64,
        seed=0,
        versions={"torch": "2"},
        device="cpu",
        epochs_run=2,
        best_epoch=1,
        losses=((1.0, 2.0),),
        seconds=1.0,
        checksum="c" * 64,
    )


@pytest.fixture
def work(monkeypatch) -> Work:
    made = Work()
    made.scores = {}

    class Trainer:
        def __init__(self, out_dir, *, device, step_minutes, on_progress, labels=()):
            self.out_dir, self.on_progress = out_dir, on_progress
            self.device = device or "cpu"

        def train(self, task, frame, *, family, **params):
            progress = ml.Progress(
                stage="training", epoch=1, epochs=2, train_loss=1.0, valid_loss=2.0
            )
            made.step(self.on_progress(progress))
            folder = self.out_dir / family
            folder.mkdir(parents=True)
            (folder / "manifest.json").write_text("{}")
            return report_of(folder, family, frame, **made.scores)

    def run_backtest(quotes, plan, folder, *, device, on_progress):
        made.step(on_progress(ml.BacktestProgress(stage="origins", share=0.5, eta_seconds=9.0)))
        return pd.DataFrame()

    monkeypatch.setattr(ml, "DLModelTrainer", Trainer)
    monkeypatch.setattr(ml, "run_backtest", run_backtest)
    monkeypatch.setattr(ml, "write_predictions", lambda forecasts, path: None)
    monkeypatch.setattr(ml, "report_backtest", lambda *a, **k: [{"h": 1}])
    return made


@dataclasses.dataclass
class Job:
    """A kind, with how one of it is asked for."""

    kind: AnyKind
    request: Callable[..., Run]
    busy_stage: str


def _training(market: Market, **more: Any) -> Run:
    asked = {"market": market, "task": "price", "params": {}, **more}
    return training_request(**asked)


def _backtest(market: Market, **more: Any) -> Run:
    span = {"start": START + STEP * 1100, "end": START + STEP * (ROWS - 1)}
    return backtest_request(**{"market": market, "task": "price", **span, **more})


@pytest.fixture(params=["training", "backtest"])
def job(request, market, bell) -> Job:
    """Every kind in turn."""
    ask, kind, stage = {
        "training": (_training, TRAINING, "training"),
        "backtest": (_backtest, BACKTEST, "origins"),
    }[request.param]
    return Job(kind, lambda **more: ask(market, **more), stage)
