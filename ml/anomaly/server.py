"""Serve the anomaly task: scores, and strange rows in words."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from typing import Any, cast

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from ml.anomaly.baseline import RobustZ
from ml.anomaly.calibration import PUBLIC_THRESHOLD, Promise
from ml.anomaly.detector import NetworkDetector
from ml.anomaly.explain import explain
from ml.anomaly.features import Features
from ml.anomaly.heads import Heads
from ml.anomaly.measure import features_between, measure, trials
from ml.anomaly.nets import AnomalyConfig, AnomalyNetwork
from ml.anomaly.readings import price_columns
from ml.anomaly.residuals import Rebuilder
from ml.anomaly.scored import Detector
from ml.anomaly.stream import QuoteStream
from ml.anomaly.stream_state import state_after, too_short, unpack
from ml.anomaly.trailing import TRAIL
from ml.errors import ArtifactMismatch, NotEnoughData
from ml.pipeline import family_of
from ml.quotes import SIZE_COLUMNS
from ml.results import AnomalyScores
from ml.spec import Source


class AnomalyServer:
    """Answers of a trained anomaly detector; nothing is written after loading."""

    def __init__(
        self, manifest: Mapping[str, Any], tensors: Mapping[str, Tensor], device: torch.device
    ) -> None:
        section = manifest["section"]
        if "heads" not in section:
            raise ArtifactMismatch("This detector is of an older make; train it again.")
        self.name, self.baseline = manifest["family"], manifest["baseline"]
        self.usual, self.window = float(section["usual_minutes"]), int(manifest["window"])
        self.columns, self.features = tuple(manifest["input_columns"]), tuple(section["features"])
        spec, config = family_of(manifest)
        networks: list[AnomalyNetwork] = []
        for member in range(cast(AnomalyConfig, config).members):
            network: AnomalyNetwork = spec.build(config, len(self.features))
            mark = f"{member}."
            state = {k.removeprefix(mark): v for k, v in tensors.items() if k.startswith(mark)}
            network.load_state_dict(state)
            networks.append(network.to(device).eval())
        rebuilder = Rebuilder.from_json(section["network"], networks, self.window, device)
        self.detectors: dict[str, Detector] = {
            Source.NETWORK: NetworkDetector(rebuilder, Heads.from_json(section["heads"])),
            Source.BASELINE: RobustZ.from_json(section["baseline"]),
        }
        self.promises = {k: Promise.from_json(v) for k, v in section["promises"].items()}

    def _quotes(self, quotes: pd.DataFrame) -> pd.DataFrame:
        """The columns of the training; more are ignored, fewer are an error."""
        missing = [c for c in self.columns if c not in quotes.columns]
        if missing:
            raise ArtifactMismatch(
                "These quotes lack columns that the model was trained on.",
                {"columns": ", ".join(missing)},
            )
        return quotes[list(self.columns)]

    def _features(
        self, quotes: pd.DataFrame, start: pd.Timestamp | None, end: pd.Timestamp | None
    ) -> Features:
        features = features_between(self._quotes(quotes), usual=self.usual, start=start, end=end)
        present = len(features.table)
        if present < self.window:
            raise NotEnoughData(
                f"A scan needs {self.window} readings; there are {present}.",
                needed=self.window,
                present=present,
            )
        return features

    def threshold_of(self, per_week: float, source: Source) -> float:
        """The public score that so many false alarms a week reach."""
        promise = self.promises[source]
        return PUBLIC_THRESHOLD * promise.at(per_week) / promise.weekly

    def scan(
        self,
        quotes: pd.DataFrame,
        *,
        start: dt.datetime | None,
        end: dt.datetime | None,
        threshold: float,
        source: Source,
    ) -> AnomalyScores:
        """Scores of the rows in start..end, each from rows up to its own. A row whose score
        reaches the threshold is an anomaly. What is said of it, its severity and margins, is by
        the promise of one a week, whatever threshold was asked for."""
        first = None if start is None else pd.Timestamp(start)
        features = self._features(quotes, first, None if end is None else pd.Timestamp(end))
        index, promise = features.table.index, self.promises[source]
        scored = self.detectors[source].score(features, threshold=promise.weekly)
        public = promise.public(scored.total)
        public[: self.window - 1] = np.nan
        wanted = np.full(len(index), True) if first is None else np.asarray(index >= first)
        strange = np.flatnonzero(wanted & (np.nan_to_num(public, nan=-1.0) >= threshold))
        return AnomalyScores(
            timestamps=index[wanted],
            scores=public[wanted],
            threshold=threshold,
            anomalies=explain(features, scored, public, strange, promise.weekly),
            warming_up=len(features.readings.last) < TRAIL,
            source=source,
            name=self.name if source is Source.NETWORK else self.baseline,
        )

    def stream(
        self, state: bytes | None = None, *, after: pd.DataFrame | None = None
    ) -> QuoteStream:
        """The network's scores one row at a time: from a packed state, after a table, or from
        nothing. Raises ArtifactMismatch for another version's state, NotEnoughData for a table
        that is too short."""
        columns = (*price_columns(self.columns), *(c for c in SIZE_COLUMNS if c in self.columns))
        detector = cast(NetworkDetector, self.detectors[Source.NETWORK])
        promise, arrays = self.promises[Source.NETWORK], None
        if state is not None:
            arrays = unpack(state)
        elif after is not None:
            if len(after) <= TRAIL:  # known before anything is computed
                raise too_short(len(after))
            features = self._features(after, after.index[-1], None)
            arrays = state_after(detector, features, promise.weekly)
        return QuoteStream(detector, promise, usual=self.usual, columns=columns, state=arrays)

    def evaluate(
        self, quotes: pd.DataFrame, *, start: dt.datetime, end: dt.datetime, source: Source
    ) -> dict[str, float | None]:
        """The metrics of the training, on another stretch."""
        prepared = trials(
            self._quotes(quotes),
            usual=self.usual,
            start=pd.Timestamp(start),
            end=pd.Timestamp(end),
        )
        return measure(self.detectors[source], prepared, self.promises[source].weekly)
