"""Price and spread forecasts by one network for many markets: it learns from windows of other
markets beside the own ones, and tells the markets apart by an embedding. It is trained for one of
them and answers for that one.

Learn from: Montero-Manso and Hyndman 2021, "Principles and algorithms for forecasting groups of
time series: Locality and globality"; Salinas, Flunkert, Gasthaus, Januschowski 2020, "DeepAR:
Probabilistic forecasting with autoregressive recurrent networks", for the embedding.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from ml.configs import PanelConfig, RecurrentConfig, Sizes
from ml.registry import register
from ml.spec import ModelSpec, param
from ml.tasks import Task

if TYPE_CHECKING:
    from ml.networks.panel import PanelModel

#: The recurrent nets of the families that learn a market alone.
CELLS = {Task.PRICE: "LSTM", Task.SPREAD: "GRU"}


@dataclass(frozen=True, kw_only=True)
class RecurrentPanelConfig(PanelConfig, RecurrentConfig):
    """What the family has beside the shared parameters."""

    embedding: int = param(4, low=1, high=64, help="Numbers that a market is known by.")


def build(config: RecurrentPanelConfig, sizes: Sizes, *, cell: str) -> PanelModel:
    """An untrained network (see ml.networks.forecast)."""
    from torch import nn

    from ml.networks.panel import PanelModel

    return PanelModel(
        sizes,
        cell=getattr(nn, cell),
        markets=1 + config.markets,
        embedding=config.embedding,
        hidden=config.hidden,
        width=config.width,
        dropout=config.dropout,
    )


for task, cell in CELLS.items():
    register(
        ModelSpec(
            name="panel",
            task=task,
            title=f"{task.capitalize()} forecaster of many markets",
            config=RecurrentPanelConfig,
            build=partial(build, cell=cell),
            panel=True,
        )
    )
