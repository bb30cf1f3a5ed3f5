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
from analytics.services.jobs import imports
from analytics.services.jobs.backtests import BACKTEST, backtest_request
from analytics.services.jobs.imports import import_request
from analytics.services.jobs.kinds import AnyKind
from analytics.services.jobs.training import TRAINING, training_request
from analytics.services.prices.importing import ImportReport
from analytics.services.prices.uploads import Upload, upload_store

START = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)
STEP = dt.timedelta(minutes=30)
ROWS = 1200
#: What an import says that wrote two rows.
IMPORTED = ImportReport(
    **dict.fromkeys(("read", "new"), 2),
    **dict.fromkeys(("updated", "unchanged", "merged", "rejected", "left_out"), 0),
    rejects_path=None,
    reasons=[],
    decisions=(),
    markets=["USDT/BOB@here"],
    created=[],
    enough=True,
    seconds=0.1,
)


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
        def __init__(self, out_dir, *, device, step_minutes, on_progress, labels, others):
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

    def run_backtest(quotes, plan, folder, *, others, device, on_progress):
        made.step(on_progress(ml.BacktestProgress(stage="origins", share=0.5, eta_seconds=9.0)))
        return pd.DataFrame()

    def import_file(*, on_progress, **asked):
        try:
            on_progress(1, 2)
        except ml.Cancelled:
            made.step(goes_on=False)
        made.step(goes_on=True)
        return IMPORTED

    monkeypatch.setattr(imports, "price_import", import_file)
    monkeypatch.setattr(ml, "DLModelTrainer", Trainer)
    monkeypatch.setattr(ml, "run_backtest", run_backtest)
    monkeypatch.setattr(ml, "write_predictions", lambda forecasts, path: None)
    monkeypatch.setattr(ml, "report_backtest", lambda *a, **k: [{"h": 1}])
    return made


@dataclasses.dataclass
class Job:
    """A kind, with how one of it is asked for, and how another that is no twin of it."""

    kind: AnyKind
    request: Callable[..., Run]
    busy_stage: str
    other: dict[str, Any]
    twin: str


def _training(market: Market, **more: Any) -> Run:
    asked = {"market": market, "task": "price", "params": {}, **more}
    return training_request(**asked)


def _backtest(market: Market, **more: Any) -> Run:
    span = {"start": START + STEP * 1100, "end": START + STEP * (ROWS - 1)}
    return backtest_request(**{"market": market, "task": "price", **span, **more})


def send_quotes(name: str, count: int = 3) -> Upload:
    """A file of quotes as staff send it, one a minute."""
    lines = ["timestamp,bid,ask"]
    moments = [START + dt.timedelta(minutes=i) for i in range(count)]
    lines += [f"{at.isoformat()},7.{i % 9 + 1},8" for i, at in enumerate(moments)]
    return upload_store(chunks=["\n".join(lines).encode()], name=name)


def _import(market: Market, files: dict[str, Upload], **more: Any) -> Run:
    name = more.pop("name", "quotes.csv")
    upload = files.setdefault(name, send_quotes(name))
    asked = {"options": {"market": market.symbol}, "enqueue": True, **more}
    return import_request(upload=upload, **asked)


@pytest.fixture(params=["training", "backtest", "import"])
def job(request, market, bell) -> Job:
    """Every kind in turn."""
    files: dict[str, Upload] = {}
    of_market, spread = "A price {} of USDT/BOB@here is already open.", {"task": "spread"}
    return {
        "training": lambda: Job(
            TRAINING,
            lambda **more: _training(market, **more),
            "training",
            spread,
            of_market.format("training"),
        ),
        "backtest": lambda: Job(
            BACKTEST,
            lambda **more: _backtest(market, **more),
            "origins",
            spread,
            of_market.format("backtest"),
        ),
        "import": lambda: Job(
            imports.IMPORT,
            lambda **more: _import(market, files, **more),
            "writing",
            {"name": "more.csv"},
            "quotes.csv is already being imported.",
        ),
    }[request.param]()
