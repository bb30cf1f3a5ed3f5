"""The network's residuals and the rules together: one score per row, the rarest of all heads."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ml.anomaly.features import Features
from ml.anomaly.heads import Heads
from ml.anomaly.residuals import Rebuilder
from ml.anomaly.scored import Scored
from ml.anomaly.stats import budget


@dataclass(frozen=True)
class NetworkDetector:
    network: Rebuilder
    heads: Heads

    def score(self, features: Features, *, threshold: float | None = None) -> Scored:
        """Decades of rarity per head. A maximum, not a sum: a fault shows in one or two features,
        and the many usual ones would drown it (measured in the benches)."""
        residuals = self.network.residuals(features)
        measured = self.heads.measure(features, residuals)
        found = self.heads.held(features, self.heads.decades(features, measured))
        margins = {}
        if threshold is not None:
            scale = self.network.standard.scale
            for i, name in enumerate(features.names):
                far = self.heads.tails[name].inverse(threshold / budget(name))
                margins[name] = far * measured.unit[:, i] * scale[i]
        return Scored.of(tuple(found), np.column_stack(list(found.values())), margins)
