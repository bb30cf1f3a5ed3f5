"""The robust baseline alone, where there are too few rows for a network."""

from __future__ import annotations

import dataclasses
import datetime as dt

import numpy as np
import pandas as pd

from ml.anomaly.calibration import LEAST_ROWS, calibrate
from ml.anomaly.detectors import RobustZ
from ml.anomaly.features import make_features
from ml.anomaly.readings import usual_gap
from ml.anomaly.server import AnomalyServer
from ml.anomaly.stream import QuoteStream
from ml.errors import ArtifactMismatch, NotEnoughData
from ml.results import AnomalyScores
from ml.spec import Source
from ml.tasks import TASKS, Task

#: Rows that say what is usual, as for plain values.
LEAST = 30
_WEEK = pd.Timedelta(weeks=1)


class BaselineDetector(AnomalyServer):
    """Serves anomalies without a network; whatever source is asked for, the baseline answers."""

    def __init__(self, task: Task, quotes: pd.DataFrame, step_minutes: int) -> None:
        quotes = quotes[[c for c in quotes.columns if not c.endswith("_vwap")]]
        if len(quotes) < LEAST:
            raise NotEnoughData(
                f"Saying what is strange needs {LEAST} quotes; there are {len(quotes)}.",
                needed=LEAST,
                present=len(quotes),
            )
        self.name = self.baseline = TASKS[task].baseline
        self.usual, self.window = usual_gap(pd.DatetimeIndex(quotes.index)), LEAST
        self.columns = tuple(quotes.columns)
        features = make_features(quotes, usual=self.usual)
        self.features = features.names
        detector = RobustZ.fit(features, np.full(len(quotes), True))
        total = detector.score(features).total[LEAST:]
        weeks = (quotes.index[-1] - quotes.index[0]) / _WEEK
        self.detectors = {Source.BASELINE: detector}
        self.calibrations = {Source.BASELINE: calibrate(total, weeks=weeks, slope=None)}

    def threshold_of(self, per_week: float, source: Source) -> float:
        """Of the baseline, whoever is asked for."""
        return super().threshold_of(per_week, Source.BASELINE)

    def scan(
        self,
        quotes: pd.DataFrame,
        *,
        start: dt.datetime | None,
        end: dt.datetime | None,
        threshold: float,
        source: Source,
    ) -> AnomalyScores:
        """Scores of the baseline, named as such."""
        found = super().scan(
            quotes, start=start, end=end, threshold=threshold, source=Source.BASELINE
        )
        note = "the robust baseline answers"
        if len(quotes) < LEAST_ROWS:
            note += f": {len(quotes)} quotes are fewer than the {LEAST_ROWS} of a network"
        return dataclasses.replace(found, notes=(*found.notes, note))

    def stream(
        self, state: bytes | None = None, *, after: pd.DataFrame | None = None
    ) -> QuoteStream:
        """Raises ArtifactMismatch: a baseline keeps none."""
        raise ArtifactMismatch("The baseline keeps no stream; ask it for a scan.")

    def evaluate(
        self, quotes: pd.DataFrame, *, start: dt.datetime, end: dt.datetime, source: Source
    ) -> dict[str, float | None]:
        """Of the baseline, whoever is asked for."""
        return super().evaluate(quotes, start=start, end=end, source=Source.BASELINE)
