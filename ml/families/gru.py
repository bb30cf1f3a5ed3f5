"""Spread forecasts: a GRU over the last rows beside a summary of the weeks before them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ml.configs import RecurrentConfig, Sizes
from ml.registry import register
from ml.spec import ModelSpec
from ml.tasks import Task

if TYPE_CHECKING:
    from ml.networks.gru import GRUModel


def build(config: RecurrentConfig, sizes: Sizes) -> GRUModel:
    """An untrained network (see ml.networks.forecast)."""
    from ml.networks.gru import GRUModel

    return GRUModel.from_config(config, sizes)


register(
    ModelSpec(
        name="gru",
        task=Task.SPREAD,
        title="GRU spread forecaster",
        config=RecurrentConfig,
        build=build,
    )
)
