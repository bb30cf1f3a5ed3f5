"""The network's heads and the rules together: one score per row, the rarest of all heads."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ml.anomaly.features import Features
from ml.anomaly.heads import Rules
from ml.anomaly.residuals import NetworkHeads
from ml.anomaly.scored import Scored


@dataclass(frozen=True)
class NetworkDetector:
    network: NetworkHeads
    rules: Rules

    def score(self, features: Features, *, threshold: float | None = None) -> Scored:
        """Decades of rarity per head. A maximum, not a sum: a fault shows in one or two features,
        and the many usual ones would drown it (measured in the benches)."""
        residuals = self.network.residuals(features)
        ruled = self.rules.decades(features)
        heads = np.column_stack([self.network.decades(residuals), *ruled.values()])
        margins = {}
        if threshold is not None:
            for i, name in enumerate(features.names):
                margins[name] = self.network.tails[i].inverse(threshold) * residuals.unit[:, i]
        return Scored.of(features, (*features.names, *ruled), heads, margins)
