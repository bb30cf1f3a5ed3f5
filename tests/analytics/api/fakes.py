"""A predictor without a network."""

from __future__ import annotations

import datetime as dt
from typing import Any

import numpy as np

import ml
from ml.results import Expected, HorizonForecast

NOW = dt.datetime(2026, 5, 1, 12, 0, tzinfo=dt.UTC)


class FakePredictor:
    """Answers as ml's predictor does, without a network."""

    low = 9.1

    def _forecast(self, task: str, unit: str, value: float) -> Any:
        return ml.Forecast(
            task=ml.Task(task),
            unit=unit,
            as_of=NOW,
            stale=False,
            last_value=value,
            horizons=(
                HorizonForecast(
                    steps=1, minutes=30, at=NOW, value=value, quantiles={"0.05": self.low}
                ),
            ),
            source=ml.Source.NETWORK,
            name="lstm",
        )

    def predict_price(self, frame: Any, **_: Any) -> Any:
        return self._forecast("price", "price", 9.33)

    def predict_spread(self, frame: Any, **_: Any) -> Any:
        return self._forecast("spread", "spread_pct", 0.4)

    def detect_anomalies(self, frame: Any, *, threshold: float, **_: Any) -> Any:
        found = ml.Anomaly(
            timestamp=NOW,
            score=0.3,
            severity="high",
            kind="spike",
            text="A spike.",
            expected={"ask": Expected(observed=9.9, value=9.3, lower=9.2, upper=9.4)},
            contributions={"ask": 1.0},
        )
        return ml.AnomalyScores(
            timestamps=frame.index,
            scores=np.full(len(frame), 0.05),
            threshold=threshold,
            anomalies=(found,),
            warming_up=False,
            source=ml.Source.NETWORK,
            name="autoencoder",
        )

    def recognize_patterns(self, frame: Any, *, history: int, **_: Any) -> Any:
        now = ml.Pattern(
            as_of=NOW, label="range", probability=0.7, clear=True, heads={"trend": {"flat": 0.7}}
        )
        return ml.Patterns(
            current=now, history=(now,) * history, source=ml.Source.NETWORK, name="cnn"
        )
