"""Serve the anomaly task: scores, and strange rows in words."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, cast

import numpy as np
import pandas as pd

from ml.anomaly.calibration import AlarmRateCalibration
from ml.anomaly.detectors import Detector, NetworkDetector, RobustZ
from ml.anomaly.features import DAY, Features
from ml.anomaly.heads import Heads
from ml.anomaly.measure import features_between, measure, trials
from ml.anomaly.readings import TRAIL, price_columns, read_columns
from ml.anomaly.residuals import Rebuilder, Standard
from ml.anomaly.stream import QuoteStream
from ml.anomaly.stream_state import state_after, too_short, unpack
from ml.anomaly.wording import explain
from ml.artifact import Artifact
from ml.configs import AnomalyConfig
from ml.errors import ArtifactMismatch, NotEnoughData
from ml.graph import Network
from ml.grid import missing_notes
from ml.networks.loading import network_of
from ml.pipeline import family_of
from ml.results import AnomalyScores
from ml.spec import ModelSpec, Source, TrainConfig

if TYPE_CHECKING:
    from torch import nn


class AnomalyServer:
    """Answers of a trained anomaly detector; nothing is written after loading."""

    def __init__(self, manifest: Mapping[str, Any], network: Network) -> None:
        """`network` is ml.networks.anomaly.Together, `manifest` the artifact's."""
        section = manifest["section"]
        self.name, self.baseline = manifest["family"], manifest["baseline"]
        self.usual, self.window = float(section["usual_minutes"]), int(manifest["window"])
        self.columns, self.features = tuple(manifest["input_columns"]), tuple(section["features"])
        standard = Standard.from_json(section["network"])
        rebuilder = Rebuilder(network, standard, self.window)
        self.detectors: dict[Source, Detector] = {
            Source.NETWORK: NetworkDetector(rebuilder, Heads.from_json(section["heads"])),
            Source.BASELINE: RobustZ(Standard.from_json(section["baseline"])),
        }
        self.calibrations = {
            Source(name): AlarmRateCalibration.from_json(body)
            for name, body in section["promises"].items()
        }

    def _quotes(self, quotes: pd.DataFrame) -> pd.DataFrame:
        """The columns of the training; more are ignored, of fewer the rest is scored. Without any
        of its prices there is nothing to score."""
        missing = self._missing(quotes)
        if set(price_columns(self.columns)) <= set(missing):
            raise ArtifactMismatch(
                "These quotes lack columns that the model was trained on.",
                {"columns": ", ".join(missing)},
            )
        return quotes.reindex(columns=list(self.columns)) if missing else quotes[[*self.columns]]

    def _missing(self, quotes: pd.DataFrame) -> list[str]:
        return [c for c in self.columns if c not in quotes.columns]

    def _features(
        self, quotes: pd.DataFrame, start: pd.Timestamp | None, end: pd.Timestamp | None
    ) -> Features:
        features = features_between(self._quotes(quotes), usual=self.usual, start=start, end=end)
        present = len(features.table)
        if present < self.window:
            problem = f"A scan needs {self.window} readings; there are {present}."
            raise NotEnoughData(problem, needed=self.window, present=present)
        return features

    def threshold_of(self, per_week: float, source: Source) -> float:
        """The public score that so many false alarms a week reach."""
        return self.calibrations[source].public_threshold(per_week)

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
        the threshold of one a week, whatever was asked for. Of columns of the training that the
        quotes lack a note tells. Raises ArtifactMismatch where all its prices are missing,
        NotEnoughData below one window of readings."""
        first = None if start is None else pd.Timestamp(start)
        features = self._features(quotes, first, None if end is None else pd.Timestamp(end))
        index, calibration = features.table.index, self.calibrations[source]
        wanted = np.full(len(index), True) if first is None else np.asarray(index >= first)
        asked = int(np.argmax(wanted)) if wanted.any() else len(index) - 1
        detector = self.detectors[source]
        scored = detector.score(features, threshold=calibration.weekly, first=asked)
        public = calibration.public(scored.total)
        public[: self.window - 1] = np.nan
        strange = np.flatnonzero(wanted & (np.nan_to_num(public, nan=-1.0) >= threshold))
        near = features.readings.rows_before(asked, DAY)
        told = (features.from_row(near), scored.from_row(near), public[near:], strange - near)
        return AnomalyScores(
            timestamps=index[wanted],
            scores=public[wanted],
            threshold=threshold,
            anomalies=explain(*told, calibration.weekly),
            warming_up=len(features.readings.last) < TRAIL,
            source=source,
            name=self.name if source is Source.NETWORK else self.baseline,
            notes=missing_notes(self._missing(quotes)),
        )

    def stream(
        self, state: bytes | None = None, *, after: pd.DataFrame | None = None
    ) -> QuoteStream:
        """The network's scores one row at a time: from a packed state, after a table, or from
        nothing. Raises ArtifactMismatch for another version's state, NotEnoughData for a table
        that is too short."""
        detector = cast(NetworkDetector, self.detectors[Source.NETWORK])
        calibration, arrays = self.calibrations[Source.NETWORK], None
        if state is not None:
            arrays = unpack(state)
        elif after is not None:
            if len(after) <= TRAIL:  # known before anything is computed
                raise too_short(len(after))
            features = self._features(after, after.index[-1], None)
            arrays = state_after(detector, features, calibration.weekly)
        columns = read_columns(self.columns)
        return QuoteStream(detector, calibration, usual=self.usual, columns=columns, state=arrays)

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
        return measure(self.detectors[source], prepared, self.calibrations[source].weekly)


def load(artifact: Artifact, device: str) -> AnomalyServer:
    """As ml.pipeline has it."""
    spec, config = family_of(artifact.manifest)
    section = artifact.manifest["section"]
    if "heads" not in section:
        raise ArtifactMismatch("This detector is of an older make; train it again.")
    shapes = ((int(artifact.manifest["window"]), len(section["features"])),)
    network = network_of(artifact, device, shapes, lambda: _built(spec, config, artifact))
    return AnomalyServer(artifact.manifest, network)


def _built(spec: ModelSpec, config: TrainConfig, artifact: Artifact) -> nn.Module:
    from ml.networks.anomaly import Together
    from ml.networks.weights import filled

    features = len(artifact.manifest["section"]["features"])
    members = cast(AnomalyConfig, config).members
    networks = [spec.build(config, features) for _ in range(members)]
    return Together(filled(networks, "{}.", artifact.tensors))
