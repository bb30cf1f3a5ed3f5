"""The training loop that every family shares: forward, loss, backward, clip, step, report."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import save_file
from torch import Tensor, nn
from torch.optim.swa_utils import AveragedModel

from ml.errors import Cancelled, TrainingDiverged
from ml.spec import Progress, ProgressCallback, TrainConfig, ignore_progress

#: What a training of a single network tells.
_ONE_NETWORK = Progress(stage="training")


@dataclass(kw_only=True)
class LoopResult:
    """`losses` holds (training, validation) per epoch; `best_epoch` counts from 1."""

    epochs_run: int = 0
    best_epoch: int = 0
    best_loss: float = math.inf
    losses: list[tuple[float, float]] = field(default_factory=list)

    def record(self, train: float, valid: float) -> bool:
        """Count an epoch; whether it is the best so far."""
        self.losses.append((train, valid))
        self.epochs_run += 1
        best = math.isfinite(valid) and valid < self.best_loss
        if best:
            self.best_loss, self.best_epoch = valid, self.epochs_run
        return best


class Rounds:
    """Which samples an epoch sees, in an order that depends on the config's seed only.

    An epoch has at most `most_steps` batches: of a long series every epoch sees the next part, so
    that validation is asked often enough and a training costs the same however many years there
    are. It has at least `least_steps`: a short series is passed several times.
    """

    def __init__(
        self, n_samples: int, config: TrainConfig, *, most_steps: int, least_steps: int = 1
    ) -> None:
        passes = math.ceil(least_steps * config.batch_size / n_samples)
        self.size = min(n_samples * passes, most_steps * config.batch_size)
        order = np.random.default_rng(config.seed).permutation(n_samples)
        self._order, self._start = torch.from_numpy(order), 0

    def draw(self, places: Tensor) -> Tensor:
        """(batch,) sample numbers at (batch,) places of this epoch, out of 0 .. size - 1."""
        return self._order[(self._start + places) % len(self._order)]

    def next_epoch(self) -> None:
        """Go on to the part that the next epoch sees."""
        self._start += self.size


def averaged_weights(network: nn.Module, decay: float) -> AveragedModel:
    """The exponential moving average of the weights of `network` while it learns: steadier than
    any one step's. `decay` 0 is the weights themselves.
    Learn from: Polyak and Juditsky 1992, Acceleration of stochastic approximation by averaging."""

    def move(means: Sequence[Tensor], weights: Sequence[Tensor], steps: Tensor | int) -> None:
        # The first steps are far from where the mean should be: it forgets them faster.
        keep = min(decay, int(steps) / (10 + int(steps)))
        for mean, weight in zip(means, weights, strict=True):
            mean.lerp_(weight, 1 - keep)

    averaged = AveragedModel(network, multi_avg_fn=move)
    averaged.update_parameters(network)
    return averaged


def fit_network(
    network: nn.Module,
    *,
    n_samples: int,
    batch_loss: Callable[[Tensor], Tensor],
    valid_loss: Callable[[], float],
    config: TrainConfig,
    averaged: AveragedModel | None = None,
    checkpoint: Path | None = None,
    on_progress: ProgressCallback = ignore_progress,
    told: Progress = _ONE_NETWORK,
) -> LoopResult:
    """Train `network` in place and leave it in eval mode with its best validation epoch's weights.

    `batch_loss` takes a LongTensor of sample numbers (on the CPU), in an order that depends on
    `config.seed` only, and answers the scalar loss with its graph; `valid_loss` is asked in eval
    mode without gradients. Of `averaged` the mean is judged, saved to `checkpoint` (safetensors)
    after every epoch, and kept. `told` says which network of the training this is; `on_progress`
    gets it with the epoch. Raises Cancelled where `on_progress` answers False, and
    TrainingDiverged where no epoch had a finite validation loss.
    """
    judged, told = averaged.module if averaged else network, replace(told, epochs=config.epochs)
    optimiser = _Optimiser(network, averaged, n_samples, config)
    result, best, started = LoopResult(), dict[str, Tensor](), time.perf_counter()
    while result.epochs_run < config.epochs:
        train = optimiser.pass_through(batch_loss)
        judged.eval()
        with torch.no_grad():
            valid = float(valid_loss())
        if result.record(train, valid):
            best = {k: v.detach().clone() for k, v in judged.state_dict().items()}
        if checkpoint is not None:
            _write_checkpoint(judged, checkpoint)
        _report(on_progress, told, result, time.perf_counter() - started)
        if result.epochs_run - result.best_epoch >= config.patience:
            break
    _refuse_diverged(result, config)
    network.load_state_dict(best)
    network.eval()
    return result


class _Optimiser:
    """AdamW under one cycle of learning rates (Smith and Topin 2018) over the whole training."""

    def __init__(
        self,
        network: nn.Module,
        averaged: AveragedModel | None,
        n_samples: int,
        config: TrainConfig,
    ) -> None:
        self.network, self.averaged = network, averaged
        self.n_samples, self.config = n_samples, config
        self.order = torch.Generator().manual_seed(config.seed)
        self.adam = torch.optim.AdamW(
            network.parameters(), lr=config.learning_rate, weight_decay=config.weight_decay
        )
        steps = max(1, math.ceil(n_samples / config.batch_size))
        self.schedule = torch.optim.lr_scheduler.OneCycleLR(
            self.adam,
            max_lr=config.learning_rate,
            total_steps=steps * config.epochs + 1,
            pct_start=0.3,
        )

    def pass_through(self, batch_loss: Callable[[Tensor], Tensor]) -> float:
        """One epoch; the mean training loss of its samples."""
        self.network.train()
        total, seen = 0.0, 0
        shuffled = torch.randperm(self.n_samples, generator=self.order)
        for batch in shuffled.split(self.config.batch_size):
            loss = batch_loss(batch)
            self.adam.zero_grad(set_to_none=True)
            loss.backward()
            nn.utils.clip_grad_norm_(self.network.parameters(), self.config.grad_clip)
            self.adam.step()
            self.schedule.step()
            if self.averaged is not None:
                self.averaged.update_parameters(self.network)
            total += float(loss.detach()) * len(batch)
            seen += len(batch)
        return total / max(seen, 1)


def _refuse_diverged(result: LoopResult, config: TrainConfig) -> None:
    if not result.best_epoch:
        raise TrainingDiverged(
            "No epoch gave a finite loss; try a smaller learning rate.",
            {"learning_rate": f"{config.learning_rate:g} is too large for this data"},
        )


def _write_checkpoint(network: nn.Module, path: Path) -> None:
    part = path.with_suffix(".part")
    save_file({k: v.detach().cpu().contiguous() for k, v in network.state_dict().items()}, part)
    part.replace(path)


def _report(
    on_progress: ProgressCallback, told: Progress, result: LoopResult, spent: float
) -> None:
    """Tell of the last epoch; the time left is the longest that this and the later networks may
    take."""
    done = result.epochs_run
    train, valid = result.losses[-1]
    left = told.epochs * (told.parts - told.part) - done
    progress = replace(
        told,
        epoch=done,
        train_loss=train if math.isfinite(train) else None,
        valid_loss=valid if math.isfinite(valid) else None,
        eta_seconds=spent / done * left,
    )
    if on_progress(progress) is False:
        raise Cancelled("The training was cancelled.")
