"""A family of each task, as small as it can be: what a file of ml/families and its network say.

For tests that take a new family through everything the others go through, made known by
`ml.registered(TOYS[task])`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from ml.configs import AnomalyConfig, ForecastConfig, PatternConfig, Sizes
from ml.networks.anomaly import AnomalyNetwork
from ml.networks.forecast import ForecastNetwork, HurdleHead
from ml.networks.pattern import PatternNetwork
from ml.spec import ModelSpec, TrainConfig, param
from ml.tasks import Task

NAME = "toy"
#: What makes a training of any family short, of the parameters that a family has.
SHORT = {
    "epochs": 2,
    "batch_size": 128,
    "members": 1,
    "folds": 2,
    "steps": 10,
    "hidden": 16,
    "channels": 16,
}


class ToyForecaster(ForecastNetwork):
    """The newest row and the summaries, straight to the head."""

    def __init__(self, config: ForecastConfig, sizes: Sizes) -> None:
        super().__init__()
        self.head = HurdleHead(sizes.channels + sizes.static, sizes, 0.0)

    def forward(self, window: Tensor, static: Tensor, paths: Tensor) -> tuple[Tensor, Tensor]:
        return self.head(torch.cat([window[:, -1], static], dim=1), paths)


@dataclass(frozen=True, kw_only=True)
class ToyAnomalyConfig(AnomalyConfig):
    code: int = param(8, low=1, high=64, help="Numbers in the code of a window.")


class ToyDetector(AnomalyNetwork):
    """A linear autoencoder: principal components, learnt by descent."""

    def __init__(self, config: ToyAnomalyConfig, n_features: int) -> None:
        super().__init__()
        size = config.window * n_features
        self.layers = nn.Sequential(
            nn.Flatten(),
            nn.Linear(size, config.code),
            nn.Linear(config.code, size),
            nn.Unflatten(1, (config.window, n_features)),
        )

    def forward(self, x: Tensor) -> Tensor:
        return self.layers(x)


class ToyRecogniser(PatternNetwork):
    """Multinomial logistic regression on the newest row and the mean one."""

    embedding_size = 8

    def __init__(
        self, config: PatternConfig, n_features: int, classes: Mapping[str, int], figures: int
    ) -> None:
        super().__init__()
        self.embed = nn.Linear(2 * n_features, self.embedding_size)
        self.heads = nn.ModuleDict(
            {name: nn.Linear(self.embedding_size, n) for name, n in classes.items()}
        )
        self.figures = nn.Linear(self.embedding_size, figures)

    def embedding(self, x: Tensor) -> Tensor:
        return self.embed(torch.cat([x[:, -1], x.mean(dim=1)], dim=1))

    def answers(self, x: Tensor) -> tuple[dict[str, Tensor], Tensor]:
        embedding = self.embedding(x)
        logits = {name: head(embedding) for name, head in self.heads.items()}
        return logits, self.figures(embedding)


def _toy(task: Task, config: type[TrainConfig], build: type[nn.Module]) -> ModelSpec:
    return ModelSpec(name=NAME, task=task, title=f"Toy for {task}", config=config, build=build)


TOYS: dict[Task, ModelSpec] = {
    Task.PRICE: _toy(Task.PRICE, ForecastConfig, ToyForecaster),
    Task.SPREAD: _toy(Task.SPREAD, ForecastConfig, ToyForecaster),
    Task.ANOMALY: _toy(Task.ANOMALY, ToyAnomalyConfig, ToyDetector),
    Task.PATTERN: _toy(Task.PATTERN, PatternConfig, ToyRecogniser),
}


def short_params(spec: ModelSpec) -> dict[str, int]:
    """Those of SHORT that the family has."""
    return {k: v for k, v in SHORT.items() if k in spec.config.__dataclass_fields__}
