"""Rolling-origin backtests: what a model trained before A would have forecast, origin by origin.

Nothing after an origin is ever seen: a fit gets the quotes before its moment, a chunk of origins
the quotes up to its last one, and within a chunk every input looks back only. What is done lies in
the work folder (a fitted model, a file per chunk), so that a killed backtest goes on where it was.
"""

from __future__ import annotations

import json
import os
import shutil
import time
from collections.abc import Iterator, Mapping
from pathlib import Path

import pandas as pd

from ml.artifact import read_manifest
from ml.audit import dataset_hash
from ml.errors import Cancelled, NotEnoughData
from ml.evaluation.plan import (
    BacktestListener,
    BacktestPlan,
    BacktestProgress,
    as_csv,
    long_form,
    write_whole,
)
from ml.grid import check_quotes
from ml.predictor import DLPredictor
from ml.registry import get_spec
from ml.spec import Progress
from ml.trainer import DLModelTrainer

CHUNK = 1000  # origins forecast, and kept, at a time
#: A fit takes about as long as forecasting so many origins; only for the bar.
_FIT_WEIGHT = 12 * CHUNK


def run_backtest(
    quotes: pd.DataFrame,
    plan: BacktestPlan,
    workdir: str | Path,
    *,
    others: Mapping[str, pd.DataFrame] | None = None,
    device: str | None = None,
    on_progress: BacktestListener = lambda progress: True,
) -> pd.DataFrame:
    """The forecasts in long form (see `long_form`), made or found in the work folder.

    Rows of `quotes` after `plan.end` are not looked at. `others` are quotes frames of other markets
    by name, for a family that learns from those too; each fit gets what they quoted before its
    moment. `device` is a wish, as the trainer takes
    it; `on_progress` cancels by answering False. Raises Cancelled, NotEnoughData, BadQuotes and
    what training raises.
    """
    quotes = check_quotes(quotes)
    quotes = quotes.loc[: pd.Timestamp(plan.end)].dropna(axis="columns", how="all")
    if not (quotes.index < pd.Timestamp(plan.start)).any():
        raise NotEnoughData("There is no quote before the backtest.", needed=1, present=0)
    run = _Run(quotes, plan, Path(workdir), device, on_progress, others or {})
    parts = [pd.read_csv(path) for path in run.parts()]
    if not parts:
        raise NotEnoughData("No moment of the backtest has a known price.", needed=1, present=0)
    forecasts = pd.concat(parts, ignore_index=True)
    forecasts["origin"] = pd.to_datetime(forecasts["origin"], utc=True).dt.as_unit("ns")
    return forecasts


def markets_learned_from(workdir: str | Path) -> list[str]:
    """The other markets that any fit of a backtest in that work folder learned from."""
    made = [read_manifest(folder) for folder in sorted(Path(workdir).glob("model-*"))]
    used = [one["market"] for m in made for one in m.get("others", ()) if one["windows"]]
    return list(dict.fromkeys(used))


