"""DLPredictor: an artifact's folder in, answers out. Inference only; knows no trainer."""

from __future__ import annotations

import datetime as dt
import importlib
import itertools
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import pandas as pd

from ml.artifact import load_artifact
from ml.device import device_name
from ml.errors import ArtifactMismatch, BadConfig
from ml.grid import QuoteArrays, check_quotes, cut_quotes, moment_of
from ml.pipeline import AnomalyServer, ForecastServer, Loader, PatternServer, Server
from ml.redenomination import find_redenominations, is_in_one_unit, notes_of, rescaled
from ml.registry import get_spec
from ml.results import PUBLIC_THRESHOLD, AnomalyScores, Forecast, Patterns
from ml.spec import Source
from ml.tasks import Task

if TYPE_CHECKING:
    from ml.anomaly.stream import QuoteStream
    from ml.forecast.metrics import ForecastBatch


class DLPredictor:
    """Answers of one trained model. Thread safe: after loading, nothing is written.

    `quotes` is a quotes frame (see ml.spec); rows later than the moment asked for are cut off
    before anything else looks at them. Raises ArtifactBroken, ArtifactMismatch, BadQuotes,
    NotEnoughData.
    """

    def __init__(self, manifest: dict[str, Any], server: Server, device: str) -> None:
        self.manifest = manifest
        self.device = device
        self._server = server

    @classmethod
    def load(
        cls, folder: str | Path, *, checksum: str | None = None, device: str | None = "cpu"
    ) -> DLPredictor:
        """Read, verify and build. `device=None` finds the best device by itself."""
        artifact = load_artifact(Path(folder), checksum=checksum)
        target = device_name(device)
        # The manifest names a family, not a module: an artifact must not choose what is imported.
        spec = get_spec(artifact.manifest["task"], artifact.manifest["family"])
        loader: Loader = importlib.import_module(spec.of_task.loader)
        return cls(artifact.manifest, loader.load(artifact, target), target)

    @property
    def task(self) -> Task:
        """What the model learned."""
        return Task(self.manifest["task"])

    def predict_price(
        self,
        quotes: pd.DataFrame | QuoteArrays,
        *,
        at: dt.datetime | None = None,
        source: Source = Source.NETWORK,
    ) -> Forecast:
        """The mid price ahead of `at` (the last quote without), in quantiles per horizon. Raises
        ArtifactMismatch where the model learned something else, BadQuotes and NotEnoughData. Quotes
        that are not in a frame give the same answer in less time."""
        return self._forecast(Task.PRICE, quotes, at, source)

    def predict_spread(
        self,
        quotes: pd.DataFrame | QuoteArrays,
        *,
        at: dt.datetime | None = None,
        source: Source = Source.NETWORK,
    ) -> Forecast:
        """The relative spread ahead of `at`, in percent of mid; see predict_price."""
        return self._forecast(Task.SPREAD, quotes, at, source)

    def detect_anomalies(
        self,
        quotes: pd.DataFrame,
        *,
        start: dt.datetime | None = None,
        end: dt.datetime | None = None,
        threshold: float = PUBLIC_THRESHOLD,
        alarm_rate: str | None = None,
        sensitivity: float | None = None,
        mode: str = "entire",
        source: Source = Source.NETWORK,
    ) -> AnomalyScores:
        """Scores of the rows in start..end (all by default), each from rows up to its own.

        A row is an anomaly from the public score `threshold` on; PUBLIC_THRESHOLD is one false
        alarm a week. `alarm_rate` ("1/day") or `sensitivity` (0 to 99, see ml.rate_of_sensitivity)
        set the threshold instead. `mode="last"` answers for the last row only. Raises BadConfig.
        """
        self._expect(Task.ANOMALY)
        quotes = check_quotes(quotes, until=end)
        if mode not in ("entire", "last"):
            raise BadConfig("Unknown mode.", {"mode": f"must be entire or last, not {mode!r}"})
        if alarm_rate is not None and sensitivity is not None:
            raise BadConfig(
                "An alarm rate and a sensitivity say the same thing.",
                {"sensitivity": "give it or alarm_rate, not both"},
            )
        if mode == "last":
            start = quotes.index[-1].to_pydatetime()
        if alarm_rate is not None or sensitivity is not None:
            from ml.anomaly.calibration import parse_alarm_rate, rate_of_sensitivity

            per_week = (
                parse_alarm_rate(alarm_rate)
                if alarm_rate is not None
                else rate_of_sensitivity(sensitivity or 0)
            )
            threshold = self.alarm_threshold(per_week, source=source)
        return self._detector.scan(quotes, start=start, end=end, threshold=threshold, source=source)

    def alarm_threshold(self, per_week: float, *, source: Source = Source.NETWORK) -> float:
        """The public score that so many false alarms a week reach; one a week: PUBLIC_THRESHOLD."""
        return self._detector.threshold_of(per_week, source)

    def anomaly_stream(
        self, state: bytes | None = None, *, after: pd.DataFrame | None = None
    ) -> QuoteStream:
        """The network's scores one row at a time, in constant time and equal to those of a scan.

        It goes on from a state (`QuoteStream.pack`), or after the rows of a quotes frame; without
        either it starts from nothing. Raises ArtifactMismatch (a state of another version) and
        NotEnoughData (a frame too short for a stream to start after).
        """
        return self._detector.stream(state, after=None if after is None else check_quotes(after))

    def recognize_patterns(
        self,
        quotes: pd.DataFrame,
        *,
        at: dt.datetime | None = None,
        history: int = 0,
        source: Source = Source.NETWORK,
    ) -> Patterns:
        """The regime at `at` (the last quote by default) and at the `history` steps before it."""
        self._expect(Task.PATTERN)
        quotes, notes = _in_one_unit(check_quotes(quotes, until=at))
        found = cast(PatternServer, self._server).recognize(
            quotes, at=at or quotes.index[-1].to_pydatetime(), history=history, source=source
        )
        return replace(found, notes=(*found.notes, *notes)) if notes else found

    def evaluate(
        self,
        quotes: pd.DataFrame,
        *,
        start: dt.datetime,
        end: dt.datetime,
        source: Source = Source.NETWORK,
    ) -> dict[str, float | None]:
        """The task's metrics on start..end; for comparing versions on one shared stretch."""
        quotes = check_quotes(quotes, until=end)
        if self.task is not Task.ANOMALY:  # to a detector the jump itself is one
            quotes = _in_one_unit(quotes)[0]
        return self._server.evaluate(quotes, start=start, end=end, source=source)

    def forecast_batch(
        self,
        quotes: pd.DataFrame,
        origins: pd.DatetimeIndex,
        *,
        source: Source = Source.NETWORK,
        reference: bool = False,
    ) -> ForecastBatch:
        """The forecasts of a price or spread model at many moments of its grid, ascending: those
        that `predict_*` gives one by one. Moments without a known price are left out. With
        `reference`, the last value as forecasts are measured against it, which is not widened."""
        if self.task not in (Task.PRICE, Task.SPREAD):
            raise ArtifactMismatch(f"This model answers {self.task}, not price or spread.")
        quotes = check_quotes(quotes, until=origins[-1])
        # A redenomination is known some rows after it: origins before that must not see it.
        edges = [pd.Timestamp(one.known_at) for one in find_redenominations(quotes)]
        places = [0, *sorted(origins.searchsorted(edge) for edge in edges), len(origins)]
        parts = [origins[a:b] for a, b in itertools.pairwise(places) if b > a]
        from ml.forecast.metrics import ForecastBatch

        found = [self._batch(quotes, part, source, reference) for part in parts]
        return ForecastBatch.joined(found)

    def _batch(
        self, quotes: pd.DataFrame, origins: pd.DatetimeIndex, source: Source, reference: bool
    ) -> ForecastBatch:
        """Of origins that know of the same redenominations."""
        part = cut_quotes(quotes, origins[-1])
        server = cast(ForecastServer, self._server)
        return server.forecast_batch(_in_one_unit(part)[0], origins, source, reference=reference)

    def _forecast(
        self,
        task: Task,
        quotes: pd.DataFrame | QuoteArrays,
        at: dt.datetime | None,
        source: Source,
    ) -> Forecast:
        self._expect(task)
        server = cast(ForecastServer, self._server)
        if isinstance(quotes, QuoteArrays):
            if at is None and len(quotes) and quotes.is_sorted and is_in_one_unit(quotes):
                return server.forecast(quotes, at=moment_of(quotes.times[-1]), source=source)
            quotes = quotes.frame()
        # The server looks at the columns that it needs.
        quotes, notes = _in_one_unit(cut_quotes(quotes, at))
        found = server.forecast(quotes, at=at or quotes.index[-1].to_pydatetime(), source=source)
        return replace(found, notes=(*found.notes, *notes)) if notes else found

    @property
    def _detector(self) -> AnomalyServer:
        self._expect(Task.ANOMALY)
        return cast(AnomalyServer, self._server)

    def _expect(self, task: Task) -> None:
        if self.task is not task:
            raise ArtifactMismatch(f"This model answers {self.task}, not {task}.")


def _in_one_unit(quotes: pd.DataFrame) -> tuple[pd.DataFrame, tuple[str, ...]]:
    """The quotes in the unit of the last ones, and what is to be said of it."""
    found = find_redenominations(quotes)
    return rescaled(quotes, found), notes_of(found)
