"""What the families of each task are set by, and what the data decides about the shape of a
forecaster. Knows no torch: whoever only answers, or lists the families, needs none."""

from __future__ import annotations

from dataclasses import dataclass

from ml.spec import TrainConfig, param


@dataclass(frozen=True, kw_only=True)
class ForecastConfig(TrainConfig):
    """What every family of forecasters has; `build(config, sizes)` makes a ForecastNetwork."""

    epochs: int = param(8, low=1, high=1000, help="Most passes over the training windows.")
    learning_rate: float = param(
        4e-3, low=1e-6, high=1.0, tries=(1e-3, 2e-2), help="Peak step size of AdamW."
    )
    weight_decay: float = param(
        1e-2, low=0.0, high=1.0, tries=(1e-3, 1e-1), help="Decoupled weight decay of AdamW."
    )
    window: int = param(
        24, low=8, high=512, tries=(12, 96), help="Grid rows that the network sees."
    )
    members: int = param(2, low=1, high=10, help="Networks averaged, each with its own seed.")


@dataclass(frozen=True, kw_only=True)
class PanelConfig(ForecastConfig):
    """What every family has that learns from other markets too (`ModelSpec.panel`); its network is
    a PanelNetwork."""

    markets: int = param(19, low=0, high=100, help="Most other markets that it learns from.")
    market_windows: int = param(1000, low=50, high=20000, help="Most windows of each other market.")
    own_share: float = param(
        0.25, low=0.0, high=0.9, help="Least share of the market's own windows in what is learned."
    )


@dataclass(frozen=True, kw_only=True)
class RecurrentConfig(ForecastConfig):
    """What the recurrent families have beside it."""

    hidden: int = param(32, low=4, high=512, tries=(16, 96), help="Units of the recurrent net.")
    width: int = param(
        64, low=4, high=1024, tries=(32, 192), help="Units per layer of the summary branch."
    )
    dropout: float = param(
        0.1, low=0.0, high=0.9, tries=(0.0, 0.4), help="Share of units dropped in training."
    )


@dataclass(frozen=True, kw_only=True)
class Sizes:
    """What the data decides about a network's shape."""

    channels: int
    static: int
    paths: int
    horizons: int

    def inputs(self, window: int) -> tuple[tuple[int, ...], ...]:
        """Shapes of what a network is called with, without the batch."""
        return (window, self.channels), (self.static,), (self.horizons, self.paths)


@dataclass(frozen=True, kw_only=True)
class AnomalyConfig(TrainConfig):
    """What every family of detectors has; `build(config, n_features)` makes an AnomalyNetwork."""

    epochs: int = param(8, low=1, high=1000, help="Most passes over the training windows.")
    learning_rate: float = param(3e-3, low=1e-6, high=1.0, help="Peak step size of AdamW.")
    weight_decay: float = param(1e-3, low=0.0, high=1.0, help="Decoupled weight decay of AdamW.")
    patience: int = param(4, low=1, high=1000, help="Epochs without gain before stopping.")
    window: int = param(16, low=8, high=64, help="Readings that the network looks at.")
    members: int = param(2, low=1, high=5, help="Networks from different seeds, averaged.")


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