class _Run:
    """One run through a plan, over the work folder of an earlier one if that was the same."""

    def __init__(
        self,
        quotes: pd.DataFrame,
        plan: BacktestPlan,
        workdir: Path,
        device: str | None,
        on_progress: BacktestListener,
        others: Mapping[str, pd.DataFrame],
    ) -> None:
        self.quotes, self.plan, self.workdir = quotes, plan, workdir
        self.device, self.on_progress = device, on_progress
        learns = get_spec(plan.task, plan.family).panel
        self.others = others if learns else {}
        # The last rows of the grid stand on the last quote; later ones are only waited for.
        freq = pd.Timedelta(minutes=plan.step_minutes)
        origins = plan.origins()
        self.origins = origins[origins <= quotes.index[-1].floor(freq)]
        self.moments = plan.fits()
        self.total = len(self.origins) + _FIT_WEIGHT * len(self.moments)
        self.done, self.fresh, self.started = 0, 0, time.perf_counter()
        self._reuse()

    def parts(self) -> Iterator[Path]:
        """A file per chunk, in order of time; made where it is not there yet."""
        bounds = [*self.moments[1:], None]
        for number, (moment, until) in enumerate(zip(self.moments, bounds, strict=True)):
            own = self.origins[self.origins >= moment]
            own = own if until is None else own[own < until]
            chunks = [own[at : at + CHUNK] for at in range(0, len(own), CHUNK)]
            paths = [self.workdir / f"part-{chunk[0]:%Y%m%dT%H%M}.csv" for chunk in chunks]
            predictor = None
            if not all(path.exists() for path in paths):
                predictor = self._model(number, moment)
            self._advance(_FIT_WEIGHT, "forecasting", fresh=predictor is not None)
            for chunk, path in zip(chunks, paths, strict=True):
                made = not path.exists()
                if made and predictor is not None:
                    self._forecast(predictor, chunk, path)
                self._advance(len(chunk), "forecasting", fresh=made)
            yield from (path for path in paths if path.stat().st_size)

    def _reuse(self) -> None:
        """Keep the work folder if it belongs to this very plan and these very quotes."""
        dataset = dataset_hash(self.quotes, self._others_before(self.moments[-1]))
        key = {**self.plan.as_json(), "dataset": dataset, "chunk": CHUNK}
        known = self.workdir / "plan.json"
        if not (known.exists() and known.read_text() == json.dumps(key, default=str)):
            shutil.rmtree(self.workdir, ignore_errors=True)
            self.workdir.mkdir(parents=True)
            known.write_text(json.dumps(key, default=str))

    def _model(self, number: int, moment: pd.Timestamp) -> DLPredictor:
        folder = self.workdir / f"model-{number}"
        if not folder.exists():
            staged = self.workdir / "fitting"
            shutil.rmtree(staged, ignore_errors=True)
            trainer = DLModelTrainer(
                staged,
                device=self.device,
                step_minutes=self.plan.step_minutes,
                on_progress=lambda progress: self._fitting(number, progress),
                hold_out=False,
                others=self._others_before(moment),
            )
            before = self.quotes[self.quotes.index < moment]
            report = trainer.train(
                self.plan.task, before, family=self.plan.family, **self.plan.params
            )
            os.rename(report.folder, folder)
        return DLPredictor.load(folder, device=self.device or "cpu")

    def _others_before(self, moment: pd.Timestamp) -> dict[str, pd.DataFrame]:
        """What the other markets had quoted by then."""
        seen = {name: quotes[quotes.index < moment] for name, quotes in self.others.items()}
        return {name: quotes for name, quotes in seen.items() if len(quotes)}

    def _forecast(self, predictor: DLPredictor, chunk: pd.DatetimeIndex, path: Path) -> None:
        batch = predictor.forecast_batch(self.quotes.loc[: chunk[-1]], chunk)
        table = long_form(batch.origins, batch.answer, self.plan)
        write_whole(path, as_csv(table) if len(table) else b"")

    # --------------------------------------------------------------------------------- progress
    def _advance(self, work: int, stage: str, *, fresh: bool) -> None:
        self.done += work
        self.fresh += work if fresh else 0
        self._report(stage)

    def _fitting(self, number: int, progress: Progress) -> bool:
        epochs = f" {progress.epoch}/{progress.epochs}" if progress.epoch else ""
        self._report(f"fit {number + 1}/{len(self.moments)}: {progress.stage}{epochs}")
        return True

    def _report(self, stage: str) -> None:
        seconds = time.perf_counter() - self.started
        left = None
        if self.fresh:
            left = seconds / self.fresh * (self.total - self.done)
        share = min(self.done / max(self.total, 1), 1.0)
        if not self.on_progress(BacktestProgress(stage=stage, share=share, eta_seconds=left)):
            raise Cancelled("The backtest was asked to stop.")
