"""How the recogniser is trained: blocked folds first, then once more on everything.

Every fold's network sees what lies outside a stretch of time (with a gap as long as labels look
ahead) and answers for that stretch. From these answers, which no network gave about what it had
learned, come the temperatures, the holding and the figures that the model states about itself.
The served answer is the mean over all the networks.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
import torch
from torch import Tensor, nn

from ml.loop import LoopResult, fit_network
from ml.pattern.average import WeightMean
from ml.pattern.features import make_channels
from ml.pattern.labels import CLASSES, HALF, make_labels, make_statistics
from ml.pattern.nets import PatternConfig, PatternNetwork
from ml.pattern.recognizer import both_ways, mirror_of, predict, windows_of
from ml.pipeline import FitContext
from ml.spec import ModelSpec

#: Rows left out before the test: at least as far as a centred label looks ahead.
EMBARGO = HALF + 1
#: Rows left out on both sides of a fold: no label of one side shares a row with one of the other.
GAP = 2 * HALF + 1
#: About so many rows say after every epoch how the validation stands.
_GLANCE = 1024


@dataclass(frozen=True)
class Sample:
    """Everything of one grid that training needs; entry i of `windows` ends at row i + `at`."""

    names: tuple[str, ...]
    channels: np.ndarray  # (rows, channels)
    windows: Tensor
    mirror: Tensor
    labels: dict[str, np.ndarray]
    statistics: np.ndarray  # (rows, figures) squashed, NaN where unknown; the first is directed
    at: int

    @classmethod
    def of(cls, grid: pd.DataFrame, window: int, device: torch.device) -> Sample:
        names, channels = make_channels(grid)
        figures = make_statistics(grid, centred=True)
        # About 0 and of about the same size, so that one loss fits all of them.
        figures["agitation"] = 2 * (figures["agitation"] - 1)
        figures["shock"] = figures["shock"] - 1
        table = np.arcsinh(np.column_stack([f.to_numpy() for f in figures.values()]))
        return cls(
            names,
            channels,
            windows_of(channels, window, device),
            mirror_of(names, device),
            make_labels(grid, centred=True),
            table.astype(np.float32),
            window - 1,
        )

    def probabilities(
        self, networks: list[PatternNetwork], rows: np.ndarray, temperatures: dict[str, float]
    ) -> dict[str, np.ndarray]:
        return predict(networks, self.windows, rows - self.at, self.mirror, temperatures)


@dataclass(frozen=True)
class Trained:
    """`held_out`: head -> (rows, classes) plain probabilities of the rows in `judged`, each by the
    network that had not seen it."""

    networks: list[PatternNetwork]
    held_out: dict[str, np.ndarray]
    judged: np.ndarray
    runs: list[LoopResult]


def train(
    sample: Sample,
    learn: np.ndarray,
    spec: ModelSpec,
    config: PatternConfig,
    context: FitContext,
) -> Trained:
    """`learn` is the mask of the rows to learn from."""
    ones = dict.fromkeys(sample.labels, 1.0)
    rows = np.flatnonzero(learn)
    networks, runs, judged, parts = [], [], [], []
    for number, block in enumerate(np.array_split(rows, config.folds)):
        near = (rows >= block[0] - GAP) & (rows <= block[-1] + GAP)
        own = replace(config, seed=config.seed + number)
        network, run = _one(spec, sample, rows[~near], block, own, context, f"fold {number + 1}")
        networks.append(network)
        runs.append(run)
        judged.append(block)
        parts.append(sample.probabilities([network], block, ones))
    own = replace(config, seed=config.seed + config.folds)
    # Nothing is left to validate on: the last network learns as long as the folds' did at most.
    networks.append(_one(spec, sample, rows, rows, own, context, "all")[0])
    held_out = {head: np.concatenate([p[head] for p in parts]) for head in ones}
    return Trained(networks, held_out, np.concatenate(judged), runs)


class Rounds:
    """Which rows an epoch sees: of a long series every epoch sees the next part, so that a training
    costs the same however many years there are."""

    def __init__(self, rows: np.ndarray, config: PatternConfig) -> None:
        shuffled = np.random.default_rng(config.seed).permutation(rows)
        self.size = min(len(rows), config.steps * config.batch_size)
        self._rows, self._start = torch.from_numpy(shuffled), 0

    def draw(self, numbers: Tensor) -> Tensor:
        """The rows of the places 0 .. size - 1 of this epoch."""
        return self._rows[(self._start + numbers) % len(self._rows)]

    def go_on(self) -> None:
        self._start += self.size


def _one(
    spec: ModelSpec,
    sample: Sample,
    learn: np.ndarray,
    check: np.ndarray,
    config: PatternConfig,
    context: FitContext,
    stage: str,
) -> tuple[PatternNetwork, LoopResult]:
    """One network, from its own seed, on the rows `learn`, judged every epoch on `check`."""
    torch.manual_seed(config.seed)
    classes = {head: len(CLASSES[head]) for head in sample.labels}
    network: PatternNetwork = spec.build(
        config, len(sample.names), classes, sample.statistics.shape[1]
    )
    network.to(context.device)
    mean = WeightMean(network, config.average)
    coin = torch.Generator().manual_seed(config.seed)
    device = context.device
    truth = {h: torch.from_numpy(v).to(device) for h, v in sample.labels.items()}
    figures = torch.from_numpy(sample.statistics).to(device)
    rounds = Rounds(learn, config)
    glance = torch.from_numpy(check[:: len(check) // _GLANCE + 1])

    def batch_loss(batch: Tensor) -> Tensor:
        mean.learn()
        rows = rounds.draw(batch)
        # Half of the windows upside down: what rises could as well fall.
        turned = (torch.rand(len(rows), generator=coin) < 0.5).to(device)
        x = sample.windows[rows - sample.at]
        x = torch.where(turned[:, None, None], x * sample.mirror, x)
        wanted = {h: v[rows] for h, v in truth.items()}
        move = wanted["movement"]
        wanted["movement"] = torch.where(turned & (move >= 0), 2 - move, move)
        known = figures[rows].clone()
        known[turned, 0] *= -1
        logits, guess = network.answers(x)
        return _entropy(logits, wanted) + config.auxiliary * _distance(guess, known)

    def valid_loss() -> float:
        mean.judge()
        rounds.go_on()
        total = 0.0
        for part in glance.split(4096):
            logits = both_ways(network, sample.windows[part - sample.at], sample.mirror)
            total += float(_entropy(logits, {h: v[part] for h, v in truth.items()})) * len(part)
        return total / len(glance)

    run = fit_network(
        network,
        n_samples=rounds.size,
        batch_loss=batch_loss,
        valid_loss=valid_loss,
        config=config,
        checkpoint=context.checkpoint,
        on_progress=context.on_progress,
        stage=stage,
    )
    return network, run


def _entropy(logits: dict[str, Tensor], labels: dict[str, Tensor]) -> Tensor:
    """Sum over the heads of the mean cross-entropy of the rows that have a label."""
    losses = []
    for head, truth in labels.items():
        total = nn.functional.cross_entropy(logits[head], truth, ignore_index=-1, reduction="sum")
        losses.append(total / (truth >= 0).sum().clamp(min=1))
    return torch.stack(losses).sum()


def _distance(guess: Tensor, figures: Tensor) -> Tensor:
    """Huber loss of the figures behind the labels, summed over the known ones of a row."""
    known = torch.isfinite(figures)
    pair = [torch.where(known, values, 0.0) for values in (guess, figures)]
    return nn.functional.huber_loss(pair[0], pair[1], reduction="sum") / len(figures)
