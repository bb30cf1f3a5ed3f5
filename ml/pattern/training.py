"""How the recogniser is trained: blocked folds first, then once more on everything.

Every fold's network sees what lies outside a stretch of time (with a gap as long as labels look
ahead) and answers for that stretch. From these answers, which no network gave about what it had
learned, come the temperatures and the figures that the model states about itself. The served answer
is the mean over all the networks.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import cast

import numpy as np
import pandas as pd
import torch
from torch import Tensor, nn

from ml.configs import PatternConfig
from ml.networks.loop import LoopResult, Rounds, averaged_weights, fit_network
from ml.networks.pattern import PatternNetwork, Together, both_ways
from ml.pattern.course import HALF
from ml.pattern.features import make_channels, mirror_of
from ml.pattern.labels import CLASSES, make_labels, make_statistics
from ml.pattern.recognizer import predict
from ml.pipeline import FitContext
from ml.spec import ModelSpec, Progress

#: Rows left out before the test: at least as far as a centred label looks ahead.
EMBARGO = HALF + 1
#: Rows left out on both sides of a fold: no label of one side shares a row with one of the other.
GAP = 2 * HALF + 1
#: About so many rows say after every epoch how the validation stands.
_GLANCE = 1024
#: Windows that are judged at once.
_PART = 4096


@dataclass(frozen=True)
class TrainingGrid:
    """Everything of one grid that training needs; entry i of `windows` ends at row i + `at`."""

    names: tuple[str, ...]
    channels: np.ndarray  # (rows, channels)
    windows: Tensor  # (rows - at, window, channels)
    mirror: Tensor  # (channels,)
    labels: dict[str, np.ndarray]  # head -> (rows,) class numbers, -1 unknown
    statistics: np.ndarray  # (rows, figures) squashed, NaN where unknown; the first is directed
    at: int

    @classmethod
    def of(cls, grid: pd.DataFrame, window: int, device: torch.device) -> TrainingGrid:
        """`window` is in rows of the grid; windows and mirror are put on `device`."""
        names, channels = make_channels(grid)
        figures = make_statistics(grid, centred=True)
        # About 0 and of about the same size, so that one loss fits all of them.
        figures["agitation"] = 2 * (figures["agitation"] - 1)
        figures["shock"] = figures["shock"] - 1
        table = np.arcsinh(np.column_stack(list(figures.values())))
        return cls(
            names,
            channels,
            torch.from_numpy(channels).to(device).unfold(0, window, 1).transpose(1, 2),
            torch.from_numpy(mirror_of(names)).to(device),
            make_labels(grid, centred=True),
            table.astype(np.float32),
            window - 1,
        )

    def probabilities(
        self, networks: list[PatternNetwork], rows: np.ndarray, temperatures: dict[str, float]
    ) -> dict[str, np.ndarray]:
        """Head -> (len(rows), classes): what the networks say of those grid rows."""
        together = Together(networks, self.mirror, tuple(temperatures)).eval()

        def ask(numbers: np.ndarray) -> list[np.ndarray]:
            with torch.inference_mode():
                found = together(self.windows[torch.from_numpy(numbers)])
            return [answer.cpu().numpy() for answer in found]

        return predict(ask, rows - self.at, temperatures)[0]


@dataclass(frozen=True)
class TrainedNetworks:
    """`held_out`: head -> (rows, classes) plain probabilities of the rows in `judged`, each by the
    network that had not seen it."""

    networks: list[PatternNetwork]
    held_out: dict[str, np.ndarray]
    judged: np.ndarray
    runs: list[LoopResult]


def train(
    data: TrainingGrid,
    learn: np.ndarray,
    spec: ModelSpec,
    config: PatternConfig,
    context: FitContext,
) -> TrainedNetworks:
    """A network per fold and one of all; `learn` is the mask of the rows to learn from. Raises
    Cancelled and TrainingDiverged."""
    ones = dict.fromkeys(data.labels, 1.0)
    rows = np.flatnonzero(learn)
    networks, runs, judged, parts = [], [], [], []
    for number, block in enumerate(np.array_split(rows, config.folds)):
        near = (rows >= block[0] - GAP) & (rows <= block[-1] + GAP)
        own = replace(config, seed=config.seed + number)
        lesson = _Lesson(data, rows[~near], block, spec, own, context.device)
        runs.append(lesson.fit(own, context, Progress(stage=f"fold {number + 1}", part=number)))
        networks.append(lesson.network)
        judged.append(block)
        parts.append(data.probabilities([lesson.network], block, ones))
    own = replace(config, seed=config.seed + config.folds)
    # Nothing is left to validate on: the last network learns as long as the folds' did at most.
    lesson = _Lesson(data, rows, rows, spec, own, context.device)
    lesson.fit(own, context, Progress(stage="all", part=config.folds))
    networks.append(lesson.network)
    held_out = {head: np.concatenate([p[head] for p in parts]) for head in ones}
    return TrainedNetworks(networks, held_out, np.concatenate(judged), runs)


class _Lesson:
    """One network, made from its own seed, and its losses: on the rows `learn` it learns, on
    `check` it is judged after every epoch."""

    def __init__(
        self,
        data: TrainingGrid,
        learn: np.ndarray,
        check: np.ndarray,
        spec: ModelSpec,
        config: PatternConfig,
        device: torch.device,
    ) -> None:
        torch.manual_seed(config.seed)
        classes = {head: len(CLASSES[head]) for head in data.labels}
        figures = data.statistics.shape[1]
        self.network: PatternNetwork = spec.build(config, len(data.names), classes, figures)
        self.network.to(device)
        self.averaged = averaged_weights(self.network, config.average)
        self.data, self.auxiliary, self.device = data, config.auxiliary, device
        self.rounds = Rounds(len(learn), config, most_steps=config.steps)
        self.learn = torch.from_numpy(learn)
        self.glance = torch.from_numpy(check[:: len(check) // _GLANCE + 1])
        self.coin = torch.Generator().manual_seed(config.seed)
        self.labels = {h: torch.from_numpy(v).to(device) for h, v in data.labels.items()}
        self.statistics = torch.from_numpy(data.statistics).to(device)

    def fit(self, config: PatternConfig, context: FitContext, told: Progress) -> LoopResult:
        """Train the network in place."""
        return fit_network(
            self.network,
            n_samples=self.rounds.size,
            batch_loss=self.batch_loss,
            valid_loss=self.valid_loss,
            config=config,
            averaged=self.averaged,
            checkpoint=context.checkpoint,
            on_progress=context.on_progress,
            told=replace(told, parts=config.folds + 1),
        )

    def batch_loss(self, places: Tensor) -> Tensor:
        """The loss of a batch, half of it upside down: what rises could as well fall."""
        rows = self.learn[self.rounds.draw(places)]
        turned = (torch.rand(len(rows), generator=self.coin) < 0.5).to(self.device)
        x = self.data.windows[rows - self.data.at]
        x = torch.where(turned[:, None, None], x * self.data.mirror, x)
        wanted = {h: v[rows] for h, v in self.labels.items()}
        move = wanted["movement"]
        wanted["movement"] = torch.where(turned & (move >= 0), 2 - move, move)
        known = self.statistics[rows].clone()
        known[turned, 0] *= -1
        logits, guess = self.network.answers(x)
        return _entropy(logits, wanted) + self.auxiliary * _distance(guess, known)

    def valid_loss(self) -> float:
        """The mean loss of the averaged network on the rows of the glance."""
        self.rounds.next_epoch()
        judged, total = cast(PatternNetwork, self.averaged.module), 0.0
        for part in self.glance.split(_PART):
            logits, _ = both_ways(judged, self.data.windows[part - self.data.at], self.data.mirror)
            wanted = {h: v[part] for h, v in self.labels.items()}
            total += float(_entropy(logits, wanted)) * len(part)
        return total / len(self.glance)


def raw_points(
    networks: list[PatternNetwork], windows: Tensor, channels: np.ndarray, rows: np.ndarray
) -> np.ndarray:
    """(len(rows), numbers): the embeddings and the channels of grid rows; the windows are those
    that end at the first row of a whole one and after."""
    if not len(rows):
        numbers = sum(network.embedding_size for network in networks) + channels.shape[1]
        return np.empty((0, numbers), np.float32)
    starts = rows - (len(channels) - len(windows))
    return np.hstack([*(_embed(n, windows, starts) for n in networks), channels[rows]])


def _embed(network: PatternNetwork, windows: Tensor, starts: np.ndarray) -> np.ndarray:
    """(len(starts), embedding_size) float32: what the heads of a network look at."""
    with torch.inference_mode():
        parts = torch.from_numpy(starts).split(_PART)
        return torch.cat([network.embedding(windows[part]) for part in parts]).cpu().numpy()


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
