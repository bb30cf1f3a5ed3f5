"""What the families of detectors are set by. Knows no torch: whoever only answers needs none."""

from __future__ import annotations

from dataclasses import dataclass

from ml.spec import TrainConfig, param


@dataclass(frozen=True, kw_only=True)
class AnomalyConfig(TrainConfig):
    """What every family of detectors has; `build(config, n_features)` makes an AnomalyNetwork."""

    epochs: int = param(8, low=1, high=1000, help="Most passes over the training windows.")
    learning_rate: float = param(3e-3, low=1e-6, high=1.0, help="Peak step size of AdamW.")
    weight_decay: float = param(1e-3, low=0.0, high=1.0, help="Decoupled weight decay of AdamW.")
    patience: int = param(4, low=1, high=1000, help="Epochs without gain before stopping.")
    window: int = param(16, low=8, high=64, help="Readings that the network looks at.")
    members: int = param(2, low=1, high=5, help="Networks from different seeds, averaged.")
