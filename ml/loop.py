"""The training loop that every family shares: forward, loss, backward, clip, step, report."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import torch
from safetensors.torch import save_file
from torch import Tensor, nn

from ml.errors import Cancelled, TrainingDiverged
from ml.spec import Progress, ProgressCallback, TrainConfig, ignore_progress


@dataclass(kw_only=True)
class LoopResult:
    """`losses` holds (training, validation) per epoch; `best_epoch` counts from 1."""

    epochs_run: int = 0
    best_epoch: int = 0
    best_loss: float = math.inf
    losses: list[tuple[float, float]] = field(default_factory=list)


def fit_network(
    network: nn.Module,
    *,
    n_samples: int,
    batch_loss: Callable[[Tensor], Tensor],
    valid_loss: Callable[[], float],
    config: TrainConfig,
    checkpoint: Path | None = None,
    on_progress: ProgressCallback = ignore_progress,
    stage: str = "training",
    one_cycle: bool = True,
) -> LoopResult:
    """Train `network` in place and leave it with the weights of its best validation epoch.

    `batch_loss` takes a LongTensor of sample numbers (on the CPU) and returns the scalar loss with
    its graph; `valid_loss` returns the loss on the validation stretch (called in eval mode, without
    gradients). The order of samples depends on `config.seed` only. After every epoch the weights
    are written to `checkpoint` (safetensors) and `on_progress` is told; if it answers False,
    Cancelled is raised. Raises TrainingDiverged when no epoch gave a finite validation loss.
    """
    order = torch.Generator().manual_seed(config.seed)
    optimiser = torch.optim.AdamW(
        network.parameters(), lr=config.learning_rate, weight_decay=config.weight_decay
    )
    steps = max(1, math.ceil(n_samples / config.batch_size))
    schedule = (
        torch.optim.lr_scheduler.OneCycleLR(
            optimiser,
            max_lr=config.learning_rate,
            total_steps=steps * config.epochs + 1,
            pct_start=0.3,
        )
        if one_cycle
        else None
    )
    result = LoopResult()
    best: dict[str, Tensor] = {}
    started = time.perf_counter()
    for epoch in range(1, config.epochs + 1):
        network.train()
        total, seen = 0.0, 0
        for batch in torch.randperm(n_samples, generator=order).split(config.batch_size):
            loss = batch_loss(batch)
            optimiser.zero_grad(set_to_none=True)
            loss.backward()
            nn.utils.clip_grad_norm_(network.parameters(), config.grad_clip)
            optimiser.step()
            if schedule is not None:
                schedule.step()
            total += float(loss.detach()) * len(batch)
            seen += len(batch)
        network.eval()
        with torch.no_grad():
            valid = float(valid_loss())
        train = total / max(seen, 1)
        result.losses.append((train, valid))
        result.epochs_run = epoch
        if math.isfinite(valid) and valid < result.best_loss:
            result.best_loss, result.best_epoch = valid, epoch
            best = {k: v.detach().clone() for k, v in network.state_dict().items()}
        if checkpoint is not None:
            _write_checkpoint(network, checkpoint)
        _report(on_progress, stage, epoch, config.epochs, train, valid, started)
        if epoch - result.best_epoch >= config.patience:
            break
    if not best:
        raise TrainingDiverged(
            "No epoch gave a finite loss; try a smaller learning rate.",
            {"learning_rate": f"{config.learning_rate:g} is too large for this data"},
        )
    network.load_state_dict(best)
    network.eval()
    return result


def _write_checkpoint(network: nn.Module, path: Path) -> None:
    part = path.with_suffix(".part")
    save_file({k: v.detach().cpu().contiguous() for k, v in network.state_dict().items()}, part)
    part.replace(path)


def _report(
    on_progress: ProgressCallback,
    stage: str,
    epoch: int,
    epochs: int,
    train: float,
    valid: float,
    started: float,
) -> None:
    spent = time.perf_counter() - started
    progress = Progress(
        stage=stage,
        epoch=epoch,
        epochs=epochs,
        train_loss=train if math.isfinite(train) else None,
        valid_loss=valid if math.isfinite(valid) else None,
        eta_seconds=spent / epoch * (epochs - epoch),
    )
    if on_progress(progress) is False:
        raise Cancelled("The training was cancelled.")
