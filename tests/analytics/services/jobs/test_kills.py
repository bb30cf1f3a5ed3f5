"""A SIGKILL at any step of any phase leaves nothing lost, doubled or half served, and every run
final once the worker has looked. `make soak` does it 100 times per phase at random calls."""

from __future__ import annotations

import csv
import os
import random
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest

from analytics import artifacts, queue
from analytics.conf import conf
from analytics.models import (
    AnomalyEvent,
    AnomalyResult,
    AnomalyWatch,
    Market,
    ModelEvent,
    PriceHistory,
    TrainedModel,
)
from analytics.models.run import Run
from analytics.services.anomalies.scan import anomaly_scan
from analytics.services.anomalies.watch import anomaly_watch
from analytics.services.jobs.kinds import job_kinds
from analytics.services.jobs.leftovers import folders_sweep, messages_sweep, versions_decide
from analytics.services.jobs.lifecycle import job_execute, jobs_reap
from analytics.services.jobs.training import TRAINING, training_request
from analytics.services.prices.importing import price_import
from analytics.services.registry import serving
from analytics.services.registry.purge import models_purge
from tests import factories
from tests.analytics.services.anomalies.test_watch import Detector
from tests.kills import calls_of, killed_after, killed_at

from .conftest import START, STEP, _backtest

pytestmark = pytest.mark.django_db(transaction=True)
#: Random kills per phase: a few in every run of the tests, many by `make soak`.
KILLS = int(os.environ.get("PARALELO_TEST_KILLS", "2"))
DAY = 48


def settle() -> None:
    """What the worker does after a restart: its beats, and the runs that they queue again."""
    for _beat in range(conf().MAX_ATTEMPTS + 1):
        jobs_reap()
        versions_decide()
        folders_sweep()
        for kind in job_kinds():
            for run in kind.runs.filter(status=Run.Status.QUEUED):
                job_execute(kind, run_id=run.pk)
    messages_sweep()


def known_folders() -> set[str]:
    return set(TrainedModel.objects.values_list("artifact", flat=True))


def whole() -> None:
    """Holds of every server, whatever was killed on it."""
    for kind in job_kinds():
        assert not kind.runs.filter(status__in=Run.OPEN).exists()
        assert kind.task_path not in {path for _key, path, _ids in queue.messages()}
    assert {folder.name for folder in artifacts.folders()} == known_folders()
    decided = ModelEvent.objects.filter(action__in=["promoted", "kept_back"])
    ids = [event.model_id for event in decided if event.model_id and event.automatic]
    assert sorted(ids) == sorted(TrainedModel.objects.values_list("pk", flat=True))
    active = TrainedModel.objects.filter(status="active").values_list("market", "task")
    assert max(Counter(active).values(), default=0) <= 1


@dataclass
class Phase:
    """`ready` makes something to do and answers how it is done, `check` is asked after it was
    killed and the worker was restarted."""

    ready: Callable[[], Callable[[], Any]]
    check: Callable[[], None]


@pytest.fixture
def phases(market, work, monkeypatch, tmp_path) -> dict[str, Phase]:
    monkeypatch.setattr(serving, "predictor_of", lambda model: Detector())
    watched = factories.make_market("USDT/VES@there", cadence_minutes=30)
    return {
        "import": _importing(tmp_path / "quotes.csv"),
        "training": _training(market),
        "backtest": _backtesting(market),
        "scan": _looking(watched, lambda: anomaly_scan(market=watched)),
        "watch": _looking(watched, lambda: anomaly_watch(market=watched)),
        "purge": _purging(market),
    }


def _importing(path) -> Phase:
    rows = [(START + STEP * k, 7 + k % 5, 9 + k % 3) for k in range(300)]
    with path.open("w", newline="") as stream:
        out = csv.writer(stream)
        out.writerow(["timestamp", "bid_price", "ask_price"])
        out.writerows((at.isoformat(), bid, ask) for at, bid, ask in rows)
    name = "BTC/ARS@file"

    def ready() -> Callable[[], Any]:
        Market.objects.filter(exchange="file").delete()
        return lambda: price_import(path=path, market=name)

    def check() -> None:
        price_import(path=path, market=name)  # the person starts it once more
        assert Market.objects.filter(exchange="file").count() == 1
        stored = PriceHistory.objects.filter(market__exchange="file").order_by("timestamp")
        found = [(row.timestamp, int(row.bid), int(row.ask)) for row in stored]
        assert found == rows
        assert price_import(path=path, market=name).unchanged == len(rows)

    return Phase(ready, check)


def _training(market: Market) -> Phase:
    runs = []

    def ready() -> Callable[[], Any]:
        runs.append(training_request(market=market, task="price", params={}).pk)
        return lambda: job_execute(TRAINING, run_id=runs[-1])

    def check() -> None:
        run = TRAINING.get(runs[-1])
        assert (run.status, run.error_code) == (Run.Status.SUCCEEDED, "")
        assert run.attempts <= conf().MAX_ATTEMPTS
        assert TrainedModel.objects.filter(run=run).count() == 1
        assert TrainedModel.objects.filter(market=market, task="price", status="active").exists()

    return Phase(ready, check)


