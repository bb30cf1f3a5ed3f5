"""Price and spread forecasts without a recurrent net: a linear layer each for the trend of the last
rows and for what it leaves, beside the summaries of the weeks before them.

Learn from: Zeng, Chen, Zhang, Xu 2023, "Are Transformers Effective for Time Series Forecasting?"
(DLinear). Their moving average looks both ways inside the window; this one looks back only.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from ml.configs import ForecastConfig, Sizes
from ml.registry import register
from ml.spec import ModelSpec, param
from ml.tasks import Task

if TYPE_CHECKING:
    from ml.networks.dlinear import DLinearModel


@dataclass(frozen=True, kw_only=True)
class DLinearConfig(ForecastConfig):
    """What the family has beside the shared parameters."""

    window: int = param(
        48, low=8, high=512, tries=(24, 96), help="Grid rows that the network sees."
    )
    trend: int = param(
        12, low=1, high=512, tries=(4, 24), help="Rows of the mean that is the trend."
    )
    width: int = param(8, low=1, high=256, tries=(4, 32), help="Numbers that a channel becomes.")
    dropout: float = param(
        0.1, low=0.0, high=0.9, tries=(0.0, 0.4), help="Share of units dropped in training."
    )


def build(config: DLinearConfig, sizes: Sizes) -> DLinearModel:
    """An untrained network (see ml.networks.forecast)."""
    from ml.networks.dlinear import DLinearModel

    return DLinearModel(
        sizes,
        window=config.window,
        trend=config.trend,
        width=config.width,
        dropout=config.dropout,
    )


for task in (Task.PRICE, Task.SPREAD):
    register(
        ModelSpec(
            name="dlinear",
            task=task,
            title=f"Decomposed linear {task} forecaster",
            config=DLinearConfig,
            build=build,
        )
    )
