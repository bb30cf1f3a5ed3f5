"""Doing a backtest: claim it, fit and forecast in a work folder, publish what came out, close it.

The work folder is named after the plan, and stays until the backtest has succeeded: whoever asks
for the same again after a kill goes on where it was.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import json
import os
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import pandas as pd
from django.utils import timezone
from django.utils.translation import gettext as _

import ml
from analytics.conf import conf
from analytics.exceptions import Conflict, NotFound
from analytics.models import BacktestRun
from analytics.selectors.prices import price_frame
from analytics.selectors.runs import backtest_get
from analytics.services.jobs.backtest_states import backtest_close, backtest_reap
from analytics.services.jobs.children import child_run
from analytics.services.jobs.run_states import closing, run_claim

Status = BacktestRun.Status
Listener = Callable[[ml.BacktestProgress], None]
PREDICTIONS = "predictions.csv.gz"
#: What a succeeded backtest leaves in its folder, by the name it is asked for.
FILES = {"predictions": PREDICTIONS, "report": "report.html", "chart": "report.png"}
_WORK = "work-"
_KEEP_WORK_SECONDS = 14 * 86_400


# ------------------------------------------------------------------------------ the worker's side
def backtest_launch(*, run_id: int) -> None:
    """Run a queued backtest in a child process, which claims it."""
    running = BacktestRun.objects.filter(pk=run_id, status=Status.RUNNING)
    try:
        child_run(
            "backtest",
            "--run",
            str(run_id),
            log=conf().logs / f"backtest-{run_id}.log",
            on_beat=lambda: running.update(heartbeat_at=timezone.now()),
            on_timeout=lambda: _give_up(run_id),
        )
    finally:
        backtest_reap()


def _give_up(run_id: int) -> None:
    run = backtest_get(run_id)
    message = _("The backtest took longer than %(n)s s.") % {"n": conf().TRAIN_TIMEOUT}
    _close(run, Status.FAILED, "timeout", message)


# ------------------------------------------------------------------------------- the child's side
def backtest_execute(*, run_id: int, listener: Listener | None = None) -> BacktestRun:
    """Run a queued backtest in this process; one that is not queued is left alone. Whatever ends
    it, it is closed."""
    run = _claim(run_id)
    if run is None:
        return backtest_get(run_id)
    with closing(partial(_close, run)):
        # Rows after the end are no input; they tell whether the last targets are outliers.
        quotes = price_frame(run.market, until=run.end + dt.timedelta(days=1))
        folder = f"run-{run.pk}"
        figures = backtest_files(
            quotes,
            plan_of(run),
            conf().backtests / folder,
            title=f"Backtest of {run.market.symbol}, {run.task}",
            on_progress=_Reporter(run, listener),
        )
        _close(run, Status.SUCCEEDED, "", "", figures=figures, folder=folder, progress=1.0)
    return backtest_get(run_id)


def _close(run: BacktestRun, status: str, code: str, message: str, **facts: Any) -> None:
    backtest_close(
        run_id=run.pk, attempt=run.attempts, status=status, code=code, message=message, **facts
    )


def _claim(run_id: int) -> BacktestRun | None:
    if not run_claim(BacktestRun, run_id):
        return None
    run = backtest_get(run_id)
    if run.attempts > conf().MAX_ATTEMPTS:
        _close(run, Status.FAILED, "too_many_attempts", _("The backtest was started too often."))
        return None
    return run


def plan_of(run: BacktestRun) -> ml.BacktestPlan:
    return ml.BacktestPlan(
        task=ml.Task(run.task),
        start=run.start,
        end=run.end,
        step_minutes=run.step_minutes,
        refit_every=run.refit_every,
        origin_step=run.origin_step,
        params=run.params,
    )


class _Reporter:
    """Stores progress and a heartbeat, at most twice a second; answers False when it is to stop."""

    def __init__(self, run: BacktestRun, listener: Listener | None) -> None:
        self.run, self.listener = run, listener
        self.stored = 0.0

    def __call__(self, progress: ml.BacktestProgress) -> bool:
        if self.listener is not None:
            self.listener(progress)
        if time.monotonic() - self.stored < 0.5:
            return True
        self.stored = time.monotonic()
        mine = BacktestRun.objects.filter(
            pk=self.run.pk, status=Status.RUNNING, attempts=self.run.attempts
        )
        mine.update(
            stage=progress.stage[:60],
            progress=progress.share,
            eta_seconds=progress.eta_seconds,
            heartbeat_at=timezone.now(),
        )
        return mine.filter(cancel_requested=False).exists()


# ---------------------------------------------------------------------------------- the work itself
def backtest_files(
    quotes: pd.DataFrame,
    plan: ml.BacktestPlan,
    folder: Path,
    *,
    title: str,
    on_progress: Callable[[ml.BacktestProgress], bool],
) -> list[dict[str, Any]]:
    """Run a plan on a quotes frame; predictions and report go to `folder`, the figures are
    answered. Raises what `ml.run_backtest` raises, or Conflict (backtest_open)."""
    key = json.dumps([title, plan.as_json()], sort_keys=True, default=str)
    name = f"{_WORK}{hashlib.sha256(key.encode()).hexdigest()[:20]}"
    work = conf().backtests / name
    with _alone(work):
        forecasts = ml.run_backtest(
            quotes,
            plan,
            work / "plan",
            device=conf().DEVICE or None,
            on_progress=on_progress,
        )
        ml.write_predictions(forecasts, folder / PREDICTIONS)
        figures = ml.report_backtest(forecasts, quotes, plan, folder, title=title)
        shutil.rmtree(work, ignore_errors=True)
    _sweep()
    return figures


@contextmanager
def _alone(work: Path) -> Iterator[None]:
    """Two processes in one work folder would write over each other."""
    import fcntl

    work.mkdir(parents=True, exist_ok=True)
    with (work / "lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise Conflict(_("This very backtest is running already."), "backtest_open") from None
        yield


def _sweep() -> None:
    """Work folders that nobody came back for, and what a killed backtest of files left."""
    limit = time.time() - _KEEP_WORK_SECONDS
    for folder in [*conf().backtests.glob(f"{_WORK}*"), *conf().backtests.glob("file-*")]:
        if folder.stat().st_mtime < limit:
            shutil.rmtree(folder, ignore_errors=True)


def backtest_folder(run: BacktestRun) -> Path:
    """Where a succeeded backtest's files lie."""
    return conf().backtests / run.folder


def backtest_file(*, run: BacktestRun, name: str) -> Path:
    """The path of a file of FILES; raises NotFound where the run has none (yet)."""
    path = backtest_folder(run) / FILES[name]
    if not run.folder or not path.is_file():
        raise NotFound(
            _("Backtest %(id)s has no %(name)s.") % {"id": run.pk, "name": name}, "no_file"
        )
    return path


def backtest_deliver(
    folder: Path, *, predictions: Path | None = None, report: Path | None = None
) -> None:
    """Copy what a backtest left to where it was wanted, each file there at once or not at all."""
    wanted = []
    if predictions is not None:
        wanted.append((PREDICTIONS, predictions))
    if report is not None:
        names = ("report.html", "report.png", "figures.json")
        wanted += [(name, report / name) for name in names]
    for name, target in wanted:
        target.parent.mkdir(parents=True, exist_ok=True)
        staged = target.with_name(f".{target.name}.new")
        if name == PREDICTIONS and target.suffix != ".gz":
            ml.write_predictions(pd.read_csv(folder / name, dtype=str), target)
            continue
        shutil.copyfile(folder / name, staged)
        os.replace(staged, target)