def _backtesting(market: Market) -> Phase:
    runs = []

    def ready() -> Callable[[], Any]:
        runs.append(_backtest(market).pk)
        kind = next(kind for kind in job_kinds() if kind.name == "backtest")
        return lambda: job_execute(kind, run_id=runs[-1])

    def check() -> None:
        kind = next(kind for kind in job_kinds() if kind.name == "backtest")
        run = kind.get(runs[-1])
        assert (run.status, run.figures) == (Run.Status.SUCCEEDED, [{"h": 1}])
        assert run.folder

    return Phase(ready, check)


def _looking(market: Market, look: Callable[[], Any]) -> Phase:
    def ready() -> Callable[[], Any]:
        for table in (AnomalyEvent, AnomalyResult, AnomalyWatch, PriceHistory):
            table.objects.filter(market=market).delete()
        if not TrainedModel.objects.filter(market=market).exists():
            model = factories.make_model(market, "anomaly", artifact="made-for-looking")
            (conf().artifacts / model.artifact).mkdir(parents=True)
            facts = {"label": "x", "action": "promoted", "automatic": True}
            ModelEvent.objects.create(model=model, **facts)
        factories.make_quotes(market, DAY)
        strange = PriceHistory.objects.filter(market=market).order_by("-timestamp")[10:12]
        PriceHistory.objects.filter(pk__in=[row.pk for row in strange]).update(ask=40)
        return look

    def check() -> None:
        look()
        assert AnomalyResult.objects.filter(market=market).count() == 2
        event = AnomalyEvent.objects.get(market=market)
        assert (event.rows, event.is_open) == (2, True)
        before = list(AnomalyResult.objects.filter(market=market).values_list("pk", flat=True))
        look()
        after = AnomalyResult.objects.filter(market=market).values_list("pk", flat=True)
        assert list(after) == before

    return Phase(ready, check)


def _purging(market: Market) -> Phase:
    def ready() -> Callable[[], Any]:
        for _version in range(3):
            run = training_request(market=market, task="spread", params={})
            job_execute(TRAINING, run_id=run.pk)
        return lambda: models_purge(keep=1)

    def check() -> None:
        models_purge(keep=1)
        models = TrainedModel.objects.filter(market=market, task="spread")
        assert len(models) <= 2
        assert models.filter(status="active").count() == 1

    return Phase(ready, check)


POINTS = [
    ("import", "analytics.services.prices.importing.write_rows"),
    ("import", "analytics.events.publish"),
    ("training", "analytics.services.jobs.lifecycle._claim"),
    ("training", "analytics.artifacts.stage"),
    ("training", "analytics.services.jobs.training._learn"),
    # publishing
    ("training", "analytics.artifacts.publish"),
    ("training", "analytics.services.jobs.training.job_close"),
    ("training", "analytics.services.jobs.training._insert"),
    ("training", "analytics.services.jobs.training._publish"),
    ("training", "analytics.artifacts.discard"),
    # promotion
    ("training", "analytics.services.jobs.training.model_consider"),
    ("training", "analytics.services.registry.promotion.assess"),
    ("training", "analytics.services.registry.promotion._activate"),
    ("training", "analytics.services.registry.promotion._record"),
    ("scan", "analytics.services.anomalies.scan.events_store"),
    ("scan", "analytics.services.anomalies.scan._keep"),
    ("watch", "analytics.services.anomalies.watch.answer_with"),
    ("watch", "analytics.services.anomalies.watch.events_store"),
    ("watch", "analytics.services.anomalies.watch.watch_remember"),
    ("backtest", "analytics.services.jobs.backtests.backtest_run_plan"),
    ("backtest", "analytics.services.jobs.backtests.job_close"),
    ("purge", "analytics.services.registry.purge._purge"),
    ("purge", "analytics.artifacts.discard"),
]


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize(("phase", "point"), POINTS)
def test_a_kill_at_a_step_s_boundary_leaves_a_truth_behind(phases, phase, point, when):
    doing = phases[phase].ready()
    assert killed_at(doing, point, when)
    settle()
    phases[phase].check()
    settle()
    whole()


PHASES = {
    "import": ("import", None),
    "training": ("training", None),
    "publishing": ("training", "analytics.services.jobs.training._publish"),
    "promotion": ("training", "analytics.services.jobs.training.model_consider"),
    "scan": ("scan", None),
    "watch": ("watch", None),
    "backtest": ("backtest", None),
    "purge": ("purge", None),
}


@pytest.mark.parametrize("name", PHASES)
def test_a_kill_at_a_random_call_leaves_a_truth_behind(phases, name):
    phase, within = PHASES[name]
    seed = int(os.environ.get("PARALELO_TEST_KILL_SEED", "1"))
    rng = random.Random(f"{seed}-{name}")
    for _time in range(2):  # without a version and with one: what is done once a process is done
        phases[phase].ready()()
    most = calls_of(phases[phase].ready(), within)
    settle()
    kills = 0
    for _try in range(KILLS):
        doing = phases[phase].ready()
        at = rng.randint(1, most)
        kills += killed_after(doing, at, within)
        settle()
        phases[phase].check()
        settle()
        whole()
    assert kills >= KILLS // 2, "most of the kills come before the work is done"
