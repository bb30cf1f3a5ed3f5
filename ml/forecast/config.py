"""What the families of forecasters are set by, and what the data decides about their shape. Knows
no torch: whoever only answers, or lists the families, needs none."""

from __future__ import annotations

from dataclasses import dataclass

from ml.spec import TrainConfig, param


@dataclass(frozen=True, kw_only=True)
class ForecastConfig(TrainConfig):
    """What every family of forecasters has; `build(config, sizes)` makes a ForecastNetwork."""

    epochs: int = param(8, low=1, high=1000, help="Most passes over the training windows.")
    learning_rate: float = param(4e-3, low=1e-6, high=1.0, help="Peak step size of AdamW.")
    window: int = param(24, low=8, high=512, help="Grid rows that the network sees.")
    members: int = param(2, low=1, high=10, help="Networks averaged, each with its own seed.")


@dataclass(frozen=True, kw_only=True)
class RecurrentConfig(ForecastConfig):
    """What the recurrent families have beside it."""

    hidden: int = param(32, low=4, high=512, help="Units of the recurrent net.")
    width: int = param(64, low=4, high=1024, help="Units per layer of the summary branch.")
    dropout: float = param(0.1, low=0.0, high=0.9, help="Share of units dropped in training.")


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
