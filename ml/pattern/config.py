"""What the families of recognisers are set by. Knows no torch: whoever only answers needs none."""

from __future__ import annotations

from dataclasses import dataclass

from ml.spec import TrainConfig, param


@dataclass(frozen=True, kw_only=True)
class PatternConfig(TrainConfig):
    """What every family of recognisers has; `build(config, n_features, classes, figures)` makes a
    PatternNetwork: `classes` names the heads and how many classes each one has, `figures` is the
    number of statistics guessed beside them."""

    epochs: int = param(11, low=1, high=1000, help="Most passes over the training windows.")
    learning_rate: float = param(4e-3, low=1e-6, high=1.0, help="Peak step size of AdamW.")
    weight_decay: float = param(2e-2, low=0.0, high=1.0, help="Decoupled weight decay of AdamW.")
    patience: int = param(6, low=1, high=1000, help="Epochs without gain before stopping.")
    window: int = param(48, low=16, high=192, help="Grid rows that the network looks at.")
    steps: int = param(20, low=1, high=10000, help="Most optimiser steps of an epoch.")
    folds: int = param(3, low=2, high=10, help="Stretches of time that are held out in turn.")
    average: float = param(0.99, low=0.0, high=0.9999, help="Decay of the mean of the weights.")
    auxiliary: float = param(
        0.3, low=0.0, high=10.0, help="Weight of guessing the figures behind the labels."
    )
